//! Turns search text into full-text queries.
//!
//! The index is an SQLite FTS5 table with the columns `title, public, internal, scope` and the tokenizer `ascii`, which
//! parts words at what is no letter or digit of ASCII and takes everything beyond ASCII for letters. So what is a word
//! is decided here, for all scripts, by [`fold`] and [`index_text`]; SQLite's own tables of Unicode are those of 2012.
//! What a caller types only ever becomes the content of FTS5 strings, so no input is a syntax error, and none can
//! address another column or another customer's rows.

use std::fmt::Write as _;

use crate::desk::fold::{fold, is_word};

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
/// quotes is a phrase, and so is a run of a script that is written without spaces. The last word matches as a prefix,
/// whether or not white space follows it, unless it ends in a closing quote or punctuation. `None` when nothing
/// searchable is left: the result is empty then, not an error.
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

/// A word or phrase. `None` when there is no token in it.
fn parse_term(piece: &str, is_open: bool) -> Option<Term> {
    let piece = piece.trim();
    let end = piece
        .char_indices()
        .nth(MAX_TERM_CHARS)
        .map_or(piece.len(), |(at, _)| at);
    let text = piece.get(..end)?;
    // `C++` is a complete word, not a prefix of every word with C; `prin*` asks for a prefix.
    let is_open = is_open && !text.ends_with(|c: char| c.is_ascii_punctuation() && c != '*');
    let (text, is_half) = tokens(&fold(text), true);
    text.contains(is_token).then_some(Term {
        text,
        is_cut: end < piece.len() || is_half,
        is_open,
    })
}

/// Letters with their marks, digits and private-use characters form tokens.
fn is_token(c: char) -> bool {
    is_word(c)
        || matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
}

/// Text as it must be indexed so that [`ticket_match_expression`] finds it: folded, and cut into words where the
/// tokenizer cannot do it. NUL, where SQLite would stop reading, becomes a space. `None` when the text can be indexed as
/// it is.
pub fn index_text(text: &str) -> Option<String> {
    if text.is_ascii() && !text.contains('\0') {
        return None;
    }
    let (cut, _) = tokens(&fold(text), false);
    (cut != text).then_some(cut)
}

/// Cuts a folded text into tokens: what is no part of a word becomes a space, and a run of a script that is written
/// without spaces becomes its pairs of neighbours, with the last character by itself, so that a text is found by any
/// part of it: `東京都` is `東京 京都 都`. In a query the last run goes without that last character, which would say that
/// the run ends there; where a single character is left, it is the beginning of a pair, and `true` is returned.
fn tokens(folded: &str, is_query: bool) -> (String, bool) {
    let mut cut = String::with_capacity(folded.len().saturating_mul(2));
    let mut chars = folded.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let follows = is_unspaced(before);
        before = c;
        let is_border = (follows || is_unspaced(c)) && !c.is_whitespace();
        if is_border && !cut.is_empty() && !cut.ends_with(char::is_whitespace) {
            cut.push(' ');
        }
        if !is_unspaced(c) {
            // Folding makes a quote of a wide one, and a quote would end the string that this becomes part of.
            let is_kept = is_token(c) || (c.is_ascii() && !matches!(c, '\0' | '"'));
            cut.push(if is_kept { c } else { ' ' });
            continue;
        }
        let next = chars.peek().copied().filter(|next| is_unspaced(*next));
        if next.is_none() && is_query && !chars.clone().any(is_token) {
            if !follows {
                cut.push(c);
            }
            return (cut.trim_end().to_owned(), !follows);
        }
        cut.push(c);
        cut.extend(next);
    }
    (cut, false)
}

