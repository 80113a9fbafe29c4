//! What handlers, jobs and sockets share.

pub mod automation;
pub mod call;
pub mod dispatch;
pub mod file_store;
pub mod route;
pub mod settings_cache;
