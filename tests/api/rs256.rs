//! Tokens that others can verify: RS256, its key set, and the way there from a shared secret.

use jwt_compact::alg::{Rsa, RsaPrivateKey, RsaPublicKey};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{Algorithm, AlgorithmExt, AlgorithmSignature, UntrustedToken};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rsa::rand_core::OsRng;

use crate::support::{Anon, Caller, Customer, Value, Worker, forge, json};

/// A private key, and it as an operator sets it: PEM on one line.
fn key() -> (RsaPrivateKey, String) {
    let key = RsaPrivateKey::new(&mut OsRng, 2_048).unwrap();
    let line = pem("PRIVATE KEY", key.to_pkcs8_der().unwrap().as_bytes()).replace('\n', "\\n");
    (key, line)
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    let text = Base64::encode_string(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// The published keys as anybody reads them.
fn published(worker: &Worker) -> Vec<Value> {
    let answer = Anon::on(worker)
        .ask("GET", "/.well-known/jwks.json")
        .at_root()
        .send();
    answer.is(200).json()["keys"].as_array().unwrap().clone()
}

#[test]
fn others_verify_what_the_desk_signs() {
    let (private, line) = key();
    let worker = Worker::start(&[
        ("JWT_PRIVATE_KEY", &line),
        ("ALGORITHM", "RS256"),
        ("JWT_SECRET", ""),
    ]);
    let customer = Customer::on(&worker);
    customer.get("/auth/verify-token").is(200);

    let keys = published(&worker);
    assert_eq!(keys.len(), 1);
    let (header, claims) = forge::open(&customer.access);
    assert_eq!(
        (&header["alg"], &header["kid"]),
        (&json!("RS256"), &keys[0]["kid"])
    );
    let jwk: JsonWebKey = serde_json::from_value(json!({
        "kty": keys[0]["kty"], "n": keys[0]["n"], "e": keys[0]["e"],
    }))
    .unwrap();
    let public = RsaPublicKey::try_from(&jwk).unwrap();
    let token = UntrustedToken::new(&customer.access).unwrap();
    assert!(Rsa::rs256().validator::<Value>(&public).validate(&token).is_ok());

    // The forge can make a good one, so what follows is refused for its key or its algorithm.
    let signed = |key: &RsaPrivateKey, header: &Value| {
        let encode = |value: &Value| forge::encode(value.to_string().as_bytes());
        let message = format!("{}.{}", encode(header), encode(&claims));
        let signature = Rsa::rs256().sign(key, message.as_bytes());
        format!("{message}.{}", forge::encode(&signature.as_bytes()))
    };
    let refused = |what: &str, token: &str| {
        let answer = customer.with_token(token).get("/auth/verify-token");
        assert_eq!(answer.status(), 401, "{what}");
    };
    customer
        .with_token(&signed(&private, &header))
        .get("/auth/verify-token")
        .is(200);
    let der = private.to_public_key().to_public_key_der().unwrap();
    let as_hs256 = json!({"alg": "HS256", "typ": "JWT", "kid": header["kid"]});
    let text = pem("PUBLIC KEY", der.as_bytes());
    for secret in [text.as_bytes(), text.trim().as_bytes(), der.as_bytes(), b""] {
        refused(
            "the public key as a secret",
            &forge::hs256(&as_hs256, &claims, secret),
        );
        refused("and under its own name", &forge::hs256(&header, &claims, secret));
    }
    let unsigned = json!({"alg": "none", "typ": "JWT", "kid": header["kid"]});
    let token = forge::hs256(&unsigned, &claims, b"");
    refused("no algorithm", &format!("{}.", token.rsplit_once('.').unwrap().0));
    refused("somebody else's key", &signed(&key().0, &header));
    refused(
        "another kid",
        &signed(&private, &json!({"alg": "RS256", "kid": "other"})),
    );
}

#[test]
fn sessions_outlive_a_change_of_keys() {
    let worker = Worker::start(&[]);
    assert_eq!(published(&worker), Vec::<Value>::new());
    let secret = worker.var("JWT_SECRET").to_owned();
    let old = Customer::on(&worker).access.clone();
    let at = |worker: &Worker, token: &str| {
        Caller::nobody(&worker.host)
            .with_token(token)
            .get("/auth/me")
            .status()
    };

    // From a secret to a key: the secret goes on verifying under its other name, and no longer than it has that.
    let (first, line) = key();
    let moved = [
        ("JWT_PRIVATE_KEY", line.as_str()),
        ("JWT_SECRET", ""),
        ("JWT_SECRET_PREVIOUS", &secret),
    ];
    let worker = worker.pause().with(&moved).resume();
    assert_eq!(at(&worker, &old), 200);
    let by_first = Customer::on(&worker).access.clone();

    // From a key to the next one.
    let public = pem(
        "PUBLIC KEY",
        first.to_public_key().to_public_key_der().unwrap().as_bytes(),
    );
    let line = key().1;
    let moved = [
        ("JWT_PRIVATE_KEY", line.as_str()),
        ("JWT_SECRET_PREVIOUS", ""),
        ("JWT_PUBLIC_KEYS_PREVIOUS", &public),
    ];
    let worker = worker.pause().with(&moved).resume();
    assert_eq!((at(&worker, &old), at(&worker, &by_first)), (401, 200));
    assert_eq!(published(&worker).len(), 2);
    Customer::on(&worker).get("/auth/me").is(200);
}
