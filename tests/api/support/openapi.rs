//! Holds answers against the OpenAPI document that the running Worker publishes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::Validator;

use super::answer::Answer;
use super::{Anon, Value, json};

/// The document of the shared server, read once.
pub fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        Anon::new()
            .ask("GET", "/openapi.json")
            .at_root()
            .undocumented()
            .send()
            .is(200)
            .json()
    })
}

/// The path of the document that a request target means, without mount, query and trailing slash.
pub fn template(target: &str) -> Option<&'static str> {
    let path = target.split('?').next().unwrap_or_default();
    let path = ["/api/v1", "/api"]
        .iter()
        .find_map(|mount| below(path, mount))
        .unwrap_or(path);
    let asked: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let paths = document()["paths"].as_object()?;
    paths
        .keys()
        .filter(|template| {
            let parts: Vec<&str> = bare(template).split('/').collect();
            parts.len() == asked.len()
                && parts.iter().zip(&asked).all(|(part, have)| {
                    if part.starts_with('{') {
                        !have.is_empty()
                    } else {
                        part == have
                    }
                })
        })
        // Literal segments win.
        .min_by_key(|template| template.matches('{').count())
        .map(String::as_str)
}

/// A template without the mount that the document may write out.
pub fn bare(template: &str) -> &str {
    below(template, "/api/v1").unwrap_or(template)
}

fn below<'a>(path: &'a str, mount: &str) -> Option<&'a str> {
    path.strip_prefix(mount).filter(|rest| rest.starts_with('/'))
}

/// An answer of a documented operation must be documented, and its body must match.
#[track_caller]
pub fn check(method: &str, target: &str, answer: &Answer) {
    let status = answer.status();
    let Some(template) = template(target) else {
        if status != 404 {
            answer.fail(&format!("{target} is answered and not documented"));
        }
        return;
    };
    let operation = &document()["paths"][template][method.to_ascii_lowercase()];
    if operation.is_null() {
        if status != 405 {
            answer.fail(&format!("{method} {template} is answered and not documented"));
        }
        return;
    }
    let exact = status.to_string();
    let range = format!("{}XX", status / 100);
    let responses = &operation["responses"];
    let Some(response) = [&exact, &range]
        .into_iter()
        .map(|key| &responses[key.as_str()])
        .find(|it| !it.is_null())
    else {
        answer.fail(&format!("{method} {template} does not document {status}"));
    };
    let response = resolve(response);
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        if !answer.bytes().is_empty() {
            answer.fail(&format!("{method} {template} documents no body for {status}"));
        }
        return;
    };
    if answer.bytes().is_empty() && status == 304 {
        return;
    }
    let Some(media) = content.get(kind).or_else(|| content.get("*/*")) else {
        answer.fail(&format!(
            "{method} {template} does not document {kind:?} for {status}"
        ));
    };
    if kind.ends_with("json") && media.get("schema").is_some() {
        validate(
            &format!("{method} {template} {status} {kind}"),
            &media["schema"],
            answer,
        );
    }
}

/// Follows a reference to a shared response.
fn resolve(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str().and_then(|it| it.strip_prefix('#')) {
        Some(pointer) => document().pointer(pointer).unwrap_or(node),
        None => node,
    }
}

#[track_caller]
fn validate(key: &str, schema: &Value, answer: &Answer) {
    static COMPILED: Mutex<Option<HashMap<String, Arc<Validator>>>> = Mutex::new(None);
    let validator = {
        let mut compiled = COMPILED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let compiled = compiled.get_or_insert_default();
        match compiled.get(key) {
            Some(validator) => Arc::clone(validator),
            None => {
                let validator = Arc::new(compile(schema));
                compiled.insert(key.to_owned(), Arc::clone(&validator));
                validator
            }
        }
    };
    let body = answer.json();
    let faults: Vec<String> = validator
        .iter_errors(&body)
        .take(5)
        .map(|fault| format!("at {:?}: {fault}", fault.instance_path().to_string()))
        .collect();
    if !faults.is_empty() {
        answer.fail(&format!(
            "the body of {key} is not what openapi.json says:\n{}",
            faults.join("\n")
        ));
    }
}

/// A schema of the document, with the components beside it so that its references hold.
fn compile(schema: &Value) -> Validator {
    let mut root = schema.clone();
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["components"] = document()["components"].clone();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&root)
        .unwrap_or_else(|error| {
            panic!("openapi.json holds a schema that does not compile: {error}\n{schema}")
        })
}
