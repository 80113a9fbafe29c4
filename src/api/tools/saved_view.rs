//! The views that this isolate knows, so that a list by a view, and the counts of all views, are one round trip.
//!
//! They may be outdated: whoever uses them reads in the same trip whether they are still as they are known.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::Value;

use crate::app::call::Call;
use crate::desk::id::Ref;
use crate::edge::db::Batch;
use crate::http::error::Error;
use crate::store::tools::views::{self, ViewRow};

/// The views of more people than that are not remembered: it begins anew.
const MAX_PEOPLE: usize = 500;

thread_local! {
    /// What each person sees, as it was last read.
    static VIEWS: RefCell<HashMap<i64, Vec<ViewRow>>> = RefCell::default();
}

/// The views of a person, if they are known.
pub(in crate::api) fn known(reader: i64) -> Option<Vec<ViewRow>> {
    VIEWS.with_borrow(|known| known.get(&reader).cloned())
}

/// Remembers what was read.
pub(in crate::api) fn remember(reader: i64, rows: Vec<ViewRow>) {
    VIEWS.with_borrow_mut(|known| {
        if known.len() >= MAX_PEOPLE {
            known.clear();
        }
        known.insert(reader, rows);
    });
}

/// The view among these that a reference names.
pub(in crate::api) fn named(rows: Vec<ViewRow>, reference: &Ref) -> Option<ViewRow> {
    rows.into_iter().find(|row| match reference {
        Ref::Id(id) => row.id == *id,
        Ref::Uid(uid) => row.uid == *uid,
        Ref::Number(_) | Ref::Key(_) => false,
    })
}

/// Reads the view that a list asks for.
///
/// # Errors
/// As [`Call::read`], and 400 if the caller sees no such view.
pub(in crate::api) async fn read(call: &Call<'_>, reference: &Ref) -> Result<ViewRow, Error> {
    let reader = call.my_id()?;
    let mut batch = Batch::new();
    let rows = batch.add::<ViewRow>(views::rows(reader));
    let rows = call.read(batch).await?.all(rows)?;
    let view = named(rows.clone(), reference).filter(|_| call.my_role().is_ok_and(|role| role.is_staff()));
    remember(reader, rows);
    view.ok_or_else(|| Error::field("view", "names no view"))
}

/// The filters and the order of a view, as the parameters of a list.
pub(in crate::api) fn parameters(filter: &Value, sort: Option<&str>) -> Vec<(String, String)> {
    let filters = filter.as_object().into_iter().flatten();
    let filters = filters.map(|(name, value)| (name.clone(), text_of(value)));
    let sort = sort.map(|sort| ("sort".to_owned(), sort.to_owned()));
    filters.chain(sort).collect()
}

/// A value of a filter as a query has it: several are separated by commas.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let texts: Vec<String> = list.iter().map(text_of).collect();
            texts.join(",")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_filter_becomes_a_query() {
        let filter = json!({"status": ["open", "waiting"], "assignee": 5, "overdue": true, "tag": "a,b"});
        let pairs = parameters(&filter, Some("-updated_at"));
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            pairs,
            [
                ("status", "open,waiting"),
                ("assignee", "5"),
                ("overdue", "true"),
                ("tag", "a,b"),
                ("sort", "-updated_at")
            ]
        );
        assert!(parameters(&json!({}), None).is_empty());
    }
}
