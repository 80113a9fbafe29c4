//! JSON bodies, read strictly: an object at the top, no duplicate keys, nesting bounded.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::http::error::Error;

/// The deepest nesting that a body may have.
pub const DEEPEST: usize = 32;

/// Reads a body.
///
/// # Errors
/// [`Error::Malformed`], with the place of the mistake.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, Error> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::Malformed(
            "the body is empty; a JSON object is expected".to_owned(),
        ));
    }
    if depth(body) > DEEPEST {
        return Err(Error::Malformed(format!(
            "the body is nested deeper than {DEEPEST} levels"
        )));
    }
    match serde_json::from_slice::<Strict>(body) {
        Ok(Strict(Value::Object(map))) => Ok(map),
        Ok(_) => Err(Error::Malformed("the body must be a JSON object".to_owned())),
        Err(error) => Err(Error::Malformed(format!("the body is not valid JSON: {error}"))),
    }
}

/// The deepest bracket outside strings.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                now = now.saturating_add(1);
                deepest = deepest.max(now);
            }
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A JSON value whose objects name no key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Strict;
            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("a JSON value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(Value::Bool(value)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
                Ok(Strict(Value::String(value.to_owned())))
            }
            fn visit_string<E>(self, value: String) -> Result<Strict, E> {
                Ok(Strict(Value::String(value)))
            }
            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
                let mut list = Vec::new();
                while let Some(Strict(value)) = seq.next_element()? {
                    list.push(value);
                }
                Ok(Strict(Value::Array(list)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
                let mut map = Map::new();
                while let Some(key) = access.next_key::<String>()? {
                    let Strict(value) = access.next_value()?;
                    if map.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format_args!(
                            "duplicate key `{}`",
                            shorten(&key)
                        )));
                    }
                }
                Ok(Strict(Value::Object(map)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

fn shorten(key: &str) -> String {
    key.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// A quoted JSON string.
pub fn quote(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strict_objects_pass() {
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        for (body, good) in [
            (r#"{"a":1,"b":[{"c":null}]}"#.to_owned(), true),
            (r#"{"a":"[[[[{{{{ \" [["}"#.to_owned(), true),
            (deep(31), true),
            (deep(32), false),
            (deep(5_000), false),
            (String::new(), false),
            (" \n".to_owned(), false),
            ("null".to_owned(), false),
            ("[]".to_owned(), false),
            (r#"{"a":1,"a":2}"#.to_owned(), false),
            (r#"{"x":{"a":1,"a":2}}"#.to_owned(), false),
            (r#"{"a":1,}"#.to_owned(), false),
            (r#"{"a":01}"#.to_owned(), false),
            (r#"{"a":NaN}"#.to_owned(), false),
            (r#"{"a":1} x"#.to_owned(), false),
            ("{\"a\":\"\u{1}\"}".to_owned(), false),
            (r#"{"a":"\ud800"}"#.to_owned(), false),
        ] {
            assert_eq!(
                object(body.as_bytes()).is_ok(),
                good,
                "{}",
                &body[..body.len().min(60)]
            );
        }
        assert!(object(&[b'{', 0xff, b'}']).is_err());
    }
}
