//! Filters that name a row: what they name must be there, in lists and in reports alike.

use crate::support::client::Role;
use crate::support::{Admin, Agent, Anon, Caller, Customer, Manager, json, make};

/// Reports with the lowest role that may read them.
const REPORTS: [(&str, Role); 15] = [
    ("/tickets/stats/summary", Role::Customer),
    ("/tickets/stats/enhanced", Role::Customer),
    ("/reports/dashboard", Role::Customer),
    ("/tickets/analytics/sla-adherence", Role::Agent),
    ("/tickets/analytics/aging", Role::Agent),
    ("/agents/performance", Role::Agent),
    ("/admin/reports/agents", Role::Agent),
    ("/reports/tickets-by-status", Role::Manager),
    ("/reports/tickets-by-priority", Role::Manager),
    ("/reports/tickets-by-department", Role::Manager),
    ("/reports/tickets-by-category", Role::Manager),
    ("/reports/user-activity", Role::Manager),
    ("/admin/dashboard", Role::Manager),
    ("/admin/reports/tickets", Role::Manager),
    ("/admin/reports/sla", Role::Manager),
];

fn everybody() -> [(Role, &'static Caller); 4] {
    [
        (Role::Customer, Customer::any()),
        (Role::Agent, Agent::any()),
        (Role::Manager, Manager::any()),
        (Role::Admin, Admin::any()),
    ]
}

#[test]
fn reports_refuse_what_names_nothing() {
    for (path, lowest) in REPORTS {
        for (role, by) in everybody() {
            if role < lowest {
                continue;
            }
            for (query, fields) in [
                ("category=no-such", &["category"][..]),
                ("category_id=9007199254740991", &["category"]),
                ("category=01890a5d-ac96-774b-bcce-b302099a8057", &["category"]),
                ("project=NOPE", &["project"]),
                ("project_id=9007199254740991", &["project"]),
                ("project=NOPE&category=billing", &["project"]),
                ("project=NOPE&category=no-such", &["project", "category"]),
            ] {
                by.get(&format!("{path}?{query}")).faults(fields);
            }
            let found = by.get(&format!("{path}?category=billing")).is(200);
            assert_eq!(found.timing("d1"), Some(1), "{path}: no second trip");
        }
        let ghost = format!("{path}?agent=01890a5d-ac96-774b-bcce-b302099a8057");
        Manager::any().get(&ghost).faults(&["agent"]);
        let number = format!("{path}?assignee=9007199254740991");
        Admin::any().get(&number).faults(&["agent"]);
    }
}

#[test]
fn lists_refuse_what_names_nothing() {
    let agent = format!("/agents/{}/tickets", Agent::any().id);
    for (role, by) in everybody() {
        for path in ["/tickets", "/tickets/my", &agent] {
            if path == agent && role == Role::Customer {
                continue;
            }
            for (query, fields) in [
                ("category=no-such", &["category"][..]),
                ("category=9007199254740991", &["category"]),
                ("subcategory=no-such", &["subcategory"]),
                ("project=NOPE", &["project"]),
                ("assignee=9007199254740991", &["assignee"]),
                ("agent_id=01890a5d-ac96-774b-bcce-b302099a8057", &["assignee"]),
                ("assignee=TICK-20260101-0001", &["assignee"]),
                ("requester=9007199254740991", &["requester"]),
                ("customer_email=nobody@example.org", &["customer_email"]),
                ("email=nobody@example.org&q=printer", &["customer_email"]),
                ("customer_email=nobody", &["customer_email"]),
                ("category=no-such&q=printer", &["category"]),
                ("category=no-such&q=***", &["category"]),
                (
                    "category=no-such&project=NOPE&status=open&sort=updated_at&count=true",
                    &["category", "project"],
                ),
            ] {
                by.get(&format!("{path}?{query}")).faults(fields);
            }
        }
        let found = by.get("/tickets?category=billing&assignee=me&requester=me&limit=1");
        assert_eq!(found.is(200).timing("d1"), Some(1), "no second trip");
    }
    Agent::any().get("/agents?category=no-such").faults(&["category"]);
    Agent::any()
        .get("/agents?category_id=9007199254740991")
        .faults(&["category"]);
    let anon = Anon::new();
    for by in [&*anon, &**Customer::any(), &**Agent::any()] {
        by.get("/articles?category=no-such").faults(&["category"]);
        by.get("/articles?category=no-such&q=***").faults(&["category"]);
        by.get("/articles?category=billing").is(200);
    }
    // What the path names comes first.
    Admin::any()
        .get("/agents/9007199254740991/tickets?category=no-such")
        .refused(404, "NOT_FOUND");
}

#[test]
fn what_is_archived_still_has_its_name() {
    let (manager, customer) = (Manager::any(), Customer::fresh());
    let slug = format!("gone-{}", make::unique());
    let category = manager
        .post("/categories", json!({"name": slug, "slug": slug}))
        .is(201)
        .json();
    let ticket = make::ticket_with(&customer, json!({"category": category["id"]}));
    let hidden = manager
        .post("/categories", json!({"name": format!("x{slug}")}))
        .is(201)
        .json();
    let closed = json!({"status": "closed"});
    manager
        .put(&format!("/tickets/{}/status", ticket["id"]), closed)
        .is(200);
    for category in [&category, &hidden] {
        manager.delete(&format!("/categories/{}", category["id"])).is(204);
    }
    let by =
        |by: &Caller, category: &serde_json::Value| by.get(&format!("/tickets?category={}", category["id"]));
    assert_eq!(by(manager, &hidden).is(200).ids(), [0; 0]);
    let ids = [ticket["id"].as_i64().unwrap()];
    // To a customer a category without a ticket of theirs is as unknown as one that never was.
    let answer = by(&customer, &hidden);
    let unknown = customer.get("/tickets?category=9007199254740991");
    assert_eq!(
        answer.faults(&["category"]).json()["errors"],
        unknown.faults(&["category"]).json()["errors"]
    );
    assert_eq!(by(&customer, &category).is(200).ids(), ids);
    // So are other customers.
    let other = Customer::any();
    let answer = customer.get(&format!("/tickets?requester={}", other.id));
    assert_eq!(
        answer.faults(&["requester"]).json()["errors"],
        customer
            .get("/tickets?requester=9007199254740991")
            .faults(&["requester"])
            .json()["errors"]
    );
    assert_eq!(
        customer
            .get(&format!("/tickets?requester={}", customer.id))
            .is(200)
            .ids(),
        ids
    );
}

#[test]
fn a_summary_counts_what_its_filters_name() {
    let (customer, agent) = (Customer::fresh(), Agent::fresh());
    let project = make::project(json!({}));
    let key = project["key"].as_str().unwrap();
    make::ticket(&customer);
    make::ticket_with(&customer, json!({"project": key, "priority": "urgent"}));
    let taken = make::ticket_with(
        &customer,
        json!({"project": key, "category": "billing", "priority": "low"}),
    );
    let path = format!("/tickets/{}/assign", taken["id"]);
    Manager::any()
        .put(&path, json!({"assignee_id": agent.id}))
        .is(200);
    let total = |by: &Caller, query: &str| {
        let told = by.get(&format!("/tickets/stats/summary?{query}")).is(200).json();
        let sum = |table: &str| -> i64 {
            told[table]
                .as_object()
                .unwrap()
                .values()
                .filter_map(|n| n.as_i64())
                .sum()
        };
        assert_eq!(
            (sum("by_status"), sum("by_priority")),
            (told["total"].as_i64().unwrap(), sum("by_status"))
        );
        (
            told["total"].as_i64().unwrap(),
            told["by_priority"]["low"].as_i64().unwrap(),
        )
    };
    let id = project["id"].as_i64().unwrap();
    let uid = project["uid"].as_str().unwrap();
    for by in [&*customer, &**Manager::any(), &**Admin::any()] {
        for name in [key.to_owned(), key.to_lowercase(), id.to_string(), uid.to_owned()] {
            assert_eq!(total(by, &format!("project={name}")), (2, 1), "{name}");
        }
        assert_eq!(total(by, &format!("project_id={id}&category=billing")), (1, 1));
        assert_eq!(total(by, &format!("project={key}&category=technical")), (0, 0));
        assert_eq!(total(by, &format!("agent={}", agent.id)), (1, 1));
        assert_eq!(
            total(by, &format!("assignee={}&project={key}", agent.uid)),
            (1, 1)
        );
    }
    assert_eq!(total(&customer, ""), (3, 1));
    assert_eq!(total(&agent, "agent=me"), (1, 1));
    // Unknown parameters are ignored, and it has no period.
    assert_eq!(
        total(&customer, "from=2001-01-01&to=2001-01-02&colour=red"),
        (3, 1)
    );
}

#[test]
fn tickets_are_found_by_the_address_of_their_requester() {
    let (customer, other) = (Customer::fresh(), Customer::fresh());
    let mut ids: Vec<i64> = (0..3)
        .map(|_| make::ticket(&customer)["id"].as_i64().unwrap())
        .collect();
    ids.reverse();
    make::ticket(&other);
    for by in [&**Manager::any(), &**Admin::any(), &*customer] {
        for query in [
            format!("customer_email={}", customer.email),
            format!("email={}", customer.email.to_uppercase()),
            format!("customer_email={}&status=open&sort=created_at", customer.email),
        ] {
            let mut found = by.get(&format!("/tickets?{query}&count=true")).is(200);
            assert_eq!(found.json()["meta"]["total"], 3, "{query}");
            let mut have = found.ids();
            have.sort_unstable_by(|a, b| b.cmp(a));
            assert_eq!(have, ids, "{query}");
            found = by.get(&format!("/tickets?{query}&limit=2")).is(200);
            // In another order than the newest first it is a test on the way.
            let most = if query.contains("sort=") { 1_500 } else { 60 };
            assert!(
                found.timing("rows_read").is_none_or(|rows| rows <= most),
                "{query}"
            );
        }
    }
    // To a customer the address of another one is as unknown as that of nobody.
    let answer = customer.get(&format!("/tickets?customer_email={}", other.email));
    let unknown = customer.get("/tickets?customer_email=nobody@example.org");
    assert_eq!(
        answer.faults(&["customer_email"]).json()["errors"],
        unknown.faults(&["customer_email"]).json()["errors"]
    );
}
