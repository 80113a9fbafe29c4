//! Codes of two-factor sign-in: those of an authenticator (TOTP, RFC 6238) and those for when it is lost.

use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::desk::Millis;
use crate::desk::signed_token::{decode_hex, hmac_hex};

/// How long a code is shown, in milliseconds.
pub const STEP: Millis = 30_000;
/// Bytes of a secret: as many as SHA-1 gives (RFC 4226, section 4).
const SECRET_BYTES: usize = 20;
/// How many steps a clock may be off.
const DRIFT: i64 = 1;
/// How many codes there are for when the authenticator is lost.
pub const RECOVERY_CODES: usize = 10;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret that a person's authenticator and the desk share.
pub struct TotpSecret(Vec<u8>);

impl TotpSecret {
    /// The secret of a person. It is derived from a secret of the desk, so the database holds the salt only, which is of
    /// no use to anybody else.
    pub fn derive(key: &str, user_id: i64, salt: &str) -> TotpSecret {
        let user = user_id.to_string();
        let digits = hmac_hex(key, &["two-factor secret", &user, salt], SECRET_BYTES);
        TotpSecret(decode_hex(&digits).unwrap_or_default())
    }

    /// The secret in base 32 (RFC 4648), as authenticators take it.
    pub fn to_base32(&self) -> String {
        base32(&self.0)
    }

    /// The `otpauth` URI that authenticators read from a QR code.
    pub fn to_uri(&self, issuer: &str, account: &str) -> String {
        let [issuer, account] = [issuer, account].map(percent_encode);
        format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
            self.to_base32()
        )
    }

    /// The step of the code, if it is one of this moment, or of the steps beside it, and later than the last code that
    /// was taken. Takes the same time for every code.
    pub fn find_step(&self, code: &str, last_step: i64, now: Millis) -> Option<i64> {
        let current = now.div_euclid(STEP);
        let mut found = None;
        for step in current.saturating_sub(DRIFT)..=current.saturating_add(DRIFT) {
            if is_equal(&self.code(step), code) && step > last_step {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step.
    fn code(&self, step: i64) -> String {
        format!("{:06}", self.truncated(step) % 1_000_000)
    }

    /// HOTP's number before it is cut to digits (RFC 4226, section 5.3).
    fn truncated(&self, step: i64) -> u32 {
        // HMAC accepts keys of any length.
        let Ok(mac) = Hmac::<Sha1>::new_from_slice(&self.0) else {
            return 0;
        };
        let hash = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
        let offset = usize::from(hash.last().copied().unwrap_or_default() & 15);
        let four = hash.iter().skip(offset).take(4);
        four.fold(0, |number: u32, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff
    }
}

/// Whether two texts are equal, in a time that only depends on their lengths.
fn is_equal(a: &str, b: &str) -> bool {
    let differences = a.bytes().zip(b.bytes()).map(|(a, b)| a ^ b);
    a.len() == b.len() && differences.fold(0, |all, bits| all | bits) == 0
}

fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn base32(bytes: &[u8]) -> String {
    let groups = bytes.chunks(5).flat_map(|group| {
        let number = (0..5).fold(0_u64, |number, at| {
            (number << 8) | u64::from(group.get(at).copied().unwrap_or_default())
        });
        let digits = group.len().saturating_mul(8).div_ceil(5);
        (0..digits).map(move |at| (number >> 35_usize.saturating_sub(at.saturating_mul(5))) & 31)
    });
    let digit = |at: u64| usize::try_from(at).ok().and_then(|at| BASE32.get(at)).copied();
    groups.filter_map(digit).map(char::from).collect()
}

/// The text of a recovery code with these random bytes: sixteen digits of base 32 in two groups.
pub fn format_recovery_code(random: &[u8; 10]) -> String {
    let text = base32(random).to_ascii_lowercase();
    let (head, tail) = text.split_at_checked(8).unwrap_or_default();
    format!("{head}-{tail}")
}

/// A recovery code as it was typed, in the form in which it is hashed; `None` if it has not the form of one.
pub fn normalize_recovery_code(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    (code.len() == 16 && code.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(code)
}

/// A code of an authenticator as it was typed, without blanks; `None` if it has not the form of one.
pub fn normalize_code(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    (code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, for SHA-1: eight digits there, of which ours are the last six.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = TotpSecret(b"12345678901234567890".to_vec());
        for (seconds, want) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(secret.truncated(seconds / 30) % 100_000_000, want, "{seconds}");
            let code = format!("{:06}", want % 1_000_000);
            assert_eq!(secret.find_step(&code, 0, seconds * 1_000), Some(seconds / 30));
        }
        // RFC 4226, appendix D.
        let codes: Vec<String> = (0..3).map(|step| secret.code(step)).collect();
        assert_eq!(codes, ["755224", "287082", "359152"]);
    }

    #[test]
    fn a_code_is_good_for_a_step_on_either_side_and_once() {
        let secret = TotpSecret(b"12345678901234567890".to_vec());
        let now = 100 * STEP + 7;
        for (step, last, want) in [
            (98, 0, None),
            (99, 0, Some(99)),
            (100, 0, Some(100)),
            (101, 0, Some(101)),
            (102, 0, None),
            (100, 99, Some(100)),
            (100, 100, None),
            (99, 100, None),
            (101, 100, Some(101)),
        ] {
            assert_eq!(
                secret.find_step(&secret.code(step), last, now),
                want,
                "{step} after {last}"
            );
        }
        for wrong in ["", "00000", "0000000", "abcdef"] {
            assert_eq!(secret.find_step(wrong, 0, now), None);
        }
    }

    #[test]
    fn secrets_are_derived_and_shown_in_base_32() {
        let secret = TotpSecret::derive("pepper", 7, "salt");
        assert_eq!(secret.0.len(), SECRET_BYTES);
        assert_eq!(secret.to_base32().len(), 32);
        for (key, user, salt) in [
            ("papper", 7, "salt"),
            ("pepper", 8, "salt"),
            ("pepper", 7, "solt"),
        ] {
            assert_ne!(secret.0, TotpSecret::derive(key, user, salt).0);
        }
        // RFC 4648, section 10, without padding.
        for (text, want) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(text.as_bytes()), want);
        }
        let uri = TotpSecret(b"12345678901234567890".to_vec()).to_uri("Edgedesk", "a b@example.org");
        assert_eq!(
            uri,
            "otpauth://totp/Edgedesk:a%20b%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Edgedesk&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = format_recovery_code(&[0xff; 10]);
        assert_eq!(code, "77777777-77777777");
        for typed in [code.as_str(), " 7777 7777 7777 7777 ", "7777777777777777"] {
            assert_eq!(
                normalize_recovery_code(typed).as_deref(),
                Some("7777777777777777")
            );
        }
        assert_eq!(
            normalize_recovery_code("ABCDEFGH-ABCDEFGH").as_deref(),
            Some("abcdefghabcdefgh")
        );
        for wrong in ["", "123456", "77777777-7777777", "éééééééé"] {
            assert_eq!(normalize_recovery_code(wrong), None, "{wrong}");
        }
        assert_eq!(normalize_code(" 123 456 ").as_deref(), Some("123456"));
        for wrong in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(normalize_code(wrong), None, "{wrong}");
        }
    }
}
