//! Mail that comes in: what it says, whether a person wrote it, and where it belongs.
//!
//! Pure: bytes in, a [`Letter`] out. Nothing in here trusts what a mail says of itself; who may do what with it is
//! decided where every message is.

pub mod authentication;
pub mod html;
pub mod letter;
pub mod mime;
pub mod nesting;
pub mod quote;
pub mod redact;
