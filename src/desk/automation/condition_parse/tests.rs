use super::*;
use serde_json::json;

fn error_paths(value: &Value) -> Vec<String> {
    let mut errors = FieldErrors::default();
    let conditions = Conditions::parse(Some(value), &mut errors);
    let errors = errors.finish(Some(conditions)).err().unwrap_or_default();
    errors.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn names_and_operators_agree() {
    for (op, word) in Operator::ALL.into_iter().zip(Operator::WORDS) {
        assert_eq!((op.as_str(), Operator::parse(word)), (word, Some(op)));
    }
    for word in ["", "IS", "equals", "is "] {
        assert_eq!(Operator::parse(word), None, "{word}");
    }
}

/// For every kind of field: the operators that do not suit it, and values that are invalid for it.
#[test]
fn operators_and_values_suit_fields() {
    for (field, good, unsuited, bad) in [
        (
            "title",
            json!("x"),
            "gt lt",
            vec![json!(5), json!(true), json!([]), json!("x".repeat(1_001))],
        ),
        (
            "status",
            json!("In progress"),
            "contains starts_with gt lt",
            vec![json!("done"), json!(1)],
        ),
        (
            "workflow",
            json!("project"),
            "contains starts_with gt lt",
            vec![json!("itil")],
        ),
        (
            "priority",
            json!("normal"),
            "contains starts_with",
            vec![json!("asap"), json!(3)],
        ),
        (
            "category",
            json!(5),
            "contains starts_with gt lt",
            vec![json!(0), json!(1.5), json!(u64::MAX), json!(" ")],
        ),
        (
            "assignee",
            json!("a@b.c"),
            "contains starts_with gt lt",
            vec![json!(true), json!({"id": 5})],
        ),
        (
            "tags",
            json!("vip"),
            "is is_not starts_with gt lt changed_from changed_to",
            vec![json!(""), json!(5)],
        ),
        (
            "channel",
            json!("email"),
            "gt lt changed changed_from changed_to",
            vec![json!(5)],
        ),
        (
            "created_at",
            json!("2026-01-01"),
            "contains starts_with changed changed_from changed_to",
            vec![json!(5), json!("1.1.26")],
        ),
        (
            "message_count",
            json!(5),
            "contains starts_with changed changed_from changed_to",
            vec![json!("5")],
        ),
        (
            "sla_response",
            json!("MET"),
            "contains starts_with gt lt changed changed_from changed_to",
            vec![json!("late")],
        ),
        (
            "is_internal",
            json!(true),
            "contains starts_with gt lt changed changed_from changed_to",
            vec![json!(1), json!("true")],
        ),
        (
            "actor_role",
            json!("user"),
            "contains starts_with gt lt changed changed_from changed_to",
            vec![json!("root")],
        ),
        (
            "custom_fields.größe",
            json!("x"),
            "gt lt",
            vec![json!([]), json!({})],
        ),
    ] {
        for op in Operator::ALL {
            let wrap = |value: &Value| match op {
                Operator::IsEmpty | Operator::Changed => Value::Null,
                Operator::In | Operator::NotIn => json!([value]),
                _ => value.clone(),
            };
            let one = |value: Value| json!({"all": [{"field": field, "op": op.as_str(), "value": value}]});
            let got = error_paths(&one(wrap(&good)));
            // Numbers in custom fields can be compared by size, text in them cannot.
            if unsuited.split(' ').any(|word| word == op.as_str()) {
                let place = if field.starts_with("custom") {
                    "conditions.all[0].value"
                } else {
                    "conditions.all[0].op"
                };
                assert_eq!(got, [place], "{field} {op:?}");
                continue;
            }
            assert!(got.is_empty(), "{field} {op:?}");
            for bad in &bad {
                if !matches!(op, Operator::IsEmpty | Operator::Changed) {
                    assert_eq!(
                        error_paths(&one(wrap(bad))),
                        ["conditions.all[0].value"],
                        "{field} {op:?} {bad}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_error_is_reported() {
    let many = vec![json!({"field": "title", "op": "changed"}); 21];
    for (value, want) in [
        (json!(null), vec![]),
        (json!({"all": null, "some": 5}), vec![]),
        (json!([]), vec!["conditions"]),
        (json!("all"), vec!["conditions"]),
        (
            json!({"all": {}, "any": 5}),
            vec!["conditions.all", "conditions.any"],
        ),
        (json!({"any": many}), vec!["conditions.any"]),
        (
            json!({"all": [5, null]}),
            vec!["conditions.all[0]", "conditions.all[1]"],
        ),
        (
            json!({"all": [{}]}),
            vec!["conditions.all[0].field", "conditions.all[0].op"],
        ),
        (
            json!({"all": [{"field": "password", "op": "is", "value": "x"}]}),
            vec!["conditions.all[0].field"],
        ),
        (
            json!({"all": [{"field": "custom_fields.", "op": "=", "value": "x"}]}),
            vec!["conditions.all[0].field", "conditions.all[0].op"],
        ),
        (
            json!({"all": [{"field": "title", "op": "in", "value": []}]}),
            vec!["conditions.all[0].value"],
        ),
        (
            json!({"all": [{"field": "title", "op": "in", "value": vec!["x"; 101]}]}),
            vec!["conditions.all[0].value"],
        ),
        (
            json!({"all": [{"field": "title", "op": "in", "value": [null]}]}),
            vec!["conditions.all[0].value"],
        ),
        (
            json!({"all": [{"field": "title", "op": "contains", "value": "  "}]}),
            vec!["conditions.all[0].value"],
        ),
        (
            json!({"all": [{"field": "title", "op": "contains"}]}),
            vec!["conditions.all[0].value"],
        ),
        (
            json!({"all": [{"field": "title", "op": "is_empty", "value": "no"}]}),
            vec!["conditions.all[0].value"],
        ),
        (
            json!({"all": [{"field": "priority", "op": "gt", "value": null}]}),
            vec!["conditions.all[0].value"],
        ),
    ] {
        assert_eq!(error_paths(&value), want, "{value}");
    }
}

#[test]
fn older_names_are_accepted() {
    for (name, want) in [
        ("subject", Some("title")),
        ("content", Some("body")),
        ("category_id", Some("category")),
        ("assigned_to", Some("assignee")),
        ("tag", Some("tags")),
        ("custom_fields.a.b", Some("custom_fields.a.b")),
        ("Title", None),
        ("", None),
    ] {
        assert_eq!(find_field(name).map(|(name, ..)| name).as_deref(), want, "{name}");
    }
}
