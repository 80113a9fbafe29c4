//! Random ids and secrets, and hashes.

use std::cell::RefCell;

use crate::desk::{Millis, signed_token};

/// Fills `N` bytes from the platform's secure generator.
///
/// # Errors
/// When the platform has no randomness, which Workers never report inside a request.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("no randomness: {error}"))?;
    Ok(bytes)
}

/// Random bytes for later use: each fetch is a call into JavaScript, so many are fetched at once.
struct RandomPool {
    bytes: [u8; 1_000],
    used: usize,
}

thread_local! {
    static POOL: RefCell<RandomPool> = const { RefCell::new(RandomPool { bytes: [0; 1_000], used: 1_000 }) };
}

/// Ten bytes from the pool; each is used only once.
fn take_ten() -> Result<[u8; 10], String> {
    POOL.with_borrow_mut(|pool| {
        if pool.used >= pool.bytes.len() {
            getrandom::fill(&mut pool.bytes).map_err(|error| format!("no randomness: {error}"))?;
            pool.used = 0;
        }
        let mut out = [0; 10];
        for (to, from) in out.iter_mut().zip(pool.bytes.iter_mut().skip(pool.used)) {
            *to = std::mem::take(from);
        }
        pool.used = pool.used.saturating_add(out.len());
        Ok(out)
    })
}

/// A UUIDv7 (RFC 9562): sorts by time, and has 74 random bits.
///
/// # Errors
/// As [`random_bytes`].
pub fn new_uid(now: Millis) -> Result<String, String> {
    let bytes = take_ten()?;
    let millis = u64::try_from(now).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bytes)
        .into_uuid()
        .to_string())
}

/// The beginning of a uid whose last twelve digits will be the id of its row: the moment and 26 bits of chance.
///
/// # Errors
/// As [`random_bytes`].
pub fn uid_head(now: Millis) -> Result<String, String> {
    let mut uid = new_uid(now)?;
    uid.truncate(24);
    Ok(uid)
}

/// A secret of 32 random bytes, as 64 hexadecimal digits.
///
/// # Errors
/// As [`random_bytes`].
pub fn new_secret() -> Result<String, String> {
    Ok(hex(&random_bytes::<32>()?))
}

/// The hash of a one-time token, as stored: lower-case hexadecimal SHA-256 of its text.
pub fn hash_token(token: &str) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(token.as_bytes()))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// SHA-256 as 64 hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(bytes))
}

/// An HMAC-SHA-256, truncated to 128 bits, as 32 hexadecimal digits: without the key it reveals nothing of the text.
pub fn hmac_hex(key: &str, text: &str) -> String {
    signed_token::hmac_hex(key, &[text], 16)
}
