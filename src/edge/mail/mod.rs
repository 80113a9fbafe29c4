//! Mail as the platform hands it in and takes it out, and the character sets it comes in.

pub mod charset;
pub mod incoming;
pub mod outgoing;
