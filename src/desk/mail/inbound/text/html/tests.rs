//! HTML as mail programs write it.

use super::*;

#[test]
fn visible_text_is_kept() {
    for (html, want) in [
        ("plain", "plain"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("<div>One<br>Two<br><br>Three</div>", "One\nTwo\n\nThree"),
        ("<b>Bold</b> and\n <i>not</i>", "Bold and not"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<ol start=3><li>a<li>b</ol>", "3. a\n4. b"),
        (
            "<ol><li>a<ul><li>x</ul><li value=7>b</ol>c",
            "1. a\n  - x\n7. b\nc",
        ),
        (
            "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>",
            "1 2\n3",
        ),
        (
            "<head><title>x</title><style>p{}</style></head>Hi<script>a<b</script>!",
            "Hi!",
        ),
        ("<head><title>x</title><body>Hi", "Hi"),
        ("<div style='display: none'>secret<div>x</div></div>Hi", "Hi"),
        ("a<!-- hidden <p> -->b", "ab"),
        (
            "5 &lt; 6 &amp;&amp; 7 &gt; 6&nbsp;&#8364; &#x20AC; &auml;",
            "5 < 6 && 7 > 6 € € ä",
        ),
        (
            "&ecirc;&zcaron;&Omega;&rarr;&hearts; &#146;s &eacute",
            "êžΩ→♥ ’s é",
        ),
        ("a < b and b > c", "a < b and b > c"),
        ("&unknown; & &;", "&unknown; & &;"),
        ("<P CLASS='x'>Upper</P>", "Upper"),
        ("<!DOCTYPE html><html><body>x</body></html>", "x"),
        ("<p>&nbsp;</p><p>&nbsp;</p>x", "x"),
        ("<a title=\"a > b\" href='#top'>up</a>", "up"),
        ("<p>one<p>two<br/>three", "one\ntwo\nthree"),
        ("<pre>a  b\n  c\n\n\nd</pre>e", "a  b\n  c\n\n\nd\ne"),
        ("<hr>a<hr>", "---\na\n---"),
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
fn words_are_not_hidden_by_what_never_ends() {
    for (html, want) in [
        ("<p style='display:none'>before<p>Hello</p>", "before\nHello"),
        ("<p hidden>a<p>Hello</p><p>World</p>", "a\nHello\nWorld"),
        ("<div style='display:none'>a<p>Hello", "a\nHello"),
        ("<ul><li style='display:none'>a<li>Hello</ul>b", "- a\n- Hello\nb"),
        (
            "<table><tr><td style='mso-hide:all'>a<td>Hello</table>",
            "a Hello",
        ),
        ("<embed hidden>Hello", "Hello"),
        ("<param style='display:none'>Hello", "Hello"),
        ("<svg/>Hello", "Hello"),
        ("<head>Hello", "Hello"),
        ("<head><meta x><p>Hello</p></html>", "Hello"),
        ("<noscript>Hello</noscript>", "Hello"),
        ("<div style='display:none'>Hello</div>", "Hello"),
        ("<title>x</title><body></body>", ""),
        ("<script>x", ""),
        // What people write between these signs.
        ("I am <jane@x.example>, hello", "I am <jane@x.example>, hello"),
        (
            "See <https://x.example/a> there",
            "See <https://x.example/a> there",
        ),
        ("<details><summary>More</summary>Hello</details>", "More\nHello"),
    ] {
        assert_eq!(to_text(html), want, "{html}");
    }
}

#[test]
fn quotations_are_marked_as_deep_as_they_are() {
    for (html, want) in [
        (
            "On <b>it</b>:<blockquote type='cite'><p>a</p>b<br>c<blockquote>d</blockquote>e</blockquote>f",
            "On it:\n> a\n> b\n> c\n> > d\n> e\nf",
        ),
        ("<blockquote>a<br><br><br>b</blockquote>c", "> a\n>\n> b\nc"),
        ("<blockquote>never ends", "> never ends"),
        ("a</blockquote>b", "a\nb"),
    ] {
        assert_eq!(to_text(html), want, "{html}");
    }
}

#[test]
fn links_and_pictures_say_what_they_are() {
    for (html, want) in [
        (
            "<a href='https://x.example/a?b=1&amp;c=2'>here</a>.",
            "here (https://x.example/a?b=1&c=2).",
        ),
        (
            "See <a href='https://x.example/'>https://x.example</a>",
            "See https://x.example",
        ),
        (
            "See <a href='http://www.x.example'>x.example</a>",
            "See x.example",
        ),
        (
            "<a href='mailto:jane@x.example'>jane@x.example</a>",
            "jane@x.example",
        ),
        (
            "<a href='mailto:jane@x.example'>Jane</a>",
            "Jane (jane@x.example)",
        ),
        ("<a href='tel:+4912'>+49 12</a>", "+49 12"),
        ("<a href='javascript:x()'>click</a>", "click"),
        (
            "<a href='https://x.example'><img src=y alt='Logo'></a>",
            "Logo (https://x.example)",
        ),
        ("<a href='https://x.example'><img src=y></a>", "https://x.example"),
        (
            "<a href='https://x.example'>never ends",
            "never ends (https://x.example)",
        ),
        ("It works <img alt='🎉' src=x>", "It works 🎉"),
        (
            "<p><a href='https://x.example'>a<br>b</a></p>c",
            "a\nb (https://x.example)\nc",
        ),
    ] {
        assert_eq!(to_text(html), want, "{html}");
    }
}

#[test]
fn malformed_input_takes_linear_time() {
    for junk in [
        "<",
        "<div>",
        "</",
        "&",
        "<!--",
        "<style></",
        "&#x",
        "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ",
        "&zzzzzzzz;",
        "<p hidden>",
        "<blockquote>",
        "<ol><li>",
        "<a href='https://x'>",
    ] {
        assert!(to_text(&junk.repeat(100_000)).len() <= 20_000_000);
    }
}
