//! Parses and validates bodies and queries by their [`Shape`]; all errors are reported at once.

pub mod nested;

use serde_json::{Map, Value};

use crate::desk::category::parse_slug;
use crate::desk::fold::{is_blank, is_word, nfc};
use crate::desk::id::{MAX_ID, Ref, is_project_key, is_uid};
use crate::desk::tickets::tag::{MAX_TAGS, normalize_tags, parse_tag};
use crate::http::error::{Error, FieldErrorList};
use crate::http::input_values::{Input, InputValue};
use crate::http::json;
use crate::http::request::Request;
use crate::http::shape::{Field, Kind, Need, Shape};

/// Parses a JSON body by its shape. A body without `Content-Type` is read as JSON, and so is a merge patch (RFC 7396),
/// which means the same as a partial update. Other types on top of JSON mean something else.
///
/// # Errors
/// 415 for another content type; 400 for invalid JSON or for all fields that are invalid.
pub fn parse_body(request: &Request, shape: &Shape) -> Result<Input, Error> {
    match media_type(request).as_deref() {
        None | Some("application/json" | "application/merge-patch+json") => {
            parse_map(&json::parse_object(&request.body)?, shape)
        }
        Some(_) => Err(Error::UnsupportedMedia("application/json in UTF-8")),
    }
}

/// Like [`parse_body`], but an empty body counts as an empty object.
///
/// # Errors
/// Like [`parse_body`].
pub fn parse_optional_body(request: &Request, shape: &Shape) -> Result<Input, Error> {
    if request.body.is_empty() {
        parse_map(&Map::new(), shape)
    } else {
        parse_body(request, shape)
    }
}

/// The media type of the body in lower case, without its parameters. If they name another encoding than UTF-8, it
/// stays as it is: no route reads such a type.
fn media_type(request: &Request) -> Option<String> {
    let value = request.header("content-type")?.trim().to_ascii_lowercase();
    let (kind, parameters) = value.split_once(';').unwrap_or((&value, ""));
    let is_foreign = |parameter: &str| {
        let (name, charset) = parameter.split_once('=').unwrap_or_default();
        let charset = charset.trim().trim_matches('"');
        name.trim() == "charset" && !matches!(charset, "utf-8" | "utf8" | "us-ascii")
    };
    let kind = if parameters.split(';').any(is_foreign) {
        value.as_str()
    } else {
        kind.trim()
    };
    Some(kind.to_owned()).filter(|kind| !kind.is_empty())
}

fn parse_map(map: &Map<String, Value>, shape: &Shape) -> Result<Input, Error> {
    let mut input = Input::default();
    let mut errors = FieldErrorList::new();
    for field in shape.fields {
        // A mistake is told under the name that was sent.
        let found = field_names(field).find_map(|name| Some((name, map.get(name)?)));
        match found {
            None if field.need == Need::Required => {
                errors.push((field.name.to_owned(), "is missing".to_owned()))
            }
            None => {}
            Some((_, Value::Null)) if field.need == Need::Nullable => {
                input.0.push((field.name, InputValue::Null))
            }
            Some((name, Value::Null)) => errors.push((name.to_owned(), "must not be null".to_owned())),
            Some((name, value)) => match parse_json_value(field.kind, value) {
                Ok(InputValue::Json(_)) if validate_json(field.kind, value, &mut errors) => {}
                Ok(given) => input.0.push((field.name, given)),
                Err(message) => errors.push((name.to_owned(), message)),
            },
        }
    }
    if errors.is_empty() {
        Ok(input)
    } else {
        Err(Error::Invalid(errors))
    }
}

/// Validates JSON that has a format of its own, and adds each error with its path. Returns whether there was one.
fn validate_json(kind: Kind, value: &Value, errors: &mut FieldErrorList) -> bool {
    let Kind::Json(format) = kind else { return false };
    let found = (format.validate)(value);
    let is_invalid = !found.is_empty();
    errors.extend(found);
    is_invalid
}

/// Parses a query by its shapes. Unknown and empty parameters are ignored.
///
/// # Errors
/// 400 with all parameters that are invalid.
pub fn parse_query(request: &Request, shapes: &[&Shape]) -> Result<Input, Error> {
    if request.query.is_empty() {
        return Ok(Input::default());
    }
    let pairs: Vec<_> = request
        .query_pairs()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    parse_pairs(&pairs, shapes).map_err(Error::Invalid)
}

