//! Uploads and downloads through the Worker itself, for installations where no keys of another file store are
//! configured. A request may do exactly what its signed link says, and nothing else.

use crate::app::call::Call;
use crate::app::file_store::{Files, unavailable};
use crate::edge::object_store::{self, PutOutcome};
use crate::http::error::Error;
use crate::http::presigned_url;
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
    let (size, stream) = files.open(call.param("key")).await?.ok_or(Error::NotFound)?;
    Ok(file_reply(size, stream, content_type, disposition))
}

/// The reply that sends a file, always as a download.
pub fn file_reply(
    size: i64,
    stream: object_store::ByteStream,
    content_type: &'static str,
    disposition: String,
) -> Reply {
    let body = Body::File {
        size,
        stream: Box::new(stream),
    };
    let mut reply = Reply {
        content_type,
        ..Reply::new(200, body)
    };
    reply.header("Content-Disposition", disposition);
    reply
}
