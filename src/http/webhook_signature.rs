//! Signs webhooks (HMAC-SHA-256) as Standard Webhooks specifies, so that endpoints can check where a request comes
//! from.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, Mac};

const SECRET_PREFIX: &str = "whsec_";

/// What a signature covers.
#[derive(Clone, Copy, Debug)]
pub struct SignedContent<'a> {
    /// `webhook-id`: the same for all attempts of a delivery.
    pub id: &'a str,
    /// `webhook-timestamp`: when the attempt was made, in seconds since 1970.
    pub seconds: i64,
    pub body: &'a str,
}

/// Formats a secret: `whsec_` and the base64 of the bytes.
pub fn format_secret(bytes: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", Base64::encode_string(bytes))
}

/// Whether a secret chosen by an admin is acceptable: `whsec_` and the base64 of 24 to 64 bytes.
pub fn is_valid_secret(text: &str) -> bool {
    decode_secret(text).is_some_and(|key| (24..=64).contains(&key.len()))
}

fn decode_secret(secret: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(secret.strip_prefix(SECRET_PREFIX)?).ok()
}

/// The `webhook-signature` header: one signature per valid secret, separated by spaces.
pub fn sign(secrets: &[&str], signed: &SignedContent) -> String {
    let one = |secret: &&str| {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&decode_secret(secret)?).ok()?;
        mac.update(format!("{}.{}.", signed.id, signed.seconds).as_bytes());
        mac.update(signed.body.as_bytes());
        Some(format!(
            "v1,{}",
            Base64::encode_string(&mac.finalize().into_bytes())
        ))
    };
    let all: Vec<String> = secrets.iter().filter_map(one).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNED: SignedContent = SignedContent {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        seconds: 1_614_265_330,
        body: "{\"test\": 2432232314}",
    };
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_example_comes_out() {
        assert_eq!(sign(&[SECRET], &SIGNED), SIGNATURE);
        let other = format_secret(&[7; 32]);
        let both = sign(&[&other, SECRET], &SIGNED);
        let parts: Vec<&str> = both.split(' ').collect();
        assert_eq!((parts.len(), parts[1]), (2, SIGNATURE));
        assert_ne!(parts[0], SIGNATURE);
    }

    #[test]
    fn secrets_are_long_enough() {
        for (length, want) in [
            (0, false),
            (23, false),
            (24, true),
            (32, true),
            (64, true),
            (65, false),
        ] {
            assert_eq!(
                is_valid_secret(&format_secret(&vec![1; length])),
                want,
                "{length}"
            );
        }
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_not base64 at all!!!!!!!!!!!!!",
        ] {
            assert!(!is_valid_secret(text), "{text}");
        }
        assert!(is_valid_secret(SECRET));
    }
}
