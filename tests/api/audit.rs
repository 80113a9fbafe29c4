//! The audit log: what is administered and who signs in is on record, and stays as it was written.

use edgedesk::app::route::{Access, Responds};
use edgedesk::desk::access::audit::AuditAction;
use edgedesk::http::request::Method;
use edgedesk::routes::ROUTES;

use crate::support::client::{Role, escape};
use crate::support::worker::outside;
use crate::support::{Admin, Anon, Caller, Customer, Manager, Stub, Value, Worker, json, make, race, sqlite};

/// The newest entries that a query finds.
fn entries(by: &Caller, query: &str) -> Vec<Value> {
    by.get(&format!("/admin/audit?limit=100&{query}")).is(200).rows()
}

/// The one entry of an action on something.
#[track_caller]
fn entry(by: &Caller, action: &str, target: &str) -> Value {
    let mut found = entries(by, &format!("action={action}&target={target}"));
    assert_eq!(found.len(), 1, "{action} of {target}: {found:?}");
    found.remove(0)
}

/// Acts of managers and admins that have no entry, and why not.
const SILENT: [(&str, &str); 3] = [
    ("/workflows/{id}/simulate", "it changes nothing"),
    (
        "/webhooks/{id}/test",
        "the handler writes it, with the endpoint as its target",
    ),
    (
        "/webhooks/{id}/deliveries/{delivery_id}/redeliver",
        "the handler writes it, with the endpoint as its target",
    ),
];

#[test]
fn every_act_of_administration_has_an_action() {
    for endpoint in ROUTES {
        let route = &endpoint.route;
        // What leaves the desk as a file.
        let is_table = route.method == Method::Get
            && matches!(route.responds, Responds::Schema(name) if name.ends_with("Report"));
        assert!(!is_table || route.audit.is_some(), "{} is a table", route.path);
        if route.method == Method::Get || route.access < Access::Manager {
            continue;
        }
        let is_silent = SILENT.iter().any(|(path, _)| *path == route.path);
        assert!(
            route.audit.is_some() != is_silent,
            "{:?} {} needs .audited(...), or a reason",
            route.method,
            route.path
        );
    }
}

