//! Answers, and what a story may demand of one. A demand that fails shows the request and the answer.

use super::Value;
use super::wire::Raw;

/// At most `most` characters, and how many there are.
pub fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// An answer and the request that it answers.
#[derive(Clone, Debug)]
pub struct Answer {
    asked: String,
    raw: Raw,
}

impl Answer {
    /// The answer to what `asked` tells.
    pub fn new(asked: String, raw: Raw) -> Answer {
        Answer { asked, raw }
    }

    pub fn status(&self) -> u16 {
        self.raw.status
    }

    pub fn bytes(&self) -> &[u8] {
        &self.raw.body
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw.body).into_owned()
    }

    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.raw
            .headers
            .iter()
            .find(|(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn headers(&self) -> &[(String, String)] {
        &self.raw.headers
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.raw.body).unwrap_or_else(|error| self.fail(&format!("no JSON: {error}")))
    }

    /// Ends the story with the request and the answer.
    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        let headers: Vec<String> = self
            .raw
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        panic!(
            "{why}\n--- asked\n{}\n--- answered {}\n{}\n{}",
            self.asked,
            self.raw.status,
            headers.join("\n"),
            clip(&self.text(), 3_000)
        );
    }

    /// The status must be this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Answer {
        if self.raw.status != status {
            self.fail(&format!("expected {status}"));
        }
        self
    }

    /// The answer must be an error with this code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Answer {
        let answer = self.is(status);
        if answer.json()["code"] != code {
            answer.fail(&format!("expected {code}"));
        }
        answer
    }

    /// The answer must be a 400 that names exactly these fields.
    #[track_caller]
    pub fn faults(self, fields: &[&str]) -> Answer {
        let answer = self.refused(400, "VALIDATION_ERROR");
        let body = answer.json();
        let mut named: Vec<&str> = body["errors"]
            .as_object()
            .map(|map| map.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let mut wanted = fields.to_vec();
        named.sort_unstable();
        wanted.sort_unstable();
        if named != wanted {
            answer.fail(&format!("expected faults in {wanted:?}, got {named:?}"));
        }
        answer
    }

    /// The rows of a list.
    #[track_caller]
    pub fn rows(&self) -> Vec<Value> {
        match self.json()["data"].as_array() {
            Some(rows) => rows.clone(),
            None => self.fail("expected a list"),
        }
    }

    /// The ids of a list.
    #[track_caller]
    pub fn ids(&self) -> Vec<i64> {
        self.rows().iter().filter_map(|row| row["id"].as_i64()).collect()
    }

    /// One fact of `Server-Timing`, such as `d1` or `rows_read`.
    pub fn timing(&self, name: &str) -> Option<u64> {
        self.header("server-timing")?.split(',').find_map(|metric| {
            let (key, rest) = metric.trim().split_once(';')?;
            let desc = rest
                .split(';')
                .find_map(|part| part.trim().strip_prefix("desc="))?;
            if key == name {
                desc.trim_matches('"').parse().ok()
            } else {
                None
            }
        })
    }
}
