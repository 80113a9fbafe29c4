//! Tokens, passwords and keys.

pub mod password;
pub mod revoked_tokens;
pub mod rsa;
pub mod token;
