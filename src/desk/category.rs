//! How categories are identified in the API.
//!
//! A slug names a category in paths, filters and bodies. It is parsed leniently (`Feature Request`, `feature-request`),
//! stored as words joined by `_`, and never looks like an id: it is neither all digits nor a UUID.

use crate::desk::fold::{caseless, fold_name, is_word};
use crate::desk::id::{MAX_ID, Ref, is_uid};

/// Longest slug, in bytes.
pub const MAX_SLUG_BYTES: usize = 100;

/// A reference to a category or subcategory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CategoryRef {
    Id(i64),
    Uid(String),
    Slug(String),
}

impl CategoryRef {
    /// Parses a reference. `None` when the text cannot be one.
    pub fn parse(text: &str) -> Option<CategoryRef> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let id = text.parse().ok().filter(|id| (1..=MAX_ID).contains(id));
            return id.map(CategoryRef::Id);
        }
        if is_uid(text) {
            return Some(CategoryRef::Uid(text.to_ascii_lowercase()));
        }
        parse_slug(text).map(CategoryRef::Slug)
    }
}

impl From<Ref> for CategoryRef {
    fn from(reference: Ref) -> CategoryRef {
        match reference {
            Ref::Id(id) => CategoryRef::Id(id),
            Ref::Uid(uid) => CategoryRef::Uid(uid),
            // A ticket number or project key also has the form of a slug.
            Ref::Number(text) | Ref::Key(text) => CategoryRef::Slug(caseless(&text).replace('-', "_")),
        }
    }
}

/// Parses a slug in any case, with spaces, hyphens or underscores between its words.
pub fn parse_slug(text: &str) -> Option<String> {
    let slug = caseless(text.trim()).replace([' ', '-'], "_");
    let fits =
        !slug.is_empty() && slug.len() <= MAX_SLUG_BYTES && slug.chars().all(|c| is_word(c) || c == '_');
    fits.then_some(slug)
}

/// Whether a row may get this slug: it must not look like an id.
pub fn is_valid_slug(slug: &str) -> bool {
    !slug.bytes().all(|b| b.is_ascii_digit() || b == b'_') && !is_uid(&slug.replace('_', "-"))
}

/// Builds a slug from a name: letters and digits, and one `_` for everything else. `kind` becomes the first word when
/// the result would otherwise not be a slug.
pub fn slug_from_name(name: &str, kind: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in caseless(name).chars() {
        // Leaves room for the prefix below.
        if slug.len().saturating_add(c.len_utf8()) > 60 {
            break;
        }
        if is_word(c) {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    let slug = slug.trim_end_matches('_');
    match slug {
        "" => kind.to_owned(),
        slug if is_valid_slug(slug) => slug.to_owned(),
        slug => format!("{kind}_{slug}"),
    }
}

/// Another slug for a row whose slug is taken by one that is called otherwise. It ends in a hash (FNV-1a) of the folded
/// name, so that the same name has the same slug, and is refused if it comes twice.
pub fn spare_slug(slug: &str, name: &str) -> String {
    let hash = fold_name(name).bytes().fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{slug}_{hash:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ids_uids_or_slugs() {
        let uid = "01936c6e-2c00-7000-8000-00000000000A";
        for (text, want) in [
            ("5", Some(CategoryRef::Id(5))),
            ("0", None),
            ("9007199254740992", None),
            (uid, Some(CategoryRef::Uid(uid.to_lowercase()))),
            ("billing", Some(CategoryRef::Slug("billing".to_owned()))),
            (
                "Feature Request",
                Some(CategoryRef::Slug("feature_request".to_owned())),
            ),
            (
                "feature-request",
                Some(CategoryRef::Slug("feature_request".to_owned())),
            ),
            ("tier-2", Some(CategoryRef::Slug("tier_2".to_owned()))),
            ("a/b", None),
            ("", None),
        ] {
            assert_eq!(CategoryRef::parse(text), want, "{text}");
        }
    }

    #[test]
    fn slugs_are_made_of_names() {
        for (name, want) in [
            ("Technical", "technical"),
            ("Feature request", "feature_request"),
            ("  R&D / Labs!  ", "r_d_labs"),
            ("Ärger mit Öl", "ärger_mit_öl"),
            ("支払い", "支払い"),
            ("A\u{308}rger", "ärger"),
            ("İstanbul", "istanbul"),
            ("हिन्दी में", "हिन्दी_में"),
            ("ไพลิน์", "ไพลิน์"),
            ("2026", "category_2026"),
            ("20-26", "category_20_26"),
            ("!!!", "category"),
            (
                "01936c6e-2c00-7000-8000-000000000001",
                "category_01936c6e_2c00_7000_8000_000000000001",
            ),
        ] {
            let slug = slug_from_name(name, "category");
            assert_eq!(slug, want);
            assert_eq!(
                CategoryRef::parse(&slug),
                Some(CategoryRef::Slug(slug.clone())),
                "{slug}"
            );
        }
        assert!(slug_from_name(&"ab ".repeat(60), "category").len() <= MAX_SLUG_BYTES);
        let spare = spare_slug("c", "C++");
        assert!(is_valid_slug(&spare) && parse_slug(&spare) == Some(spare.clone()));
        assert_eq!(spare, spare_slug("c", " c++ "));
        assert_ne!(spare, spare_slug("c", "C#"));
    }

    #[test]
    fn slugs_never_look_like_ids() {
        for (slug, want) in [
            ("billing", true),
            ("tier_2", true),
            ("2", false),
            ("2_0", false),
            ("01936c6e_2c00_7000_8000_000000000001", false),
        ] {
            assert_eq!(is_valid_slug(slug), want, "{slug}");
        }
    }
}
