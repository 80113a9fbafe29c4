//! Categories and their parts: making, changing, archiving, and what tickets make of them.

use crate::support::{Admin, Agent, Answer, Caller, Customer, Manager, Value, json, make, race};

fn path(category: &Value) -> String {
    format!("/categories/{}", category["id"])
}

/// A category of its own, in which nobody works.
fn fresh() -> Value {
    let body = json!({"name": format!("Category {}", make::unique())});
    Manager::any().post("/categories", body).is(201).json()
}

fn part(category: &Value, name: &str) -> Value {
    Manager::any()
        .post(
            &format!("{}/subcategories", path(category)),
            json!({"name": name}),
        )
        .is(201)
        .json()
}

fn ticket(by: &Caller, more: Value) -> Answer {
    let mut body = json!({"title": "In its place", "description": "Where does it belong?"});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    by.post("/tickets", body)
}

#[test]
fn a_desk_begins_with_four_categories() {
    let listed = Customer::any().walk("/categories", 100);
    let first: Vec<&Value> = listed
        .iter()
        .filter(|row| row["id"].as_i64() <= Some(4))
        .map(|row| &row["slug"])
        .collect();
    assert_eq!(first, ["technical", "billing", "general", "feature_request"]);
    for name in ["2", "billing", "Billing"] {
        let one = Customer::any().get(&format!("/categories/{name}")).is(200);
        assert!(one.header("etag").is_some());
        assert_eq!(one.json()["slug"], "billing");
        assert_eq!(
            one.json()["agents"],
            Value::Null,
            "customers do not learn who works where"
        );
    }
    for name in ["feature_request", "feature-request", "Feature%20Request"] {
        assert_eq!(
            Agent::any().get(&format!("/categories/{name}")).is(200).json()["id"],
            4
        );
    }
}

#[test]
fn a_category_is_made_and_changed_by_managers() {
    let (manager, word) = (Manager::any(), make::unique());
    let body = json!({"name": format!("Câbles & {word}"), "description": "Plugs.\nAnd wires."});
    let made = manager.post("/categories", body.clone()).is(201);
    let category = made.json();
    assert_eq!(category["slug"], format!("câbles_{word}"));
    assert_eq!(
        made.header("location"),
        Some(format!("/api/v1{}", path(&category)).as_str())
    );
    assert_eq!(
        (&category["version"], &category["is_active"], &category["agents"]),
        (&json!(1), &json!(true), &json!([]))
    );
    assert_eq!(manager.get(&path(&category)).is(200).json(), category);
    let twin = manager.post("/categories", body).refused(409, "CONFLICT");
    assert_eq!(twin.json()["details"]["field"], "slug");

    let renamed = manager
        .put(
            &path(&category),
            json!({"name": "Wires", "position": 0, "version": 1}),
        )
        .is(200)
        .json();
    assert_eq!(
        renamed["slug"], category["slug"],
        "a new name does not break old links"
    );
    assert_eq!(
        (&renamed["name"], &renamed["version"]),
        (&json!("Wires"), &json!(2))
    );
    let at = |id: &Value| {
        let listed = manager.walk("/categories", 100);
        listed.iter().position(|row| row["id"] == *id)
    };
    assert!(at(&category["id"]) < at(&json!(1)));
    manager
        .put(&path(&category), json!({"name": "Late", "version": 1}))
        .refused(409, "CONFLICT");
    manager
        .ask("PUT", &path(&category))
        .header("If-Match", "\"1\"")
        .json(&json!({"name": "Late"}))
        .send()
        .refused(412, "PRECONDITION_FAILED");
    manager
        .patch(&path(&category), json!({"slug": format!("Wires {word}")}))
        .is(200);
    manager.get(&format!("/categories/wires_{word}")).is(200);
    manager
        .put(&path(&category), json!({"slug": "billing"}))
        .refused(409, "CONFLICT");

    for slug in ["7", "1_0", "01936c6e-2c00-7000-8000-000000000001", "a/b"] {
        manager
            .post("/categories", json!({"name": "Odd", "slug": slug}))
            .faults(&["slug"]);
    }
    manager
        .post(
            "/categories",
            json!({"description": 5, "position": -1, "is_active": "yes"}),
        )
        .faults(&["name", "description", "position", "is_active"]);
    for by in [&**Customer::any(), &**Agent::any()] {
        by.post("/categories", json!({"name": "Mine"}))
            .refused(403, "FORBIDDEN");
        by.delete("/categories/billing").refused(403, "FORBIDDEN");
    }
}

