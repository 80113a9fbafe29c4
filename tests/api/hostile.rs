//! Odd documents and naughty strings: a clear answer to each, never a failure, and what is accepted comes
//! back byte for byte.

use std::thread;

use crate::support::{Anon, Caller, Customer, Manager, Value, json, make};

/// Values that are no JSON, at the place of one.
#[rustfmt::skip]
const REFUSED: [&[u8]; 96] = [
    b"", b" ", b"nul", b"nulll", b"NULL", b"True", b"TRUE", b"tru", b"undefined", b"NaN", b"nan", b"Infinity",
    b"-Infinity", b"inf", b"+1", b"-", b"--1", b"01", b"-01", b"00", b"1.", b".1", b"-.1", b"1.e1", b"1e", b"1e+",
    b"1e-", b"1E+-1", b"1.2.3", b"0x1F", b"0b1", b"0o7", b"1_000", b"1,000", b"1 2", b"1a", b"- 1", b"1e1.5",
    b"\xef\xbc\x91", b"'a'", b"`a`", b"\"", b"\"a", b"a\"", b"\"\\\"", b"\"\\a\"", b"\"\\x41\"", b"\"\\'\"",
    b"\"\\u\"", b"\"\\u1\"", b"\"\\u12\"", b"\"\\u123\"", b"\"\\u12G4\"", b"\"\\U00010000\"", b"\"\\u{41}\"",
    b"\"\\ud800\"", b"\"\\ud800\\u0041\"", b"\"\\udc00\"", b"\"\\udc00\\ud800\"", b"\"\\ud800\\ud800\"",
    b"\"\x00\"", b"\"\x01\"", b"\"\x1f\"", b"\"\t\"", b"\"\n\"", b"\"\r\"", b"\"\xff\"", b"\"\xc0\x80\"",
    b"\"\xc1\xbf\"", b"\"\xed\xa0\x80\"", b"\"\xed\xbf\xbf\"", b"\"\xf4\x90\x80\x80\"", b"\"\xf8\x88\x80\x80\x80\"",
    b"\"\xe2\x82\"", b"\"\x80\"", b"[", b"]", b"[1", b"[1,", b"[,1]", b"[1,]", b"[1,,2]", b"[1 2]", b"[1:2]", b"{", b"}",
    b"{a:1}", b"{1:1}", b"{\"a\"}", b"{\"a\":}", b"{\"a\":1,}", b"{\"a\" 1}", b"{,}", b"{\"a\":1}}",
    b"/* c */ 1", b"1 // c\n",
];

/// Values that are JSON, however odd.
#[rustfmt::skip]
const ACCEPTED: [&[u8]; 40] = [
    b"null", b"true", b"false", b"0", b"-0", b"-1", b"0.0", b"-0.0", b"1e1", b"1E1", b"1e+1", b"1e-1", b"0e0", b"123e45",
    b"9007199254740993", b"18446744073709551616", b"-9223372036854775809", b"100000000000000000000000000000000000000000",
    b"0.1000000000000000055511151231257827021181583404541015625", b"5e-324", b"1e-400", b"\"\"", b"\"\\u0041\"",
    b"\"\\ud83d\\ude00\"", b"\"\\/\"", b"\"\\b\\f\\n\\r\\t\"", b"\"\xf0\x9f\x98\x80\"", b"\"\xef\xbf\xbf\"", b"\"\x7f\"",
    b"\"\xe2\x80\xa8\"", b"[]", b"{}", b"[[]]", b"[{}]", b"{\"\":1}", b"{\"a\":{\"b\":[]}}", b" \t\r\n1 \t\r\n ",
    b"[1,\n2]", b"{\"__proto__\":1,\"constructor\":2}", b"{\"a\":1,\"A\":2}",
];

/// Values whose fate is open: only a failure would be wrong.
#[rustfmt::skip]
const OPEN: [&[u8]; 8] =
    [b"1e400", b"-1e400", b"123123e100000", b"0.4e00669999999999999999999999999999999999999999999999969999999006",
     b"\"\\u0000\"", b"\"\\u001f\"", b"{\"a\\u0000\":1}", b"1e-99999999999"];

