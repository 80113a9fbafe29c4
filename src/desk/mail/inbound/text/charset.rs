//! Character sets: which one bytes are in, whatever is said of them.
//!
//! The platform decodes by the labels of the WHATWG Encoding Standard; the few sets that mails still use and browsers do
//! not know are decoded here.

use mail_parser::decoders::charsets::map::charset_decoder;

/// Decodes bytes in a named character set. `None` if the set is unknown.
pub type CharsetDecoder<'a> = &'a dyn Fn(&str, &[u8]) -> Option<String>;

/// Names that say nothing: their bytes are plain ASCII, or the program did not know better.
const MEANINGLESS: [&str; 9] = [
    "",
    "us-ascii",
    "ascii",
    "ansi_x3.4-1968",
    "iso646-us",
    "unknown-8bit",
    "x-unknown",
    "default",
    "binary",
];

/// Names of sets that the standard knows under another one.
const ALIASES: [(&str, &str); 11] = [
    ("cp936", "gbk"),
    ("ms936", "gbk"),
    ("cp932", "shift_jis"),
    ("ms932", "shift_jis"),
    ("cp949", "euc-kr"),
    ("ms949", "euc-kr"),
    ("cp950", "big5"),
    ("cp874", "windows-874"),
    ("utf8mb4", "utf-8"),
    ("x-utf-8", "utf-8"),
    ("x-big5", "big5"),
];

/// Bytes of an HTML document in which it may name its character set; browsers look as far.
const META_BYTES: usize = 1_024;

/// The text of bytes that are said to be in a character set.
pub fn decode_bytes(bytes: &[u8], label: Option<&str>, decoder: CharsetDecoder) -> String {
    decode(bytes, label, None, decoder)
}

/// The text of an HTML document, which may name its character set itself.
pub fn decode_html(bytes: &[u8], label: Option<&str>, decoder: CharsetDecoder) -> String {
    decode(bytes, label, meta_charset(bytes), decoder)
}

/// In this order: what the label says, UTF-8 if the bytes are valid, what the document says, and windows-1252.
fn decode(bytes: &[u8], label: Option<&str>, meta: Option<String>, decoder: CharsetDecoder) -> String {
    if bytes.is_ascii() && !bytes.contains(&0x1b) && label.is_none_or(is_ascii_compatible) {
        return bytes.iter().map(|byte| char::from(*byte)).collect();
    }
    let label = label
        .map(normalize_label)
        .filter(|label| !MEANINGLESS.contains(&label.as_str()));
    for (mark, name) in [
        (&b"\xef\xbb\xbf"[..], "utf-8"),
        (b"\xff\xfe", "utf-16le"),
        (b"\xfe\xff", "utf-16be"),
    ] {
        if bytes.starts_with(mark) && label.as_deref().is_none_or(|label| label.starts_with("utf-")) {
            let rest = bytes.get(mark.len()..).unwrap_or_default();
            return decode_named(name, rest, decoder).unwrap_or_default();
        }
    }
    let is_utf8 = label.as_deref() == Some("utf-8") || label.as_deref() == Some("utf8");
    if let Some(label) = label.as_deref().filter(|_| !is_utf8)
        && let Some(text) = decode_named(label, bytes, decoder)
    {
        return text;
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.contains("\u{1b}$")
    {
        return text.to_owned();
    }
    let named = if bytes.windows(2).any(|two| two == b"\x1b$") {
        Some("iso-2022-jp".to_owned())
    } else {
        meta.map(|meta| normalize_label(&meta))
            .filter(|meta| !meta.starts_with("utf"))
    };
    if let Some(text) = named.and_then(|named| decode_named(&named, bytes, decoder)) {
        return text;
    }
    // Broken UTF-8 has valid characters all the same; text in another set has hardly any.
    let lossy = String::from_utf8_lossy(bytes);
    if lossy
        .chars()
        .any(|c| !c.is_ascii() && c != char::REPLACEMENT_CHARACTER)
    {
        return lossy.into_owned();
    }
    decode_named("windows-1252", bytes, decoder)
        .unwrap_or_else(|| bytes.iter().map(|byte| char::from(*byte)).collect())
}

/// Whether ASCII bytes are ASCII text in this set.
fn is_ascii_compatible(label: &str) -> bool {
    let label = normalize_label(label);
    ![
        "utf-7", "utf-16", "utf-32", "hz", "iso-2022", "unicode", "ucs", "ibm037", "ebcdic",
    ]
    .iter()
    .any(|wide| label.starts_with(wide) || label.contains("utf-7"))
}

fn normalize_label(label: &str) -> String {
    let label = label.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let label = label.to_ascii_lowercase();
    if let Some((_, name)) = ALIASES.iter().find(|(name, _)| *name == label) {
        return (*name).to_owned();
    }
    // The same names, written in other ways: `Windows1251`, `cp-1250`, `iso8859_2`, `latin-2`.
    let plain: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let behind = |start: &str| plain.strip_prefix(start).filter(is_number);
    let windows = ["windows", "win", "cp", "ibm", "xcp", "mswindows"];
    if let Some(page) = windows
        .iter()
        .find_map(|start| behind(start))
        .filter(|page| page.starts_with("125"))
    {
        return format!("windows-{page}");
    }
    if let Some(part) = behind("iso8859")
        .or(behind("8859"))
        .filter(|part| part.len() <= 2)
    {
        return format!("iso-8859-{part}");
    }
    match behind("latin") {
        Some(part) => format!("latin{part}"),
        None => label,
    }
}

fn decode_named(label: &str, bytes: &[u8], decoder: CharsetDecoder) -> Option<String> {
    match label {
        "hz-gb-2312" | "hz" => decoder("gbk", &shift_hz(bytes)),
        "iso-2022-kr" | "csiso2022kr" => decoder("euc-kr", &shift_iso_2022_kr(bytes)),
        _ => decoder(label, bytes).or_else(|| charset_decoder(label.as_bytes()).map(|decode| decode(bytes))),
    }
}

/// HZ (RFC 1843) as GBK: between `~{` and `~}` the highest bit of each byte is missing.
fn shift_hz(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut is_wide = false;
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        let next = rest.peek().copied();
        match (byte, next) {
            (b'~', Some(b'{')) => is_wide = true,
            (b'~', Some(b'}')) => is_wide = false,
            (b'~', Some(b'~')) if !is_wide => out.push(b'~'),
            (b'~', Some(b'\n')) if !is_wide => {}
            _ => {
                out.push(if is_wide && byte.is_ascii_graphic() {
                    byte | 0x80
                } else {
                    byte
                });
                continue;
            }
        }
        rest.next();
    }
    out
}

