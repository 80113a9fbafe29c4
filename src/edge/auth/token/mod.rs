//! Access and refresh tokens: JSON Web Tokens, made with `jwt-compact`, and for RS256 with WebCrypto.

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::DateTime;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims as JwtClaims, Header, Renamed, UntrustedToken};
use serde::{Deserialize, Serialize};

use crate::desk::Millis;
use crate::desk::access::api_key::{Credential, KeyGrant};
use crate::desk::person::Role;
use crate::edge::auth::rsa;
use crate::edge::auth::rsa::webcrypto::CryptoKey;
use crate::edge::config::values::ConfigSource;
use crate::edge::{ids, log};

const ISSUER: &str = "edgedesk";
const AUDIENCE: &str = "edgedesk";
/// How far the clock of another isolate may be ahead, in milliseconds.
const MAX_CLOCK_SKEW: Millis = 60_000;

/// What a token is accepted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenUse {
    Access,
    Refresh,
}

/// What a token claims about its bearer. Only a hint: the database is authoritative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    pub user_id: i64,
    pub role: Role,
    /// The id of the session's row; of an API key, its own id below zero.
    pub session_id: i64,
    /// `users.ver` at the time of signing.
    pub ver: i64,
    pub jti: String,
    /// In seconds since 1970.
    pub expires: i64,
    /// The API key, where it is no token: there is no session then.
    pub api_key: Option<KeyGrant>,
}

impl Claims {
    /// What the caller's authority rests on.
    pub fn credential(&self) -> Credential {
        match self.api_key {
            Some(key) => Credential::ApiKey(key.id),
            None => Credential::Session(self.session_id),
        }
    }

