//! Finding tickets by their words.

use crate::support::client::escape;
use crate::support::{Agent, Caller, Customer, Manager, Value, json, make};

fn find(by: &Caller, text: &str) -> Vec<i64> {
    by.get(&format!("/tickets?limit=100&q={}", escape(text)))
        .is(200)
        .ids()
}

fn id(ticket: &Value) -> i64 {
    ticket["id"].as_i64().expect("an id")
}

fn titled(by: &Caller, title: &str, description: &str) -> i64 {
    id(&by
        .post("/tickets", json!({"title": title, "description": description}))
        .is(201)
        .json())
}

#[test]
fn every_text_of_a_ticket_is_found() {
    let customer = Customer::fresh();
    let [title, description, message, staff, edited] = [(); 5].map(|()| make::unique());
    let ticket = customer
        .post(
            "/tickets",
            json!({"title": format!("About {title}"), "description": format!("Says {description}.")}),
        )
        .is(201)
        .json();
    let said = make::message(&customer, &ticket, &format!("And {message}?"));
    make::message(Agent::any(), &ticket, &format!("Yes, {staff}!"));
    for word in [&title, &description, &message, &staff] {
        for by in [&*customer as &Caller, Agent::any(), Manager::any()] {
            assert_eq!(find(by, word), [id(&ticket)], "{word}");
            assert_eq!(find(by, &word.to_uppercase()), [id(&ticket)]);
        }
        assert!(find(&Customer::fresh(), word).is_empty(), "a stranger");
    }
    assert_eq!(find(&customer, ticket["number"].as_str().unwrap()), [id(&ticket)]);
    for name in ["search", "keyword"] {
        assert_eq!(
            customer.get(&format!("/tickets?{name}={title}")).is(200).ids(),
            [id(&ticket)]
        );
    }
    // All the words, in any order, from any text.
    assert_eq!(find(&customer, &format!("{staff} {title}")), [id(&ticket)]);
    assert!(find(&customer, &format!("{title} {}", make::unique())).is_empty());
    // A prefix of the last word while it is being typed.
    assert_eq!(find(&customer, &title[..title.len() - 2]), [id(&ticket)]);
    // What is changed is found by its new words only.
    customer
        .put(
            &format!("/messages/{}", said["id"]),
            json!({"body": format!("Rather {edited}.")}),
        )
        .is(200);
    assert_eq!(find(&customer, &edited), [id(&ticket)]);
    assert!(find(&customer, &message).is_empty());
    customer.delete(&format!("/messages/{}", said["id"])).is(204);
    assert!(find(&customer, &edited).is_empty());
    customer
        .put(
            &format!("/tickets/{}", ticket["id"]),
            json!({"title": "Something else"}),
        )
        .is(200);
    assert!(find(&customer, &title).is_empty());
}

#[test]
fn notes_are_found_by_staff_alone() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let word = make::unique();
    let note = make::note(Agent::any(), &ticket, &word);
    for by in [&**Agent::any(), &**Manager::any()] {
        assert_eq!(find(by, &word), [id(&ticket)]);
    }
    assert!(find(&customer, &word).is_empty());
    assert!(find(&customer, &word[..word.len() - 1]).is_empty());
    assert_eq!(
        customer.get(&format!("/tickets?count=true&q={word}")).json()["meta"]["total"],
        0
    );
    let other = make::unique();
    Agent::any()
        .put(
            &format!("/messages/{}", note["id"]),
            json!({"body": format!("{} {other}", make::CANARY)}),
        )
        .is(200);
    assert!(find(&customer, &other).is_empty());
    assert_eq!(find(Agent::any(), &other), [id(&ticket)]);
}

#[test]
fn hits_come_newest_first_and_in_pages() {
    let customer = Customer::fresh();
    let word = make::unique();
    let mut want: Vec<i64> = (0..5)
        .map(|at| titled(&customer, &format!("{word} {at}"), "x"))
        .collect();
    titled(&customer, "Something else", "x");
    want.reverse();
    assert_eq!(find(&customer, &word), want);
    for limit in [1, 2, 4] {
        let rows = customer.walk(&format!("/tickets?q={word}"), limit);
        assert_eq!(rows.iter().map(id).collect::<Vec<_>>(), want, "limit {limit}");
    }
    let one = want[2];
    customer.put(&format!("/tickets/{one}/close"), json!({})).is(200);
    assert_eq!(
        customer
            .get(&format!("/tickets?q={word}&status=closed"))
            .is(200)
            .ids(),
        [one]
    );
    assert_eq!(
        customer.get(&format!("/tickets?q={word}&count=true")).json()["meta"]["total"],
        5
    );
}

