//! Coming in: registration, login, passwords, and what is refused.

use std::time::Instant;

use crate::support::client::Role;
use crate::support::{Admin, Anon, Answer, Caller, Customer, Value, Worker, json, make};

fn register(body: Value) -> Answer {
    Anon::new().post("/auth/register", body)
}

fn login(body: Value) -> Answer {
    Anon::new().post("/auth/login", body)
}

#[test]
fn registration_opens_a_session() {
    let email = make::email();
    let answer = register(json!({
        "email": email, "password": make::PASSWORD, "first_name": "Ada", "last_name": "Lovelace", "department": "Engines"
    }))
    .is(201);
    let session = answer.json();
    assert_eq!(session["token_type"], "Bearer");
    assert_eq!(session["expires_in"], 900);
    let user = &session["user"];
    for (field, want) in [
        ("email", json!(email)),
        ("first_name", json!("Ada")),
        ("last_name", json!("Lovelace")),
        ("full_name", json!("Ada Lovelace")),
        ("role", json!("customer")),
        ("is_active", json!(true)),
        ("department", json!("Engines")),
    ] {
        assert_eq!(user[field], want, "{field}");
    }
    for field in [
        "id",
        "uid",
        "username",
        "permissions",
        "phone",
        "avatar_url",
        "created_at",
        "updated_at",
        "last_login_at",
    ] {
        assert!(user.get(field).is_some(), "no {field} in {user}");
    }
    assert!(
        user["permissions"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
    );
    let text = answer.text();
    assert!(!text.contains("password") && !text.contains("argon2") && !text.contains(make::PASSWORD));
    let caller = Caller::from_session(&Worker::shared().host, Role::Customer, &session);
    let me = caller.get("/auth/me").is(200).json();
    assert_eq!(me["id"], user["id"]);
    assert_eq!(caller.get("/users/me").is(200).json(), me);
    caller.get("/auth/verify-token").is(200);
}

#[test]
fn a_name_may_come_in_one_piece() {
    for (key, name, first, last) in [
        ("name", "Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("full_name", "Plato", "Plato", ""),
    ] {
        let mut body = json!({"email": make::email(), "password": make::PASSWORD});
        body[key] = json!(name);
        let user = register(body).is(201).json()["user"].clone();
        assert_eq!(
            (
                user["first_name"].as_str(),
                user["last_name"].as_str().unwrap_or_default()
            ),
            (Some(first), last)
        );
        assert_eq!(user["full_name"], name);
    }
}

#[test]
fn a_username_is_made_from_the_address_and_unique() {
    let local = format!("Jane.{}", make::unique());
    let name = |host: &str| {
        let email = format!("{local}@{host}");
        register(json!({"email": email, "password": make::PASSWORD}))
            .is(201)
            .json()["user"]["username"]
            .clone()
    };
    let (one, two) = (name("one.example"), name("two.example"));
    assert_eq!(one, local.to_lowercase());
    assert_ne!(one, two);
    assert!(two.as_str().unwrap().starts_with(one.as_str().unwrap()), "{two}");
}

#[test]
fn an_address_and_a_username_are_taken_once_in_any_case() {
    let (email, username) = (make::email(), make::unique());
    let body = |email: &str, username: &str| json!({"email": email, "username": username, "password": make::PASSWORD});
    register(body(&email, &username)).is(201);
    register(body(&email, &make::unique())).refused(409, "CONFLICT");
    register(body(&email.to_uppercase(), &make::unique())).refused(409, "CONFLICT");
    register(body(&make::email(), &username)).refused(409, "CONFLICT");
    register(body(&make::email(), &username.to_uppercase())).refused(409, "CONFLICT");
}

#[test]
fn nobody_makes_themselves_staff() {
    for role in ["agent", "manager", "admin", "Admin"] {
        register(json!({"email": make::email(), "password": make::PASSWORD, "role": role}))
            .refused(403, "FORBIDDEN");
    }
    for role in ["customer", "user", "USER"] {
        let body = json!({"email": make::email(), "password": make::PASSWORD, "role": role});
        assert_eq!(register(body).is(201).json()["user"]["role"], "customer");
    }
    register(json!({"email": make::email(), "password": make::PASSWORD, "role": "root"})).faults(&["role"]);
    for key in ["is_admin", "is_active", "permissions", "ver"] {
        let mut body = json!({"email": make::email(), "password": make::PASSWORD});
        body[key] = json!(true);
        assert_eq!(register(body).is(201).json()["user"]["role"], "customer");
    }
}

#[test]
fn what_an_account_may_be_made_of() {
    register(json!({})).faults(&["email", "password"]);
    register(json!({"email": 5, "password": 5})).faults(&["email", "password"]);
    let long = format!("{}@example.org", "x".repeat(250));
    for email in [
        "",
        "x",
        "@",
        "a@",
        "@b.org",
        "a b@c.org",
        "a@b@c.org",
        "a@b..org",
        "a\n@b.org",
        &long,
    ] {
        register(json!({"email": email, "password": make::PASSWORD})).faults(&["email"]);
    }
    for username in ["a@b", "", "x\ny", &"x".repeat(101)] {
        let body = json!({"email": make::email(), "password": make::PASSWORD, "username": username});
        register(body).faults(&["username"]);
    }
    for field in ["first_name", "last_name"] {
        for (name, status) in [
            ("x".repeat(100), 201),
            ("x".repeat(101), 400),
            ("tab\tbed".to_owned(), 400),
        ] {
            let mut body = json!({"email": make::email(), "password": make::PASSWORD});
            body[field] = json!(name);
            register(body).is(status);
        }
    }
    for (password, status) in [
        ("1234567".to_owned(), 400),
        ("12345678".to_owned(), 201),
        ("        ".to_owned(), 201),
        ("é".repeat(128), 201),
        ("x".repeat(129), 400),
        ("😀".repeat(128), 201),
    ] {
        register(json!({"email": make::email(), "password": password})).is(status);
    }
}

#[test]
fn a_password_counts_exactly_as_it_was_typed() {
    let email = make::email();
    let password = " Pässword with spaces ";
    register(json!({"email": email, "password": password})).is(201);
    login(json!({"email": email, "password": password})).is(200);
    for other in [
        password.trim(),
        "Pa\u{308}ssword with spaces",
        " pässword with spaces ",
        "",
    ] {
        let status = login(json!({"email": email, "password": other})).status();
        assert!(matches!(status, 400 | 401), "{other:?}: {status}");
    }
}

#[test]
fn login_takes_either_name_in_either_field_and_either_form() {
    let (email, username) = (make::email(), make::unique());
    register(json!({"email": email, "username": username, "password": make::PASSWORD})).is(201);
    for field in ["email", "username"] {
        for who in [&email, &username, &email.to_uppercase(), &username.to_uppercase()] {
            let mut body = json!({"password": make::PASSWORD});
            body[field] = json!(who);
            assert_eq!(
                login(body).is(200).json()["user"]["email"],
                email,
                "{field} {who}"
            );
        }
    }
    let form = format!(
        "grant_type=password&username={}&password=a+long%20enough+passphrase",
        email.replace('@', "%40")
    );
    let answer = Anon::new()
        .ask("POST", "/auth/login")
        .raw("application/x-www-form-urlencoded", form.as_bytes())
        .send()
        .is(200);
    assert_eq!(answer.json()["token_type"], "Bearer");
    assert!(answer.json()["user"]["last_login_at"].is_string());
    let part = |name: &str, value: &str| {
        format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let whole = format!(
        "{}{}--b0undary--\r\n",
        part("username", &email),
        part("password", make::PASSWORD)
    );
    let send = |body: &str| {
        Anon::new()
            .ask("POST", "/auth/login")
            .raw("multipart/form-data; boundary=b0undary", body.as_bytes())
            .send()
    };
    assert_eq!(send(&whole).is(200).json()["user"]["email"], email);
    send(&whole.replace("--b0undary--", "")).refused(400, "VALIDATION_ERROR");
    send(&part("username", &email)).refused(400, "VALIDATION_ERROR");
    send(&format!("{}--b0undary--", part("username", &email))).faults(&["password"]);
    login(json!({})).is(400);
    login(json!({"email": email})).faults(&["password"]);
}

#[test]
fn a_wrong_password_and_an_unknown_account_look_the_same() {
    let email = make::email();
    register(json!({"email": email, "password": make::PASSWORD})).is(201);
    let mut spent = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        for (who, times) in [email.clone(), make::email()].into_iter().zip(&mut spent) {
            let began = Instant::now();
            let answer =
                login(json!({"email": who, "password": "not the passphrase"})).refused(401, "UNAUTHORIZED");
            times.push(began.elapsed());
            let mut body = answer.json();
            body["request_id"] = Value::Null;
            assert!(!body.to_string().contains(&who), "{body}");
            assert_eq!(
                body["message"],
                login(json!({"email": make::email(), "password": "x"})).json()["message"]
            );
        }
    }
    // The least disturbed of each: a hash is computed in both cases.
    let [known, unknown] = spent.map(|times| times.into_iter().min().unwrap().as_secs_f64());
    assert!(
        (0.4..2.5).contains(&(unknown / known)),
        "known {known} s, unknown {unknown} s"
    );
}

#[test]
fn ten_failures_close_an_account_for_a_while() {
    let customer = Customer::fresh();
    let attempt = |password: &str| login(json!({"email": customer.email, "password": password}));
    for _ in 0..10 {
        attempt("guess guess guess").is(401);
    }
    let refused = attempt("guess guess guess").refused(429, "RATE_LIMITED");
    assert!(
        refused
            .header("retry-after")
            .and_then(|it| it.parse::<u64>().ok())
            .is_some_and(|it| it <= 900)
    );
    attempt(make::PASSWORD).refused(429, "RATE_LIMITED");
    // Whoever is inside stays inside, and others come in.
    customer.get("/auth/me").is(200);
    Customer::fresh();
    // An unknown account behaves alike.
    let nobody = make::email();
    for _ in 0..10 {
        login(json!({"email": nobody, "password": "guess guess guess"})).is(401);
    }
    login(json!({"email": nobody, "password": "guess guess guess"})).is(429);
}

#[test]
fn a_hundred_failures_close_an_address_for_a_while() {
    let (customer, anon) = (Customer::fresh(), Anon::new());
    let attempt =
        |email: &str, password: &str| anon.post("/auth/login", json!({"email": email, "password": password}));
    for _ in 0..100 {
        attempt(&make::email(), "guess guess guess").is(401);
    }
    attempt(&customer.email, make::PASSWORD).refused(429, "RATE_LIMITED");
    login(json!({"email": customer.email, "password": make::PASSWORD})).is(200);
}

#[test]
fn a_made_up_reset_token_sets_nothing() {
    let known = Customer::fresh();
    for token in ["", "x", &make::secret()] {
        let answer = Anon::new().post(
            "/auth/reset-password",
            json!({"token": token, "password": "another passphrase"}),
        );
        assert!(matches!(answer.status(), 400 | 401), "{}", answer.status());
    }
    login(json!({"email": known.email, "password": make::PASSWORD})).is(200);
}

#[test]
fn an_account_without_a_password_lets_nobody_in() {
    let email = make::email();
    Admin::any()
        .post("/users", json!({"email": email, "role": "agent"}))
        .is(201);
    for password in ["", "null", make::PASSWORD] {
        let status = login(json!({"email": email, "password": password})).status();
        assert!(matches!(status, 400 | 401), "{status}");
    }
}