/// ISO-2022-KR (RFC 1557) as EUC-KR: between SO and SI the highest bit of each byte is missing.
fn shift_iso_2022_kr(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.strip_prefix(b"\x1b$)C").unwrap_or(bytes);
    let mut is_wide = false;
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            0x0e => is_wide = true,
            0x0f => is_wide = false,
            _ => out.push(if is_wide && byte.is_ascii_graphic() {
                byte | 0x80
            } else {
                *byte
            }),
        }
    }
    out
}

/// The character set that an HTML document names: `<meta charset=x>`, or `content="text/html; charset=x"`.
fn meta_charset(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..META_BYTES.min(bytes.len()))?;
    let head: String = head
        .iter()
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let mut rest = head.as_str();
    while let Some((_, meta)) = rest.split_once("<meta") {
        let tag = meta.split('>').next().unwrap_or_default();
        if let Some((_, value)) = tag.split_once("charset") {
            let value = value.trim_start().strip_prefix('=')?.trim_start();
            let value = value.trim_start_matches(['"', '\'']);
            let end = value.find(|c: char| matches!(c, '"' | '\'' | ';' | '/') || c.is_whitespace());
            return value.get(..end.unwrap_or(value.len())).map(str::to_owned);
        }
        rest = meta;
    }
    None
}