/// Scripts that are written without spaces between words, including the blocks that Unicode reserves for them: Han,
/// kana, bopomofo, Yi, Thai, Lao, Khmer, Burmese, Javanese and the scripts of their neighbours. And Hangul, where a word
/// is written together with its endings, and compounds with or without spaces.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{E01}'..='\u{E3A}' | '\u{E40}'..='\u{E4E}' // Thai
        | '\u{E81}'..='\u{ECE}' | '\u{EDC}'..='\u{EDF}' // Lao
        | '\u{1000}'..='\u{103F}' | '\u{1050}'..='\u{108F}' | '\u{109A}'..='\u{109D}' // Burmese
        | '\u{1100}'..='\u{11FF}'     // Hangul jamo
        | '\u{1780}'..='\u{17D3}' | '\u{17D7}' | '\u{17DC}'..='\u{17DD}' // Khmer
        | '\u{1950}'..='\u{19CF}'     // Tai Le, New Tai Lue
        | '\u{1A20}'..='\u{1A7C}'     // Tai Tham
        | '\u{1B00}'..='\u{1B4C}'     // Balinese
        | '\u{3005}'..='\u{3007}'     // iteration mark, closing mark, zero
        | '\u{3021}'..='\u{3029}' | '\u{3031}'..='\u{3035}' | '\u{3038}'..='\u{303C}' // Hangzhou numerals, marks
        | '\u{3041}'..='\u{309A}' | '\u{309D}'..='\u{309F}' | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{318F}' // kana, bopomofo, compatibility jamo
        | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}' // bopomofo and katakana extensions
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' // Han
        | '\u{A000}'..='\u{A48C}'     // Yi
        | '\u{A960}'..='\u{A97F}'     // jamo extended A
        | '\u{A980}'..='\u{A9C0}'     // Javanese
        | '\u{A9E0}'..='\u{A9EF}' | '\u{A9FA}'..='\u{A9FE}' | '\u{AA60}'..='\u{AA76}' | '\u{AA7A}'..='\u{AADD}' // Burmese, Tai Viet
        | '\u{AC00}'..='\u{D7FF}'     // Hangul syllables, jamo extended B
        | '\u{F900}'..='\u{FAFF}'     // Han compatibility
        | '\u{1AFF0}'..='\u{1B16F}'   // kana supplements
        | '\u{20000}'..='\u{3FFFF}'   // Han supplements
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::fold::pairs::{APART, SAME};

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
            ("TICK-20261120-0001", Some(r#""tick-20261120-0001" *"#)),
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
            ("NOT foo OR bar*", Some(r#""not" "foo" "or" "bar*" *"#)),
            ("internal:secret", Some(r#""internal:secret" *"#)),
            ("NEAR(a b)", Some(r#""near(a" "b)""#)),
            ("'; DROP TABLE x; --", Some(r#""drop" "table" "x;""#)),
            ("%' \\ _", None),
            ("\u{202E}evil", Some(r#""evil" *"#)),
            ("c++", Some(r#""c++""#)),
            ("Störung", Some(r#""storung" *"#)),
            ("l’été", Some(r#""l'ete" *"#)),
            ("हिन्दी «में»", Some(r#""हिन्दी" " में " *"#)),
            ("\u{301}", None),
            // A wide quote folds to a quote, which must not end the string.
            ("a＂ OR ＂b", Some(r#""a " "or" " b" *"#)),
            ("東京", Some(r#""東京" *"#)),
            ("東 京", Some(r#""東" * "京" *"#)),
            (r#""東""#, Some(r#""東" *"#)),
            (r#""東 京" 都"#, Some(r#""東 京" * "都" *"#)),
            ("東京 iPhone修理", Some(r#""東京" "iphone 修理" *"#)),
            ("iPhone修", Some(r#""iphone 修" *"#)),
            ("修理iPhone", Some(r#""修理 理 iphone" *"#)),
            ("プリンター。故障", Some(r#""プリ リン ンタ ター ー  故障" *"#)),
            ("東京。", Some(r#""東京" *"#)),
            ("ﾌﾟﾘ", Some(r#""プリ" *"#)),
            ("안녕 세계", Some(r#""안녕" "세계" *"#)),
            ("พิมพ์", Some(r#""พิ ิม มพ พ์" *"#)),
            ("\u{20BB7}野家", Some("\"\u{20BB7}野 野家\" *")),
            ("日本語", Some(r#""日本 本語" *"#)),
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
                Some(r#"{title public} : ("x" ") or internal : (" "y" *) AND scope : "u7""#),
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
        let want = r#"{title body} : ("x" ") or facts : (" "y" *)"#;
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
        let want = format!("\"{}\" * \"{}\" * \"x\" *", "e".repeat(100), "o ".repeat(50));
        assert_eq!(staff(&long), Some(want));
        assert_eq!(staff(&"\"".repeat(100_000)), None);
    }

    #[test]
    fn every_result_is_balanced_strings() {
        let alphabet = [
            '"', 'a', ' ', '*', '＂', ')', ':', '東', '\0', '-', '\u{301}', 'พ',
        ];
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
    fn texts_are_indexed_as_they_are_found() {
        for (text, want) in [
            ("plain Text, (ASCII)!", None),
            ("", None),
            ("東", None),
            ("naïve Ωmega – кот 🔥", Some("naive ωmega - кот  ")),
            ("東 京", None),
            ("東京", Some("東京 京")),
            ("東京都 tower東京", Some("東京 京都 都 tower 東京 京")),
            ("ひらカタ", Some("ひら らカ カタ タ")),
            ("한국어", Some("한국 국어 어")),
            ("ﾌﾟﾘ", Some("プリ リ")),
            ("x\u{20000}\u{30000}y", Some("x \u{20000}\u{30000} \u{30000} y")),
            ("人々\n東京", Some("人々 々\n東京 京")),
            ("ພາສາ", Some("ພາ າສ ສາ າ")),
            ("ខ្មែរ", Some("ខ្ ្ម មែ ែរ រ")),
            ("nul\0nul", Some("nul nul")),
        ] {
            assert_eq!(index_text(text).as_deref(), want, "{text}");
        }
    }

    /// Whether FTS5 would find the query in the text: the phrases in the text's tokens, those with a star as prefixes.
    fn finds(q: &str, text: &str) -> bool {
        let index = index_text(text).unwrap_or_else(|| text.to_ascii_lowercase());
        let tokens = |text: &str| -> Vec<String> {
            let is_part = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii();
            let parts = text.split(|c| !is_part(c)).filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        };
        let index = tokens(&index);
        let Some(all) = staff(q) else { return false };
        let parts: Vec<&str> = all.split('"').skip(1).collect();
        parts.chunks(2).all(|part| {
            let (phrase, star) = (
                tokens(part[0]),
                part.get(1).is_some_and(|rest| rest.contains('*')),
            );
            index.windows(phrase.len()).any(|window| {
                let mut pairs = window.iter().zip(&phrase).rev();
                let (last, want) = pairs.next().expect("a phrase has a token");
                (if star {
                    last.starts_with(want)
                } else {
                    last == want
                }) && pairs.all(|(is, want)| is == want)
            })
        })
    }

    #[test]
    fn what_is_indexed_is_found() {
        for (_, one, other) in SAME {
            let text = format!("The {one} is here");
            assert!(finds(other, &text) && finds(one, &text), "{one} {other}");
        }
        for (_, one, other) in APART {
            assert!(!finds(other, one), "{one} {other}");
        }
        for (text, parts) in [
            ("เครื่องพิมพ์ของฉันเสีย", &["พิมพ์", "เครื่อง", "ฉัน", "เสีย", "ส"][..]),
            ("ເຄື່ອງພິມເສຍ", &["ພິມ", "ເສຍ"]),
            ("ម៉ាស៊ីនបោះពុម្ពខូច", &["បោះពុម្ព", "ខូច"]),
            ("ပရင်တာပျက်နေတယ်", &["ပျက်", "ပရင်တာ"]),
            (
                "新しいプリンターが故障しました。",
                &["プリンター", "ﾌﾟﾘﾝﾀｰ", "故障", "障", "新", "た"],
            ),
            ("打印机坏了", &["打印机", "印机", "坏了", "了"]),
            (
                "프린터가 고장났어요",
                &[
                    "프린터",
                    "고장",
                    "장났",
                    "요",
                    "\u{1111}\u{1173}\u{1105}\u{1175}\u{11AB}",
                ],
            ),
            (
                "Druckerstörung: iPhone修理中",
                &["DRUCKERSTÖ", "iphone修理", "修理中", "理"],
            ),
            ("हिन्दी में प्रिंटर", &["हिन्दी", "प्रिंट"]),
        ] {
            for part in parts {
                assert!(finds(part, text), "{part} in {text}");
            }
        }
        for (text, other) in [
            ("หิมะ", "มหิ"),
            ("東京都", "京東"),
            ("हिन्दी", "न"),
            ("한국어", "국한"),
        ] {
            assert!(!finds(other, text), "{other} in {text}");
        }
    }
}
