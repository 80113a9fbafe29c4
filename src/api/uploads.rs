//! Uploads and downloads through the Worker itself, for installations where no keys of another file store are
//! configured. A request may do exactly what its signed link says, and nothing else.

use crate::app::call::Call;
use crate::app::file_store::{Files, unavailable};
use crate::edge::object_store::{self, PutOutcome};
use crate::http::error::Error;
use crate::http::presigned_url;
use crate::http::range::{Range, parse_range};
use crate::http::reply::{Body, Reply};

/// `PUT /uploads/{key}`: streams the body into the bucket. An object that exists already is not replaced.
pub async fn put(call: &Call<'_>) -> Result<Reply, Error> {
    call.check_rate_limit().await?;
    let key = Files::of(call.app).own_key().ok_or(Error::NotFound)?;
    let stream = call.stream.borrow_mut().take();
    let stream = stream.ok_or_else(|| Error::Malformed("there is no body".to_owned()))?;
    let allowed = match presigned_url::verify_upload(key, call.request, call.now()) {
        Ok(allowed) => allowed,
        Err(refusal) => {
            let ends = call.request.header("content-length").is_some();
            if ends && !matches!(refusal, Error::TooLarge(_)) {
                object_store::drain(stream).await;
            }
            return Err(refusal);
        }
    };
    let name = call.param("key");
    let stored = object_store::put_new(&call.app.env, name, &allowed.content_type, stream)
        .await
        .map_err(|why| unavailable(&why))?;
    match stored {
        PutOutcome::AlreadyExists => Err(Error::PreconditionFailed),
        PutOutcome::Created(size) if size == allowed.size => {
            Ok(Reply::ok(r#"{"message":"uploaded"}"#.to_owned()))
        }
        PutOutcome::Created(_) => {
            let _ = object_store::delete(&call.app.env, &[name.to_owned()]).await;
            Err(Error::Malformed("the body is not as long as it said".to_owned()))
        }
    }
}

/// `GET /uploads/{key}`.
pub async fn get(call: &Call<'_>) -> Result<Reply, Error> {
    call.check_rate_limit().await?;
    let files = Files::of(call.app);
    let key = files.own_key().ok_or(Error::NotFound)?;
    let (disposition, content_type) = presigned_url::verify_download(key, call.request, call.now())?;
    send_file(call, call.param("key"), None, content_type, disposition).await
}

/// Sends a file, or the part of it that the request asks for, always as a download. A size that is not known is asked
/// of the store when it matters.
///
/// # Errors
/// 404 if the object is not there, 416 for a part that it does not have, 503 if the store does not respond.
pub async fn send_file(
    call: &Call<'_>,
    key: &str,
    size: Option<i64>,
    content_type: &'static str,
    disposition: String,
) -> Result<Reply, Error> {
    let files = Files::of(call.app);
    // Files have no tags to compare with `If-Range`, and a condition that cannot hold asks for all of it.
    let asked = call.request.header("range");
    let asked = asked.filter(|_| call.request.verb == "GET" && call.request.header("if-range").is_none());
    let size = match (&asked, size) {
        (None, _) => 0,
        (Some(_), Some(size)) => size,
        (Some(_), None) => files.metadata(key).await?.ok_or(Error::NotFound)?.size,
    };
    let part = match parse_range(asked.as_deref(), size) {
        Range::Whole => None,
        Range::Part { offset, length } => Some((offset, length)),
        Range::Outside => return Err(Error::RangeNotSatisfiable(size)),
    };
    let (sent, stream) = files.open(key, part).await?.ok_or(Error::NotFound)?;
    let body = Body::File {
        size: sent,
        stream: Box::new(stream),
    };
    let mut reply = Reply {
        content_type,
        ..Reply::new(if part.is_some() { 206 } else { 200 }, body)
    };
    reply.header("Content-Disposition", disposition);
    reply.header("Accept-Ranges", "bytes");
    if let Some((offset, length)) = part {
        let last = offset.saturating_add(length).saturating_sub(1);
        reply.header("Content-Range", format!("bytes {offset}-{last}/{size}"));
    }
    Ok(reply)
}
