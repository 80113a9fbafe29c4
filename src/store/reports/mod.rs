//! Which SQL do reports read? For the present: stored counts if there are any, otherwise a scan of
//! limited size. For a period: index ranges, so the cost depends on the period and not on the table size.
//! Not allowed here: running the statements, HTTP, and scans without a limit.

pub mod current;
pub mod event_marks;
pub mod period;
pub mod satisfaction;
pub mod shared;
