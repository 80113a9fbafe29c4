//! Two-factor sign-in: what it asks for, that nothing goes round it, and how it ends.

use crate::support::client::Role;
use crate::support::stub::{Sent, Stub};
use crate::support::totp::{code, steady_step, wrong_code};
use crate::support::worker::outside;
use crate::support::{
    Admin, Anon, Answer, Caller, Customer, Manager, Value, Worker, json, make, race, socket, sqlite,
};

/// Somebody with a second factor.
struct Guarded {
    who: Caller,
    secret: String,
    recovery: Vec<String>,
    /// The step of the code that has been used last.
    step: u64,
}

/// Sets up a second factor, with the code of the step before this one: this one's and the next one's are left.
fn guard(who: Caller) -> Guarded {
    let setup = who.post("/auth/2fa/setup", json!({})).is(200).json();
    let secret = setup["secret"].as_str().expect("a secret").to_owned();
    let step = steady_step() - 1;
    let confirmed = who
        .post("/auth/2fa/confirm", json!({"code": code(&secret, step)}))
        .is(200);
    let codes = confirmed.json()["recovery_codes"]
        .as_array()
        .expect("codes")
        .clone();
    let recovery: Vec<String> = codes
        .iter()
        .map(|code| code.as_str().expect("text").to_owned())
        .collect();
    Guarded {
        who,
        secret,
        recovery,
        step,
    }
}

impl Guarded {
    /// Name and password, which are right.
    fn challenge(&self) -> String {
        self.challenge_with(make::PASSWORD)
    }

    fn challenge_with(&self, password: &str) -> String {
        let body = json!({"email": self.who.email, "password": password});
        let asked = anon(&self.who).post("/auth/login", body).is(200).json();
        assert_eq!(asked["two_factor_required"], true);
        assert!(
            asked.get("access_token").is_none() && asked.get("user").is_none(),
            "{asked}"
        );
        asked["challenge"].as_str().expect("a challenge").to_owned()
    }

    fn answer(&self, challenge: &str, code: &str) -> Answer {
        anon(&self.who).post("/auth/2fa", json!({"challenge": challenge, "code": code}))
    }

    fn current(&self) -> String {
        code(&self.secret, self.step + 1)
    }
}

fn anon(of: &Caller) -> Caller {
    Caller::nobody(&of.host)
}

#[test]
fn a_sign_in_asks_for_a_code() {
    let customer = Customer::fresh();
    assert_eq!(customer.get("/auth/me").is(200).json()["two_factor"], false);
    customer
        .post("/auth/2fa/confirm", json!({"code": "123456"}))
        .refused(409, "CONFLICT");
    let setup = customer.post("/auth/2fa/setup", json!({})).is(200).json();
    let secret = setup["secret"].as_str().expect("a secret");
    let uri = setup["otpauth_uri"].as_str().expect("a uri");
    assert!(
        uri.starts_with("otpauth://totp/Edgedesk:") && uri.contains(&format!("secret={secret}&")),
        "{uri}"
    );
    // Nothing is asked for before it is confirmed, and another secret may be asked for.
    let login = json!({"email": customer.email, "password": make::PASSWORD});
    let signed = Anon::new().post("/auth/login", login.clone()).is(200).json();
    assert!(signed["access_token"].is_string());
    let step = steady_step();
    for wrong in [wrong_code(secret, step).as_str(), "", "12345", "code"] {
        customer
            .post("/auth/2fa/confirm", json!({"code": wrong}))
            .faults(&["code"]);
    }
    let me = guard((*customer).clone());
    assert_eq!(me.recovery.len(), 10);
    assert_ne!(me.secret, secret);
    for path in ["/auth/2fa/setup", "/auth/2fa/confirm"] {
        customer
            .post(path, json!({"code": me.current()}))
            .refused(409, "CONFLICT");
    }
    assert_eq!(customer.get("/auth/me").is(200).json()["two_factor"], true);

    let challenge = me.challenge();
    me.answer(&challenge, &wrong_code(&me.secret, step))
        .refused(401, "UNAUTHORIZED");
    // The code that has confirmed it is used up.
    me.answer(&challenge, &code(&me.secret, me.step))
        .refused(401, "UNAUTHORIZED");
    let signed = me.answer(&challenge, &me.current()).is(200).json();
    assert_eq!(signed["user"]["id"], customer.id);
    let again = Caller::from_session(&customer.host, Role::Customer, &signed);
    again.get("/tickets").is(200);
    again
        .post("/auth/refresh", json!({"refresh_token": again.refresh}))
        .is(200);
    // No code twice, in a sign-in of its own neither; no challenge twice.
    me.answer(&me.challenge(), &me.current())
        .refused(401, "UNAUTHORIZED");
    me.answer(&challenge, &code(&me.secret, me.step + 2))
        .refused(401, "UNAUTHORIZED");

    let log = Admin::any()
        .get(&format!("/admin/audit?target=user:{}&limit=100", customer.id))
        .is(200);
    let told: Vec<(Value, Value)> = log
        .rows()
        .into_iter()
        .map(|one| (one["action"].clone(), one["details"]["second_factor"].clone()))
        .collect();
    assert!(told.contains(&(json!("two_factor.enabled"), Value::Null)));
    assert!(told.contains(&(json!("session.created"), json!("code"))));
    assert!(told.contains(&(json!("session.failed"), json!("refused"))));
    for secret in me.recovery.iter().chain([&me.secret]) {
        assert!(!log.text().contains(secret.as_str()));
    }
}

