//! The same word written in another way is the same word: in search, in lists of people, in tags, filters and rules.

use crate::support::client::{Role, escape};
use crate::support::time::tick;
use crate::support::{Admin, Agent, Caller, Customer, Manager, Value, Worker, json, make, sqlite};

#[path = "../../src/desk/fold/pairs.rs"]
#[allow(dead_code)]
mod pairs;

fn titled(by: &Caller, title: &str, text: &str) -> i64 {
    let body = json!({"title": title, "description": text});
    by.post("/tickets", body).is(201).json()["id"]
        .as_i64()
        .expect("an id")
}

fn found(by: &Caller, path: &str, q: &str) -> Vec<i64> {
    by.get(&format!("{path}?limit=100&q={}", escape(q))).is(200).ids()
}

/// The platform's tables say the same as those that the unit tests use.
#[test]
fn every_pair_is_found_by_search() {
    let manager = Manager::any();
    let mut wrong = Vec::new();
    for (pairs, is_same) in [(&pairs::SAME[..], true), (&pairs::APART[..], false)] {
        for (script, one, other) in pairs {
            let word = make::unique();
            let id = titled(manager, &format!("{word} {one}"), &format!("{one}!"));
            let is_found = found(manager, "/tickets", &format!("{word} {other}")) == [id];
            if is_found != is_same || found(manager, "/tickets", &format!("{one} {word}")) != [id] {
                wrong.push(format!("{script}: {one} {other}: {is_found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_are_found_inside_texts_without_spaces() {
    let customer = Customer::fresh();
    for (text, parts) in [
        ("เครื่องพิมพ์ของฉันเสีย", &["พิมพ์", "เครื่อง", "เสีย"][..]),
        ("ເຄື່ອງພິມເສຍ", &["ພິມ", "ເສຍ"]),
        ("ម៉ាស៊ីនបោះពុម្ពខូច", &["បោះពុម្ព", "ខូច"]),
        ("ပရင်တာပျက်နေတယ်", &["ပျက်", "ပရင်တာ"]),
        (
            "新しいプリンターが故障しました",
            &["プリンター", "ﾌﾟﾘﾝﾀｰ", "故障", "障"],
        ),
        ("打印机坏了", &["印机", "坏", "打印机"]),
        (
            "프린터가 고장났어요",
            &[
                "프린터",
                "고장",
                "\u{1111}\u{1173}\u{1105}\u{1175}\u{11AB}\u{1110}\u{1165}",
            ],
        ),
        ("हिन्दी में प्रिंटर", &["हिन्दी", "प्रिंटर"]),
    ] {
        let id = titled(&customer, "Title", text);
        let ticket = json!({ "id": titled(&customer, "Title", "Text") });
        make::message(&customer, &ticket, text);
        for part in parts {
            let want = [ticket["id"].as_i64().expect("an id"), id];
            assert_eq!(found(&customer, "/tickets", part), want, "{part} in {text}");
        }
    }
    // A consonant of a word is no word: its vowel sign belongs to it.
    assert!(found(&customer, "/tickets", "न").is_empty());
}

#[test]
fn articles_are_found_as_tickets_are() {
    let word = make::unique();
    let agent = Agent::any();
    let article = make::article(
        agent,
        json!({"status": "published", "title": format!("{word} Drucker-Sto\u{308}rung"), "body": "เครื่องพิมพ์ Łódź"}),
    );
    for q in ["STÖRUNG", "drucker storung", "พิมพ์", "lodz"] {
        let ids = found(agent, "/articles", &format!("{word} {q}"));
        assert_eq!(ids, [article["id"].as_i64().expect("an id")], "{q}");
    }
}

#[test]
fn people_are_found_in_every_case_and_encoding() {
    let admin = Admin::any();
    let tail = make::unique();
    for (first, last, qs) in [
        (
            "Иван",
            "Петров",
            &["Иван", "ИВАН", "петров", "петров иван", "Иван Петров"][..],
        ),
        ("Zoe\u{308}", "Łukasiewicz", &["zoë", "ZOE", "lukasiewicz"]),
        ("Ωμέγα", "Σίσυφος", &["ΣΊΣΥΦΟΣ", "σισυφοσ", "ωμεγα"]),
        ("İpek", "Işık", &["ipek", "ISIK", "ışık"]),
        ("ไพลิน์", "", &["ไพลิน์", "พลิน"]),
        ("\u{1106}\u{1175}\u{11AB}수", "김", &["민수", "김"]),
        ("ﾀﾛｳ", "田中", &["タロウ", "田中"]),
    ] {
        for role in ["agent", "customer"] {
            let email = format!("{}@example.org", make::unique());
            let body = json!({"email": email, "role": role, "first_name": first, "last_name": format!("{last} {tail}")});
            let person = admin.post("/users", body).is(201).json();
            let id = person["id"].as_i64().expect("an id");
            for q in qs {
                let q = format!("{q} {tail}");
                assert_eq!(
                    admin
                        .get(&format!("/users?role={role}&q={}", escape(&q)))
                        .is(200)
                        .ids(),
                    [id],
                    "{q}"
                );
                assert_eq!(
                    Agent::any()
                        .get(&format!("/users/summary?role={role}&q={}", escape(&q)))
                        .is(200)
                        .ids(),
                    [id],
                    "{q}"
                );
                let total = admin
                    .get(&format!("/users?count=true&role={role}&q={}", escape(&q)))
                    .is(200)
                    .json();
                assert_eq!(total["meta"]["total"], 1, "{q}");
                if role == "agent" {
                    assert_eq!(found(admin, "/agents", &q), [id], "{q}");
                }
            }
            // Who is called otherwise now is found by the new name only, and who is no longer there is gone from the next.
            admin
                .put(&format!("/users/{id}"), json!({"first_name": "Ñandú"}))
                .is(200);
            assert_eq!(found(admin, "/users", &format!("NANDU {tail}")), [id]);
            admin
                .put(
                    &format!("/users/{id}"),
                    json!({"first_name": first, "last_name": "-"}),
                )
                .is(200);
        }
    }
    for (name, q) in [
        ("Überwachung", "UBERWACHUNG"),
        ("Склад", "СКЛАД"),
        ("ｗｉｄｅ", "WIDE"),
    ] {
        let body = json!({"key": make::project_key(), "name": format!("{name} {tail}")});
        let project = Manager::any().post("/projects", body).is(201).json();
        let want = [project["id"].as_i64().expect("an id")];
        assert_eq!(found(Manager::any(), "/projects", &format!("{q} {tail}")), want);
        let key = project["key"].as_str().expect("a key");
        assert_eq!(found(Manager::any(), "/projects", &key.to_lowercase()), want);
        let renamed = json!({"name": format!("Ænima {tail}")});
        Manager::any().put(&format!("/projects/{key}"), renamed).is(200);
        assert_eq!(
            found(Manager::any(), "/projects", &format!("aenima {tail}")),
            want
        );
        Manager::any()
            .put(&format!("/projects/{key}"), json!({"name": "x"}))
            .is(200);
    }
}

#[test]
fn categories_are_found_by_their_names() {
    let (manager, tail) = (Manager::any(), make::unique());
    for (name, q) in [
        ("Ärger", "ARGER"),
        ("Склад", "склад"),
        ("हिन्दी", "हिन्दी"),
        ("ﾌﾟﾘﾝﾀｰ", "プリン"),
    ] {
        let body = json!({"name": format!("{name} {tail}")});
        let category = manager.post("/categories", body.clone()).is(201).json();
        let parts = format!("/categories/{}/subcategories", category["id"]);
        let part = manager.post(&parts, body).is(201).json();
        for by in [&**manager as &Caller, &**Customer::any()] {
            for (path, row) in [("/categories", &category), (parts.as_str(), &part)] {
                let q = format!("{q} {tail}");
                assert_eq!(
                    found(by, path, &q),
                    [row["id"].as_i64().expect("an id")],
                    "{path} {q}"
                );
                let counted = by
                    .get(&format!("{path}?count=true&q={}", escape(&q)))
                    .is(200)
                    .json();
                assert_eq!(counted["meta"]["total"], 1);
                assert!(found(by, path, &format!("{q} {}", make::unique())).is_empty());
            }
        }
        assert_eq!(manager.walk(&format!("{parts}?q={}", escape(q)), 1).len(), 1);
        for path in [
            format!("/categories/{}", category["id"]),
            format!("{parts}/{}", part["id"]),
        ] {
            manager
                .put(&path, json!({"name": format!("Łódź {tail}")}))
                .is(200);
        }
        assert_eq!(
            found(manager, "/categories", &format!("lodz {tail}")),
            [category["id"].as_i64().expect("an id")]
        );
        manager
            .put(
                &format!("/categories/{}", category["id"]),
                json!({"name": "Done"}),
            )
            .is(200);
    }
}

#[test]
fn staff_find_tickets_by_who_asked() {
    let admin = Admin::any();
    let (first, last) = (format!("Ло{}", make::unique()), format!("Ж{}", make::unique()));
    let email = format!("José.{}@example.org", make::unique());
    let body = json!({"email": email, "password": make::PASSWORD, "first_name": first, "last_name": last});
    admin.post("/users", body).is(201);
    let session = admin
        .post("/auth/login", json!({"email": email, "password": make::PASSWORD}))
        .is(200)
        .json();
    let customer = Caller::from_session(&admin.host, Role::Customer, &session);
    let word = make::unique();
    let id = titled(&customer, &word, "Text");
    let decomposed = email.replace('é', "e\u{301}").to_uppercase();
    for q in [
        first.as_str(),
        &last.to_uppercase(),
        &format!("{last} {first}"),
        &first[..first.len() - 2],
        &email,
        &decomposed,
        &email[..email.len() - 6],
    ] {
        for by in [&**Manager::any() as &Caller, admin] {
            assert_eq!(found(by, "/tickets", q), [id], "{q}");
            let counted = by
                .get(&format!("/tickets?count=true&q={}", escape(q)))
                .is(200)
                .json();
            assert_eq!(counted["meta"]["total"], 1, "{q}");
        }
        for by in [&customer, &**Customer::any()] {
            assert!(found(by, "/tickets", q).is_empty(), "{q}");
        }
    }
    // A word of the ticket and one of the person are not mixed; filters hold; agents stay in their scope.
    assert!(found(admin, "/tickets", &format!("{first} {}", make::unique())).is_empty());
    assert!(
        admin
            .get(&format!("/tickets?status=closed&q={}", escape(&last)))
            .is(200)
            .ids()
            .is_empty()
    );
    let other = admin
        .get(&format!("/tickets?customer_email={}", escape(&decomposed)))
        .is(200)
        .ids();
    assert_eq!(other, [id]);
    // A person who is called otherwise is found by the new name, one who is gone is not.
    let me = customer.get("/users/me").is(200).json();
    let renamed = format!("Ö{}", make::unique());
    customer.put("/users/me", json!({"last_name": renamed})).is(200);
    assert_eq!(found(admin, "/tickets", &renamed.to_lowercase()), [id]);
    assert!(found(admin, "/tickets", &last).is_empty());
    customer.delete("/users/me").is(204);
    for q in [&first, &renamed, &email] {
        assert!(found(admin, "/tickets", q).is_empty(), "{q}");
        assert!(
            !found(admin, "/users", q).contains(&me["id"].as_i64().expect("an id")),
            "{q}"
        );
    }
}

#[test]
fn tags_are_words_of_every_script() {
    let manager = Manager::any();
    let tail = make::unique();
    for (tag, kept, asked) in [
        ("हिन्दी", "हिन्दी", "हिन्दी"),
        ("cafe\u{301}", "café", "CAFE"),
        ("Straße", "straße", "STRASSE"),
        ("ไพลิน์", "ไพลิน์", "ไพลิน์"),
        ("தமிழ்", "தமிழ்", "தமிழ்"),
        ("עִבְרִית", "עִבְרִית", "עברית"),
        ("İzmir", "izmir", "IZMIR"),
        ("\u{1111}\u{1173}", "프", "프"),
    ] {
        let [tag, kept, asked] = [tag, kept, asked].map(|word| format!("{word}-{tail}"));
        // The same tag in another spelling is not there twice.
        let ticket = make::ticket_with(manager, json!({"tags": [tag, asked, "other"]}));
        let tags = ticket["tags"].as_array().expect("tags");
        assert_eq!(tags.len(), 2, "{tags:?}");
        let path = format!("/tickets/{}", ticket["id"]);
        let ticket = manager.put(&path, json!({"tags": [tag]})).is(200).json();
        assert_eq!(ticket["tags"], json!([kept]));
        let want = [ticket["id"].as_i64().expect("an id")];
        for word in [&tag, &kept, &asked] {
            for more in ["", "&status=open", "&sort=updated_at", "&q=printer"] {
                let path = format!("/tickets?tag={}{more}", escape(word));
                assert_eq!(manager.get(&path).is(200).ids(), want, "{path}");
            }
        }
        manager.put(&path, json!({"tags": []})).is(200);
        assert!(
            manager
                .get(&format!("/tickets?tag={}", escape(&kept)))
                .is(200)
                .ids()
                .is_empty()
        );
    }
    for (name, asked) in [
        ("Büro Süd", ["buro sud", "BÜRO SÜD", "Bu\u{308}ro Su\u{308}d"]),
        ("IT Support", ["it support", "IT SUPPORT", "It Support"]),
        ("Продажи", ["продажи", "ПРОДАЖИ", "Продажи"]),
    ] {
        let [name, first, second, third] =
            [name, asked[0], asked[1], asked[2]].map(|word| format!("{word} {tail}"));
        let ticket = make::ticket_with(manager, json!({"tags": ["other"]}));
        let path = format!("/tickets/{}", ticket["id"]);
        manager.put(&path, json!({"department": name})).is(200);
        for word in [&name, &first, &second, &third] {
            for more in ["", "&status=open", "&sort=updated_at", "&q=printer", "&tag=other"] {
                let path = format!("/tickets?department={}{more}", escape(word));
                assert_eq!(
                    manager.get(&path).is(200).ids(),
                    [ticket["id"].as_i64().expect("an id")],
                    "{path}"
                );
            }
        }
    }
    for tag in ["\u{301}", "a b", "🔥", "a\u{202E}b", "a\u{200B}b"] {
        manager
            .post(
                "/tickets",
                json!({"title": "Title", "description": "Text", "tags": [tag]}),
            )
            .is(400)
            .faults(&["tags"]);
    }
}

#[test]
fn names_of_every_script_identify_people_and_things() {
    let admin = Admin::any();
    let tail = make::unique();
    for (name, written) in [
        ("ไพลิน์", "ไพลิน์"),
        ("हिन्दी", "हिन्दी"),
        ("Jose\u{301}", "JOSÉ"),
        ("İpek", "ipek"),
        ("\u{1106}\u{1175}\u{11AB}수", "민수"),
    ] {
        let username = format!("{name}.{tail}");
        let email = format!("{}@example.org", make::unique());
        let body = json!({"email": email, "password": make::PASSWORD, "username": username});
        let person = admin.post("/users", body.clone()).is(201).json();
        let login = json!({"username": format!("{written}.{tail}"), "password": make::PASSWORD});
        let session = admin.post("/auth/login", login).is(200).json();
        assert_eq!(session["user"]["id"], person["id"], "{username}");
        let twin = json!({"email": make::email(), "password": make::PASSWORD, "username": format!("{written}.{tail}")});
        admin.post("/users", twin).refused(409, "CONFLICT");
        // A mention in another encoding reaches the person.
        let agent = json!({"email": make::email(), "password": make::PASSWORD, "role": "agent", "username": format!("a-{username}")});
        let agent = admin.post("/users", agent).is(201).json();
        let ticket = make::ticket(Manager::any());
        make::note(Manager::any(), &ticket, &format!("@a-{written}.{tail}: please"));
        let session = admin
            .post(
                "/auth/login",
                json!({"email": agent["email"], "password": make::PASSWORD}),
            )
            .is(200)
            .json();
        let agent = Caller::from_session(&admin.host, Role::Agent, &session);
        let notices = agent.get("/notifications").is(200).rows();
        assert!(
            notices.iter().any(|notice| notice["kind"] == "mention"),
            "{username}: {notices:?}"
        );
    }
    for (email, other) in [
        ("x@हिन्दी.भारत", "X@हिन्दी.भारत"),
        ("ไพลิน์@ไทย.com", "ไพลิน์@ไทย.COM"),
        ("Zoe\u{308}@mu\u{308}nchen.example", "zoë@münchen.EXAMPLE"),
        ("用户@例子.广告", "用户@例子.广告"),
    ] {
        let tail = format!("{tail}.");
        let [email, other] = [email, other].map(|address| address.replace('@', &format!("@{tail}")));
        let body = json!({"email": email, "password": make::PASSWORD});
        admin.post("/auth/register", body.clone()).is(201);
        admin
            .post("/auth/login", json!({"email": other, "password": make::PASSWORD}))
            .is(200);
        admin
            .post(
                "/auth/register",
                json!({"email": other, "password": make::PASSWORD}),
            )
            .refused(409, "CONFLICT");
        assert_eq!(found(admin, "/users", &other).len(), 1, "{other}");
    }
    for (name, slug, path) in [
        ("U\u{308}ber हिन्दी", "über_हिन्दी", "Über हिन्दी"),
        ("İstanbul", "istanbul", "ISTANBUL"),
        ("ไพลิน์", "ไพลิน์", "ไพลิน์"),
    ] {
        let body = json!({"name": format!("{name} {tail}")});
        let category = Manager::any().post("/categories", body).is(201).json();
        assert_eq!(category["slug"], format!("{slug}_{tail}"));
        let path = format!("{path}_{tail}");
        let shown = Manager::any()
            .get(&format!("/categories/{}", escape(&path)))
            .is(200)
            .json();
        assert_eq!(shown["id"], category["id"]);
        let ticket = make::ticket_with(Manager::any(), json!({"category": path}));
        let listed = Manager::any()
            .get(&format!("/tickets?category={}", escape(&path)))
            .is(200)
            .ids();
        assert_eq!(listed, [ticket["id"].as_i64().expect("an id")]);
    }
}

fn rule(conditions: Value, tag: &str) -> Value {
    let body = json!({"name": format!("Rule {tag}"), "trigger": {"on": "ticket_created"}, "conditions": conditions,
        "actions": [{"type": "add_tag", "tag": tag}]});
    Admin::any().post("/workflows", body).is(201).json()
}

#[test]
fn rules_compare_words_and_not_encodings() {
    let customer = Customer::fresh();
    for (op, value, title, is_hit) in [
        ("contains", "störung", "Druckersto\u{308}rung heute", true),
        ("contains", "STORUNG", "Störung", true),
        ("contains", "istanbul", "İSTANBUL ofisi", true),
        ("starts_with", "Łódź", "lodz calling", true),
        ("is", "strasse", "STRASSE", true),
        ("is", "straße", "Strasse", true),
        (
            "contains",
            "프린터",
            "\u{1111}\u{1173}\u{1105}\u{1175}\u{11AB}\u{1110}\u{1165}가",
            true,
        ),
        ("contains", "ﾌﾟﾘﾝﾀｰ", "新しいプリンター", true),
        ("contains", "ไม่", "ไม้", false),
    ] {
        let word = make::unique();
        let value = if op == "is" {
            format!("{value} {word}")
        } else {
            value.to_owned()
        };
        let tag = format!("hit-{word}");
        let made = rule(
            json!({"all": [{"field": "title", "op": op, "value": value}, {"field": "description", "op": "contains", "value": word}]}),
            &tag,
        );
        let title = if op == "is" {
            format!("{title} {word}")
        } else {
            title.to_owned()
        };
        let id = titled(&customer, &title, &word);
        let tags = Manager::any().get(&format!("/tickets/{id}")).is(200).json()["tags"].clone();
        assert_eq!(tags == json!([tag]), is_hit, "{op} {value}: {title}: {tags}");
        Admin::any().delete(&format!("/workflows/{}", made["id"])).is(204);
    }
    // Tags, and rules that take away a tag in another spelling.
    let word = make::unique();
    let body = json!({"name": format!("Rule {word}"), "trigger": {"on": "ticket_created"},
        "conditions": {"all": [{"field": "tags", "op": "contains", "value": format!("CAFE-{word}")}]},
        "actions": [{"type": "remove_tag", "tag": format!("CAFE-{word}")}, {"type": "add_tag", "tag": format!("हिन्दी-{word}")}]});
    let made = Admin::any().post("/workflows", body).is(201).json();
    let ticket = make::ticket_with(Manager::any(), json!({"tags": [format!("café-{word}")]}));
    assert_eq!(ticket["tags"], json!([format!("हिन्दी-{word}")]));
    Admin::any().delete(&format!("/workflows/{}", made["id"])).is(204);
}

#[test]
fn an_archived_name_says_what_it_is_and_how_it_comes_back() {
    let (admin, tail) = (Admin::any(), make::unique());
    let revives = |body: Value, path: &str, old: &Value| {
        let refused = admin.post(path, body).refused(409, "CONFLICT").json();
        let (details, message) = (
            &refused["details"],
            refused["message"].as_str().expect("a message"),
        );
        assert_eq!(details["archived"]["id"], old["id"], "{refused}");
        assert!(
            message.contains(details["archived"]["name"].as_str().expect("a name")),
            "{message}"
        );
        let revive = details["revive"]["path"].as_str().expect("a path");
        let path = revive.strip_prefix("/api/v1").expect("a path of the API");
        assert!(message.contains(revive));
        let back = admin.put(path, details["revive"]["body"].clone()).is(200).json();
        assert_eq!(back["id"], old["id"]);
    };
    for name in [format!("Old {tail}"), format!("Åltes हिन्दी {tail}")] {
        let body = json!({"name": name});
        let old = admin.post("/categories", body.clone()).is(201).json();
        admin.delete(&format!("/categories/{}", old["id"])).is(204);
        let given = json!({"name": "Another", "slug": old["slug"]});
        admin
            .put(
                &format!(
                    "/categories/{}",
                    admin
                        .post("/categories", json!({"name": make::unique()}))
                        .is(201)
                        .json()["id"]
                ),
                json!({"slug": old["slug"]}),
            )
            .refused(409, "CONFLICT");
        let refused = admin.post("/categories", given).refused(409, "CONFLICT").json();
        assert_eq!(refused["details"]["archived"]["id"], old["id"]);
        revives(body.clone(), "/categories", &old);
        // It is back, and a twin is refused as ever.
        let twin = admin
            .post("/categories", body.clone())
            .refused(409, "CONFLICT")
            .json();
        assert!(twin["details"].get("archived").is_none(), "{twin}");

        let parts = format!("/categories/{}/subcategories", old["id"]);
        let part = admin.post(&parts, body.clone()).is(201).json();
        admin.delete(&format!("{parts}/{}", part["id"])).is(204);
        revives(body, &parts, &part);
    }
    let body = json!({"key": make::project_key(), "name": format!("Old {tail}")});
    let project = admin.post("/projects", body.clone()).is(201).json();
    admin
        .put(
            &format!("/projects/{}", project["id"]),
            json!({"status": "archived"}),
        )
        .is(200);
    revives(body, "/projects", &project);
    let body = json!({"title": format!("Old {tail}"), "slug": format!("old-{tail}"), "body": "Text"});
    let article = admin.post("/articles", body.clone()).is(201).json();
    admin
        .put(
            &format!("/articles/{}", article["id"]),
            json!({"status": "archived"}),
        )
        .is(200);
    revives(body, "/articles", &article);
    let body = json!({"email": format!("Öld.{tail}@example.org"), "first_name": format!("Old {tail}")});
    let person = admin.post("/users", body.clone()).is(201).json();
    admin.delete(&format!("/users/{}", person["id"])).is(204);
    // Nobody who registers learns whose address it is.
    let own = json!({"email": body["email"], "password": make::PASSWORD});
    let refused = admin.post("/auth/register", own).refused(409, "CONFLICT").json();
    assert!(refused["details"].get("archived").is_none(), "{refused}");
    revives(body, "/users", &person);
}

#[test]
fn other_names_get_other_slugs() {
    let (admin, tail) = (Admin::any(), make::unique());
    let parts = format!(
        "/categories/{}/subcategories",
        admin
            .post("/categories", json!({"name": make::unique()}))
            .is(201)
            .json()["id"]
    );
    for path in ["/categories", &parts] {
        let mut slugs = Vec::new();
        for name in [
            "!!!".to_owned(),
            "???".to_owned(),
            "🔥".to_owned(),
            format!("C {tail}"),
            format!("C++ {tail}"),
            format!("C# {tail}"),
        ] {
            let answer = admin.post(path, json!({"name": name}));
            // What an earlier run has made of the same server is there already.
            if answer.status() == 409 && !name.contains(&tail) {
                continue;
            }
            let row = answer.is(201).json();
            let slug = row["slug"].as_str().expect("a slug").to_owned();
            assert!(!slugs.contains(&slug), "{slug}");
            let shown = admin.get(&format!("{path}/{}", escape(&slug))).is(200).json();
            assert_eq!(shown["id"], row["id"], "{slug}");
            slugs.push(slug);
            admin
                .post(path, json!({"name": name.to_uppercase()}))
                .refused(409, "CONFLICT");
        }
    }
}

/// What an earlier version of the Worker has written is folded by the clock, in bounded steps, once.
#[test]
fn the_clock_folds_what_is_there() {
    let worker = Worker::start(&[]);
    worker.seed();
    let admin = Admin::on(&worker);
    let customer = Customer::on(&worker);
    let body =
        json!({"email": "ivan@example.org", "role": "agent", "first_name": "Иван", "last_name": "Łukas"});
    let person = admin.post("/users", body).is(201).json();
    let project = admin
        .post("/projects", json!({"key": "UBER", "name": "Über"}))
        .is(201)
        .json();
    let article = admin
        .post(
            "/articles",
            json!({"status": "published", "title": "Störung", "body": "พิมพ์"}),
        )
        .is(201)
        .json();
    let ticket = make::ticket_with(&customer, json!({"title": "Störung", "description": "เครื่องพิมพ์"}));
    admin
        .put(
            &format!("/tickets/{}", ticket["id"]),
            json!({"tags": ["café"], "department": "Büro Süd"}),
        )
        .is(200);
    make::message(&customer, &ticket, "Łódź ＡＢＣ");
    for _ in 0..70 {
        make::message(&customer, &ticket, "plain");
    }
    make::message(&customer, &ticket, "프린터");
    let many: String = (0..1_200)
        .map(|at| format!("INSERT INTO users (uid, email, email_key, username, username_key, first_name, role, created_at, updated_at) \
            VALUES ('m{at}', 'm{at}@x.org', 'm{at}@x.org', 'm{at}', 'm{at}', 'Ñandú', 'customer', 0, 0);"))
        .collect();
    let earlier = format!(
        "{many} UPDATE users SET first_folded = '', last_folded = '', username_folded = '', email_folded = ''; \
         DELETE FROM user_words; UPDATE projects SET search_text = ''; UPDATE categories SET search_text = ''; \
         UPDATE tickets SET title_index = NULL, description_index = NULL; UPDATE messages SET body_index = NULL; \
         UPDATE articles SET title_index = NULL, body_index = NULL; \
         UPDATE ticket_facets SET facet = 't:café' WHERE facet = 't:cafe'; \
         UPDATE ticket_facets SET facet = 'd:Büro Süd' WHERE facet = 'd:buro sud'; \
         INSERT INTO ticket_search (ticket_search) VALUES ('delete-all'); \
         INSERT INTO article_search (article_search) VALUES ('delete-all'); \
         UPDATE folding SET version = 0, step = 0, after_id = 0;"
    );
    let file = worker.d1.clone().expect("a database");
    let paused = worker.pause();
    sqlite::run(&file, &earlier, "");
    let worker = paused.resume();
    let admin = Admin::on(&worker);
    let look = || {
        [
            admin
                .get(&format!("/users?role=agent&q={}", escape("ИВАН lukas")))
                .is(200)
                .ids(),
            found(&admin, "/projects", "uber"),
            found(&admin, "/categories", "TECHNICAL"),
            found(&admin, "/articles", "storung พิมพ์"),
            found(&admin, "/tickets", "STORUNG"),
            found(&admin, "/tickets", "พิมพ์"),
            found(&admin, "/tickets", "lodz abc"),
            found(&admin, "/tickets", "프린터"),
            admin.get("/tickets?tag=CAFE").is(200).ids(),
            admin.get("/tickets?department=BURO%20SUD").is(200).ids(),
        ]
    };
    let id = |row: &Value| vec![row["id"].as_i64().expect("an id")];
    let t = id(&ticket);
    let want = [
        id(&person),
        id(&project),
        vec![1],
        id(&article),
        t.clone(),
        t.clone(),
        t.clone(),
        t.clone(),
        t.clone(),
        t,
    ];
    assert_ne!(look(), want);
    let done = |tasks: &Value| tasks["folding"].as_i64().expect("a number");
    let first = done(&tick(&worker));
    assert!((1..=1_000).contains(&first), "{first} rows");
    assert_ne!(look(), want, "the work is bounded");
    let mut ticks = 1;
    while done(&tick(&worker)) > 0 {
        ticks += 1;
        assert!(ticks < 10);
    }
    assert_eq!(look(), want);
    assert_eq!(
        admin.get("/users?count=true&q=NANDU").is(200).json()["meta"]["total"],
        1_200
    );
    // Nothing is left to be done, and nothing is done.
    assert_eq!(done(&tick(&worker)), 0);
}