/// Like [`parse_query`], of parameters that are decoded already; none of them is empty.
///
/// # Errors
/// What is wrong with them, by their names.
pub fn parse_pairs(pairs: &[(&str, &str)], shapes: &[&Shape]) -> Result<Input, FieldErrorList> {
    let mut input = Input::default();
    let mut errors = FieldErrorList::new();
    for field in shapes.iter().flat_map(|shape| shape.fields) {
        // The first shape that has a field reads it.
        if input.has(field.name) || errors.iter().any(|(name, _)| name == field.name) {
            continue;
        }
        let named = |name: &str| name == field.name || field.aliases.contains(&name);
        let values: Vec<&str> = pairs
            .iter()
            .filter(|(name, _)| named(name))
            .map(|(_, value)| *value)
            .collect();
        let read = match values.as_slice() {
            [] => continue,
            [one] => parse_query_value(field.kind, one),
            many if matches!(field.kind, Kind::AnyOf(_) | Kind::Names) => {
                parse_query_value(field.kind, &many.join(","))
            }
            _ => Err("is given more than once".to_owned()),
        };
        match read {
            Ok(given) => input.0.push((field.name, given)),
            Err(message) => errors.push((field.name.to_owned(), message)),
        }
    }
    if errors.is_empty() { Ok(input) } else { Err(errors) }
}

/// Parses texts by the names of the fields of a shape, in the forms that a query has.
///
/// # Errors
/// All fields that are invalid or missing.
pub fn parse_texts(texts: &[(&'static str, &str)], shape: &Shape) -> Result<Input, FieldErrorList> {
    let mut input = Input::default();
    let mut errors = FieldErrorList::new();
    for field in shape.fields {
        let text = texts.iter().find(|(name, _)| *name == field.name);
        match text.map(|(_, text)| parse_query_value(field.kind, text)) {
            Some(Ok(given)) => input.0.push((field.name, given)),
            Some(Err(message)) => errors.push((field.name.to_owned(), message)),
            None if field.need == Need::Required => {
                errors.push((field.name.to_owned(), "is missing".to_owned()))
            }
            None => {}
        }
    }
    if errors.is_empty() { Ok(input) } else { Err(errors) }
}

/// Refuses a body that is no CSV in UTF-8.
///
/// # Errors
/// 415.
pub fn require_csv(request: &Request) -> Result<(), Error> {
    match media_type(request).as_deref() {
        Some("text/csv") => Ok(()),
        _ => Err(Error::UnsupportedMedia("text/csv in UTF-8")),
    }
}

/// All names under which a field is accepted: its name and its aliases.
pub fn field_names(field: &Field) -> impl Iterator<Item = &'static str> {
    std::iter::once(field.name).chain(field.aliases.iter().copied())
}

fn parse_json_value(kind: Kind, value: &Value) -> Result<InputValue, String> {
    match (kind, value) {
        (Kind::Flag, Value::Bool(flag)) => Ok(InputValue::Flag(*flag)),
        (Kind::Flag, _) => Err("must be true or false".to_owned()),
        (Kind::Integer { min, max }, value) => check_integer(value.as_i64(), min, max),
        (Kind::Reference | Kind::ReferenceOr(_) | Kind::Slug, Value::Number(number)) => number
            .as_i64()
            .filter(|id| (1..=MAX_ID).contains(id))
            .map(|id| InputValue::Ref(Ref::Id(id)))
            .ok_or_else(|| "is no id".to_owned()),
        (Kind::Reference | Kind::ReferenceOr(_), Value::String(text))
            if text.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Err("must be a number, not a string of digits".to_owned())
        }
        (Kind::Tags, Value::Array(list)) => {
            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            parse_tags(&texts.ok_or("must be a list of strings")?)
        }
        (Kind::Tags, _) => Err("must be a list of strings".to_owned()),
        (Kind::References, Value::Array(list)) => parse_rows(Kind::Reference, list),
        (Kind::Slugs, Value::Array(list)) => parse_rows(Kind::Slug, list),
        (Kind::References | Kind::Slugs, _) => Err("must be a list".to_owned()),
        (Kind::Json(_), value) => Ok(InputValue::Json(value.clone())),
        (_, Value::String(text)) => parse_string(kind, text),
        (Kind::Reference | Kind::ReferenceOr(_) | Kind::Slug, _) => Err("must be an id".to_owned()),
        _ => Err("must be a string".to_owned()),
    }
}

