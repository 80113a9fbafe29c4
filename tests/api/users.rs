//! Accounts as the desk keeps them: admins manage them, people keep their own.

use crate::support::client::Role;
use crate::support::{Admin, Agent, Anon, Caller, Customer, Manager, Value, Worker, json, make, race};

fn may_login(email: &str) -> u16 {
    Anon::new()
        .post("/auth/login", json!({"email": email, "password": make::PASSWORD}))
        .status()
}

#[test]
fn an_admin_keeps_the_list_of_people() {
    let admin = Admin::any();
    let email = make::email();
    let created = admin
        .post("/users", json!({"email": email, "password": make::PASSWORD, "role": "agent", "name": "Grace Hopper", "phone": "+1 555 0100"}))
        .is(201);
    let user = created.json();
    assert_eq!(
        (&user["role"], &user["full_name"], &user["phone"]),
        (&json!("agent"), &json!("Grace Hopper"), &json!("+1 555 0100"))
    );
    let path = format!("/users/{}", user["id"]);
    assert!(
        created
            .header("location")
            .is_some_and(|place| place.ends_with(&path))
    );
    assert_eq!(admin.get(&path).is(200).json(), user);
    assert_eq!(
        admin
            .get(&format!("/users/{}", user["uid"].as_str().unwrap()))
            .is(200)
            .json(),
        user
    );
    let changed = admin
        .patch(&path, json!({"department": "Compilers", "phone": null}))
        .is(200)
        .json();
    assert_eq!(
        (&changed["department"], &changed["first_name"]),
        (&json!("Compilers"), &json!("Grace"))
    );
    admin
        .post("/users", json!({"email": email.to_uppercase(), "role": "agent"}))
        .refused(409, "CONFLICT");
    admin
        .post("/users", json!({"email": make::email(), "role": "root"}))
        .faults(&["role"]);
    admin.post("/users", json!({})).is(400);
    assert_eq!(may_login(&email), 200);
    admin.delete(&path).is(204);
    assert_eq!(may_login(&email), 401);
    assert_eq!(admin.get(&path).is(200).json()["is_active"], false);
    // The older name of the same door.
    admin
        .post("/users/add_user", json!({"email": make::email(), "role": "user"}))
        .is(201);
}

#[test]
fn people_are_listed_and_filtered() {
    let admin = Admin::any();
    let (agent, customer) = (Agent::fresh(), Customer::fresh());
    let newest = admin.get("/users?limit=100&sort=-created_at").is(200).ids();
    assert!(newest.contains(&agent.id) && newest.contains(&customer.id));
    for (role, has, lacks) in [
        ("agent", agent.id, customer.id),
        ("customer", customer.id, agent.id),
        ("user", customer.id, agent.id),
    ] {
        let ids = admin.get(&format!("/users?role={role}&limit=100")).is(200).ids();
        assert!(ids.contains(&has) && !ids.contains(&lacks), "{role}");
    }
    admin.get("/users?role=root").faults(&["role"]);
    let page = admin.get("/users?limit=2").is(200).json();
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    assert!(!page.to_string().contains("argon2") && !page.to_string().contains("password"));
}

#[test]
fn a_person_keeps_the_own_profile_and_no_more() {
    let customer = Customer::fresh();
    let changed = customer
        .put(
            "/users/me",
            json!({"first_name": "Ada", "phone": "12", "department": "Engines"}),
        )
        .is(200)
        .json();
    assert_eq!(
        (&changed["first_name"], &changed["phone"], &changed["department"]),
        (&json!("Ada"), &json!("12"), &json!("Engines"))
    );
    let own = format!("/users/{}", customer.id);
    assert_eq!(
        customer
            .patch(&own, json!({"last_name": "Lovelace"}))
            .is(200)
            .json()["full_name"],
        "Ada Lovelace"
    );
    assert_eq!(customer.get(&own).is(200).json(), customer.get("/auth/me").json());
    for path in ["/users/me", own.as_str()] {
        customer
            .put(path, json!({"role": "admin"}))
            .refused(403, "FORBIDDEN");
        customer
            .put(path, json!({"is_active": false}))
            .refused(403, "FORBIDDEN");
    }
    assert_eq!(customer.get("/auth/me").json()["role"], "customer");
}

#[test]
fn people_are_hidden_from_customers() {
    let (customer, other) = (Customer::fresh(), Customer::fresh());
    for path in [format!("/users/{}", other.id), format!("/users/{}", other.uid)] {
        customer.get(&path).refused(404, "NOT_FOUND");
        customer
            .put(&path, json!({"first_name": "X"}))
            .refused(404, "NOT_FOUND");
        customer.delete(&path).refused(403, "FORBIDDEN");
    }
    customer.get("/users").refused(403, "FORBIDDEN");
    customer.get("/users/summary").refused(403, "FORBIDDEN");
    for staff in [&**Agent::any(), &**Manager::any()] {
        let cards = staff.get("/users/summary").is(200);
        assert!(
            cards
                .rows()
                .iter()
                .all(|card| card.get("id").is_some() && card.get("full_name").is_some())
        );
        staff.get(&format!("/users/{}", other.id)).is(200);
        staff
            .put(&format!("/users/{}", other.id), json!({"first_name": "X"}))
            .refused(403, "FORBIDDEN");
    }
    // An agent's address is not a customer's business.
    let ticket = make::ticket(&customer);
    let agent = Agent::fresh();
    Manager::any()
        .put(
            &format!("/tickets/{}/assign", ticket["id"]),
            json!({"assignee_id": agent.id}),
        )
        .is(200);
    make::message(&agent, &ticket, "Hello.");
    for tail in ["", "/comments", "/history", "/timeline"] {
        let answer = customer.get(&format!("/tickets/{}{tail}", ticket["id"])).is(200);
        assert!(!answer.text().contains(&agent.email), "{tail}: {}", answer.text());
    }
}

