//! Staying in: refresh tokens, logout, the list of sessions, and what ends them.

use crate::support::client::Role;
use crate::support::race::race;
use crate::support::sqlite;
use crate::support::{Anon, Answer, Caller, Customer, Value, Worker, forge, json, make};

fn refresh(token: &str) -> Answer {
    Anon::new().post("/auth/refresh", json!({"refresh_token": token}))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// A further session of the same person.
fn again(customer: &Customer) -> Caller {
    Caller::login(Worker::shared(), Role::Customer, &customer.email, make::PASSWORD)
}

#[test]
fn a_refresh_token_is_good_once() {
    let customer = Customer::fresh();
    let pair = refresh(&customer.refresh).is(200).json();
    assert_eq!(
        (&pair["token_type"], &pair["expires_in"]),
        (&json!("Bearer"), &json!(900))
    );
    let renewed = customer.with_token(&text(&pair["access_token"]));
    renewed.get("/auth/me").is(200);
    let second = text(&pair["refresh_token"]);
    assert_ne!(second, customer.refresh);
    let third = refresh(&second).is(200).json();
    // One from before betrays a thief: the whole family ends.
    refresh(&customer.refresh).refused(401, "UNAUTHORIZED");
    refresh(&text(&third["refresh_token"])).refused(401, "UNAUTHORIZED");
    for token in [&customer.access, &renewed.access, &text(&third["access_token"])] {
        customer
            .with_token(token)
            .get("/auth/me")
            .refused(401, "UNAUTHORIZED");
    }
    // Other sessions of the same person are another family.
    again(&customer).get("/auth/me").is(200);
}

#[test]
fn two_tabs_that_refresh_at_once_stay_in() {
    let customer = Customer::fresh();
    let answers = race(2, |_| refresh(&customer.refresh).is(200).json());
    assert_eq!(
        answers[0]["refresh_token"], answers[1]["refresh_token"],
        "the same successor"
    );
    let successor = text(&answers[0]["refresh_token"]);
    assert_ne!(successor, customer.refresh);
    for answer in &answers {
        customer
            .with_token(&text(&answer["access_token"]))
            .get("/auth/me")
            .is(200);
    }
    // A third tab, and as Bearer.
    let late = customer
        .with_token(&customer.refresh)
        .ask("POST", "/auth/refresh")
        .send();
    assert_eq!(late.is(200).json()["refresh_token"], successor);
    // The successor goes on, and gives the moment to its own former one.
    let next = text(&refresh(&successor).is(200).json()["refresh_token"]);
    assert_ne!(next, successor);
    assert_eq!(refresh(&successor).is(200).json()["refresh_token"], next);
    // What was ended is not revived by a moment of grace.
    customer
        .with_token(&text(&answers[1]["access_token"]))
        .post("/auth/logout", json!({}))
        .is(200);
    refresh(&successor).refused(401, "UNAUTHORIZED");
    refresh(&next).refused(401, "UNAUTHORIZED");
}

#[test]
fn the_moment_of_grace_is_ten_seconds() {
    let worker = Worker::start(&[]);
    let at = |worker: &Worker, token: &str| {
        Anon::on(worker).post("/auth/refresh", json!({"refresh_token": token}))
    };
    let (early, late) = (Customer::on(&worker), Customer::on(&worker));
    let successors =
        [&early, &late].map(|one| text(&at(&worker, &one.refresh).is(200).json()["refresh_token"]));
    let (early, late) = (early.refresh.clone(), late.refresh.clone());
    let ids = [&early, &late].map(|token| text(&forge::open(token).1["sub"]));
    let file = worker.d1.clone().expect("a database");
    let paused = worker.pause();
    // One was rotated a minute into the future, so that no slow machine matters; the other ten seconds ago.
    let script = format!(
        "UPDATE sessions SET rotated_at = rotated_at + 60000 WHERE user_id = {}; \
         UPDATE sessions SET rotated_at = rotated_at - 10000 WHERE user_id = {};",
        ids[0], ids[1]
    );
    sqlite::run(&file, &script, "");
    let worker = paused.resume();
    at(&worker, &early).is(200);
    at(&worker, &late).refused(401, "UNAUTHORIZED");
    at(&worker, &successors[1]).refused(401, "UNAUTHORIZED");
    at(&worker, &successors[0]).is(200);
}

#[test]
fn a_refresh_token_may_come_as_bearer() {
    let customer = Customer::fresh();
    let pair = customer
        .with_token(&customer.refresh)
        .ask("POST", "/auth/refresh")
        .send()
        .is(200)
        .json();
    customer
        .with_token(&text(&pair["access_token"]))
        .get("/auth/me")
        .is(200);
    customer
        .with_token(&customer.access)
        .ask("POST", "/auth/refresh")
        .send()
        .is(401);
}

#[test]
fn each_token_serves_its_own_purpose() {
    let customer = Customer::fresh();
    customer
        .with_token(&customer.refresh)
        .get("/auth/me")
        .refused(401, "UNAUTHORIZED");
    refresh(&customer.access).refused(401, "UNAUTHORIZED");
    for bad in ["", "x", "a.b.c"] {
        let status = refresh(bad).status();
        assert!(matches!(status, 400 | 401), "{bad:?}: {status}");
    }
    customer.get("/auth/me").is(200);
    let (header, claims) = forge::open(&customer.access);
    assert_eq!(header["alg"], "HS256");
    assert!(header["kid"].is_string());
    assert_eq!(claims["typ"], "access");
    for claim in ["iss", "aud", "sub", "role", "sid", "ver", "jti", "iat", "exp"] {
        assert!(claims.get(claim).is_some(), "no {claim} in {claims}");
    }
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        900
    );
    let (_, claims) = forge::open(&customer.refresh);
    assert_eq!(claims["typ"], "refresh");
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        30 * 86_400
    );
}

