//! Conditions that find a row by a reference: an id, a uid or another name.

use crate::desk::id::Ref;
use crate::edge::db::Arg;

/// The condition that finds a webhook endpoint `h` by a reference, with its argument as `?1`.
pub fn webhook_condition(reference: &Ref) -> (&'static str, Arg) {
    match reference {
        Ref::Id(id) => ("h.id = ?1", Arg::Int(*id)),
        Ref::Uid(uid) => ("h.uid = ?1", Arg::Text(uid.clone())),
        Ref::Number(_) | Ref::Key(_) => ("h.id = ?1", Arg::Null),
    }
}

/// The column and value that identify a row by this reference, for any table with `id` and `uid`.
pub(in crate::store) fn ref_column(reference: &Ref) -> (&'static str, Arg) {
    match reference {
        Ref::Id(id) => ("id", Arg::Int(*id)),
        Ref::Uid(uid) => ("uid", Arg::Text(uid.clone())),
        // A ticket number or ticket key never identifies such a row.
        Ref::Number(_) | Ref::Key(_) => ("id", Arg::Null),
    }
}