#[cfg(test)]
pub mod testing {
    /// The labels of the platform, by another implementation of the same standard.
    pub fn decoder(label: &str, bytes: &[u8]) -> Option<String> {
        let encoding = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())?;
        Some(encoding.decode_without_bom_handling(bytes).0.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::decoder;
    use super::*;

    #[test]
    fn every_label_of_the_standard_is_known_and_some_more() {
        for (label, bytes, want) in [
            ("iso-8859-1", &b"caf\xe9"[..], "café"),
            ("LATIN1", b"caf\xe9", "café"),
            ("\"iso-8859-15\"", b"\xa4 5", "€ 5"),
            ("windows-1252", b"\x80 5", "€ 5"),
            ("koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
            ("windows-1251", b"\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"),
            ("iso-8859-7", b"\xc3\xe5\xe9\xdc", "Γειά"),
            ("windows-1255", b"\xf9\xec\xe5\xed", "שלום"),
            ("windows-1256", b"\xe3\xd1\xcd\xc8\xc7", "مرحبا"),
            ("windows-874", b"\xbe\xd4\xc1\xbe\xec", "พิมพ์"),
            ("tis-620", b"\xbe\xd4\xc1\xbe\xec", "พิมพ์"),
            ("cp874", b"\xbe\xd4\xc1\xbe\xec", "พิมพ์"),
            ("windows-949", b"\xc7\xc1\xb8\xb0\xc5\xcd", "프린터"),
            ("ks_c_5601-1987", b"\xc7\xc1\xb8\xb0\xc5\xcd", "프린터"),
            ("cp949", b"\xc7\xc1\xb8\xb0\xc5\xcd", "프린터"),
            ("gb2312", b"\xc4\xe3\xba\xc3", "你好"),
            ("cp936", b"\xc4\xe3\xba\xc3", "你好"),
            ("gb18030", b"\xc4\xe3\xba\xc3", "你好"),
            ("big5", b"\xa7\x41\xa6\x6e", "你好"),
            ("shift_jis", b"\x83\x76\x83\x8a\x83\x93\x83\x5e", "プリンタ"),
            ("cp932", b"\x83\x76\x83\x8a\x83\x93\x83\x5e", "プリンタ"),
            ("euc-jp", b"\xa5\xd7\xa5\xea", "プリ"),
            ("iso-2022-jp", b"\x1b$B%W%j\x1b(B", "プリ"),
            ("hz-gb-2312", b"~{Dc:C~} ok~~", "你好 ok~"),
            ("iso-2022-kr", b"\x1b$)C\x0eGA8\x30\x0f ok", "프린 ok"),
            ("utf-16", b"h\0i\0", "hi"),
            ("utf-16le", b"\xff\xfeh\0i\0", "hi"),
            ("utf-16be", b"\0h\0i", "hi"),
            ("utf-7", b"caf+AOk-", "café"),
            ("macintosh", b"caf\x8e", "café"),
            ("utf-8", "café".as_bytes(), "café"),
            ("utf-8", b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
            ("iso-8859-1", "é".as_bytes(), "Ã©"),
            // Names that are not written as the standard has them.
            ("Windows1251", b"\xcf\xf0\xe8", "При"),
            ("win-1251", b"\xcf\xf0\xe8", "При"),
            ("cp-1251", b"\xcf\xf0\xe8", "При"),
            ("ISO8859_2", b"\xb9", "š"),
            ("8859-2", b"\xb9", "š"),
            ("latin-2", b"\xb9", "š"),
            ("iso_8859-15", b"\xa4", "€"),
            // Labels that say nothing.
            ("us-ascii", "café".as_bytes(), "café"),
            ("ANSI_X3.4-1968", b"caf\xe9", "café"),
            ("unknown-8bit", "Störung".as_bytes(), "Störung"),
            ("", b"caf\xe9", "café"),
            ("nonsense", "café".as_bytes(), "café"),
            ("nonsense", b"caf\xe9", "café"),
            ("", b"\x1b$B%W%j\x1b(B", "プリ"),
            // Bytes that are not in the set: as much as can be read.
            ("utf-8", b"caf\xe9!", "café!"),
            ("utf-8", b"\xc3\xa4 caf\xe9!", "ä caf\u{fffd}!"),
        ] {
            assert_eq!(decode_bytes(bytes, Some(label), &decoder), want, "{label}");
        }
        assert_eq!(decode_bytes(b"caf\xe9", None, &decoder), "café");
        assert_eq!(decode_bytes("Störung".as_bytes(), None, &decoder), "Störung");
    }

    #[test]
    fn documents_name_their_set_themselves() {
        for (head, label, want) in [
            ("<meta charset=koi8-r>", None, "Привет"),
            ("<META CHARSET=\"KOI8-R\" />", None, "Привет"),
            (
                "<meta http-equiv=x content=\"text/html; charset=koi8-r\">",
                None,
                "Привет",
            ),
            ("<meta name=x><meta charset='koi8-r'>", Some("us-ascii"), "Привет"),
            ("<meta charset=windows-1252>", Some("koi8-r"), "Привет"),
            ("<meta charset=utf-8>", None, "ðÒÉ×ÅÔ"),
            ("<p>", None, "ðÒÉ×ÅÔ"),
        ] {
            let bytes = [head.as_bytes(), b"\xf0\xd2\xc9\xd7\xc5\xd4"].concat();
            let text = decode_html(&bytes, label, &decoder);
            assert_eq!(text.strip_prefix(head), Some(want), "{head} {label:?}");
        }
        // Valid UTF-8 is more likely than what a copied document says of itself.
        let text = decode_html("<meta charset=windows-1251>Störung".as_bytes(), None, &decoder);
        assert!(text.ends_with("Störung"));
    }
}
