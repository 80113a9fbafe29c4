//! Mail that came in: the originals of what was taken, the people in copy, and the log of what was not taken.

pub mod cc;
pub mod log;
pub mod originals;
