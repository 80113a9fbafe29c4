//! Parses JSON bodies strictly: the top level is an object, no duplicate keys, limited nesting.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::http::error::Error;

/// The maximum nesting depth. It is checked before serde parses the body, to bound the stack.
pub const MAX_DEPTH: usize = 32;

/// Parses a body.
///
/// # Errors
/// [`Error::Malformed`] with line and column.
pub fn parse_object(body: &[u8]) -> Result<Map<String, Value>, Error> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::Malformed(
            "the body is empty; a JSON object is expected".to_owned(),
        ));
    }
    if nesting_depth(body) > MAX_DEPTH {
        return Err(Error::Malformed(format!(
            "the body is nested deeper than {MAX_DEPTH} levels"
        )));
    }
    match serde_json::from_slice::<StrictValue>(body) {
        Ok(StrictValue(Value::Object(map))) => Ok(map),
        Ok(_) => Err(Error::Malformed("the body must be a JSON object".to_owned())),
        Err(error) => Err(Error::Malformed(format!("the body is not valid JSON: {error}"))),
    }
}

/// The deepest nesting of brackets outside of strings.
fn nesting_depth(body: &[u8]) -> usize {
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

/// A JSON value whose objects have no duplicate keys.
struct StrictValue(Value);

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = StrictValue;
            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("a JSON value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<StrictValue, E> {
                Ok(StrictValue(Value::Bool(value)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<StrictValue, E> {
                Ok(StrictValue(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<StrictValue, E> {
                Ok(StrictValue(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<StrictValue, E> {
                Ok(StrictValue(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<StrictValue, E> {
                Ok(StrictValue(Value::String(value.to_owned())))
            }
            fn visit_string<E>(self, value: String) -> Result<StrictValue, E> {
                Ok(StrictValue(Value::String(value)))
            }
            fn visit_unit<E>(self) -> Result<StrictValue, E> {
                Ok(StrictValue(Value::Null))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<StrictValue, A::Error> {
                let mut list = Vec::new();
                while let Some(StrictValue(value)) = seq.next_element()? {
                    list.push(value);
                }
                Ok(StrictValue(Value::Array(list)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<StrictValue, A::Error> {
                let mut map = Map::new();
                while let Some(key) = access.next_key::<String>()? {
                    let StrictValue(value) = access.next_value()?;
                    if map.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format_args!(
                            "duplicate key `{}`",
                            truncate(&key)
                        )));
                    }
                }
                Ok(StrictValue(Value::Object(map)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

fn truncate(key: &str) -> String {
    key.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Quotes a text as a JSON string.
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
                parse_object(body.as_bytes()).is_ok(),
                good,
                "{}",
                &body[..body.len().min(60)]
            );
        }
        assert!(parse_object(&[b'{', 0xff, b'}']).is_err());
    }
}
