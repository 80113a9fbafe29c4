//! Workflow rules.

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
