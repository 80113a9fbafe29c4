//! The knowledge base: written by staff, read by everybody, judged by its readers.

use crate::support::client::{Caller, escape};
use crate::support::{Agent, Anon, Answer, Customer, Manager, json, make};

fn found(by: &Caller, query: &str) -> Vec<i64> {
    by.get(&format!("/articles?{query}")).is(200).ids()
}

#[track_caller]
fn votes(answer: Answer) -> (i64, i64) {
    let article = answer.is(200).json();
    let count = |name: &str| article[name].as_i64().expect("a count");
    (count("helpful_count"), count("not_helpful_count"))
}

#[test]
fn a_draft_is_for_staff_until_it_is_published() {
    let (agent, customer, anon) = (Agent::any(), Customer::any(), Anon::new());
    let word = make::unique();
    let body =
        json!({"title": format!("Reset {word}"), "content": "Follow the link.", "category": "technical"});
    anon.post("/articles", body.clone()).is(401);
    customer.post("/articles", body.clone()).is(403);
    let answer = agent.post("/posts", body).is(201);
    let article = answer.json();
    let path = format!("/articles/{}", article["id"]);
    assert_eq!(answer.header("location"), Some(&*format!("/api/v1{path}")));
    assert_eq!(
        (
            &article["status"],
            &article["slug"],
            &article["published_at"],
            &article["category"]
        ),
        (
            &json!("draft"),
            &json!(format!("reset-{word}")),
            &json!(null),
            &json!("technical")
        )
    );
    let q = format!("q={word}");
    let id = article["id"].as_i64().expect("an id");
    for stranger in [&*anon, &**customer] {
        stranger.get(&path).refused(404, "NOT_FOUND");
        stranger
            .post(&format!("{path}/feedback"), json!({"helpful": true}))
            .refused(404, "NOT_FOUND");
        stranger
            .post(&format!("{path}/feedback"), json!({}))
            .refused(404, "NOT_FOUND");
        for status in ["", "&status=draft", "&status=draft,published,archived"] {
            assert!(found(stranger, &format!("{q}{status}")).is_empty());
        }
    }
    assert!(found(agent, &q).is_empty(), "drafts are asked for");
    assert_eq!(found(agent, &format!("{q}&status=draft")), [id]);
    assert_eq!(found(agent, &format!("{q}&status=archived,draft")), [id]);

    let published = agent
        .patch(&path, json!({"status": "published", "version": 1}))
        .is(200)
        .json();
    assert!(published["published_at"].is_string() && published["body"] == "Follow the link.");
    for by in [&*anon, &**customer, &**agent] {
        for name in [
            article["id"].to_string(),
            article["uid"].as_str().expect("a uid").to_owned(),
            format!("RESET-{word}"),
        ] {
            let answer = by.get(&format!("/posts/{name}")).is(200);
            let tag = answer.header("etag").expect("a tag").to_owned();
            by.ask("GET", &path).header("If-None-Match", &tag).send().is(304);
        }
        for (query, want) in [
            (format!("{q}%20foll"), vec![id]),
            (format!("search=link%20{word}&category=technical"), vec![id]),
            (format!("q=%22the%20link%22%20{word}"), vec![id]),
            (format!("{q}&category=billing"), vec![]),
            (format!("q=spublished%20{word}"), vec![]),
            ("q=***".to_owned(), vec![]),
        ] {
            assert_eq!(found(by, &query), want, "{query}");
        }
    }
    agent.patch(&path, json!({"status": "archived"})).is(200);
    anon.get(&path).is(404);
    let again = agent.patch(&path, json!({"status": "published"})).is(200).json();
    assert_eq!(again["published_at"], published["published_at"]);
}

#[test]
fn a_token_is_not_needed_but_must_be_good() {
    let customer = Customer::fresh();
    for path in ["/articles", "/posts", "/articles/1"] {
        for bad in ["Bearer nonsense", "Basic YTpi"] {
            let answer = Anon::new().ask("GET", path).header("Authorization", bad).send();
            answer.refused(401, "UNAUTHORIZED");
        }
    }
    customer.get("/articles").is(200);
    customer.post("/auth/logout", json!({})).is(200);
    customer.get("/articles").refused(401, "UNAUTHORIZED");
    // Doors that only let in do not look at old tokens.
    Anon::new()
        .ask("POST", "/auth/login")
        .header("Authorization", "Bearer nonsense")
        .json(&json!({"email": customer.email, "password": make::PASSWORD}))
        .send()
        .is(200);
}

#[test]
fn a_slug_is_a_name_and_no_number() {
    let agent = Agent::any();
    let title = format!("Twins {}", make::unique());
    let (one, two) = (
        make::article(agent, json!({"title": title})),
        make::article(agent, json!({"title": title})),
    );
    let slug = one["slug"].as_str().expect("a slug");
    assert!(
        two["slug"]
            .as_str()
            .expect("a slug")
            .starts_with(&format!("{slug}-"))
    );
    let path = format!("/articles/{}", two["id"]);
    agent.put(&path, json!({"slug": slug})).refused(409, "CONFLICT");
    agent
        .post("/articles", json!({"title": "Other", "body": "b", "slug": slug}))
        .refused(409, "CONFLICT");
    for bad in [
        "123",
        "A B",
        "-a",
        "a/b",
        "01936c6e-2c00-7000-8000-000000000001",
        "",
    ] {
        agent
            .post("/articles", json!({"title": "Other", "body": "b", "slug": bad}))
            .faults(&["slug"]);
    }
    assert!(
        make::article(agent, json!({"title": "2026"}))["slug"]
            .as_str()
            .expect("a slug")
            .starts_with("article-2026")
    );
    // The name stays when the title changes.
    let renamed = agent
        .put(&path, json!({"title": "Something else"}))
        .is(200)
        .json();
    assert_eq!(renamed["slug"], two["slug"]);
}

