//! The assistant.

pub mod answer;
pub mod prompt;
