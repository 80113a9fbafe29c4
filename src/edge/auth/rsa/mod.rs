//! RS256 keys: parsed from PEM, used by WebCrypto.
//!
//! A library for RSA weighs 60 KB (gzip) and takes a hundred times as long to sign.

pub mod der;
pub mod webcrypto;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::edge::auth::rsa::der::{DerError, PublicNumbers};
use crate::edge::auth::rsa::webcrypto::{CryptoKey, KeyData};

/// The lengths of keys that are accepted, in bits.
const KEY_BITS: [usize; 3] = [2_048, 3_072, 4_096];

/// A public key of the key ring.
pub struct VerifyingKey {
    /// The beginning of its thumbprint (RFC 7638).
    pub kid: String,
    pub key: CryptoKey,
    /// Modulus and exponent in base64url.
    numbers: [String; 2],
}

impl VerifyingKey {
    fn new(numbers: &PublicNumbers) -> Result<VerifyingKey, String> {
        if !KEY_BITS.contains(&numbers.bits()) {
            return Err("must be a key of 2048, 3072 or 4096 bits".to_owned());
        }
        if !numbers.are_plausible() {
            return Err(message(DerError::Broken));
        }
        let [modulus, exponent] =
            [&numbers.modulus, &numbers.exponent].map(|number| Base64UrlUnpadded::encode_string(number));
        // The members of a thumbprint, in the order that RFC 7638 prescribes.
        let members = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let thumbprint = Base64UrlUnpadded::encode_string(&Sha256::digest(members.as_bytes()));
        Ok(VerifyingKey {
            kid: thumbprint.chars().take(16).collect(),
            numbers: [modulus.clone(), exponent.clone()],
            key: CryptoKey::new(KeyData::Public { modulus, exponent }),
        })
    }

    /// The key as a JSON Web Key (RFC 7517).
    pub fn jwk(&self) -> Value {
        let [n, e] = &self.numbers;
        json!({"kty": "RSA", "n": n, "e": e, "use": "sig", "alg": "RS256", "kid": self.kid})
    }
}

/// Parses public keys: any number of PEM blocks.
///
/// # Errors
/// What is wrong, as a message that follows the variable's name.
pub fn parse_public_keys(text: &str) -> Result<Vec<VerifyingKey>, String> {
    let blocks = parse_pem(text, "PUBLIC KEY");
    if blocks.is_empty() {
        return Err("holds no PEM block `BEGIN PUBLIC KEY`".to_owned());
    }
    blocks
        .into_iter()
        .map(|der| {
            let der = der.ok_or("is not base64 between its PEM lines")?;
            VerifyingKey::new(&der::parse_public(&der).map_err(message)?)
        })
        .collect()
}

/// Parses a private key: PKCS#8 in PEM, unencrypted. The second key signs.
///
/// # Errors
/// What is wrong, as a message that follows the variable's name. It contains nothing of the key.
pub fn parse_private_key(text: &str) -> Result<(VerifyingKey, CryptoKey), String> {
    let der = match parse_pem(text, "PRIVATE KEY").into_iter().next() {
        Some(der) => der.ok_or("is not base64 between its PEM lines")?,
        None => {
            return Err("holds no PEM block `BEGIN PRIVATE KEY` (PKCS#8): make one by \
                `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`"
                .to_owned());
        }
    };
    let public = VerifyingKey::new(&der::parse_private(&der).map_err(message)?)?;
    Ok((public, CryptoKey::new(KeyData::Private(der))))
}

fn message(error: DerError) -> String {
    match error {
        DerError::NotRsa => "holds a key that is not RSA",
        DerError::Broken => "holds a broken RSA key",
    }
    .to_owned()
}

/// The contents of every PEM block with this label; `None` where one is not base64. Variables often hold a PEM on one
/// line, with `\n` for line ends.
fn parse_pem(text: &str, label: &str) -> Vec<Option<Vec<u8>>> {
    let text = text.replace("\\n", "\n");
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    text.split(&begin)
        .skip(1)
        .map(|rest| {
            let body = rest.split_once(&end)?.0;
            let base64: String = body.chars().filter(|c| !c.is_whitespace()).collect();
            Base64::decode_vec(&base64).ok()
        })
        .collect()
}
