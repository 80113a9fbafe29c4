//! Uploaded files: which types and names are accepted, and under which name a file is stored and downloaded.

use std::fmt::Write as _;

/// The largest file: 25 MiB.
pub const MAX_FILE_BYTES: i64 = 26_214_400;
/// Files of one ticket; public and internal ones are counted separately.
pub const MAX_FILES_PER_TICKET: i64 = 20;
/// Bytes of a stored name; most file systems allow 255.
const MAX_NAME_BYTES: usize = 200;
/// The name of a file whose own name is unusable.
const DEFAULT_NAME: &str = "file";

/// The accepted media types. None of them runs or renders as a page in a browser.
pub const ALLOWED_CONTENT_TYPES: [&str; 54] = [
    "application/gzip",
    "application/json",
    "application/msword",
    "application/octet-stream",
    "application/pdf",
    "application/rtf",
    "application/vnd.apple.keynote",
    "application/vnd.apple.numbers",
    "application/vnd.apple.pages",
    "application/vnd.ms-excel",
    "application/vnd.ms-outlook",
    "application/vnd.ms-powerpoint",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/x-7z-compressed",
    "application/x-gzip",
    "application/x-tar",
    "application/x-zip-compressed",
    "application/zip",
    "application/zstd",
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/x-wav",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "message/rfc822",
    "text/calendar",
    "text/csv",
    "text/markdown",
    "text/plain",
    "text/rtf",
    "text/tab-separated-values",
    "text/vcard",
    "text/x-log",
    "video/mp4",
    "video/mpeg",
    "video/quicktime",
    "video/webm",
];

/// Extensions that are refused whatever type was declared: an operating system runs or mounts such files, or a browser
/// shows them as a page. Similar to the lists of Outlook and Gmail.
const BLOCKED_EXTENSIONS: &str = " ade adp apk app appimage application appref-ms appx asp aspx bash bat cgi chm cjs class \
    cmd com command cpl crt csh deb desktop dll dmg docm dotm drv elf exe fish gadget hlp hta htm html img inf \
    ins ipa iso isp jar jnlp js jse jsp jspx ksh lib library-ms lnk lua mde mht mhtml mjs msc msh msi msix msp \
    mst ocx osx phar php php3 php4 php5 phtml pif pkg pl potm ppam ppsm pptm ps1 ps1xml ps2 psc1 psd1 psm1 py \
    pyc pyw rb reg rpm run scf scpt scr sct search-ms settingcontent-ms sh shb shs shtml sldm so svg svgz swf \
    sys url vb vbe vbs vhd vhdx vxd wasm webloc ws wsc wsf wsh xht xhtml xlam xll xlsm xltm xsl xslt zsh ";

/// A file that may be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// See [`sanitize`].
    pub name: String,
    /// One of [`ALLOWED_CONTENT_TYPES`], followed by the parameters that were declared.
    pub content_type: String,
    /// In bytes.
    pub size: i64,
}

/// Checks that a file may be uploaded, from what the client declares.
///
/// # Errors
/// All validation errors as (field, message).
pub fn validate(name: &str, content_type: &str, size: i64) -> Result<FileSpec, Vec<(&'static str, String)>> {
    let mut errors = Vec::new();
    let name = sanitize(name);
    if let Some(ending) = extension(&name).filter(|ending| is_blocked_extension(ending)) {
        errors.push(("filename", format!("files ending in .{ending} are not accepted")));
    }
    let accepted = accept_content_type(content_type);
    if accepted.is_none() {
        errors.push(("content_type", "is not one of the accepted types".to_owned()));
    }
    if !(1..=MAX_FILE_BYTES).contains(&size) {
        errors.push(("size", format!("must be 1 to {MAX_FILE_BYTES} bytes")));
    }
    match accepted {
        Some(content_type) if errors.is_empty() => Ok(FileSpec {
            name,
            content_type,
            size,
        }),
        _ => Err(errors),
    }
}

