//! Turns search text into full-text queries.
//!
//! The index is an SQLite FTS5 table with the columns `title, public, internal, scope` and the tokenizer `unicode61
//! remove_diacritics 2`. What a caller types only ever becomes the content of FTS5 strings, so no input is a syntax
//! error, and none can address another column or another customer's rows.

use std::fmt::Write as _;

/// Words of a query that are used; the rest is ignored. Far below FTS5's limit of 256 levels.
const MAX_TERMS: usize = 32;
/// Characters of a word or phrase that are used; a longer one matches by its beginning.
const MAX_TERM_CHARS: usize = 100;

/// Who searches, which decides the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searcher {
    /// Titles, public messages and internal notes. The store limits which tickets.
    Staff,
    /// Titles and public messages of the tickets that this user requested.
    Customer(i64),
}

/// The FTS5 `MATCH` expression for search text: every word must occur.
///
/// A word with punctuation inside (`TICK-20260131-0007`, an e-mail address) is a phrase of its parts, text in double
/// quotes is a phrase, and so is a run of Han, kana or Hangul. The last word matches as a prefix, whether or not white
/// space follows it, unless it ends in a closing quote or punctuation. `None` when nothing searchable is left: the
/// result is empty then, not an error.
pub fn ticket_match_expression(q: &str, reader: Searcher) -> Option<String> {
    let all = match_all_terms(q)?;
    Some(match reader {
        Searcher::Staff => format!("{{title public internal}} : ({all})"),
        Searcher::Customer(id) => format!("{{title public}} : ({all}) AND scope : \"{}\"", scope_token(id)),
    })
}

/// Like [`ticket_match_expression`], for articles: their index has the columns `title, body, facts`.
pub fn article_match_expression(q: &str) -> Option<String> {
    Some(format!("{{title body}} : ({})", match_all_terms(q)?))
}

/// Every word of a query, as adjacent FTS5 strings.
fn match_all_terms(q: &str) -> Option<String> {
    let words = split_terms(q);
    let last = words.len().checked_sub(1)?;
    let mut all = String::new();
    for (at, word) in words.iter().enumerate() {
        // Adjacent strings mean AND, and ignore a phrase without tokens. FTS5 has an older version of Unicode than
        // Rust, so it may see no token where we do; with an explicit AND the query would find nothing then.
        let gap = if at == 0 { "" } else { " " };
        let star = if word.is_cut || (word.is_open && at == last) {
            " *"
        } else {
            ""
        };
        let _ = write!(all, "{gap}\"{}\"{star}", word.text);
    }
    Some(all)
}

/// The token in the `scope` column for the tickets of a requester.
pub fn scope_token(requester: i64) -> String {
    format!("u{requester}")
}

/// A word or a quoted phrase, as the content of an FTS5 string: no double quote, no NUL.
struct Term {
    text: String,
    /// It was longer than [`MAX_TERM_CHARS`].
    is_cut: bool,
    /// It may be the beginning of a longer word, because nothing follows it.
    is_open: bool,
}

/// Splits at quotes and white space, and drops parts without tokens.
fn split_terms(q: &str) -> Vec<Term> {
    let mut found = Vec::new();
    let mut is_quoted = false;
    let mut pieces = q.split('"').peekable();
    while let Some(piece) = pieces.next() {
        let is_open = !is_quoted || pieces.peek().is_none();
        let room = MAX_TERMS.saturating_sub(found.len());
        if is_quoted {
            found.extend(parse_term(piece, is_open).into_iter().take(room));
        } else {
            found.extend(
                piece
                    .split_whitespace()
                    .filter_map(|text| parse_term(text, is_open))
                    .take(room),
            );
        }
        is_quoted = !is_quoted;
    }
    found
}

/// A word or phrase. `None` when the tokenizer would find no token in it.
fn parse_term(piece: &str, is_open: bool) -> Option<Term> {
    let piece = piece.trim();
    let end = piece
        .char_indices()
        .nth(MAX_TERM_CHARS)
        .map_or(piece.len(), |(at, _)| at);
    let text = piece.get(..end)?;
    text.contains(is_token).then(|| Term {
        text: index_text(text).unwrap_or_else(|| text.to_owned()),
        is_cut: end < piece.len(),
        // `C++` is a complete word, not a prefix of every word with C; `prin*` asks for a prefix.
        is_open: is_open && !text.ends_with(|c: char| c.is_ascii_punctuation() && c != '*'),
    })
}

