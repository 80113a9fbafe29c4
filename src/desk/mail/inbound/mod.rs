//! Incoming mail: what does it say, did a person write it, is its sender authentic, and which ticket does it belong to?
//!
//! Bytes in, an [`IncomingMail`](letter::IncomingMail) out. No text of a mail is trusted: `From` counts only with a
//! DMARC result, and a reply finds its ticket only by a signed address. What the sender may do is not decided here, but
//! by the same rules as for any other request.

pub mod attachment;
pub mod authentication;
pub mod automatic;
#[cfg(test)]
mod corpus;
pub mod digest;
pub mod header;
pub mod letter;
pub mod mime;
pub mod nesting;
pub mod original;
pub mod outcome;
pub mod people;
pub mod quote;
pub mod redact;
pub mod subject;
pub mod text;
