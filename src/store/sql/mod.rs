//! Which building blocks do SQL statements share?
//!
//! Views (the fields of answers, and how rows are rendered), scopes (who may see which tickets), references (how a row is
//! named), the smallest rows, and how statements are put together.
//! Not allowed here: complete statements about one table; they belong to the module of that table.

pub mod carry;
pub mod guard;
pub mod named_filter;
pub mod named_row;
pub mod reference;
pub mod render;
pub mod rows;
pub mod scope;
pub mod view;
