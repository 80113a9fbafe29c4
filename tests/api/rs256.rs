//! Tokens that others can verify: RS256, its key set, and the way there from a shared secret.

use std::sync::OnceLock;

use jwt_compact::alg::{Rsa, RsaPublicKey};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{AlgorithmExt, UntrustedToken};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPrivateKey};
use sha2::{Digest, Sha256};

use crate::support::{Anon, Caller, Customer, Value, Worker, forge, json};

/// A private key, as an operator has it and as somebody who has stolen it.
struct Key(RsaPrivateKey);

impl Key {
    fn new(bits: usize) -> Key {
        Key(RsaPrivateKey::new(&mut OsRng, bits).unwrap())
    }

    /// The private key as PEM on one line.
    fn private(&self) -> String {
        pem("PRIVATE KEY", self.0.to_pkcs8_der().unwrap().as_bytes()).replace('\n', "\\n")
    }

    fn public(&self) -> String {
        pem("PUBLIC KEY", &self.der())
    }

    fn der(&self) -> Vec<u8> {
        let der = self.0.to_public_key().to_public_key_der().unwrap();
        der.as_bytes().to_vec()
    }

    /// The signature of RS256.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        // The prefix of a SHA-256 digest in PKCS#1 (RFC 8017, section 9.2).
        let prefix = [
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
            0x00, 0x04, 0x20,
        ];
        let digest = [&prefix[..], &Sha256::digest(message)].concat();
        self.0.sign(Pkcs1v15Sign::new_unprefixed(), &digest).unwrap()
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        forge::signed(header, claims, |message| self.sign(message))
    }
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

/// A server that signs by a key, and the key.
fn desk() -> &'static (Worker, Key) {
    static DESK: OnceLock<(Worker, Key)> = OnceLock::new();
    DESK.get_or_init(|| {
        let key = Key::new(2_048);
        let worker = Worker::start(&[
            ("JWT_PRIVATE_KEY", &key.private()),
            ("ALGORITHM", "RS256"),
            ("JWT_SECRET", ""),
        ]);
        (worker, key)
    })
}

#[test]
fn others_verify_what_the_desk_signs() {
    let (worker, _) = desk();
    let customer = Customer::on(worker);
    customer.get("/auth/verify-token").is(200);
    let refreshed = customer.post("/auth/refresh", json!({"refresh_token": customer.refresh}));
    assert_ne!(refreshed.is(200).json()["access_token"], customer.access);

    let keys = published(worker);
    assert_eq!(keys.len(), 1);
    let (header, _) = forge::open(&customer.access);
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
    // The kid begins the thumbprint as a library computes it.
    let thumbprint = forge::encode(&jwk.thumbprint::<Sha256>());
    assert_eq!(keys[0]["kid"], thumbprint[..16]);
}

#[test]
fn a_public_key_is_for_one_algorithm() {
    let (worker, key) = desk();
    let customer = Customer::on(worker);
    let (header, claims) = forge::open(&customer.access);
    // The forge can make a good one, so what follows is refused for its key or its algorithm.
    let by = |token: &str| customer.with_token(token).get("/auth/verify-token").status();
    assert_eq!(by(&key.token(&header, &claims)), 200);
    let kid = &header["kid"];
    for alg in ["HS256", "RS256", "HS512"] {
        let header = json!({"alg": alg, "typ": "JWT", "kid": kid});
        let text = key.public();
        for secret in [text.as_bytes(), text.trim().as_bytes(), &key.der(), b""] {
            let token = forge::hs256(&header, &claims, secret);
            assert_eq!(by(&token), 401, "the public key as a secret of {alg}");
        }
    }
    for header in [
        json!({"alg": "none", "typ": "JWT", "kid": kid}),
        json!({"alg": "HS256", "typ": "JWT", "kid": kid}),
        json!({"alg": "RS384", "typ": "JWT", "kid": kid}),
        json!({"alg": "RS512", "typ": "JWT", "kid": kid}),
        json!({"alg": "PS256", "typ": "JWT", "kid": kid}),
        json!({"alg": "rs256", "typ": "JWT", "kid": kid}),
        json!({"typ": "JWT", "kid": kid}),
        json!({"alg": "RS256", "typ": "JWT"}),
        json!({"alg": "RS256", "kid": "other"}),
        json!({"alg": "RS256", "kid": [kid]}),
    ] {
        assert_eq!(by(&key.token(&header, &claims)), 401, "{header}");
    }
    let other = Key::new(2_048);
    assert_eq!(by(&other.token(&header, &claims)), 401, "somebody else's key");
}

