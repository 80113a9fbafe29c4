use super::*;

use serde_json::{Value, json};

#[derive(Debug, PartialEq, Deserialize)]
struct Named {
    id: i64,
    name: String,
}

fn answered<const N: usize>(rows: [Value; N]) -> Answers {
    rows.into_iter()
        .map(|rows| Rows(rows.as_array().cloned().unwrap()))
        .collect()
}

#[test]
fn slots_read_the_rows_of_their_statement() {
    let mut batch = Batch::new();
    batch.extend([Stmt::new("UPDATE a")]);
    let people = batch.add::<Named>(Stmt::new("SELECT id, name FROM b"));
    let skipped = batch.add_optional::<Named>(None);
    let found = batch.add_optional::<Named>(Some(Stmt::new("SELECT id, name FROM c")));
    let text = batch.add(Stmt::new("SELECT j"));
    let nobody = batch.add::<Named>(Stmt::new("SELECT id, name FROM d"));
    let sql: Vec<&str> = batch.iter().map(|stmt| stmt.sql.as_ref()).collect();
    assert_eq!(
        sql,
        [
            "UPDATE a",
            "SELECT id, name FROM b",
            "SELECT id, name FROM c",
            "SELECT j",
            "SELECT id, name FROM d"
        ]
    );

    let answers = answered([
        json!([]),
        json!([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]),
        json!([{"id": 3, "name": "c"}]),
        json!([{"j": "{}"}]),
        json!([]),
    ]);
    let named = |id, name: &str| Named {
        id,
        name: name.to_owned(),
    };
    assert_eq!(answers.all(people), Ok(vec![named(1, "a"), named(2, "b")]));
    assert_eq!(answers.first(people), Ok(Some(named(1, "a"))));
    assert_eq!(answers.require(people), Ok(named(1, "a")));
    assert_eq!(answers.first_if(found), Ok(Some(named(3, "c"))));
    assert_eq!(answers.first_if(skipped), Ok(None));
    assert_eq!(answers.text(text), Ok(Some("{}".to_owned())));
    assert_eq!(answers.has_row(people), Ok(true));
    assert_eq!(answers.has_row(nobody), Ok(false));
    assert_eq!(answers.first(nobody), Ok(None));
    assert_eq!(answers.require(nobody), Err(DbError::NoRow));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let mut batch = Batch::new();
    let (misread, other) = (
        batch.add::<Named>(Stmt::new("a")),
        batch.add::<Named>(Stmt::new("b")),
    );
    let answers = answered([json!([{"id": "x"}])]);
    assert!(matches!(answers.first(misread), Err(DbError::Other(_))));
    assert!(matches!(answers.first(other), Err(DbError::Other(_))));
}

#[test]
fn messages_of_d1_become_errors() {
    for (message, want) in [
        (
            "D1_ERROR: UNIQUE constraint failed: users.email_key: SQLITE_CONSTRAINT",
            DbError::Unique("users.email_key".to_owned()),
        ),
        (
            "UNIQUE constraint failed: idempotency.user_id, idempotency.key",
            DbError::Unique("idempotency.user_id".to_owned()),
        ),
        (
            "D1_ERROR: STALE_VERSION: SQLITE_CONSTRAINT",
            DbError::Abort("STALE_VERSION"),
        ),
        (
            "D1_ERROR: LAST_ADMIN: SQLITE_CONSTRAINT_TRIGGER",
            DbError::Abort("LAST_ADMIN"),
        ),
        (
            "Network connection lost",
            DbError::Other("Network connection lost".to_owned()),
        ),
    ] {
        assert_eq!(DbError::from_message(message.to_owned()), want);
    }
}
