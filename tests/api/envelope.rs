//! How every answer is dressed: request ids, problem details, origins, methods, limits by rate.

use crate::support::{Admin, Anon, Answer, Customer, Worker, forge, json, make};

#[test]
fn a_request_id_comes_back() {
    let mine = format!("trace-{}", make::unique());
    let answer = Customer::any()
        .ask("GET", "/tickets")
        .header("X-Request-Id", &mine)
        .send()
        .is(200);
    assert_eq!(answer.header("x-request-id"), Some(mine.as_str()));
    let answer = Anon::new()
        .ask("GET", "/tickets")
        .header("X-Request-Id", &mine)
        .send()
        .is(401);
    assert_eq!(answer.json()["request_id"], mine);
}

#[test]
fn a_request_id_that_is_no_id_is_replaced() {
    for bad in [
        "with space",
        "<script>",
        "x".repeat(300).as_str(),
        "\u{e9}",
        "\"quoted\"",
        "a,b;c",
    ] {
        let answer = Customer::any()
            .ask("GET", "/tickets")
            .header("X-Request-Id", bad)
            .send()
            .is(200);
        let given = answer.header("x-request-id").unwrap_or_default();
        assert!(
            given != bad && !given.is_empty() && given.len() <= 128,
            "{bad:?} gave {given:?}"
        );
    }
    let (one, two) = (Customer::any().get("/tickets"), Customer::any().get("/tickets"));
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

#[test]
fn problem_details_are_the_same_facts() {
    let plain = Customer::any()
        .post("/tickets", json!({"title": "x"}))
        .faults(&["title", "description"])
        .json();
    let problem = Customer::any()
        .ask("POST", "/tickets")
        .header("Accept", "application/problem+json")
        .json(&json!({"title": "x"}))
        .send()
        .is(400)
        .json();
    assert_eq!(problem["errors"], plain["errors"]);
    assert_eq!(problem["code"], plain["code"]);
    assert_eq!(problem["detail"], plain["detail"]);
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("GET", "/auth/me", 401),
        ("PURGE", "/tickets", 405),
    ] {
        Anon::new()
            .ask(method, path)
            .header("Accept", "application/problem+json")
            .send()
            .is(status);
    }
}

#[test]
fn an_allowed_origin_is_named_and_no_other() {
    let customer = Customer::any();
    for path in ["/tickets", "/tickets/9007199254740991", "/nothing"] {
        let answer = customer.ask("GET", path).header("Origin", make::ORIGIN).send();
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(make::ORIGIN),
            "{path}"
        );
        assert!(
            answer
                .header("vary")
                .is_some_and(|vary| vary.to_ascii_lowercase().contains("origin"))
        );
        let shown = answer
            .header("access-control-expose-headers")
            .unwrap_or_default()
            .to_ascii_lowercase();
        for name in ["etag", "location", "x-request-id", "retry-after"] {
            assert!(shown.contains(name), "{name} is not exposed: {shown}");
        }
        for foreign in [
            "https://evil.example",
            "null",
            "https://desk.example.evil.example",
            "http://desk.example",
        ] {
            let answer = customer.ask("GET", path).header("Origin", foreign).send();
            assert_eq!(answer.header("access-control-allow-origin"), None, "{foreign}");
        }
    }
    let refused = Anon::new()
        .ask("GET", "/tickets")
        .header("Origin", make::ORIGIN)
        .send()
        .is(401);
    assert_eq!(refused.header("access-control-allow-origin"), Some(make::ORIGIN));
}

