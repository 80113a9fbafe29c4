//! Every row of the route table answers by the right door.
//!
//! A new row is swept without a line in here; a row with a new kind of parameter fails until `Things::name`
//! knows an existing thing of that kind.

use crate::support::client::{Role, escape};
use crate::support::routes::{Row, rows};
use crate::support::{Admin, Agent, Anon, Caller, Customer, Manager, Stub, Value, json, make};

/// References in every form, none of which means anything.
const UNKNOWN: [&str; 8] = [
    "9007199254740991",
    "9007199254740992",
    "0",
    "00000000-0000-7000-8000-000000000000",
    "TICK-20000101-0001",
    "NONE-1",
    "%27%3B%20DROP%20TABLE%20tickets",
    "%F0%9F%94%A5",
];

/// Existing things that the admin may touch, one of each kind.
pub struct Things {
    ticket: Value,
    message: Value,
    user: i64,
    session: String,
    category: Value,
    subcategory: Value,
    agent: Value,
    attachment: Value,
    rule: Value,
    notification: String,
    project: String,
    calendar: String,
    article: i64,
    webhook: Value,
    delivery: Value,
    custom_field: Value,
    macro_: Value,
    view: Value,
    link: Value,
    api_key: Value,
}

impl Things {
    pub fn of(owner: &Caller) -> Things {
        let ticket = make::ticket(owner);
        let message = make::message(owner, &ticket, "The smoke is blue.");
        let attachment = make::attachment(owner, &ticket, b"blue");
        make::message(Admin::any(), &ticket, "It is the toner.");
        let notification = &owner.get("/notifications").is(200).rows()[0]["id"];
        let sessions = Admin::any().get("/auth/sessions").is(200).rows();
        let session = sessions.first().expect("a session")["id"].to_string();
        let admin = Admin::any();
        let named = || json!({"name": format!("Swept {}", make::unique())});
        let category = admin.post("/categories", named()).is(201).json();
        let path = format!("/categories/{}/subcategories", category["id"]);
        let subcategory = admin.post(&path, named()).is(201).json();
        let agent = admin
            .post("/agents", json!({"email": make::email()}))
            .is(201)
            .json();
        let rule = json!({"name": "Swept", "is_active": false, "trigger": {"on": "schedule"}, "actions": [{"type": "escalate"}]});
        let rule = admin.post("/workflows", rule).is(201).json();
        let hook = json!({"url": format!("{}/swept", Stub::shared().url), "events": ["attachment.deleted"]});
        let webhook = admin.post("/webhooks", hook).is(201).json();
        let path = format!("/webhooks/{}/test", webhook["id"]);
        let delivery = admin.post(&path, json!({})).is(201).json();
        let field = json!({"key": format!("k{}", make::unique()), "name": "Swept", "type": "text"});
        let custom_field = admin.post("/custom-fields", field).is(201).json();
        let macro_ = json!({"name": "Swept", "body": "Hello", "shared": true});
        let macro_ = admin.post("/macros", macro_).is(201).json();
        let view = json!({"name": "Swept", "filter": {"status": "open"}, "shared": true});
        let view = admin.post("/views", view).is(201).json();
        let article = make::article(Admin::any(), json!({"status": "published"}));
        let link = json!({"ticket_id": make::ticket(owner)["id"], "type": "relates"});
        let path = format!("/tickets/{}/links", ticket["id"]);
        let link = admin.post(&path, link).is(201).json();
        let path = format!("/tickets/{}/watchers/{}", ticket["id"], owner.id);
        admin.put(&path, json!({})).is(200);
        let key = json!({"name": "Swept", "scopes": ["users:read"]});
        let api_key = admin.post("/api-keys", key).is(201).json();
        Things {
            api_key,
            webhook,
            delivery,
            custom_field,
            macro_,
            view,
            link,
            rule,
            category,
            subcategory,
            agent,
            ticket,
            message,
            article: article["id"].as_i64().expect("an id"),
            user: owner.id,
            session: session.trim_matches('"').to_owned(),
            attachment,
            notification: notification.to_string(),
            project: make::project(json!({}))["id"].to_string(),
            calendar: make::calendar()["id"].to_string(),
        }
    }