/// Of the first step the attempt; of the second the two attempts, which go again, the code, the challenge, the session,
/// the time of the sign-in and the entry in the log.
#[test]
fn the_two_steps_write_few_rows() {
    let me = guard((*Customer::fresh()).clone());
    let body = json!({"email": me.who.email, "password": make::PASSWORD});
    let first = Anon::new().post("/auth/login", body).is(200);
    assert_eq!(
        (first.timing("rows_written"), first.timing("d1")),
        (Some(1), Some(1))
    );
    let challenge = first.json()["challenge"]
        .as_str()
        .expect("a challenge")
        .to_owned();
    let second = me.answer(&challenge, &me.recovery[0]).is(200);
    assert_eq!(
        (second.timing("rows_written"), second.timing("d1")),
        (Some(8), Some(2))
    );
}

#[test]
fn a_code_serves_one_of_many() {
    let me = guard((*Customer::fresh()).clone());
    let challenges: Vec<String> = (0..8).map(|_| me.challenge()).collect();
    let current = me.current();
    let winners = |answers: Vec<Answer>| answers.iter().filter(|answer| answer.status() == 200).count();
    let answers = race(8, |at| me.answer(&challenges[at], &current));
    assert_eq!(winners(answers), 1, "one sign-in by one code");
    // Once, however it is typed.
    let typed = me.recovery[0].to_uppercase().replace('-', " ");
    let challenges: Vec<String> = (0..8).map(|_| me.challenge()).collect();
    let answers = race(8, |at| me.answer(&challenges[at], &typed));
    assert_eq!(winners(answers), 1, "one sign-in by one recovery code");
    me.answer(&me.challenge(), &me.recovery[0])
        .refused(401, "UNAUTHORIZED");
    // One challenge with several good codes.
    let challenge = me.challenge();
    let answers = race(4, |at| me.answer(&challenge, &me.recovery[at + 1]));
    assert_eq!(winners(answers), 1, "one sign-in by one challenge");
    me.answer(&me.challenge(), &me.recovery[6]).is(200);
}

#[test]
fn a_challenge_is_tried_five_times() {
    let me = guard((*Customer::fresh()).clone());
    let wrong = wrong_code(&me.secret, me.step);
    let challenge = me.challenge();
    for _ in 0..5 {
        me.answer(&challenge, &wrong).refused(401, "UNAUTHORIZED");
    }
    me.answer(&challenge, &me.current()).refused(401, "UNAUTHORIZED");
    // Another one is tried with what is left of ten for the account.
    let challenge = me.challenge();
    for _ in 0..4 {
        me.answer(&challenge, &wrong).refused(401, "UNAUTHORIZED");
    }
    me.answer(&me.challenge(), &me.recovery[0])
        .refused(429, "RATE_LIMITED");
}

