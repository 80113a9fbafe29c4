//! SQL on the file behind D1, while no server has it open. Node has SQLite inside, so nothing else is needed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Value;

const SCRIPT: &str = "
    const { DatabaseSync } = require('node:sqlite');
    const db = new DatabaseSync(process.argv[1]);
    let sql = '';
    process.stdin.on('data', (more) => sql += more).on('end', () => {
        const [script, query] = JSON.parse(sql);
        if (script) db.exec(script);
        process.stdout.write(JSON.stringify(query ? db.prepare(query).all() : []));
        db.close();
    });
";

/// Runs a script, then a query, and gives the query's rows as objects.
pub fn run(file: &Path, script: &str, query: &str) -> Vec<Value> {
    try_run(file, script, query).unwrap_or_else(|error| panic!("{error}"))
}

/// As `run`, for what the database may refuse: the error is its words.
pub fn try_run(file: &Path, script: &str, query: &str) -> Result<Vec<Value>, String> {
    let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/.bin/node");
    let mut child = Command::new(node)
        .args(["--no-warnings", "-e", SCRIPT])
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node starts; `npm ci` installs it");
    let input = serde_json::to_vec(&(script, query)).expect("text");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(&input)
        .expect("node listens");
    let output = child.wait_with_output().expect("node ends");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).expect("rows"))
}
