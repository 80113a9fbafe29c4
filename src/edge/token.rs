//! Access and refresh tokens: JSON Web Tokens by `jwt-compact`.

use chrono::{DateTime, Duration};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims as JwtClaims, Header, TimeOptions, UntrustedToken};
use serde::{Deserialize, Serialize};

use super::config::Values;
use super::ids;
use crate::desk::Millis;
use crate::desk::person::Role;

const ISSUER: &str = "edgedesk";
const AUDIENCE: &str = "edgedesk";

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

struct HsKey {
    kid: String,
    key: Hs256Key,
}

/// The ring of keys: one signs, all verify.
pub struct Keys {
    signing: HsKey,
    previous: Option<HsKey>,
}

impl Keys {
    /// Reads the ring: `JWT_SECRET` (or `JWT_SECRET_KEY`, or `SECRET_KEY`), and `JWT_SECRET_PREVIOUS`, whose
    /// tokens are still taken while a new secret is rolled out.
    ///
    /// # Errors
    /// What is missing, in words for the operator.
    pub fn read(values: &impl Values) -> Result<Keys, String> {
        if let Some(algorithm) = values.value("ALGORITHM").filter(|algorithm| algorithm != "HS256") {
            return Err(format!(
                "ALGORITHM is {algorithm}, but the configured key is one for HS256"
            ));
        }
        let secret = ["JWT_SECRET", "JWT_SECRET_KEY", "SECRET_KEY"]
            .iter()
            .find_map(|name| values.value(name));
        let secret = secret.filter(|secret| secret.len() >= 32).ok_or(
            "JWT_SECRET is not set, or shorter than 32 bytes: `wrangler secret put JWT_SECRET` \
             (locally: .dev.vars, which `npm start` writes)",
        )?;
        let previous = values.value("JWT_SECRET_PREVIOUS");
        if previous.as_ref().is_some_and(|secret| secret.len() < 32) {
            return Err("JWT_SECRET_PREVIOUS is shorter than 32 bytes".to_owned());
        }
        Ok(Keys {
            signing: HsKey::new(&secret),
            previous: previous.as_deref().map(HsKey::new),
        })
    }

    /// Signs a token that lives from `now` for `seconds`.
    ///
    /// # Errors
    /// When the claims cannot be written, which does not happen with these types.
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
            .with_key_id(&self.signing.kid);
        Hs256
            .token(&header, &jwt, &self.signing.key)
            .map_err(|error| error.to_string())
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
        let key = [Some(&self.signing), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|key| key.kid == kid)?;
        let token = Hs256.validator::<Body>(&key.key).validate(&untrusted).ok()?;
        let moment = DateTime::from_timestamp_millis(now)?;
        let time = TimeOptions::new(Duration::zero(), || moment);
        token.claims().validate_expiration(&time).ok()?;
        let expires = token.claims().expiration?.timestamp();
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
        r#"{"keys":[]}"#.to_owned()
    }
}

impl HsKey {
    fn new(secret: &str) -> HsKey {
        use hmac::{Hmac, Mac};
        let mark = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes())
            .map(|mac| {
                mac.chain_update(b"edgedesk key id")
                    .finalize()
                    .into_bytes()
                    .to_vec()
            })
            .unwrap_or_default();
        let kid = ids::hex(mark.get(..4).unwrap_or_default());
        HsKey {
            kid,
            key: Hs256Key::new(secret.as_bytes()),
        }
    }
}