fn with(value: &[u8]) -> Vec<u8> {
    [
        b"{\"title\":\"An odd document\",\"description\":\"Odd.\",\"unknown\":".as_slice(),
        value,
        b"}",
    ]
    .concat()
}

#[test]
fn odd_documents_are_read_or_refused() {
    let customer = Customer::any();
    let send = |body: &[u8]| {
        customer
            .ask("POST", "/tickets")
            .raw("application/json", body)
            .send()
    };
    for value in REFUSED {
        send(&with(value)).refused(400, "VALIDATION_ERROR");
        send(value).refused(400, "VALIDATION_ERROR");
    }
    for value in ACCEPTED {
        send(&with(value)).is(201);
    }
    for value in OPEN {
        let answer = send(&with(value));
        if !matches!(answer.status(), 201 | 400) {
            answer.fail("expected 201 or 400");
        }
    }
    let key = |key: &str| format!("{{\"title\":\"A key\",\"description\":\"Odd.\",{key}:1}}");
    for twice in [
        "\"title\"",
        "\"\\u0074itle\"",
        "\"x\":1,\"x\"",
        "\"x\":{\"y\":1,\"y\":2},\"z\"",
        "\"x\":[{\"y\":1,\"y\":2}],\"z\"",
    ] {
        send(key(twice).as_bytes()).refused(400, "VALIDATION_ERROR");
    }
    for document in [
        "\u{feff}{}",
        "{}{}",
        "{} {}",
        "{},",
        "{}\0",
        "\0{}",
        "[{}]",
        "\"{}\"",
        "{\"title\"",
        "title=x",
    ] {
        send(document.as_bytes()).refused(400, "VALIDATION_ERROR");
    }
    let many: String = (0..5_000).map(|at| format!("\"k{at}\":{at},")).collect();
    send(format!("{{{many}\"title\":\"Many keys\",\"description\":\"Odd.\"}}").as_bytes()).is(201);
    // UTF-16 is not what JSON is written in.
    let wide: Vec<u8> = "{\"title\":\"Wide\",\"description\":\"x\"}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    send(&wide).refused(400, "VALIDATION_ERROR");
    Anon::new().ask("GET", "/health").at_root().send().is(200);
}

