//! Knowledge-base articles: their statuses, and the slug that names one in URLs.

use crate::desk::Millis;
use crate::desk::fold::{caseless, is_word};
use crate::desk::id::is_uid;

/// Decides who can read an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArticleStatus {
    /// Staff only.
    Draft,
    /// Everyone, signed in or not.
    Published,
    /// Staff only; out of use but not deleted.
    Archived,
}

impl ArticleStatus {
    /// All statuses.
    pub const ALL: [ArticleStatus; 3] = [
        ArticleStatus::Draft,
        ArticleStatus::Published,
        ArticleStatus::Archived,
    ];
    /// The API names, in the order of [`ArticleStatus::ALL`].
    pub const WORDS: [&'static str; 3] = ["draft", "published", "archived"];

    /// The API name.
    pub fn as_str(self) -> &'static str {
        match self {
            ArticleStatus::Draft => "draft",
            ArticleStatus::Published => "published",
            ArticleStatus::Archived => "archived",
        }
    }

    /// Reads an API name in any case.
    pub fn parse(word: &str) -> Option<ArticleStatus> {
        let word = word.trim().to_ascii_lowercase();
        ArticleStatus::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// When the article was first published, after it enters `status`: the first time stays, whatever follows.
pub fn published_at(before: Option<Millis>, status: ArticleStatus, now: Millis) -> Option<Millis> {
    match status {
        ArticleStatus::Published => before.or(Some(now)),
        ArticleStatus::Draft | ArticleStatus::Archived => before,
    }
}

/// Length of a generated slug. It keeps URLs readable; a slug that a person chooses may be longer.
const MAX_GENERATED_SLUG_CHARS: usize = 80;

/// Builds a slug from a title: its letters and digits in lower case, joined by hyphens. The result is never all digits
/// or a UUID, because paths accept an id, a uid or a slug in the same place.
pub fn slug_from_title(title: &str) -> String {
    let mut slug = String::new();
    for c in caseless(title).chars() {
        if is_word(c) {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let short: String = slug.chars().take(MAX_GENERATED_SLUG_CHARS).collect();
    let short = short.trim_matches('-');
    if is_valid_slug(short) {
        short.to_owned()
    } else {
        format!("article-{short}").trim_end_matches('-').to_owned()
    }
}

/// Whether a text is a valid slug as it stands.
pub fn is_valid_slug(text: &str) -> bool {
    let is_made_of = text.chars().all(|c| c == '-' || is_word(c)) && caseless(text) == text;
    (1..=100).contains(&text.chars().count())
        && is_made_of
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.bytes().all(|b| b.is_ascii_digit())
        && !is_uid(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_slugs() {
        let long = "word ".repeat(50);
        for (title, want) in [
            ("How do I reset my password?", "how-do-i-reset-my-password"),
            ("  C++ & Rust  ", "c-rust"),
            ("Über uns", "über-uns"),
            ("パスワード 再設定", "パスワード-再設定"),
            ("İstanbul", "istanbul"),
            ("U\u{308}ber हिन्दी", "über-हिन्दी"),
            ("2026", "article-2026"),
            ("???", "article"),
            (
                "01936c6e-2c00-7000-8000-000000000001",
                "article-01936c6e-2c00-7000-8000-000000000001",
            ),
            (
                &long,
                "word-word-word-word-word-word-word-word-word-word-word-word-word-word-word-word",
            ),
        ] {
            let made = slug_from_title(title);
            assert_eq!(made, want, "{title}");
            assert!(is_valid_slug(&made), "{made}");
        }
    }

    #[test]
    fn slugs_are_no_ids() {
        for (text, want) in [
            ("how-to", true),
            ("web-12", true),
            ("7", false),
            ("7a", true),
            ("How-to", false),
            ("a b", false),
            ("-a", false),
            ("a-", false),
            ("", false),
            ("a/b", false),
            ("u\u{308}ber", false),
            ("हिन्दी", true),
            ("01936c6e-2c00-7000-8000-000000000001", false),
        ] {
            assert_eq!(is_valid_slug(text), want, "{text}");
        }
    }

    #[test]
    fn articles_are_published_once() {
        for (before, status, want) in [
            (None, ArticleStatus::Draft, None),
            (None, ArticleStatus::Published, Some(9)),
            (Some(5), ArticleStatus::Published, Some(5)),
            (Some(5), ArticleStatus::Archived, Some(5)),
        ] {
            assert_eq!(published_at(before, status, 9), want);
        }
        for (status, word) in ArticleStatus::ALL.into_iter().zip(ArticleStatus::WORDS) {
            assert_eq!(
                (status.as_str(), ArticleStatus::parse(word)),
                (word, Some(status))
            );
        }
    }
}