/// A declared media type if it is accepted. Its parameters stay as they were written: the client sends them with the
/// file, and the signature of the upload covers them.
fn accept_content_type(declared: &str) -> Option<String> {
    let declared = declared.trim();
    let kind = without_parameters(declared);
    let usual = kind.to_lowercase();
    let usual = canonical_type(&usual);
    let accepted = ALLOWED_CONTENT_TYPES
        .into_iter()
        .find(|accepted| accepted.eq_ignore_ascii_case(usual))?;
    let parameters = declared.get(kind.len()..)?;
    let is_header_text = parameters.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    is_header_text.then(|| format!("{accepted}{parameters}"))
}

fn without_parameters(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// The media type of a download: one of [`ALLOWED_CONTENT_TYPES`], or plain bytes if the stored type is no longer
/// accepted.
pub fn safe_content_type(stored: &str) -> &'static str {
    ALLOWED_CONTENT_TYPES
        .into_iter()
        .find(|accepted| *accepted == without_parameters(stored))
        .unwrap_or("application/octet-stream")
}

/// The part after the last dot, in lower case.
fn extension(name: &str) -> Option<String> {
    name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase())
}

/// The extension of a name, if files with it are refused whatever their type is.
pub fn blocked_extension(name: &str) -> Option<String> {
    extension(name).filter(|ending| is_blocked_extension(ending))
}

/// The usual name of a media type that programs also write under others.
pub fn canonical_type(kind: &str) -> &str {
    match kind {
        "image/jpg" | "image/pjpeg" | "image/x-jpeg" | "image/jfif" => "image/jpeg",
        "image/x-png" => "image/png",
        "image/x-ms-bmp" | "image/x-bmp" => "image/bmp",
        "image/tif" | "image/x-tiff" => "image/tiff",
        "application/x-pdf" | "application/acrobat" | "text/pdf" => "application/pdf",
        "application/x-zip" => "application/zip",
        "application/x-compressed" | "application/x-compress" => "application/octet-stream",
        "application/x-7z" => "application/x-7z-compressed",
        "application/excel" | "application/x-excel" | "application/x-msexcel" => "application/vnd.ms-excel",
        "application/x-msword" | "application/vnd.msword" => "application/msword",
        "application/powerpoint" | "application/mspowerpoint" => "application/vnd.ms-powerpoint",
        "application/x-rtf" | "text/richtext" => "application/rtf",
        "audio/mp3" | "audio/x-mp3" | "audio/x-mpeg" | "audio/mpeg3" => "audio/mpeg",
        "audio/x-m4a" | "audio/m4a" | "audio/x-mp4" => "audio/mp4",
        "audio/vnd.wave" | "audio/wave" => "audio/wav",
        "audio/x-flac" => "audio/flac",
        "audio/x-aac" => "audio/aac",
        "video/x-m4v" | "video/m4v" => "video/mp4",
        "application/csv" | "text/comma-separated-values" | "text/x-csv" => "text/csv",
        "text/x-vcard" | "text/directory" => "text/vcard",
        "application/ics" | "text/x-vcalendar" => "text/calendar",
        "application/text" | "application/txt" | "text/x-plain" => "text/plain",
        "text/x-markdown" => "text/markdown",
        "message/global" => "message/rfc822",
        kind => kind,
    }
}

fn is_blocked_extension(ending: &str) -> bool {
    !ending.contains(' ') && BLOCKED_EXTENSIONS.contains(&format!(" {ending} "))
}

/// Makes a file name safe to store, to show and to save on any system: without folders, control, invisible or
/// direction-changing characters, characters that file systems forbid, leading or trailing dots and spaces, and
/// reserved device names. At most 200 bytes with its extension kept; never empty.
pub fn sanitize(name: &str) -> String {
    let base = name
        .rsplit(['/', '\\'])
        .find(|part| !part.trim().is_empty())
        .unwrap_or_default();
    let cleaned: String = base
        .chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .map(|c| match c {
            '<' | '>' | ':' | '"' | '|' | '?' | '*' => '_',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .collect();
    match trim_edges(&cleaned) {
        "" => DEFAULT_NAME.to_owned(),
        cleaned if is_device_name(cleaned) => truncate(&format!("_{cleaned}")),
        cleaned => truncate(cleaned),
    }
}

fn trim_edges(name: &str) -> &str {
    name.trim_matches(|c: char| c == '.' || c.is_whitespace())
}

/// Invisible characters that change how the rest reads. The joiners U+200C and U+200D are not among them, because
/// Persian and emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// Shortens the part before the extension, at a character boundary.
fn truncate(name: &str) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name.to_owned();
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 16 => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let room = stem.floor_char_boundary(MAX_NAME_BYTES.saturating_sub(ending.len()));
    let stem = stem.get(..room).unwrap_or_default();
    format!("{}{ending}", trim_edges(stem))
}

/// Names that Windows reserves for devices, with any extension.
fn is_device_name(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_uppercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device).is_some_and(|number| {
            matches!(number.chars().next(), Some('0'..='9' | '¹' | '²' | '³')) && number.chars().count() == 1
        })
    };
    matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) || numbered("COM")
        || numbered("LPT")
}