#[test]
fn a_preflight_says_what_may_be_sent() {
    let ask_of = |path: &str, origin: &str| {
        Anon::new()
            .ask("OPTIONS", path)
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "PUT")
            .header(
                "Access-Control-Request-Headers",
                "authorization,content-type,if-match,idempotency-key",
            )
            .send()
    };
    let ask = |origin: &str| ask_of("/tickets/5", origin);
    // A path that does not exist says so to the request itself, whose answer a page may read after this one.
    let unknown = ask_of("/no-such-path/5", make::ORIGIN).is(204);
    assert_eq!(unknown.header("access-control-allow-origin"), Some(make::ORIGIN));
    ask_of("/no-such-path/5", "https://elsewhere.example").is(404);
    let answer = ask(make::ORIGIN);
    assert!(matches!(answer.status(), 200 | 204));
    assert_eq!(answer.header("access-control-allow-origin"), Some(make::ORIGIN));
    let methods = answer.header("access-control-allow-methods").unwrap_or_default();
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        assert!(methods.contains(method), "{methods}");
    }
    let headers = answer
        .header("access-control-allow-headers")
        .unwrap_or_default()
        .to_ascii_lowercase();
    for name in [
        "authorization",
        "content-type",
        "if-match",
        "if-none-match",
        "idempotency-key",
        "x-request-id",
    ] {
        assert!(headers.contains(name), "{headers}");
    }
    assert!(answer.header("access-control-max-age").is_some());
    assert_eq!(
        ask("https://evil.example").header("access-control-allow-origin"),
        None
    );
}

#[test]
fn what_is_created_has_a_place_and_what_is_deleted_has_no_body() {
    let customer = Customer::any();
    let answer = customer
        .post(
            "/tickets",
            json!({"title": "A place", "description": "To be found."}),
        )
        .is(201);
    let place = answer.header("location").unwrap_or_default().to_owned();
    assert_eq!(
        customer.ask("GET", &place).at_root().send().is(200).json()["id"],
        answer.json()["id"]
    );
    let message = make::message(customer, &answer.json(), "Soon gone.");
    let gone = customer.delete(&format!("/messages/{}", message["id"])).is(204);
    assert!(gone.bytes().is_empty());
}

#[test]
fn a_get_changes_nothing_and_a_head_answers_as_a_get() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let before = customer.get(&path).is(200);
    for other in [
        "/tickets",
        "/tickets/my",
        "/auth/me",
        "/auth/sessions",
        "/tickets/stats/summary",
    ] {
        let (get, head) = (
            customer.get(other).is(200),
            customer.ask("HEAD", other).send().is(200),
        );
        assert!(head.bytes().is_empty());
        assert_eq!(get.header("content-type"), head.header("content-type"), "{other}");
    }
    for tail in ["", "/comments", "/history", "/timeline", "/transitions"] {
        customer.get(&format!("{path}{tail}")).is(200);
    }
    assert_eq!(customer.get(&path).is(200).json(), before.json());
}

#[test]
fn without_a_content_type_a_body_is_json() {
    let body = json!({"title": "Undressed", "description": "No content type at all."}).to_string();
    Customer::any()
        .ask("POST", "/tickets")
        .raw("", body.as_bytes())
        .send()
        .is(201);
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
    ] {
        Customer::any()
            .ask("POST", "/tickets")
            .raw(kind, body.as_bytes())
            .send()
            .is(201);
    }
}

#[test]
fn nothing_starts_without_its_secrets() {
    for missing in ["JWT_SECRET", "PASSWORD_PEPPER"] {
        let worker = Worker::start(&[(missing, "")]);
        let anon = Anon::on(&worker);
        anon.ask("GET", "/health").at_root().undocumented().send().is(200);
        anon.ask("GET", "/version")
            .at_root()
            .undocumented()
            .send()
            .is(200);
        for (method, path) in [
            ("GET", "/tickets"),
            ("POST", "/auth/login"),
            ("POST", "/auth/register"),
        ] {
            let answer = anon
                .ask(method, path)
                .may_fail()
                .send()
                .refused(503, "UNAVAILABLE");
            assert!(
                answer.json()["message"]
                    .as_str()
                    .is_some_and(|it| it.contains(missing)),
                "{}",
                answer.text()
            );
        }
    }
    let worker = Worker::start(&[("JWT_SECRET", "too short to be a secret")]);
    let answer = Anon::on(&worker)
        .ask("GET", "/tickets")
        .may_fail()
        .send()
        .refused(503, "UNAVAILABLE");
    assert!(answer.text().contains("32"), "{}", answer.text());
    assert!(!answer.text().contains("too short to be a secret"));
}

