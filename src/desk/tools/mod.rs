//! What are the tools that a desk sets up for itself, and what is a valid one? Custom fields of
//! tickets, macros, and ratings.
//!
//! Not allowed here: how they are stored, and what a request for them looks like.

pub mod custom_field;
pub mod macros;
pub mod placeholder;
pub mod rating;
