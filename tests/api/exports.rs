//! Lists as CSV files: what is in them, for whom, and each row once however long the file is.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::answer::Answer;
use crate::support::{Admin, Agent, Caller, Customer, Manager, bulk, json, make};

const BOM: &str = "\u{FEFF}";

/// The rows of a CSV file, the first one with the names of the columns.
fn table(answer: &Answer) -> Vec<Vec<String>> {
    let text = answer.text();
    let text = text.strip_prefix(BOM).unwrap_or(&text);
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'), "a row ends in CR LF");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!quoted && cell.is_empty(), "the file ends in the middle of a row");
    let width = rows.first().map(Vec::len);
    assert!(
        rows.iter().all(|row| Some(row.len()) == width),
        "all rows are as wide"
    );
    rows
}

/// A column by its name, without the name.
fn column(rows: &[Vec<String>], name: &str) -> Vec<String> {
    let at = rows[0]
        .iter()
        .position(|have| have == name)
        .unwrap_or_else(|| panic!("no {name} in {:?}", rows[0]));
    rows[1..].iter().map(|row| row[at].clone()).collect()
}

#[test]
fn a_list_of_tickets_is_a_file() {
    let (admin, customer, agent) = (Admin::any(), Customer::fresh(), Agent::fresh());
    customer
        .put(
            "/users/me",
            json!({"first_name": "Ada", "last_name": "=Love, lace"}),
        )
        .is(200);
    let word = make::unique();
    let odd = format!("=HYPERLINK(\"http://x\") {word}");
    let first = make::ticket_with(&customer, json!({"title": odd, "description": "One,\n\"two\""}));
    let second = make::ticket_with(
        admin,
        json!({"title": format!("Second {word}"), "customer_email": customer.email,
        "tags": ["b", "a"], "priority": "urgent", "category": "billing", "assignee": null}),
    );
    admin
        .put(
            &format!("/tickets/{}/assign", first["id"]),
            json!({"assignee": agent.id}),
        )
        .is(200);
    let somebody = Agent::any();
    admin
        .put(
            &format!("/tickets/{}/assign", second["id"]),
            json!({"assignee": somebody.id}),
        )
        .is(200);
    let path = format!("/tickets/export.csv?requester={}", customer.id);
    let answer = admin.get(&path).is(200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8; header=present")
    );
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"tickets.csv\"")
    );
    assert!(answer.text().starts_with(BOM));
    let rows = table(&answer);
    assert_eq!(
        column(&rows, "number"),
        [&second["number"], &first["number"]].map(|n| n.as_str().unwrap_or_default())
    );
    assert_eq!(
        column(&rows, "title"),
        [format!("Second {word}"), format!("'{odd}")],
        "no formula is run"
    );
    assert_eq!(column(&rows, "requester"), ["Ada =Love, lace", "Ada =Love, lace"]);
    assert_eq!(
        column(&rows, "requester_email"),
        [&*customer.email, &*customer.email]
    );
    assert_eq!(column(&rows, "assignee_email"), [&*somebody.email, &*agent.email]);
    assert_eq!(column(&rows, "tags"), ["a,b", ""]);
    assert_eq!(column(&rows, "priority"), ["urgent", "medium"]);
    assert_eq!(
        column(&rows, "created_at")[1],
        first["created_at"].as_str().unwrap_or_default()
    );
    assert!(!rows[0].contains(&"description".to_owned()));
    // Columns, filters and the mark.
    let some = admin
        .get(&format!(
            "{path}&fields=description,number,sla&bom=false&priority=medium"
        ))
        .is(200);
    assert!(!some.text().starts_with(BOM));
    let rows = table(&some);
    assert_eq!(
        rows[0],
        ["number", "description", "sla_response", "sla_resolution"]
    );
    assert_eq!(column(&rows, "description"), ["One,\n\"two\""]);
    let found = table(&admin.get(&format!("/tickets/export.csv?q={word}")).is(200));
    assert_eq!(found.len(), 3);
    assert_eq!(
        table(
            &admin
                .get(&format!("/tickets/export.csv?q={}", make::unique()))
                .is(200)
        )
        .len(),
        1
    );
    // Whoever may not see a ticket does not find it in the file either.
    let own = table(&agent.get(&path).is(200));
    assert_eq!(
        column(&own, "number"),
        [first["number"].as_str().unwrap_or_default()]
    );
}

#[test]
fn files_are_refused_as_lists_are() {
    let (admin, manager) = (Admin::any(), Manager::any());
    Customer::any()
        .get("/tickets/export.csv")
        .refused(403, "FORBIDDEN");
    for by in [Customer::any() as &Caller, Agent::any(), manager] {
        by.get("/users/export.csv").refused(403, "FORBIDDEN");
    }
    manager
        .get("/tickets/export.csv?status=nonsense")
        .faults(&["status"]);
    manager
        .get("/tickets/export.csv?fields=password")
        .faults(&["fields"]);
    manager
        .get("/tickets/export.csv?category=nonsense-x")
        .faults(&["category"]);
    admin
        .get("/users/export.csv?fields=password_hash")
        .faults(&["fields"]);
    let head = manager.ask("HEAD", "/tickets/export.csv").send().is(200);
    assert_eq!(
        (head.bytes().len(), head.header("content-type").is_some()),
        (0, true)
    );
}

