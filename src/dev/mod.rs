//! What exists for development only? Sample data, and commands that shift time or simulate failures.
//!
//! Nothing here may be reachable in production.

pub mod files;
pub mod samples;
pub mod seed;
pub mod time;
pub mod tools;
