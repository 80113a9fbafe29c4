use super::*;

use serde_json::json;

use crate::desk::automation::fields::FIELDS;
use crate::desk::validation::FieldErrors;

/// Current and previous facts, as two JSON objects.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) now: Value,
    pub(crate) before: Value,
}

impl Facts for Known {
    fn get(&self, field: &str) -> Option<Value> {
        self.now.get(field).cloned()
    }
    fn before(&self, field: &str) -> Option<Value> {
        self.before.get(field).cloned()
    }
}

fn facts() -> Known {
    Known {
        now: json!({
            "title": "Drucker BRENNT im Café 東京",
            "description": " \n",
            "status": "in_progress",
            "priority": "high",
            "workflow": "support",
            "category": {"id": 5, "uid": "0190b4c6-7d2a-7c3e-8f00-0123456789ab", "name": "Billing"},
            "department": null,
            "tags": ["vip", "größe:xl"],
            "assignee": {"id": 7, "name": "amy@example.com"},
            "created_at": 1_767_225_600_000_i64,
            "message_count": 3,
            "hours_since_created": 2.5,
            "sla_resolution": "at_risk",
            "is_internal": false,
            "actor_role": "customer",
            "custom_fields.size": "XL",
            "custom_fields.city": "İSTANBUL",
            "custom_fields.word": "พิมพ์",
            "custom_fields.seats": 12,
            "custom_fields.beta": true,
            "custom_fields.list": ["a", "B"],
        }),
        before: json!({
            "status": "open",
            "priority": "high",
            "assignee": null,
            "tags": ["vip"],
            "custom_fields.size": "S",
        }),
    }
}

pub(crate) fn read(value: Value) -> Conditions {
    let mut errors = FieldErrors::default();
    let conditions = Conditions::parse(Some(&value), &mut errors);
    errors.finish(Some(conditions)).expect("conditions")
}

#[test]
fn every_operator_holds_or_not() {
    for (field, op, value, want) in [
        ("title", "is", json!("drucker brennt im CAFÉ 東京"), true),
        ("title", "is", json!("Drucker"), false),
        ("title", "is_not", json!("Drucker"), true),
        ("title", "in", json!(["x", "Drucker brennt im Café 東京"]), true),
        ("title", "not_in", json!(["x"]), true),
        ("title", "contains", json!("BRENNT"), true),
        ("title", "contains", json!("京"), true),
        ("title", "contains", json!("brennt nicht"), false),
        ("title", "starts_with", json!("DRUCK"), true),
        ("title", "starts_with", json!("brennt"), false),
        // Case, accents, encodings and widths do not count; marks that make another word do.
        ("title", "contains", json!("cafe 東京"), true),
        ("title", "contains", json!("Cafe\u{301}"), true),
        (
            "title",
            "is",
            json!("ＤＲＵＣＫＥＲ brennt im cafe\u{301} 東京"),
            true,
        ),
        ("title", "starts_with", json!("dru\u{AD}cker BRENNT"), true),
        ("custom_fields.city", "is", json!("istanbul"), true),
        ("custom_fields.city", "starts_with", json!("İST"), true),
        ("custom_fields.word", "contains", json!("พมพ"), false),
        ("custom_fields.word", "contains", json!("พิมพ"), true),
        ("tags", "contains", json!("GROSSE:XL"), true),
        ("title", "is_empty", json!(null), false),
        ("title", "is_empty", json!(false), true),
        ("title", "changed", json!(null), false),
        ("title", "changed", json!(false), true),
        ("title", "changed_to", json!("drucker brennt im café 東京"), false),
        ("description", "is_empty", json!(true), true),
        ("description", "is", json!(null), true),
        ("department", "is_empty", json!(null), true),
        ("department", "is_not", json!("it"), true),
        ("department", "contains", json!("it"), false),
        ("subcategory", "is_empty", json!(null), true),
        ("subcategory", "not_in", json!(["x"]), true),
        ("body", "starts_with", json!("x"), false),
        ("status", "is", json!("In Progress"), true),
        ("status", "in", json!(["open", "IN-PROGRESS"]), true),
        ("status", "not_in", json!(["open", "in_progress"]), false),
        ("status", "changed", json!(null), true),
        ("status", "changed_from", json!("open"), true),
        ("status", "changed_from", json!("waiting"), false),
        ("status", "changed_to", json!("in_progress"), true),
        ("status", "changed_to", json!("open"), false),
        ("priority", "gt", json!("medium"), true),
        ("priority", "gt", json!("high"), false),
        ("priority", "lt", json!("critical"), true),
        ("priority", "is", json!("high"), true),
        ("priority", "changed", json!(null), false),
        ("priority", "changed_from", json!("high"), false),
        ("workflow", "is", json!("support"), true),
        ("category", "is", json!(5), true),
        ("category", "is", json!("BILLING"), true),
        (
            "category",
            "is",
            json!("0190B4C6-7D2A-7C3E-8F00-0123456789AB"),
            true,
        ),
        ("category", "is", json!(6), false),
        ("category", "in", json!([6, "billing"]), true),
        ("assignee", "is", json!(7), true),
        ("assignee", "is_not", json!("bob@example.com"), true),
        ("assignee", "changed_from", json!(null), true),
        ("assignee", "changed_to", json!(7), true),
        ("assignee", "changed_to", json!(8), false),
        ("project", "is", json!(null), true),
        ("tags", "contains", json!("VIP"), true),
        ("tags", "contains", json!("vi"), false),
        ("tags", "in", json!(["x", "GRÖSSE:xl", "größe:XL"]), true),
        ("tags", "not_in", json!(["x"]), true),
        ("tags", "is_empty", json!(null), false),
        ("tags", "changed", json!(true), true),
        ("created_at", "gt", json!("2025-12-31"), true),
        ("created_at", "lt", json!("2026-01-01T00:00:00.001Z"), true),
        ("created_at", "is", json!("2026-01-01"), true),
        ("message_count", "is", json!(3.0), true),
        ("message_count", "gt", json!(2), true),
        ("message_count", "lt", json!(3), false),
        ("attachment_count", "gt", json!(-1), false),
        ("hours_since_created", "gt", json!(2.4), true),
        ("sla_resolution", "is", json!("at_risk"), true),
        ("sla_resolution", "in", json!(["breached"]), false),
        ("is_internal", "is", json!(false), true),
        ("is_internal", "is", json!(true), false),
        ("actor_role", "is", json!("user"), true),
        ("custom_fields.size", "is", json!("xl"), true),
        ("custom_fields.size", "changed_from", json!("s"), true),
        ("custom_fields.size", "starts_with", json!("X"), true),
        ("custom_fields.size", "gt", json!(1), false),
        ("custom_fields.seats", "gt", json!(11), true),
        ("custom_fields.seats", "is", json!("12"), false),
        ("custom_fields.beta", "is", json!(true), true),
        ("custom_fields.list", "contains", json!("b"), true),
        ("custom_fields.none", "is_empty", json!(null), true),
    ] {
        let conditions = read(json!({"all": [{"field": field, "op": op, "value": value}]}));
        assert_eq!(conditions.matches(&facts()), want, "{field} {op} {value}");
        assert_eq!(
            conditions.explain(&facts()).is_empty(),
            want,
            "{field} {op} {value}"
        );
    }
}

