//! Writes tables as CSV (RFC 4180) in which spreadsheets do not run formulas.

/// The media type of what [`push_row`] writes.
pub const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// Begins a file whose text spreadsheets shall read as UTF-8 instead of guessing.
pub const BOM: &str = "\u{FEFF}";

/// Appends one row, terminated by CR LF.
pub fn push_row<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (at, text) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_cell(out, text);
    }
    out.push_str("\r\n");
}

/// Appends one cell. Text that a spreadsheet would read as a formula gets an apostrophe in front
/// (<https://owasp.org/www-community/attacks/CSV_Injection>). Text that contains a delimiter, a quote or a line break,
/// or begins or ends with white space, is quoted.
pub fn push_cell(out: &mut String, text: &str) {
    let guard = if is_formula(text) { "'" } else { "" };
    // Semicolons too: in many countries spreadsheets use them as the delimiter.
    let is_quoted = text.contains(['"', ',', ';', '\t', '\r', '\n']) || text.trim() != text;
    if is_quoted {
        out.push('"');
        out.push_str(guard);
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(guard);
        out.push_str(text);
    }
}

/// Whether the text begins like a formula, after any white space and invisible characters. Full-width characters, as
/// used in East Asia, count too.
fn is_formula(text: &str) -> bool {
    let begins = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    text.starts_with(['\t', '\r', '\n'])
        || text
            .trim_start_matches(|c: char| {
                c.is_whitespace() || c.is_control() || matches!(c, '\u{200B}' | '\u{FEFF}')
            })
            .starts_with(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_guarded() {
        for (text, want) in [
            ("", ""),
            ("plain", "plain"),
            ("two words", "two words"),
            ("a,b", "\"a,b\""),
            ("a;b", "\"a;b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            (" padded ", "\" padded \""),
            ("=1+1", "'=1+1"),
            (
                "=HYPERLINK(\"http://x\",\"y\")",
                "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"",
            ),
            ("+49 30 1", "'+49 30 1"),
            ("-5", "'-5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"'\t=1\""),
            ("\rx", "\"'\rx\""),
            ("\nx", "\"'\nx\""),
            ("  =1", "\"'  =1\""),
            ("\u{FEFF}=1", "'\u{FEFF}=1"),
            ("\0=1", "'\0=1"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("'=1", "'=1"),
            ("東京", "東京"),
        ] {
            let mut out = String::new();
            push_cell(&mut out, text);
            assert_eq!(out, want, "{text:?}");
        }
    }

    #[test]
    fn rows_end_as_the_standard_says() {
        let mut out = String::new();
        push_row(&mut out, ["id", "title"]);
        push_row(&mut out, ["1", "a,b"]);
        push_row(&mut out, [""]);
        push_row(&mut out, []);
        assert_eq!(out, "id,title\r\n1,\"a,b\"\r\n\r\n\r\n");
    }
}