#[test]
fn acts_of_administration_are_on_record() {
    let admin = Admin::fresh();
    let me = admin.id;
    let email = make::email();
    let hired = json!({"email": email, "password": make::PASSWORD, "role": "agent", "first_name": "Zora"});
    let user = admin.post("/users", hired).is(201).json();
    let id = &user["id"];
    admin
        .put(
            &format!("/users/{id}"),
            json!({"role": "manager", "phone": "0170 5550"}),
        )
        .is(200);
    // By its uid, which is gone from no place.
    admin
        .delete(&format!("/users/{}", user["uid"].as_str().expect("a uid")))
        .is(204);

    let created = entry(&admin, "user.created", &format!("user:{id}"));
    assert_eq!(created["actor"]["id"], me);
    assert_eq!(
        created["target"],
        json!({"type": "user", "id": id, "name": user["full_name"]})
    );
    assert_eq!(created["address"], admin.ip);
    assert_eq!(created["api_key_id"], Value::Null);
    assert_eq!(
        created["details"]["fields"],
        json!({"email": null, "password": null, "role": "agent", "first_name": null})
    );
    let updated = entry(&admin, "user.updated", &format!("user:{id}"));
    assert_eq!(
        updated["details"]["fields"],
        json!({"role": "manager", "phone": null})
    );
    entry(&admin, "user.deactivated", &format!("user:{id}"));

    // Things that are deleted are found by their id, whatever named them.
    let hook = json!({"url": format!("{}/audited", Stub::shared().url), "events": ["attachment.deleted"]});
    let hook = admin.post("/webhooks", hook).is(201).json();
    let at = format!("/webhooks/{}", hook["uid"].as_str().expect("a uid"));
    admin.put(&at, json!({"rotate_secret": true})).is(200);
    admin.post(&format!("{at}/test"), json!({})).is(201);
    admin.delete(&at).is(204);
    let of_hook = entries(&admin, &format!("target=webhook:{}", hook["id"]));
    let words: Vec<&str> = of_hook.iter().filter_map(|one| one["action"].as_str()).collect();
    assert_eq!(
        words,
        [
            "webhook.deleted",
            "webhook.tested",
            "webhook.updated",
            "webhook.created"
        ]
    );

    let named = || json!({"name": format!("Audited {}", make::unique())});
    let category = admin.post("/categories", named()).is(201).json();
    let at = format!("/categories/{}", category["id"]);
    let sub = admin.post(&format!("{at}/subcategories"), named()).is(201).json();
    admin.delete(&format!("{at}/subcategories/{}", sub["id"])).is(204);
    admin.delete(&at).is(204);
    // What is archived already is not archived again.
    admin.delete(&at).is(204);
    for (action, kind, thing) in [
        ("category.created", "category", &category),
        ("category.archived", "category", &category),
        ("subcategory.created", "subcategory", &sub),
        ("subcategory.archived", "subcategory", &sub),
    ] {
        entry(&admin, action, &format!("{kind}:{}", thing["id"]));
    }
    let project = make::project(json!({}));
    entry(&admin, "project.created", &format!("project:{}", project["id"]));
    let rule = json!({"name": "Audited", "is_active": false, "trigger": {"on": "schedule"}, "actions": [{"type": "escalate"}]});
    let rule = admin.post("/workflows", rule).is(201).json();
    admin.delete(&format!("/workflows/{}", rule["id"])).is(204);
    entry(&admin, "workflow.deleted", &format!("workflow:{}", rule["id"]));
    let calendar = make::calendar();
    admin
        .delete(&format!("/sla/calendars/{}", calendar["id"]))
        .is(204);
    entry(
        &admin,
        "calendar.deleted",
        &format!("calendar:{}", calendar["id"]),
    );
    let agent = admin
        .post("/agents", json!({"email": make::email()}))
        .is(201)
        .json();
    admin.delete(&format!("/agents/{}", agent["id"])).is(204);
    entry(&admin, "agent.deactivated", &format!("agent:{}", agent["id"]));
    // A field that changes nothing is a change, too; a refused one is none.
    let settings = admin.get("/admin/settings").is(200).json();
    admin
        .put("/admin/settings", json!({"acknowledge": settings["acknowledge"]}))
        .is(200);
    admin
        .put("/admin/settings", json!({"auto_close_days": -1}))
        .is(400);
    let changed = entries(&admin, "action=settings.updated&actor=me");
    assert_eq!(changed.len(), 1);
    assert_eq!(
        changed[0]["details"]["fields"],
        json!({"acknowledge": settings["acknowledge"]})
    );
    let article = make::article(&admin, json!({}));
    admin.delete(&format!("/articles/{}", article["id"])).is(204);
    entry(&admin, "article.deleted", &format!("article:{}", article["id"]));
}

#[test]
fn a_repetition_is_one_act() {
    let admin = Admin::fresh();
    let key = make::unique();
    let body = json!({"name": format!("Audited {}", make::unique())});
    let twins = race(4, |_| {
        admin
            .ask("POST", "/categories")
            .header("Idempotency-Key", &key)
            .json(&body)
            .send()
            .is(201)
            .json()
    });
    assert!(twins.iter().all(|twin| twin["id"] == twins[0]["id"]));
    entry(
        &admin,
        "category.created",
        &format!("category:{}", twins[0]["id"]),
    );
}

#[test]
fn sign_ins_are_on_record() {
    let admin = Admin::any();
    let customer = Customer::fresh();
    let about = format!("target=user:{}", customer.id);
    let sign_in = |by: &Anon, password: &str| {
        by.post(
            "/auth/login",
            json!({"email": customer.email, "password": password}),
        )
    };
    let guest = Anon::new();
    sign_in(&guest, "wrong guess zqguess").is(401);
    sign_in(&guest, make::PASSWORD).is(200);
    let found = entries(admin, &about);
    let words: Vec<&str> = found.iter().filter_map(|one| one["action"].as_str()).collect();
    assert_eq!(words, ["session.created", "session.failed"]);
    assert_eq!(found[0]["actor"]["id"], customer.id);
    assert_eq!(found[1]["actor"], Value::Null);
    assert_eq!(found[1]["address"], guest.ip);

    // At a name that nobody has: neither the name nor the password is told.
    let nobody = Anon::new();
    let guess = json!({"email": "zqguess-of-a-name@example.org", "password": "wrong guess zqguess"});
    nobody.post("/auth/login", guess).is(401);
    let failed = entries(admin, "action=session.failed");
    let unknown = failed.iter().find(|one| one["address"] == nobody.ip);
    assert_eq!(unknown.expect("an entry")["target"], Value::Null);
    let all = admin.get("/admin/audit?limit=100").is(200);
    assert!(!all.text().contains("zqguess") && !all.text().contains(make::PASSWORD));

    // Changing the password is on record too, and closing the account.
    let fresh = customer
        .put(
            "/auth/change-password",
            json!({"current_password": make::PASSWORD, "new_password": "another long passphrase"}),
        )
        .is(200)
        .json();
    let customer = Caller::from_session(&customer.host, Role::Customer, &fresh);
    customer.delete("/users/me").is(204);
    let words: Vec<Value> = entries(admin, &about)
        .iter()
        .map(|one| one["action"].clone())
        .collect();
    assert_eq!(words[..2], [json!("user.closed"), json!("password.changed")]);
    // Nobody's name stays in it.
    let gone = entry(admin, "user.closed", &format!("user:{}", customer.id));
    assert_eq!(gone["target"]["name"], "Closed account");
}