fn parse_query_value(kind: Kind, text: &str) -> Result<InputValue, String> {
    match kind {
        Kind::Flag => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(InputValue::Flag(true)),
            "false" | "0" | "no" => Ok(InputValue::Flag(false)),
            _ => Err("must be true or false".to_owned()),
        },
        Kind::Integer { min, max } => check_integer(text.trim().parse().ok(), min, max),
        Kind::Reference | Kind::ReferenceOr(_) | Kind::Slug if text.bytes().all(|b| b.is_ascii_digit()) => {
            Ref::parse(text)
                .map(InputValue::Ref)
                .ok_or_else(|| "is no id".to_owned())
        }
        Kind::Tags => parse_tags(&text.split(',').collect::<Vec<_>>()),
        Kind::Time if text.len() == 10 => parse_time(&format!("{text}T00:00:00Z")),
        _ => parse_string(kind, text),
    }
}

fn parse_string(kind: Kind, text: &str) -> Result<InputValue, String> {
    match kind {
        Kind::Line { min, max } => {
            if text.chars().any(char::is_control) {
                return Err("must be one line without control characters".to_owned());
            }
            if !text.is_empty() && text.chars().all(is_blank) {
                return Err("must not consist of blanks only".to_owned());
            }
            check_length(text, min, max).map(|()| InputValue::Text(text.to_owned()))
        }
        Kind::Text { min, max } => {
            if text.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r')) {
                return Err("must not hold control characters other than tab and line breaks".to_owned());
            }
            check_length(text, min, max).map(|()| InputValue::Text(text.to_owned()))
        }
        Kind::Password => match (text.chars().count(), text.len()) {
            (8..=128, 0..=512) => Ok(InputValue::Text(text.to_owned())),
            _ => Err("must be 8 to 128 characters and at most 512 bytes".to_owned()),
        },
        Kind::Secret => match text.len() {
            1..=4_096 => Ok(InputValue::Text(text.to_owned())),
            _ => Err("must be 1 to 4096 bytes".to_owned()),
        },
        Kind::Opaque | Kind::Names => match text.len() {
            1..=4_096 if !text.chars().any(char::is_control) => Ok(InputValue::Text(text.to_owned())),
            _ => Err("must be 1 to 4096 bytes without control characters".to_owned()),
        },
        Kind::Search => Ok(InputValue::Text(text.to_owned())),
        Kind::Email => parse_email(text).map(InputValue::Text),
        Kind::Username => {
            let name = nfc(text.trim());
            let fits = name.chars().all(|c| is_word(c) || matches!(c, '.' | '_' | '-'));
            if fits && (1..=100).contains(&name.chars().count()) {
                Ok(InputValue::Text(name))
            } else {
                Err("must be 1 to 100 letters, digits, dots, hyphens or underscores".to_owned())
            }
        }
        Kind::Url => {
            let fits = (text.starts_with("https://") || text.starts_with("http://"))
                && text.len() <= 2_048
                && !text.chars().any(|c| c.is_control() || c.is_whitespace());
            if fits {
                Ok(InputValue::Text(text.to_owned()))
            } else {
                Err("must be an http or https URL".to_owned())
            }
        }
        Kind::Choice(words) => match (words.parse)(text) {
            Some(word) => Ok(InputValue::Choice(word)),
            None => Err(format!("must be one of {}", words.list.join(", "))),
        },
        Kind::AnyOf(words) => {
            let read: Option<Vec<_>> = text.split(',').map(|word| (words.parse)(word)).collect();
            match read {
                Some(mut list) => {
                    list.sort_unstable();
                    list.dedup();
                    Ok(InputValue::Choices(list))
                }
                None => Err(format!("must be of {}", words.list.join(", "))),
            }
        }
        Kind::Reference => parse_reference(text, &[]),
        Kind::ReferenceOr(words) => parse_reference(text, words),
        Kind::Slug if is_uid(text) => Ok(InputValue::Ref(Ref::Uid(text.to_ascii_lowercase()))),
        Kind::Slug => parse_slug(text)
            .map(InputValue::Text)
            .ok_or_else(|| "is neither an id nor a slug".to_owned()),
        Kind::ProjectKey => {
            let key = text.trim().to_ascii_uppercase();
            if is_project_key(&key) {
                Ok(InputValue::Text(key))
            } else {
                Err("must be 2 to 10 letters A to Z and digits, a letter first, and not TICK".to_owned())
            }
        }
        Kind::Time => parse_time(text),
        Kind::Flag | Kind::Integer { .. } | Kind::Tags | Kind::References | Kind::Slugs | Kind::Json(_) => {
            Err("is of the wrong type".to_owned())
        }
    }
}