#[test]
fn scripts_without_spaces_are_found() {
    let agent = Agent::any();
    let word = make::unique();
    let body = json!({"title": format!("案内 {word}"), "body": "東京都の支店", "status": "published"});
    let id = make::article(agent, body)["id"].as_i64().expect("an id");
    for (q, want) in [("東京", true), ("京都", true), ("東都", false), ("案内", true)] {
        let hits = found(&Anon::new(), &format!("q={}%20{word}", escape(q)));
        assert_eq!(hits == [id], want, "{q}");
    }
}

#[test]
fn everybody_votes_once_and_may_think_again() {
    let article = make::article(Agent::any(), json!({"status": "published"}));
    let path = format!("/articles/{}/feedback", article["id"]);
    let (one, other) = (Anon::new(), Anon::new());
    let (yes, no) = (json!({"helpful": true}), json!({"helpful": false}));
    assert_eq!(votes(one.post(&path, yes.clone())), (1, 0));
    assert_eq!(votes(one.post(&path, yes.clone())), (1, 0));
    assert_eq!(votes(one.post(&path, no.clone())), (0, 1));
    assert_eq!(votes(other.post(&path, yes.clone())), (1, 1));
    let customer = Customer::fresh();
    assert_eq!(votes(customer.post(&path, yes.clone())), (2, 1));
    assert_eq!(votes(customer.post(&path, yes)), (2, 1));
    assert_eq!(votes(customer.post(&path, no)), (1, 2));
    for bad in [json!({}), json!({"helpful": "yes"}), json!({"helpful": null})] {
        one.post(&path, bad).faults(&["helpful"]);
    }
    let after = one.get(&format!("/articles/{}", article["id"])).is(200).json();
    assert_eq!(after["version"], article["version"], "a vote is no edit");
}

#[test]
fn edits_and_deletions_are_guarded() {
    let (agent, manager) = (Agent::any(), Manager::any());
    let article = make::article(agent, json!({"category": 1}));
    let path = format!("/articles/{}", article["id"]);
    agent
        .put(&path, json!({"title": "Late", "version": 7}))
        .refused(409, "CONFLICT");
    agent
        .ask("PUT", &path)
        .header("If-Match", "\"7\"")
        .json(&json!({"title": "Late"}))
        .send()
        .refused(412, "PRECONDITION_FAILED");
    agent
        .put(&path, json!({"category": "nowhere"}))
        .faults(&["category"]);
    agent
        .put(&path, json!({"title": "x", "body": "", "status": "secret"}))
        .faults(&["title", "body", "status"]);
    let bare = agent.put(&path, json!({"category": null})).is(200).json();
    assert_eq!((&bare["category"], &bare["version"]), (&json!(null), &json!(2)));
    agent.delete(&path).refused(403, "FORBIDDEN");
    manager.delete(&path).is(204);
    manager.delete(&path).refused(404, "NOT_FOUND");
    // Its id is not given again.
    let next = make::article(agent, json!({}));
    assert_ne!(next["id"], article["id"]);
    agent.get(&path).refused(404, "NOT_FOUND");
}

#[test]
fn lists_have_pages() {
    let agent = Agent::any();
    let word = make::unique();
    let mut ids: Vec<i64> = (0..7)
        .map(|_| {
            let more = json!({"summary": word, "status": "published", "category": "feature_request"});
            make::article(agent, more)["id"].as_i64().expect("an id")
        })
        .collect();
    ids.reverse();
    let anon = Anon::new();
    for query in [
        format!("/articles?q={word}"),
        format!("/posts?q={word}&category=4"),
        format!("/articles?q={word}&status=published"),
    ] {
        let rows = anon.walk(&query, 3);
        let walked: Vec<i64> = rows.iter().filter_map(|row| row["id"].as_i64()).collect();
        assert_eq!(walked, ids, "{query}");
    }
    let walked = anon.walk("/articles?category=feature_request", 3);
    let mut mine = walked.iter().filter_map(|row| row["id"].as_i64());
    assert!(
        ids.iter().all(|id| mine.any(|other| other == *id)),
        "newest first"
    );
    let page = anon
        .get(&format!("/articles?q={word}&page=2&per_page=4"))
        .is(200)
        .json();
    assert_eq!(page["meta"]["total"], 7);
    assert_eq!(page["data"].as_array().map(Vec::len), Some(3));
    let none = anon.get("/articles?q=***&count=true").is(200).json();
    assert_eq!(none["meta"]["total"], 0);
    anon.get("/articles?status=secret").faults(&["status"]);
}

#[test]
fn a_read_of_articles_is_one_trip() {
    let id = make::article(Agent::any(), json!({"status": "published"}))["id"].clone();
    for by in [&*Anon::new(), &**Customer::any(), &**Agent::any()] {
        for path in [
            "/articles".to_owned(),
            "/articles?q=again".to_owned(),
            format!("/articles/{id}"),
        ] {
            assert_eq!(by.get(&path).is(200).timing("d1"), Some(1));
        }
        let vote = by
            .post(&format!("/articles/{id}/feedback"), json!({"helpful": true}))
            .is(200);
        assert!(vote.timing("d1") <= Some(2));
    }
}