#[test]
fn a_flood_of_wrong_passwords_writes_no_flood() {
    let customer = Customer::fresh();
    let wrong = json!({"email": customer.email, "password": "not the password"});
    let statuses = race(30, |_| Anon::new().post("/auth/login", wrong.clone()).status());
    assert!(statuses.contains(&429));
    let failed = entries(
        Admin::any(),
        &format!("action=session.failed&target=user:{}", customer.id),
    );
    assert_eq!(
        failed.len(),
        statuses.iter().filter(|status| **status == 401).count()
    );
    assert!(failed.len() <= 10, "{} entries", failed.len());
}

#[test]
fn what_people_do_with_what_is_their_own_is_not_administration() {
    let customer = Customer::fresh();
    customer.put("/users/me", json!({"first_name": "Ada"})).is(200);
    let ticket = make::ticket(&customer);
    customer
        .post(
            &format!("/tickets/{}/comments", ticket["id"]),
            json!({"body": "Thank you."}),
        )
        .is(201);
    let found = entries(Admin::any(), &format!("actor={}", customer.id));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn no_text_of_a_ticket_is_in_it() {
    let admin = Admin::fresh();
    let ticket = make::ticket_with(
        &admin,
        json!({"description": format!("My card is {}", make::CANARY)}),
    );
    let at = format!("/tickets/{}", ticket["id"]);
    admin
        .post(&format!("{at}/redact"), json!({"text": make::CANARY}))
        .is(200);
    admin.delete(&at).is(204);
    admin.post(&format!("{at}/restore"), json!({})).is(200);
    let of_ticket = admin
        .get(&format!("/admin/audit?target=ticket:{}", ticket["id"]))
        .is(200);
    assert!(!of_ticket.text().contains(make::CANARY));
    let words: Vec<Value> = of_ticket.rows().iter().map(|one| one["action"].clone()).collect();
    assert_eq!(words, ["ticket.restored", "ticket.deleted", "ticket.redacted"]);
}

#[test]
fn it_is_read_in_pages_and_by_filters() {
    let admin = Admin::fresh();
    let people: Vec<Value> = (0..5)
        .map(|_| {
            admin
                .post("/users", json!({"email": make::email()}))
                .is(201)
                .json()["id"]
                .clone()
        })
        .collect();
    let mine = format!(
        "/admin/audit?actor={}&action=user.created,user.updated",
        admin.uid
    );
    let rows = admin.walk(&mine, 2);
    let told: Vec<Value> = rows.iter().map(|one| one["target"]["id"].clone()).collect();
    assert_eq!(told, people.iter().rev().cloned().collect::<Vec<_>>());
    let counted = admin.get(&format!("{mine}&count=true&limit=1")).is(200).json();
    assert_eq!(counted["meta"]["total"], 5);
    // Between two of them: not before the first moment, before the second.
    let moment = |at: usize| escape(rows[at]["created_at"].as_str().expect("a time"));
    let between = admin
        .get(&format!("{mine}&from={}&to={}", moment(3), moment(0)))
        .is(200)
        .rows();
    assert!(
        between
            .iter()
            .all(|one| one["id"].as_i64() < rows[0]["id"].as_i64())
    );
    assert!(between.iter().any(|one| one["id"] == rows[3]["id"]));
    assert!(!between.iter().any(|one| one["id"] == rows[0]["id"]));

    for (query, field) in [
        ("action=user.eaten", "action"),
        ("target=unicorn", "target"),
        ("target=user:x", "target"),
        ("actor=9007199254740991", "actor"),
        ("actor=somebody", "actor"),
        ("from=yesterday", "from"),
        ("format=pdf", "format"),
    ] {
        admin.get(&format!("/admin/audit?{query}")).faults(&[field]);
    }
    let cursor = admin.get(&format!("{mine}&limit=1")).is(200).json()["meta"]["next_cursor"].clone();
    let cursor = escape(cursor.as_str().expect("a cursor"));
    admin
        .get(&format!("/admin/audit?action=user.updated&cursor={cursor}"))
        .faults(&["cursor"]);
    Manager::any().get("/admin/audit").refused(403, "FORBIDDEN");
}

#[test]
fn it_is_taken_out_as_csv() {
    let admin = Admin::fresh();
    let name = json!({"email": make::email(), "first_name": "=1+1", "last_name": "x"});
    let user = admin.post("/users", name).is(201).json();
    let at = format!("/admin/audit?target=user:{}&bom=false", user["id"]);
    let file = admin.ask("GET", &at).header("Accept", "text/csv").send().is(200);
    assert!(
        file.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/csv"))
    );
    let text = file.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("id,created_at,action,actor_id,"), "{text}");
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[1].contains(",user.created,") && lines[1].contains("'=1+1 x"),
        "{text}"
    );
    // Taking it out is an act, too.
    let taken = entries(&admin, "action=audit.exported&actor=me");
    assert_eq!(taken.len(), 1);
    // As that of every other table; to look at it is none.
    let before = entries(&admin, "action=report.exported&actor=me").len();
    admin.get("/reports/tickets-by-status").is(200);
    admin.get("/reports/tickets-by-status?format=csv").is(200);
    assert_eq!(
        entries(&admin, "action=report.exported&actor=me").len(),
        before + 1
    );
    let marked = admin
        .get(&format!("/admin/audit?format=csv&target=user:{}", user["id"]))
        .is(200);
    assert!(marked.bytes().starts_with(b"\xef\xbb\xbf"));
}

