//! Imported people, and the unknown requesters of imported tickets.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::desk::fold::{caseless, fold, fold_name};
use crate::desk::person::{Role, username_from_email};
use crate::edge::db::Stmt;
use crate::store::data::imports::parts;
use crate::store::settings;
use crate::store::users::search;

/// A person of a file.
#[derive(Clone, Debug)]
pub struct ImportedPerson {
    pub uid: String,
    pub email: String,
    pub username: Option<String>,
    pub first_name: String,
    pub last_name: String,
    pub role: Role,
    pub department: Option<String>,
    pub phone: Option<String>,
    pub external_id: Option<String>,
    pub created_at: i64,
}

impl ImportedPerson {
    /// The columns of its row. A username that nobody has chosen gives way to one that is there.
    fn row(&self, names: &mut HashMap<String, usize>) -> Value {
        let made = username_from_email(&self.email);
        let tail = self
            .uid
            .get(self.uid.len().saturating_sub(8)..)
            .unwrap_or_default();
        let spare = format!("{made}-{tail}");
        let (name, spare) = match &self.username {
            Some(name) => (name.clone(), name.clone()),
            None if names.insert(made.clone(), 0).is_none() => (made, spare),
            None => (spare.clone(), spare),
        };
        json!([
            self.uid,
            self.email,
            caseless(&self.email),
            name,
            caseless(&name),
            fold(&name),
            spare,
            caseless(&spare),
            fold(&spare),
            self.first_name,
            self.last_name,
            fold_name(&self.first_name),
            fold_name(&self.last_name),
            fold(&self.email),
            self.role.as_str(),
            self.department,
            self.phone,
            self.external_id,
            self.created_at
        ])
    }
}

/// Inserts people without a password: each claims the account by a password reset. Nobody is mailed.
pub fn insert(people: &[ImportedPerson], now: i64) -> Vec<Stmt> {
    let mut stmts = Vec::new();
    let mut names = people
        .iter()
        .filter_map(|person| person.username.as_deref())
        .map(|name| (caseless(name), 0))
        .collect();
    let rows: Vec<Value> = people.iter().map(|person| person.row(&mut names)).collect();
    for (_, rows) in parts(&rows) {
        stmts.push(
            Stmt::new(
                "INSERT INTO users (uid, email, email_key, username, username_key, username_folded, first_name, last_name, \
                   first_folded, last_folded, email_folded, role, department, phone, external_id, created_at, updated_at, email_verified_at) \
                 SELECT v ->> 0, v ->> 1, v ->> 2, iif(taken, v ->> 6, v ->> 3), iif(taken, v ->> 7, v ->> 4), iif(taken, v ->> 8, v ->> 5), \
                   v ->> 9, v ->> 10, v ->> 11, v ->> 12, v ->> 13, v ->> 14, v ->> 15, v ->> 16, v ->> 17, v ->> 18, v ->> 18, ?2 \
                 FROM (SELECT value AS v, EXISTS (SELECT 1 FROM users WHERE username_key = value ->> 4) AS taken FROM json_each(?1))",
            )
            .bind(&rows)
            .bind(now),
        );
        stmts.push(search::insert_words_of_many("SELECT value ->> 0 FROM json_each(?1)").bind(&rows));
        stmts.push(
            Stmt::new(
                "INSERT OR IGNORE INTO agent_profiles (user_id) SELECT id FROM users \
                 WHERE role <> 'customer' AND uid IN (SELECT value ->> 0 FROM json_each(?1))",
            )
            .bind(&rows),
        );
    }
    if !people.is_empty() {
        stmts.push(settings::raise_rules_version_if_active());
    }
    stmts
}
