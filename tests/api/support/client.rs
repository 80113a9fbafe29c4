//! A caller and the requests it makes.

use super::answer::{Answer, clip};
use super::wire::{self, Request};
use super::{Value, Worker, json, make, seen};

/// Who asks. Customers and strangers must never see what is internal, so the check of every answer needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Nobody,
    Customer,
    Agent,
    Manager,
    Admin,
}

impl Role {
    /// The word of the role, for the signed-in ones.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Nobody => "nobody",
            Role::Customer => "customer",
            Role::Agent => "agent",
            Role::Manager => "manager",
            Role::Admin => "admin",
        }
    }
}

/// Somebody at the door, signed in or not.
#[derive(Clone, Debug)]
pub struct Caller {
    pub host: String,
    pub role: Role,
    pub access: String,
    pub refresh: String,
    /// The own user, empty for nobody.
    pub id: i64,
    pub uid: String,
    pub email: String,
    /// The network address that this caller claims.
    pub ip: String,
}

impl Caller {
    /// A caller without a token, at an address of its own.
    pub fn nobody(host: &str) -> Caller {
        Caller {
            host: host.to_owned(),
            role: Role::Nobody,
            access: String::new(),
            refresh: String::new(),
            id: 0,
            uid: String::new(),
            email: String::new(),
            ip: make::ip(),
        }
    }

    /// The caller that a login or registration answer describes.
    pub fn from_session(host: &str, role: Role, session: &Value) -> Caller {
        let user = &session["user"];
        assert_eq!(user["role"], role.as_str(), "{session}");
        Caller {
            role,
            access: text(&session["access_token"]),
            refresh: text(&session["refresh_token"]),
            id: user["id"]
                .as_i64()
                .unwrap_or_else(|| panic!("no user id in {session}")),
            uid: text(&user["uid"]),
            email: text(&user["email"]),
            ..Caller::nobody(host)
        }
    }

    /// Logs in with e-mail and password.
    pub fn login(worker: &Worker, role: Role, email: &str, password: &str) -> Caller {
        let session = Caller::nobody(&worker.host)
            .post("/auth/login", json!({"email": email, "password": password}))
            .is(200)
            .json();
        Caller::from_session(&worker.host, role, &session)
    }

    /// The same caller with another token.
    pub fn with_token(&self, access: &str) -> Caller {
        Caller {
            access: access.to_owned(),
            ..self.clone()
        }
    }

    /// Begins a request.
    pub fn ask<'a>(&'a self, method: &'a str, path: &'a str) -> Ask<'a> {
        Ask {
            by: self,
            method,
            path,
            mount: "/api/v1",
            headers: Vec::new(),
            body: None,
            documented: true,
            calm: true,
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send()
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path).json(&body).send()
    }

    pub fn put(&self, path: &str, body: Value) -> Answer {
        self.ask("PUT", path).json(&body).send()
    }

    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask("PATCH", path).json(&body).send()
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path).send()
    }

    /// Every row of a list, page by page, `limit` rows at a time.
    pub fn walk(&self, path: &str, limit: usize) -> Vec<Value> {
        let join = if path.contains('?') { '&' } else { '?' };
        let mut at = format!("{path}{join}limit={limit}");
        let mut rows = Vec::new();
        for _ in 0..10_000 {
            let page = self.get(&at).is(200).json();
            let data = page["data"]
                .as_array()
                .unwrap_or_else(|| panic!("no data in {page}"));
            assert!(data.len() <= limit, "{} rows of at most {limit}", data.len());
            rows.extend(data.iter().cloned());
            match page["meta"]["next_cursor"].as_str() {
                Some(cursor) => {
                    assert_eq!(
                        page["meta"]["has_more"], true,
                        "a cursor and nothing more: {}",
                        page["meta"]
                    );
                    at = format!("{path}{join}limit={limit}&cursor={}", escape(cursor));
                }
                None => {
                    assert_eq!(
                        page["meta"]["has_more"], false,
                        "more and no cursor: {}",
                        page["meta"]
                    );
                    return rows;
                }
            }
        }
        panic!("{path} has no end");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Percent-encodes one component of a path or query.
pub fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A request being made.
#[must_use = "a request does nothing until it is sent"]
pub struct Ask<'a> {
    by: &'a Caller,
    method: &'a str,
    path: &'a str,
    mount: &'a str,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    documented: bool,
    calm: bool,
}

impl Ask<'_> {
    /// Asks below no prefix: `/health`, `/tickets`.
    pub fn at_root(self) -> Self {
        self.under("")
    }

    /// Asks below another prefix than `/api/v1`.
    pub fn under(mut self, mount: &'static str) -> Self {
        self.mount = mount;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.raw("application/json", body.to_string().as_bytes())
    }

    /// A body of any bytes; no `Content-Type` when `kind` is empty.
    pub fn raw(mut self, kind: &str, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        if kind.is_empty() {
            self
        } else {
            self.header("Content-Type", kind)
        }
    }

    /// A request outside of the published API, such as the development door.
    pub fn undocumented(mut self) -> Self {
        self.documented = false;
        self
    }

    /// A 5xx is what this request is about.
    pub fn may_fail(mut self) -> Self {
        self.calm = false;
        self
    }

    /// Sends it; every answer is held against what is promised of all of them.
    #[track_caller]
    pub fn send(self) -> Answer {
        self.try_send()
            .unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// As `send`, for servers that may die meanwhile.
    #[track_caller]
    pub fn try_send(mut self) -> std::io::Result<Answer> {
        let given = |wanted: &str| {
            self.headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        let (address, authority) = (given("cf-connecting-ip"), given("authorization"));
        if !address {
            self.headers
                .push(("CF-Connecting-IP".to_owned(), self.by.ip.clone()));
        }
        if !authority && !self.by.access.is_empty() {
            self.headers
                .push(("Authorization".to_owned(), format!("Bearer {}", self.by.access)));
        }
        let target = format!("{}{}", self.mount, self.path);
        let request = Request {
            method: self.method,
            target: &target,
            headers: &self.headers,
            body: self.body.as_deref(),
        };
        let raw = {
            let _moving = seen::admit();
            wire::exchange(&self.by.host, &request)?
        };
        let answer = Answer::new(self.told(&target), raw);
        seen::Sight {
            by: self.by.role,
            method: self.method,
            target: &target,
            headers: &self.headers,
            documented: self.documented,
            calm: self.calm,
            answer: &answer,
        }
        .check();
        Ok(answer)
    }

    /// The request as a failure shows it.
    fn told(&self, target: &str) -> String {
        let body = self
            .body
            .as_deref()
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        let secret = |name: &str| name.eq_ignore_ascii_case("authorization");
        let headers: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| !secret(name))
            .map(|(name, value)| format!("{name}: {}", clip(value, 200)))
            .collect();
        format!(
            "{:?} {} {target}\n{}\n{}",
            self.by.role,
            self.method,
            headers.join("\n"),
            clip(&body, 1_000)
        )
    }
}