#[test]
fn a_challenge_is_of_the_account_as_it_is() {
    let admin = Admin::any();
    let me = guard(admin.hire(Role::Agent));
    let challenge = me.challenge();
    for forged in [
        challenge.replacen('.', "0.", 1),
        challenge[..challenge.len() - 1].to_owned(),
        "1.1.9999999999999.x.00".to_owned(),
    ] {
        me.answer(&forged, &me.current()).refused(401, "UNAUTHORIZED");
    }
    admin
        .put(&format!("/users/{}", me.who.id), json!({"role": "manager"}))
        .is(200);
    me.answer(&challenge, &me.recovery[0])
        .refused(401, "UNAUTHORIZED");
    let challenge = me.challenge();
    admin
        .put(&format!("/users/{}", me.who.id), json!({"is_active": false}))
        .is(200);
    me.answer(&challenge, &me.recovery[0])
        .refused(401, "UNAUTHORIZED");
}

#[test]
fn nothing_goes_round_it() {
    let customer = Customer::fresh();
    let body = json!({"email": customer.email, "password": make::PASSWORD});
    let before = Anon::new().post("/auth/login", body.clone()).is(200).json();
    let before = Caller::from_session(&customer.host, Role::Customer, &before);
    let me = guard((*customer).clone());
    // Sessions from before, but for the one that has set it up, have ended.
    before.get("/auth/me").refused(401, "UNAUTHORIZED");
    Anon::new()
        .post("/auth/refresh", json!({"refresh_token": before.refresh}))
        .refused(401, "UNAUTHORIZED");
    customer.get("/auth/me").is(200);

    // The first step is no sign-in: what it gives is no token of any kind.
    let challenge = me.challenge();
    let bearer = Anon::new().with_token(&challenge);
    bearer.get("/auth/me").is(401);
    bearer.post("/auth/refresh", json!({})).is(401);
    bearer.post("/auth/ws-ticket", json!({})).is(401);
    Anon::new()
        .post("/auth/refresh", json!({"refresh_token": challenge}))
        .is(401);
    Anon::new()
        .post("/auth/verify-email", json!({"token": challenge}))
        .is(400);
    Anon::new()
        .post(
            "/auth/reset-password",
            json!({"token": challenge, "password": make::PASSWORD}),
        )
        .is(400);
    for way in [format!("?token={challenge}"), format!("?ticket={challenge}")] {
        let refused = socket::try_open(&customer.host, Role::Nobody, &format!("/messages/ws{way}"), &[]);
        assert_eq!(refused.err(), Some(401), "{way}");
    }
    // A form, a username, another mount: the same question.
    let form = format!(
        "username={}&password={}",
        customer.email,
        make::PASSWORD.replace(' ', "+")
    );
    let asked = Anon::new()
        .ask("POST", "/auth/login")
        .under("")
        .raw("application/x-www-form-urlencoded", form.as_bytes())
        .send()
        .is(200)
        .json();
    assert_eq!(asked["two_factor_required"], true);

    // A link in a mail sets a password and signs nobody in; afterwards a code is asked for as before.
    Anon::new()
        .post("/auth/forgot-password", json!({"email": customer.email}))
        .is(200);
    let is_link = |sent: &Sent| {
        sent.path == "/mail"
            && sent.json()["to"][0] == *customer.email
            && sent.json()["subject"] == "Set your password"
    };
    let mail = Stub::shared().wait(1, is_link)[0].json()["text"]
        .as_str()
        .expect("a text")
        .to_owned();
    let (_, rest) = mail.split_once("#token=").expect("a link");
    let token = rest.split_whitespace().next().expect("a token");
    let reset = json!({"token": token, "password": "another long passphrase"});
    let done = Anon::new().post("/auth/reset-password", reset).is(200).json();
    assert!(done.get("access_token").is_none());
    // The challenge of before was for another password.
    me.answer(&challenge, &me.recovery[0])
        .refused(401, "UNAUTHORIZED");
    let challenge = me.challenge_with("another long passphrase");
    me.answer(&challenge, &me.current()).is(200);
    let log = Admin::any()
        .get(&format!("/admin/audit?target=user:{}", customer.id))
        .is(200)
        .rows();
    assert!(log.iter().any(|one| one["action"] == "password.reset"));
}

