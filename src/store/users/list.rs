//! Lists of users, both customers and staff.

use crate::desk::person::Role;
use crate::edge::db::{Arg, Stmt};
use crate::http::page::{Page, PageStart};
use crate::store::users::search::found_by;

/// The filters of a user list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    pub role: Option<&'static str>,
    pub is_active: Option<bool>,
    pub q: Option<String>,
}

/// The maximum number of users examined for one page of a search.
const MAX_SCANNED: i64 = 1_000;

/// A page of users, newest first: JSON rows `j`, each with its `id`; one row more than the limit if there are more. A
/// search examines at most 1,000 users per page, and the second statement returns where it stopped.
pub fn list(view: &str, filter: &UserFilter, page: &Page) -> (Stmt, Option<Stmt>) {
    let mut walk = Stmt::new("");
    let mut wheres = vec!["1".to_owned()];
    let mut when = |arg: Arg, condition: &str| {
        walk.args.push(arg);
        wheres.push(format!("{condition} ?{}", walk.args.len()));
    };
    if let PageStart::After { id, .. } = page.start {
        when(id.into(), "u.id <");
    }
    if let Some(role) = filter.role {
        // The index on the role covers staff only, and SQLite uses it only if the query restricts itself to staff.
        let is_staff = role != Role::Customer.as_str();
        when(
            role.into(),
            if is_staff {
                "u.role <> 'customer' AND u.role ="
            } else {
                "u.role ="
            },
        );
    }
    match filter.is_active {
        Some(true) => wheres.push("u.is_active = 1".to_owned()),
        // This exact wording lets SQLite use the index of inactive users.
        Some(false) => wheres.push("u.is_active = 0".to_owned()),
        None => {}
    }
    let walked = format!(
        "SELECT u.id AS id FROM users u WHERE {} ORDER BY u.id DESC",
        wheres.join(" AND ")
    );
    let next = walk.args.len().saturating_add(1);
    let (second, third) = (next.saturating_add(1), next.saturating_add(2));
    let mut words = Vec::new();
    let tests = filter.q.as_ref().map_or("1".to_owned(), |q| {
        found_by("u.search_text", q, |word| {
            words.push(word);
            format!("?{}", third.saturating_add(words.len()))
        })
    });
    let windowed = filter.q.is_some() && page.offset() == 0;
    let mut rows = walk.clone();
    rows.sql = format!(
        "SELECT {view} AS j, u.id AS id FROM ({walked} LIMIT ?{next}) x CROSS JOIN users u ON u.id = x.id \
         WHERE {tests} LIMIT ?{second} OFFSET ?{third}"
    )
    .into();
    let most = if windowed { MAX_SCANNED } else { -1 };
    rows = rows
        .bind(most)
        .bind(page.limit.saturating_add(1))
        .bind(page.offset());
    rows.args.extend(words);
    let stopped = windowed.then(|| {
        walk.sql = format!("SELECT id AS s, id FROM ({walked} LIMIT 1 OFFSET ?{next})").into();
        walk.bind(MAX_SCANNED.saturating_sub(1))
    });
    (rows, stopped)
}

/// Counts the users of a list, up to 10,001.
pub fn count(filter: &UserFilter) -> Stmt {
    let mut args: Vec<Arg> = vec![filter.role.into(), filter.is_active.into()];
    let tests = filter.q.as_ref().map_or("1".to_owned(), |q| {
        found_by("u.search_text", q, |word| {
            args.push(word);
            format!("?{}", args.len())
        })
    });
    Stmt {
        sql: format!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM users u WHERE (?1 IS NULL OR u.role = ?1) \
             AND (?2 IS NULL OR u.is_active = ?2) AND {tests} LIMIT 10001)"
        )
        .into(),
        args,
    }
}
