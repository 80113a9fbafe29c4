//! Files on their way: parts of them, types with parameters, uploads that never came.

use crate::support::{Agent, Answer, Caller, Customer, Value, Worker, json, link, make, time};

fn file(ticket: &Value, by: &Caller, more: Value) -> (Vec<u8>, String) {
    let bytes: Vec<u8> = (0..=99).collect();
    let file = make::attachment_with(by, ticket, &bytes, more);
    (bytes, format!("/attachments/{}", file["id"]))
}

#[test]
fn a_part_of_a_file_is_sent() {
    let customer = Customer::fresh();
    let (bytes, path) = file(&make::ticket(&customer), &customer, json!({}));
    let shown = customer.get(&path).is(200).json();
    let url = shown["download_url"].as_str().unwrap().to_owned();
    let by_token = |range: &str| {
        customer
            .ask("GET", &format!("{path}/download"))
            .header("Range", range)
            .send()
    };
    let by_link = |range: &str| link::ask("GET", &url, &[("Range".to_owned(), range.to_owned())], None);
    let doors: [&dyn Fn(&str) -> Answer; 2] = [&by_token, &by_link];
    for ask in doors {
        for (range, from, until) in [
            ("bytes=10-19", 10, 20),
            ("bytes=0-0", 0, 1),
            ("bytes=95-", 95, 100),
            ("bytes=-7", 93, 100),
            ("bytes=90-5000", 90, 100),
            ("bytes=-5000", 0, 100),
        ] {
            let answer = ask(range).is(206);
            assert_eq!(answer.bytes(), &bytes[from..until], "{range}");
            let told = format!("bytes {from}-{}/100", until - 1);
            assert_eq!(answer.header("content-range"), Some(told.as_str()), "{range}");
            assert_eq!(
                answer.header("content-length"),
                Some((until - from).to_string().as_str())
            );
            assert_eq!(answer.header("accept-ranges"), Some("bytes"));
            assert!(
                answer
                    .header("content-disposition")
                    .unwrap()
                    .starts_with("attachment")
            );
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        }
        for range in ["bytes=0-1,5-6", "bytes=9-1", "bytes=x-", "pages=1-2", "bytes"] {
            let answer = ask(range).is(200);
            assert_eq!(answer.bytes(), bytes, "{range}");
            assert_eq!(answer.header("accept-ranges"), Some("bytes"));
        }
        for range in ["bytes=100-", "bytes=5000-6000", "bytes=-0"] {
            let answer = ask(range).refused(416, "RANGE_NOT_SATISFIABLE");
            assert_eq!(answer.header("content-range"), Some("bytes */100"), "{range}");
        }
    }
    // A condition that we cannot test, and a request that wants no bytes at all.
    let download = format!("{path}/download");
    let ask = |by: &Caller, method: &str, headers: &[(&str, &str)]| {
        let ask = by.ask(method, &download);
        headers
            .iter()
            .fold(ask, |ask, (name, value)| ask.header(name, value))
            .send()
    };
    let condition = [("Range", "bytes=1-2"), ("If-Range", "\"1-00000000\"")];
    assert_eq!(ask(&customer, "GET", &condition).is(200).bytes(), bytes);
    let head = ask(&customer, "HEAD", &[("Range", "bytes=1-2")]).is(200);
    assert_eq!(head.header("content-length"), Some("100"));
    // Who may not see the file learns nothing of its length.
    ask(Customer::any(), "GET", &[("Range", "bytes=500-")]).refused(404, "NOT_FOUND");
}

#[test]
fn pages_of_other_origins_read_the_name_of_a_download() {
    let customer = Customer::fresh();
    let (_, path) = file(&make::ticket(&customer), &customer, json!({}));
    let answer = customer
        .ask("GET", &format!("{path}/download"))
        .header("Origin", make::ORIGIN)
        .send()
        .is(200);
    let exposed = answer
        .header("access-control-expose-headers")
        .unwrap()
        .to_lowercase();
    for name in ["content-disposition", "content-range", "accept-ranges", "etag"] {
        assert!(
            exposed.split(", ").any(|known| known == name),
            "{name} in {exposed}"
        );
    }
    let allowed = answer
        .header("access-control-allow-headers")
        .unwrap()
        .to_lowercase();
    assert!(allowed.split(", ").any(|known| known == "range"), "{allowed}");
}

#[test]
fn a_type_is_signed_with_its_parameters() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    for (declared, want) in [
        ("text/plain;charset=utf-8", "text/plain;charset=utf-8"),
        ("text/plain; charset=\"utf-8\"", "text/plain; charset=\"utf-8\""),
        (
            "TEXT/CSV; charset=UTF-8; header=present",
            "text/csv; charset=UTF-8; header=present",
        ),
        ("text/plain", "text/plain"),
    ] {
        let link = make::upload(&customer, &ticket, b"abc", json!({"content_type": declared}));
        assert_eq!(link["headers"]["content-type"], want);
        link::put(&link, b"abc").is(200);
        let file = customer
            .post("/attachments", json!({"key": link["key"]}))
            .is(201)
            .json();
        assert_eq!(file["content_type"], want);
        let path = format!("/attachments/{}", file["id"]);
        let kind = want.split(';').next();
        assert_eq!(
            customer
                .get(&format!("{path}/download"))
                .is(200)
                .header("content-type"),
            kind
        );
        let url = customer.get(&path).is(200).json()["download_url"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            link::ask("GET", &url, &[], None).is(200).header("content-type"),
            kind
        );
        // Without them, or with others, it is another request.
        let link = make::upload(&customer, &ticket, b"abc", json!({"content_type": declared}));
        let url = link["upload_url"].as_str().unwrap();
        for other in ["text/plain; charset=latin1", "text/html"] {
            let mut headers = link::headers(&link);
            for (name, value) in &mut headers {
                if name == "content-type" {
                    *value = other.to_owned();
                }
            }
            link::ask("PUT", url, &headers, Some(b"abc")).is(403);
        }
    }
    for wrong in [
        "text/html; charset=utf-8",
        "text/plain; charset=ü",
        "; charset=utf-8",
    ] {
        let body = json!({"ticket_id": ticket["id"], "filename": "a.txt", "content_type": wrong, "size": 3});
        customer
            .post("/attachments/presigned-url", body)
            .faults(&["content_type"]);
    }
}

#[test]
fn uploads_that_never_came_free_their_places() {
    let worker = Worker::shared();
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let ask = |by: &Caller, more: Value| {
        let mut body =
            json!({"ticket_id": ticket["id"], "filename": "a.txt", "content_type": "text/plain", "size": 3});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        by.post("/attachments/presigned-url", body)
    };
    let links: Vec<Value> = (0..20)
        .map(|_| ask(&customer, json!({})).is(200).json())
        .collect();
    ask(&customer, json!({})).refused(409, "CONFLICT");
    // Their own count: notes have other places.
    ask(Agent::any(), json!({"is_internal": true})).is(200);
    // After an hour none of them can arrive any more. (`/dev/age` moves by hours.)
    time::age(worker, &ticket, 1);
    for _ in 0..20 {
        ask(&customer, json!({})).is(200);
    }
    ask(&customer, json!({})).refused(409, "CONFLICT");
    // One that came in time and is registered late is taken as long as there is a place.
    link::put(&links[0], b"abc").is(200);
    customer
        .post("/attachments", json!({"key": links[0]["key"]}))
        .is(201);
}
