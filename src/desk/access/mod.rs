//! Who gets in, and what is on record of it: the audit log, API keys, and codes of two-factor sign-in.

pub mod audit;
