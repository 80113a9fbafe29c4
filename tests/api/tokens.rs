//! Two thousand forged and altered tokens, none of which opens anything.

use std::thread;

use crate::support::client::Role;
use crate::support::{Admin, Caller, Customer, Value, Worker, forge, json, make};

/// Every token must be refused where a good one is not; four threads ask.
fn all_refused(by: &Caller, tokens: &[String]) {
    thread::scope(|scope| {
        for part in tokens.chunks(tokens.len().div_ceil(4)) {
            scope.spawn(move || {
                for token in part {
                    let answer = by.with_token(token).get("/auth/verify-token");
                    if answer.status() != 401 {
                        answer.fail(&format!("accepted: {token}"));
                    }
                }
            });
        }
    });
    by.get("/auth/verify-token").is(200);
}

#[test]
fn an_altered_character_spoils_a_token() {
    let customer = Customer::fresh();
    let token = &customer.access;
    let mut forged = Vec::new();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut step = 1;
    while forged.len() < 1_500 {
        for (at, old) in token.bytes().enumerate() {
            let new = match alphabet.iter().position(|have| *have == old) {
                Some(index) => alphabet[(index + step) % 64],
                None => b'_',
            };
            let mut bytes = token.clone().into_bytes();
            bytes[at] = new;
            forged.push(String::from_utf8(bytes).unwrap());
        }
        step += 1;
    }
    all_refused(&customer, &forged);
}