/// Strings that have broken something somewhere.
#[rustfmt::skip]
const NAUGHTY: &[&str] = &[
    "undefined", "null", "NULL", "(null)", "nil", "None", "true", "false", "NaN", "Infinity", "-1", "0", "1e309",
    "0x7fffffff", "9007199254740993", "2147483648", "-2147483649", "1/0", "0,0", "1.0.0", "١٢٣", "１２３",
    "' OR '1'='1", "'; DROP TABLE tickets; --", "1; SELECT 1", "\" OR \"\"=\"", "') OR ('a'='a", "admin'--", "?1",
    ":name", "$1", "@p1", "%s%s%s%n", "%d", "%00", "%n%n%n", "{0}", "{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>",
    "{% debug %}", "$(reboot)", "`reboot`", "| cat /etc/passwd", "; ls", "&& whoami", "../../../etc/passwd",
    "..\\..\\boot.ini", "file:///etc/passwd", "C:\\con\\con", "CON", "NUL", "LPT1", "/dev/null", "~/.ssh/id_rsa",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "javascript:alert(1)",
    "\"><script>alert(1)</script>", "</textarea><b>", "<!--", "-->", "<![CDATA[", "]]>", "<?xml version=\"1.0\"?>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>", "&lt;b&gt;", "&amp;amp;", "&#0;", "\\u0041", "\\n",
    "\\", "\\\\", "\\\"", "\"", "\"\"", "'", "''", "`", "´", "=1+1", "=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)",
    "=HYPERLINK(\"http://evil.example\")", "key: value\nother: value", "Subject: x\r\nBcc: all@example.org",
    "HTTP/1.1 200 OK\r\n\r\n", "GET / HTTP/1.1", "Content-Length: 0", "line\nbreak", "line\r\nbreak", "line\rbreak",
    "tab\there", "   leading", "trailing   ", " \t\n ", "a  b", "\u{a0}", "\u{2003}wide\u{2003}", "\u{85}next",
    "\u{2028}line", "\u{2029}paragraph", "\u{feff}mark", "\u{fffe}", "\u{ffff}", "\u{fffd}", "\u{10ffff}", "\u{7f}",
    "\u{80}", "\u{9f}", "\u{ad}soft", "zero\u{200b}width", "join\u{200d}er", "\u{200e}ltr", "\u{200f}rtl",
    "\u{202a}a\u{202b}b\u{202c}", "\u{202e}reversed", "\u{2066}isolated\u{2069}", "\u{180e}", "\u{3164}", "\u{2800}",
    "é", "e\u{301}", "ñ", "n\u{303}", "Å", "\u{212b}", "ﬁ", "ß", "ẞ", "İ", "ı", "I\u{307}", "Ǆ", "ǅ", "ſ", "K",
    "Ω", "Ω", "µ", "μ", "①", "²", "½", "…", "“quotes”", "‚low‘", "«guillemets»", "–—―", "№", "™", "©", "€", "₿", "𝕬",
    "𝟙", "Z\u{351}\u{36b}\u{343}\u{32a}a\u{30a}\u{344}l\u{334}g\u{361}o", "\u{301}\u{301}\u{301}", "😀", "👩‍🚀",
    "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "👍🏽", "❤️", "🧑🏿‍🦰", "\u{1f3fb}", "\u{e0067}\u{e007f}", "田中さん", "社會科學院", "部落格", "ﾊﾝｶｸ",
    "かな", "カナ", "ゔ", "한국어", "ㅂㅈㄷ", "\u{1100}\u{1161}", "ไทย", "ภาษาไทย", "हिन्दी", "नि", "தமிழ்", "বাংলা", "සිංහල", "မြန်မာ",
    "ខ្មែរ", "ລາວ", "བོད", "ქართული", "ᲥᲐᲠᲗᲣᲚᲘ", "հայերեն", "Ελληνικά", "ς", "Русский", "Українська", "עברית", "שָׁלוֹם",
    "العربية", "الكُلّ", "‏مرحبا‏", "ﷺ", "﷽", "فارسی", "ܐܪܡܝܐ", "አማርኛ", "ꦗꦮ", "𐎀𐎁", "𓀀", "🀄", "𠜎𠜱𠝹𠱓", "龘", "㍿", "ㄅㄆㄇ",
    "﹏", "｀", "Ａ", "ａｂｃ", "〠", "〱", "ℵ", "∀x∈ℝ", "∑", "∞", "√", "≠", "←↑→↓", "█▓▒░", "♔", "♥", "☠", "☃", "⚡",
    "⠓⠑⠇⠇⠕", "𝄞", "˙ɐnbᴉlɐ", "ʇsǝʇ", "¯\\_(ツ)_/¯", "(╯°□°）╯︵ ┻━┻", "ಠ_ಠ", "ʕ•ᴥ•ʔ", "__proto__", "constructor",
    "prototype", "toString", "hasOwnProperty", "__defineGetter__", "valueOf", "length", "id", "rowid", "SELECT", "DROP",
    "TRUE", "nan", "inf", "e", "Scunthorpe", "Penistone", "Lightwater", "Dick Van Dyke", "<blink>", "{\"a\":1}", "[1,2,3]",
    "{", "}", "[", "]", "<", ">", "&", "%", "%%", "%20", "%2e%2e", "+", "#", "##", "*", "**", "_", "__", "~", "~~", "|", "||",
    "!", "!!", "?", "??", "@", "@@", "$", "$$", "^", "-", "--", "---", "=", "==", ",", ",,", ".", "..", "...", ":", "::",
    ";", ";;", "/", "//", "///",
];

fn naughty() -> Vec<String> {
    let mut all: Vec<String> = NAUGHTY.iter().map(|text| (*text).to_owned()).collect();
    all.push("x".repeat(9_999));
    all.push("😀".repeat(2_500));
    all.push("\u{301}".repeat(500));
    all.push("(".repeat(5_000));
    all.push("a\u{300}".repeat(2_000));
    all
}

