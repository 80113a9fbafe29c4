//! Who gets in, and what is on record of it: the audit log, API keys, and codes of two-factor sign-in.

pub mod api_key;
pub mod audit;
pub mod totp;