    /// The row's path with every parameter naming an existing thing; `None` for paths of other mounts.
    pub fn name(&self, row: &Row) -> String {
        let mut path = String::new();
        for part in row.path.split('/').skip(1) {
            path.push('/');
            if !part.starts_with('{') {
                path.push_str(part);
                continue;
            }
            let of_ticket = [
                "/tickets/",
                "/tickets/key/",
                "/messages/ticket/",
                "/attachments/ticket/",
                "/messages/room/",
            ];
            let thing = match path.as_str() {
                "/messages/" if row.method != "GET" || row.path.ends_with("/original") => {
                    self.message["id"].to_string()
                }
                before if before.ends_with("/comments/") => self.message["id"].to_string(),
                "/messages/" => self.ticket["id"].to_string(),
                "/tickets/key/" => self.ticket["number"].as_str().expect("a number").to_owned(),
                before if of_ticket.contains(&before) => self.ticket["id"].to_string(),
                "/attachments/" => self.attachment["id"].to_string(),
                // Everybody may knock here, and nobody comes in without a signature.
                "/uploads/" => "anything".to_owned(),
                "/users/" => self.user.to_string(),
                before if before.ends_with("/watchers/") => self.user.to_string(),
                before if before.ends_with("/links/") => self.link["id"].to_string(),
                "/categories/" => self.category["id"].to_string(),
                before if before.ends_with("/subcategories/") => self.subcategory["id"].to_string(),
                "/api-keys/" => self.api_key["id"].to_string(),
                "/workflows/" => self.rule["id"].to_string(),
                "/webhooks/" => self.webhook["id"].to_string(),
                before if before.ends_with("/macros/") => self.macro_["id"].to_string(),
                "/macros/" => self.macro_["id"].to_string(),
                "/views/" => self.view["id"].to_string(),
                "/custom-fields/" => self.custom_field["id"].to_string(),
                before if before.ends_with("/deliveries/") => self.delivery["id"].to_string(),
                "/agents/" => self.agent["id"].to_string(),
                "/articles/" | "/posts/" => self.article.to_string(),
                "/auth/sessions/" => self.session.clone(),
                "/projects/" => self.project.clone(),
                "/notifications/" => self.notification.clone(),
                "/sla/policies/" => "low".to_owned(),
                "/sla/calendars/" => self.calendar.clone(),
                before => panic!("teach the sweep an existing thing for {before}{part}"),
            };
            path.push_str(&thing);
        }
        path
    }
}

/// The row's path with every parameter replaced by the same reference.
fn with(row: &Row, reference: &str) -> String {
    let parts: Vec<&str> = row
        .path
        .split('/')
        .map(|part| if part.starts_with('{') { reference } else { part })
        .collect();
    parts.join("/")
}

pub fn api_rows() -> Vec<Row> {
    let rows = rows();
    assert!(rows.len() > 20, "the route table has {} rows", rows.len());
    rows.into_iter().filter(|row| !at_root_only(row.path)).collect()
}

/// Documents and health live at the root of the site.
fn at_root_only(path: &str) -> bool {
    [
        "/openapi.json",
        "/docs",
        "/swagger",
        "/redoc",
        "/health",
        "/ready",
        "/version",
        "/.well-known/jwks.json",
    ]
    .contains(&path)
}

fn knock(by: &Caller, row: &Row, path: &str) -> crate::support::Answer {
    if row.method == "GET" || row.method == "DELETE" {
        by.ask(row.method, path).send()
    } else {
        by.ask(row.method, path).json(&json!({})).send()
    }
}