/// Letters, digits and private-use characters form tokens (`unicode61`: categories L*, N* and Co).
fn is_token(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

/// Text as it must be indexed so that [`ticket_match_expression`] finds it: characters of scripts written without
/// spaces are separated by spaces, and NUL, where SQLite would stop reading, becomes a space. `None` when the text can
/// be indexed as it is.
pub fn index_text(text: &str) -> Option<String> {
    if !text.contains(|c| c == '\0' || is_cjk(c)) {
        return None;
    }
    let mut spaced = String::with_capacity(text.len().saturating_mul(2));
    let mut before: Option<char> = None;
    for c in text.chars().map(|c| if c == '\0' { ' ' } else { c }) {
        if let Some(before) = before
            && (is_cjk(before) || is_cjk(c))
            && !before.is_whitespace()
            && !c.is_whitespace()
        {
            spaced.push(' ');
        }
        spaced.push(c);
        before = Some(c);
    }
    (spaced != text).then_some(spaced)
}

/// Han, kana, bopomofo and Hangul, including the blocks that Unicode reserves for them.
fn is_cjk(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11FF}'     // Hangul jamo
        | '\u{3005}'..='\u{3007}'   // iteration mark, closing mark, zero
        | '\u{3021}'..='\u{3029}' | '\u{3031}'..='\u{3035}' | '\u{3038}'..='\u{303C}' // Hangzhou numerals, marks
        | '\u{3041}'..='\u{318F}'   // hiragana, katakana, bopomofo, compatibility jamo
        | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}' // bopomofo and katakana extensions
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' // Han
        | '\u{A960}'..='\u{A97F}'   // jamo extended A
        | '\u{AC00}'..='\u{D7FF}'   // Hangul syllables, jamo extended B
        | '\u{F900}'..='\u{FAFF}'   // Han compatibility
        | '\u{FF66}'..='\u{FFDC}'   // halfwidth katakana and Hangul
        | '\u{1AFF0}'..='\u{1B16F}' // kana supplements
        | '\u{20000}'..='\u{3FFFF}' // Han supplements
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of a staff expression that depends on the query.
    fn staff(q: &str) -> Option<String> {
        let all = ticket_match_expression(q, Searcher::Staff)?;
        let inside = all
            .strip_prefix("{title public internal} : (")
            .and_then(|rest| rest.strip_suffix(')'));
        Some(inside.expect("the staff frame").to_owned())
    }

    #[test]
    fn queries_become_strings() {
        for (q, want) in [
            ("printer", Some(r#""printer" *"#)),
            (
                "  printer \t on\u{3000}fire\n",
                Some(r#""printer" "on" "fire" *"#),
            ),
            ("TICK-20261120-0001", Some(r#""TICK-20261120-0001" *"#)),
            ("jane@example.com paper", Some(r#""jane@example.com" "paper" *"#)),
            (r#""on fire""#, Some(r#""on fire""#)),
            (r#""on fire" now"#, Some(r#""on fire" "now" *"#)),
            (r#""on fi"#, Some(r#""on fi" *"#)),
            (r#"a"b c"d"#, Some(r#""a" "b c" "d" *"#)),
            (r#"5" disk"#, Some(r#""5" "disk" *"#)),
            (r#""""""#, None),
            ("", None),
            (" \t\r\n\u{3000}\u{2003}", None),
            ("*", None),
            ("- + ( ) : ^ { } ,", None),
            ("\u{1F525} \u{1F468}\u{200D}\u{1F469}", None),
            ("\u{0}\u{0}", None),
            ("a\u{0}b", Some(r#""a b" *"#)),
            ("\u{E000}", Some("\"\u{E000}\" *")),
            ("NOT foo OR bar*", Some(r#""NOT" "foo" "OR" "bar*" *"#)),
            ("internal:secret", Some(r#""internal:secret" *"#)),
            ("NEAR(a b)", Some(r#""NEAR(a" "b)""#)),
            ("'; DROP TABLE x; --", Some(r#""DROP" "TABLE" "x;""#)),
            ("%' \\ _", None),
            ("\u{202E}evil", Some("\"\u{202E}evil\" *")),
            ("c++", Some(r#""c++""#)),
            ("東京", Some(r#""東 京" *"#)),
            ("東京 iPhone修理", Some(r#""東 京" "iPhone 修 理" *"#)),
            ("プリンター。故障", Some(r#""プ リ ン タ ー 。 故 障" *"#)),
            ("안녕 세계", Some(r#""안 녕" "세 계" *"#)),
            ("\u{20BB7}野家", Some("\"\u{20BB7} 野 家\" *")),
            ("日本語", Some(r#""日 本 語" *"#)),
        ] {
            assert_eq!(staff(q).as_deref(), want, "{q}");
        }
    }

    #[test]
    fn customers_stay_in_their_scope() {
        for (q, id, want) in [
            ("foo", 5, Some(r#"{title public} : ("foo" *) AND scope : "u5""#)),
            (
                r#"x") OR internal : ("y"#,
                7,
                Some(r#"{title public} : ("x" ") OR internal : (" "y" *) AND scope : "u7""#),
            ),
            ("", 5, None),
        ] {
            assert_eq!(
                ticket_match_expression(q, Searcher::Customer(id)).as_deref(),
                want,
                "{q}"
            );
        }
        assert_eq!(scope_token(5), "u5");
        let want = r#"{title body} : ("x" ") OR facts : (" "y" *)"#;
        assert_eq!(
            article_match_expression(r#"x") OR facts : ("y"#).as_deref(),
            Some(want)
        );
        assert_eq!(article_match_expression("?!"), None);
    }

    #[test]
    fn the_work_is_bounded() {
        let many = "w ".repeat(100_000);
        assert_eq!(staff(&many).map(|all| all.matches('w').count()), Some(MAX_TERMS));
        let phrases = "\"w\"".repeat(100_000);
        assert_eq!(
            staff(&phrases).map(|all| all.matches('w').count()),
            Some(MAX_TERMS)
        );
        let long = format!("{} \"{}\" x", "é".repeat(500), "o ".repeat(500));
        let want = format!("\"{}\" * \"{}\" * \"x\" *", "é".repeat(100), "o ".repeat(50));
        assert_eq!(staff(&long), Some(want));
        assert_eq!(staff(&"\"".repeat(100_000)), None);
    }

    #[test]
    fn every_result_is_balanced_strings() {
        let alphabet = ['"', 'a', ' ', '*', '(', ')', ':', '東', '\0', '-', '\u{301}', '{'];
        for seed in 0..20_000_usize {
            let q: String = (0..8)
                .map(|place| alphabet[((seed * 7_919) >> place) * (place + 3) % alphabet.len()])
                .collect();
            if let Some(all) = staff(&q) {
                assert!(
                    !all.contains('\0') && all.matches('"').count() % 2 == 0,
                    "{q:?} {all}"
                );
                let outside: String = all.split('"').step_by(2).collect();
                assert!(outside.chars().all(|c| matches!(c, ' ' | '*')), "{q:?} {all}");
            }
        }
    }

    #[test]
    fn texts_are_spaced_where_scripts_are_not() {
        for (text, want) in [
            ("plain text", None),
            ("", None),
            ("naïve Ωmega кот ไทย 🔥", None),
            ("東", None),
            ("東 京", None),
            ("東京", Some("東 京")),
            ("東京 tower東京", Some("東 京 tower 東 京")),
            ("ひらカタ", Some("ひ ら カ タ")),
            ("한국어", Some("한 국 어")),
            ("ﾌﾟﾘ", Some("ﾌ ﾟ ﾘ")),
            ("x\u{20000}\u{30000}y", Some("x \u{20000} \u{30000} y")),
            ("人々\n東京", Some("人 々\n東 京")),
            ("nul\0nul", Some("nul nul")),
        ] {
            assert_eq!(index_text(text).as_deref(), want, "{text}");
        }
    }
}
