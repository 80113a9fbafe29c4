//! Whether a mail really comes from the address in its `From`: what the receiving server found out (DMARC, RFC 8601).

use crate::desk::mail::inbound::header::HeaderFields;

/// The only server whose `Authentication-Results` is trusted: Cloudflare's Email Routing.
const TRUSTED_SERVER: &str = "mx.cloudflare.net";

/// Whether the `From` of a mail is authentic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SenderAuth {
    /// DMARC passed, for a domain aligned with `From`.
    Pass,
    /// DMARC failed: the domain says that the mail is not from there.
    Fail,
    /// There is no usable result.
    #[default]
    Unknown,
}

/// The result of the receiving server. It puts its header above everything that came with the mail, so only the topmost
/// `Authentication-Results` is trusted; the sender may have written others (RFC 8601, section 5).
pub fn sender_auth(header: &HeaderFields, from: &str) -> SenderAuth {
    let found = header.text("authentication-results");
    found.map_or(SenderAuth::Unknown, |value| parse_results(&value, from))
}

fn parse_results(value: &str, from: &str) -> SenderAuth {
    let value = strip_comments(value).to_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let server = parts.next().and_then(|by| by.split_whitespace().next());
    if server != Some(TRUSTED_SERVER) {
        return SenderAuth::Unknown;
    }
    let found: Vec<&str> = parts.filter(|part| part.starts_with("dmarc=")).collect();
    let verdict = |part: &str| part.split_whitespace().next().map(str::to_owned);
    let has = |word: &str| found.iter().any(|part| verdict(part).as_deref() == Some(word));
    if has("dmarc=fail") {
        return SenderAuth::Fail;
    }
    // With two results, one may be text of the sender that the server repeats.
    let [one] = found.as_slice() else {
        return SenderAuth::Unknown;
    };
    let named = one
        .split_whitespace()
        .find_map(|word| word.strip_prefix("header.from="));
    match named {
        Some(named) if has("dmarc=pass") && is_aligned(named, from) => SenderAuth::Pass,
        _ => SenderAuth::Unknown,
    }
}

/// Whether a domain is the domain of an address, or a parent of it.
fn is_aligned(named: &str, from: &str) -> bool {
    let named = named.trim_matches(['"', '.']);
    let Some((_, domain)) = from.rsplit_once('@') else {
        return false;
    };
    let domain = domain.to_lowercase();
    named.contains('.')
        && domain
            .strip_suffix(named)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Removes comments and quoted strings: they may repeat text of the sender.
fn strip_comments(value: &str) -> String {
    let (mut depth, mut quoted, mut escaped): (usize, bool, bool) = (0, false, false);
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth = depth.saturating_add(1),
            ')' if !quoted && depth > 0 => depth = depth.saturating_sub(1),
            c if !quoted && depth == 0 => out.push(if c.is_whitespace() { ' ' } else { c }),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_aligned_result_of_the_trusted_server_counts() {
        use SenderAuth::{Fail, Pass, Unknown};
        for (value, want) in [
            (
                "mx.cloudflare.net; dmarc=pass header.from=example.org policy.dmarc=none",
                Pass,
            ),
            (
                "mx.cloudflare.net; dkim=pass header.d=example.org header.s=1;\r\n\tdmarc=pass header.from=Example.org policy.dmarc=reject;\r\n\tspf=pass (mx.cloudflare.net: domain of a@example.org designates 192.0.2.1 as permitted sender) smtp.mailfrom=a@example.org",
                Pass,
            ),
            (
                "mx.cloudflare.net 1; dmarc=pass (p=none) header.from=example.org",
                Pass,
            ),
            ("mx.cloudflare.net; dmarc=fail header.from=example.org", Fail),
            ("mx.cloudflare.net; dmarc=fail header.from=other.example", Fail),
            (
                "mx.cloudflare.net; dmarc=pass header.from=example.org; dmarc=fail",
                Fail,
            ),
            ("mx.cloudflare.net; dmarc=pass header.from=other.example", Unknown),
            (
                "mx.cloudflare.net; dmarc=pass header.from=mail.example.org",
                Unknown,
            ),
            ("mx.cloudflare.net; dmarc=pass header.from=ample.org", Unknown),
            ("mx.cloudflare.net; dmarc=pass header.from=org", Unknown),
            ("mx.cloudflare.net; dmarc=pass", Unknown),
            ("mx.cloudflare.net; dmarc=passed header.from=example.org", Unknown),
            ("mx.cloudflare.net; dmarc=none header.from=example.org", Unknown),
            (
                "mx.cloudflare.net; dmarc=temperror header.from=example.org",
                Unknown,
            ),
            ("mx.cloudflare.net; dkim=pass; spf=pass", Unknown),
            ("mx.evil.example; dmarc=pass header.from=example.org", Unknown),
            // Text of the sender.
            (
                "mx.cloudflare.net; spf=none (for x; dmarc=pass header.from=example.org) x=y",
                Unknown,
            ),
            (
                "mx.cloudflare.net; spf=none smtp.mailfrom=\"x; dmarc=pass header.from=example.org\"@e.example",
                Unknown,
            ),
            (
                "mx.cloudflare.net; dmarc=none; spf=none (x); dmarc=pass header.from=example.org) x",
                Unknown,
            ),
            ("", Unknown),
        ] {
            assert_eq!(parse_results(value, "jane@example.org"), want, "{value}");
        }
        let pass = "mx.cloudflare.net; dmarc=pass header.from=example.org";
        assert_eq!(parse_results(pass, "jane@mail.EXAMPLE.org"), Pass);
        assert_eq!(parse_results(pass, "jane@badexample.org"), Unknown);
    }
}