#[test]
fn what_changes_authority_ends_old_tokens_at_once() {
    let admin = Admin::any();
    for (change, allowed) in [
        (json!({"role": "manager"}), true),
        (json!({"is_active": false}), false),
    ] {
        let agent = Agent::fresh();
        agent.get("/tickets").is(200);
        admin.put(&format!("/users/{}", agent.id), change.clone()).is(200);
        for path in ["/tickets", "/auth/me", "/users/summary"] {
            agent.get(path).refused(401, "UNAUTHORIZED");
        }
        Anon::new()
            .post("/auth/refresh", json!({"refresh_token": agent.refresh}))
            .refused(401, "UNAUTHORIZED");
        assert_eq!(may_login(&agent.email) == 200, allowed, "{change}");
    }
    // What does not change authority does not disturb.
    let agent = Agent::fresh();
    admin
        .put(
            &format!("/users/{}", agent.id),
            json!({"department": "Night shift"}),
        )
        .is(200);
    agent.get("/auth/me").is(200);
}

#[test]
fn a_demoted_admin_is_none_at_the_next_request() {
    let doomed = Admin::fresh();
    doomed.get("/users").is(200);
    Admin::any()
        .put(&format!("/users/{}", doomed.id), json!({"role": "customer"}))
        .is(200);
    doomed.get("/users").refused(401, "UNAUTHORIZED");
    let back = Caller::login(Worker::shared(), Role::Customer, &doomed.email, make::PASSWORD);
    back.get("/users").refused(403, "FORBIDDEN");
}

#[test]
fn an_account_is_closed_by_its_owner() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    customer.delete("/users/me").is(204);
    customer.get("/auth/me").refused(401, "UNAUTHORIZED");
    assert_eq!(may_login(&customer.email), 401);
    // What was said stays with the desk.
    Manager::any().get(&format!("/tickets/{}", ticket["id"])).is(200);
}

#[test]
fn the_last_admin_stays() {
    let worker = Worker::start(&[]);
    worker.seed();
    let admin = Admin::on(&worker);
    for other in admin.get("/users?role=admin&limit=100").is(200).ids() {
        if other != admin.id {
            admin
                .put(&format!("/users/{other}"), json!({"role": "agent"}))
                .is(200);
        }
    }
    let own = format!("/users/{}", admin.id);
    for role in ["manager", "agent", "customer"] {
        admin.put(&own, json!({"role": role})).refused(409, "CONFLICT");
    }
    admin
        .put(&own, json!({"is_active": false}))
        .refused(409, "CONFLICT");
    admin.delete(&own).refused(409, "CONFLICT");
    admin.delete("/users/me").refused(409, "CONFLICT");
    admin.get("/users").is(200);
    // Two admins who dismiss each other at the same moment: one remains.
    let pair = [admin.hire(Role::Admin), admin.hire(Role::Admin)];
    pair[0].put(&own, json!({"role": "agent"})).is(200);
    let answers = race(2, |at| {
        let other = format!("/users/{}", pair[1 - at].id);
        pair[at].put(&other, json!({"role": "agent"})).status()
    });
    assert_eq!(
        answers.iter().filter(|status| **status == 200).count(),
        1,
        "{answers:?}"
    );
    let left = pair
        .iter()
        .filter(|one| one.get("/users").status() == 200)
        .count();
    assert_eq!(left, 1);
}

#[test]
fn a_refused_field_names_itself() {
    let customer = Customer::fresh();
    customer
        .put("/users/me", json!({"first_name": "x".repeat(101)}))
        .faults(&["first_name"]);
    customer
        .put("/users/me", json!({"email": "nonsense"}))
        .faults(&["email"]);
    // Their own address, in any case, changes nothing; another one is for admins.
    let own = json!({"email": customer.email.to_uppercase(), "first_name": "Jane"});
    let changed = customer.put("/users/me", own).is(200).json();
    assert_eq!(
        (&changed["email"], &changed["first_name"]),
        (&json!(customer.email), &json!("Jane"))
    );
    customer
        .put("/users/me", json!({"email": make::email()}))
        .refused(403, "FORBIDDEN");
    customer
        .put("/users/me", json!({"username": "a@b"}))
        .faults(&["username"]);
    customer
        .put(
            "/users/me",
            json!({"first_name": 5, "last_name": [], "phone": {}}),
        )
        .faults(&["first_name", "last_name", "phone"]);
    assert_eq!(
        customer
            .put("/users/me", json!({"phone": Value::Null}))
            .is(200)
            .json()["phone"],
        Value::Null
    );
}
