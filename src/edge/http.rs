//! Converts incoming requests into plain values, and replies into platform responses.
//!
//! Every call from Rust into JavaScript takes time, so the head of a request is read with one call and a response is
//! built with one. The two functions are imported from a JavaScript snippet and are not exported by the Worker, so
//! other Workers cannot call them.

use std::rc::Rc;

use futures_util::StreamExt;
use js_sys::{Array, JsString, Uint8Array};
use wasm_bindgen::prelude::*;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Env, ResponseBody};

use crate::edge::hub;
use crate::edge::object_store::ByteStream;
use crate::edge::text_stream::{self, TextStream};
use crate::http::reply::{Body, DATA_HEADERS, Reply};
use crate::http::request::{Headers as PlainHeaders, Request as PlainRequest};

/// The platform's request and response.
pub use web_sys::{Request as PlatformRequest, Response as PlatformResponse};

/// The headers that most GET and HEAD requests use. They are read with the head; others are read on demand.
const READ_HEADERS: [&str; 5] = [
    "accept",
    "authorization",
    "if-none-match",
    "origin",
    "x-request-id",
];
/// The same for requests with other methods.
const WRITE_HEADERS: [&str; 8] = [
    "accept",
    "authorization",
    "content-length",
    "content-type",
    "idempotency-key",
    "if-match",
    "origin",
    "x-request-id",
];

#[wasm_bindgen(inline_js = r#"
// Lines: "body" or nothing, method, URL, then `name:value` for each of the named headers that was sent.
export function readHead(request, readNames, writeNames) {
  const { headers, method } = request
  let head = `${request.body === null ? '' : 'body'}\n${method}\n${request.url}`
  for (const name of method === 'GET' || method === 'HEAD' ? readNames : writeNames) {
    const value = headers.get(name)
    if (value !== null) head += `\n${name}:${value}`
  }
  return head
}

// `prepared` is a Headers object; `headers` are lines on top of it: name, value, name, value ...
export function respond(status, prepared, headers, body, webSocket) {
  const response = new Response(body, { status, headers: prepared, webSocket })
  const lines = headers.split('\n')
  for (let at = 1; at < lines.length; at += 2) response.headers.set(lines[at - 1], lines[at])
  return response
}

// `bytes` is a view of WebAssembly's memory, which will be used for other things: it is copied.
export function respondBytes(status, prepared, headers, bytes) {
  return respond(status, prepared, headers, bytes.slice(), undefined)
}
"#)]
extern "C" {
    #[wasm_bindgen(js_name = readHead)]
    fn read_head_text(request: &PlatformRequest, read_names: &Array, write_names: &Array) -> String;
    #[wasm_bindgen(js_name = respond, catch)]
    fn respond(
        status: u16,
        prepared: &web_sys::Headers,
        headers: &str,
        body: &JsValue,
        socket: &JsValue,
    ) -> Result<PlatformResponse, JsValue>;
    #[wasm_bindgen(js_name = respondBytes, catch)]
    fn respond_bytes(
        status: u16,
        prepared: &web_sys::Headers,
        headers: &str,
        bytes: &[u8],
    ) -> Result<PlatformResponse, JsValue>;
}

/// Constant arguments of the two calls, created once per isolate.
struct Prepared {
    /// [`READ_HEADERS`].
    read_names: Array,
    /// [`WRITE_HEADERS`].
    write_names: Array,
    /// [`DATA_HEADERS`], for JSON.
    data: web_sys::Headers,
    /// The same without a content type.
    untyped: web_sys::Headers,
}

impl Prepared {
    fn new() -> Result<Prepared, JsValue> {
        let data = web_sys::Headers::new()?;
        for (name, value) in DATA_HEADERS {
            data.set(name, value)?;
        }
        let untyped = web_sys::Headers::new_with_headers(&data)?;
        untyped.delete("content-type")?;
        Ok(Prepared {
            read_names: READ_HEADERS.into_iter().map(JsString::from).collect(),
            write_names: WRITE_HEADERS.into_iter().map(JsString::from).collect(),
            data,
            untyped,
        })
    }
}

thread_local! {
    static PREPARED: Option<Rc<Prepared>> = Prepared::new().ok().map(Rc::new);
}

fn prepared() -> worker::Result<Rc<Prepared>> {
    PREPARED
        .with(Option::clone)
        .ok_or_else(|| worker::Error::from("the platform makes no headers"))
}

/// A request whose head has been read.
pub struct Incoming {
    request: PlatformRequest,
    has_body: bool,
    content_length: Option<usize>,
}

