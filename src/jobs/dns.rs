//! Resolves a host name by DNS over HTTPS and refuses names that resolve to a private address.
//!
//! The platform resolves the name again when it makes the request; its own network does not allow access to private
//! addresses.

use std::net::IpAddr;

use serde::Deserialize;

use crate::desk::webhooks::ip_address::is_public;
use crate::edge::fetch::{FetchRequest, send};

/// Timeout of one DNS query, in milliseconds.
const TIMEOUT_MS: u32 = 5_000;
/// Maximum length of a DNS response.
const MAX_RESPONSE_BYTES: usize = 65_536;

/// Checks that every address of a host name is on the public internet.
///
/// # Errors
/// The reason why the host must not be called.
pub async fn require_public(dns: &str, name: &str) -> Result<(), &'static str> {
    let (v4, v6) = futures_util::future::join(resolve(dns, name, "A"), resolve(dns, name, "AAAA")).await;
    let all = [v4?, v6?].concat();
    if all.is_empty() {
        Err("its host has no address")
    } else if all.into_iter().all(is_public) {
        Ok(())
    } else {
        Err("its host has an address that is not on the public internet")
    }
}

async fn resolve(dns: &str, name: &str, kind: &str) -> Result<Vec<IpAddr>, &'static str> {
    let url = format!("{dns}?name={name}&type={kind}");
    let question = FetchRequest {
        method: "GET",
        url: &url,
        headers: &[("accept", "application/dns-json")],
        body: None,
        timeout_ms: TIMEOUT_MS,
        max_bytes: MAX_RESPONSE_BYTES,
    };
    let failed = "its host could not be looked up";
    let answer = send(&question).await.map_err(|_| failed)?;
    if answer.status != 200 {
        return Err(failed);
    }
    read_addresses(&answer.body).ok_or(failed)
}

/// Reads the addresses from a DNS response; `None` if the query failed.
fn read_addresses(body: &str) -> Option<Vec<IpAddr>> {
    #[derive(Deserialize)]
    struct DnsResponse {
        #[serde(rename = "Status")]
        status: i64,
        #[serde(rename = "Answer", default)]
        records: Vec<DnsRecord>,
    }
    #[derive(Deserialize)]
    struct DnsRecord {
        r#type: i64,
        data: String,
    }
    /// A and AAAA records; aliases (CNAME) in the answer have other types.
    const ADDRESSES: [i64; 2] = [1, 28];
    let answer: DnsResponse = serde_json::from_str(body)
        .ok()
        .filter(|answer: &DnsResponse| answer.status == 0)?;
    let records = answer
        .records
        .iter()
        .filter(|record| ADDRESSES.contains(&record.r#type));
    records.map(|record| record.data.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_strictly() {
        for (body, want) in [
            (
                r#"{"Status":0,"Answer":[{"name":"a","type":1,"TTL":1,"data":"1.1.1.1"}]}"#,
                Some(1),
            ),
            (
                r#"{"Status":0,"Answer":[{"type":5,"data":"b.example."},{"type":28,"data":"2606::1"},{"type":1,"data":"10.0.0.1"}]}"#,
                Some(2),
            ),
            (r#"{"Status":0}"#, Some(0)),
            (r#"{"Status":3}"#, None),
            (r#"{"Status":0,"Answer":[{"type":1,"data":"localhost"}]}"#, None),
            ("<html>", None),
            ("{}", None),
        ] {
            assert_eq!(read_addresses(body).map(|list| list.len()), want, "{body}");
        }
    }
}