#[test]
fn too_many_requests_are_told_when_to_come_back() {
    let worker = Worker::start(&[("RATE_LIMITS", "on")]);
    let anon = Anon::on(&worker);
    // Registration is the tightest: 60 a minute from one address.
    let mut refused = None;
    for _ in 0..70 {
        let answer = anon.post(
            "/auth/register",
            json!({"email": "not an address", "password": "x"}),
        );
        assert!(answer.header("ratelimit-policy").is_some(), "no RateLimit-Policy");
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
        assert_eq!(answer.status(), 400);
    }
    let refused = refused
        .expect("70 registrations from one address in a minute")
        .refused(429, "RATE_LIMITED");
    let wait: u64 = refused
        .header("retry-after")
        .and_then(|it| it.parse().ok())
        .expect("Retry-After in seconds");
    assert!((1..=60).contains(&wait));
    assert!(refused.header("ratelimit").is_some());
    // Another address is not bothered.
    Customer::on(&worker);
}

#[test]
fn the_limit_is_told_before_the_caller_is_known() {
    let anon = Anon::new();
    let by_address = Some("\"default\";q=3000;w=60");
    for answer in [
        anon.get("/tickets").is(401),
        anon.with_token("nonsense").get("/users").is(401),
        anon.post("/tickets", json!({})).is(401),
        anon.delete("/tickets").is(405),
        anon.ask("GET", "/no-such-route").undocumented().send().is(404),
        anon.ask("POST", "/tickets")
            .raw("application/json", &[b' '; 300_000])
            .send()
            .is(413),
        anon.get("/messages/ws?token=nonsense").is(401),
    ] {
        if answer.header("ratelimit-policy") != by_address {
            answer.fail("expected the policy of addresses");
        }
    }
    let presign = anon.post("/attachments/presigned-url", json!({})).is(401);
    assert_eq!(presign.header("ratelimit-policy"), Some("\"default\";q=60;w=60"));
    let health = anon.ask("GET", "/health").at_root().send().is(200);
    assert_eq!(health.header("ratelimit-policy"), None, "it has no limit");
    let known = Customer::any().get("/tickets").is(200);
    assert_eq!(known.header("ratelimit-policy"), Some("\"default\";q=600;w=60"));
}

#[test]
fn rows_are_told_to_staff_who_are_believed() {
    let admin = Admin::fresh();
    let rows = |answer: &Answer| answer.timing("rows_read").or(answer.timing("rows_written"));
    assert!(rows(&admin.get("/tickets").is(200)).is_some());
    assert!(rows(&admin.get("/tickets/9007199254740991").is(404)).is_some());
    assert_eq!(rows(&Customer::any().get("/tickets").is(200)), None);
    // Customers who claim to be staff, with a signature that is good for it.
    let customer = Customer::fresh();
    let (header, claims) = forge::open(&customer.access);
    let secret = Worker::shared().var("JWT_SECRET").as_bytes();
    for role in ["agent", "manager", "admin"] {
        let mut claims = claims.clone();
        claims["role"] = json!(role);
        let liar = customer.with_token(&forge::hs256(&header, &claims, secret));
        for path in [
            "/tickets",
            "/users",
            "/tickets/9007199254740991",
            "/tickets?limit=x",
        ] {
            let answer = liar.get(path).is(401);
            assert_eq!(rows(&answer), None, "{role} {path}");
        }
    }
    // Staff who have left.
    admin.post("/auth/logout", json!({})).is(200);
    for path in ["/tickets", "/admin/settings", "/tickets?limit=x"] {
        assert_eq!(rows(&admin.get(path).is(401)), None, "{path}");
    }
}