#[test]
fn a_token_in_pieces_is_none() {
    let (customer, other) = (Customer::fresh(), Customer::fresh());
    let token = &customer.access;
    let parts: Vec<&str> = token.split('.').collect();
    let strange: Vec<&str> = other.access.split('.').collect();
    let mut forged: Vec<String> = (0..token.len()).map(|end| token[..end].to_owned()).collect();
    forged.retain(|token| !token.is_empty());
    forged.extend([
        format!("{token}A"),
        format!("{token}."),
        format!("{token}.{}", parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}..{}", parts[0], parts[2]),
        format!(".{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], strange[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], strange[2]),
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        format!("{token}="),
        format!("{token}=="),
        token.to_lowercase(),
        token.replace('.', ".."),
        token.chars().rev().collect(),
        "null".to_owned(),
        "A".repeat(8_000),
    ]);
    all_refused(&customer, &forged);
}

#[test]
fn nobody_signs_but_the_server() {
    let customer = Customer::fresh();
    let admin = Admin::any();
    let (header, claims) = forge::open(&customer.access);
    let mut forged = Vec::new();
    let secret = Worker::shared().var("JWT_SECRET").to_owned();
    for alg in [
        "none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "",
    ] {
        for role in ["customer", "admin"] {
            let (mut header, mut claims) = (header.clone(), claims.clone());
            header["alg"] = json!(alg);
            claims["role"] = json!(role);
            for key in [
                "",
                "secret",
                "edgedesk",
                "your-256-bit-secret",
                "HS256",
                &make::secret(),
            ] {
                let signed = forge::hs256(&header, &claims, key.as_bytes());
                let unsigned = signed.rsplit_once('.').unwrap().0.to_owned();
                forged.extend([signed, format!("{unsigned}."), unsigned]);
            }
        }
    }
    // The right secret under another algorithm's name.
    for alg in ["none", "HS384", "HS512", "RS256", "hs256"] {
        let mut header = header.clone();
        header["alg"] = json!(alg);
        forged.push(forge::hs256(&header, &claims, secret.as_bytes()));
    }
    for kid in [
        json!("other"),
        json!("../../dev/null"),
        json!("' OR 1=1"),
        json!(5),
        json!({}),
        json!(["a"]),
    ] {
        let mut header = header.clone();
        header["kid"] = kid;
        forged.push(forge::hs256(&header, &claims, make::secret().as_bytes()));
        forged.push(forge::hs256(&header, &claims, b""));
    }
    for (name, value) in [
        ("jwk", json!({"kty": "oct", "k": "c2VjcmV0"})),
        ("jku", json!("https://evil.example/jwks")),
    ] {
        let mut header = header.clone();
        header[name] = value;
        forged.push(forge::hs256(&header, &claims, b"secret"));
    }
    let mut of_admin = claims.clone();
    of_admin["sub"] = forge::open(&admin.access).1["sub"].clone();
    forged.push(forge::hs256(&header, &of_admin, make::secret().as_bytes()));
    all_refused(&customer, &forged);
}

#[test]
fn even_the_right_signature_needs_the_right_claims() {
    let (customer, other) = (Customer::fresh(), Customer::fresh());
    let (header, claims) = forge::open(&customer.access);
    let secret = Worker::shared().var("JWT_SECRET").as_bytes();
    let signed = |claims: &Value| forge::hs256(&header, claims, secret);
    // The forge can make a good one, so what follows is refused for its claims.
    customer
        .with_token(&signed(&claims))
        .get("/auth/verify-token")
        .is(200);
    let now = claims["iat"].as_i64().unwrap();
    let theirs = forge::open(&other.access).1;
    let mut forged = Vec::new();
    for (claim, values) in [
        (
            "exp",
            vec![
                json!(now - 1),
                json!(now - 86_400),
                json!(0),
                json!("never"),
                json!(-1),
                Value::Null,
            ],
        ),
        (
            "typ",
            vec![
                json!("refresh"),
                json!("Access"),
                json!(""),
                json!(1),
                Value::Null,
            ],
        ),
        (
            "nbf",
            vec![
                json!(now + 60),
                json!(now + 3_600),
                json!(now + 86_400),
                json!("later"),
            ],
        ),
        ("iss", vec![json!("https://evil.example"), json!(""), Value::Null]),
        ("aud", vec![json!("somebody else"), json!([]), Value::Null]),
        (
            "sub",
            vec![
                theirs["sub"].clone(),
                json!("9007199254740991"),
                json!("' OR 1=1"),
                json!(""),
                Value::Null,
            ],
        ),
        (
            "sid",
            vec![
                json!("9007199254740991"),
                json!(9_007_199_254_740_991_i64),
                json!(""),
                Value::Null,
            ],
        ),
        (
            "ver",
            vec![
                json!(claims["ver"].as_i64().unwrap_or(0) + 1),
                json!(-1),
                json!("x"),
                Value::Null,
            ],
        ),
    ] {
        for value in values {
            let mut changed = claims.clone();
            changed[claim] = value.clone();
            forged.push(signed(&changed));
            if value.is_null() {
                changed.as_object_mut().unwrap().remove(claim);
                forged.push(signed(&changed));
            }
        }
    }
    for document in [
        json!({}),
        json!([]),
        json!("text"),
        Value::Null,
        json!({"sub": claims["sub"]}),
    ] {
        forged.push(signed(&document));
    }
    all_refused(&customer, &forged);
    // Another person's session does not become one's own.
    let mut mixed = claims.clone();
    mixed["sid"] = theirs["sid"].clone();
    customer
        .with_token(&signed(&mixed))
        .get("/auth/verify-token")
        .refused(401, "UNAUTHORIZED");
}

#[test]
fn a_claimed_role_is_only_a_hint() {
    let customer = Customer::fresh();
    let (header, mut claims) = forge::open(&customer.access);
    for role in ["admin", "manager", "agent", "root", ""] {
        claims["role"] = json!(role);
        let token = forge::hs256(&header, &claims, Worker::shared().var("JWT_SECRET").as_bytes());
        let status = customer.with_token(&token).get("/users").status();
        assert!(matches!(status, 401 | 403), "{role}: {status}");
        let answer = customer.with_token(&token).get("/tickets");
        assert!(
            answer.status() == 401 || answer.ids().is_empty(),
            "{role}: {}",
            answer.text()
        );
    }
    assert_eq!(customer.role, Role::Customer);
}

#[test]
fn a_token_in_the_wrong_place_is_not_looked_at() {
    let customer = Customer::fresh();
    let anon = crate::support::Anon::new();
    anon.get(&format!("/auth/me?token={}", customer.access)).is(401);
    anon.get(&format!("/auth/me?access_token={}", customer.access))
        .is(401);
    for scheme in ["Token", "JWT", "Basic", ""] {
        anon.ask("GET", "/auth/me")
            .header("Authorization", &format!("{scheme} {}", customer.access))
            .send()
            .is(401);
    }
    anon.ask("GET", "/auth/me")
        .header("Cookie", &format!("access_token={}", customer.access))
        .send()
        .is(401);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        anon.ask("GET", "/auth/me")
            .header("Authorization", &format!("{scheme} {}", customer.access))
            .send()
            .is(200);
    }
}
