//! Which of two forms of a text is read, the plain one or that of the HTML: normally the plain one.

/// Places at which a text is looked for in the other one.
const SAMPLES: usize = 16;
/// Letters that are compared at each of them.
const SAMPLE_CHARS: usize = 8;

/// The text that a reader sees. Some programs say in the plain text only that there is HTML, or how it begins.
pub fn choose(plain: String, html: String) -> String {
    if plain.trim().is_empty() || html.trim().is_empty() {
        return if plain.trim().is_empty() { html } else { plain };
    }
    let letters = |text: &str| -> Vec<char> {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let (short, long) = (letters(&plain), letters(&html));
    let is_beginning = long.len() > short.len().saturating_mul(4).saturating_add(400);
    // Nothing but a remark, such as that the text is the other one.
    let is_longer = long.len() >= short.len();
    let long: String = long.into_iter().collect();
    let step = (short.len() / SAMPLES).max(1);
    let samples: Vec<String> = (0..short.len())
        .step_by(step)
        .filter_map(|at| short.get(at..at.saturating_add(SAMPLE_CHARS).min(short.len())))
        .map(|sample| sample.iter().collect())
        .collect();
    let found = samples
        .iter()
        .filter(|sample| long.contains(sample.as_str()))
        .count();
    if is_longer && found.saturating_mul(3) < samples.len() {
        // Two different texts.
        return format!("{plain}\n\n{html}");
    }
    if is_beginning { html } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_text_is_read_unless_it_says_something_else() {
        let long = format!("The printer is on fire. {}", "And so is the house. ".repeat(40));
        for (plain, html, want) in [
            ("Hello *there*", "Hello there", "Hello *there*"),
            ("", "Hello", "Hello"),
            ("Hello", "", "Hello"),
            ("\u{a0}", "Hello", "Hello"),
            ("\u{1f600}", "\u{1f600}", "\u{1f600}"),
            ("ok", "Ok (https://x.example)", "ok"),
            (
                "打印机坏\n了，请帮忙",
                "打印机坏了，请帮忙",
                "打印机坏\n了，请帮忙",
            ),
            (
                "Your program shows no HTML.",
                "The printer is on fire, please send somebody.",
                "Your program shows no HTML.\n\nThe printer is on fire, please send somebody.",
            ),
            ("The printer is on fire.", &long, &long),
        ] {
            assert_eq!(choose(plain.to_owned(), html.to_owned()), want, "{plain}");
        }
    }
}
