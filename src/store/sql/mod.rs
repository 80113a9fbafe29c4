//! The parts that statements are made of: views, scopes, references, the smallest rows.

pub mod reference;
pub mod rows;
pub mod scope;
pub mod view;
