//! What do the reports and analytics show? All are made from the same few reads. Customers get figures about their
//! own tickets, agents about the tickets they can see or their own work, managers and admins about everything.
//!
//! Not allowed here: how figures are computed (`desk::reports`), and SQL (`store::reports`).

pub mod agents;
pub mod overview;
pub mod satisfaction;
pub mod shared;
pub mod sla;

pub use crate::api::reports::agents::{activity, agents};
pub use crate::api::reports::overview::{
    by_category, by_department, by_priority, by_status, dashboard, statistics, summary,
};
pub use crate::api::reports::satisfaction::satisfaction;
pub use crate::api::reports::shared::{FILTER, LIMIT, TICKETS};
pub use crate::api::reports::sla::{aging, sla, volume};
