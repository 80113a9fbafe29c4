//! The house keeps its shape: which room may know which, where SQL and the clock live, how long a file may be.
//!
//! Reads the sources as text, so it is quick and needs no server. A rule that turns out wrong is changed
//! here, in the open, together with the code that taught it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::fs;
use std::path::{Path, PathBuf};

/// A room and what it may name of the rest of the crate.
const ROOMS: [(&str, &[&str]); 4] = [
    ("desk", &["desk"]),
    ("http", &["http", "desk"]),
    // At the door, the platform's request becomes ours, and our answer the platform's.
    ("edge", &["edge", "desk", "http::request", "http::reply"]),
    // Of `http` only the vocabulary of lists: what a cursor and a documented shape are.
    (
        "store",
        &["store", "desk", "edge::db", "http::page", "http::shape"],
    ),
];

/// More than this is two abilities. Unit tests at the end of a file are not counted.
const LONGEST: usize = 450;

/// Words in capitals that are no variables.
const ALGORITHMS: [&str; 2] = ["HS256", "RS256"];

struct Source {
    /// Below `src/`, with forward slashes.
    name: String,
    text: String,
}

impl Source {
    /// The lines of code with their numbers: no comments, and nothing from the unit tests on.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .map(|(at, line)| (at + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn room(&self) -> &str {
        self.name
            .split('/')
            .next()
            .filter(|room| !room.ends_with(".rs"))
            .unwrap_or_default()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the crate but unit tests that have a file of their own.
fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    gather(&root().join("src"), &mut files);
    files.sort();
    let sources: Vec<Source> = files
        .into_iter()
        .map(|file| Source {
            name: file
                .strip_prefix(root().join("src"))
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/"),
            text: fs::read_to_string(&file).unwrap(),
        })
        .collect();
    assert!(sources.len() > 10, "only {} sources were found", sources.len());
    sources
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_tests(&path) {
            files.push(path);
        }
    }
}

fn is_tests(path: &Path) -> bool {
    path.to_string_lossy().ends_with("tests.rs")
}

/// Fails with all that was found, not with the first.
#[track_caller]
fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn a_room_knows_only_its_own() {
    let mut found = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room()) else {
            continue;
        };
        for (at, line) in source.code() {
            for named in line.split("crate::").skip(1) {
                let fits = |name: &&str| {
                    named
                        .strip_prefix(*name)
                        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                };
                if !allowed.iter().any(fits) {
                    found.push(format!("src/{}:{at}: {}", source.name, line.trim()));
                }
            }
        }
    }
    none(found, "a room names what it must not know");
}

#[test]
fn only_the_edge_knows_the_platform() {
    let mut found = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.room() != "edge" && source.name != "lib.rs")
    {
        for (at, line) in source.code() {
            if ["worker::", "wasm_bindgen", "js_sys"]
                .iter()
                .any(|word| line.contains(word))
            {
                found.push(format!("src/{}:{at}: {}", source.name, line.trim()));
            }
        }
    }
    none(found, "only edge/ and lib.rs speak to Workers");
}

#[test]
fn sql_lives_in_the_store() {
    let words = [
        "SELECT ",
        "INSERT INTO ",
        "INSERT OR ",
        "DELETE FROM ",
        "UPDATE tickets",
        "UPDATE users",
        " WHERE ",
    ];
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| source.room() != "store") {
        for (at, line) in source.code() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("src/{}:{at}: {}", source.name, line.trim()));
            }
        }
    }
    none(found, "SQL outside of store/");
}

#[test]
fn there_is_one_clock() {
    let clocks = [
        "SystemTime::now",
        "Instant::now",
        "Date::now",
        "Utc::now",
        "Local::now",
        "Date::new_0",
    ];
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| source.name != "edge/clock.rs") {
        for (at, line) in source.code() {
            if clocks.iter().any(|word| line.contains(word)) {
                found.push(format!("src/{}:{at}: {}", source.name, line.trim()));
            }
        }
    }
    none(found, "the present moment enters by edge/clock.rs alone");
}

