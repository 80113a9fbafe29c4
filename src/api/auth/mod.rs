//! Accounts, sessions and the links of mails.

pub mod account;
pub mod email_links;
pub mod sessions;
