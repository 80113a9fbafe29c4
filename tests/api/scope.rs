//! Who sees a ticket, who may change what of it, and whose it is.

use crate::support::{Admin, Agent, Customer, Manager, Value, json, make};

fn path(ticket: &Value) -> String {
    format!("/tickets/{}", ticket["id"])
}

#[test]
fn customers_see_their_own_tickets_only() {
    let (mine, other) = (Customer::fresh(), Customer::fresh());
    let ticket = make::ticket(&mine);
    make::ticket(&other);
    assert_eq!(
        mine.get("/tickets").is(200).ids(),
        [ticket["id"].as_i64().unwrap()]
    );
    assert_eq!(
        mine.get("/tickets/my").is(200).ids(),
        [ticket["id"].as_i64().unwrap()]
    );
    assert_eq!(mine.get("/tickets?count=true").json()["meta"]["total"], 1);
    other.get(&path(&ticket)).refused(404, "NOT_FOUND");
    other
        .get(&format!("/tickets/key/{}", ticket["number"].as_str().unwrap()))
        .refused(404, "NOT_FOUND");
    for filter in [
        format!("requester={}", mine.id),
        "requester=none".to_owned(),
        "assignee=none".to_owned(),
    ] {
        let answer = other.get(&format!("/tickets?{filter}"));
        let leaked = answer.status() == 200 && answer.ids().contains(&ticket["id"].as_i64().unwrap());
        assert!(!leaked, "{filter}");
    }
}

#[test]
fn agents_see_what_is_theirs_or_nobodys() {
    let (customer, agent, colleague) = (Customer::fresh(), Agent::fresh(), Agent::fresh());
    let ticket = make::ticket(&customer);
    // No category of one's own: what nobody has is there to take.
    agent.get(&path(&ticket)).is(200);
    Manager::any()
        .put(
            &format!("{}/assign", path(&ticket)),
            json!({"assignee_id": colleague.id}),
        )
        .is(200);
    agent.get(&path(&ticket)).refused(404, "NOT_FOUND");
    agent
        .put(&path(&ticket), json!({"title": "Not mine"}))
        .refused(404, "NOT_FOUND");
    colleague.get(&path(&ticket)).is(200);
    assert_eq!(
        colleague.get("/tickets/my").is(200).ids(),
        [ticket["id"].as_i64().unwrap()]
    );
    for all in [&**Manager::any(), &**Admin::any()] {
        all.get(&path(&ticket)).is(200);
    }
}

#[test]
fn each_role_changes_what_it_may() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let path = path(&ticket);
    let edited = customer
        .put(
            &path,
            json!({"title": "A better title", "description": "And more words."}),
        )
        .is(200)
        .json();
    assert_eq!(
        (&edited["title"], &edited["description"]),
        (&json!("A better title"), &json!("And more words."))
    );
    for field in [
        json!({"priority": "low"}),
        json!({"category": "technical"}),
        json!({"tags": ["x"]}),
        json!({"assignee_id": Agent::any().id}),
        json!({"workflow": "project"}),
        json!({"title": "Both", "priority": "low"}),
    ] {
        customer.put(&path, field).refused(403, "FORBIDDEN");
    }
    assert_eq!(
        customer.get(&path).json()["title"],
        "A better title",
        "all or nothing"
    );
    for staff in [&**Agent::any(), &**Manager::any(), &**Admin::any()] {
        staff
            .put(
                &path,
                json!({"title": format!("By {}", staff.role.as_str()), "tags": [staff.role.as_str()]}),
            )
            .is(200);
        assert_eq!(
            staff
                .put(&format!("{path}/priority"), json!({"priority": "low"}))
                .is(200)
                .json()["priority"],
            "low"
        );
        staff.put(&path, json!({"priority": "high"})).is(200);
    }
    // A customer edits while the ticket is open or waiting.
    Manager::any()
        .put(&format!("{path}/assign"), json!({"assignee_id": Agent::any().id}))
        .is(200);
    customer
        .put(&path, json!({"title": "Too late now"}))
        .refused(403, "FORBIDDEN");
    for status in ["in_progress", "waiting"] {
        Agent::any()
            .put(&format!("{path}/status"), json!({"status": status}))
            .is(200);
    }
    customer.put(&path, json!({"title": "While you wait"})).is(200);
}

#[test]
fn staff_open_tickets_for_others_and_customers_do_not() {
    let customer = Customer::fresh();
    let body =
        |email: &str| json!({"title": "On behalf", "description": "They rang.", "customer_email": email});
    let known = Agent::any()
        .post("/tickets", body(&customer.email))
        .is(201)
        .json();
    assert_eq!(known["requester"]["id"], customer.id);
    customer.get(&path(&known)).is(200);
    let unknown = make::email();
    let created = Manager::any().post("/tickets", body(&unknown)).is(201).json();
    let requester = Admin::any()
        .get(&format!("/users/{}", created["requester"]["id"]))
        .is(200)
        .json();
    assert_eq!(
        (&requester["email"], &requester["role"]),
        (&json!(unknown), &json!("customer"))
    );
    // A customer's other address is only kept.
    let own = customer.post("/tickets", body(&make::email())).is(201).json();
    assert_eq!(own["requester"]["id"], customer.id);
}

#[test]
fn assigning_taking_and_giving_back() {
    let (customer, agent) = (Customer::fresh(), Agent::fresh());
    let ticket = make::ticket(&customer);
    let assign = format!("{}/assign", path(&ticket));
    customer
        .put(&assign, json!({"assignee_id": agent.id}))
        .refused(403, "FORBIDDEN");
    let taken = agent
        .post(&assign, json!({"assignee_id": agent.id}))
        .is(200)
        .json();
    assert_eq!(
        (&taken["assignee"]["id"], &taken["status"]),
        (&json!(agent.id), &json!("assigned"))
    );
    let same = agent
        .post(&assign, json!({"assignee_id": agent.id}))
        .is(200)
        .json();
    assert_eq!(same["version"], taken["version"], "nothing changed");
    Agent::any()
        .put(&assign, json!({"assignee_id": Agent::any().id}))
        .refused(404, "NOT_FOUND");
    let free = Manager::any()
        .put(&assign, json!({"assignee_id": null}))
        .is(200)
        .json();
    assert_eq!(
        (&free["assignee"], &free["status"]),
        (&Value::Null, &json!("open"))
    );
    for wrong in [
        json!(customer.id),
        json!(9_007_199_254_740_991_i64),
        json!("5"),
        json!(-1),
        json!(true),
    ] {
        let status = Manager::any()
            .put(&assign, json!({"assignee_id": wrong}))
            .status();
        assert_eq!(status, 400, "{wrong}");
    }
    // To become assigned with nobody named takes the ticket.
    let taken = agent
        .put(
            &format!("{}/status", path(&ticket)),
            json!({"status": "assigned"}),
        )
        .is(200)
        .json();
    assert_eq!(taken["assignee"]["id"], agent.id);
    let retired = Agent::fresh();
    Admin::any().delete(&format!("/users/{}", retired.id)).is(204);
    assert_eq!(
        Manager::any()
            .put(&assign, json!({"assignee_id": retired.id}))
            .status(),
        400
    );
}
