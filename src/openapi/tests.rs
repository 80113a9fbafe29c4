use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::app::route::Responds;

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a committed file with what the code makes. `UPDATE=1` writes the file instead.
fn hold(name: &str, want: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file(name), want).unwrap();
    }
    let have = std::fs::read_to_string(file(name)).unwrap();
    assert!(
        have == want,
        "{name} is not what the routes say any more: run `npm run openapi` and commit it"
    );
}

#[test]
fn the_snapshot_is_current() {
    let text = serde_json::to_string_pretty(&document()).unwrap();
    hold("web/openapi.json", &format!("{text}\n"));
}

#[test]
fn the_docs_list_the_routes() {
    const BEGIN: &str = "<!-- routes: written by `npm run openapi` -->\n";
    const END: &str = "<!-- /routes -->";
    let readme = std::fs::read_to_string(file("docs/routes.md")).unwrap();
    let (head, rest) = readme.split_once(BEGIN).expect("the mark of the routes");
    let (_, tail) = rest.split_once(END).expect("the mark after the routes");
    hold(
        "docs/routes.md",
        &format!("{head}{BEGIN}{}{END}{tail}", route_list::route_list()),
    );
}

#[test]
fn every_named_schema_exists() {
    let known = schemas();
    let mut missing = BTreeSet::new();
    for Endpoint { route, .. } in ROUTES {
        match route.responds {
            Responds::Schema(name) | Responds::CreatedSchema(name) => {
                missing.insert(name);
            }
            Responds::One(_)
            | Responds::List(_)
            | Responds::Created(_)
            | Responds::Nothing
            | Responds::Media(_)
            | Responds::Socket => {}
        }
        if let Some((view, _)) = responses::view_of(route.responds) {
            missing.extend(schema::schema_names(view));
        }
    }
    missing.retain(|name| !known.contains_key(*name));
    assert!(
        missing.is_empty(),
        "describe these schemas in src/openapi/own.rs: {missing:?}"
    );
}

#[test]
fn one_name_is_one_schema() {
    let mut seen = std::collections::BTreeMap::new();
    for (name, schema) in named_schemas() {
        let first = seen.entry(name.clone()).or_insert_with(|| schema.clone());
        assert!(*first == schema, "{name} is two different schemas");
    }
}

#[test]
fn every_reference_holds() {
    fn walk(value: &Value, root: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.trim_start_matches('#');
                    assert!(root.pointer(pointer).is_some(), "{reference}");
                }
                map.values().for_each(|value| walk(value, root));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, root)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

#[test]
fn every_schema_is_used() {
    let text = document().to_string();
    for name in schemas().keys() {
        assert!(
            text.contains(&format!("\"#/components/schemas/{name}\"")),
            "nothing refers to {name}"
        );
    }
}

#[test]
fn operations_have_names_of_their_own() {
    let mut seen = BTreeSet::new();
    for Endpoint { route, .. } in ROUTES {
        assert!(
            seen.insert(operation_id(route.method, route.path)),
            "{}",
            route.path
        );
        if route.is_patch {
            assert!(
                seen.insert(operation_id(Method::Patch, route.path)),
                "{}",
                route.path
            );
        }
    }
    for (path, want) in [
        ("/tickets/{id}/comments", "get_tickets_by_id_comments"),
        ("/.well-known/jwks.json", "get_well_known_jwks_json"),
        ("/users/add_user", "get_users_add_user"),
        ("/auth/verify-token", "get_auth_verify_token"),
    ] {
        assert_eq!(operation_id(Method::Get, path), want);
    }
}

#[test]
fn the_examples_are_of_their_shapes() {
    for (name, text) in EXAMPLES {
        let example: Map<String, Value> = serde_json::from_str(text).unwrap();
        let shape = ROUTES
            .iter()
            .filter_map(|endpoint| endpoint.route.body)
            .find(|shape| shape.name == *name)
            .unwrap_or_else(|| panic!("no route takes a {name}"));
        let mut fields = shape.fields.iter();
        assert!(fields.all(|field| field.need != Need::Required || example.contains_key(field.name)));
        for key in example.keys() {
            assert!(
                shape.fields.iter().any(|field| field.name == key),
                "{name}: {key}"
            );
        }
    }
}
