//! Signs and verifies with WebCrypto. Outside of a Worker there is none, so native builds can do neither.

#[cfg(target_family = "wasm")]
pub use with::CryptoKey;
#[cfg(not(target_family = "wasm"))]
pub use without::CryptoKey;

/// What a key is made from.
pub enum KeyData {
    /// Verifies: modulus and exponent as in a JSON Web Key (base64url).
    Public { modulus: String, exponent: String },
    /// Signs: PKCS#8 as DER.
    Private(Vec<u8>),
}

#[cfg(target_family = "wasm")]
mod with {
    use std::cell::RefCell;

    use js_sys::{Promise, Uint8Array};
    use wasm_bindgen::prelude::*;
    use worker::wasm_bindgen_futures::JsFuture;

    use crate::edge::auth::rsa::webcrypto::KeyData;

    #[wasm_bindgen(inline_js = r#"
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

// `bytes` are views of WebAssembly's memory, which will be used for other things: they are copied.
export async function importPublic(n, e) {
  return crypto.subtle.importKey('jwk', { kty: 'RSA', n, e }, RSA, false, ['verify'])
}
export async function importPrivate(bytes) {
  return crypto.subtle.importKey('pkcs8', bytes.slice(), RSA, false, ['sign'])
}
export async function sign(key, bytes) {
  return crypto.subtle.sign(RSA.name, key, bytes.slice())
}
export async function verify(key, signature, bytes) {
  return crypto.subtle.verify(RSA.name, key, signature.slice(), bytes.slice())
}
"#)]
    extern "C" {
        #[wasm_bindgen(js_name = importPublic)]
        fn import_public(n: &str, e: &str) -> Promise;
        #[wasm_bindgen(js_name = importPrivate)]
        fn import_private(der: &[u8]) -> Promise;
        #[wasm_bindgen(js_name = sign)]
        fn sign(key: &JsValue, message: &[u8]) -> Promise;
        #[wasm_bindgen(js_name = verify)]
        fn verify(key: &JsValue, signature: &[u8], message: &[u8]) -> Promise;
    }

    /// A key, imported when it is first used.
    pub struct CryptoKey {
        data: KeyData,
        /// Unlike I/O objects, a key can be used in later requests.
        imported: RefCell<Option<JsValue>>,
    }

    impl CryptoKey {
        /// A key that is not imported yet.
        pub fn new(data: KeyData) -> CryptoKey {
            CryptoKey {
                data,
                imported: RefCell::new(None),
            }
        }

        /// The RS256 signature of a message.
        ///
        /// # Errors
        /// WebCrypto's error, to be logged.
        pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
            let key = self.import().await?;
            let signature = settle(sign(&key, message)).await?;
            Ok(Uint8Array::new(&signature).to_vec())
        }

        /// Whether this is the RS256 signature of a message.
        ///
        /// # Errors
        /// WebCrypto's error, to be logged. A signature of the wrong length is none: it is wrong.
        pub async fn verify(&self, message: &[u8], signature: &[u8]) -> Result<bool, String> {
            let key = self.import().await?;
            let right = settle(verify(&key, signature, message)).await?;
            Ok(right.is_truthy())
        }

        async fn import(&self) -> Result<JsValue, String> {
            let known = self.imported.borrow().clone();
            if let Some(key) = known {
                return Ok(key);
            }
            let key = settle(match &self.data {
                KeyData::Public { modulus, exponent } => import_public(modulus, exponent),
                KeyData::Private(der) => import_private(der),
            })
            .await?;
            self.imported.replace(Some(key.clone()));
            Ok(key)
        }
    }

    async fn settle(promise: Promise) -> Result<JsValue, String> {
        let settled = JsFuture::from(promise).await;
        settled.map_err(|error| format!("WebCrypto: {}", worker::Error::from(error)))
    }
}

#[cfg(not(target_family = "wasm"))]
mod without {
    use crate::edge::auth::rsa::webcrypto::KeyData;

    const MISSING: &str = "RS256 needs WebCrypto, which only a Worker has";

    /// A key that cannot be used here.
    pub struct CryptoKey;

    impl CryptoKey {
        /// A key that cannot be used here.
        pub fn new(_: KeyData) -> CryptoKey {
            CryptoKey
        }

        /// Signs nothing.
        ///
        /// # Errors
        /// Always.
        pub async fn sign(&self, _: &[u8]) -> Result<Vec<u8>, String> {
            Err(MISSING.to_owned())
        }

        /// Verifies nothing.
        ///
        /// # Errors
        /// Always.
        pub async fn verify(&self, _: &[u8], _: &[u8]) -> Result<bool, String> {
            Err(MISSING.to_owned())
        }
    }
}
