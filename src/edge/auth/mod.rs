//! Credentials: how are passwords hashed, how are tokens signed and verified, and how is a token revoked?
//!
//! Nothing here knows what a caller may do. Claims of a token are only a hint: the account, its role and its session
//! are read from D1 with the data of each request.

pub mod password;
pub mod revoked_tokens;
pub mod rsa;
pub mod token;
