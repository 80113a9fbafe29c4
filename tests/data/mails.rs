//! Reads the corpus of mails in `tests/data/mails/`: what programs of many makers send, in many languages, with what must
//! become of it.
//!
//! A mail begins with `### ` and its name. Then come lines with what is expected: `kind` (`ticket`, `message`, or
//! `ignored` and `refused` with the reason), `title`, the sender's `name`, a line for each `file`, and the text behind
//! `| `. The mail itself follows behind `---`. `{TO}` in it stands for the address at which our mail is answered, `{ID}`
//! for the Message-ID of our mail.

/// A mail, and what is expected of it.
#[derive(Debug, Default)]
pub struct Sample {
    pub name: String,
    pub kind: String,
    pub title: Option<String>,
    pub sender: Option<String>,
    pub files: Vec<String>,
    /// Its lines; `None` if only the kind matters.
    pub text: Option<Vec<String>>,
    raw: String,
}

impl Sample {
    /// The bytes of the mail, as an answer to a mail of ours.
    pub fn bytes(&self, to: &str, id: &str) -> Vec<u8> {
        let raw = self.raw.replace("{TO}", to).replace("{ID}", id);
        raw.replace('\n', "\r\n").into_bytes()
    }
}

/// The lines of a text that are not empty, without white space around them: HTML and programs differ in empty lines.
pub fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// All mails, by the file that they stand in.
pub fn samples() -> Vec<Sample> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mails");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of mails")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a file of mails");
        let program = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for part in format!("\n{text}").split("\n### ").skip(1) {
            all.push(sample(&program, part));
        }
    }
    all
}

fn sample(program: &str, part: &str) -> Sample {
    let (expected, raw) = part.split_once("\n---\n").expect("a mail behind ---");
    let mut rows = expected.lines();
    let mut sample = Sample {
        name: format!("{program}: {}", rows.next().unwrap_or_default()),
        raw: raw.to_owned(),
        ..Sample::default()
    };
    for row in rows {
        if let Some(line) = row.strip_prefix('|') {
            let text = sample.text.get_or_insert_default();
            text.extend(lines(line));
            continue;
        }
        let (word, value) = row.split_once(": ").expect("a word and its value");
        match word {
            "kind" => sample.kind = value.to_owned(),
            "title" => sample.title = Some(value.to_owned()),
            "name" => sample.sender = Some(value.to_owned()),
            "file" => sample.files.push(value.to_owned()),
            _ => panic!("{}: {row}", sample.name),
        }
    }
    sample
}
