//! Which SQL stores workflow rules, their runs and schedules, and reads what rules need to know about a ticket?
//! Not allowed here: running the statements, HTTP, and evaluating rules. Conditions are evaluated in
//! `crate::desk::automation`.

pub mod notify;
pub mod rules;
pub mod schedules;
pub mod ticket_context;
