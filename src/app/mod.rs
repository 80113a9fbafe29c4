//! What do handlers, jobs and sockets share? The call with its reads and commits, facts about routes, cached
//! settings, workflow rules, opening tickets, posting messages, dispatch, files and retries.
//!
//! Nothing here belongs to a single resource or job, and no file imports from `api`, `jobs` or `live`. SQL stays in
//! `store`, rules in `desk`.

pub mod automation;
pub mod call;
pub mod category_cache;
pub mod dispatch;
pub mod endpoint;
pub mod errors;
pub mod file_store;
pub mod open_ticket;
pub mod post_message;
pub mod replay;
pub mod retry;
pub mod route;
pub mod settings_cache;
pub mod taken_names;
