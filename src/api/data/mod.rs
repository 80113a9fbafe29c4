//! What leaves and enters the desk as data: the change feed, CSV files, and what is held on a person.

pub mod changes;
pub mod export;
pub mod imports;
pub mod personal;
