//! How lists are read: cursors, pages, totals, filters, orders.

use crate::support::client::escape;
use crate::support::{Agent, Caller, Customer, Manager, Value, json, make};

fn opened(by: &Caller, count: usize) -> Vec<i64> {
    (0..count)
        .map(|_| make::ticket(by)["id"].as_i64().unwrap())
        .collect()
}

fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

#[test]
fn a_walk_sees_every_row_once() {
    let customer = Customer::fresh();
    let mut want = opened(&customer, 7);
    assert_eq!(ids(&customer.walk("/tickets?sort=created_at", 3)), want);
    want.reverse();
    for limit in [1, 2, 3, 6, 7, 8, 100] {
        assert_eq!(ids(&customer.walk("/tickets", limit)), want, "limit {limit}");
    }
    for sort in [
        "updated_at",
        "-updated_at",
        "priority",
        "-priority",
        "resolution_due_at",
        "-resolution_due_at",
    ] {
        let mut seen = ids(&customer.walk(&format!("/tickets?sort={sort}"), 2));
        seen.sort_unstable();
        seen.reverse();
        assert_eq!(seen, want, "sort {sort}");
    }
}

#[test]
fn a_page_says_where_the_next_one_is() {
    let customer = Customer::fresh();
    opened(&customer, 3);
    let first = customer.get("/tickets?limit=2").is(200);
    let page = first.json();
    assert_eq!(
        (page["meta"]["limit"].clone(), page["meta"]["has_more"].clone()),
        (json!(2), json!(true))
    );
    assert!(page["meta"].get("total").is_none(), "nobody asked for a total");
    let cursor = page["meta"]["next_cursor"].as_str().unwrap();
    let next = page["links"]["next"].as_str().unwrap().to_owned();
    assert!(next.contains(&escape(cursor)) || next.contains(cursor), "{next}");
    let link = first.header("link").unwrap_or_default();
    assert!(link.contains("rel=\"next\"") && link.contains(&next), "{link}");
    let path = next
        .split_once("://")
        .map_or(next.as_str(), |(_, rest)| &rest[rest.find('/').unwrap()..]);
    let last = customer.ask("GET", path).at_root().send().is(200).json();
    assert_eq!(last["data"].as_array().unwrap().len(), 1);
    assert_eq!(last["meta"]["has_more"], false);
    assert!(last["links"].get("next").is_none_or(Value::is_null));
}

#[test]
fn a_walk_is_not_disturbed_by_what_comes_meanwhile() {
    let customer = Customer::fresh();
    let mut old = opened(&customer, 6);
    old.reverse();
    let first = customer.get("/tickets?limit=2").is(200).json();
    let mut seen = ids(first["data"].as_array().unwrap());
    let mut cursor = first["meta"]["next_cursor"].as_str().map(str::to_owned);
    while let Some(at) = cursor {
        make::ticket(&customer);
        let page = customer
            .get(&format!("/tickets?limit=2&cursor={}", escape(&at)))
            .is(200)
            .json();
        seen.extend(ids(page["data"].as_array().unwrap()));
        cursor = page["meta"]["next_cursor"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, old);
}

#[test]
fn a_cursor_belongs_to_its_filters() {
    let customer = Customer::fresh();
    opened(&customer, 3);
    let page = customer.get("/tickets?limit=1&status=open").is(200).json();
    let cursor = escape(page["meta"]["next_cursor"].as_str().unwrap());
    customer
        .get(&format!("/tickets?limit=1&status=open&cursor={cursor}"))
        .is(200);
    for changed in [
        "status=closed",
        "status=open&priority=low",
        "",
        "status=open&sort=updated_at",
    ] {
        customer
            .get(&format!("/tickets?limit=1&{changed}&cursor={cursor}"))
            .faults(&["cursor"]);
    }
    for altered in [
        "x",
        "",
        "%00",
        &cursor[1..],
        &format!("{cursor}A"),
        &cursor.to_lowercase(),
        &"A".repeat(5_000),
    ] {
        let answer = customer.get(&format!("/tickets?limit=1&status=open&cursor={altered}"));
        // An empty parameter may count as none.
        if !(altered.is_empty() && answer.status() == 200) {
            answer.faults(&["cursor"]);
        }
    }
    // Every single character of it counts.
    for at in 0..cursor.len() {
        let mut bytes = cursor.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).unwrap();
        if altered != cursor && !cursor[at..].starts_with('%') {
            let status = customer
                .get(&format!(
                    "/tickets?limit=1&status=open&cursor={}",
                    escape(&altered)
                ))
                .status();
            assert!(matches!(status, 200 | 400), "{status}");
        }
    }
}