/// The `Content-Disposition` of a download: never shown inline, with an ASCII name for old clients and the real one
/// (RFC 6266, RFC 8187).
pub fn content_disposition(name: &str) -> String {
    let name = sanitize(name);
    let ascii: String = name
        .chars()
        // `%` is replaced because some browsers decode percent escapes in the ASCII name and others do not.
        .map(|c| {
            if c == '%' || !(c == ' ' || c.is_ascii_graphic()) {
                '_'
            } else {
                c
            }
        })
        .collect();
    let mut header = format!("attachment; filename=\"{ascii}\"");
    if ascii != name {
        header.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                header.push(char::from(byte));
            } else {
                let _ = write!(header, "%{byte:02X}");
            }
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_safe() {
        let long = format!("{}.pdf", "ä".repeat(300));
        for (name, want) in [
            ("report.pdf", "report.pdf"),
            ("Bericht März 東京 🔥.pdf", "Bericht März 東京 🔥.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\a.txt", "a.txt"),
            ("folder/", "folder"),
            ("/", "file"),
            ("", "file"),
            (" . .. ", "file"),
            (".htaccess", "htaccess"),
            ("a.exe. . ", "a.exe"),
            ("a.exe::$DATA", "a.exe__$DATA"),
            ("a\0b\r\nc\u{7F}\u{85}.txt", "abc.txt"),
            ("gpj.\u{202E}exe", "gpj.exe"),
            ("a\u{200B}\u{FEFF}\u{2066}b", "ab"),
            ("مى\u{200C}خواهم.txt", "مى\u{200C}خواهم.txt"),
            ("a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"),
            ("x\u{A0}\u{3000}y", "x  y"),
            ("nul", "_nul"),
            ("CON.tar.gz", "_CON.tar.gz"),
            ("com1.txt", "_com1.txt"),
            ("com10.txt", "com10.txt"),
            ("LPT¹", "_LPT¹"),
            (
                &format!("nul.{}", "x".repeat(196)),
                &format!("_nul.{}", "x".repeat(195)),
            ),
            ("console.txt", "console.txt"),
            (&long, &format!("{}.pdf", "ä".repeat(98))),
            (&"x".repeat(1_000), &"x".repeat(200)),
            (
                &format!("a.{}", "y".repeat(500)),
                &format!("a.{}", "y".repeat(198)),
            ),
        ] {
            let got = sanitize(name);
            assert_eq!(got, want, "{name:?}");
            assert_eq!(sanitize(&got), got, "{name:?}");
        }
    }

    #[test]
    fn headers_carry_any_name() {
        for (name, want) in [
            ("report.pdf", "attachment; filename=\"report.pdf\""),
            ("a b.pdf", "attachment; filename=\"a b.pdf\""),
            ("a;b=c'd.pdf", "attachment; filename=\"a;b=c'd.pdf\""),
            (
                "Müller.pdf",
                "attachment; filename=\"M_ller.pdf\"; filename*=UTF-8''M%C3%BCller.pdf",
            ),
            (
                "100%.pdf",
                "attachment; filename=\"100_.pdf\"; filename*=UTF-8''100%25.pdf",
            ),
            (
                "€ rates.pdf",
                "attachment; filename=\"_ rates.pdf\"; filename*=UTF-8''%E2%82%AC%20rates.pdf",
            ),
            (
                "x\"; filename=\"evil.exe",
                "attachment; filename=\"x_; filename=_evil.exe\"",
            ),
            (
                "x\r\nSet-Cookie: a=b",
                "attachment; filename=\"xSet-Cookie_ a=b\"",
            ),
            ("\\", "attachment; filename=\"file\""),
        ] {
            let got = content_disposition(name);
            assert_eq!(got, want, "{name:?}");
            assert!(got.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
        }
    }

    #[test]
    fn files_are_accepted_or_not() {
        for (name, content_type, size, want) in [
            ("a.pdf", "application/pdf", 1, vec![]),
            ("a.pdf", "Application/PDF; version=1", MAX_FILE_BYTES, vec![]),
            ("log", "text/plain; charset=utf-8", 10, vec![]),
            ("a.b.c", "application/octet-stream", 10, vec![]),
            ("a.jpg", "image/jpg", 10, vec![]),
            ("a.pdf", "Application/X-PDF", 10, vec![]),
            ("a.m4a", "audio/x-m4a; codecs=aac", 10, vec![]),
            ("a.exe", "application/octet-stream", 10, vec!["filename"]),
            ("a.pdf.EXE", "application/pdf", 10, vec!["filename"]),
            ("a.exe ", "application/pdf", 10, vec!["filename"]),
            ("a.exe.", "application/pdf", 10, vec!["filename"]),
            ("a.e\u{200B}xe", "application/pdf", 10, vec!["filename"]),
            ("a.\u{202E}lmth.html", "text/plain", 10, vec!["filename"]),
            ("a.svg", "image/png", 10, vec!["filename"]),
            ("a.ade", "image/png", 10, vec!["filename"]),
            ("a.zsh", "image/png", 10, vec!["filename"]),
            ("a.exe.pdf", "application/pdf", 10, vec![]),
            ("a.cmd com", "application/pdf", 10, vec![]),
            ("exe", "application/pdf", 10, vec![]),
            ("a.png", "image/svg+xml", 10, vec!["content_type"]),
            ("a.txt", "text/html", 10, vec!["content_type"]),
            ("a.txt", "text/plain, text/html", 10, vec!["content_type"]),
            ("a.txt", "application/javascript", 10, vec!["content_type"]),
            ("a.txt", "", 10, vec!["content_type"]),
            ("a.txt", "text/plain\r\nx: y", 10, vec!["content_type"]),
            ("a.txt", "text/plain", 0, vec!["size"]),
            (
                "a.js",
                "text/javascript",
                MAX_FILE_BYTES + 1,
                vec!["filename", "content_type", "size"],
            ),
            ("a.txt", "text/plain", i64::MIN, vec!["size"]),
        ] {
            let errors = validate(name, content_type, size).err().unwrap_or_default();
            let fields: Vec<&str> = errors.iter().map(|(field, _)| *field).collect();
            assert_eq!(fields, want, "{name} {content_type} {size}");
        }
        let upload = validate("x/Ü.TXT", "TEXT/plain; charset=latin1", 5).expect("an upload");
        assert_eq!(
            (upload.name.as_str(), upload.content_type.as_str()),
            ("Ü.TXT", "text/plain; charset=latin1")
        );
        for (declared, want) in [
            ("text/plain", Some("text/plain")),
            (" Text/CSV;header=present ", Some("text/csv;header=present")),
            (
                "text/plain ;charset=\"utf-8\"",
                Some("text/plain ;charset=\"utf-8\""),
            ),
            ("text/plain; charset=ü", None),
            ("text/plain; a=b\u{1}", None),
            ("text/html; charset=utf-8", None),
            (";charset=utf-8", None),
        ] {
            assert_eq!(accept_content_type(declared).as_deref(), want, "{declared}");
        }
        assert_eq!(safe_content_type("text/plain; charset=latin1"), "text/plain");
        assert_eq!(
            safe_content_type("text/html; charset=latin1"),
            "application/octet-stream"
        );
    }

    #[test]
    fn the_lists_are_in_order() {
        assert!(ALLOWED_CONTENT_TYPES.windows(2).all(|pair| pair[0] < pair[1]));
        let refused: Vec<&str> = BLOCKED_EXTENSIONS.split_whitespace().collect();
        assert!(refused.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(BLOCKED_EXTENSIONS, format!(" {} ", refused.join(" ")));
    }
}
