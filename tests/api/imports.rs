//! Files of tickets and people: what they become, what is refused and why, and that a file is imported once.

use crate::support::answer::Answer;
use crate::support::client::{Role, escape};
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, json, make, race};

fn import(by: &Caller, query: &str, text: &str) -> Answer {
    by.ask("POST", &format!("/imports?{query}"))
        .raw("text/csv", text.as_bytes())
        .send()
}

fn report(by: &Caller, query: &str, text: &str) -> Value {
    import(by, query, text).is(200).json()
}

/// Created, unchanged, refused.
fn sums(report: &Value) -> [i64; 3] {
    ["created", "unchanged", "refused"].map(|name| report[name].as_i64().expect("a number"))
}

/// The lines and fields of the errors.
fn faults(report: &Value) -> Vec<(i64, String)> {
    let errors = report["errors"].as_array().expect("errors").iter();
    errors
        .map(|error| {
            (
                error["line"].as_i64().unwrap_or_default(),
                error["field"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

fn found(by: &Caller, q: &str) -> Vec<Value> {
    by.get(&format!("/tickets?limit=100&q={}", escape(q)))
        .is(200)
        .rows()
}

#[test]
fn tickets_come_as_they_were() {
    let (manager, agent, word) = (Manager::any(), Agent::fresh(), make::unique());
    let known = Customer::fresh();
    let stranger = make::email();
    let text = format!(
        "\u{FEFF}Number;Subject;Body;State;Priority;Category;Tags;Customer Email;Customer Name;Assigned To;Created;Solved at;Closed;Odd\r\n\
         {word}-1;First {word};\"Two\r\nlines; \"\"quoted\"\"\";closed;critical;Billing;b, a;{known};;{agent};2024-01-05 10:00;2024-01-06T10:00:00Z;2024-01-07;x\r\n\
         {word}-2;'=Second {word};;new;normal;;;{stranger};Grace Hopper;;2024-01-05 09:00;;;\r\n\
         \r\n\
         {word}-3;Third {word};Words;solved;;Feature Request;;{stranger};;;2024-02-01;;;\r\n",
        known = known.email,
        agent = agent.email,
    );
    let dry = report(manager, "type=tickets&dry_run=true", &text);
    assert_eq!(
        (sums(&dry), &dry["applied"], &dry["dry_run"]),
        ([3, 0, 0], &json!(false), &json!(true)),
        "{dry}"
    );
    assert!(found(manager, &word).is_empty(), "a dry run writes nothing");
    let done = report(manager, "type=tickets", &text);
    assert_eq!(
        (sums(&done), &done["applied"], &done["rows"]),
        ([3, 0, 0], &json!(true), &json!(3)),
        "{done}"
    );
    assert_eq!(done["ignored_columns"], json!(["odd"]));
    // The oldest ticket has the lowest id.
    let rows = found(manager, &word);
    let ids: Vec<_> = rows
        .iter()
        .map(|row| row["external_id"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        ids,
        [format!("{word}-3"), format!("{word}-1"), format!("{word}-2")]
    );
    let [third, first, second] = rows.as_slice() else {
        panic!("three tickets: {rows:?}")
    };
    for (field, want) in [
        ("status", json!("closed")),
        ("priority", json!("urgent")),
        ("category", json!("billing")),
        ("tags", json!(["a", "b"])),
        ("description", json!("Two\r\nlines; \"quoted\"")),
        ("created_at", json!("2024-01-05T10:00:00.000Z")),
        ("resolved_at", json!("2024-01-06T10:00:00.000Z")),
        ("closed_at", json!("2024-01-07T00:00:00.000Z")),
        ("updated_at", json!("2024-01-07T00:00:00.000Z")),
        ("channel", json!("import")),
        ("first_response_due_at", json!(null)),
    ] {
        assert_eq!(first[field], want, "{field} of {first}");
    }
    assert_eq!(
        (&first["requester"]["id"], &first["assignee"]["id"]),
        (&json!(known.id), &json!(agent.id))
    );
    assert!(
        first["number"]
            .as_str()
            .is_some_and(|number| number.starts_with("TICK-20240105-")),
        "{first}"
    );
    assert_eq!(
        (&second["title"], &second["status"]),
        (&json!(format!("=Second {word}")), &json!("open"))
    );
    assert_eq!(
        second["description"], second["title"],
        "what has no description is described by its title"
    );
    assert_eq!(
        (&second["requester"]["full_name"], &second["requester"]["email"]),
        (&json!("Grace Hopper"), &json!(stranger))
    );
    assert_eq!(
        third["requester"]["id"], second["requester"]["id"],
        "an unknown address becomes one person"
    );
    // Resolved for longer than the desk leaves tickets resolved.
    assert_eq!(
        (&third["status"], &third["category"]),
        (&json!("closed"), &json!("feature_request"))
    );
    let history = manager
        .get(&format!("/tickets/{}/history", first["id"]))
        .is(200)
        .rows();
    assert_eq!(history.len(), 1);
    assert_eq!(
        (&history[0]["type"], &history[0]["actor"]["id"]),
        (&json!("ticket_imported"), &json!(manager.id))
    );
    // Nobody is told.
    assert!(agent.get("/notifications").is(200).rows().is_empty());
    assert!(known.get("/notifications").is(200).rows().is_empty());
    assert_eq!(known.get("/tickets").is(200).rows()[0]["number"], first["number"]);
    // It is a ticket as any other.
    let path = format!("/tickets/{}", second["id"]);
    manager
        .put(&format!("{path}/assign"), json!({"assignee": agent.id}))
        .is(200);
    make::message(&agent, second, "Still there?");
    let by_number = format!("/tickets/{}", first["number"].as_str().unwrap_or_default());
    assert_eq!(manager.get(&by_number).is(200).json()["id"], first["id"]);
    let tagged = manager
        .get(&format!("/tickets?tag=a,b&requester={}", known.id))
        .is(200)
        .rows();
    assert_eq!(tagged.len(), 1);
    // The same file again changes nothing.
    let again = report(manager, "type=tickets", &text);
    assert_eq!(sums(&again), [0, 3, 0]);
    assert_eq!(found(manager, &word).len(), 3);
}

#[test]
fn bad_rows_say_what_is_wrong_with_them() {
    let (manager, agent, word, me) = (Manager::any(), Agent::fresh(), make::unique(), make::email());
    let head = "external_id,title,email,status,category,subcategory,assignee,created_at,closed_at,priority";
    let rows = [
        format!("{word}1,Good {word},{me},,,,,,,"),
        format!("{word}2,x,not an address,,,,,,,"),
        format!("{word}3,Title {word},{me},gone,,,,,,"),
        format!("{word}4,Title {word},{me},,nonsense,,,,,"),
        format!("{word}5,Title {word},{me},,billing,nonsense,,,,"),
        format!("{word}6,Title {word},{me},,,,nobody@example.org,,,"),
        format!("{word}7,Title {word},{me},,,,,2999-01-01,,"),
        format!("{word}8,Title {word},{me},closed,,,,2024-01-02,2024-01-01,"),
        format!("{word}1,Twice {word},{me},,,,,,,"),
        format!("{word}9,Title {word},{me},,,,,,,,surplus"),
        format!("{word}10,Title {word},{me},,,,,yesterday,,soon"),
        format!("{word}11,\"Two\nlines {word}\",{me},,,,,,,"),
        format!("{word}12,Last {word},{me},,,,,,,"),
    ];
    let text = format!("{head}\n{}\n", rows.join("\n"));
    let want = [
        (3, "title"),
        (3, "requester_email"),
        (4, "status"),
        (5, "category"),
        (6, "subcategory"),
        (7, "assignee_email"),
        (8, "created_at"),
        (9, "closed_at"),
        (10, "external_id"),
        (11, "row"),
        (12, "priority"),
        (12, "created_at"),
        (13, "title"),
    ];
    let all_or_none = report(manager, "type=tickets&atomic=true", &text);
    let told = faults(&all_or_none);
    assert_eq!(
        told,
        want.map(|(line, field)| (line, field.to_owned())),
        "{all_or_none}"
    );
    assert_eq!(
        (sums(&all_or_none), &all_or_none["applied"]),
        ([0, 0, 11], &json!(false))
    );
    assert!(found(manager, &word).is_empty());
    let done = report(manager, "type=tickets", &text);
    assert_eq!((sums(&done), &done["applied"]), ([2, 0, 11], &json!(true)));
    assert_eq!(found(manager, &word).len(), 2);
    // Agents give tickets to nobody but themselves.
    let (own, other) = (make::unique(), make::unique());
    let text = format!(
        "title,email,assignee\nOwn {own},{me},{}\nOther {other},{me},{}\n",
        agent.email,
        Agent::any().email
    );
    let done = report(&agent, "type=tickets", &text);
    assert_eq!(
        (sums(&done), faults(&done)),
        ([1, 0, 1], vec![(3, "assignee_email".to_owned())]),
        "{done}"
    );
    assert_eq!(found(manager, &own)[0]["status"], "assigned");
}

#[test]
fn files_that_are_none_are_refused() {
    let admin = Admin::any();
    let good = "title,email\nPrinter,a@example.org\n";
    Customer::any()
        .ask("POST", "/imports?type=tickets")
        .raw("text/csv", good.as_bytes())
        .send()
        .refused(403, "FORBIDDEN");
    for by in [Agent::any() as &Caller, Manager::any()] {
        import(by, "type=users", "email\na@example.org\n").refused(403, "FORBIDDEN");
    }
    import(admin, "", good).faults(&["type"]);
    import(admin, "type=dogs", good).faults(&["type"]);
    for kind in ["application/json", "text/csv; charset=utf-16", ""] {
        admin
            .ask("POST", "/imports?type=tickets")
            .raw(kind, good.as_bytes())
            .send()
            .refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let many = format!("title,email\n{}", "a,b\n".repeat(10_001));
    for text in ["", "email\na@example.org", "title,email\n\"x,y", &many] {
        import(admin, "type=tickets", text).faults(&["file"]);
    }
    let latin = admin
        .ask("POST", "/imports?type=tickets")
        .raw("text/csv", b"title,email\nB\xFCro,a@example.org")
        .send();
    let latin = latin.faults(&["file"]).text();
    assert!(latin.contains("line 2 is not UTF-8"), "{latin}");
    let large = vec![b'a'; 10 * 1024 * 1024 + 1];
    admin
        .ask("POST", "/imports?type=tickets")
        .raw("text/csv", &large)
        .send()
        .refused(413, "PAYLOAD_TOO_LARGE");
}

#[test]
fn people_come_without_rights_that_they_had_not() {
    let (admin, word) = (Admin::any(), make::unique());
    let known = admin.hire(Role::Agent);
    let taken = format!("zq{word}");
    admin
        .post("/users", json!({"email": make::email(), "username": taken}))
        .is(201);
    let (one, two) = (make::email(), make::email());
    let text = format!(
        "email,name,role,password,id,username,phone,created_at\n\
         {one},Ada {word},customer,hunter2hunter2,{word}1,,'+49 30 1,2020-01-01\n\
         {two},Alan {word},agent,,{word}2,,,\n\
         {known},Mallory,admin,hunter2hunter2,,,,\n\
         {three},X,emperor,,,,,\n\
         {three},X,,,{word}1,,,\n\
         {three},X,,,,{taken},,\n\
         {three},Edsger,,,,,,\n\
         {three},Edsger,,,,,,\n",
        known = known.email,
        three = make::email(),
    );
    let done = report(admin, "type=users", &text);
    assert_eq!(sums(&done), [3, 1, 4], "{done}");
    let want = [(5, "role"), (6, "external_id"), (7, "username"), (9, "email")];
    assert_eq!(faults(&done), want.map(|(line, field)| (line, field.to_owned())));
    assert_eq!(done["ignored_columns"], json!(["password"]));
    let shown = |email: &str| admin.get(&format!("/users?q={}", escape(email))).is(200).rows()[0].clone();
    let ada = shown(&one);
    for (field, want) in [
        ("first_name", json!("Ada")),
        ("last_name", json!(word)),
        ("role", json!("customer")),
        ("phone", json!("+49 30 1")),
        ("created_at", json!("2020-01-01T00:00:00.000Z")),
        ("external_id", json!(format!("{word}1"))),
    ] {
        assert_eq!(ada[field], want, "{field}");
    }
    assert_eq!(
        shown(&known.email)["role"],
        "agent",
        "who is known is not changed"
    );
    known.get("/auth/me").is(200);
    let login = json!({"email": one, "password": "hunter2hunter2"});
    crate::support::Anon::new()
        .post("/auth/login", login)
        .refused(401, "UNAUTHORIZED");
    let agents = admin.get(&format!("/agents?q={word}")).is(200).rows();
    assert_eq!(agents.len(), 1, "{agents:?}");
    assert_eq!(
        sums(&report(admin, "type=users", &text))[..2],
        [0, 7],
        "known by address and by id"
    );
}

#[test]
fn a_file_that_is_sent_twice_is_imported_once() {
    let (manager, word) = (Manager::any(), make::unique());
    let rows: Vec<String> = (0..40)
        .map(|at| format!("{word}-{at},Race {word},{word}-{}@example.org", at % 7))
        .collect();
    let text = format!("external_id,title,email\n{}\n", rows.join("\n"));
    let reports = race(8, |_| report(manager, "type=tickets", &text));
    let created: i64 = reports.iter().map(|report| sums(report)[0]).sum();
    let unchanged: i64 = reports.iter().map(|report| sums(report)[1]).sum();
    assert_eq!((created, unchanged), (40, 7 * 40));
    let all = manager.walk(&format!("/tickets?q={word}"), 100);
    assert_eq!(all.len(), 40);
    let numbers: std::collections::BTreeSet<_> = all.iter().map(|row| row["number"].to_string()).collect();
    assert_eq!(numbers.len(), 40);
    // Rows without an id of their own are kept apart by an Idempotency-Key; a dry run with it is another request.
    let text = format!("title,email\nKeyed {word},{}\n", make::email());
    let key = make::unique();
    let ask = |query: &str| {
        let path = format!("/imports?{query}");
        manager
            .ask("POST", &path)
            .header("Idempotency-Key", &key)
            .raw("text/csv", text.as_bytes())
            .send()
    };
    let first = ask("type=tickets").is(200);
    let second = ask("type=tickets").is(200);
    assert_eq!(first.text(), second.text());
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    ask("type=tickets&dry_run=true").refused(422, "IDEMPOTENCY_MISMATCH");
    assert_eq!(found(manager, &format!("Keyed {word}")).len(), 1);
}

#[test]
fn a_file_of_ten_thousand_rows_is_one_request() {
    let (manager, word) = (Manager::any(), make::unique());
    let mut text = String::from("external_id,title,description,email,status,tags,created_at,department\n");
    for at in 0..10_000 {
        let status = ["open", "waiting", "resolved", "closed"][at % 4];
        text.push_str(&format!(
            "{word}-{at},Bulk {word} {at},{},b{}{word}@example.org,{status},bulk{},2024-0{}-11 08:00,{}\n",
            "word ".repeat(60),
            at % 500,
            at % 3,
            1 + at % 9,
            if at % 100 == 0 { "Imported" } else { "" },
        ));
    }
    let first = import(manager, "type=tickets", &text).is(200);
    assert_eq!(sums(&first.json()), [10_000, 0, 0]);
    assert_eq!(first.timing("d1"), Some(2), "one trip to look, one to write");
    let again = import(manager, "type=tickets", &text).is(200);
    assert_eq!(sums(&again.json()), [0, 10_000, 0]);
    assert_eq!(again.timing("rows_written"), Some(0));
    let total = manager
        .get("/tickets?department=Imported&count=true")
        .is(200)
        .json();
    assert_eq!(total["meta"]["total"], 100);
}

/// What is exported comes in again as it was.
#[test]
fn an_exported_file_is_a_file_to_import() {
    let (manager, word) = (Manager::any(), make::unique());
    let ticket = make::ticket_with(
        manager,
        json!({"title": format!("-1 {word}"), "customer_email": make::email(), "tags": ["x", "y"], "priority": "high"}),
    );
    let file = manager
        .get(&format!("/tickets/export.csv?q={word}"))
        .is(200)
        .text();
    let done = report(manager, "type=tickets", &file);
    assert_eq!(sums(&done), [1, 0, 0], "{done}");
    let rows = found(manager, &word);
    let copy = rows.iter().find(|row| row["id"] != ticket["id"]).expect("a copy");
    for field in ["title", "tags", "priority", "created_at", "category"] {
        assert_eq!(copy[field], ticket[field], "{field}");
    }
    assert_eq!(copy["requester"]["id"], ticket["requester"]["id"]);
    assert_eq!(copy["external_id"], ticket["number"]);
}