#[test]
fn a_category_has_parts() {
    let (manager, word) = (Manager::any(), make::unique());
    let (network, office) = (fresh(), fresh());
    let parts = format!("{}/subcategories", path(&network));
    let first = part(&network, &format!("Cables {word}"));
    assert_eq!(first["slug"], format!("cables_{word}"));
    // The same name elsewhere gets a slug of its own; twice in one place is a mistake.
    let other = part(&office, &format!("Cables {word}"));
    assert_eq!(
        other["slug"],
        format!("{}_cables_{word}", office["slug"].as_str().unwrap())
    );
    manager
        .post(&parts, json!({"name": format!("Cables {word}")}))
        .refused(409, "CONFLICT");
    let second = part(&network, &format!("Sockets {word}"));

    let ids = [first["id"].as_i64().unwrap(), second["id"].as_i64().unwrap()];
    assert_eq!(Customer::any().get(&parts).is(200).ids(), ids);
    assert_eq!(Customer::any().walk(&parts, 1).len(), 2);
    let shown = Customer::any().get(&path(&network)).is(200).json();
    assert_eq!(shown["subcategories"], json!([first, second]));

    let one = format!("{parts}/{}", first["slug"].as_str().unwrap());
    let first = manager
        .put(&one, json!({"position": 9, "version": 1}))
        .is(200)
        .json();
    assert_eq!(first["version"], 2);
    assert_eq!(Customer::any().get(&parts).is(200).ids(), [ids[1], ids[0]]);
    manager
        .put(&one, json!({"position": 9, "version": 1}))
        .refused(409, "CONFLICT");
    // Below another category it is not there.
    let astray = format!("{}/subcategories/{}", path(&office), first["id"]);
    for answer in [
        manager.get(&astray),
        manager.put(&astray, json!({"name": "X"})),
        manager.delete(&astray),
    ] {
        answer.refused(404, "NOT_FOUND");
    }
    Agent::any()
        .post(&parts, json!({"name": "Mine"}))
        .refused(403, "FORBIDDEN");

    manager.delete(&one).is(204);
    manager.delete(&one).is(204);
    assert_eq!(Customer::any().get(&parts).is(200).ids(), [ids[1]]);
    assert_eq!(
        Customer::any()
            .get(&format!("{parts}?include_archived=true"))
            .is(200)
            .ids(),
        [ids[1]]
    );
    let all = Agent::any()
        .get(&format!("{parts}?include_archived=true&count=true"))
        .is(200);
    assert_eq!((all.ids().len(), &all.json()["meta"]["total"]), (2, &json!(2)));
}

