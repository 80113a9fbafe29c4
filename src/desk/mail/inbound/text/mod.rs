//! The texts of a mail: from bytes to what a reader sees.

pub mod charset;
pub mod flowed;
pub mod html;
pub mod transfer;

use crate::desk::fold::is_blank;

/// Line ends become LF; other control characters except tabs are removed, as are invisible characters at both ends.
pub fn normalize(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let cleaned: String = text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .map(|c| if c == '\u{a0}' { ' ' } else { c })
        .collect();
    if cleaned.chars().all(is_blank) {
        return String::new();
    }
    let is_edge = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}');
    let cleaned = cleaned.trim_end_matches(is_edge);
    // White space in front of the first word may be there to align it with the lines below.
    let blank = cleaned
        .len()
        .saturating_sub(cleaned.trim_start_matches(is_edge).len());
    let line = cleaned.get(..blank).and_then(|head| head.rfind('\n'));
    let start = line.map_or(0, |at| at.saturating_add(1));
    cleaned
        .get(start..)
        .unwrap_or(cleaned)
        .trim_start_matches(['\u{feff}', '\u{200b}'])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_invisible_characters_is_empty() {
        for (text, want) in [
            ("\u{200b}\u{2060}\u{3164}\r\n\u{a0}\u{200c}", ""),
            ("\u{feff}  a\r\n  b \u{200b}\n", "  a\n  b"),
            ("\u{200f}שלום", "\u{200f}שלום"),
            ("❤\u{fe0f}", "❤\u{fe0f}"),
        ] {
            assert_eq!(normalize(text), want, "{text:?}");
        }
    }
}