impl Incoming {
    /// Whether the request has a body.
    pub fn has_body(&self) -> bool {
        self.has_body
    }
}

/// The headers that were read with the head, and the request to read others from.
struct RequestHeaders {
    /// Their names, whether they were sent or not.
    names: &'static [&'static str],
    /// Lines `name:value`.
    common: String,
    request: PlatformRequest,
}

impl PlainHeaders for RequestHeaders {
    fn get(&self, name: &str) -> Option<String> {
        if !self.names.contains(&name) {
            return self.request.headers().get(name).ok().flatten();
        }
        self.common
            .split('\n')
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::to_owned)
    }
}

/// Reads a request without its body. The method is the string that was sent, and the URL is split here, because
/// parsing it with `worker` takes longer than everything else.
///
/// # Errors
/// When the platform cannot create a headers object.
pub fn read_head(request: PlatformRequest) -> worker::Result<(Incoming, PlainRequest)> {
    let prepared = prepared()?;
    let text = read_head_text(&request, &prepared.read_names, &prepared.write_names);
    let mut lines = text.splitn(4, '\n');
    let has_body = lines.next().is_some_and(|word| !word.is_empty());
    let verb = lines.next().unwrap_or_default().to_owned();
    let url = lines.next().unwrap_or_default();
    let (origin, path, query) = split_url(url);
    let names: &[&str] = match verb.as_str() {
        "GET" | "HEAD" => &READ_HEADERS,
        _ => &WRITE_HEADERS,
    };
    let headers = RequestHeaders {
        names,
        common: lines.next().unwrap_or_default().to_owned(),
        request: Clone::clone(&request), // the method of that name would copy the request
    };
    let length = || headers.get("content-length")?.parse().ok();
    let content_length = has_body.then(length).flatten();
    let plain = PlainRequest {
        verb,
        origin: origin.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Box::new(headers),
        body: Vec::new(),
    };
    let incoming = Incoming {
        request,
        has_body,
        content_length,
    };
    Ok((incoming, plain))
}

/// Splits a URL, as the platform writes it, into scheme and host, path, and query. The path starts at the first slash
/// after the host.
fn split_url(url: &str) -> (&str, &str, &str) {
    let url = url.split('#').next().unwrap_or_default();
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let host = address.find("://").map_or(0, |at| at.saturating_add(3));
    let slash = address.get(host..).and_then(|rest| rest.find('/'));
    match slash.and_then(|at| address.split_at_checked(host.saturating_add(at))) {
        Some((origin, path)) => (origin, path, query),
        None => (address, "/", query),
    }
}

/// The body as a stream, unread.
pub fn body_stream(incoming: &Incoming) -> Option<ByteStream> {
    let body = incoming.request.body();
    body.map(|body| ByteStream(ResponseBody::Stream(body)))
}

/// Reads the body, up to `limit` bytes. `None` if it is larger; if `Content-Length` already says so, it is not read
/// at all.
///
/// # Errors
/// When the client aborts the upload.
pub async fn read_body(incoming: &Incoming, limit: usize) -> Result<Option<Vec<u8>>, String> {
    if !incoming.has_body {
        return Ok(Some(Vec::new()));
    }
    match incoming.content_length {
        Some(length) if length > limit => Ok(None),
        Some(_) => {
            let promise = incoming.request.array_buffer().map_err(error_text)?;
            let buffer = JsFuture::from(promise).await.map_err(error_text)?;
            let bytes = Uint8Array::new(&buffer).to_vec();
            Ok(Some(bytes).filter(|bytes| bytes.len() <= limit))
        }
        None => read_stream(worker::Request::from(Clone::clone(&incoming.request)), limit).await,
    }
}

