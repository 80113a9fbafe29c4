//! Tags: short labels that people choose freely.

use crate::desk::fold::{caseless, fold, is_word};

/// Longest tag, in characters.
const MAX_TAG_CHARS: usize = 50;

/// What a tag must be, for error messages.
pub const TAG_MESSAGE: &str = "must be 1 to 50 letters, digits, `_`, `-`, `.` or `:`";

/// Parses a tag: letters of any script with their marks, digits and `_-.:`, in lower case and composed (NFC). Joiners
/// stand between letters in some scripts.
pub fn parse_tag(text: &str) -> Option<String> {
    let tag = caseless(text.trim());
    let is_joiner = |c: char| matches!(c, '\u{200C}' | '\u{200D}');
    let fits = (1..=MAX_TAG_CHARS).contains(&tag.chars().count())
        && tag
            .chars()
            .all(|c| is_word(c) || is_joiner(c) || matches!(c, '_' | '-' | '.' | ':'))
        && !tag.starts_with(is_joiner)
        && !tag.ends_with(is_joiner)
        && !fold(&tag).is_empty();
    fits.then_some(tag)
}

/// Whether two tags are the same one: `café` and `CAFE` are, wherever a tag is looked for.
pub fn is_same(one: &str, other: &str) -> bool {
    fold(one) == fold(other)
}

/// Sorts tags, and leaves one of those that are the same.
pub fn normalize_tags(mut tags: Vec<String>) -> Vec<String> {
    tags.sort_unstable();
    let mut seen: Vec<String> = Vec::with_capacity(tags.len());
    tags.retain(|tag| {
        let folded = fold(tag);
        let is_new = !seen.contains(&folded);
        seen.push(folded);
        is_new
    });
    tags
}

/// Tags of one ticket.
pub const MAX_TAGS: usize = 20;

/// The tags of a ticket after some were taken away and others added. A tag that is the same as one that the ticket has
/// already is not added.
///
/// # Errors
/// The message, when there are too many.
pub fn change_tags(tags: &[String], add: &[String], remove: &[String]) -> Result<Vec<String>, String> {
    let has = |list: &[String], tag: &str| list.iter().any(|other| is_same(other, tag));
    let mut changed: Vec<String> = tags.iter().filter(|tag| !has(remove, tag)).cloned().collect();
    for tag in add {
        if !has(&changed, tag) {
            changed.push(tag.clone());
        }
    }
    if changed.len() > MAX_TAGS.max(tags.len()) {
        return Err(format!("a ticket has at most {MAX_TAGS} tags"));
    }
    changed.sort_unstable();
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_words_of_every_script() {
        for (text, want) in [
            ("VIP", Some("vip")),
            (" a_b-c.d:e ", Some("a_b-c.d:e")),
            ("cafe\u{301}", Some("café")),
            ("हिन्दी", Some("हिन्दी")),
            ("தமிழ்", Some("தமிழ்")),
            ("ไพลิน์", Some("ไพลิน์")),
            ("မြန်မာ", Some("မြန်မာ")),
            ("ខ្មែរ", Some("ខ្មែរ")),
            ("עִבְרִית", Some("עִבְרִית")),
            ("می\u{200C}خواهم", Some("می\u{200C}خواهم")),
            ("İZMİR", Some("izmir")),
            ("\u{1111}\u{1173}", Some("프")),
            ("", None),
            ("a b", None),
            ("a,b", None),
            ("a\"b", None),
            ("🔥", None),
            ("\u{301}", None),
            ("\u{200D}", None),
            ("a\u{200B}b", None),
            ("a\u{202E}b", None),
        ] {
            assert_eq!(parse_tag(text).as_deref(), want, "{text:?}");
        }
        assert_eq!(parse_tag(&"é".repeat(50)), Some("é".repeat(50)));
        assert_eq!(parse_tag(&"e\u{301}".repeat(50)), Some("é".repeat(50)));
        assert_eq!(parse_tag(&"é".repeat(51)), None);
    }

    #[test]
    fn the_same_tag_stands_once() {
        let tags = ["straße", "strasse", "b", "a", "b", "café", "cafe"].map(str::to_owned);
        assert_eq!(normalize_tags(tags.into()), ["a", "b", "cafe", "strasse"]);
        assert!(is_same("lodz", "łódź") && !is_same("ไม่", "ไม้"));
    }

    #[test]
    fn tags_are_added_and_taken_away() {
        let list = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        for (tags, add, remove, want) in [
            ("a b", "c", "a", Ok("b c")),
            ("a b", "b", "", Ok("a b")),
            ("café", "cafe", "", Ok("café")),
            ("café x", "", "CAFE", Ok("x")),
            ("a", "a", "a", Ok("a")),
            ("", "", "x", Ok("")),
        ] {
            let want: Result<Vec<String>, String> = want.map(list);
            assert_eq!(
                change_tags(&list(tags), &list(add), &list(remove)),
                want,
                "{tags} +{add} -{remove}"
            );
        }
        let many: Vec<String> = (0..MAX_TAGS).map(|n| format!("t{n:02}")).collect();
        assert!(change_tags(&many, &list("one"), &[]).is_err());
        assert_eq!(
            change_tags(&many, &list("one"), &list("t00")).unwrap().len(),
            MAX_TAGS
        );
        assert_eq!(change_tags(&many, &list("t05"), &[]).unwrap(), many);
    }
}
