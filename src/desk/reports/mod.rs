//! Reports: how are their numbers formed, which period do they cover, and how are they written as CSV?
//!
//! `period` parses and divides time ranges, `figures` computes from counts and durations, `csv` writes tables. Nothing
//! here selects tickets or decides who sees which: that is the `Scope` of the statements in `src/store/reports/`.

pub mod csv;
pub mod figures;
pub mod period;
