//! How tickets are related to one another, and to the people who follow them: read and changed.
//!
//! Not allowed here: SQL (`store::tickets::relations`).

pub mod links;
pub mod merge;
pub mod seen;
pub mod tags;
pub mod watchers;