#[test]
fn a_cursor_of_another_person_opens_nothing() {
    let (mine, other) = (Customer::fresh(), Customer::fresh());
    opened(&mine, 2);
    let own = opened(&other, 2);
    let page = mine.get("/tickets?limit=1").is(200).json();
    let cursor = escape(page["meta"]["next_cursor"].as_str().unwrap());
    let answer = other.get(&format!("/tickets?limit=10&cursor={cursor}"));
    assert!(
        answer.status() == 400 || answer.ids().iter().all(|id| own.contains(id)),
        "{}",
        answer.text()
    );
}

#[test]
fn pages_and_offsets_carry_a_total() {
    let customer = Customer::fresh();
    let mut want = opened(&customer, 5);
    want.reverse();
    for (query, from, to) in [
        ("page=1&per_page=2", 0, 2),
        ("page=2&per_page=2", 2, 4),
        ("page=3&per_page=2", 4, 5),
        ("page=9&per_page=2", 5, 5),
        ("page=2&limit=2", 2, 4),
        ("skip=0&limit=2", 0, 2),
        ("skip=3&limit=2", 3, 5),
        ("skip=50&limit=2", 5, 5),
    ] {
        let answer = customer.get(&format!("/tickets?{query}")).is(200);
        assert_eq!(answer.ids(), want[from..to], "{query}");
        assert_eq!(answer.json()["meta"]["total"], 5, "{query}");
    }
    let counted = customer.get("/tickets?limit=2&count=true").is(200).json();
    assert_eq!(counted["meta"]["total"], 5);
    assert!(
        counted["meta"]
            .get("total_is_capped")
            .is_none_or(|it| it == false)
    );
    assert_eq!(
        customer
            .get("/tickets?limit=1&status=closed&count=true")
            .is(200)
            .json()["meta"]["total"],
        0
    );
}

#[test]
fn a_number_out_of_range_is_named() {
    let customer = Customer::any();
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("page=1&per_page=101", "limit"),
        ("skip=-1", "skip"),
    ] {
        customer.get(&format!("/tickets?{query}")).faults(&[field]);
    }
    // Row 10,000 is the last one that a page or an offset may reach.
    customer.get("/tickets?page=100&per_page=100").is(200);
    customer.get("/tickets?page=101&per_page=100").faults(&["page"]);
    customer.get("/tickets?skip=9975&limit=25").is(200);
    customer.get("/tickets?skip=10000&limit=25").faults(&["skip"]);
    assert_eq!(customer.get("/tickets").is(200).json()["meta"]["limit"], 25);
}

#[test]
fn an_unknown_value_is_refused_and_an_unknown_parameter_is_not() {
    let customer = Customer::any();
    for field in [
        "status",
        "priority",
        "workflow",
        "assignee",
        "requester",
        "sort",
        "created_after",
        "created_before",
        "updated_after",
        "updated_before",
        "due_after",
        "due_before",
        "overdue",
        "has_attachment",
        "category",
        "project",
    ] {
        customer
            .get(&format!("/tickets?{field}=%7Enonsense%7E"))
            .faults(&[field]);
    }
    customer.get("/tickets?status=open,nonsense").faults(&["status"]);
    customer
        .get("/tickets?status=nonsense&priority=nonsense&limit=0")
        .faults(&["status", "priority", "limit"]);
    customer
        .get("/tickets?colour=red&_=17&utm_source=x&status=open")
        .is(200);
}

#[test]
fn filters_choose_and_combine() {
    let customer = Customer::fresh();
    let low = make::ticket_with(&customer, json!({"priority": "low"}))["id"]
        .as_i64()
        .unwrap();
    let urgent = make::ticket_with(&customer, json!({"priority": "urgent", "department": "Legal"}));
    let urgent = urgent["id"].as_i64().unwrap();
    let closed = make::ticket_with(&customer, json!({"priority": "low"}))["id"]
        .as_i64()
        .unwrap();
    customer
        .put(&format!("/tickets/{closed}/close"), json!({}))
        .is(200);
    let soon = escape("2999-01-01T00:00:00Z");
    for (query, want) in [
        ("".to_owned(), vec![closed, urgent, low]),
        ("priority=low".to_owned(), vec![closed, low]),
        ("priority=urgent".to_owned(), vec![urgent]),
        ("priority=critical".to_owned(), vec![urgent]),
        ("priority=low,urgent".to_owned(), vec![closed, urgent, low]),
        ("status=open".to_owned(), vec![urgent, low]),
        ("status=OPEN&priority=Low".to_owned(), vec![low]),
        ("status=closed".to_owned(), vec![closed]),
        ("status=open,closed".to_owned(), vec![closed, urgent, low]),
        ("status=in-progress".to_owned(), vec![]),
        ("department=Legal".to_owned(), vec![urgent]),
        ("assignee=none&status=open".to_owned(), vec![urgent, low]),
        ("assigned_to=none&status=closed".to_owned(), vec![closed]),
        ("requester=me".to_owned(), vec![closed, urgent, low]),
        (format!("created_before={soon}"), vec![closed, urgent, low]),
        (format!("created_after={soon}"), vec![]),
        (format!("updated_after={soon}"), vec![]),
        ("workflow=support".to_owned(), vec![closed, urgent, low]),
        ("workflow=project".to_owned(), vec![]),
        ("overdue=true".to_owned(), vec![]),
        ("has_attachment=false".to_owned(), vec![closed, urgent, low]),
        ("sort=created_at".to_owned(), vec![low, urgent, closed]),
        ("status=open&sort=-priority".to_owned(), vec![urgent, low]),
        ("status=open&sort=priority".to_owned(), vec![low, urgent]),
    ] {
        assert_eq!(
            customer.get(&format!("/tickets?{query}")).is(200).ids(),
            want,
            "{query}"
        );
    }
}

