//! Entity tags: `"<version>-<8 hex of the body's hash>"`.
//!
//! `If-None-Match` compares the whole tag, because what a caller sees of a ticket can change without its
//! version. `If-Match` compares the version alone: it guards a change, and a change is guarded by the version.

/// The tag of a body.
pub fn compute_etag(version: i64, body: &str) -> String {
    format!("\"{version}-{:08x}\"", hash(body.as_bytes()))
}

/// FNV-1a, 32 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>. Not for security.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Whether `If-None-Match` names this tag, weakly.
pub fn matches_if_none_match(header: &str, tag: &str) -> bool {
    entity_tags(header).any(|candidate| candidate == "*" || candidate.trim_start_matches("W/") == tag)
}

/// What `If-Match` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any version.
    Any,
    /// One of these versions. Empty when the header holds none of ours: it never matches.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Reads the header.
    pub fn parse(header: &str) -> IfMatch {
        if entity_tags(header).any(|candidate| candidate == "*") {
            return IfMatch::Any;
        }
        let version = |candidate: &str| {
            let inner = candidate.trim_start_matches("W/").trim_matches('"');
            inner.split('-').next().and_then(|digits| digits.parse().ok())
        };
        IfMatch::Versions(entity_tags(header).filter_map(version).collect())
    }

    /// Whether the row's version is one of the wanted.
    pub fn accepts(&self, version: i64) -> bool {
        match self {
            IfMatch::Any => true,
            IfMatch::Versions(versions) => versions.contains(&version),
        }
    }
}

fn entity_tags(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_hold_version_and_body() {
        assert_eq!(compute_etag(3, ""), "\"3-811c9dc5\"");
        assert_ne!(compute_etag(3, "a"), compute_etag(3, "b"));
    }

    #[test]
    fn none_match_compares_all_of_it() {
        let now = compute_etag(3, "{}");
        for (header, want) in [
            (now.clone(), true),
            (format!("\"x\", W/{now}"), true),
            ("*".to_owned(), true),
            (compute_etag(3, "{ }"), false),
            ("\"3\"".to_owned(), false),
        ] {
            assert_eq!(matches_if_none_match(&header, &now), want, "{header}");
        }
    }

    #[test]
    fn match_compares_the_version() {
        for (header, version, want) in [
            ("*", 9, true),
            ("\"3-00000000\"", 3, true),
            ("\"3\"", 3, true),
            ("W/\"3-1\", \"4-1\"", 4, true),
            ("\"3-00000000\"", 4, false),
            ("\"x\"", 3, false),
            ("", 3, false),
        ] {
            assert_eq!(IfMatch::parse(header).accepts(version), want, "{header}");
        }
    }
}
