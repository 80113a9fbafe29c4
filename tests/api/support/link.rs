//! Signed links: following them as a client without a token does.

use super::answer::Answer;
use super::wire::{self, Raw, Request};
use super::{Caller, Value};

/// Host and target of a link.
pub fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").expect("a link of a local server");
    rest.split_at(rest.find('/').expect("a path"))
}

/// The headers that have to be sent with an upload; its length is sent by itself.
pub fn headers(link: &Value) -> Vec<(String, String)> {
    let headers = link["headers"].as_object().expect("headers");
    headers
        .iter()
        .filter(|(name, _)| *name != "content-length")
        .map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()))
        .collect()
}

/// Follows a link, wherever it leads.
pub fn follow(method: &str, url: &str, headers: &[(String, String)], body: Option<&[u8]>) -> Raw {
    let (host, target) = split(url);
    let request = Request {
        method,
        target,
        headers,
        body,
    };
    wire::exchange(host, &request).expect("an answer")
}

/// Follows a link to the Worker itself; the answer is held against what is promised of all of them.
#[track_caller]
pub fn ask(method: &str, url: &str, headers: &[(String, String)], body: Option<&[u8]>) -> Answer {
    let (host, target) = split(url);
    let anybody = Caller::nobody(host);
    let mut ask = anybody.ask(method, target).at_root();
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    match body {
        Some(body) => ask.raw("", body).send(),
        None => ask.send(),
    }
}

/// Uploads to the Worker itself as a permission says.
#[track_caller]
pub fn put(link: &Value, body: &[u8]) -> Answer {
    let url = link["upload_url"].as_str().expect("a link");
    ask("PUT", url, &headers(link), Some(body))
}
