//! Sends batches to D1.
//!
//! Every call from Rust into JavaScript takes time, and a row that is read value by value takes many: a batch goes over
//! as one text, and so do its results. Texts of statements go over once.

use std::cell::RefCell;
use std::collections::HashMap;

use js_sys::Uint8Array;
use serde::Serialize;
use serde_json::Value;
use wasm_bindgen::prelude::*;
use worker::wasm_bindgen_futures::JsFuture;

use crate::edge::db::prepared;
use crate::edge::db::stmt::{Arg, Stmt};

#[wasm_bindgen(inline_js = r#"
const prepared = []
const encoder = new TextEncoder()

// `texts` and `calls` are JSON: [[number, text], ...] for statements that are new, and [[number, [value, ...]], ...].
// The result has a line for each statement, with the rows read, the rows written, and the rows as JSON, in which true
// stands for a text `j`; these texts follow, as they are, on lines of their own. After an error: `!` and its message.
// It is given as bytes, because wasm-bindgen reads a string character by character.
export async function runBatch(database, texts, calls) {
  try {
    for (const [number, text] of JSON.parse(texts)) prepared[number] = database.prepare(text)
    const statements = JSON.parse(calls).map(([number, values]) => prepared[number].bind(...values))
    const lines = []
    for (const { results, meta } of await database.batch(statements)) {
      const own = []
      for (const row of results) {
        if (typeof row.j !== 'string' || row.j.includes('\n')) continue
        own.push(row.j)
        row.j = true
      }
      lines.push(`${meta.rows_read ?? 0} ${meta.rows_written ?? 0} ${JSON.stringify(results)}`, ...own)
    }
    return encoder.encode(lines.join('\n'))
  } catch (error) {
    return encoder.encode(`!${error?.cause?.message ?? error?.message ?? error}`)
  }
}
"#)]
extern "C" {
    #[wasm_bindgen(js_name = runBatch)]
    fn run_batch(database: &JsValue, texts: &str, calls: &str) -> js_sys::Promise;
}

/// The most statements that are kept prepared. Texts that hold values would otherwise fill the memory.
const MOST_PREPARED: usize = 500;

thread_local! {
    /// The numbers of the statements that are prepared.
    static PREPARED: RefCell<HashMap<String, usize>> = RefCell::default();
}

/// What one statement did.
pub(super) struct StmtResult {
    pub rows_read: usize,
    pub rows_written: usize,
    pub rows: Vec<Value>,
}

/// The database as it is bound to the Worker.
pub(super) struct BoundDatabase(JsValue);

/// A batch as it goes over.
#[derive(Default)]
struct WireBatch<'a> {
    texts: Vec<(usize, String)>,
    calls: Vec<(usize, &'a [Arg])>,
}

impl<'a> WireBatch<'a> {
    fn of(stmts: &'a [Stmt], known: &mut HashMap<String, usize>) -> WireBatch<'a> {
        if known.len().saturating_add(stmts.len()) > MOST_PREPARED {
            known.clear();
        }
        let mut batch = WireBatch::default();
        for stmt in stmts {
            let next = known.len();
            let number = match known.get(stmt.sql.as_ref()) {
                Some(number) => *number,
                None => {
                    known.insert(stmt.sql.to_string(), next);
                    batch.texts.push((next, prepared::prepared(&stmt.sql)));
                    next
                }
            };
            batch.calls.push((number, &stmt.args));
        }
        batch
    }
}

impl BoundDatabase {
    /// The binding `DB`.
    ///
    /// # Errors
    /// When it is missing.
    pub fn open(env: &worker::Env) -> Result<BoundDatabase, String> {
        match js_sys::Reflect::get(env, &JsValue::from_str("DB")) {
            Ok(database) if database.is_object() => Ok(BoundDatabase(database)),
            _ => Err("the binding DB is missing".to_owned()),
        }
    }

    /// Runs the statements in one round trip and one transaction, and returns a result for each.
    ///
    /// # Errors
    /// The message of D1.
    pub async fn run(&self, stmts: &[Stmt]) -> Result<Vec<StmtResult>, String> {
        let promise = PREPARED.with_borrow_mut(|known| {
            let batch = WireBatch::of(stmts, known);
            Ok::<_, String>(run_batch(&self.0, &json(&batch.texts)?, &json(&batch.calls)?))
        })?;
        let answer = JsFuture::from(promise).await;
        let bytes = answer.ok().map(|bytes| Uint8Array::new(&bytes).to_vec());
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| "D1 gave no answer".to_owned())?;
        match text.strip_prefix('!') {
            Some(message) => Err(message.to_owned()),
            None => results(&text).ok_or_else(|| "D1's answer could not be read".to_owned()),
        }
    }
}

fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}

fn results(text: &str) -> Option<Vec<StmtResult>> {
    let mut lines = text.split('\n');
    let mut results = Vec::new();
    while let Some(line) = lines.next() {
        let mut parts = line.splitn(3, ' ');
        let mut result = StmtResult {
            rows_read: parts.next()?.parse().ok()?,
            rows_written: parts.next()?.parse().ok()?,
            rows: serde_json::from_str(parts.next()?).ok()?,
        };
        let texts = result.rows.iter_mut().filter_map(|row| row.get_mut("j"));
        for text in texts.filter(|text| **text == Value::Bool(true)) {
            *text = Value::from(lines.next()?);
        }
        results.push(result);
    }
    Some(results)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn results_are_lines() {
        let text = "3 0 [{\"j\":true},{\"j\":null,\"id\":5},{\"j\":true}]\n[1,\"a\"]\n{}\n0 12 []";
        let found: Vec<_> = results(text)
            .unwrap()
            .into_iter()
            .map(|result| (result.rows_read, result.rows_written, Value::from(result.rows)))
            .collect();
        let rows = json!([{"j": "[1,\"a\"]"}, {"j": null, "id": 5}, {"j": "{}"}]);
        assert_eq!(found, [(3, 0, rows), (0, 12, json!([]))]);
        for wrong in ["", "1 2", "x 0 []", "1 0 [{\"j\":true}]", "1 0 []\n"] {
            assert!(results(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn texts_go_over_once() {
        let stmt = |sql: &'static str| Stmt::new(sql).bind("a\"").bind(-5).bind(None::<i64>);
        let (one, two) = (stmt("SELECT 1"), stmt("SELECT ?1 = ?2"));
        let mut known = HashMap::new();
        let mut sent = |stmts: &[Stmt]| {
            let batch = WireBatch::of(stmts, &mut known);
            (json(&batch.texts).unwrap(), json(&batch.calls).unwrap())
        };
        let args = r#"["a\"",-5,null]"#;
        assert_eq!(
            sent(&[one.clone(), two.clone(), one.clone()]),
            (
                r#"[[0,"SELECT 1"],[1,"SELECT ?1 = +?2"]]"#.to_owned(),
                format!("[[0,{args}],[1,{args}],[0,{args}]]")
            )
        );
        assert_eq!(sent(&[two]), ("[]".to_owned(), format!("[[1,{args}]]")));
        for at in 0..MOST_PREPARED {
            let (texts, _) = sent(&[Stmt::new(format!("SELECT {at}, 0"))]);
            assert!(texts.ends_with(&format!("SELECT {at}, 0\"]]")), "{texts}");
        }
        assert_eq!(sent(&[one]).1, format!("[[2,{args}]]"));
    }
}
