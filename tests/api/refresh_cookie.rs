//! The refresh token in a cookie: for pages of known origins only, and nowhere else.

use crate::support::client::Role;
use crate::support::{Anon, Answer, Caller, Customer, json, make};

fn sign_in(who: &Caller) -> Answer {
    Anon::new()
        .ask("POST", "/auth/login")
        .header("Accept-Session", "cookie")
        .json(&json!({"email": who.email, "password": make::PASSWORD}))
        .send()
        .is(200)
}

/// The cookie that an answer sets, without its attributes.
#[track_caller]
fn cookie(answer: &Answer) -> String {
    let header = answer.header("set-cookie").expect("a cookie");
    for attribute in [
        "HttpOnly",
        "Secure",
        "SameSite=Strict",
        "Path=/api/v1/auth",
        "Max-Age=",
    ] {
        assert!(
            header.split("; ").any(|part| part.starts_with(attribute)),
            "{header}"
        );
    }
    assert!(!header.contains("Domain"), "{header}");
    header.split(';').next().expect("a pair").to_owned()
}

fn refresh(cookie: &str, origin: Option<&str>) -> Answer {
    let nobody = Anon::new();
    let ask = nobody.ask("POST", "/auth/refresh").header("Cookie", cookie);
    match origin {
        Some(origin) => ask.header("Origin", origin).send(),
        None => ask.send(),
    }
}

#[test]
fn a_front_end_never_sees_its_refresh_token() {
    let customer = Customer::fresh();
    let signed = sign_in(&customer);
    let body = signed.json();
    assert!(body.get("refresh_token").is_none(), "{body}");
    assert!(body["access_token"].is_string());
    let first = cookie(&signed);
    let token = first.split_once('=').expect("a pair").1;
    assert!(!signed.text().contains(token));

    // The page's own origin, and those that are listed.
    let own = format!("http://{}", customer.host);
    let renewed = refresh(&first, Some(&own)).is(200);
    assert!(renewed.json().get("refresh_token").is_none(), "not even unasked");
    let second = cookie(&renewed);
    assert_ne!(first, second);
    let renewed = refresh(&second, Some(make::ORIGIN)).is(200);
    assert_eq!(renewed.header("access-control-allow-credentials"), Some("true"));
    let third = cookie(&renewed);
    for origin in [None, Some("https://evil.example"), Some("null"), Some("")] {
        refresh(&third, origin).refused(403, "FORBIDDEN");
    }
    // What was refused has not used it up.
    let renewed = refresh(&third, Some(&own)).is(200);
    let fourth = cookie(&renewed);
    let access = renewed.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let me = customer.with_token(&access);

    // Only refreshing reads it: it is no sign-in anywhere else.
    for path in ["/auth/me", "/tickets"] {
        Anon::new()
            .ask("GET", path)
            .header("Cookie", &fourth)
            .header("Origin", &own)
            .send()
            .is(401);
    }
    // A new password comes with a new one.
    let changed = me
        .ask("PUT", "/auth/change-password")
        .header("Cookie", &fourth)
        .json(&json!({"current_password": make::PASSWORD, "new_password": "another long passphrase"}))
        .send()
        .is(200);
    assert!(changed.json().get("refresh_token").is_none());
    let fifth = cookie(&changed);
    refresh(&fourth, Some(&own)).refused(401, "UNAUTHORIZED");
    let access = changed.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();

    let out = customer
        .with_token(&access)
        .ask("POST", "/auth/logout")
        .header("Cookie", &fifth)
        .send()
        .is(200);
    let cleared = out.header("set-cookie").expect("a cookie");
    assert!(
        cleared.starts_with("edgedesk_refresh=;") && cleared.contains("Max-Age=0"),
        "{cleared}"
    );
    refresh(&fifth, Some(&own)).refused(401, "UNAUTHORIZED");
}

#[test]
fn whoever_does_not_ask_gets_it_in_the_body() {
    let customer = Customer::fresh();
    let login = json!({"email": customer.email, "password": make::PASSWORD});
    let signed = Anon::new()
        .ask("POST", "/auth/login")
        .header("Cookie", "edgedesk_refresh=old; theme=dark")
        .json(&login)
        .send()
        .is(200);
    assert_eq!(signed.header("set-cookie"), None);
    let me = Caller::from_session(&customer.host, Role::Customer, &signed.json());
    // A token in the body wants no origin, and moves into a cookie when that is asked for.
    let renewed = Anon::new()
        .post("/auth/refresh", json!({"refresh_token": me.refresh}))
        .is(200);
    assert_eq!(renewed.header("set-cookie"), None);
    let token = renewed.json()["refresh_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let moved = Anon::new()
        .ask("POST", "/auth/refresh")
        .header("Accept-Session", "cookie")
        .json(&json!({"refresh_token": token}))
        .send()
        .is(200);
    assert!(moved.json().get("refresh_token").is_none());
    cookie(&moved);
    let out = me.post("/auth/logout", json!({})).is(200);
    assert_eq!(out.header("set-cookie"), None);
    Anon::new()
        .ask("POST", "/auth/refresh")
        .header("Cookie", "theme=dark")
        .send()
        .faults(&["refresh_token"]);
}

#[test]
fn a_listed_page_may_ask_for_it() {
    let answer = Anon::new()
        .ask("OPTIONS", "/auth/login")
        .header("Origin", make::ORIGIN)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "accept-session, content-type")
        .send();
    let allowed = answer
        .header("access-control-allow-headers")
        .unwrap_or_default()
        .to_owned();
    assert!(allowed.contains("Accept-Session"), "{allowed}");
    let foreign = Anon::new()
        .ask("OPTIONS", "/auth/login")
        .header("Origin", "https://evil.example")
        .send();
    assert_eq!(foreign.header("access-control-allow-origin"), None);
}
