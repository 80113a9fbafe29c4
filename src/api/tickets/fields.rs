//! The input fields that several of the ticket shapes have in common.

use crate::http::shape::{Field, Kind};

pub const TITLE: Kind = Kind::Line { min: 3, max: 200 };

pub const DESCRIPTION: Kind = Kind::Text { min: 1, max: 10_000 };

pub const ASSIGNEE: &[&str] = &["assigned_to", "agent_id", "assignee_id"];

pub const AT_VERSION: Field = Field::optional(
    "version",
    Kind::Integer {
        min: 1,
        max: i64::MAX,
    },
    "The version that the change was made on.",
);
