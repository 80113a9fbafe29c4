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

/// The floors from the ground up. A room may name its own files and those of lower floors; rooms of one floor do not
/// know each other.
const FLOORS: [&[&str]; 10] = [
    &["desk"],
    &["http"],
    &["edge"],
    &["store"],
    &["app"],
    &["api", "jobs"],
    &["routes", "dev"],
    &["server", "openapi"],
    &["live"],
    &["lib"],
];

/// Rooms that may name only a part of a lower room.
const NARROW: [(&str, &str, &[&str]); 3] = [
    // The platform's request becomes ours, and our answer the platform's.
    ("edge", "http", &["http::request", "http::reply"]),
    // Of HTTP only what a cursor and a documented shape are, of the platform only the database.
    ("store", "http", &["http::page", "http::shape"]),
    ("store", "edge", &["edge::db"]),
];

/// Files in one folder, those of sub-folders not counted.
const MAX_FILES: usize = 14;

/// Lines of the README: what is longer belongs into docs/.
const MAX_README: usize = 150;

/// More than this is two abilities; unit tests count.
const MAX_LINES: usize = 450;

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
        let first = self.name.split('/').next().unwrap_or_default();
        first.trim_end_matches(".rs")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the crate but unit tests that have a file of their own.
fn sources() -> Vec<Source> {
    let sources: Vec<Source> = all_files()
        .into_iter()
        .filter(|file| !is_tests(file))
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

/// Every Rust file below `src/`, in the order of their names.
fn all_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    gather(&root().join("src"), &mut files);
    files.sort();
    files
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
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

/// The paths below `crate` that a file names, as segments: of its `use` lines, flattened, and of its code.
fn named_paths(source: &Source) -> Vec<Vec<String>> {
    let code: String = source.code().map(|(_, line)| format!("{line}\n")).collect();
    let own = module_of(&source.name);
    let mut paths = Vec::new();
    for statement in code.split("use ").skip(1) {
        if let Some((tree, _)) = statement.split_once(';') {
            flatten(tree, &[], &mut paths);
        }
    }
    for inline in code.split("crate::").skip(1) {
        let path: String = inline
            .chars()
            .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
            .collect();
        let mut whole = vec!["crate".to_owned()];
        whole.extend(
            path.split("::")
                .filter(|part| !part.is_empty())
                .map(str::to_owned),
        );
        paths.push(whole);
    }
    let absolute = paths.into_iter().filter_map(|path| {
        let ups = path.iter().take_while(|part| *part == "super").count();
        match path.first().map(String::as_str) {
            Some("crate") => Some(path[1..].to_vec()),
            Some("super") => Some([&own[..own.len().checked_sub(ups)?], &path[ups..]].concat()),
            _ => None,
        }
    });
    absolute.collect()
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn flatten(tree: &str, before: &[String], paths: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, rest)) => (head, rest.rsplit_once('}').map(|(inside, _)| inside)),
        None => (tree, None),
    };
    let mut path = before.to_vec();
    path.extend(
        head.split("::")
            .map(|part| part.split(" as ").next().unwrap_or_default().trim())
            .filter(|part| !part.is_empty() && *part != "self" && *part != "*")
            .map(str::to_owned),
    );
    let Some(group) = group else {
        paths.push(path);
        return;
    };
    let (mut depth, mut start) = (0_i32, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                flatten(&group[start..at], &path, paths);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !group[start..].trim().is_empty() {
        flatten(&group[start..], &path, paths);
    }
}

/// The module path of a file below `src/`.
fn module_of(name: &str) -> Vec<String> {
    let name = name.trim_end_matches(".rs").trim_end_matches("/mod");
    name.split('/').map(str::to_owned).collect()
}

