//! How is HTTP spoken? What a request is, how its input is parsed and validated, what errors and responses look like,
//! how URLs and webhooks are signed.
//!
//! Rust that compiles and is tested natively. It knows `desk`, but no Workers, no SQL and no particular resource.
//! Status codes are known to `error` and `reply` only.

pub mod error;
pub mod etag;
pub mod input;
pub mod input_values;
pub mod json;
pub mod page;
pub mod presigned_url;
pub mod range;
pub mod reply;
pub mod request;
pub mod shape;
pub mod sigv4;
pub mod sigv4_verify;
pub mod webhook_signature;