#[test]
fn a_sign_in_at_the_same_moment_does_not_go_round_it() {
    let customer = Customer::fresh();
    let setup = customer.post("/auth/2fa/setup", json!({})).is(200).json();
    let good = code(setup["secret"].as_str().expect("a secret"), steady_step());
    let body = json!({"email": customer.email, "password": make::PASSWORD});
    let answers = race(9, |at| match at {
        4 => customer
            .post("/auth/2fa/confirm", json!({"code": good}))
            .is(200)
            .json(),
        _ => Anon::new().post("/auth/login", body.clone()).json(),
    });
    // Who came before has been signed out by it, and nobody came in after.
    for answer in answers {
        if let Some(token) = answer["access_token"].as_str() {
            customer
                .with_token(token)
                .get("/auth/me")
                .refused(401, "UNAUTHORIZED");
        }
    }
    customer.get("/auth/me").is(200);
}

#[test]
fn it_ends_with_the_password_and_a_code() {
    let me = guard((*Customer::fresh()).clone());
    let end = |password: &str, code: &str| {
        me.who
            .ask("DELETE", "/auth/2fa")
            .json(&json!({"password": password, "code": code}))
            .send()
    };
    end("not the password", &me.current()).faults(&["password"]);
    end(make::PASSWORD, &wrong_code(&me.secret, me.step)).faults(&["code"]);
    end(make::PASSWORD, "aaaaaaaa-aaaaaaaa").faults(&["code"]);
    let answers = race(4, |_| end(make::PASSWORD, &me.recovery[3]).status());
    assert_eq!(
        answers.iter().filter(|status| **status == 204).count(),
        1,
        "{answers:?}"
    );
    end(make::PASSWORD, &me.current()).refused(409, "CONFLICT");
    let body = json!({"email": me.who.email, "password": make::PASSWORD});
    let signed = Anon::new().post("/auth/login", body).is(200).json();
    assert!(signed["access_token"].is_string());
    let log = Admin::any().get(&format!(
        "/admin/audit?action=two_factor.disabled&target=user:{}",
        me.who.id
    ));
    assert_eq!(log.is(200).rows().len(), 1);
}

#[test]
fn an_admin_takes_it_away_from_others() {
    let admin = Admin::fresh();
    let me = guard(admin.hire(Role::Agent));
    let path = format!("/users/{}/2fa", me.who.id);
    Manager::any().delete(&path).refused(403, "FORBIDDEN");
    let version = admin.get(&format!("/users/{}", me.who.id)).is(200).json()["version"].clone();
    admin
        .ask("DELETE", &path)
        .header("If-Match", "\"1\"")
        .send()
        .refused(412, "PRECONDITION_FAILED");
    admin
        .ask("DELETE", &path)
        .header("If-Match", &format!("\"{version}\""))
        .send()
        .is(204);
    me.who.get("/auth/me").refused(401, "UNAUTHORIZED");
    let body = json!({"email": me.who.email, "password": make::PASSWORD});
    Anon::new().post("/auth/login", body).is(200).json()["access_token"]
        .as_str()
        .expect("signed in");
    // Without one nothing changes, and one's own is not for oneself to take away like this.
    admin.delete(&path).is(204);
    admin
        .delete(&format!("/users/{}/2fa", admin.id))
        .refused(403, "FORBIDDEN");
    let log = admin.get(&format!(
        "/admin/audit?action=two_factor.reset&target=user:{}",
        me.who.id
    ));
    let log = log.is(200).rows();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["actor"]["id"], admin.id);
}

