//! How words are written and read: aliases, names of rows, input limits.

use crate::support::{Agent, Anon, Customer, Manager, Value, json, make};

#[test]
fn older_words_are_understood_and_never_spoken() {
    let (customer, agent) = (Customer::fresh(), Agent::any());
    let ticket = customer
        .post("/tickets", json!({"subject": "An older word", "initial_description": "From an older client.", "priority": "CRITICAL"}))
        .is(201)
        .json();
    assert_eq!(ticket["title"], "An older word");
    assert_eq!(ticket["description"], "From an older client.");
    assert_eq!(ticket["priority"], "urgent");
    for absent in [
        "subject",
        "initial_description",
        "assigned_to",
        "agent_id",
        "category_id",
    ] {
        assert!(ticket.get(absent).is_none(), "{absent}");
    }
    // Mistakes are told under the word that was sent.
    customer
        .post(
            "/tickets",
            json!({"subject": "Hi", "initial_description": "", "priority": "CRITICAL"}),
        )
        .faults(&["initial_description", "subject"]);
    customer
        .post("/tickets", json!({"subject": null}))
        .faults(&["description", "subject"]);
    let path = format!("/tickets/{}", ticket["id"]);
    for word in ["content", "message", "body"] {
        let mut body = json!({});
        body[word] = json!(format!("said by {word}"));
        let message = customer.post(&format!("{path}/comments"), body).is(201).json();
        assert_eq!(message["body"], format!("said by {word}"));
        assert!(message.get("content").is_none() && message.get("message").is_none());
    }
    for word in ["assigned_to", "agent_id", "assignee_id"] {
        for person in [json!(agent.id), Value::Null, json!(agent.uid)] {
            let mut body = json!({});
            body[word] = person.clone();
            let changed = Manager::any().put(&path, body).is(200).json();
            assert_eq!(changed["assignee"].is_null(), person.is_null(), "{word} {person}");
        }
    }
    for (given, want) in [
        ("In Progress", "in_progress"),
        ("WAITING", "waiting"),
        ("in-progress", "in_progress"),
    ] {
        assert_eq!(
            Manager::any()
                .put(&format!("{path}/status"), json!({"status": given}))
                .is(200)
                .json()["status"],
            want
        );
    }
    assert_eq!(
        Manager::any()
            .patch(&path, json!({"priority": "Normal"}))
            .is(200)
            .json()["priority"],
        "medium"
    );
}

#[test]
fn every_name_of_a_row_finds_it() {
    let customer = Customer::any();
    let ticket = make::ticket(customer);
    for name in ["id", "uid", "number"] {
        let name = ticket[name].to_string();
        let name = name.trim_matches('"');
        for spelled in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            let found = customer.get(&format!("/tickets/{spelled}")).is(200).json();
            assert_eq!(found["id"], ticket["id"], "{spelled}");
            customer.get(&format!("/tickets/{spelled}/comments")).is(200);
        }
    }
    assert!(
        ticket["uid"]
            .as_str()
            .unwrap()
            .split('-')
            .nth(2)
            .unwrap()
            .starts_with('7'),
        "UUIDv7"
    );
    // Digits in quotes are no id in a body; a uid is.
    customer
        .post(
            "/messages",
            json!({"ticket_id": ticket["uid"], "message": "By uid."}),
        )
        .is(201);
    customer
        .post(
            "/messages",
            json!({"ticket_id": ticket["id"].to_string(), "message": "By text."}),
        )
        .faults(&["ticket_id"]);
}

#[test]
fn nesting_ends_at_thirty_two() {
    let nested = |depth: usize| {
        let inside = format!("{}1{}", "{\"a\":".repeat(depth - 1), "}".repeat(depth - 1));
        format!("{{\"title\":\"Nested\",\"description\":\"Deep.\",\"unknown\":{inside}}}")
    };
    let send = |body: String| {
        Customer::any()
            .ask("POST", "/tickets")
            .raw("application/json", body.as_bytes())
            .send()
    };
    send(nested(31)).is(201);
    send(nested(32)).is(201);
    send(nested(33)).refused(400, "VALIDATION_ERROR");
    send(nested(40_000)).refused(400, "VALIDATION_ERROR");
    send(format!("{{\"unknown\":{}", "[".repeat(100_000))).refused(400, "VALIDATION_ERROR");
}

