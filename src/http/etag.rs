//! Entity tags: `"<version>-<8 hex digits of the body's hash>"`.
//!
//! `If-None-Match` compares the whole tag, because what a caller sees of a ticket can change without its version: what
//! a role may see, for example. `If-Match` compares the version alone, because changes are guarded by the version.

/// The tag of a body.
pub fn compute_etag(version: i64, body: &str) -> String {
    format!("\"{version}-{:08x}\"", fnv1a(body.as_bytes(), FNV_OFFSET_BASIS))
}

/// The hash of no bytes.
pub(super) const FNV_OFFSET_BASIS: u32 = 0x811c_9dc5;

/// FNV-1a with 32 bits, continued from `hash`. Not for security.
/// Source: <http://www.isthe.com/chongo/tech/comp/fnv/>.
pub(super) fn fnv1a(bytes: &[u8], hash: u32) -> u32 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Whether `If-None-Match` contains this tag (weak comparison).
pub fn matches_if_none_match(header: &str, tag: &str) -> bool {
    entity_tags(header).any(|candidate| candidate == "*" || candidate.trim_start_matches("W/") == tag)
}

/// The value of `If-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any version.
    Any,
    /// One of these versions. Empty when the header contains no tag of ours; it never matches then.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Parses the header.
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

    /// Whether this version of the row matches.
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