/// Reads a body without `Content-Length`.
async fn read_stream(mut request: worker::Request, limit: usize) -> Result<Option<Vec<u8>>, String> {
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

fn error_text(error: JsValue) -> String {
    worker::Error::from(error).to_string()
}

/// Builds the platform's response. With `headless` the body is left out, as HEAD requires.
///
/// # Errors
/// When the platform rejects the response, or a static asset does not exist.
pub async fn build_response(env: &Env, reply: Reply, headless: bool) -> worker::Result<PlatformResponse> {
    let path = match &reply.body {
        Body::Asset(path) => *path,
        Body::AssetPath(path) => path,
        _ => return build_plain_response(reply, headless),
    };
    let mut headers = header_lines(&reply)?;
    let found = fetch_asset(env, path).await?;
    for name in ["content-type", "etag"] {
        if let Some(value) = found.headers().get(name)? {
            add_header(&mut headers, name, &value)?;
        }
    }
    let body = found.body().filter(|_| !headless);
    send(
        reply.status,
        &prepared()?.data,
        &headers,
        body.map(JsValue::from),
        None,
    )
}

/// Like [`build_response`], for everything except assets.
///
/// # Errors
/// When the platform rejects the response.
pub fn build_plain_response(reply: Reply, headless: bool) -> worker::Result<PlatformResponse> {
    let prepared = prepared()?;
    let (status, content_type) = (reply.status, reply.content_type);
    let mut headers = header_lines(&reply)?;
    match reply.body {
        Body::Text(text) => {
            let mut under = &prepared.data;
            if content_type != "application/json" {
                under = &prepared.untyped;
                add_header(&mut headers, "content-type", content_type)?;
            }
            if headless {
                add_header(&mut headers, "content-length", &text.len().to_string())?;
                return send(status, under, &headers, None, None);
            }
            Ok(respond_bytes(status, under, &headers, text.as_bytes())?)
        }
        Body::File { size, stream } => {
            add_header(&mut headers, "content-type", content_type)?;
            add_header(&mut headers, "content-length", &size.to_string())?;
            match stream.downcast::<ByteStream>().map(|stream| stream.0) {
                Ok(ResponseBody::Stream(stream)) if !headless => {
                    send(status, &prepared.untyped, &headers, Some(stream.into()), None)
                }
                Ok(ResponseBody::Body(bytes)) if !headless => {
                    Ok(respond_bytes(status, &prepared.untyped, &headers, &bytes)?)
                }
                _ => send(status, &prepared.untyped, &headers, None, None),
            }
        }
        Body::Parts(text) => {
            add_header(&mut headers, "content-type", content_type)?;
            let text = text.downcast::<TextStream>().ok().filter(|_| !headless);
            let body = text.map(|text| text_stream::readable(*text));
            send(status, &prepared.untyped, &headers, body, None)
        }
        Body::Socket(socket) => {
            let socket = hub::client_end(socket)?;
            send(101, &prepared.untyped, &headers, None, Some(socket))
        }
        Body::Empty | Body::Asset(_) | Body::AssetPath(_) => {
            send(status, &prepared.untyped, &headers, None, None)
        }
    }
}

fn send(
    status: u16,
    prepared: &web_sys::Headers,
    headers: &str,
    body: Option<JsValue>,
    socket: Option<JsValue>,
) -> worker::Result<PlatformResponse> {
    let body = body.unwrap_or(JsValue::NULL);
    let socket = socket.unwrap_or(JsValue::UNDEFINED);
    Ok(respond(status, prepared, headers, &body, &socket)?)
}

/// The headers of a reply as lines.
fn header_lines(reply: &Reply) -> worker::Result<String> {
    let mut lines = String::with_capacity(256);
    for (name, value) in &reply.headers {
        add_header(&mut lines, name, value)?;
    }
    Ok(lines)
}

fn add_header(lines: &mut String, name: &str, value: &str) -> worker::Result<()> {
    if value.contains('\n') {
        return Err(worker::Error::from(format!("a line break in the header {name}")));
    }
    for part in [name, value] {
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(part);
    }
    Ok(())
}

/// Whether this asset exists.
pub async fn has_asset(env: &Env, path: &str) -> bool {
    fetch_asset(env, path)
        .await
        .is_ok_and(|found| found.status() == 200)
}

async fn fetch_asset(env: &Env, path: &str) -> worker::Result<PlatformResponse> {
    let found = env
        .assets("ASSETS")?
        .fetch(format!("https://assets.local{path}"), None)
        .await?;
    Ok(found.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_cut_where_the_platform_joins_them() {
        for (url, want) in [
            ("https://a.example/b/c?d=e", ("https://a.example", "/b/c", "d=e")),
            ("https://a.example/", ("https://a.example", "/", "")),
            ("https://a.example", ("https://a.example", "/", "")),
            ("http://a:87/b?c=/d?e#f?g", ("http://a:87", "/b", "c=/d?e")),
            ("http://a/b#c?d", ("http://a", "/b", "")),
            ("http://a/%2F%3F?%23", ("http://a", "/%2F%3F", "%23")),
        ] {
            assert_eq!(split_url(url), want, "{url}");
        }
    }

    #[test]
    fn headers_become_lines_and_never_more_lines() {
        let mut lines = String::new();
        assert!(add_header(&mut lines, "a", "b: c").is_ok());
        assert!(add_header(&mut lines, "d", "").is_ok());
        assert_eq!(lines, "a\nb: c\nd\n");
        assert!(add_header(&mut lines, "e", "f\ng").is_err());
    }
}