#[test]
fn a_body_may_be_exactly_as_large_as_promised() {
    let frame = "{\"title\":\"Large\",\"description\":\"Just fits.\",\"unknown\":\"\"}";
    for (size, status) in [(256 * 1024, 201), (256 * 1024 + 1, 413)] {
        let body = frame.replace("\"\"", &format!("\"{}\"", "x".repeat(size - frame.len())));
        assert_eq!(body.len(), size);
        Customer::any()
            .ask("POST", "/tickets")
            .raw("application/json", body.as_bytes())
            .send()
            .is(status);
    }
    Anon::new()
        .ask("POST", "/auth/login")
        .raw("application/json", &vec![b' '; 400_000])
        .send()
        .is(413);
}

#[test]
fn all_faults_are_named_at_once() {
    let customer = Customer::any();
    customer
        .post("/tickets", json!({}))
        .faults(&["title", "description"]);
    customer
        .post(
            "/tickets",
            json!({"title": "ab", "description": " ", "priority": "asap"}),
        )
        .faults(&["title", "description", "priority"]);
    for (title, status) in [
        ("abc".to_owned(), 201),
        ("ab".to_owned(), 400),
        ("  a  ".to_owned(), 400),
        ("é".repeat(200), 201),
        ("😀".repeat(200), 201),
        ("é".repeat(201), 400),
        (format!("  {}  ", "x".repeat(200)), 201),
        ("tab\tin it".to_owned(), 400),
        ("line\nbreak".to_owned(), 400),
    ] {
        let answer = customer
            .post("/tickets", json!({"title": title, "description": "d"}))
            .is(status);
        if status == 201 {
            assert_eq!(answer.json()["title"], title, "stored as it came");
        }
    }
    for (text, status) in [
        ("x".repeat(10_000), 201),
        ("x".repeat(10_001), 400),
        ("a\tb\r\nc\n".to_owned(), 201),
        ("\u{7f}".to_owned(), 201),
        ("\u{1b}[0m".to_owned(), 400),
    ] {
        let answer = customer
            .post("/tickets", json!({"title": "Lengths", "description": text}))
            .is(status);
        if status == 201 {
            assert_eq!(answer.json()["description"], text, "stored as it came");
        }
    }
}

#[test]
fn a_name_shows_something() {
    let customer = Customer::fresh();
    for blank in [
        "  ",
        " ",
        "\u{3000}",
        "\u{a0}\u{2003}",
        "\u{200b}",
        "\u{2060}\u{feff} ",
        "\u{3164}",
        "\u{2800}",
    ] {
        for field in ["first_name", "last_name", "department"] {
            let mut body = json!({});
            body[field] = json!(blank);
            customer.put("/users/me", body.clone()).faults(&[field]);
            body["email"] = json!(make::email());
            body["password"] = json!(make::PASSWORD);
            Anon::new().post("/auth/register", body).faults(&[field]);
        }
        let manager = Manager::any();
        manager
            .post("/categories", json!({"name": blank}))
            .faults(&["name"]);
        manager
            .post("/projects", json!({"key": make::project_key(), "name": blank}))
            .faults(&["name"]);
        customer
            .post("/tickets", json!({"title": blank.repeat(5), "description": "x"}))
            .faults(&["title"]);
    }
    // An empty name takes it away, and blanks around a name stay as they were sent.
    let body = json!({"first_name": " Zoë ", "last_name": ""});
    let shown = customer.put("/users/me", body).is(200).json();
    assert_eq!(
        (&shown["first_name"], &shown["last_name"]),
        (&json!(" Zoë "), &json!(""))
    );
}