#[test]
fn a_door_opens_to_its_roles_only() {
    let things = Things::of(Customer::any());
    let weaker: [&Caller; 3] = [Customer::any(), Agent::any(), Manager::any()];
    for row in api_rows() {
        let path = things.name(&row);
        if row.access > Role::Nobody {
            knock(&Anon::new(), &row, &path).refused(401, "UNAUTHORIZED");
            Anon::new()
                .ask(row.method, &path)
                .header("Authorization", "Bearer nonsense")
                .send()
                .is(401);
            Anon::new()
                .ask(row.method, &path)
                .header("Authorization", "Basic YTpi")
                .send()
                .is(401);
        }
        for caller in weaker.into_iter().filter(|caller| caller.role < row.access) {
            // Refused for the function itself, so before anything is looked up.
            knock(caller, &row, &path).refused(403, "FORBIDDEN");
            knock(caller, &row, &with(&row, UNKNOWN[0])).refused(403, "FORBIDDEN");
        }
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    // What is uploaded is found by those with a signature only: everybody else is refused before any look.
    let named = |row: &Row| row.path.contains('{') && !row.path.starts_with("/uploads/");
    for row in api_rows().into_iter().filter(named) {
        for unknown in UNKNOWN {
            let answer = knock(Admin::any(), &row, &with(&row, unknown));
            if answer.status() != 404 {
                answer.fail("expected 404");
            }
        }
    }
}

#[test]
fn a_strangers_ticket_is_not_found() {
    let things = Things::of(&Customer::fresh());
    let stranger = Customer::fresh();
    for row in api_rows() {
        let of_ticket = row.path.starts_with("/tickets/{") || row.path.starts_with("/messages/");
        let of_file = row.path.starts_with("/attachments/");
        let of_other = of_file
            || of_ticket
            || row.path.starts_with("/users/{")
            || row.path.starts_with("/auth/sessions/{");
        if !of_other || !row.path.contains('{') || row.access > Role::Customer {
            continue;
        }
        let path = things.name(&row);
        let answer = knock(&stranger, &row, &path);
        if answer.status() != 404 {
            answer.fail("expected 404 for a stranger");
        }
        // The same words as for what does not exist: nobody learns the difference.
        let nothing = knock(&stranger, &row, &with(&row, UNKNOWN[0]));
        assert_eq!(
            answer.json()["message"],
            nothing.json()["message"],
            "{} {path}",
            row.method
        );
    }
}

#[test]
fn another_method_is_not_allowed() {
    let things = Things::of(Customer::any());
    let rows = api_rows();
    for row in &rows {
        let path = things.name(row);
        // Literal and parameter rows may both mean this path; what is allowed is what all of them allow.
        let mut allowed: Vec<&str> = rows
            .iter()
            .filter(|other| means(other.path, &path))
            .map(|other| other.method)
            .collect();
        allowed.sort_unstable();
        allowed.dedup();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"] {
            if allowed.contains(&method) {
                continue;
            }
            let answer = Anon::new()
                .ask(method, &path)
                .send()
                .refused(405, "METHOD_NOT_ALLOWED");
            let allow = answer.header("allow").unwrap_or_default();
            let named: Vec<&str> = allow.split(',').map(str::trim).collect();
            assert!(named.contains(&row.method), "{method} {path}: {allow}");
            assert!(
                named
                    .iter()
                    .all(|name| allowed.contains(name) || ["HEAD", "OPTIONS"].contains(name)),
                "{allow}"
            );
            assert!(named.contains(&"OPTIONS"), "{method} {path}: {allow}");
        }
    }
}

fn means(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template
            .iter()
            .zip(&path)
            .all(|(part, have)| part.starts_with('{') || part == have)
}

#[test]
fn three_mounts_and_a_slash_lead_to_the_same_door() {
    let customer = Customer::any();
    let ticket = make::ticket(customer);
    let path = format!("/tickets/{}", ticket["id"]);
    let want = customer.get(&path).is(200).json();
    for mount in ["/api/v1", "/api", ""] {
        for slash in ["", "/"] {
            let path = format!("{path}{slash}");
            assert_eq!(
                customer.ask("GET", &path).under(mount).send().is(200).json(),
                want
            );
            let head = customer.ask("HEAD", &path).under(mount).send().is(200);
            assert!(head.bytes().is_empty() && head.header("etag").is_some());
            let options = Anon::new().ask("OPTIONS", &path).under(mount).send();
            assert!(matches!(options.status(), 200 | 204), "{}", options.status());
            assert!(options.header("allow").is_some_and(|allow| allow.contains("GET")));
        }
    }
    for unknown in [
        "/nothing",
        "/tickets/1/nothing",
        "/api/v2/tickets",
        "//tickets",
        "/",
        "/%2e%2e/tickets",
    ] {
        for mount in ["/api/v1", "/api"] {
            Anon::new()
                .ask("GET", unknown)
                .under(mount)
                .send()
                .refused(404, "NOT_FOUND");
        }
    }
    for by in [customer.email.as_str(), "%00", "a%2Fb", "..%2F..%2Fetc%2Fpasswd"] {
        let path = format!("/tickets/{}", escape(by));
        customer.get(&path).refused(404, "NOT_FOUND");
    }
}
