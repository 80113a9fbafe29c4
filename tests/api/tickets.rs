//! Tickets: opening, finding, changing, assigning, deleting.

use crate::support::{Admin, Agent, Anon, Caller, Customer, Manager, Value, json, make};

fn path(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

fn total(by: &Caller, query: &str) -> i64 {
    by.get(&format!("/tickets?count=true&{query}")).is(200).json()["meta"]["total"]
        .as_i64()
        .unwrap()
}

#[test]
fn a_ticket_has_its_whole_shape_from_the_start() {
    let customer = Customer::any();
    let title = format!("Paper jam {}", make::unique());
    // Nobody works in this category, so nobody is given the ticket at once.
    let category = Admin::any()
        .post(
            "/categories",
            json!({"name": format!("Quiet {}", make::unique())}),
        )
        .is(201)
        .json()["slug"]
        .clone();
    let ticket = customer
        .post("/tickets", json!({"title": title, "description": "Since Monday.", "priority": "high", "department": "Sales", "category": category}))
        .is(201)
        .json();
    for (field, want) in [
        ("title", json!(title)),
        ("description", json!("Since Monday.")),
        ("status", json!("open")),
        ("priority", json!("high")),
        ("department", json!("Sales")),
        ("workflow", json!("support")),
        ("project", Value::Null),
        ("key", Value::Null),
        ("assignee", Value::Null),
        ("subcategory", Value::Null),
        ("resolved_at", Value::Null),
        ("closed_at", Value::Null),
        ("first_responded_at", Value::Null),
        ("message_count", json!(0)),
        ("attachment_count", json!(0)),
        ("version", json!(1)),
    ] {
        assert_eq!(ticket[field], want, "{field}");
    }
    for field in [
        "id",
        "uid",
        "number",
        "category",
        "tags",
        "requester",
        "channel",
        "created_at",
        "updated_at",
        "first_response_due_at",
        "resolution_due_at",
        "sla",
        "allowed_transitions",
        "custom_fields",
    ] {
        assert!(ticket.get(field).is_some(), "no {field}");
    }
    assert_eq!(ticket["requester"]["id"], customer.id);
    assert_eq!(ticket["tags"], json!([]));
    assert_eq!(ticket["category"], category);
    let moment = ticket["created_at"].as_str().unwrap();
    assert!(
        moment.len() == 24 && moment.ends_with('Z') && moment.as_bytes()[19] == b'.',
        "{moment}"
    );
    let number = ticket["number"].as_str().unwrap();
    let (day, counter) = number
        .strip_prefix("TICK-")
        .and_then(|rest| rest.split_once('-'))
        .unwrap();
    assert_eq!(
        day,
        moment[..10].replace('-', ""),
        "the day of the number is the day of its creation"
    );
    assert!(counter.len() >= 4 && counter.bytes().all(|b| b.is_ascii_digit()));
    assert_eq!(customer.get(&path(&ticket)).is(200).json(), ticket);
    assert_eq!(
        customer.get(&format!("/tickets/key/{number}")).is(200).json(),
        ticket
    );
}

#[test]
fn a_deleted_ticket_is_gone_until_it_is_restored() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = path(&ticket);
    for by in [&*customer as &Caller, Agent::any(), Manager::any()] {
        by.delete(&path).refused(403, "FORBIDDEN");
    }
    Admin::any().delete(&path).is(204);
    for by in [&*customer as &Caller, Agent::any(), Manager::any(), Admin::any()] {
        by.get(&path).refused(404, "NOT_FOUND");
        by.get(&format!("{path}/comments")).refused(404, "NOT_FOUND");
        by.put(&path, json!({"title": "Gone"})).refused(404, "NOT_FOUND");
    }
    assert!(customer.get("/tickets").ids().is_empty());
    assert_eq!(total(&customer, ""), 0);
    Admin::any().delete(&path).refused(404, "NOT_FOUND");
    let back = Admin::any()
        .post(&format!("{path}/restore"), json!({}))
        .is(200)
        .json();
    assert_eq!(back["id"], ticket["id"]);
    assert_eq!(customer.get(&path).is(200).json()["number"], ticket["number"]);
}

