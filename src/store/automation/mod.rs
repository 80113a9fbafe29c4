//! Workflow rules in D1.

pub mod notify;
pub mod rules;
pub mod schedules;
pub mod ticket_context;
