//! How are the tools stored that a desk sets up for itself? One file per table.
//!
//! Not allowed here: what a valid one is (`desk::tools`).

pub mod custom_fields;
pub mod macros;
pub mod ratings;
pub mod views;