#[test]
fn a_long_conversation_is_one_hit() {
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    let (everywhere, early, late) = (make::unique(), make::unique(), make::unique());
    for at in 0..70 {
        let rare = match at {
            1 => early.as_str(),
            68 => late.as_str(),
            _ => "",
        };
        make::message(&customer, &ticket, &format!("{everywhere} {at} {rare}"));
    }
    for text in [
        everywhere.clone(),
        early.clone(),
        late.clone(),
        format!("{early} {everywhere}"),
        format!("{late} {everywhere}"),
    ] {
        assert_eq!(find(&customer, &text), [id(&ticket)], "{text}");
    }
    assert_eq!(
        customer
            .get(&format!("/tickets?count=true&q={everywhere}"))
            .json()["meta"]["total"],
        1
    );
}

#[test]
fn whatever_is_typed_is_data() {
    let customer = Customer::fresh();
    let word = make::unique();
    let ticket = titled(
        &customer,
        &format!("{word} O'Brien C++ \"quoted\" AND NOT 100%"),
        "x-ray: a*b (c)",
    );
    for typed in [
        "\"",
        "\"\"",
        "'",
        "*",
        "a*",
        "(",
        ")",
        "()",
        "((",
        "AND",
        "OR",
        "NOT",
        "NEAR",
        "NEAR(a b)",
        "a AND",
        "NOT a",
        "^a",
        "a^b",
        "-a",
        "+a",
        "a:b",
        "title:a",
        "internal:a",
        "scope:1",
        "{title} : a",
        "a\"b",
        "\\",
        "%",
        "_",
        ";",
        "--",
        "/*",
        "\u{0}",
        "a\u{0}b",
        "\u{feff}",
        "\u{200b}",
        "\u{1f525}",
        "\u{301}",
        "x".repeat(10_000).as_str(),
        "a ".repeat(3_000).as_str(),
        "'; DROP TABLE tickets; --",
        "\" OR internal : \"",
        "\r\n",
        "{",
        "}",
        "[",
        "]",
        "?1",
        "\u{ffff}",
        "\u{10ffff}",
        "NULL",
        "0",
        "-1",
        "1e999",
        "~",
        "|",
        "&&",
        "||",
        "!",
        "@",
        "#",
        "$",
        "<",
        ">",
        "=",
        ",",
    ] {
        for by in [&*customer as &Caller, Manager::any()] {
            by.get(&format!("/tickets?limit=1&q={}", escape(typed))).is(200);
        }
    }
    for typed in [
        "O'Brien",
        "C++",
        "\"quoted\"",
        "100%",
        "x-ray",
        "a*b",
        "(c)",
        "AND NOT",
        "o'brien  c++",
    ] {
        let found = find(&customer, &format!("{word} {typed}"));
        assert_eq!(found, [ticket], "{typed}");
    }
    // An operator would have found it; a word does not.
    let nothing = make::unique();
    for typed in [
        format!("{word} OR {nothing}"),
        format!("{word} NOT {nothing}"),
        format!("{{title}} : {word}x"),
    ] {
        assert!(find(&customer, &typed).is_empty(), "{typed}");
    }
    // Broken encoding is text, too.
    for raw in ["%FF", "%C3%28", "%", "%zz", "a%20b+c", "%ED%A0%80"] {
        let status = customer.get(&format!("/tickets?limit=1&q={raw}")).status();
        assert!(matches!(status, 200 | 400), "{raw}: {status}");
    }
}

#[test]
fn scripts_without_spaces_are_found_as_phrases() {
    let customer = Customer::fresh();
    for (title, hits, misses) in [
        (
            "打印机着火了请帮忙",
            vec!["打印机", "着火", "请帮忙", "打印机着火了请帮忙"],
            vec!["火着", "机打", "电脑"],
        ),
        (
            "プリンターが燃えています",
            vec!["プリンター", "燃えて", "います"],
            vec!["燃いて", "ンプリ"],
        ),
        ("프린터에 불이 났습니다", vec!["프린터", "불이"], vec!["터프린"]),
        (
            "Мышь не работает",
            vec!["мышь", "РАБОТАЕТ", "работ"],
            vec!["клавиатура"],
        ),
        (
            "Drucker brennt über Nacht",
            vec!["über", "ÜBER", "brenn"],
            vec!["löschen"],
        ),
    ] {
        let ticket = titled(&customer, title, "x");
        for hit in hits {
            assert_eq!(find(&customer, hit), [ticket], "{hit} in {title}");
        }
        for miss in misses {
            assert!(find(&customer, miss).is_empty(), "{miss} in {title}");
        }
    }
}

#[test]
fn a_deleted_ticket_is_not_found_and_a_restored_one_is() {
    let customer = Customer::fresh();
    let word = make::unique();
    let ticket = titled(&customer, &word, "x");
    let admin = crate::support::Admin::any();
    admin.delete(&format!("/tickets/{ticket}")).is(204);
    assert!(find(&customer, &word).is_empty() && find(admin, &word).is_empty());
    admin
        .post(&format!("/tickets/{ticket}/restore"), json!({}))
        .is(200);
    assert_eq!(find(&customer, &word), [ticket]);
}