#[test]
fn a_desk_may_require_it() {
    let worker = Worker::start(&outside());
    worker.seed();
    let admin = Admin::on(&worker);
    let (agent, customer) = (admin.hire(Role::Agent), Customer::on(&worker));
    let ticket = agent
        .post(
            "/tickets",
            json!({"title": "From before", "description": "It was."}),
        )
        .is(201)
        .json();
    let made = json!({"name": "A program", "scopes": ["tickets:read", "tickets:write"]});
    let key = agent.post("/api-keys", made).is(201).json()["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    let program = agent.with_token(&key);
    program.get("/tickets").is(200);
    let require = |by: &Caller, what: &str| by.put("/admin/settings", json!({"require_two_factor": what}));
    require(&admin, "everybody").faults(&["require_two_factor"]);
    let shown = require(&admin, "staff").is(200).json();
    assert_eq!(shown["require_two_factor"], "staff");

    // Staff without it do nothing but set it up; not by their keys either, and not by a write that reads nothing first.
    let at = format!("/tickets/{}", ticket["id"]);
    for by in [&agent, &program] {
        by.get("/tickets").refused(403, "FORBIDDEN");
        by.get(&at).refused(403, "FORBIDDEN");
        by.get("/articles").refused(403, "FORBIDDEN");
        by.post("/tickets", json!({"title": "Not now", "description": "No."}))
            .refused(403, "FORBIDDEN");
        by.post(&format!("{at}/comments"), json!({"body": "No."}))
            .refused(403, "FORBIDDEN");
    }
    agent.post("/auth/ws-ticket", json!({})).refused(403, "FORBIDDEN");
    let bearer = format!("Bearer {}", agent.access);
    let opened = socket::try_open(
        &agent.host,
        Role::Agent,
        "/messages/ws",
        &[("Authorization", &bearer)],
    );
    assert_eq!(opened.err(), Some(403));
    agent
        .post("/api-keys", json!({"name": "x", "scopes": ["admin"]}))
        .refused(403, "FORBIDDEN");
    agent
        .put(
            "/auth/change-password",
            json!({"current_password": make::PASSWORD, "new_password": make::PASSWORD}),
        )
        .refused(403, "FORBIDDEN");
    agent.get("/auth/me").is(200);
    // A new session changes nothing about it.
    let body = json!({"email": agent.email, "password": make::PASSWORD});
    let fresh = anon(&agent).post("/auth/login", body).is(200).json();
    let fresh = Caller::from_session(&agent.host, Role::Agent, &fresh);
    fresh.get(&at).refused(403, "FORBIDDEN");
    let renewed = anon(&agent)
        .post("/auth/refresh", json!({"refresh_token": fresh.refresh}))
        .is(200)
        .json();
    Caller::from_session(&agent.host, Role::Agent, &renewed)
        .get(&at)
        .refused(403, "FORBIDDEN");
    // Customers are not asked, and whoever has set it up is let in.
    customer
        .post("/tickets", json!({"title": "As ever", "description": "Hello."}))
        .is(201);
    let me = guard(agent);
    me.who.get(&at).is(200);
    me.who
        .post(&format!("{at}/comments"), json!({"body": "Here I am."}))
        .is(201);
    program.get(&at).is(200);

    // The admin who requires it has to set it up as well.
    require(&admin, "all").refused(403, "FORBIDDEN");
    let admin = guard((*admin).clone());
    require(&admin.who, "all").is(200);
    customer.get("/tickets").refused(403, "FORBIDDEN");
    guard((*customer).clone()).who.get("/tickets").is(200);
    require(&admin.who, "off").is(200);
}

#[test]
fn no_secret_of_it_is_in_the_database() {
    let worker = Worker::start(&outside());
    let me = guard((*Customer::on(&worker)).clone());
    let challenge = me.challenge();
    me.answer(&challenge, &me.recovery[0]).is(200);
    let file = worker.d1.clone().expect("the server tells its database");
    let paused = worker.pause();
    for table in [
        "second_factors",
        "login_attempts",
        "audit_log",
        "users",
        "sessions",
    ] {
        let stored = json!(sqlite::run(&file, "", &format!("SELECT * FROM {table}"))).to_string();
        for secret in me.recovery.iter().chain([&me.secret, &challenge]) {
            let bare = secret.replace('-', "");
            assert!(
                !stored.contains(secret.as_str()) && !stored.contains(&bare),
                "{table}"
            );
        }
    }
    // With another secret of the desk no code is good any more, as no password is.
    let worker = paused.resume();
    assert_eq!(
        Caller::nobody(&worker.host)
            .post(
                "/auth/login",
                json!({"email": me.who.email, "password": make::PASSWORD})
            )
            .is(200)
            .json()["two_factor_required"],
        true
    );
}
