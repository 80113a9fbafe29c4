//! What rows of a file mean: how a file is read, and what an imported ticket or person is.

pub mod csv_reader;
pub mod imported;
