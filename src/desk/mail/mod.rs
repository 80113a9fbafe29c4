//! Mail.

pub mod inbound;
pub mod outgoing;
pub mod reply_address;
