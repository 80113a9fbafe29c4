//! Parses forms: what a page of HTML sends, and OAuth 2 clients that log in with a password.

use serde_json::{Map, Value};

use crate::http::error::Error;
use crate::http::input::{media_type, parse_body, parse_map};
use crate::http::input_values::Input;
use crate::http::request::Request;
use crate::http::shape::Shape;

/// Like [`parse_body`], but also accepts a form: `application/x-www-form-urlencoded`, or `multipart/form-data` (RFC 7578)
/// without files.
///
/// # Errors
/// Like [`parse_body`].
pub fn parse_body_or_form(request: &Request, shape: &Shape) -> Result<Input, Error> {
    let fields: Vec<(String, String)> = match media_type(request).as_deref() {
        Some("application/x-www-form-urlencoded") => form_urlencoded::parse(&request.body)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
        Some("multipart/form-data") => {
            let kind = request.header("content-type").unwrap_or_default();
            let fields = boundary(&kind).and_then(|boundary| parse_multipart(&request.body, boundary));
            fields.ok_or_else(|| Error::Malformed("the form is not valid multipart/form-data".to_owned()))?
        }
        _ => return parse_body(request, shape),
    };
    let mut map = Map::new();
    for (name, value) in fields {
        if map.insert(name, Value::String(value)).is_some() {
            return Err(Error::Malformed("the form names a field twice".to_owned()));
        }
    }
    parse_map(&map, shape)
}

/// The boundary in a content type: 1 to 70 characters (RFC 2046, section 5.1.1).
fn boundary(content_type: &str) -> Option<&str> {
    let boundary = parameter(content_type, "boundary")?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// A parameter of a header field, without its quotes.
fn parameter<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case(wanted)
            .then(|| value.trim().trim_matches('"'))
    })
}

/// The names and values of a form. `None` if it is not valid, or has a file.
fn parse_multipart(body: &[u8], boundary: &str) -> Option<Vec<(String, String)>> {
    let body = std::str::from_utf8(body).ok()?;
    let delimiter = format!("--{boundary}");
    let parts = body.strip_prefix(delimiter.as_str()).or_else(|| {
        let (_, parts) = body.split_once(&format!("\r\n{delimiter}"))?;
        Some(parts)
    })?;
    let delimiter = format!("\r\n{delimiter}");
    let mut fields = Vec::new();
    for part in parts.split(delimiter.as_str()) {
        if part.starts_with("--") {
            return Some(fields);
        }
        // White space may stand behind a boundary.
        let (padding, part) = part.split_once("\r\n")?;
        let (head, value) = part.split_once("\r\n\r\n")?;
        let disposition = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim()
                .eq_ignore_ascii_case("content-disposition")
                .then_some(value)
        })?;
        let is_field = padding.trim().is_empty() && parameter(disposition, "filename").is_none();
        let name = parameter(disposition, "name").filter(|_| is_field)?;
        fields.push((name.to_owned(), value.to_owned()));
    }
    // Without the boundary at its end the form was cut off.
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_several_parts_are_read() {
        let field = |name: &str, value: &str| {
            format!("--x y\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n")
        };
        let (user, secret) = (
            field("\"username\"", "jane"),
            field("password", " a\r\nb--x \u{fc} "),
        );
        let whole = format!("{user}{secret}--x y--\r\n");
        let want = [("username", "jane"), ("password", " a\r\nb--x \u{fc} ")];
        let want = want.map(|(name, value)| (name.to_owned(), value.to_owned()));
        for good in [
            whole.clone(),
            format!("preamble\r\n{whole}epilogue"),
            whole.replace("--x y\r\n", "--x y  \r\n"),
            whole.replace(
                "Content-Disposition: form-data;",
                "content-type: text/plain\r\ncontent-disposition:form-data ;",
            ),
        ] {
            assert_eq!(
                parse_multipart(good.as_bytes(), "x y"),
                Some(want.to_vec()),
                "{good}"
            );
        }
        assert_eq!(parse_multipart(b"--x y--", "x y"), Some(Vec::new()));
        for bad in [
            String::new(),
            "--x y".to_owned(),
            user.clone(),
            format!("{user}{secret}"),
            whole.replace("\r\n\r\n", "\r\n"),
            whole.replace("name=password", "name=password; filename=a.txt"),
            whole.replace("name=password", ""),
            whole.replace("\r\n", "\n"),
        ] {
            assert_eq!(parse_multipart(bad.as_bytes(), "x y"), None, "{bad}");
        }
        let mut bytes = whole.into_bytes();
        bytes.push(0xff);
        assert_eq!(parse_multipart(&bytes, "x y"), None);
    }

    #[test]
    fn the_boundary_stands_in_the_content_type() {
        for (kind, want) in [
            ("multipart/form-data; boundary=abc", Some("abc")),
            (
                "multipart/form-data; charset=utf-8; Boundary=\"a b\"",
                Some("a b"),
            ),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
        ] {
            assert_eq!(boundary(kind), want, "{kind}");
        }
    }
}
