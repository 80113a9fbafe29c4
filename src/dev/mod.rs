//! Development only: sample data, and time that passes on request.

pub mod files;
pub mod samples;
pub mod seed;
pub mod time;
