//! Sample data, in development only.

use serde_json::json;

use crate::app::App;
use crate::http::error::Error;
use crate::http::reply::Reply;

/// `POST /dev/seed`.
///
/// # Errors
/// When the database fails.
pub async fn seed(_app: &App) -> Result<Reply, Error> {
    Ok(Reply::ok(json!({"users": 0, "tickets": 0}).to_string()))
}
