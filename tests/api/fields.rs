//! Sparse lists: only the fields that are asked for, in every list.

use crate::support::routes::rows;
use crate::support::{Admin, Customer, Value, json, make};
use crate::sweep::Things;

fn names(row: &Value) -> Vec<&str> {
    row.as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn every_list_gives_the_fields_that_are_asked_for() {
    let (admin, customer) = (Admin::any(), Customer::fresh());
    let things = Things::of(&customer);
    let document: Value = serde_json::from_slice(
        Admin::any()
            .ask("GET", "/openapi.json")
            .at_root()
            .send()
            .is(200)
            .bytes(),
    )
    .expect("JSON");
    let mut lists = 0;
    for row in rows().iter().filter(|row| row.method == "GET") {
        let operation = &document["paths"][row.path]["get"];
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let is_list = parameters.contains(&json!({"$ref": "#/components/parameters/limit"}));
        let is_sparse = parameters
            .iter()
            .any(|one| one["$ref"] == "#/components/parameters/fields" || one["name"] == "fields");
        assert!(!is_list || is_sparse, "{} has no fields", row.path);
        if !is_list {
            continue;
        }
        lists += 1;
        let path = things.name(row);
        admin.get(&format!("{path}?fields=nonsense")).faults(&["fields"]);
        let whole = admin.get(&format!("{path}?limit=3")).is(200).rows();
        let Some(first) = whole.first() else { continue };
        let wanted: Vec<&str> = names(first)
            .into_iter()
            .filter(|name| ["created_at", "name", "seq", "status"].contains(name))
            .collect();
        let wanted = if wanted.is_empty() {
            names(first)[..1].to_vec()
        } else {
            wanted
        };
        // Other stories may add a row between two requests.
        let read = || {
            let whole = admin.get(&format!("{path}?limit=3")).is(200).rows();
            let sparse = admin
                .get(&format!("{path}?limit=3&fields={}", wanted.join(",")))
                .is(200)
                .rows();
            let is_still = admin.get(&format!("{path}?limit=3")).is(200).rows() == whole;
            is_still.then_some((whole, sparse))
        };
        let (whole, sparse) = (0..50)
            .find_map(|_| read())
            .expect("a list that stays for a moment");
        let first = &whole[0];
        assert_eq!(names(&sparse[0]), wanted, "{path}");
        assert_eq!(sparse.len(), whole.len(), "{path}");
        for name in wanted {
            assert_eq!(sparse[0][name], first[name], "{name} of {path}");
        }
    }
    assert!(lists > 25, "{lists} lists");
}

#[test]
fn the_pages_of_a_sparse_list_follow_each_other() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    for at in 0..5 {
        make::message(&customer, &ticket, &format!("Message {at}"));
    }
    let path = format!("/tickets/{}/comments?fields=body", ticket["id"]);
    let rows = customer.walk(&path, 2);
    assert_eq!(
        rows,
        (0..5)
            .map(|at| json!({"body": format!("Message {at}")}))
            .collect::<Vec<_>>()
    );
    // Fields do not change what a list is: a cursor goes on with others.
    let first = customer.get(&format!("{path}&limit=2")).is(200).json();
    let cursor = first["meta"]["next_cursor"].as_str().expect("a cursor");
    let next = customer
        .get(&format!(
            "/tickets/{}/comments?limit=2&fields=id,body&cursor={cursor}",
            ticket["id"]
        ))
        .is(200)
        .rows();
    assert_eq!(
        (next[0]["body"].as_str(), names(&next[0])),
        (Some("Message 2"), vec!["id", "body"])
    );
    // What is no field of the list is none, whatever else has it.
    customer.get("/notifications?fields=body").faults(&["fields"]);
    customer.get("/articles?fields=password_hash").faults(&["fields"]);
}
