//! Turns HTML into text: what a reader sees, line by line.

mod tokens;

use crate::desk::mail::inbound::text::html::tokens::{Tag, Token, Tokens};

/// Elements whose content is never shown.
const HIDDEN_ELEMENTS: [&str; 8] = [
    "head", "style", "script", "title", "template", "noscript", "select", "svg",
];
/// Elements that have no end tag.
const VOID_ELEMENTS: [&str; 12] = [
    "area", "base", "col", "embed", "input", "keygen", "link", "meta", "param", "source", "track", "wbr",
];
/// Elements whose content is no text at all.
const CODE_ELEMENTS: [&str; 4] = ["script", "style", "template", "title"];
/// Elements that begin on a new line.
const BLOCK_ELEMENTS: [&str; 34] = [
    "address",
    "article",
    "aside",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "html",
    "legend",
    "main",
    "nav",
    "p",
    "section",
    "summary",
    "table",
    "tbody",
    "thead",
    "tr",
];
/// How deep quotations and lists are followed.
const MAX_DEPTH: usize = 20;

/// The text of an HTML document. It takes linear time on any input.
///
/// What is hidden is left out, unless its end is missing, or nothing else is there: rather too much is shown than words
/// are lost.
pub fn to_text(html: &str) -> String {
    match visible_text(html, is_hidden) {
        Some(text) if !text.trim().is_empty() => text,
        _ => visible_text(html, is_code).unwrap_or_default(),
    }
}

/// The text without the elements that are hidden. `None` if one of those that may have text in it never ends.
fn visible_text(html: &str, is_hidden: fn(&Tag) -> bool) -> Option<String> {
    let mut out = TextBuilder::default();
    // The element that is skipped with all that is in it, and how many of its name are open.
    let mut hidden: Option<(String, usize)> = None;
    let mut tokens = Tokens::new(html);
    while let Some(token) = tokens.next_token() {
        match token {
            Token::Start(tag) => {
                let name = tag.name.as_str();
                if let Some((known, depth)) = &mut hidden {
                    *depth = depth.saturating_add(usize::from(known == name && !tag.is_closed));
                    // Documents without an end of their head.
                    if known == "head" && name == "body" {
                        hidden = None;
                    }
                } else if is_hidden(&tag) {
                    hidden = Some((tag.name, 1));
                } else {
                    out.start(&tag);
                }
            }
            Token::End(name) => match &mut hidden {
                Some((known, depth)) if *known == name => {
                    *depth = depth.saturating_sub(1);
                    if *depth == 0 {
                        hidden = None;
                    }
                }
                Some(_) => {}
                None => out.end(&name),
            },
            Token::Text(text) if hidden.is_none() => out.push_text(&text),
            Token::Text(_) => {}
        }
    }
    let is_open = hidden.is_some_and(|(name, _)| !CODE_ELEMENTS.contains(&name.as_str()));
    (!is_open).then(|| out.finish())
}

fn is_code(tag: &Tag) -> bool {
    CODE_ELEMENTS.contains(&tag.name.as_str())
}

fn is_hidden(tag: &Tag) -> bool {
    let name = tag.name.as_str();
    if VOID_ELEMENTS.contains(&name) || matches!(name, "br" | "hr" | "img") {
        return false;
    }
    let style: String = tag.attribute("style").to_lowercase().split_whitespace().collect();
    (HIDDEN_ELEMENTS.contains(&name) && !(name == "svg" && tag.is_closed))
        || style.contains("display:none")
        || style.contains("mso-hide:all")
        || tag.has("hidden")
}

/// A list: numbered from this number on, or with dashes.
struct ListMarks(Option<i64>);

/// The text while it is built.
#[derive(Default)]
struct TextBuilder {
    done: String,
    line: String,
    /// White space is pending: it is written before the next word on this line.
    space: bool,
    /// How many nested quotations the text is in. Their lines begin with so many `> `.
    depth: usize,
    /// In how many `<pre>` the text is: white space is kept.
    pre: usize,
    lists: Vec<ListMarks>,
    /// The target of the link that is open, and where its text begins: how much was done, and in which place of the line.
    link: Option<(String, usize, usize)>,
}

