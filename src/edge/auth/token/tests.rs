use std::collections::HashMap;
use std::sync::OnceLock;

use ::rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use ::rsa::rand_core::OsRng;
use base64ct::Base64;
use futures_util::FutureExt;
use jwt_compact::Algorithm;
use jwt_compact::AlgorithmSignature;
use jwt_compact::alg::RsaPrivateKey;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OLD_SECRET: &str = "fedcba9876543210fedcba9876543210";
/// 2027-01-15, in milliseconds.
const NOW: Millis = 1_800_000_000_000;

/// A way to sign.
type Sign<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

/// A key pair as operators have it.
struct Pair {
    key: RsaPrivateKey,
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
            key,
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        RS256.0.sign(&self.key, message).as_bytes().into_owned()
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

#[test]
fn signed_tokens_verify() {
    for (keys, alg) in rings().iter().zip(["HS256", "RS256"]) {
        let access = signed(keys, TokenUse::Access);
        assert_eq!(part(&access, 0)["alg"], alg);
        assert_eq!(part(&access, 0)["typ"], "JWT");
        assert_eq!(keys.verify(&access, TokenUse::Access, NOW), Some(claims()));
        assert_eq!(keys.verify(&access, TokenUse::Refresh, NOW), None);
        let refresh = signed(keys, TokenUse::Refresh);
        assert_eq!(keys.verify(&refresh, TokenUse::Refresh, NOW), Some(claims()));
        assert_eq!(keys.verify(&refresh, TokenUse::Access, NOW), None);
    }
}

#[test]
fn claims_are_checked_under_a_good_signature() {
    let secret = hs256(SECRET.as_bytes());
    let rsa = |message: &[u8]| pairs()[0].sign(message);
    let signers: [Sign; 2] = [&secret, &rsa];
    for (keys, sign) in rings().iter().zip(signers) {
        let good = signed(keys, TokenUse::Access);
        let (header, body) = (part(&good, 0), part(&good, 1));
        // The attacker has the key here, so a refusal can only be because of the claims.
        assert!(
            keys.verify(&forged(&header, &body, sign), TokenUse::Access, NOW)
                .is_some()
        );
        for (claim, value) in [
            ("exp", json!(NOW / 1_000 - 1)),
            ("exp", json!(NOW / 1_000)),
            ("exp", Value::Null),
            ("iat", json!(NOW / 1_000 + 61)),
            ("iat", Value::Null),
            ("iss", json!("somebody")),
            ("aud", json!("somebody")),
            ("aud", json!(["edgedesk"])),
            ("typ", json!("refresh")),
            ("typ", json!("id")),
            ("role", json!("root")),
            ("sub", json!("me")),
            ("sid", json!("9")),
        ] {
            let mut body = body.clone();
            body[claim] = value.clone();
            let token = forged(&header, &body, sign);
            assert_eq!(
                keys.verify(&token, TokenUse::Access, NOW),
                None,
                "{claim}: {value}"
            );
        }
        let clock_ahead = forged(
            &header,
            &{
                let mut body = body.clone();
                body["iat"] = json!(NOW / 1_000 + 30);
                body
            },
            sign,
        );
        assert!(keys.verify(&clock_ahead, TokenUse::Access, NOW).is_some());
    }
}

#[test]
fn a_key_is_for_one_algorithm() {
    let [mine, other] = pairs();
    let [hs, rs] = rings();
    let (public, der) = (
        mine.public.as_bytes(),
        mine.key.to_public_key().to_public_key_der().unwrap(),
    );
    let token = signed(&rs, TokenUse::Access);
    let (header, body) = (part(&token, 0), part(&token, 1));
    let as_hs = json!({"alg": "HS256", "typ": "JWT", "kid": header["kid"]});
    let none = json!({"alg": "none", "typ": "JWT", "kid": header["kid"]});
    for (what, token) in [
        ("the public key as a secret", forged(&as_hs, &body, hs256(public))),
        (
            "the same, trimmed",
            forged(&as_hs, &body, hs256(mine.public.trim().as_bytes())),
        ),
        ("the same as DER", forged(&as_hs, &body, hs256(der.as_bytes()))),
        (
            "HS256 under the name of RS256",
            forged(&header, &body, hs256(public)),
        ),
        (
            "RS256 under the name of HS256",
            forged(&as_hs, &body, |m| mine.sign(m)),
        ),
        ("no algorithm", forged(&none, &body, |_| Vec::new())),
        ("no algorithm, signed", forged(&none, &body, |m| mine.sign(m))),
        ("no signature", forged(&header, &body, |_| Vec::new())),
        ("somebody else's key", forged(&header, &body, |m| other.sign(m))),
        (
            "RS512",
            forged(&json!({"alg": "RS512", "kid": header["kid"]}), &body, |m| {
                mine.sign(m)
            }),
        ),
        (
            "no kid",
            forged(&json!({"alg": "RS256"}), &body, |m| mine.sign(m)),
        ),
        (
            "another kid",
            forged(&json!({"alg": "RS256", "kid": "x"}), &body, |m| mine.sign(m)),
        ),
        ("the secret's ring", signed(&hs, TokenUse::Access)),
    ] {
        assert_eq!(rs.verify(&token, TokenUse::Access, NOW), None, "{what}");
    }
    // The other way round: a public key must not work as a shared secret.
    let kid = part(&signed(&hs, TokenUse::Access), 0)["kid"].clone();
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": kid});
    let token = forged(&header, &body, |m| mine.sign(m));
    assert_eq!(hs.verify(&token, TokenUse::Access, NOW), None);
}

#[test]
fn older_keys_still_verify_while_they_are_in_the_ring() {
    let [new, old] = pairs();
    let by_old_key = signed(
        &ring(&[("JWT_PRIVATE_KEY", &old.private)]).unwrap(),
        TokenUse::Access,
    );
    let by_old_secret = signed(&ring(&[("JWT_SECRET", OLD_SECRET)]).unwrap(), TokenUse::Access);
    let both = format!("{}{}", old.public, new.public);
    for (values, key, secret) in [
        (vec![("JWT_PRIVATE_KEY", new.private.as_str())], false, false),
        // A secret that is still set does not verify once a private key signs.
        (
            vec![("JWT_PRIVATE_KEY", &new.private), ("JWT_SECRET", OLD_SECRET)],
            false,
            false,
        ),
        (
            vec![
                ("JWT_PRIVATE_KEY", &new.private),
                ("JWT_SECRET_PREVIOUS", OLD_SECRET),
            ],
            false,
            true,
        ),
        (
            vec![
                ("JWT_PRIVATE_KEY", &new.private),
                ("JWT_PUBLIC_KEYS_PREVIOUS", &both),
            ],
            true,
            false,
        ),
        (
            vec![
                ("JWT_SECRET", SECRET),
                ("JWT_PUBLIC_KEYS_PREVIOUS", &old.public),
                ("JWT_SECRET_PREVIOUS", OLD_SECRET),
            ],
            true,
            true,
        ),
    ] {
        let keys = ring(&values).unwrap();
        let names: Vec<_> = values.iter().map(|(name, _)| name).collect();
        assert_eq!(
            keys.verify(&by_old_key, TokenUse::Access, NOW).is_some(),
            key,
            "{names:?}"
        );
        assert_eq!(
            keys.verify(&by_old_secret, TokenUse::Access, NOW).is_some(),
            secret,
            "{names:?}"
        );
    }
}

#[test]
fn a_key_on_one_line_is_the_same_key() {
    let pair = &pairs()[0];
    let line = pair.private.replace('\n', "\\n");
    let keys = ring(&[("JWT_PRIVATE_KEY", &line), ("ALGORITHM", "RS256")]).unwrap();
    let token = signed(&keys, TokenUse::Access);
    assert!(rings()[1].verify(&token, TokenUse::Access, NOW).is_some());
}

#[test]
fn invalid_keys_are_refused_by_name() {
    let pair = &pairs()[0];
    let small = Pair::new(1_024);
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
        ("JWT_PUBLIC_KEYS_PREVIOUS", &small.public),
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
    assert_eq!(list[0]["kid"], part(&signed(&keys, TokenUse::Access), 0)["kid"]);
    assert_eq!(rings()[0].jwks(), r#"{"keys":[]}"#);
}
