//! How are tickets related to one another?
//!
//! Nothing here reads or writes.

pub mod link;
pub mod merge;