/// The files that each file names: of a path, the longest beginning that is a file.
fn arrows(sources: &[Source]) -> Vec<(usize, usize)> {
    let modules: Vec<Vec<String>> = sources.iter().map(|source| module_of(&source.name)).collect();
    let mut arrows = Vec::new();
    for (from, source) in sources.iter().enumerate() {
        for path in named_paths(source) {
            let to = (0..modules.len())
                .filter(|at| path.starts_with(&modules[*at]))
                .max_by_key(|at| modules[*at].len());
            if let Some(to) = to.filter(|to| *to != from) {
                arrows.push((from, to));
            }
        }
    }
    arrows.sort_unstable();
    arrows.dedup();
    arrows
}

fn floor_of(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|rooms| rooms.contains(&room))
        .unwrap_or_else(|| panic!("src/{room} stands on no floor"))
}

#[test]
fn arrows_run_down() {
    let sources = sources();
    let mut found = Vec::new();
    for (from, to) in arrows(&sources) {
        let (from, to) = (&sources[from], &sources[to]);
        if from.room() != to.room() && floor_of(to.room()) >= floor_of(from.room()) {
            found.push(format!("src/{} names src/{}", from.name, to.name));
        }
    }
    none(found, "a room names what does not stand below it");
}

#[test]
fn no_circle_of_files() {
    let sources = sources();
    let mut arrows = arrows(&sources);
    // Files that name nothing that is left, or that nothing left names, stand in no circle.
    loop {
        let before = arrows.len();
        let (from, to): (Vec<usize>, Vec<usize>) = arrows.iter().copied().unzip();
        arrows.retain(|(a, b)| from.contains(b) && to.contains(a));
        if arrows.len() == before {
            break;
        }
    }
    let found = arrows
        .iter()
        .map(|(from, to)| format!("src/{} -> src/{}", sources[*from].name, sources[*to].name));
    none(found.collect(), "files name each other in a circle");
}

#[test]
fn a_room_knows_only_a_part_of_some() {
    let mut found = Vec::new();
    for source in sources() {
        for (_, below, parts) in NARROW.iter().filter(|(room, ..)| *room == source.room()) {
            for path in named_paths(&source) {
                let text = path.join("::");
                let fits = |part: &&str| text == **part || text.starts_with(&format!("{part}::"));
                if path.first().is_some_and(|first| first == below) && !parts.iter().any(fits) {
                    found.push(format!("src/{}: {text}", source.name));
                }
            }
        }
    }
    none(found, "a room names what it must not know");
}

#[test]
fn names_are_imported_one_by_one() {
    let mut found = Vec::new();
    for source in sources() {
        for (at, line) in source.code() {
            if line.trim_start().starts_with("use super::*") {
                found.push(format!("src/{}:{at}", source.name));
            }
        }
    }
    none(found, "use super::* outside of tests");
}

#[test]
fn a_type_name_means_one_thing() {
    let mut homes = std::collections::BTreeMap::<String, Vec<String>>::new();
    for source in sources() {
        for (_, line) in source.code() {
            let line = line.trim_start();
            let line = ["pub(super) ", "pub(crate) ", "pub "]
                .iter()
                .find_map(|start| line.strip_prefix(start))
                .unwrap_or(line);
            let Some(rest) = ["struct ", "enum ", "trait ", "type "]
                .iter()
                .find_map(|kind| line.strip_prefix(kind))
            else {
                continue;
            };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            let files = homes.entry(name).or_default();
            if !files.contains(&source.name) {
                files.push(source.name.clone());
            }
        }
    }
    let found = homes
        .into_iter()
        // A trait's associated type has the name that the trait gives it.
        .filter(|(name, files)| files.len() > 1 && !["Target", "Error", "Item"].contains(&name.as_str()))
        .map(|(name, files)| format!("{name}: src/{}", files.join(", src/")));
    none(found.collect(), "a type name is defined in several files");
}

