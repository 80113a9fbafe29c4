//! How do people register, log in and out, change their passwords, and use the links in e-mails?
//!
//! Not allowed here: how passwords are hashed and tokens are signed (`edge::auth`), and SQL (`store::sessions`,
//! `store::users`).

pub mod account;
pub mod api_keys;
mod challenge;
pub mod email_links;
mod refresh_cookie;
pub mod sessions;
pub mod two_factor;
