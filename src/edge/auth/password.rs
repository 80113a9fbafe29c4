//! Password hashes: Argon2id with a pepper.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::edge::ids;

/// OWASP's first recommendation for Argon2id: 19 MiB, two iterations, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

fn hasher(pepper: &str) -> Result<Argon2<'_>, String> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).map_err(|error| error.to_string())?;
    Argon2::new_with_secret(pepper.as_bytes(), Algorithm::Argon2id, Version::V0x13, params)
        .map_err(|error| error.to_string())
}

/// Hashes a password, exactly as received, into a PHC string. Takes about 50 ms of CPU.
///
/// # Errors
/// When randomness or memory is not available.
pub fn hash(password: &str, pepper: &str) -> Result<String, String> {
    let salt = ids::random_bytes::<16>()?;
    let hash = hasher(pepper)?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether the password matches the hash. Takes as long as [`hash`] even without a hash, so that response times do not
/// tell an unknown account from a wrong password.
///
/// # Errors
/// As [`hash`].
pub fn verify(password: &str, hash: Option<&str>, pepper: &str) -> Result<bool, String> {
    let Some(hash) = hash else {
        let mut out = [0u8; 32];
        hasher(pepper)?
            .hash_password_into(password.as_bytes(), b"no such account.", &mut out)
            .map_err(|error| error.to_string())?;
        return Ok(false);
    };
    Ok(hasher(pepper)?.verify_password(password.as_bytes(), hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_and_pepper_match() {
        let pepper = "a pepper of at least 32 characters";
        let stored = hash("correct horse", pepper).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        for (password, pepper, want) in [
            ("correct horse", pepper, true),
            ("correct horse ", pepper, false),
            ("correct horse", "another", false),
        ] {
            assert_eq!(verify(password, Some(&stored), pepper), Ok(want));
        }
        assert_eq!(verify("correct horse", None, pepper), Ok(false));
        assert_eq!(verify("x", Some("not a hash"), pepper), Ok(false));
    }
}
