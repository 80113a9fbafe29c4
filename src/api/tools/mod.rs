//! How does a desk set up its tools: custom fields, macros and views; and how are tickets rated?
//!
//! Not allowed here: what a valid one is (`desk::tools`), and SQL (`store::tools`).

pub mod apply_macro;
pub mod custom_fields;
pub mod field_filters;
pub mod macros;
pub mod ratings;
pub mod saved_view;
pub mod views;
