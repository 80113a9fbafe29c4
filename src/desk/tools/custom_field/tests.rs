use super::*;
fn field(key: &str, value_type: ValueType) -> CustomField {
    CustomField {
        key: key.to_owned(),
        value_type,
        options: if value_type.has_options() {
            vec!["Free".to_owned(), "Pro, yearly".to_owned(), "Ünlü".to_owned()]
        } else {
            Vec::new()
        },
        project_id: None,
        required_on: RequiredOn::None,
        is_public: true,
    }
}

/// One public field of each type, and one for staff.
pub(crate) fn fields() -> CustomFields {
    let mut all: Vec<CustomField> = ValueType::WORDS
        .into_iter()
        .zip(ValueType::ALL)
        .map(|(word, kind)| field(word, kind))
        .collect();
    all.push(CustomField {
        is_public: false,
        ..field("secret", ValueType::Text)
    });
    all.push(CustomField {
        project_id: Some(3),
        ..field("of_web", ValueType::Boolean)
    });
    CustomFields(all)
}

const NEW: TicketStage = TicketStage {
    project_id: None,
    is_new: true,
    is_done: false,
};

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn paths(errors: Vec<FieldError>) -> Vec<String> {
    errors.into_iter().map(|(path, _)| path).collect()
}

fn apply(given: Value, role: Role) -> Result<Value, Vec<String>> {
    let read = fields().apply(&CustomValues::default(), &map(given), role, NEW);
    read.map(|held| held.values.into()).map_err(paths)
}

#[test]
fn keys_are_plain_words() {
    for (key, want) in [
        ("a", true),
        ("order_no2", true),
        ("", false),
        ("2nd", false),
        ("_x", false),
        ("Order", false),
        ("a.b", false),
        ("a:b", false),
        ("größe", false),
    ] {
        assert_eq!(is_key(key), want, "{key}");
    }
    assert!(is_key(&"a".repeat(40)) && !is_key(&"a".repeat(41)));
}

#[test]
fn values_are_of_their_type() {
    for (key, value, want) in [
        ("text", json!("A\nb"), Some(json!("A\nb"))),
        ("text", json!(" "), None),
        ("text", json!("\u{0}"), None),
        ("text", json!("x".repeat(1_001)), None),
        ("text", json!(5), None),
        ("number", json!(5.0), Some(json!(5))),
        ("number", json!(-1.5), Some(json!(-1.5))),
        ("number", json!("5"), None),
        ("number", json!(1e300), None),
        ("boolean", json!(false), Some(json!(false))),
        ("boolean", json!(0), None),
        ("date", json!("2028-02-29"), Some(json!("2028-02-29"))),
        ("date", json!("2027-02-29"), None),
        ("date", json!("2027-2-9"), None),
        ("select", json!("pro, YEARLY"), Some(json!("Pro, yearly"))),
        ("select", json!("unlu"), Some(json!("Ünlü"))),
        ("select", json!("other"), None),
        ("select", json!(["Free"]), None),
        (
            "multi_select",
            json!(["ünlü", "free", "Free"]),
            Some(json!(["Free", "Ünlü"])),
        ),
        ("multi_select", json!(["free", "other"]), None),
        ("multi_select", json!("Free"), None),
        ("unknown", json!("x"), None),
        ("of_web", json!(true), None),
    ] {
        let got = apply(json!({key: value}), Role::Agent);
        let want = want.map(|value| json!({key: value}));
        assert_eq!(
            got,
            want.ok_or_else(|| vec![format!("custom_fields.{key}")]),
            "{key} {value}"
        );
    }
    assert_eq!(apply(json!({"multi_select": []}), Role::Agent), Ok(json!({})));
    assert_eq!(
        apply(json!({"text": null, "unknown": null}), Role::Agent)
            .unwrap_err()
            .len(),
        1
    );
}

#[test]
fn customers_do_not_learn_of_fields_for_staff() {
    let message = |key: &str| {
        let given = map(json!({key: "x"}));
        let read = fields().apply(&CustomValues::default(), &given, Role::Customer, NEW);
        read.unwrap_err().remove(0).1
    };
    assert_eq!(message("secret"), message("nothing"));
    assert!(apply(json!({"secret": "x"}), Role::Agent).is_ok());
    for (changed, want) in [
        ("custom.secret", true),
        ("custom.gone", true),
        ("custom.text", false),
        ("status", false),
    ] {
        assert_eq!(fields().hides(changed), want, "{changed}");
    }
}