#[test]
fn logout_ends_this_session_at_the_next_request() {
    let customer = Customer::fresh();
    let other = again(&customer);
    customer.get("/tickets").is(200);
    let answer = customer.ask("POST", "/auth/logout").send();
    assert!(matches!(answer.status(), 200 | 204), "{}", answer.status());
    for path in ["/auth/me", "/tickets", "/auth/verify-token"] {
        customer.get(path).refused(401, "UNAUTHORIZED");
    }
    refresh(&customer.refresh).refused(401, "UNAUTHORIZED");
    customer.ask("POST", "/auth/logout").send().is(401);
    other.get("/auth/me").is(200);
}

#[test]
fn logout_all_ends_every_session() {
    let customer = Customer::fresh();
    let others = [again(&customer), again(&customer)];
    let answer = customer.ask("POST", "/auth/logout-all").send();
    assert!(matches!(answer.status(), 200 | 204), "{}", answer.status());
    for caller in others.iter().chain([&*customer]) {
        caller.get("/auth/me").refused(401, "UNAUTHORIZED");
        refresh(&caller.refresh).refused(401, "UNAUTHORIZED");
    }
    again(&customer).get("/auth/me").is(200);
}

#[test]
fn sessions_are_listed_and_revoked_one_by_one() {
    let (customer, stranger) = (Customer::fresh(), Customer::fresh());
    let other = again(&customer);
    let rows = customer.get("/auth/sessions").is(200).rows();
    assert_eq!(rows.len(), 2);
    let named = |row: &Value| row["id"].to_string().trim_matches('"').to_owned();
    let own: Vec<String> = customer.get("/auth/sessions").rows().iter().map(named).collect();
    // The one that a caller speaks through is marked.
    let marked: Vec<&Value> = rows
        .iter()
        .filter(|row| row["current"] == true || row["is_current"] == true)
        .collect();
    assert_eq!(marked.len(), 1, "{rows:?}");
    let current = named(marked[0]);
    let doomed = own.iter().find(|id| **id != current).unwrap();
    stranger
        .delete(&format!("/auth/sessions/{doomed}"))
        .refused(404, "NOT_FOUND");
    other.get("/auth/me").is(200);
    customer.delete(&format!("/auth/sessions/{doomed}")).is(204);
    other.get("/auth/me").refused(401, "UNAUTHORIZED");
    refresh(&other.refresh).is(401);
    assert_eq!(customer.get("/auth/sessions").rows().len(), 1);
    let answer = customer.get("/auth/sessions").text();
    assert!(!answer.contains(&customer.refresh));
}