#[test]
fn a_ticket_is_put_in_a_part_of_its_category() {
    let (customer, manager) = (Customer::fresh(), Manager::any());
    let (here, there) = (fresh(), fresh());
    let (near, far) = (part(&here, &make::unique()), part(&there, &make::unique()));
    let by_slug = ticket(
        &customer,
        json!({"category": here["slug"], "subcategory": near["slug"]}),
    )
    .is(201)
    .json();
    let by_id = ticket(
        &customer,
        json!({"category_id": here["id"], "subcategory_id": near["id"]}),
    )
    .is(201)
    .json();
    for one in [&by_slug, &by_id] {
        assert_eq!(
            (&one["category"], &one["subcategory"]),
            (&here["slug"], &near["slug"])
        );
    }
    for wrong in [
        json!({"category": here["slug"], "subcategory": far["slug"]}),
        json!({"subcategory": near["slug"]}),
        json!({"category": here["slug"], "subcategory": "nothing_at_all"}),
    ] {
        ticket(&customer, wrong).faults(&["subcategory"]);
    }

    let path = format!("/tickets/{}", by_slug["id"]);
    customer
        .put(&path, json!({"subcategory": null}))
        .refused(403, "FORBIDDEN");
    manager
        .put(&path, json!({"subcategory": far["id"]}))
        .faults(&["subcategory"]);
    let moved = manager
        .put(&path, json!({"category": there["id"]}))
        .is(200)
        .json();
    assert_eq!(
        moved["subcategory"],
        Value::Null,
        "it was part of the other category"
    );
    let placed = manager
        .put(&path, json!({"subcategory": far["uid"]}))
        .is(200)
        .json();
    assert_eq!(placed["subcategory"], far["slug"]);
    let both = manager
        .put(
            &path,
            json!({"category": here["slug"], "subcategory": near["slug"]}),
        )
        .is(200)
        .json();
    assert_eq!(
        (&both["category"], &both["subcategory"]),
        (&here["slug"], &near["slug"])
    );
    let history = customer.get(&format!("{path}/history")).is(200).rows();
    assert_eq!(
        history.last().unwrap()["changes"],
        json!([
            {"field": "category", "from": there["slug"], "to": here["slug"]},
            {"field": "subcategory", "from": far["slug"], "to": near["slug"]},
        ])
    );

    let newest = [by_id["id"].as_i64().unwrap(), by_slug["id"].as_i64().unwrap()];
    for word in [
        near["slug"].as_str().unwrap(),
        &near["id"].to_string(),
        near["uid"].as_str().unwrap(),
    ] {
        let found = manager
            .get(&format!("/tickets?subcategory={word}&count=true"))
            .is(200);
        assert_eq!(found.ids(), newest, "{word}");
        assert_eq!(found.json()["meta"]["total"], 2);
        assert!(
            found.timing("rows_read") < Some(60),
            "{:?} rows for two tickets",
            found.timing("rows_read")
        );
        assert_eq!(
            customer
                .get(&format!("/tickets?subcategory={word}"))
                .is(200)
                .ids(),
            newest
        );
    }
    manager
        .get(&format!("/tickets?subcategory={}", make::unique()))
        .faults(&["subcategory"]);
    // Another slug is another word in every ticket.
    let new = format!("near_{}", make::unique());
    let parts = format!("/categories/{}/subcategories/{}", here["id"], near["id"]);
    manager.put(&parts, json!({"slug": new})).is(200);
    assert_eq!(customer.get(&path).is(200).json()["subcategory"], new);

    // Archived, it takes no new tickets, and keeps those it has.
    manager.delete(&parts).is(204);
    ticket(
        &customer,
        json!({"category": here["slug"], "subcategory": near["id"]}),
    )
    .faults(&["subcategory"]);
    assert_eq!(customer.get(&path).is(200).json()["subcategory"], new);
    manager.put(&path, json!({"title": "Still changeable"})).is(200);
}

#[test]
fn a_category_is_archived_when_nobody_needs_it() {
    let (customer, manager) = (Customer::fresh(), Manager::any());
    let (old, new) = (fresh(), fresh());
    let inner = part(&old, &make::unique());
    let put = json!({"category": old["slug"], "subcategory": inner["slug"]});
    let [open, done] = [(); 2].map(|()| ticket(&customer, put.clone()).is(201).json());
    customer
        .post(&format!("/tickets/{}/close", done["id"]), json!({}))
        .is(200);

    let refused = manager.delete(&path(&old)).refused(409, "CONFLICT");
    assert_eq!(refused.json()["details"]["unresolved_tickets"], 1);
    manager
        .put(&path(&old), json!({"is_active": false}))
        .refused(409, "CONFLICT");
    for nowhere in ["nothing_at_all".to_owned(), old["id"].to_string()] {
        manager
            .delete(&format!("{}?move_to={nowhere}", path(&old)))
            .faults(&["move_to"]);
    }
    assert_eq!(manager.get(&path(&old)).is(200).json()["is_active"], true);

    manager
        .ask("DELETE", &path(&old))
        .json(&json!({"move_to": new["slug"]}))
        .send()
        .is(204);
    manager.delete(&path(&old)).is(204);
    let moved = customer.get(&format!("/tickets/{}", open["id"])).is(200).json();
    assert_eq!(
        (&moved["category"], &moved["subcategory"], &moved["version"]),
        (&new["slug"], &Value::Null, &json!(2))
    );
    let told = customer
        .get(&format!("/tickets/{}/history", open["id"]))
        .is(200)
        .rows();
    let last = told.last().unwrap();
    assert_eq!(last["cause"], "category_archived");
    assert_eq!(
        last["changes"][0],
        json!({"field": "category", "from": old["slug"], "to": new["slug"]})
    );
    assert_eq!(
        customer.get(&format!("/tickets/{}", done["id"])).is(200).json()["category"],
        old["slug"]
    );

    // It is offered to nobody, and staff still find it.
    ticket(&customer, json!({"category": old["slug"]})).faults(&["category"]);
    let listed = |by: &Caller, query: &str| {
        by.walk(&format!("/categories{query}"), 100)
            .iter()
            .any(|row| row["id"] == old["id"])
    };
    for query in ["", "?include_archived=true", "?is_active=false"] {
        assert!(!listed(&Customer::fresh(), query), "{query}");
        assert_eq!(listed(&Agent::fresh(), query), !query.is_empty(), "{query}");
    }
    assert_eq!(customer.get(&path(&old)).is(200).json()["is_active"], false);
    manager.put(&path(&old), json!({"is_active": true})).is(200);
    ticket(&customer, json!({"category": old["slug"]})).is(201);
}

