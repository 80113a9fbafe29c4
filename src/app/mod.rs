//! What handlers, jobs and sockets share.

pub mod automation;
pub mod call;
pub mod dispatch;
pub mod endpoint;
pub mod errors;
pub mod file_store;
pub mod open_ticket;
pub mod post_message;
pub mod retry;
pub mod route;
pub mod settings_cache;
