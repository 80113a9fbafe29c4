//! Which SQL stores the endpoints of other systems, and the deliveries sent to them?
//! Not allowed here: running the statements, making HTTP requests, and returning an endpoint's secret
//! to anything but the sender.

pub mod deliveries;
pub mod endpoints;
pub mod sending;
