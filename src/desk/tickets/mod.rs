//! Tickets: which statuses and fields do they have, who may change what, and what happens when they do?
//!
//! [`decide`] is the only place where a ticket changes: it takes the ticket, the edit, the actor and the time, and
//! returns the new ticket with the event that describes the change, or a refusal. `transfer` and `auto_close` go
//! through the same types; `policy` is the only place that compares roles.
//!
//! Nothing here reads or writes: what rules need to know is passed in.

pub mod attachment;
pub mod auto_close;
pub mod decide;
pub mod event;
pub mod filename;
pub mod history;
pub mod message;
pub mod policy;
pub mod priority;
pub mod redaction;
pub mod relations;
pub mod search;
pub mod status;
pub mod tag;
pub mod ticket;
pub mod transfer;
