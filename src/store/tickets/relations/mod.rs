//! How is a ticket related to other tickets, and to the people who follow it?
//!
//! Links and merges, watchers, what a person has seen, and the tags that tickets share.
//! Not allowed here: showing a ticket, or that there is one, to somebody who may not see it.

pub mod links;
pub mod merges;
pub mod seen;
pub mod tags;
pub mod watchers;
