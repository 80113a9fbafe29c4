//! When are two texts the same to a person? Search, lists of people, tags, filters and workflow rules all ask here.
//!
//! There are three forms. [`fold`] is for comparing and finding: compatibility forms, case, accents and the like are
//! gone. [`caseless`] is for what identifies, such as usernames and slugs: only case and the way of encoding are gone.
//! [`nfc`] is for what is kept as it was written, in one encoding of it.
//!
//! Not allowed here: cutting text into words for the index (`desk::tickets::search`).

pub mod letters;
pub mod normal_form;
#[cfg(test)]
pub mod pairs;
#[cfg(test)]
pub mod tests;

use crate::desk::fold::letters::{ascii_digit, is_accent, is_invisible, is_mark, push_simplified};
use crate::desk::fold::normal_form::{Form, normalize};

/// The form in which texts are compared and found: compatibility forms are resolved (NFKD), case is folded, the accents
/// of Latin, Greek, Cyrillic, Hebrew, Arabic and Syriac are gone, letters such as `ł` and `ß` are spelled in ASCII,
/// digits of all scripts are ASCII digits, and the rest is composed again (NFC). Marks that carry the sound of a word
/// stay: vowel signs of Indic scripts and Thai, and the voicing marks of kana. Folding twice changes nothing.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in normalize(text, Form::Nfkd).chars() {
        if c.is_ascii() {
            folded.push(c.to_ascii_lowercase());
        } else if let Some(digit) = ascii_digit(c) {
            folded.push(digit);
        } else if !is_accent(c) && !is_invisible(c) {
            // To upper case and back is full case folding: `ß` and `ẞ` are `ss`, both small sigmas are one.
            for lower in c
                .to_lowercase()
                .flat_map(char::to_uppercase)
                .flat_map(char::to_lowercase)
                .filter(|c| !is_accent(*c))
            {
                push_simplified(lower, &mut folded);
            }
        }
    }
    if folded.is_ascii() {
        folded
    } else {
        normalize(&folded, Form::Nfc).into_owned()
    }
}

/// [`fold`], with white space trimmed and runs of it as one space: how names compare.
pub fn fold_name(text: &str) -> String {
    fold(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The form in which what identifies somebody or something compares: composed (NFC) and in lower case, with all its
/// accents. The Turkish capital `İ` becomes a plain `i`.
pub fn caseless(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = normalize(text, Form::Nfc).to_lowercase().replace("i\u{307}", "i");
    normalize(&lower, Form::Nfc).into_owned()
}

/// The text in the one encoding of its letters that everybody uses (NFC).
pub fn nfc(text: &str) -> String {
    normalize(text, Form::Nfc).into_owned()
}

/// Whether a character is part of a word: letters, digits, and the marks that belong to letters.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

/// Whether a character shows nothing: white space, and characters that are invisible or as wide as a space.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}