#[test]
fn lists_combine() {
    let (yes, no) = (
        json!({"field": "priority", "op": "is", "value": "high"}),
        json!({"field": "priority", "op": "is", "value": "low"}),
    );
    for (value, paths) in [
        (json!({}), vec![]),
        (json!({"all": [], "any": []}), vec![]),
        (json!({"all": [yes, yes]}), vec![]),
        (
            json!({"all": [yes, no, no]}),
            vec!["conditions.all[1]", "conditions.all[2]"],
        ),
        (json!({"any": [no, yes]}), vec![]),
        (
            json!({"any": [no, no]}),
            vec!["conditions.any[0]", "conditions.any[1]"],
        ),
        (json!({"all": [yes], "any": [no]}), vec!["conditions.any[0]"]),
        (json!({"all": [no], "any": [no, yes]}), vec!["conditions.all[0]"]),
    ] {
        let conditions = read(value.clone());
        let unmet: Vec<String> = conditions
            .explain(&facts())
            .into_iter()
            .map(|unmet| unmet.path)
            .collect();
        assert_eq!(unmet, paths, "{value}");
        assert_eq!(conditions.matches(&facts()), paths.is_empty(), "{value}");
    }
}

#[test]
fn failures_are_explained() {
    for (condition, want) in [
        (
            json!({"field": "priority", "op": "gt", "value": "high"}),
            "priority gt \"high\": it is \"high\", it was \"high\"",
        ),
        (
            json!({"field": "category", "op": "is", "value": "it"}),
            "category is \"it\": it is \"Billing\"",
        ),
        (
            json!({"field": "department", "op": "is_empty", "value": false}),
            "department is_empty false: it is null",
        ),
    ] {
        let reasons = read(json!({"all": [condition]})).explain(&facts());
        assert_eq!(reasons.first().map(|unmet| unmet.reason.as_str()), Some(want));
    }
    let long = Known {
        now: json!({"title": "東".repeat(200)}),
        before: json!({}),
    };
    let reasons = read(json!({"all": [{"field": "title", "op": "is", "value": "x"}]})).explain(&long);
    assert!(
        reasons
            .first()
            .is_some_and(|unmet| unmet.reason.chars().count() < 120)
    );
}

#[test]
fn facts_of_the_wrong_type_never_match() {
    for fact in [
        json!(1),
        json!(true),
        json!({"id": {}}),
        json!([[["x"]]]),
        json!("x"),
        json!(null),
    ] {
        for (name, kind, changes) in FIELDS {
            for op in Operator::ALL {
                let value = match (op, kind) {
                    (Operator::In, _) => json!(["zzz"]),
                    _ => json!("zzz"),
                };
                let condition = Condition {
                    field: name.to_owned(),
                    kind,
                    op,
                    value,
                };
                let known = Known {
                    now: json!({name: fact}),
                    before: json!({name: "y"}),
                };
                let wanted = matches!(op, Operator::IsNot | Operator::NotIn);
                assert_eq!(
                    condition.matches(&known),
                    wanted,
                    "{name} {op:?} {fact} {changes}"
                );
            }
        }
    }
}