#[test]
fn people_are_a_file_for_admins() {
    let admin = Admin::any();
    let name = format!("Zq{}", make::unique());
    let body = json!({"email": make::email(), "first_name": name, "phone": "+49 30 1", "role": "agent"});
    let user = admin.post("/users", body).is(201).json();
    let answer = admin.get(&format!("/users/export.csv?q={name}")).is(200);
    let rows = table(&answer);
    assert_eq!(
        column(&rows, "email"),
        [user["email"].as_str().unwrap_or_default()]
    );
    assert_eq!(column(&rows, "phone"), ["'+49 30 1"]);
    assert_eq!(column(&rows, "is_active"), ["true"]);
    assert_eq!(column(&rows, "role"), ["agent"]);
    let all = table(&admin.get("/users/export.csv?fields=id,email").is(200));
    assert_eq!(all[0], ["id", "email"]);
    let ids: BTreeSet<String> = column(&all, "id").into_iter().collect();
    assert_eq!(ids.len(), all.len() - 1, "each once");
    assert!(ids.contains(&user["id"].to_string()) && ids.contains(&admin.id.to_string()));
}

#[test]
fn every_row_is_in_a_long_file_once() {
    let desk = bulk::desk(3_000);
    let admin = Admin::on(&desk.worker);
    let listed = |rows: &[Vec<String>]| {
        let ids: Vec<i64> = column(rows, "id")
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect();
        let each: BTreeSet<i64> = ids.iter().copied().collect();
        assert_eq!(each.len(), ids.len(), "none comes twice");
        each
    };
    let before = listed(&table(&admin.get("/tickets/export.csv?fields=id").is(200)));
    assert!(before.len() >= 3_000, "{}", before.len());
    // Tickets that change while the file is written are in it, once, whatever the list would be sorted by.
    let done = AtomicBool::new(false);
    let during = std::thread::scope(|scope| {
        scope.spawn(|| {
            for (at, id) in before.iter().enumerate().cycle() {
                if done.load(Ordering::SeqCst) {
                    break;
                }
                admin
                    .put(
                        &format!("/tickets/{id}"),
                        json!({"title": format!("Changed {at}")}),
                    )
                    .is(200);
            }
        });
        let path = "/tickets/export.csv?fields=id,title,description&sort=-updated_at";
        let files: Vec<_> = (0..3).map(|_| table(&admin.get(path).is(200))).collect();
        done.store(true, Ordering::SeqCst);
        files
    });
    for file in during {
        assert_eq!(listed(&file), before);
    }
    // A filter that no index answers, and which matches rarely.
    let legal = listed(&table(
        &admin
            .get("/tickets/export.csv?department=Legal&priority=low,medium,high&fields=id")
            .is(200),
    ));
    let walked: BTreeSet<i64> = admin
        .walk(
            "/tickets?department=Legal&priority=low,medium,high&fields=id",
            100,
        )
        .iter()
        .filter_map(|row| row["id"].as_i64())
        .collect();
    assert_eq!(legal, walked);
    assert!(!legal.is_empty());
    // Whoever breaks off harms nobody.
    for _ in 0..20 {
        let mut socket = TcpStream::connect(&admin.host).expect("the server listens");
        let head = format!(
            "GET /api/v1/tickets/export.csv HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
            admin.host, admin.access
        );
        socket.write_all(head.as_bytes()).expect("it reads");
        let mut some = [0; 4_096];
        assert!(socket.read(&mut some).expect("it answers") > 0);
    }
    assert_eq!(
        listed(&table(&admin.get("/tickets/export.csv?fields=id").is(200))),
        before
    );
}

#[test]
fn what_leaves_and_enters_is_on_record() {
    let admin = Admin::fresh();
    let customer = Customer::fresh();
    let address = customer.email.clone();
    admin.get("/tickets/export.csv?fields=id&requester=me").is(200);
    admin.get("/users/export.csv?fields=id&role=admin").is(200);
    admin.ask("HEAD", "/users/export.csv").send().is(200);
    admin
        .get(&format!("/users/{}/personal-data", customer.id))
        .is(200);
    let file = format!("title,email\nPrinter {},{}\n", make::unique(), make::email());
    for query in ["type=tickets&dry_run=true", "type=tickets"] {
        admin
            .ask("POST", &format!("/imports?{query}"))
            .raw("text/csv", file.as_bytes())
            .send()
            .is(200);
    }
    admin
        .post(
            &format!("/users/{}/erase", customer.id),
            json!({"confirm": address}),
        )
        .is(200);
    let entries = admin
        .get(&format!("/admin/audit?actor={}&limit=100", admin.id))
        .is(200)
        .rows();
    let mut actions: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    actions.retain(|action| !action.starts_with("session."));
    actions.reverse();
    let want = [
        "ticket.list_exported",
        "user.list_exported",
        "user.data_exported",
        "import.created",
        "user.erased",
    ];
    assert_eq!(actions, want);
    let of = |action: &str| {
        entries
            .iter()
            .find(|entry| entry["action"] == action)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(of("user.erased")["target"]["id"], customer.id);
    assert_eq!(
        of("import.created")["details"],
        json!({"type": "tickets", "created": 1, "unchanged": 0, "refused": 0})
    );
    assert!(entries.iter().all(|entry| !entry.to_string().contains(&address)));
}
