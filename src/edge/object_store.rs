//! The objects behind attachments: in the R2 bucket bound as `FILES`, or in an S3 store by presigned URLs.
//!
//! Bytes pass through as streams and are not held in memory.

use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::WritableStream;
use worker::{
    Bucket, Conditional, Data, Env, Fetch, HttpMetadata, Method, Range, Request, RequestInit,
    RequestRedirect, Response, ResponseBody,
};

/// A stream of bytes.
pub struct ByteStream(pub(super) ResponseBody);

impl ByteStream {
    /// A stream of bytes that are in memory already.
    pub fn of(bytes: Vec<u8>) -> ByteStream {
        ByteStream(ResponseBody::Body(bytes))
    }
}

/// Reads a body to its end and discards it. A client that is refused before it has sent everything would see a broken
/// connection instead of the refusal.
pub async fn drain(stream: ByteStream) {
    if let (ResponseBody::Stream(body), Ok(sink)) = (stream.0, WritableStream::new()) {
        let _ = JsFuture::from(body.pipe_to(&sink)).await;
    }
}

/// What the store knows about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// In bytes.
    pub size: i64,
    pub content_type: String,
}

/// The result of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// Stored, with this many bytes.
    Created(i64),
    /// The key exists already; nothing was changed.
    AlreadyExists,
}

fn error_text(error: worker::Error) -> String {
    error.to_string()
}

fn bucket(env: &Env) -> Result<Bucket, String> {
    env.bucket("FILES").map_err(error_text)
}

// The binding ----------------------------------------------------------------------------------------------------

/// The metadata of an object. `None` if it does not exist.
///
/// # Errors
/// The platform's error.
pub async fn head(env: &Env, key: &str) -> Result<Option<ObjectMetadata>, String> {
    let found = bucket(env)?.head(key).await.map_err(error_text)?;
    Ok(found.map(|object| object_metadata(&object)))
}

fn object_metadata(object: &worker::Object) -> ObjectMetadata {
    ObjectMetadata {
        size: i64::try_from(object.size()).unwrap_or(i64::MAX),
        content_type: object.http_metadata().content_type.unwrap_or_default(),
    }
}

/// An object, or the part of it with this offset and length: the number of bytes, and the bytes. `None` if it does not
/// exist. The part must be one that the object has.
///
/// # Errors
/// The platform's error.
pub async fn get(
    env: &Env,
    key: &str,
    part: Option<(i64, i64)>,
) -> Result<Option<(i64, ByteStream)>, String> {
    let bucket = bucket(env)?;
    let mut request = bucket.get(key);
    if let Some((offset, length)) = part {
        let [offset, length] = [offset, length].map(|number| u64::try_from(number).unwrap_or_default());
        request = request.range(Range::OffsetWithLength { offset, length });
    }
    let Some(object) = request.execute().await.map_err(error_text)? else {
        return Ok(None);
    };
    let body = object.body().ok_or("an object without a body")?;
    let stream = ByteStream(body.response_body().map_err(error_text)?);
    let size = part.map_or_else(|| object_metadata(&object).size, |(_, length)| length);
    Ok(Some((size, stream)))
}

/// Stores an object if its key is free. Of two concurrent uploads, one succeeds.
///
/// # Errors
/// The platform's error; also when the stream breaks off or has no known length.
pub async fn put_new(
    env: &Env,
    key: &str,
    content_type: &str,
    stream: ByteStream,
) -> Result<PutOutcome, String> {
    let data = match stream.0 {
        ResponseBody::Stream(stream) => Data::ReadableStream(stream),
        ResponseBody::Body(bytes) => Data::Bytes(bytes),
        ResponseBody::Empty => Data::Empty,
    };
    let metadata = HttpMetadata {
        content_type: Some(content_type.to_owned()),
        ..HttpMetadata::default()
    };
    let nothing_there = Conditional {
        etag_does_not_match: Some("*".to_owned()),
        ..Conditional::default()
    };
    let bucket = bucket(env)?;
    let put = bucket
        .put(key, data)
        .http_metadata(metadata)
        .only_if(nothing_there);
    Ok(match put.execute().await.map_err(error_text)? {
        Some(object) => PutOutcome::Created(object_metadata(&object).size),
        None => PutOutcome::AlreadyExists,
    })
}

/// Deletes up to 1,000 objects. Those that do not exist are no error.
///
/// # Errors
/// The platform's error.
pub async fn delete(env: &Env, keys: &[String]) -> Result<(), String> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    bucket(env)?.delete_multiple(keys).await.map_err(error_text)
}

// Presigned URLs -------------------------------------------------------------------------------------------------

/// Like [`head`], by a presigned URL.
///
/// # Errors
/// The platform's error, or the store's status.
pub async fn head_url(url: &str) -> Result<Option<ObjectMetadata>, String> {
    Ok(fetch(Method::Head, url, None).await?.map(|found| ObjectMetadata {
        size: content_length(&found).unwrap_or(-1),
        content_type: found
            .headers()
            .get("content-type")
            .ok()
            .flatten()
            .unwrap_or_default(),
    }))
}

/// Like [`get`], by a presigned URL.
///
/// # Errors
/// As [`head_url`].
pub async fn get_url(url: &str, part: Option<(i64, i64)>) -> Result<Option<(i64, ByteStream)>, String> {
    let Some(found) = fetch(Method::Get, url, part).await? else {
        return Ok(None);
    };
    if part.is_some() && found.status_code() != 206 {
        return Err("the S3 store sends no parts of objects".to_owned());
    }
    let size = content_length(&found).ok_or("an object without a length")?;
    Ok(Some((size, ByteStream(found.into_parts().1))))
}

/// Stores an object by a presigned URL, with these headers.
///
/// # Errors
/// As [`head_url`].
pub async fn put_url(url: &str, headers: &[(&str, &str)], bytes: &[u8]) -> Result<(), String> {
    let sent = worker::Headers::new();
    for (name, value) in headers {
        sent.set(name, value).map_err(error_text)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Put)
        .with_headers(sent)
        .with_body(Some(worker::js_sys::Uint8Array::from(bytes).into()))
        .with_redirect(RequestRedirect::Manual);
    let request = Request::new_with_init(url, &init).map_err(error_text)?;
    let response = Fetch::Request(request).send().await.map_err(error_text)?;
    match response.status_code() {
        200..=299 => Ok(()),
        status => Err(format!("the S3 store answered {status}")),
    }
}

/// Deletes an object by a presigned URL. One that does not exist is no error.
///
/// # Errors
/// As [`head_url`].
pub async fn delete_url(url: &str) -> Result<(), String> {
    fetch(Method::Delete, url, None).await.map(|_| ())
}

fn content_length(response: &Response) -> Option<i64> {
    response
        .headers()
        .get("content-length")
        .ok()
        .flatten()?
        .parse()
        .ok()
}

async fn fetch(method: Method, url: &str, part: Option<(i64, i64)>) -> Result<Option<Response>, String> {
    let mut init = RequestInit::new();
    if let Some((offset, length)) = part {
        let last = offset.saturating_add(length).saturating_sub(1);
        let headers = worker::Headers::new();
        let range = format!("bytes={offset}-{last}");
        headers.set("range", &range).map_err(error_text)?;
        init.with_headers(headers);
    }
    init.with_method(method).with_redirect(RequestRedirect::Manual);
    let request = Request::new_with_init(url, &init).map_err(error_text)?;
    let response = Fetch::Request(request).send().await.map_err(error_text)?;
    match response.status_code() {
        200..=299 => Ok(Some(response)),
        404 => Ok(None),
        status => Err(format!("the S3 store answered {status}")),
    }
}
