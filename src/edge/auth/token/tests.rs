use std::collections::HashMap;
use std::sync::OnceLock;

use ::rsa::RsaPrivateKey;
use ::rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use ::rsa::rand_core::OsRng;
use base64ct::Base64;
use futures_util::FutureExt;
use jwt_compact::Algorithm;
use jwt_compact::AlgorithmSignature;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OLD_SECRET: &str = "fedcba9876543210fedcba9876543210";
/// 2027-01-15, in milliseconds.
const NOW: Millis = 1_800_000_000_000;

/// A key pair as operators have it. What it signs is verified in tests/api/rs256.rs, where there is WebCrypto.
struct Pair {
    private: String,
    public: String,
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Base64::encode_string(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

impl Pair {
    fn new(bits: usize) -> Pair {
        let key = RsaPrivateKey::new(&mut OsRng, bits).unwrap();
        Pair {
            private: pem("PRIVATE KEY", key.to_pkcs8_der().unwrap().as_bytes()),
            public: pem(
                "PUBLIC KEY",
                key.to_public_key().to_public_key_der().unwrap().as_bytes(),
            ),
        }
    }
}

fn pairs() -> &'static [Pair; 2] {
    static PAIRS: OnceLock<[Pair; 2]> = OnceLock::new();
    PAIRS.get_or_init(|| [Pair::new(2_048), Pair::new(2_048)])
}

fn ring(values: &[(&'static str, &str)]) -> Result<KeyRing, String> {
    let values: HashMap<&str, &str> = values.iter().copied().collect();
    KeyRing::parse(&values)
}

fn claims() -> Claims {
    Claims {
        user_id: 7,
        role: Role::Agent,
        session_id: 9,
        ver: 2,
        jti: "j".to_owned(),
        expires: NOW / 1_000 + 900,
        api_key: None,
    }
}

fn signed(keys: &KeyRing, usage: TokenUse) -> String {
    keys.sign(usage, &claims(), NOW)
        .now_or_never()
        .expect("no waiting")
        .unwrap()
}

fn part(token: &str, at: usize) -> Value {
    let text = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(text).unwrap()).unwrap()
}

/// A token with this header and these claims, signed in some way.
fn forged(header: &Value, body: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let encode = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let message = format!("{}.{}", encode(header), encode(body));
    let signature = Base64UrlUnpadded::encode_string(&sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn hs256(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    move |message| {
        Hs256
            .sign(&Hs256Key::new(secret), message)
            .as_bytes()
            .into_owned()
    }
}

fn rings() -> [KeyRing; 2] {
    [
        ring(&[("JWT_SECRET", SECRET)]).unwrap(),
        ring(&[("JWT_PRIVATE_KEY", &pairs()[0].private)]).unwrap(),
    ]
}

/// What a token says, if it is verified. Nothing here waits, since nothing here gets as far as WebCrypto.
fn verified(keys: &KeyRing, token: &str, usage: TokenUse) -> Option<Claims> {
    keys.verify(token, usage, NOW).now_or_never().expect("no waiting")
}

#[test]
fn signed_tokens_verify() {
    let keys = &rings()[0];
    let access = signed(keys, TokenUse::Access);
    assert_eq!(part(&access, 0)["alg"], "HS256");
    assert_eq!(part(&access, 0)["typ"], "JWT");
    assert_eq!(verified(keys, &access, TokenUse::Access), Some(claims()));
    assert_eq!(verified(keys, &access, TokenUse::Refresh), None);
    let refresh = signed(keys, TokenUse::Refresh);
    assert_eq!(verified(keys, &refresh, TokenUse::Refresh), Some(claims()));
    assert_eq!(verified(keys, &refresh, TokenUse::Access), None);
}

#[test]
fn claims_are_checked_under_a_good_signature() {
    let (keys, sign) = (&rings()[0], hs256(SECRET.as_bytes()));
    let good = signed(keys, TokenUse::Access);
    let (header, body) = (part(&good, 0), part(&good, 1));
    // The attacker has the key here, so a refusal can only be because of the claims.
    let with = |claim: &str, value: &Value| {
        let mut body = body.clone();
        body[claim] = value.clone();
        verified(keys, &forged(&header, &body, &sign), TokenUse::Access)
    };
    assert!(with("iss", &body["iss"]).is_some());
    for (claim, value) in [
        ("exp", json!(NOW / 1_000 - 1)),
        ("exp", json!(NOW / 1_000)),
        ("exp", Value::Null),
        ("iat", json!(NOW / 1_000 + 61)),
        ("iat", Value::Null),
        ("nbf", json!(NOW / 1_000 + 1)),
        ("nbf", json!(NOW / 1_000 + 3_600)),
        ("nbf", json!("soon")),
        ("iss", json!("somebody")),
        ("aud", json!("somebody")),
        ("aud", json!(["edgedesk"])),
        ("typ", json!("refresh")),
        ("typ", json!("id")),
        ("role", json!("root")),
        ("sub", json!("me")),
        ("sid", json!("9")),
    ] {
        assert_eq!(with(claim, &value), None, "{claim}: {value}");
    }
    assert!(with("iat", &json!(NOW / 1_000 + 30)).is_some(), "a clock ahead");
    assert!(with("nbf", &json!(NOW / 1_000)).is_some(), "good from now on");
}

#[test]
fn a_key_is_for_one_algorithm() {
    let [hs, rs] = rings();
    let token = signed(&hs, TokenUse::Access);
    let (kid, body) = (part(&token, 0)["kid"].clone(), part(&token, 1));
    let public = pairs()[0].public.as_bytes();
    for alg in ["HS384", "HS512", "RS256", "none", "hs256"] {
        let header = json!({"alg": alg, "typ": "JWT", "kid": kid});
        let token = forged(&header, &body, hs256(SECRET.as_bytes()));
        assert_eq!(verified(&hs, &token, TokenUse::Access), None, "{alg}");
    }
    let published: Value = serde_json::from_str(&rs.jwks()).unwrap();
    let kid = &published["keys"][0]["kid"];
    for header in [
        json!({"alg": "HS256", "typ": "JWT", "kid": kid}),
        json!({"alg": "RS512", "typ": "JWT", "kid": kid}),
        json!({"alg": "none", "typ": "JWT", "kid": kid}),
        json!({"alg": "RS256", "typ": "JWT"}),
        json!({"alg": "RS256", "typ": "JWT", "kid": "other"}),
    ] {
        for secret in [public, public.trim_ascii(), b""] {
            let token = forged(&header, &body, hs256(secret));
            assert_eq!(verified(&rs, &token, TokenUse::Access), None, "{header}");
        }
    }
    assert_eq!(verified(&rs, &token, TokenUse::Access), None, "the secret's ring");
}

#[test]
fn older_secrets_still_verify_while_they_are_in_the_ring() {
    let private = &pairs()[0].private;
    let by_old_secret = signed(&ring(&[("JWT_SECRET", OLD_SECRET)]).unwrap(), TokenUse::Access);
    for (values, want) in [
        (vec![("JWT_SECRET", SECRET)], false),
        (
            vec![("JWT_SECRET", SECRET), ("JWT_SECRET_PREVIOUS", OLD_SECRET)],
            true,
        ),
        // A secret that is still set does not verify once a private key signs.
        (
            vec![("JWT_PRIVATE_KEY", private), ("JWT_SECRET", OLD_SECRET)],
            false,
        ),
        (
            vec![("JWT_PRIVATE_KEY", private), ("JWT_SECRET_PREVIOUS", OLD_SECRET)],
            true,
        ),
    ] {
        let keys = ring(&values).unwrap();
        let names: Vec<_> = values.iter().map(|(name, _)| name).collect();
        let claims = verified(&keys, &by_old_secret, TokenUse::Access);
        assert_eq!(claims.is_some(), want, "{names:?}");
    }
}

#[test]
fn a_key_on_one_line_is_the_same_key() {
    let pair = &pairs()[0];
    let line = pair.private.replace('\n', "\\n");
    let keys = ring(&[("JWT_PRIVATE_KEY", &line), ("ALGORITHM", "RS256")]).unwrap();
    assert_eq!(keys.jwks(), rings()[1].jwks());
}

#[test]
fn invalid_keys_are_refused_by_name() {
    let pair = &pairs()[0];
    let (small, odd) = (Pair::new(1_024), Pair::new(2_056));
    let broken = pair.private.replace('M', "*");
    let pkcs1 = pair.private.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    // RFC 8410, section 10.3: Ed25519.
    let other = pem(
        "PRIVATE KEY",
        &Base64::decode_vec("MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC").unwrap(),
    );
    for (name, value) in [
        ("JWT_PRIVATE_KEY", "secret"),
        ("JWT_PRIVATE_KEY", &broken),
        ("JWT_PRIVATE_KEY", &pkcs1),
        ("JWT_PRIVATE_KEY", &other),
        ("JWT_PRIVATE_KEY", &pair.public),
        ("JWT_PRIVATE_KEY", &small.private),
        ("JWT_PRIVATE_KEY", &odd.private),
        ("JWT_PUBLIC_KEYS_PREVIOUS", &small.public),
        ("JWT_PUBLIC_KEYS_PREVIOUS", &odd.public),
        (
            "JWT_PUBLIC_KEYS_PREVIOUS",
            &format!("{}{}", pair.public, small.public),
        ),
        ("JWT_PUBLIC_KEYS_PREVIOUS", &pair.private),
        ("JWT_SECRET_PREVIOUS", "short"),
        ("ALGORITHM", "RS256"),
        ("ALGORITHM", "none"),
    ] {
        let message = ring(&[("JWT_SECRET", SECRET), (name, value)])
            .err()
            .unwrap_or_default();
        assert!(message.contains(name), "{name}: {message}");
        assert!(value.len() < 32 || !message.contains(value), "{name}: {message}");
    }
    let values = [("JWT_PRIVATE_KEY", pair.private.as_str()), ("ALGORITHM", "HS256")];
    assert!(ring(&values).err().unwrap_or_default().contains("ALGORITHM"));
}

#[test]
fn the_key_set_holds_public_keys_only() {
    let [new, old] = pairs();
    let keys = ring(&[
        ("JWT_PRIVATE_KEY", &new.private),
        ("JWT_PUBLIC_KEYS_PREVIOUS", &old.public),
        ("JWT_SECRET_PREVIOUS", OLD_SECRET),
    ])
    .unwrap();
    let set: Value = serde_json::from_str(&keys.jwks()).unwrap();
    let list = set["keys"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    for key in list {
        let mut names: Vec<&String> = key.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!((&key["e"], &key["alg"]), (&json!("AQAB"), &json!("RS256")));
    }
    assert_eq!(rings()[0].jwks(), r#"{"keys":[]}"#);
}