#[test]
fn required_fields_are_asked_for() {
    let mut list = fields();
    list.0.push(CustomField {
        required_on: RequiredOn::Create,
        ..field("at_first", ValueType::Number)
    });
    list.0.push(CustomField {
        required_on: RequiredOn::Resolve,
        is_public: false,
        ..field("at_last", ValueType::Number)
    });
    let now = TicketStage { is_new: false, ..NEW };
    let ask = |held: &CustomValues, given: Value, role, stage| {
        list.apply(held, &map(given), role, stage).map_err(paths)
    };
    let first = vec!["custom_fields.at_first".to_owned()];
    let none = CustomValues::default();
    assert_eq!(ask(&none, json!({}), Role::Customer, NEW), Err(first.clone()));
    assert_eq!(
        ask(&none, json!({"at_first": "x"}), Role::Agent, NEW),
        Err(first.clone())
    );
    assert!(ask(&none, json!({"text": "x"}), Role::Agent, now).is_ok());
    let has = ask(&none, json!({"at_first": 1}), Role::Customer, NEW).unwrap();
    assert_eq!(ask(&has, json!({"at_first": null}), Role::Agent, now), Err(first));
    assert_eq!(list.find_unresolved(&has, Role::Agent, None).len(), 1);
    assert!(list.find_unresolved(&has, Role::Customer, None).is_empty());
    let full = ask(&has, json!({"at_last": 0}), Role::Agent, now).unwrap();
    assert!(list.find_unresolved(&full, Role::Agent, None).is_empty());
    assert!(ask(&full, json!({"at_last": null}), Role::Agent, now).is_ok());
    let done = TicketStage { is_done: true, ..now };
    assert_eq!(
        ask(&full, json!({"at_last": null}), Role::Agent, done),
        Err(vec!["custom_fields.at_last".to_owned()])
    );
}

#[test]
fn another_project_takes_its_fields_along() {
    let stage = TicketStage {
        project_id: Some(3),
        ..NEW
    };
    let given = map(json!({"of_web": true, "text": "x"}));
    let held = fields()
        .apply(&CustomValues::default(), &given, Role::Agent, stage)
        .unwrap();
    assert_eq!(held.values.len(), 2);
    assert_eq!(
        Value::from(fields().leave_project(&held, Some(4)).values),
        json!({"text": "x"})
    );
}

#[test]
fn what_is_searched_is_told_apart() {
    let given = map(json!({"text": "Łódź", "select": "Free", "number": 77, "secret": "hidden"}));
    let held = fields()
        .apply(&CustomValues::default(), &given, Role::Agent, NEW)
        .unwrap();
    let index: Value = serde_json::from_str(held.index.as_deref().unwrap()).unwrap();
    assert!(index["all"].as_str().unwrap().ends_with(" Free"), "{index}");
    assert_eq!(index["staff"], "hidden");
    let none = map(json!({"text": null, "select": null, "secret": null}));
    let held = fields().apply(&held, &none, Role::Agent, NEW).unwrap();
    assert_eq!((held.index, held.values.len()), (None, 1));
}

#[test]
fn a_filter_names_the_facet_of_its_value() {
    for (key, value, text) in [
        ("text", json!("Größe XL"), "grosse xl"),
        ("number", json!(5), " 5.0"),
        ("number", json!(0.5), "0.5"),
        ("boolean", json!(true), "yes"),
        ("date", json!("2026-01-31"), "2026-01-31"),
        ("select", json!("Pro, yearly"), "pro, yearly"),
        ("multi_select", json!(["Ünlü"]), "UNLU"),
    ] {
        let list = fields();
        let held = list.apply(
            &CustomValues::default(),
            &map(json!({key: value})),
            Role::Agent,
            NEW,
        );
        let field = list.find(key, Role::Agent).unwrap();
        assert_eq!(
            facets(&held.unwrap().values).collect::<Vec<_>>(),
            [field.facet_of_text(text).unwrap()]
        );
    }
    for (key, text) in [
        ("number", "five"),
        ("boolean", "maybe"),
        ("date", "today"),
        ("select", "other"),
    ] {
        assert!(
            fields()
                .find(key, Role::Agent)
                .unwrap()
                .facet_of_text(text)
                .is_err(),
            "{key}"
        );
    }
    let long = map(json!({"a": "x".repeat(300)}));
    assert_eq!(
        facets(&long).collect::<Vec<_>>(),
        [format!("c:a:{}", "x".repeat(200))]
    );
}
