//! Reports and analytics: projections of the same few reads. Customers see their own tickets, agents what they
//! see or did themselves, managers and admins the whole desk.

pub mod agents;
pub mod overview;
pub mod shared;
pub mod sla;

pub use crate::api::reports::agents::{activity, agents};
pub use crate::api::reports::overview::{
    by_category, by_department, by_priority, by_status, dashboard, statistics,
};
pub use crate::api::reports::shared::{FILTER, LIMIT};
pub use crate::api::reports::sla::{aging, sla, volume};
