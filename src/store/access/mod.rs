//! Which SQL keeps who gets in: the audit log, API keys, and the second factor of people's sign-in.
//!
//! Not allowed here: secrets in a form in which somebody could use them.

pub mod api_keys;
pub mod audit;
pub mod two_factor;