#[test]
fn a_signature_has_one_form() {
    let (worker, key) = desk();
    let customer = Customer::on(worker);
    let (header, claims) = forge::open(&customer.access);
    let by = |sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let token = forge::signed(&header, &claims, sign);
        customer.with_token(&token).get("/auth/verify-token").status()
    };
    assert_eq!(by(&|message| key.sign(message)), 200);
    let changed = |change: fn(&mut Vec<u8>)| {
        by(&|message| {
            let mut signature = key.sign(message);
            change(&mut signature);
            signature
        })
    };
    assert_eq!(changed(Vec::clear), 401, "none");
    assert_eq!(changed(|it| it.truncate(255)), 401, "one byte less");
    assert_eq!(changed(|it| it.push(0)), 401, "one byte more");
    assert_eq!(changed(|it| it.insert(0, 0)), 401, "a leading zero");
    assert_eq!(changed(|it| it[255] ^= 1), 401, "another bit");
    assert_eq!(changed(|it| it.reverse()), 401, "the other way round");
    assert_eq!(changed(|it| it.fill(0)), 401, "zero");
    // The same number modulo the key, one length longer.
    let shifted = by(&|message| {
        let number = BigUint::from_bytes_be(&key.sign(message)) + key.0.n();
        number.to_bytes_be()
    });
    assert_eq!(shifted, 401, "beyond the modulus");
    let other_padding = by(&|message| {
        let digest = Sha256::digest(message);
        key.0
            .sign_with_rng(&mut OsRng, Pss::new::<Sha256>(), &digest)
            .unwrap()
    });
    assert_eq!(other_padding, 401, "PSS");
    let unprefixed = by(&|message| {
        let padding = Pkcs1v15Sign::new_unprefixed();
        key.0.sign(padding, &Sha256::digest(message)).unwrap()
    });
    assert_eq!(unprefixed, 401, "a digest that does not say of what");
    assert_eq!(by(&|_| key.sign(b"something else")), 401, "of another message");
}

#[test]
fn claims_are_checked_under_a_good_signature_too() {
    let (worker, key) = desk();
    let (customer, other) = (Customer::on(worker), Customer::on(worker));
    let (header, claims) = forge::open(&customer.access);
    let now = claims["iat"].as_i64().unwrap();
    for (claim, value) in [
        ("exp", json!(now - 1)),
        ("exp", Value::Null),
        ("iat", json!(now + 3_600)),
        ("iat", Value::Null),
        ("nbf", json!(now + 3_600)),
        ("iss", json!("somebody")),
        ("aud", json!(["edgedesk"])),
        ("typ", json!("refresh")),
        ("role", json!("admin")),
        ("sub", forge::open(&other.access).1["sub"].clone()),
        ("sid", json!("9")),
        ("ver", json!(99)),
    ] {
        let mut changed = claims.clone();
        changed[claim] = value.clone();
        let token = key.token(&header, &changed);
        let answer = customer.with_token(&token).get("/auth/verify-token");
        assert_eq!(answer.status(), 401, "{claim}: {value}");
    }
    for document in [json!([]), json!("text"), Value::Null] {
        let token = key.token(&header, &document);
        let answer = customer.with_token(&token).get("/auth/verify-token");
        assert_eq!(answer.status(), 401, "{document}");
    }
}

#[test]
fn keys_have_three_lengths() {
    let keys = [2_048, 3_072, 4_096].map(Key::new);
    let ring: String = keys.iter().map(Key::public).collect();
    let worker = Worker::start(&[("JWT_PUBLIC_KEYS_PREVIOUS", &ring)]);
    let customer = Customer::on(&worker);
    let claims = forge::open(&customer.access).1;
    let published = published(&worker);
    assert_eq!(published.len(), 3);
    for key in &keys {
        for jwk in &published {
            let header = json!({"alg": "RS256", "typ": "JWT", "kid": jwk["kid"]});
            let of_it = jwk["n"] == forge::encode(&key.0.n().to_bytes_be());
            let answer = customer
                .with_token(&key.token(&header, &claims))
                .get("/auth/verify-token");
            assert_eq!(answer.status(), if of_it { 200 } else { 401 }, "{header}");
        }
    }
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
    let first = Key::new(2_048);
    let private = first.private();
    let moved = [
        ("JWT_PRIVATE_KEY", private.as_str()),
        ("JWT_SECRET", ""),
        ("JWT_SECRET_PREVIOUS", &secret),
    ];
    let worker = worker.pause().with(&moved).resume();
    assert_eq!(at(&worker, &old), 200);
    let by_first = Customer::on(&worker).access.clone();

    // From a key to the next one.
    let (second, public) = (Key::new(2_048).private(), first.public());
    let moved = [
        ("JWT_PRIVATE_KEY", second.as_str()),
        ("JWT_SECRET_PREVIOUS", ""),
        ("JWT_PUBLIC_KEYS_PREVIOUS", &public),
    ];
    let worker = worker.pause().with(&moved).resume();
    assert_eq!((at(&worker, &old), at(&worker, &by_first)), (401, 200));
    assert_eq!(published(&worker).len(), 2);
    Customer::on(&worker).get("/auth/me").is(200);
}
