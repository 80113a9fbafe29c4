//! How are tickets opened, found and changed, and how are their messages, attachments and history read and written?
//!
//! Not allowed here: who may do what with a ticket and what follows from it (`desk::tickets`), and SQL
//! (`store::tickets`).

pub mod attachments;
pub mod bulk;
pub mod create;
mod edit;
pub mod fields;
pub mod history;
pub mod list;
pub mod messages;
pub mod redact;
pub mod references;
pub mod relations;
pub mod transfers;
pub mod update;

pub use crate::api::tickets::create::{NEW, create};
pub use crate::api::tickets::list::{LIST, find, list, list_mine, list_transitions, show, show_by_key};
pub(in crate::api) use crate::api::tickets::list::{is_selected, read_whole};
pub use crate::api::tickets::update::{
    ASSIGN, CLOSE, EDIT, PRIORITY, STATUS, VERSION, assign, close, remove, reopen, restore, set_priority,
    set_status, update,
};