#[test]
fn tags_are_words_without_repetition() {
    let ticket = make::ticket(Customer::any());
    let path = path(&ticket);
    let tag = make::unique();
    let set = |tags: Value| Manager::any().put(&path, json!({"tags": tags}));
    assert_eq!(
        set(json!([tag, "zwei"])).is(200).json()["tags"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(set(json!([tag, tag])).is(200).json()["tags"], json!([tag]));
    assert_eq!(
        Manager::any().get(&format!("/tickets?tag={tag}")).is(200).ids(),
        [ticket["id"].as_i64().unwrap()]
    );
    assert_eq!(set(json!([])).is(200).json()["tags"], json!([]));
    assert!(
        Manager::any()
            .get(&format!("/tickets?tag={tag}"))
            .is(200)
            .ids()
            .is_empty()
    );
    for wrong in [
        json!("x"),
        json!([5]),
        json!([""]),
        json!(["x".repeat(1_000)]),
        json!([["x"]]),
        json!({"x": 1}),
    ] {
        assert_eq!(set(wrong.clone()).status(), 400, "{wrong}");
    }
}

#[test]
fn categories_are_known_by_slug_or_id() {
    let customer = Customer::fresh();
    for given in [
        json!({"category": "technical"}),
        json!({"category_id": 1}),
        json!({"category": 1}),
        json!({"category_id": "technical"}),
    ] {
        assert_eq!(
            make::ticket_with(&customer, given.clone())["category"],
            "technical",
            "{given}"
        );
    }
    make::ticket_with(&customer, json!({"category": "billing"}));
    for query in ["category=technical", "category=1", "category_id=1"] {
        assert_eq!(total(&customer, query), 4, "{query}");
    }
    let wrong = json!({"title": "Nowhere", "description": "x", "category": "no-such-category"});
    customer.post("/tickets", wrong).faults(&["category"]);
}

#[test]
fn due_times_follow_the_priority() {
    let hour = 3_600.0;
    for (priority, response, resolution) in [
        ("urgent", 2.0, 24.0),
        ("high", 4.0, 48.0),
        ("medium", 8.0, 120.0),
        ("low", 24.0, 240.0),
    ] {
        let ticket = make::ticket_with(Customer::any(), json!({"priority": priority}));
        let after = |field: &str| seconds(&ticket[field]) - seconds(&ticket["created_at"]);
        assert!(
            (after("first_response_due_at") - response * hour).abs() < 1.0,
            "{priority}: {ticket}"
        );
        assert!(
            (after("resolution_due_at") - resolution * hour).abs() < 1.0,
            "{priority}: {ticket}"
        );
        assert_eq!(ticket["sla"]["resolution"], "ok");
    }
}

/// Seconds since 1970 of an RFC 3339 time in UTC.
fn seconds(moment: &Value) -> f64 {
    let text = moment.as_str().unwrap_or_else(|| panic!("{moment} is no time"));
    let part = |from: usize, to: usize| text[from..to].parse::<f64>().unwrap();
    let (year, month) = (part(0, 4), part(5, 7));
    let (year, month) = if month > 2.0 {
        (year, month - 3.0)
    } else {
        (year - 1.0, month + 9.0)
    };
    let days = (365.25 * year).floor() - (year / 100.0).floor() + (year / 400.0).floor();
    let days = days + (30.6 * month + 0.5).floor() + part(8, 10) - 719_469.0;
    days * 86_400.0 + part(11, 13) * 3_600.0 + part(14, 16) * 60.0 + part(17, 19)
}

#[test]
fn the_default_priority_is_medium_and_strangers_open_nothing() {
    let ticket = make::ticket(Customer::any());
    assert_eq!(ticket["priority"], "medium");
    Anon::new()
        .post("/tickets", json!({"title": "Spam", "description": "Spam."}))
        .refused(401, "UNAUTHORIZED");
    let body = json!({"title": "A project's work", "description": "Plan.", "workflow": "project"});
    Customer::any()
        .post("/tickets", body.clone())
        .refused(403, "FORBIDDEN");
    assert_eq!(
        Agent::any().post("/tickets", body).is(201).json()["workflow"],
        "project"
    );
}
