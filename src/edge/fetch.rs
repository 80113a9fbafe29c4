//! Requests to other servers: limited in time and in bytes, and without following redirects.

use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, pin_mut};
use worker::{
    AbortController, Delay, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response,
};

#[derive(Clone, Copy, Debug)]
pub struct FetchRequest<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    pub url: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<&'a str>,
    /// For the whole exchange, in milliseconds.
    pub timeout_ms: u32,
    /// How many bytes of the response are read; the rest is cut off.
    pub max_bytes: usize,
}

/// A response with any status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchResponse {
    pub status: u16,
    pub body: String,
    /// The body had more than [`FetchRequest::max_bytes`] bytes.
    pub is_truncated: bool,
    /// `Retry-After`, if it is a number of seconds.
    pub retry_after: Option<u32>,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    Timeout,
    /// The platform's error, to be logged.
    Network(String),
}

/// Sends a request and reads the response.
///
/// # Errors
/// [`FetchError`] when there is no response.
pub async fn send(ask: &FetchRequest<'_>) -> Result<FetchResponse, FetchError> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let exchange = async {
        let response = build_request(ask)
            .map(Fetch::Request)?
            .send_with_signal(&signal)
            .await?;
        read_response(response, ask.max_bytes).await
    };
    let patience = Delay::from(Duration::from_millis(u64::from(ask.timeout_ms)));
    pin_mut!(exchange, patience);
    match select(exchange, patience).await {
        Either::Left((answer, _)) => answer.map_err(|error| FetchError::Network(error.to_string())),
        Either::Right(((), _)) => {
            controller.abort();
            Err(FetchError::Timeout)
        }
    }
}

fn build_request(ask: &FetchRequest) -> worker::Result<Request> {
    let headers = Headers::new();
    for (name, value) in ask.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::from(ask.method.to_owned()))
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual);
    if let Some(body) = ask.body {
        init.with_body(Some(body.into()));
    }
    Request::new_with_init(ask.url, &init)
}

async fn read_response(mut response: Response, max_bytes: usize) -> worker::Result<FetchResponse> {
    let retry_after = response.headers().get("retry-after")?;
    let mut answered = FetchResponse {
        status: response.status_code(),
        retry_after: retry_after.and_then(|text| text.trim().parse().ok()),
        ..FetchResponse::default()
    };
    let mut bytes = Vec::new();
    // A response without a body has no stream to read.
    if let Ok(mut stream) = response.stream() {
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk?);
            if bytes.len() > max_bytes {
                bytes.truncate(max_bytes);
                answered.is_truncated = true;
                break;
            }
        }
    }
    answered.body = String::from_utf8_lossy(&bytes).into_owned();
    Ok(answered)
}
