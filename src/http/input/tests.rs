use super::*;

use crate::http::input_values::Patch;
use crate::http::request::tests::request;
use crate::http::shape::choices;

const SHAPE: Shape = Shape {
    name: "Test",
    fields: &[
        Field::required("title", Kind::Line { min: 3, max: 5 }, "").or(&["subject"]),
        Field::nullable("phone", Kind::Line { min: 1, max: 5 }, ""),
        Field::optional("status", Kind::Choice(&choices::STATUS), ""),
        Field::optional("agent", Kind::ReferenceOr(&["me", "none"]), ""),
        Field::optional("category", Kind::Slug, ""),
        Field::optional("tags", Kind::Tags, ""),
        Field::optional("flag", Kind::Flag, ""),
        Field::optional("n", Kind::Integer { min: 1, max: 9 }, ""),
        Field::optional("email", Kind::Email, ""),
        Field::optional("text", Kind::Text { min: 0, max: 9 }, ""),
        Field::optional("at", Kind::Time, ""),
        Field::optional("people", Kind::References, ""),
        Field::optional("places", Kind::Slugs, ""),
    ],
};

fn read(body: &str) -> Result<Input, Error> {
    let mut request = request("", &[]);
    request.body = body.as_bytes().to_vec();
    crate::http::input::parse_body(&request, &SHAPE)
}

#[test]
fn fields_are_checked_one_by_one() {
    for (field, good) in [
        (r#""title":"abc""#, true),
        (r#""subject":"abc""#, true),
        (r#""title":"  ab ""#, false),
        (r#""title":"äöüßé""#, true),
        (r#""title":"abcdef""#, false),
        (r#""title":"ab\nc""#, false),
        (r#""title":5"#, false),
        (r#""title":null"#, false),
        (r#""title":"abc","phone":null"#, true),
        (r#""title":"abc","status":"In Progress""#, true),
        (r#""title":"abc","status":"pending""#, false),
        (r#""title":"abc","status":["open"]"#, false),
        (r#""title":"abc","agent":5"#, true),
        (r#""title":"abc","agent":"5""#, false),
        (r#""title":"abc","agent":"me""#, true),
        (r#""title":"abc","agent":5.5"#, false),
        (r#""title":"abc","agent":0"#, false),
        (r#""title":"abc","agent":9007199254740992"#, false),
        (r#""title":"abc","category":"Feature Request""#, true),
        (r#""title":"abc","category":"a/b""#, false),
        (r#""title":"abc","tags":["B","a","b"]"#, true),
        (r#""title":"abc","tags":["a b"]"#, false),
        (r#""title":"abc","tags":"a""#, false),
        (r#""title":"abc","flag":"true""#, false),
        (r#""title":"abc","n":10"#, false),
        (r#""title":"abc","n":"5""#, false),
        (r#""title":"abc","email":"a@b.example""#, true),
        (r#""title":"abc","email":"a@b""#, false),
        (r#""title":"abc","email":"a b@c.example""#, false),
        (r#""title":"abc","email":"a@b.example\n""#, true),
        (r#""title":"abc","text":"a\tb\r\n""#, true),
        (r#""title":"abc","text":"a\u0000b""#, false),
        (r#""title":"abc","at":"2026-01-31T12:00:00+02:00""#, true),
        (r#""title":"abc","at":"2026-01-31""#, false),
        (r#""title":"abc","people":[]"#, true),
        (
            r#""title":"abc","people":[1,"01936C6E-2c00-7000-8000-000000000001"]"#,
            true,
        ),
        (r#""title":"abc","people":["1"]"#, false),
        (r#""title":"abc","people":["billing"]"#, false),
        (r#""title":"abc","people":[0]"#, false),
        (r#""title":"abc","people":1"#, false),
        (r#""title":"abc","places":[1,"billing"]"#, true),
        (r#""title":"abc","places":["1"]"#, false),
        (r#""title":"abc","places":[null]"#, false),
        (r#""title":"abc","unknown":{"x":1}"#, true),
    ] {
        assert_eq!(read(&format!("{{{field}}}")).is_ok(), good, "{field}");
    }
}

#[test]
fn all_errors_are_reported() {
    match read(r#"{"status":1,"n":0}"#) {
        Err(Error::Invalid(errors)) => {
            let names: Vec<_> = errors.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["title", "status", "n"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn absent_null_and_value_differ() {
    let input = read(r#"{"title":"abc","phone":null}"#).unwrap();
    assert_eq!(input.patch("phone"), Patch::Clear);
    assert_eq!(input.patch("title"), Patch::Set("abc".to_owned()));
    assert_eq!(input.patch("text"), Patch::Keep);
}

#[test]
fn lists_of_rows_become_json() {
    let input = read(r#"{"title":"abc","places":["Feature Request",3,"feature-request",3]}"#).unwrap();
    assert_eq!(
        input.rows_json("places").as_deref(),
        Some(r#"["feature_request",3]"#)
    );
    assert_eq!(input.rows_json("people"), None);
}

#[test]
fn queries_read_text() {
    for (query, good) in [
        ("title=abc&agent=5&n=3&flag=1", true),
        ("agent=none", true),
        ("status=nope", false),
        ("n=x", false),
        ("at=2026-01-31", true),
        ("at=2026-13-31", false),
        ("n=1&n=2", false),
        ("other=1", true),
        ("status=", true),
    ] {
        assert_eq!(
            crate::http::input::parse_query(&request(query, &[]), &[&SHAPE]).is_ok(),
            good,
            "{query}"
        );
    }
}

#[test]
fn addresses_that_exist_are_accepted() {
    for (text, want) in [
        ("jane@example.org", Some("jane@example.org")),
        (" Jane@Example.org ", Some("Jane@Example.org")),
        ("ta..ro@docomo.example", Some("ta..ro@docomo.example")),
        (".taro.@docomo.example", Some(".taro.@docomo.example")),
        ("jane@mail_server.example", Some("jane@mail_server.example")),
        ("jane@example.org.", Some("jane@example.org")),
        (
            "jane+tag@xn--bcher-kva.example",
            Some("jane+tag@xn--bcher-kva.example"),
        ),
        ("x@bücher.example", Some("x@bücher.example")),
        ("x@हिन्दी.भारत", Some("x@हिन्दी.भारत")),
        ("o'neil/a=b@example.org", Some("o'neil/a=b@example.org")),
        ("scanner@localhost", None),
        ("jane@-example.org", None),
        ("jane@example..org", None),
        ("jane@ex ample.org", None),
        ("jane@ex\u{200b}ample.org", None),
        ("jane@_._", None),
        ("a@b@c.example", None),
        ("jane", None),
        ("@example.org", None),
        ("a,b@example.org", None),
    ] {
        assert_eq!(parse_email(text).ok().as_deref(), want, "{text}");
    }
}
