//! The door: requests come in as plain values, answers go out as the platform's.

use std::cell::OnceCell;

use futures_util::StreamExt;
use worker::{Env, Headers, Request, Response, ResponseBody, ResponseBuilder};

use crate::edge::object_store::ByteStream;
use crate::http::reply::{Body, DATA_HEADERS, Reply};
use crate::http::request::{Headers as PlainHeaders, Request as PlainRequest};

struct WorkerHeaders(Headers);

impl PlainHeaders for WorkerHeaders {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).ok().flatten()
    }
}

/// A request without its body. `Request::method` would turn unknown verbs into GET, so the platform's own word
/// is taken; the query is cut from the URL, because parsing URLs costs more than all else together.
pub fn read_head(request: &Request) -> PlainRequest {
    let url = request.inner().url();
    let query = url
        .split_once('?')
        .map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
    PlainRequest {
        verb: request.inner().method(),
        origin: origin(&url).to_owned(),
        path: request.path(),
        query: query.to_owned(),
        headers: Box::new(WorkerHeaders(request.headers().clone())),
        body: Vec::new(),
    }
}

/// Scheme and host of a URL.
fn origin(url: &str) -> &str {
    let end = url.split_once("://").map(|(scheme, rest)| {
        let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        scheme.len().saturating_add(3).saturating_add(host)
    });
    end.and_then(|end| url.get(..end)).unwrap_or_default()
}

/// The body as it arrives, unread.
pub fn body_stream(request: &Request) -> Option<ByteStream> {
    let body = request.inner().body();
    body.map(|body| ByteStream(ResponseBody::Stream(body)))
}

/// Reads the body, up to `limit` bytes. `None` when there is more; a body that says so beforehand is not read.
///
/// # Errors
/// When the client breaks off.
pub async fn read_body(request: &mut Request, limit: usize) -> Result<Option<Vec<u8>>, String> {
    if request.inner().body().is_none() {
        return Ok(Some(Vec::new()));
    }
    let length = request.headers().get("content-length").ok().flatten();
    if let Some(length) = length.and_then(|text| text.parse::<usize>().ok()) {
        if length > limit {
            return Ok(None);
        }
        let bytes = request.bytes().await.map_err(|error| error.to_string())?;
        return Ok(Some(bytes).filter(|bytes| bytes.len() <= limit));
    }
    let mut stream = request.stream().map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
        if bytes.len() > limit {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

thread_local! {
    static READY: OnceCell<web_sys::Headers> = const { OnceCell::new() };
}

/// A copy of the headers that every plain answer carries: one crossing instead of one for each.
fn data_headers() -> worker::Result<Headers> {
    READY.with(|ready| {
        let ready = match ready.get() {
            Some(ready) => ready,
            None => {
                let headers = web_sys::Headers::new()?;
                for (name, value) in DATA_HEADERS {
                    headers.set(name, value)?;
                }
                ready.get_or_init(|| headers)
            }
        };
        Ok(Headers(web_sys::Headers::new_with_headers(ready)?))
    })
}

/// Sends an answer. `headless` leaves the body out, as HEAD wants it.
///
/// # Errors
/// When the platform takes no such answer, or a static asset is not there.
pub async fn build_response(env: &Env, reply: Reply, headless: bool) -> worker::Result<Response> {
    let headers = if reply.uses_data_headers {
        data_headers()?
    } else {
        Headers::new()
    };
    for (name, value) in &reply.headers {
        headers.set(name, value)?;
    }
    let body = match reply.body {
        Body::Empty => {
            headers.delete("content-type")?;
            ResponseBody::Empty
        }
        Body::Text(text) => {
            if !reply.uses_data_headers || reply.content_type != "application/json" {
                headers.set("content-type", reply.content_type)?;
            }
            if headless {
                headers.set("content-length", &text.len().to_string())?;
                ResponseBody::Empty
            } else {
                ResponseBody::Body(text.into_bytes())
            }
        }
        Body::File { size, stream } => {
            headers.set("content-type", reply.content_type)?;
            headers.set("content-length", &size.to_string())?;
            match stream.downcast::<ByteStream>() {
                Ok(stream) if !headless => stream.0,
                _ => ResponseBody::Empty,
            }
        }
        Body::Socket(socket) => {
            headers.delete("content-type")?;
            return crate::edge::hub::upgrade_response(socket, headers);
        }
        Body::Asset(path) => return fetch_asset(env, path, headers, reply.status, headless).await,
        Body::AssetPath(path) => return fetch_asset(env, &path, headers, reply.status, headless).await,
    };
    Ok(ResponseBuilder::new()
        .with_status(reply.status)
        .with_headers(headers)
        .body(body))
}

/// Whether there is such an asset.
pub async fn has_asset(env: &Env, path: &str) -> bool {
    let Ok(assets) = env.assets("ASSETS") else {
        return false;
    };
    assets
        .fetch(format!("https://assets.local{path}"), None)
        .await
        .is_ok_and(|found| found.status_code() == 200)
}

async fn fetch_asset(
    env: &Env,
    path: &str,
    headers: Headers,
    status: u16,
    headless: bool,
) -> worker::Result<Response> {
    let found = env
        .assets("ASSETS")?
        .fetch(format!("https://assets.local{path}"), None)
        .await?;
    for name in ["content-type", "etag"] {
        if let Some(value) = found.headers().get(name)? {
            headers.set(name, &value)?;
        }
    }
    let (_, body) = found.into_parts();
    let body = if headless { ResponseBody::Empty } else { body };
    Ok(ResponseBuilder::new()
        .with_status(status)
        .with_headers(headers)
        .body(body))
}
