//! RS256 keys: parsed from PEM, verified by `jwt-compact`, signed by WebCrypto.
//!
//! Signing with the crate takes a hundred times as long as with WebCrypto, while verifying is cheap in both. Native
//! builds have no WebCrypto, so they sign with the crate.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use jwt_compact::alg::{Rsa, RsaPublicKey, StrongAlg, StrongKey};
use jwt_compact::jwk::JsonWebKey;
use rsa::pkcs8::{DecodePublicKey, PrivateKeyInfo};
use sha2::Sha256;

use crate::edge::auth::rsa::signer::RsaSigner;

/// The algorithm. It refuses keys shorter than 2,048 bits.
pub const RS256: StrongAlg<Rsa> = StrongAlg(Rsa::rs256());

/// A public key of the key ring.
pub struct VerifyingKey {
    /// The beginning of its thumbprint (RFC 7638).
    pub kid: String,
    pub key: StrongKey<RsaPublicKey>,
    jwk: JsonWebKey<'static>,
}

impl VerifyingKey {
    fn new(key: RsaPublicKey) -> Result<VerifyingKey, String> {
        let jwk = match JsonWebKey::from(&key) {
            JsonWebKey::Rsa {
                modulus,
                public_exponent,
                ..
            } => JsonWebKey::Rsa {
                modulus: modulus.into_owned().into(),
                public_exponent: public_exponent.into_owned().into(),
                private_parts: None,
            },
            _ => return Err("holds no RSA key".to_owned()),
        };
        let kid = Base64UrlUnpadded::encode_string(&jwk.thumbprint::<Sha256>())
            .chars()
            .take(16)
            .collect();
        let key =
            StrongKey::try_from(key).map_err(|_| "must be a key of 2048, 3072 or 4096 bits".to_owned())?;
        Ok(VerifyingKey { kid, key, jwk })
    }

    /// The key as a JSON Web Key (RFC 7517).
    pub fn jwk(&self) -> serde_json::Value {
        let mut jwk = serde_json::to_value(&self.jwk).unwrap_or_default();
        if let Some(map) = jwk.as_object_mut() {
            for (name, value) in [("use", "sig"), ("alg", "RS256"), ("kid", &self.kid)] {
                map.insert(name.to_owned(), value.into());
            }
        }
        jwk
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
            let key = RsaPublicKey::from_public_key_der(&der).map_err(|_| "holds a key that is not RSA")?;
            VerifyingKey::new(key)
        })
        .collect()
}

/// Parses a private key: PKCS#8 in PEM, unencrypted.
///
/// # Errors
/// What is wrong, as a message that follows the variable's name. It contains nothing of the key.
pub fn parse_private_key(text: &str) -> Result<(VerifyingKey, RsaSigner), String> {
    let der = match parse_pem(text, "PRIVATE KEY").into_iter().next() {
        Some(der) => der.ok_or("is not base64 between its PEM lines")?,
        None => {
            return Err("holds no PEM block `BEGIN PRIVATE KEY` (PKCS#8): make one by \
                `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`"
                .to_owned());
        }
    };
    let parts = PrivateKeyInfo::try_from(der.as_slice())
        .ok()
        .filter(|info| info.algorithm.oid == rsa::pkcs1::ALGORITHM_OID)
        .ok_or("holds a key that is not RSA")?;
    let parts =
        rsa::pkcs1::RsaPrivateKey::try_from(parts.private_key).map_err(|_| "holds a broken RSA key")?;
    let jwk = JsonWebKey::Rsa {
        modulus: parts.modulus.as_bytes().to_vec().into(),
        public_exponent: parts.public_exponent.as_bytes().to_vec().into(),
        private_parts: None,
    };
    let public = VerifyingKey::new(RsaPublicKey::try_from(&jwk).map_err(|_| "holds a broken RSA key")?)?;
    Ok((public, RsaSigner::new(der)))
}

/// The contents of every PEM block with this label; `None` where one is not base64. Variables often hold a PEM on one
/// line, with `
/// ` for line ends.
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

#[cfg(target_family = "wasm")]
pub mod signer {
    use std::cell::RefCell;

    use js_sys::{Array, JsString, Object, Promise, Reflect, Uint8Array};
    use wasm_bindgen::prelude::*;
    use worker::wasm_bindgen_futures::JsFuture;

    const NAME: &str = "RSASSA-PKCS1-v1_5";

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
        fn import_key(
            format: &str,
            data: &Uint8Array,
            algorithm: &Object,
            extractable: bool,
            usages: &Array,
        ) -> Result<Promise, JsValue>;
        #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = sign, catch)]
        fn sign(algorithm: &str, key: &JsValue, data: &Uint8Array) -> Result<Promise, JsValue>;
    }

    /// A private key in WebCrypto.
    pub struct RsaSigner {
        der: Vec<u8>,
        /// Imported at the first signature. Unlike I/O objects, a key can be used in later requests.
        key: RefCell<Option<JsValue>>,
    }

    impl RsaSigner {
        pub(super) fn new(der: Vec<u8>) -> RsaSigner {
            RsaSigner {
                der,
                key: RefCell::new(None),
            }
        }

        /// The RS256 signature of a message.
        ///
        /// # Errors
        /// WebCrypto's error, to be logged.
        pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
            let key = self.key().await.map_err(error_text)?;
            let promise = sign(NAME, &key, &Uint8Array::from(message)).map_err(error_text)?;
            let signature = JsFuture::from(promise).await.map_err(error_text)?;
            Ok(Uint8Array::new(&signature).to_vec())
        }

        async fn key(&self) -> Result<JsValue, JsValue> {
            let known = self.key.borrow().clone();
            if let Some(key) = known {
                return Ok(key);
            }
            let algorithm = Object::new();
            Reflect::set(&algorithm, &"name".into(), &NAME.into())?;
            Reflect::set(&algorithm, &"hash".into(), &"SHA-256".into())?;
            let usages = Array::of1(&JsString::from("sign"));
            let data = Uint8Array::from(self.der.as_slice());
            let key = JsFuture::from(import_key("pkcs8", &data, &algorithm, false, &usages)?).await?;
            self.key.replace(Some(key.clone()));
            Ok(key)
        }
    }

    fn error_text(error: JsValue) -> String {
        format!("WebCrypto: {error:?}")
    }
}

#[cfg(not(target_family = "wasm"))]
pub mod signer {
    use jwt_compact::Algorithm;
    use jwt_compact::AlgorithmSignature;
    use jwt_compact::alg::RsaPrivateKey;
    use rsa::pkcs8::DecodePrivateKey;

    /// A private key in the crate.
    pub struct RsaSigner {
        der: Vec<u8>,
    }

    impl RsaSigner {
        pub(super) fn new(der: Vec<u8>) -> RsaSigner {
            RsaSigner { der }
        }

        /// The RS256 signature of a message.
        ///
        /// # Errors
        /// When the key is invalid.
        pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
            let key = RsaPrivateKey::from_pkcs8_der(&self.der).map_err(|error| error.to_string())?;
            Ok(crate::edge::auth::rsa::RS256
                .0
                .sign(&key, message)
                .as_bytes()
                .into_owned())
        }
    }
}
