//! Reports.

pub mod csv;
pub mod figures;
pub mod period;
