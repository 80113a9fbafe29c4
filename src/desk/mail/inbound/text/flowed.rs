//! Text with `format=flowed` (RFC 3676): paragraphs that were broken into lines are joined again.

/// Joins lines that end with a space with the next one. With `del_sp` that space is not part of the text, as in
/// languages that write no spaces.
pub fn unfold(text: &str, del_sp: bool) -> String {
    let mut out: Vec<String> = Vec::new();
    // The depth of the line above, if it goes on in the next one.
    let mut open: Option<usize> = None;
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let rest = line.get(depth..).unwrap_or_default();
        // A space in front protects what would otherwise look like a quotation.
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        // The line above a signature ends with a space, and is not joined.
        let is_signature = rest == "-- ";
        let is_open = rest.ends_with(' ') && !is_signature;
        let text = match rest.strip_suffix(' ') {
            Some(text) if is_open && del_sp => text,
            _ => rest,
        };
        match out.last_mut() {
            Some(above) if open == Some(depth) && !is_signature && !rest.is_empty() => above.push_str(text),
            _ if depth == 0 => out.push(text.to_owned()),
            _ => out.push(format!("{} {text}", ">".repeat(depth))),
        }
        open = is_open.then_some(depth);
    }
    let lines: Vec<&str> = out
        .iter()
        .map(|line| {
            if line == "-- " {
                line
            } else {
                line.trim_end_matches(' ')
            }
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_joined() {
        for (text, del_sp, want) in [
            ("one \ntwo\nthree", false, "one two\nthree"),
            ("one \r\ntwo\r\nthree", false, "one two\nthree"),
            ("印刷 \n機", true, "印刷機"),
            ("a  \nb", true, "a b"),
            ("> one \n> two\nthree", false, "> one two\nthree"),
            ("> one \nmine", false, "> one\nmine"),
            (">> deep \n> less", false, ">> deep\n> less"),
            (" > no quotation \nindeed", false, "> no quotation indeed"),
            ("  indented", false, " indented"),
            ("text \n-- \nJane", false, "text\n-- \nJane"),
            ("one \n\ntwo", false, "one\n\ntwo"),
            ("", false, ""),
        ] {
            assert_eq!(unfold(text, del_sp), want, "{text:?}");
        }
    }
}
