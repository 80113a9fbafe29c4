//! Access and refresh tokens: JSON Web Tokens by `jwt-compact`.

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::DateTime;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims as JwtClaims, Header, Renamed, UntrustedToken};
use serde::{Deserialize, Serialize};

use crate::desk::Millis;
use crate::desk::person::Role;
use crate::edge::config::values::Values;
use crate::edge::ids;
use crate::edge::rsa::signer::Signer;
use crate::edge::rsa::{self, RS256};

const ISSUER: &str = "edgedesk";
const AUDIENCE: &str = "edgedesk";
/// How far ahead of ours the clock of another isolate may be, milliseconds.
const AHEAD: Millis = 60_000;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    Access,
    Refresh,
}

/// What a token says of its bearer. Only a hint: the database has the last word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    pub user_id: i64,
    pub role: Role,
    /// The session's row.
    pub session_id: i64,
    /// `users.ver` when the token was made.
    pub ver: i64,
    pub jti: String,
    /// Seconds since 1970.
    pub expires: i64,
}

#[derive(Serialize, Deserialize)]
struct Body {
    iss: String,
    aud: String,
    sub: String,
    role: String,
    sid: i64,
    ver: i64,
    jti: String,
    typ: Use,
}

/// A key that verifies, of one algorithm and no other.
enum Key {
    Hs256 { kid: String, key: Hs256Key },
    Rs256(Box<rsa::Public>),
}

/// The ring of keys: one signs, all verify.
pub struct Keys {
    current: Key,
    previous: Vec<Key>,
    /// Where the current key is RS256.
    signer: Option<Signer>,
}

impl Keys {
    /// Reads the ring. `JWT_PRIVATE_KEY` signs by RS256; without it `JWT_SECRET` (or `JWT_SECRET_KEY`, or
    /// `SECRET_KEY`) signs by HS256. `JWT_PUBLIC_KEYS_PREVIOUS` and `JWT_SECRET_PREVIOUS` only verify, while a
    /// new key is rolled out.
    ///
    /// # Errors
    /// What is missing, in words for the operator.
    pub fn read(values: &impl Values) -> Result<Keys, String> {
        let (current, signer, algorithm) = match values.value("JWT_PRIVATE_KEY") {
            Some(text) => {
                let (public, signer) = rsa::private(&text).map_err(|why| format!("JWT_PRIVATE_KEY {why}"))?;
                (Key::Rs256(Box::new(public)), Some(signer), "RS256")
            }
            None => (Key::hs256(&secret(values)?), None, "HS256"),
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
            previous.push(Key::hs256(&secret));
        }
        if let Some(text) = values.value("JWT_PUBLIC_KEYS_PREVIOUS") {
            let keys = rsa::publics(&text).map_err(|why| format!("JWT_PUBLIC_KEYS_PREVIOUS {why}"))?;
            previous.extend(keys.into_iter().map(Box::new).map(Key::Rs256));
        }
        Ok(Keys {
            current,
            previous,
            signer,
        })
    }

    /// Signs a token that lives from `now` for `seconds`.
    ///
    /// # Errors
    /// When WebCrypto does not sign, in its own words for the log.
    pub async fn sign(&self, usage: Use, claims: &Claims, now: Millis) -> Result<String, String> {
        let body = Body {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.user_id.to_string(),
            role: claims.role.word().to_owned(),
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
            (Key::Hs256 { key, .. }, _) => Hs256.token(&header, &jwt, key).map_err(|error| error.to_string()),
            (Key::Rs256(_), None) => Err("there is no private key".to_owned()),
            (Key::Rs256(_), Some(signer)) => {
                // The crate writes header and claims; the signature that it puts behind them, by no secret at
                // all, gives way to that of WebCrypto.
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

    /// Reads a token. `None` for anything but an unexpired token of ours, of the right use, under a key of the
    /// ring; why is nobody's business.
    pub fn verify(&self, token: &str, usage: Use, now: Millis) -> Option<Claims> {
        // Longer than any token of ours: not worth decoding.
        if token.len() > 4_096 {
            return None;
        }
        let untrusted = UntrustedToken::new(token).ok()?;
        let kid = untrusted.header().key_id.as_deref()?;
        let key = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.kid() == kid)?;
        let token = match key {
            Key::Hs256 { key, .. } => Hs256.validator::<Body>(key).validate(&untrusted),
            Key::Rs256(public) => RS256.validator::<Body>(&public.key).validate(&untrusted),
        }
        .ok()?;
        let expires = token.claims().expiration?.timestamp();
        let issued = token.claims().issued_at?.timestamp_millis();
        if expires.saturating_mul(1_000) <= now || issued > now.saturating_add(AHEAD) {
            return None;
        }
        let body = &token.claims().custom;
        if body.typ != usage || body.iss != ISSUER || body.aud != AUDIENCE {
            return None;
        }
        Some(Claims {
            user_id: body.sub.parse().ok()?,
            role: Role::parse(&body.role)?,
            session_id: body.sid,
            ver: body.ver,
            jti: body.jti.clone(),
            expires,
        })
    }

    /// The public keys, as a JSON Web Key Set (RFC 7517). Empty while tokens are signed with a shared secret.
    pub fn jwks(&self) -> String {
        let keys: Vec<serde_json::Value> = std::iter::once(&self.current)
            .chain(&self.previous)
            .filter_map(|key| match key {
                Key::Hs256 { .. } => None,
                Key::Rs256(public) => Some(public.jwk()),
            })
            .collect();
        serde_json::json!({ "keys": keys }).to_string()
    }
}

/// The shared secret, under one of its names.
fn secret(values: &impl Values) -> Result<String, String> {
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

impl Key {
    fn hs256(secret: &str) -> Key {
        use hmac::{Hmac, Mac};
        let mark = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes())
            .map(|mac| {
                mac.chain_update(b"edgedesk key id")
                    .finalize()
                    .into_bytes()
                    .to_vec()
            })
            .unwrap_or_default();
        Key::Hs256 {
            kid: ids::hex(mark.get(..4).unwrap_or_default()),
            key: Hs256Key::new(secret.as_bytes()),
        }
    }

    fn kid(&self) -> &str {
        match self {
            Key::Hs256 { kid, .. } => kid,
            Key::Rs256(public) => &public.kid,
        }
    }
}

#[cfg(test)]
mod tests;
