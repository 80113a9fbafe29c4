//! Bodies that no route accepts, sent to every row that reads one.

use crate::support::openapi;
use crate::support::routes::Row;
use crate::support::{Admin, Anon, Caller, Customer, Value, json};
use crate::sweep::{Things, api_rows};

// Whoever sends these bodies may lose account and session by one of them that is accepted: an admin to spare.

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_malformed_body_is_refused() {
    let (things, admin) = (Things::of(Customer::any()), Admin::fresh());
    let deep = format!("{}1{}", "{\"a\":".repeat(40), "}".repeat(40));
    let bad: [&[u8]; 17] = [
        b"{",
        b"",
        b"null",
        b"[]",
        b"\"text\"",
        b"5",
        b"{\"a\":1,}",
        b"{'a':1}",
        b"{\"a\":1} x",
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":{\"b\":1,\"b\":1}}",
        b"{\"a\":NaN}",
        b"{\"a\":\"\xff\xfe\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"line\nbreak\"}",
        b"\xef\xbb\xbf[1]",
        deep.as_bytes(),
    ];
    for row in api_rows().into_iter().filter(|row| row.takes_body) {
        let path = things.name(&row);
        for body in bad {
            // An empty body is none, which some rows allow.
            if body.is_empty() && row.body_optional {
                continue;
            }
            let answer = admin.ask(row.method, &path).raw("application/json", body).send();
            answer.refused(400, "VALIDATION_ERROR");
        }
    }
    Anon::new().ask("GET", "/health").at_root().send().is(200);
}

#[test]
fn json_has_few_names() {
    let customer = Customer::fresh();
    for kind in [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json ; profile=x; charset=us-ascii",
        "application/merge-patch+json",
        "application/merge-patch+json; charset=utf-8",
    ] {
        let body = br#"{"first_name":"Ada"}"#;
        customer.ask("PATCH", "/users/me").raw(kind, body).send().is(200);
    }
}

#[test]
fn a_body_of_the_wrong_kind_or_size_is_refused() {
    let (things, admin) = (Things::of(Customer::any()), Admin::fresh());
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(256 * 1024));
    for row in api_rows().into_iter().filter(|row| row.takes_body) {
        let path = things.name(&row);
        // Its size is judged before its sender.
        for by in [&*admin as &Caller, &Anon::new()] {
            by.ask(row.method, &path)
                .raw("application/json", huge.as_bytes())
                .send()
                .refused(413, "PAYLOAD_TOO_LARGE");
        }
        for kind in [
            "text/plain",
            "application/xml",
            "multipart/form-data; boundary=x",
            "application/json-patch+json",
            "application/vnd.api+json",
            "application/ld+json; charset=utf-8",
            "application/json; charset=utf-16",
            "application/json;profile=x;Charset=\"ISO-8859-1\"",
            "application/x-www-form-urlencoded; charset=windows-1252",
            FORM,
        ] {
            if row.takes_form && (kind == FORM || kind.starts_with("multipart/")) {
                continue;
            }
            admin
                .ask(row.method, &path)
                .raw(kind, b"{}")
                .send()
                .refused(415, "UNSUPPORTED_MEDIA_TYPE");
        }
    }
    Anon::new().ask("GET", "/health").at_root().send().is(200);
}

#[test]
fn a_field_of_the_wrong_type_or_length_is_named() {
    let (things, admin) = (Things::of(Customer::any()), Admin::fresh());
    for row in api_rows().into_iter().filter(|row| row.takes_body) {
        let path = things.name(&row);
        for (field, schema) in fields(&row) {
            // A secret is taken exactly as it comes.
            let secret = field.contains("password")
                || field.contains("token")
                || row.path == "/auth/login"
                || row.path.starts_with("/auth/2fa");
            for wrong in wrongs(&schema)
                .into_iter()
                .filter(|wrong| !secret || !is_control(wrong))
            {
                let mut body = json!({});
                body[&field] = wrong;
                let answer = admin.ask(row.method, &path).json(&body).send();
                let named = answer.status() == 400 && !answer.json()["errors"][&field].is_null();
                if !named {
                    answer.fail(&format!("expected a 400 that names {field}"));
                }
            }
        }
    }
}

/// The fields of a row's body, with the references in their schemas followed.
fn fields(row: &Row) -> Vec<(String, Value)> {
    let document = openapi::document();
    let template = openapi::template(row.path).expect("documented");
    let operation = &document["paths"][template][row.method.to_ascii_lowercase()];
    let schema = follow(&operation["requestBody"]["content"]["application/json"]["schema"]);
    let Some(properties) = schema["properties"].as_object() else {
        return Vec::new();
    };
    properties
        .iter()
        .map(|(name, schema)| (name.clone(), follow(schema).clone()))
        .collect()
}

fn follow(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str().and_then(|it| it.strip_prefix('#')) {
        Some(pointer) => openapi::document().pointer(pointer).expect("a schema"),
        None => schema,
    }
}

fn is_control(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains(char::is_control))
}

/// Values that a schema refuses by type, length or range.
fn wrongs(schema: &Value) -> Vec<Value> {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return Vec::new(),
    };
    let mut wrongs = Vec::new();
    for (kind, value) in [
        ("string", json!("text")),
        ("integer", json!(1.5)),
        ("boolean", json!(true)),
        ("array", json!([[]])),
        ("object", json!({"a": {}})),
    ] {
        let numeric = kind == "integer" && (types.contains(&"integer") || types.contains(&"number"));
        if !types.contains(&kind) && !numeric {
            wrongs.push(value);
        }
    }
    if types.contains(&"string") {
        if let Some(most) = schema["maxLength"].as_u64() {
            wrongs.push(json!("é".repeat(most as usize + 1)));
        }
        wrongs.push(json!("nul \u{0} byte"));
        wrongs.push(json!("bell \u{7} byte"));
    }
    wrongs
}