impl TextBuilder {
    fn start(&mut self, tag: &Tag) {
        let name = tag.name.as_str();
        match name {
            "br" => self.end_line(),
            "hr" => {
                self.end_open_line();
                self.push_text("---");
                self.end_line();
            }
            "img" => self.push_text(tag.attribute("alt")),
            "a" => {
                self.end_link();
                let target = tag.attribute("href").trim().to_owned();
                let at = self.line.len().saturating_add(usize::from(self.space));
                self.link = is_shown_target(&target).then_some((target, self.done.len(), at));
            }
            "ul" | "menu" | "dir" => self.start_list(ListMarks(None)),
            "ol" => {
                let start = tag.attribute("start");
                self.start_list(ListMarks(Some(start.trim().parse().unwrap_or(1))));
            }
            "li" => self.start_item(tag.attribute("value")),
            "blockquote" => {
                self.end_open_line();
                self.depth = self.depth.saturating_add(1);
            }
            "pre" | "textarea" => {
                self.end_open_line();
                self.pre = self.pre.saturating_add(1);
            }
            "td" | "th" => self.space = !self.line.is_empty(),
            _ if BLOCK_ELEMENTS.contains(&name) => self.end_open_line(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "br" => self.end_line(),
            "a" => self.end_link(),
            "ul" | "ol" | "menu" | "dir" => {
                self.end_open_line();
                self.lists.pop();
            }
            "blockquote" => {
                self.end_open_line();
                self.depth = self.depth.saturating_sub(1);
            }
            "pre" | "textarea" => {
                self.end_open_line();
                self.pre = self.pre.saturating_sub(1);
            }
            "td" | "th" => self.space = !self.line.is_empty(),
            "li" => self.end_open_line(),
            _ if BLOCK_ELEMENTS.contains(&name) => self.end_open_line(),
            _ => {}
        }
    }

    fn start_list(&mut self, marks: ListMarks) {
        self.end_open_line();
        if self.lists.len() < MAX_DEPTH {
            self.lists.push(marks);
        }
    }

    fn start_item(&mut self, value: &str) {
        self.end_open_line();
        let indent = "  ".repeat(self.lists.len().saturating_sub(1));
        let mark = match self.lists.last_mut() {
            Some(ListMarks(Some(number))) => {
                *number = value.trim().parse().unwrap_or(*number);
                let mark = format!("{number}. ");
                *number = number.saturating_add(1);
                mark
            }
            _ => "- ".to_owned(),
        };
        self.line.push_str(&indent);
        self.line.push_str(&mark);
    }

    fn push_text(&mut self, text: &str) {
        if self.pre > 0 {
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    self.push_line();
                }
                self.line.push_str(line.strip_suffix('\r').unwrap_or(line));
            }
            return;
        }
        for c in text.chars() {
            if c.is_whitespace() {
                self.space = !self.line.is_empty();
            } else {
                if std::mem::take(&mut self.space) && !self.line.ends_with(' ') {
                    self.line.push(' ');
                }
                self.line.push(c);
            }
        }
    }

    /// Writes the target of a link behind its text, unless the text is the target.
    fn end_link(&mut self) {
        let Some((target, done, at)) = self.link.take() else {
            return;
        };
        let shown = if self.done.len() == done {
            self.line.get(at..).unwrap_or_default()
        } else {
            self.line.as_str()
        };
        let bare = |url: &str| {
            let url = url.trim().to_lowercase();
            let url = ["https://", "http://", "mailto:", "tel:", "www."]
                .iter()
                .fold(url, |url, scheme| {
                    url.strip_prefix(scheme).unwrap_or(&url).to_owned()
                });
            url.trim_end_matches('/').replace(' ', "")
        };
        if bare(shown) == bare(&target) {
            return;
        }
        let is_empty = self.line.is_empty();
        let shown = target.strip_prefix("mailto:").unwrap_or(&target).to_owned();
        self.push_text(&if is_empty { shown } else { format!(" ({shown})") });
    }

    /// Ends the line, even an empty one, but never leaves more than one empty line in a row.
    fn end_line(&mut self) {
        let is_gap = self.done.is_empty() || self.done.ends_with("\n\n") || self.ends_in_quoted_gap();
        if self.line.is_empty() && is_gap {
            self.space = false;
        } else {
            self.push_line();
        }
    }

    /// Whether the last line is an empty one of the quotation that the text is in.
    fn ends_in_quoted_gap(&self) -> bool {
        let mark = self.mark();
        self.depth > 0
            && self
                .done
                .strip_suffix('\n')
                .and_then(|done| done.rsplit('\n').next())
                .is_some_and(|last| last == mark.trim_end())
    }

    fn mark(&self) -> String {
        "> ".repeat(self.depth.min(MAX_DEPTH))
    }

    fn push_line(&mut self) {
        self.space = false;
        let mark = self.mark();
        self.done.push_str(format!("{mark}{}", self.line).trim_end());
        self.done.push('\n');
        self.line.clear();
    }

    /// Ends the line unless it is empty.
    fn end_open_line(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }

    fn finish(mut self) -> String {
        self.end_link();
        self.end_open_line();
        self.done.trim_matches('\n').to_owned()
    }
}

/// Whether a link leads somewhere outside of the mail.
fn is_shown_target(target: &str) -> bool {
    let target = target.to_ascii_lowercase();
    ["https://", "http://", "mailto:", "tel:", "ftp://"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
}

#[cfg(test)]
mod tests;