#[test]
fn staff_filter_by_people() {
    let (customer, manager, agent) = (Customer::fresh(), Manager::any(), Agent::fresh());
    let mine = make::ticket(&customer)["id"].as_i64().unwrap();
    let free = make::ticket(&customer)["id"].as_i64().unwrap();
    manager
        .put(
            &format!("/tickets/{mine}/assign"),
            json!({"assignee_id": agent.id}),
        )
        .is(200);
    for (query, want) in [
        (format!("requester={}", customer.id), vec![free, mine]),
        (format!("requester={}", customer.uid), vec![free, mine]),
        (format!("assignee={}", agent.id), vec![mine]),
        (format!("assignee={}", agent.uid), vec![mine]),
        (format!("assigned_to={}", agent.id), vec![mine]),
        (format!("agent_id={}", agent.id), vec![mine]),
        (
            format!("assignee_id={}&requester={}", agent.id, customer.id),
            vec![mine],
        ),
        (format!("assignee=none&requester={}", customer.id), vec![free]),
    ] {
        assert_eq!(
            manager.get(&format!("/tickets?{query}")).is(200).ids(),
            want,
            "{query}"
        );
    }
    assert_eq!(agent.get("/tickets?assignee=me").is(200).ids(), [mine]);
}

fn keys(row: &Value) -> Vec<&str> {
    row.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_list_gives_the_fields_that_are_asked_for() {
    let customer = Customer::fresh();
    let id = opened(&customer, 1)[0];
    let full = customer.get("/tickets").is(200).json();
    assert!(keys(&full["data"][0]).contains(&"description"));
    assert!(!keys(&full["data"][0]).contains(&"last_message"));
    for asked in [
        "fields=sla,id,allowed_transitions",
        "fields=id&fields=sla&fields=allowed_transitions",
    ] {
        let some = customer.get(&format!("/tickets?{asked}")).is(200).json();
        let row = &some["data"][0];
        let mut have = keys(row);
        have.sort_unstable();
        assert_eq!(have, ["allowed_transitions", "id", "sla"], "{asked}");
        for name in have {
            assert_eq!(row[name], full["data"][0][name], "{name}");
        }
    }
    assert_eq!(
        customer.get("/tickets?fields=id").is(200).json()["data"],
        json!([{"id": id}])
    );
    let wrong = customer.get("/tickets?fields=id,passwords").is(400);
    assert!(wrong.text().contains("fields"), "{}", wrong.text());
}

#[test]
fn a_row_shows_the_last_message_that_its_reader_may_see() {
    let customer = Customer::fresh();
    let manager = Manager::any();
    let id = opened(&customer, 1)[0];
    let row = |by: &Caller| {
        by.get(&format!("/tickets?fields=row&requester={}&limit=1", customer.id))
            .is(200)
            .json()["data"][0]
            .clone()
    };
    assert_eq!(row(&customer)["last_message"], Value::Null);
    let long = "Süß \"quoted\" \\ 日本 ".repeat(30);
    customer
        .post(&format!("/tickets/{id}/comments"), json!({"body": long}))
        .is(201);
    let public = row(&customer);
    let excerpt: String = long.chars().take(160).collect();
    assert_eq!(public["last_message"]["excerpt"], excerpt);
    assert_eq!(public["last_message"]["author"]["id"], customer.id);
    assert_eq!(public["last_message"]["is_internal"], false);
    assert!(!keys(&public).contains(&"description"));
    manager
        .post(
            &format!("/tickets/{id}/comments"),
            json!({"body": "A note for staff", "is_internal": true}),
        )
        .is(201);
    assert_eq!(
        row(&customer),
        public,
        "a note changes nothing that a customer sees"
    );
    assert_eq!(row(manager)["last_message"]["excerpt"], "A note for staff");
    assert_eq!(row(manager)["last_message"]["is_internal"], true);
}