#[test]
fn a_file_is_one_ability() {
    let mut found = Vec::new();
    for source in sources() {
        let lines = source
            .text
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .count();
        if lines > LONGEST {
            found.push(format!("src/{}: {lines} lines", source.name));
        }
        if ["util", "utils", "common", "types", "helpers", "misc", "dto"]
            .iter()
            .any(|name| source.name.ends_with(&format!("{name}.rs")))
        {
            found.push(format!("src/{} is named after nothing", source.name));
        }
    }
    none(found, &format!("a file is one ability, at most {LONGEST} lines"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//!"));
    none(
        silent.map(|source| format!("src/{}", source.name)).collect(),
        "a file opens with //! and its purpose",
    );
}

#[test]
fn every_public_function_is_told() {
    let mut found = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source
            .text
            .lines()
            .take_while(|line| line.trim() != "#[cfg(test)]")
            .collect();
        for (at, line) in lines.iter().enumerate() {
            let line = line.trim_start();
            let public = ["pub fn ", "pub const fn ", "pub async fn "]
                .iter()
                .any(|start| line.starts_with(start));
            if !public {
                continue;
            }
            let before = lines[..at]
                .iter()
                .rev()
                .find(|line| !is_attribute(line))
                .copied()
                .unwrap_or_default();
            if !before.trim_start().starts_with("///") {
                found.push(format!("src/{}:{}: {line}", source.name, at + 1));
            }
        }
    }
    none(found, "a public function has a doc comment");
}

fn is_attribute(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("#[") || line.ends_with(")]")
}

#[test]
fn the_docs_name_every_route() {
    let docs = fs::read_to_string(root().join("docs/routes.md")).expect("a docs/routes.md");
    let mut missing = Vec::new();
    for edgedesk::app::endpoint::Endpoint { route, .. } in edgedesk::routes::ROUTES {
        let method = route.method.as_str();
        let told = docs.lines().any(|line| {
            let mut words = line.split(|c: char| c.is_whitespace() || matches!(c, '|' | '`' | ',' | '·'));
            line.contains(method)
                && words.any(|word| word == route.path || word == format!("/api/v1{}", route.path))
        });
        if !told {
            missing.push(format!("{method} {}", route.path));
        }
    }
    none(missing, "docs/routes.md does not name");
}

#[test]
fn the_docs_name_every_variable() {
    let docs = fs::read_to_string(root().join("docs/configuration.md")).expect("a docs/configuration.md");
    let is_name = |word: &&str| {
        word.len() > 3
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let mut missing = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.name.starts_with("edge/config") || source.name == "edge/token/mod.rs")
    {
        for (at, line) in source.code() {
            let words = line.split('"').skip(1).step_by(2);
            for word in words.filter(is_name).filter(|word| !ALGORITHMS.contains(word)) {
                if !docs.contains(&format!("`{word}`")) {
                    missing.push(format!("src/{}:{at}: {word}", source.name));
                }
            }
        }
    }
    none(missing, "docs/configuration.md does not tell of a variable");
}

#[test]
fn migrations_are_numbered_without_gaps() {
    let mut names: Vec<String> = fs::read_dir(root().join("migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    for (at, name) in names.iter().enumerate() {
        let fits = name.starts_with(&format!("{:04}_", at + 1)) && name.ends_with(".sql");
        assert!(fits, "migrations/{name} is number {} by its place", at + 1);
    }
    assert!(!names.is_empty(), "there are no migrations");
}

#[test]
fn nothing_secret_is_committed() {
    let ignored = fs::read_to_string(root().join(".gitignore")).expect("a .gitignore");
    assert!(
        ignored
            .lines()
            .any(|line| line.trim_start_matches('/').starts_with(".dev.vars"))
    );
    let wrangler = fs::read_to_string(root().join("wrangler.toml")).expect("a wrangler.toml");
    for name in ["JWT_SECRET", "PASSWORD_PEPPER", "DEV_SECRET", "JWT_PRIVATE_KEY"] {
        let set = wrangler.lines().any(|line| line.trim_start().starts_with(name));
        assert!(!set, "{name} stands in wrangler.toml");
    }
}