#[test]
fn nothing_in_it_is_ever_changed() {
    let worker = Worker::start(&outside());
    worker.seed();
    let admin = Admin::on(&worker);
    let before = entries(&admin, "");
    assert!(!before.is_empty());
    let file = worker.d1.clone().expect("the server tells its database");
    let paused = worker.pause();
    for sql in [
        "UPDATE audit_log SET action = 'user.created'",
        "UPDATE audit_log SET actor_id = NULL",
        "DELETE FROM audit_log",
        "INSERT OR REPLACE INTO audit_log (id, action, address) SELECT id, 'user.created', '' FROM audit_log",
        "REPLACE INTO audit_log (id, action, address) SELECT max(id), 'user.created', '' FROM audit_log",
        "INSERT INTO audit_log (id, action, address) VALUES (1, 'user.created', '')",
        "UPDATE OR IGNORE audit_log SET id = id + 1",
    ] {
        let refused = sqlite::try_run(&file, sql, "");
        assert!(
            refused.as_ref().is_err_and(|words| words.contains("APPEND_ONLY")),
            "{sql}: {refused:?}"
        );
    }
    // What is older than 400 days may go, and the clock lets it go.
    let old = "DROP TRIGGER audit_log_is_appended; INSERT INTO audit_log (id, action, address) VALUES (1, 'user.created', '')";
    sqlite::run(&file, old, "");
    let worker = paused.resume();
    let admin = Admin::on(&worker);
    let is_there = || {
        let all = admin.walk("/admin/audit", 100);
        all.iter().any(|one| one["id"] == 1)
    };
    assert!(is_there());
    // It looks at one of the tables that are kept long in each tick.
    let ticks = (0..60).take_while(|_| {
        worker.tick();
        is_there()
    });
    assert!(ticks.count() < 60, "the clock leaves it");
    let after: Vec<Value> = entries(&admin, "").into_iter().skip(1).collect();
    assert_eq!(after, before);
}

#[test]
fn every_action_is_one_that_the_filter_knows() {
    let words: Vec<&str> = AuditAction::WORDS.to_vec();
    let path = format!("/admin/audit?action={}", words.join(","));
    Admin::any().get(&path).is(200);
}