fn check_length(text: &str, min: usize, max: usize) -> Result<(), String> {
    if (min..=max).contains(&text.trim().chars().count()) {
        Ok(())
    } else if min == 0 {
        Err(format!("must be at most {max} characters"))
    } else {
        Err(format!("must be {min} to {max} characters"))
    }
}

fn check_integer(value: Option<i64>, min: i64, max: i64) -> Result<InputValue, String> {
    let fits = value.filter(|value| (min..=max).contains(value));
    fits.map(InputValue::Integer)
        .ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}

fn parse_reference(text: &str, words: &'static [&'static str]) -> Result<InputValue, String> {
    let lower = text.to_ascii_lowercase();
    if let Some(word) = words.iter().find(|word| **word == lower) {
        return Ok(InputValue::Choice(word));
    }
    match Ref::parse(text) {
        Some(reference) => Ok(InputValue::Ref(reference)),
        None => Err("must be an id".to_owned()),
    }
}

fn parse_time(text: &str) -> Result<InputValue, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|time| InputValue::Time(time.timestamp_millis()))
        .map_err(|_| "must be a time such as 2026-01-31T12:00:00Z".to_owned())
}

fn parse_tags(list: &[&str]) -> Result<InputValue, String> {
    let tags: Option<Vec<String>> = list.iter().map(|tag| parse_tag(tag)).collect();
    let tags = tags
        .map(normalize_tags)
        .ok_or("must be tags of 1 to 50 letters, digits, `_`, `-`, `.` or `:`")?;
    if tags.len() > MAX_TAGS {
        return Err(format!("must be at most {MAX_TAGS} tags"));
    }
    Ok(InputValue::Tags(tags))
}

/// Rows in one list.
const MAX_ROWS: usize = 200;

fn parse_rows(kind: Kind, list: &[Value]) -> Result<InputValue, String> {
    if list.len() > MAX_ROWS {
        return Err(format!("must be at most {MAX_ROWS} rows"));
    }
    let mut rows: Vec<Value> = Vec::with_capacity(list.len());
    for (at, value) in list.iter().enumerate() {
        let row = match parse_json_value(kind, value).map_err(|message| format!("[{at}] {message}"))? {
            InputValue::Ref(Ref::Id(id)) => id.into(),
            InputValue::Ref(Ref::Uid(text) | Ref::Number(text) | Ref::Key(text)) => text.into(),
            InputValue::Text(text) if !text.bytes().all(|b| b.is_ascii_digit()) => text.into(),
            _ => return Err(format!("[{at}] is no id")),
        };
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    Ok(InputValue::Rows(rows))
}

/// A plausible e-mail address: one `@`, a local part of up to 64 bytes, a domain with a dot. Only a mail to it could
/// tell more.
///
/// # Errors
/// The message for the field.
pub fn parse_email(text: &str) -> Result<String, String> {
    let address = nfc(text.trim());
    let invalid = || "must be an e-mail address".to_owned();
    let (local, domain) = address.rsplit_once('@').ok_or_else(invalid)?;
    // Not only what is correct: some providers have given out local parts with dots in a row or at an end, there are
    // hosts with underscores, and letters of many scripts have marks.
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let label = |label: &str| {
        let is_odd = |c: char| {
            let is_invisible =
                matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{206f}' | '\u{feff}');
            c.is_whitespace()
                || c.is_control()
                || is_invisible
                || (c.is_ascii() && !c.is_ascii_alphanumeric())
        };
        (1..=63).contains(&label.chars().count())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| matches!(c, '-' | '_') || !is_odd(c))
            && label.chars().any(char::is_alphanumeric)
    };
    let fits = (1..=64).contains(&local.len())
        && address.chars().count() <= 254
        && !local.chars().any(|c| {
            c.is_control()
                || c.is_whitespace()
                || matches!(
                    c,
                    '@' | '<' | '>' | '(' | ')' | ',' | ';' | ':' | '"' | '\\' | '[' | ']'
                )
        })
        && domain.contains('.')
        && domain.split('.').all(label);
    if fits {
        Ok(format!("{local}@{domain}"))
    } else {
        Err(invalid())
    }
}

pub mod form;
#[cfg(test)]
mod tests;