#[test]
fn a_changed_password_ends_every_other_session() {
    for path in ["/auth/change-password", "/users/me/password"] {
        let customer = Customer::fresh();
        let other = again(&customer);
        let change = |current: &str, new: &str| {
            let body = json!({"current_password": current, "new_password": new});
            let method = if path.starts_with("/auth") { "PUT" } else { "POST" };
            customer.ask(method, path).json(&body).send()
        };
        let wrong = change("not the passphrase", "another passphrase");
        assert!(matches!(wrong.status(), 400 | 401 | 403), "{}", wrong.status());
        change(make::PASSWORD, "short").faults(&["new_password"]);
        other.get("/auth/me").is(200);
        let pair = change(make::PASSWORD, "another passphrase").is(200).json();
        for caller in [&*customer, &other] {
            caller.get("/auth/me").refused(401, "UNAUTHORIZED");
            refresh(&caller.refresh).refused(401, "UNAUTHORIZED");
        }
        // Its caller stays, by the fresh pair of the answer.
        customer
            .with_token(&text(&pair["access_token"]))
            .get("/auth/me")
            .is(200);
        refresh(&text(&pair["refresh_token"])).is(200);
        let login = |password: &str| {
            Anon::new()
                .post(
                    "/auth/login",
                    json!({"email": customer.email, "password": password}),
                )
                .status()
        };
        assert_eq!((login(make::PASSWORD), login("another passphrase")), (401, 200));
    }
}

#[test]
fn a_short_life_ends() {
    let worker = Worker::start(&[
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "1"),
        ("REFRESH_TOKEN_EXPIRE_DAYS", "2"),
    ]);
    let customer = Customer::on(&worker);
    let life = |token: &str| {
        let (_, claims) = forge::open(token);
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
    };
    assert_eq!(
        (life(&customer.access), life(&customer.refresh)),
        (60, 2 * 86_400)
    );
}

#[test]
fn rs256_signs_and_publishes_its_key() {
    let key = private_key();
    let worker = Worker::start(&[("JWT_PRIVATE_KEY", key.as_str()), ("ALGORITHM", "RS256")]);
    let customer = Customer::on(&worker);
    let (header, claims) = forge::open(&customer.access);
    assert_eq!(header["alg"], "RS256");
    customer.get("/auth/me").is(200);
    let keys = Anon::on(&worker)
        .ask("GET", "/.well-known/jwks.json")
        .at_root()
        .send()
        .is(200)
        .json();
    let public = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["kid"] == header["kid"])
        .expect("the key");
    assert_eq!(
        (&public["kty"], &public["alg"], &public["use"]),
        (&json!("RSA"), &json!("RS256"), &json!("sig"))
    );
    assert!(public.get("d").is_none(), "a private part");
    // The classic confusion: the public key's text as an HMAC secret.
    for secret in [
        text(&public["n"]).into_bytes(),
        forge::decode(&text(&public["n"])).unwrap(),
        key.into_bytes(),
    ] {
        let forged = forge::hs256(
            &json!({"alg": "HS256", "typ": "JWT", "kid": header["kid"]}),
            &claims,
            &secret,
        );
        customer
            .with_token(&forged)
            .get("/auth/me")
            .refused(401, "UNAUTHORIZED");
    }
    let pair = Anon::on(&worker)
        .post("/auth/refresh", json!({"refresh_token": customer.refresh}))
        .is(200)
        .json();
    customer
        .with_token(&text(&pair["access_token"]))
        .get("/auth/me")
        .is(200);
}

/// A fresh RSA key, PKCS#8 in PEM, on one line as a variable holds it.
fn private_key() -> String {
    let script = "const { generateKeyPairSync } = require('node:crypto');
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        process.stdout.write(privateKey.export({ type: 'pkcs8', format: 'pem' }).replaceAll('\\n', '\\\\n'));";
    let node = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/.bin/node");
    let output = std::process::Command::new(node)
        .args(["-e", script])
        .output()
        .expect("node; `npm ci` installs it");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("PEM")
}

#[test]
fn the_jwks_of_a_shared_secret_is_empty() {
    let keys = Anon::new()
        .ask("GET", "/.well-known/jwks.json")
        .at_root()
        .send()
        .is(200)
        .json();
    assert_eq!(keys, json!({"keys": []}));
}
