//! What reports read: kept sums for the present where there are any, otherwise a bounded walk, and stretches
//! of an index for a range, so that a report costs what it tells of and not what the table holds.

pub mod current;
pub mod period;
pub mod shared;
