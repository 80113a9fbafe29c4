//! Turns mails that are HTML only into text: what a reader sees, line by line.

/// Elements whose content is never shown.
const HIDDEN_ELEMENTS: [&str; 6] = ["head", "style", "script", "title", "template", "noscript"];
/// Elements that begin on a new line.
const BLOCK_ELEMENTS: [&str; 24] = [
    "address", "article", "center", "dd", "div", "dl", "dt", "fieldset", "footer", "form", "h1", "h2", "h3",
    "h4", "h5", "h6", "header", "hr", "li", "p", "pre", "section", "table", "tr",
];
/// The named entities that occur in mails.
const NAMED_ENTITIES: [(&str, char); 46] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("ensp", ' '),
    ("emsp", ' '),
    ("euro", '€'),
    ("pound", '£'),
    ("sect", '§'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("deg", '°'),
    ("middot", '·'),
    ("bull", '•'),
    ("hellip", '…'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("iexcl", '¡'),
    ("iquest", '¿'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("aacute", 'á'),
    ("agrave", 'à'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("iacute", 'í'),
    ("oacute", 'ó'),
    ("uacute", 'ú'),
    ("ntilde", 'ñ'),
    ("ccedil", 'ç'),
];
/// The longest name or number between `&` and `;`, in bytes.
const MAX_ENTITY_BYTES: usize = 10;

/// The text of an HTML document. It takes linear time on any input.
pub fn to_text(html: &str) -> String {
    let mut out = TextBuilder::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_text(before);
        rest = if let Some(comment) = tag.strip_prefix("<!--") {
            comment.split_once("-->").map_or("", |(_, rest)| rest)
        } else {
            parse_tag(tag, &mut out)
        };
    }
    out.push_text(rest);
    out.finish()
}

/// Handles one tag. Returns what follows the tag or, for an element that is never shown, what follows the element.
fn parse_tag<'a>(tag: &'a str, out: &mut TextBuilder) -> &'a str {
    let inner = tag.get(1..).unwrap_or_default();
    let is_end = inner.starts_with('/');
    let word = inner.trim_start_matches('/');
    // A `<` that begins no tag is an ordinary character.
    if !word.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?')) {
        out.push_text("<");
        return inner;
    }
    let length = word.find(|c: char| !c.is_ascii_alphanumeric());
    let name = word
        .get(..length.unwrap_or(word.len()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let rest = inner.split_once('>').map_or("", |(_, rest)| rest);
    if name == "br" {
        out.end_line();
    } else if name == "li" && !is_end {
        out.end_open_line();
        out.push_text("- ");
    } else if name == "blockquote" {
        out.end_open_line();
        out.depth = match is_end {
            true => out.depth.saturating_sub(1),
            false => out.depth.saturating_add(1),
        };
    } else if BLOCK_ELEMENTS.contains(&name.as_str()) {
        out.end_open_line();
    } else if matches!(name.as_str(), "td" | "th") && is_end {
        out.push_text(" ");
    } else if HIDDEN_ELEMENTS.contains(&name.as_str()) && !is_end {
        return skip_element(rest, &name);
    }
    rest
}

/// What follows the end tag of an element.
fn skip_element<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        let is_it = after
            .get(..name.len())
            .is_some_and(|word| word.eq_ignore_ascii_case(name));
        if is_it {
            return after.split_once('>').map_or("", |(_, rest)| rest);
        }
        rest = after;
    }
    ""
}

/// The text while it is built.
#[derive(Default)]
struct TextBuilder {
    done: String,
    line: String,
    /// White space is pending: it is written before the next word on this line.
    space: bool,
    /// How many nested quotations the text is in. Their lines begin with `> `, however deep.
    depth: usize,
}

impl TextBuilder {
    fn push_text(&mut self, text: &str) {
        let text = decode_entities(text);
        for c in text.chars() {
            if c.is_whitespace() {
                self.space = !self.line.is_empty();
            } else {
                if std::mem::take(&mut self.space) {
                    self.line.push(' ');
                }
                self.line.push(c);
            }
        }
    }

    /// Ends the line, even an empty one, but never leaves more than one empty line in a row.
    fn end_line(&mut self) {
        self.space = false;
        let is_gap = self.done.is_empty() || self.done.ends_with("\n\n");
        if !(self.line.is_empty() && is_gap) {
            if self.depth > 0 {
                self.done.push_str("> ");
            }
            self.done.push_str(&self.line);
            self.done.push('\n');
        }
        self.line.clear();
    }

    /// Ends the line unless it is empty.
    fn end_open_line(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }

    fn finish(mut self) -> String {
        self.end_open_line();
        self.done.trim().to_owned()
    }
}

/// Replaces named and numbered entities by their characters.
fn decode_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.bytes().take(MAX_ENTITY_BYTES).position(|b| b == b';');
        let found = end.and_then(|end| {
            Some((
                decode_entity(after.get(..end)?)?,
                after.get(end.saturating_add(1)..)?,
            ))
        });
        if let Some((c, behind)) = found {
            out.push(c);
            rest = behind;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn decode_entity(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        let known = NAMED_ENTITIES.iter().find(|(known, _)| *known == name);
        return known.map(|(_, c)| *c);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).filter(|c| !c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_text_is_kept() {
        for (html, want) in [
            ("plain", "plain"),
            ("<p>One</p><p>Two</p>", "One\nTwo"),
            ("<div>One<br>Two<br><br>Three</div>", "One\nTwo\n\nThree"),
            ("<b>Bold</b> and\n <i>not</i>", "Bold and not"),
            ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
            (
                "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>",
                "1 2\n3",
            ),
            (
                "<head><title>x</title><style>p{}</style></head>Hi<script>a<b</script>!",
                "Hi!",
            ),
            ("a<!-- hidden <p> -->b", "ab"),
            (
                "5 &lt; 6 &amp;&amp; 7 &gt; 6&nbsp;&#8364; &#x20AC; &auml;",
                "5 < 6 && 7 > 6 € € ä",
            ),
            ("a < b and b > c", "a < b and b > c"),
            ("&unknown; &#0; & &;", "&unknown; &#0; & &;"),
            ("<P CLASS='x'>Upper</P>", "Upper"),
            ("<!DOCTYPE html><html><body>x</body></html>", "x"),
            ("<p>&nbsp;</p><p>&nbsp;</p>x", "x"),
            (
                "On <b>it</b>:<blockquote type='cite'><p>a</p>b<br>c<blockquote>d</blockquote>e</blockquote>f</blockquote>g",
                "On it:\n> a\n> b\n> c\n> d\n> e\nf\ng",
            ),
            ("<style>never ends", ""),
            ("<p", ""),
            ("<!--", ""),
            ("é<ü>", "é<ü>"),
            ("", ""),
        ] {
            assert_eq!(to_text(html), want, "{html}");
        }
    }

    #[test]
    fn malformed_input_takes_linear_time() {
        for junk in ["<", "<div>", "</", "&", "<!--", "<style></", "&#x"] {
            assert!(to_text(&junk.repeat(200_000)).len() <= 1_400_000);
        }
    }
}
