//! Documentation that runs, and how the Worker says that it is well.

use std::collections::BTreeSet;

use crate::support::routes::rows;
use crate::support::{Anon, Value, openapi};

fn page(path: &str) -> crate::support::Answer {
    Anon::new().ask("GET", path).at_root().send().is(200)
}

#[test]
fn health_and_version_need_nothing() {
    assert_eq!(page("/health").json()["status"], "ok");
    assert!(page("/version").json()["version"].is_string());
    let ready = page("/ready");
    for binding in ["DB", "KV"] {
        let said = ready.text().to_ascii_lowercase();
        assert!(
            said.contains(&binding.to_ascii_lowercase()) || said.contains("d1"),
            "{binding}: {said}"
        );
    }
    for path in ["/health", "/ready", "/version", "/openapi.json"] {
        for mount in ["/api/v1", "/api"] {
            let status = Anon::new().ask("GET", path).under(mount).send().status();
            assert!(matches!(status, 200 | 404), "{mount}{path}: {status}");
        }
        Anon::new().ask("HEAD", path).at_root().send().is(200);
        Anon::new()
            .ask("POST", path)
            .at_root()
            .send()
            .refused(405, "METHOD_NOT_ALLOWED");
    }
}

#[test]
fn the_pages_and_all_that_they_load_are_ours() {
    for path in ["/docs", "/swagger", "/redoc", "/docs/", "/swagger/", "/redoc/"] {
        let answer = page(path);
        assert!(
            answer
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("text/html")),
            "{path}"
        );
        let html = answer.text();
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("default-src") && !policy.contains("http"),
            "{path}: {policy}"
        );
        let mut loaded = 0;
        for link in links(&html) {
            assert!(
                !link.contains("://") && !link.starts_with("//"),
                "{path} loads {link}"
            );
            let answer = Anon::new()
                .ask("GET", &link)
                .at_root()
                .undocumented()
                .send()
                .is(200);
            assert!(!answer.bytes().is_empty());
            loaded += 1;
        }
        assert!(loaded > 0, "{path} loads nothing");
    }
}

/// What a page loads: the values of its `src` and `href`, as absolute paths.
fn links(html: &str) -> BTreeSet<String> {
    let mut links = BTreeSet::new();
    for name in ["src=\"", "href=\""] {
        for part in html.split(name).skip(1) {
            let link = part.split('"').next().unwrap_or_default();
            if !link.starts_with("data:") && !link.starts_with('#') {
                links.insert(format!(
                    "/{}",
                    link.trim_start_matches("./").trim_start_matches('/')
                ));
            }
        }
    }
    links
}

#[test]
fn the_document_tells_every_route() {
    let document = openapi::document();
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
    let mut ids = BTreeSet::new();
    for row in rows() {
        let template = document["paths"]
            .as_object()
            .expect("paths")
            .keys()
            .find(|have| openapi::bare(have) == row.path)
            .unwrap_or_else(|| panic!("{} is not documented", row.path));
        let operation = &document["paths"][template][row.method.to_ascii_lowercase()];
        assert!(
            operation.is_object(),
            "{} {} is not documented",
            row.method,
            row.path
        );
        assert!(
            operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
            "{} {}",
            row.method,
            row.path
        );
        let id = operation["operationId"]
            .as_str()
            .unwrap_or_else(|| panic!("no operationId: {}", row.path));
        assert!(ids.insert(id.to_owned()), "{id} twice");
        for name in row.path.split('/').filter_map(|part| part.strip_prefix('{')) {
            let name = name.trim_end_matches('}');
            let both = [
                &operation["parameters"],
                &document["paths"][template]["parameters"],
            ];
            let told = both
                .iter()
                .filter_map(|list| list.as_array())
                .flatten()
                .any(|it| follow(it)["name"] == name);
            assert!(told, "{} {} does not describe {name}", row.method, row.path);
        }
        for status in ["401", "403"] {
            let needs = row.access > crate::support::client::Role::Nobody
                && (status == "401" || row.access > crate::support::client::Role::Customer);
            let told =
                operation["responses"].get(status).is_some() || operation["responses"].get("4XX").is_some();
            assert!(
                told || !needs,
                "{} {} does not tell {status}",
                row.method,
                row.path
            );
        }
    }
}

fn follow(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str().and_then(|it| it.strip_prefix('#')) {
        Some(pointer) => openapi::document()
            .pointer(pointer)
            .expect("a reference that holds"),
        None => node,
    }
}

#[test]
fn every_reference_of_the_document_holds() {
    fn walk(node: &Value, root: &Value) {
        match node {
            Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').expect("a local reference");
                    assert!(root.pointer(pointer).is_some(), "{reference}");
                }
                map.values().for_each(|value| walk(value, root));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, root)),
            _ => {}
        }
    }
    let document = openapi::document();
    walk(document, document);
}