    /// Under which key the rate limit counts requests.
    pub fn limit_key(&self) -> String {
        match self.api_key {
            Some(key) => format!("k{}", key.id),
            None => format!("u{}", self.user_id),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    sub: String,
    role: String,
    sid: i64,
    ver: i64,
    jti: String,
    typ: TokenUse,
}

/// A key together with its algorithm: it accepts no other one.
enum VerificationKey {
    Hs256 { kid: String, key: Hs256Key },
    Rs256(Box<rsa::VerifyingKey>),
}

/// The keys: one signs, all verify.
pub struct KeyRing {
    current: VerificationKey,
    previous: Vec<VerificationKey>,
    /// Only if the current key is RS256.
    signer: Option<CryptoKey>,
}

impl KeyRing {
    /// Reads the keys. `JWT_PRIVATE_KEY` signs with RS256; without it `JWT_SECRET` (or `JWT_SECRET_KEY`, or
    /// `SECRET_KEY`) signs with HS256. `JWT_PUBLIC_KEYS_PREVIOUS` and `JWT_SECRET_PREVIOUS` only verify: they keep old
    /// tokens valid while a new key is introduced.
    ///
    /// # Errors
    /// What is missing, as a message for the operator.
    pub fn parse(values: &impl ConfigSource) -> Result<KeyRing, String> {
        let (current, signer, algorithm) = match values.value("JWT_PRIVATE_KEY") {
            Some(text) => {
                let (public, signer) =
                    rsa::parse_private_key(&text).map_err(|why| format!("JWT_PRIVATE_KEY {why}"))?;
                (VerificationKey::Rs256(Box::new(public)), Some(signer), "RS256")
            }
            None => (VerificationKey::hs256(&read_secret(values)?), None, "HS256"),
        };
        if let Some(wanted) = values.value("ALGORITHM").filter(|wanted| wanted != algorithm) {
            return Err(format!(
                "ALGORITHM is {wanted}, but the configured key is one for {algorithm} \
                 (JWT_PRIVATE_KEY is for RS256, JWT_SECRET for HS256)"
            ));
        }
        let mut previous = Vec::new();
        if let Some(secret) = values.value("JWT_SECRET_PREVIOUS") {
            if secret.len() < 32 {
                return Err("JWT_SECRET_PREVIOUS is shorter than 32 bytes".to_owned());
            }
            previous.push(VerificationKey::hs256(&secret));
        }
        if let Some(text) = values.value("JWT_PUBLIC_KEYS_PREVIOUS") {
            let keys =
                rsa::parse_public_keys(&text).map_err(|why| format!("JWT_PUBLIC_KEYS_PREVIOUS {why}"))?;
            previous.extend(keys.into_iter().map(Box::new).map(VerificationKey::Rs256));
        }
        Ok(KeyRing {
            current,
            previous,
            signer,
        })
    }

    /// Signs a token that is valid for `seconds` from `now`.
    ///
    /// # Errors
    /// When WebCrypto fails: its error, to be logged.
    pub async fn sign(&self, usage: TokenUse, claims: &Claims, now: Millis) -> Result<String, String> {
        let body = Payload {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.user_id.to_string(),
            role: claims.role.as_str().to_owned(),
            sid: claims.session_id,
            ver: claims.ver,
            jti: claims.jti.clone(),
            typ: usage,
        };
        let mut jwt = JwtClaims::new(body);
        jwt.issued_at = DateTime::from_timestamp(now.div_euclid(1_000), 0);
        jwt.expiration = DateTime::from_timestamp(claims.expires, 0);
        let header = Header::empty()
            .with_token_type("JWT")
            .with_key_id(self.current.kid());
        match (&self.current, &self.signer) {
            (VerificationKey::Hs256 { key, .. }, _) => {
                Hs256.token(&header, &jwt, key).map_err(|error| error.to_string())
            }
            (VerificationKey::Rs256(_), None) => Err("there is no private key".to_owned()),
            (VerificationKey::Rs256(_), Some(signer)) => {
                // `jwt-compact` encodes header and claims and adds a signature with an empty secret, which is then
                // replaced by the signature from WebCrypto.
                let text = Renamed::new(Hs256, "RS256")
                    .token(&header, &jwt, &Hs256Key::new(b""))
                    .map_err(|error| error.to_string())?;
                let (message, _) = text.rsplit_once('.').unwrap_or_default();
                let signature = signer.sign(message.as_bytes()).await?;
                Ok(format!(
                    "{message}.{}",
                    Base64UrlUnpadded::encode_string(&signature)
                ))
            }
        }
    }

    /// Verifies a token. `None` unless it is unexpired, for this use and signed by a key in the ring. The reason is not
    /// reported, on purpose: it would help only an attacker.
    pub async fn verify(&self, token: &str, usage: TokenUse, now: Millis) -> Option<Claims> {
        // Longer than any token that we sign, so it is not worth decoding.
        if token.len() > 4_096 {
            return None;
        }
        let untrusted = UntrustedToken::new(token).ok()?;
        let kid = untrusted.header().key_id.as_deref()?;
        let key = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.kid() == kid)?;
        let payload = match key {
            VerificationKey::Hs256 { key, .. } => {
                let validated = Hs256.validator::<Payload>(key).validate(&untrusted);
                validated.ok()?.into_parts().1
            }
            VerificationKey::Rs256(public) => {
                if untrusted.algorithm() != "RS256" {
                    return None;
                }
                let (message, _) = token.rsplit_once('.')?;
                let verified = public
                    .key
                    .verify(message.as_bytes(), untrusted.signature_bytes())
                    .await;
                match verified {
                    Ok(true) => untrusted.deserialize_claims_unchecked::<Payload>().ok()?,
                    Ok(false) => return None,
                    Err(message) => {
                        log::error(&format!("a token was not verified: {message}"));
                        return None;
                    }
                }
            }
        };
        // Our tokens are good at once, so nobody's clock excuses one that is not good yet.
        if payload.not_before.is_some_and(|at| at.timestamp_millis() > now) {
            return None;
        }
        let expires = payload.expiration?.timestamp();
        let issued = payload.issued_at?.timestamp_millis();
        if expires.saturating_mul(1_000) <= now || issued > now.saturating_add(MAX_CLOCK_SKEW) {
            return None;
        }
        let body = payload.custom;
        if body.typ != usage || body.iss != ISSUER || body.aud != AUDIENCE {
            return None;
        }
        Some(Claims {
            user_id: body.sub.parse().ok()?,
            role: Role::parse(&body.role)?,
            session_id: body.sid,
            ver: body.ver,
            jti: body.jti,
            expires,
            api_key: None,
        })
    }

    /// The public keys as a JSON Web Key Set (RFC 7517). Empty while tokens are signed with a shared secret.
    pub fn jwks(&self) -> String {
        let keys: Vec<serde_json::Value> = std::iter::once(&self.current)
            .chain(&self.previous)
            .filter_map(|key| match key {
                VerificationKey::Hs256 { .. } => None,
                VerificationKey::Rs256(public) => Some(public.jwk()),
            })
            .collect();
        serde_json::json!({ "keys": keys }).to_string()
    }
}

/// The shared secret, under any of its names.
fn read_secret(values: &impl ConfigSource) -> Result<String, String> {
    ["JWT_SECRET", "JWT_SECRET_KEY", "SECRET_KEY"]
        .iter()
        .find_map(|name| values.value(name))
        .filter(|secret| secret.len() >= 32)
        .ok_or_else(|| {
            "JWT_SECRET is not set, or shorter than 32 bytes: `wrangler secret put JWT_SECRET` \
             (locally: .dev.vars, which `npm start` writes), or set JWT_PRIVATE_KEY to sign by RS256"
                .to_owned()
        })
}

impl VerificationKey {
    fn hs256(secret: &str) -> VerificationKey {
        use hmac::{Hmac, Mac};
        let fingerprint = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes())
            .map(|mac| {
                mac.chain_update(b"edgedesk key id")
                    .finalize()
                    .into_bytes()
                    .to_vec()
            })
            .unwrap_or_default();
        VerificationKey::Hs256 {
            kid: ids::hex(fingerprint.get(..4).unwrap_or_default()),
            key: Hs256Key::new(secret.as_bytes()),
        }
    }

    fn kid(&self) -> &str {
        match self {
            VerificationKey::Hs256 { kid, .. } => kid,
            VerificationKey::Rs256(public) => &public.kid,
        }
    }
}

#[cfg(test)]
mod tests;
