//! What leaves and enters the desk as data: which SQL reads all events in one order, all that is held on a person, and
//! what erases it; and which SQL writes rows of a file?
//! Not allowed here: what lists, tickets and users do anyway; their own files say that.

pub mod changes;
pub mod erasure;
pub mod imports;
pub mod personal;
