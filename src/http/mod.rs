//! How we speak HTTP: what a request is, how its input is read and refused, what an answer looks like.
//!
//! Plain Rust that compiles and is tested natively. Knows `desk`, and nothing of Workers, SQL or of any one
//! resource. Status numbers are known to `error` and `reply` only.

pub mod error;
pub mod etag;
pub mod input;
pub mod input_values;
pub mod json;
pub mod page;
pub mod presigned_url;
pub mod reply;
pub mod request;
pub mod shape;
pub mod sigv4;
pub mod sigv4_verify;
pub mod webhook_signature;