#[test]
fn a_folder_is_seen_at_a_glance() {
    let mut folders = std::collections::BTreeMap::new();
    for source in sources() {
        let folder = source.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        *folders.entry(folder.to_owned()).or_insert(0_usize) += 1;
    }
    let found = folders
        .into_iter()
        .filter(|(_, files)| *files > MAX_FILES)
        .map(|(folder, files)| format!("src/{folder}: {files} files"));
    none(
        found.collect(),
        &format!("more than {MAX_FILES} files in a folder"),
    );
}

#[test]
fn the_readme_is_short() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README.md");
    let lines = readme.lines().count();
    assert!(lines <= MAX_README, "README.md has {lines} lines");
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

/// How handlers read a field of their input: the methods of `Input`, and two local helpers that pass a name on.
const LOOK_UPS: [&str; 17] = [
    "text",
    "required",
    "patch",
    "flag",
    "integer",
    "choice",
    "choices",
    "reference",
    "is_null",
    "tags",
    "rows_json",
    "name",
    "json",
    "time",
    "has",
    "cleared",
    "set_or_clear",
];

/// The words that stand first in the brackets of calls, each with what is called: `input.text("title")` gives
/// `input.text` and `title`.
fn named_calls(code: &str) -> Vec<(&str, &str)> {
    let mut calls = Vec::new();
    for (at, _) in code.match_indices('"') {
        let before = &code[..at];
        let Some(head) = before
            .strip_suffix("(input,")
            .or_else(|| before.strip_suffix('('))
        else {
            continue;
        };
        let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
        let start = head.rfind(|c| !is_path(c)).map_or(0, |at| at + 1);
        let word = code[at + 1..].split('"').next().unwrap_or_default();
        calls.push((&head[start..], word));
    }
    calls
}

#[test]
fn input_is_read_by_names_that_a_shape_has() {
    let sources = sources();
    let codes: Vec<String> = sources
        .iter()
        .map(|source| {
            let words: Vec<&str> = source
                .code()
                .flat_map(|(_, line)| line.split_whitespace())
                .collect();
            // As if every call stood on one line.
            words.join(" ").replace("( ", "(").replace(", \"", ",\"")
        })
        .collect();
    let fields: Vec<Vec<&str>> = codes
        .iter()
        .map(|code| {
            let calls = named_calls(code).into_iter();
            let fields = calls.filter(|(call, _)| call.starts_with("Field::"));
            fields.map(|(_, name)| name).collect()
        })
        .collect();
    let arrows = arrows(&sources);
    let (mut found, mut seen) = (Vec::new(), 0);
    for (at, source) in sources.iter().enumerate() {
        if !["api", "app", "dev", "live", "server"].contains(&source.room()) {
            continue;
        }
        // The shapes that a file reads by are its own or those of a file that it names. A file without any reads what
        // others have parsed for it.
        let mut known = fields[at].clone();
        for (from, to) in &arrows {
            if *from == at {
                known.extend(&fields[*to]);
            }
            if *to == at && fields[at].is_empty() {
                known.extend(&fields[*from]);
            }
        }
        for (call, name) in named_calls(&codes[at]) {
            let (receiver, method) = call.rsplit_once('.').unwrap_or(("input", call));
            // `call.reference("id")` names a part of the path.
            if receiver == "call" || !LOOK_UPS.contains(&method) {
                continue;
            }
            seen += 1;
            if !known.contains(&name) {
                found.push(format!("src/{}: {call}(\"{name}\")", source.name));
            }
        }
    }
    assert!(seen > 150, "only {seen} look-ups were found");
    none(found, "input is read by a name that no shape of the file has");
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
    for file in all_files() {
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        if lines > MAX_LINES {
            found.push(format!("{name}: {lines} lines"));
        }
        if ["util", "utils", "common", "types", "helpers", "misc", "dto"]
            .iter()
            .any(|word| name.ends_with(&format!("/{word}.rs")))
        {
            found.push(format!("{name} is named after nothing"));
        }
    }
    none(
        found,
        &format!("a file is one ability, at most {MAX_LINES} lines"),
    );
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