/// Sends one text to a field; an accepted one must come back as it was, a refused one must be named.
fn round_trip(by: &Caller, method: &str, path: &str, body: Value, field: &str, text: &str) {
    let answer = by.ask(method, path).json(&body).send();
    match answer.status() {
        200 | 201 => {
            if answer.json()[field] != text {
                answer.fail(&format!("{field} came back changed"));
            }
        }
        400 => {
            if answer.json()["errors"].get(field).is_none() {
                answer.fail(&format!("refused, and {field} is not named"));
            }
        }
        _ => answer.fail("expected it accepted or refused"),
    }
}

#[test]
fn naughty_strings_come_back_as_they_were() {
    let texts = naughty();
    thread::scope(|scope| {
        for part in texts.chunks(texts.len().div_ceil(4)) {
            scope.spawn(move || {
                let customer = Customer::fresh();
                let ticket = make::ticket(&customer);
                let path = format!("/tickets/{}", ticket["id"]);
                let said = make::message(&customer, &ticket, "Nothing yet.");
                let said = format!("/messages/{}", said["id"]);
                for text in part {
                    let described = json!({"title": "Naughty", "description": text});
                    round_trip(&customer, "POST", "/tickets", described, "description", text);
                    round_trip(&customer, "PUT", &path, json!({"title": text}), "title", text);
                    round_trip(&customer, "PUT", &said, json!({"body": text}), "body", text);
                    round_trip(
                        &customer,
                        "PUT",
                        "/users/me",
                        json!({"first_name": text}),
                        "first_name",
                        text,
                    );
                    round_trip(
                        Manager::any(),
                        "PUT",
                        &path,
                        json!({"department": text}),
                        "department",
                        text,
                    );
                    let tagged = Manager::any().put(&path, json!({"tags": [text]}));
                    assert!(
                        matches!(tagged.status(), 200 | 400),
                        "{text:?}: {}",
                        tagged.text()
                    );
                }
            });
        }
    });
}

#[test]
fn what_is_ordinary_text_is_accepted() {
    // A desk that refuses these would refuse its customers' letters.
    let customer = Customer::fresh();
    let ticket = make::ticket(&customer);
    for text in naughty() {
        let blank = text.trim().is_empty();
        let control = text.chars().any(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r'));
        if !blank && !control {
            let answer = customer
                .post(
                    &format!("/tickets/{}/comments", ticket["id"]),
                    json!({"body": text}),
                )
                .is(201);
            assert_eq!(answer.json()["body"], text.as_str());
        }
    }
}

#[test]
fn naughty_names_of_people_are_names_or_refused() {
    for text in naughty().into_iter().step_by(3) {
        let body = json!({"email": make::email(), "password": make::PASSWORD, "username": text});
        let status = Anon::new().post("/auth/register", body).status();
        assert!(matches!(status, 201 | 400 | 409), "{text:?}: {status}");
        let status = Anon::new()
            .post("/auth/login", json!({"email": text, "password": text}))
            .status();
        assert!(matches!(status, 400 | 401 | 429), "{text:?}: {status}");
    }
}

#[test]
fn naughty_queries_and_paths_are_answered() {
    use crate::support::client::escape;
    let customer = Customer::any();
    for text in naughty().iter().filter(|text| text.len() < 2_000) {
        let text = escape(text);
        for path in [
            format!("/tickets/{text}"),
            format!("/tickets/key/{text}"),
            format!("/messages/{text}"),
        ] {
            let status = customer.get(&path).status();
            assert!(matches!(status, 200 | 404), "{path}: {status}");
        }
        for name in [
            "status",
            "assignee",
            "cursor",
            "sort",
            "tag",
            "department",
            "created_after",
            "q",
        ] {
            let status = customer.get(&format!("/tickets?limit=1&{name}={text}")).status();
            assert!(matches!(status, 200 | 400), "{name}={text}: {status}");
        }
        customer.get(&format!("/tickets?limit=1&{text}={text}")).status();
    }
    let long = "x".repeat(12_000);
    customer.get(&format!("/tickets?limit=1&q={long}")).is(200);
    customer.get(&format!("/tickets/{long}")).is(404);
}