#[test]
fn no_ticket_slips_into_a_category_that_is_being_archived() {
    let customer = Customer::fresh();
    let (old, new) = (fresh(), fresh());
    let answers = race(40, |runner| {
        if runner % 10 == 5 {
            Manager::any().delete(&format!("{}?move_to={}", path(&old), new["id"]))
        } else {
            ticket(&customer, json!({"category": old["slug"]}))
        }
    });
    let made = answers.iter().filter(|answer| answer.status() == 201).count();
    for answer in &answers {
        assert!(
            matches!(answer.status(), 201 | 204 | 400),
            "{} {}",
            answer.status(),
            answer.text()
        );
    }
    let total = |category: &Value| {
        let path = format!("/tickets?category={}&count=true", category["id"]);
        Manager::any().get(&path).is(200).json()["meta"]["total"].clone()
    };
    assert_eq!((total(&old), total(&new)), (json!(0), json!(made)));
}

#[test]
fn a_category_has_its_agents() {
    let (manager, category) = (Manager::any(), fresh());
    let [one, two, three] = [(); 3].map(|()| Agent::fresh());
    let path = format!("{}/agents", path(&category));
    let set = manager
        .put(&path, json!({"agents": [two.id, one.uid, two.id], "version": 1}))
        .is(200)
        .json();
    assert_eq!(
        (&set["agents"], &set["version"]),
        (&json!([one.id, two.id]), &json!(2))
    );
    assert_eq!(Agent::any().get(&path).is(200).ids(), [two.id, one.id]);
    assert_eq!(
        manager
            .put(&path, json!({"agent_ids": [three.id]}))
            .is(200)
            .json()["agents"],
        json!([three.id])
    );
    assert_eq!(
        Agent::any()
            .get(&format!("/agents/{}/categories", three.id))
            .is(200)
            .ids(),
        [category["id"].as_i64().unwrap()]
    );
    manager
        .put(&path, json!({"agents": [], "version": 1}))
        .refused(409, "CONFLICT");
    for wrong in [
        json!([manager.id]),
        json!([Customer::any().id]),
        json!([9_007_199_254_740_991_i64]),
        json!(["7"]),
        json!(7),
    ] {
        manager.put(&path, json!({"agents": wrong})).faults(&["agents"]);
    }
    manager.put(&path, json!({})).faults(&["agents"]);
    one.put(&path, json!({"agents": [one.id]}))
        .refused(403, "FORBIDDEN");
    Customer::any().get(&path).refused(403, "FORBIDDEN");
    // Who leaves the desk leaves its categories' lists.
    Admin::any().delete(&format!("/agents/{}", three.id)).is(204);
    assert_eq!(
        manager
            .get(&format!("/categories/{}", category["id"]))
            .is(200)
            .json()["agents"],
        json!([])
    );
}
