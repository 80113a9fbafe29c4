//! Mail that came in: the originals of what was taken, and the log of what was not.

pub mod log;
pub mod originals;
