//! Workflow rules: when does a rule run, what does it check, and what does it do to a ticket?
//!
//! An admin writes a trigger, conditions and actions as JSON. The `*_parse` files validate them, `rule` and `condition`
//! evaluate them, `executor` applies actions to a ticket in memory and collects what has to be written.
//!
//! Nothing here reads or writes a database. Rows that rules refer to are passed in as `References`; what rules cause
//! beyond the ticket is returned as `RunEffects`.

pub mod action;
pub mod action_parse;
pub mod condition;
pub mod condition_parse;
pub mod executor;
pub mod fields;
pub mod references;
pub mod rule;
pub mod rule_parse;
pub mod run_report;
