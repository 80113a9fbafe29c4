//! Which URLs a webhook may have: https on the public internet. Anything else would let an admin reach internal
//! services through the Worker (SSRF).
//!
//! URLs are parsed like browsers do (WHATWG), so that the host that is checked is the host that is called: numbers in
//! any notation are IP addresses, a trailing dot is ignored. What parsers disagree on is refused.

use std::net::IpAddr;

use crate::desk::webhooks::ip_address::{ends_in_number, is_public, parse_ipv4};

/// Allowed ports. Other ports belong to other services.
pub const ALLOWED_PORTS: [u16; 2] = [443, 8443];
/// The longest URL, in bytes.
pub const MAX_URL_BYTES: usize = 2_048;

/// Name suffixes that never belong to the public internet (RFC 6761, 6762, 8375 and ICANN's `internal`).
const PRIVATE_SUFFIXES: [&str; 11] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "localdomain",
    "intranet",
    "lan",
    "home",
    "corp",
    "onion",
    "invalid",
];

/// The host of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name in lower case. Its addresses must be checked when it is called.
    Name(String),
    Address(IpAddr),
}

/// A parsed URL, and its text as it is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl {
    pub host: Host,
    pub url: String,
}

/// What else is allowed or refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct UrlPolicy<'a> {
    /// Allow this machine, with http and on any port, for development.
    pub allow_loopback: bool,
    /// The hosts of the help desk itself, which are refused.
    pub own_hosts: &'a [String],
}

/// Parses and checks a URL.
///
/// # Errors
/// Why it is refused.
pub fn parse(text: &str, policy: UrlPolicy) -> Result<EndpointUrl, &'static str> {
    if text.len() > MAX_URL_BYTES {
        return Err("must be at most 2048 characters");
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'))
    {
        return Err(
            "must be plain ASCII without spaces, backslashes and fragment; write other names in punycode",
        );
    }
    let (scheme, rest) = text.split_once("://").ok_or("must be an https URL")?;
    let secure = scheme.eq_ignore_ascii_case("https");
    let plain = policy.allow_loopback && scheme.eq_ignore_ascii_case("http");
    if !secure && !plain {
        return Err("must be an https URL");
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        return Err("must not hold credentials");
    }
    let (host, port) = split_port(authority)?;
    let (host, shown) = parse_host(host)?;
    let loopback = policy.allow_loopback && is_loopback(&host);
    if !loopback {
        check_host(&host, policy.own_hosts)?;
        if !secure {
            return Err("must be an https URL");
        }
        if port.is_some_and(|port| !ALLOWED_PORTS.contains(&port)) {
            return Err("must be at port 443 or 8443");
        }
    }
    let usual = if secure { 443 } else { 80 };
    let port = port
        .filter(|port| *port != usual)
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let scheme = if secure { "https" } else { "http" };
    Ok(EndpointUrl {
        host,
        url: format!("{scheme}://{shown}{port}{slash}{path}"),
    })
}

/// The host of one of the help desk's own URLs, for [`UrlPolicy::own_hosts`].
pub fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, _) = split_port(authority).ok()?;
    Some(host.to_ascii_lowercase())
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']').ok_or("has no host that can be read")?;
            let (_, tail) = rest.split_at(end.saturating_add(1));
            let (host, _) = authority.split_at(end.saturating_add(2));
            match tail {
                "" => (host, None),
                tail => (
                    host,
                    Some(tail.strip_prefix(':').ok_or("has no host that can be read")?),
                ),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    match port {
        None | Some("") => Ok((host, None)),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port
            .parse()
            .map(|port| (host, Some(port)))
            .map_err(|_| "has no port that can be read"),
        Some(_) => Err("has no port that can be read"),
    }
}

/// The host, and its text in the URL.
fn parse_host(host: &str) -> Result<(Host, String), &'static str> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: std::net::Ipv6Addr = inner.parse().map_err(|_| "has no host that can be read")?;
        return Ok((Host::Address(address.into()), format!("[{address}]")));
    }
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    if ends_in_number(host) {
        let address = parse_ipv4(host).ok_or("has no host that can be read")?;
        return Ok((Host::Address(address.into()), address.to_string()));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err("has no host that can be read");
    }
    Ok((Host::Name(host.to_owned()), host.to_owned()))
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Name(name) => name == "localhost",
        Host::Address(address) => address.is_loopback(),
    }
}

fn check_host(host: &Host, own_hosts: &[String]) -> Result<(), &'static str> {
    let name = match host {
        Host::Address(address) if is_public(*address) => return Ok(()),
        Host::Address(_) => return Err("must be on the public internet"),
        Host::Name(name) => name,
    };
    let ends = |ending: &str| {
        name.strip_suffix(ending)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if !name.contains('.') || PRIVATE_SUFFIXES.into_iter().any(ends) {
        return Err("must be on the public internet");
    }
    if own_hosts.contains(name) {
        return Err("must not be the desk itself");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_urls_are_normalised() {
        for (text, want) in [
            ("https://hooks.example.com/in", "https://hooks.example.com/in"),
            ("https://hooks.example.com", "https://hooks.example.com/"),
            (
                "HTTPS://Hooks.Example.COM/In?A=b",
                "https://hooks.example.com/In?A=b",
            ),
            ("https://hooks.example.com?x=1", "https://hooks.example.com/?x=1"),
            ("https://hooks.example.com./in", "https://hooks.example.com/in"),
            ("https://hooks.example.com:443/in", "https://hooks.example.com/in"),
            ("https://hooks.example.com:/in", "https://hooks.example.com/in"),
            (
                "https://hooks.example.com:8443/in",
                "https://hooks.example.com:8443/in",
            ),
            (
                "https://hooks.example.com/a%20b/@c",
                "https://hooks.example.com/a%20b/@c",
            ),
            (
                "https://xn--bcher-kva.example/in",
                "https://xn--bcher-kva.example/in",
            ),
            ("https://my_host.example.com/in", "https://my_host.example.com/in"),
            ("https://1.1.1.1/in", "https://1.1.1.1/in"),
            ("https://16843009/in", "https://1.1.1.1/in"),
            ("https://0x01.0x1.0x1.1/in", "https://1.1.1.1/in"),
            (
                "https://[2606:4700:4700:0::1111]/in",
                "https://[2606:4700:4700::1111]/in",
            ),
            (
                "https://[2606:4700:4700::1111]:8443/in",
                "https://[2606:4700:4700::1111]:8443/in",
            ),
            ("https://localhost.example.com/", "https://localhost.example.com/"),
            ("https://internal.example.com/", "https://internal.example.com/"),
        ] {
            let read = parse(text, UrlPolicy::default()).map(|endpoint| endpoint.url);
            assert_eq!(read.as_deref().unwrap_or("no"), want, "{text}");
        }
    }

    #[test]
    fn other_urls_are_refused() {
        let own_hosts = ["desk.example.com".to_owned()];
        let policy = UrlPolicy {
            allow_loopback: false,
            own_hosts: &own_hosts,
        };
        for text in [
            "",
            "hooks.example.com",
            "//hooks.example.com/",
            "http://hooks.example.com/",
            "ftp://hooks.example.com/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https:hooks.example.com",
            "https:/hooks.example.com",
            "https://",
            "https:///path",
            "https://?x",
            "https://user@hooks.example.com/",
            "https://user:secret@hooks.example.com/",
            "https://hooks.example.com@127.0.0.1/",
            "https://127.0.0.1\\@hooks.example.com/",
            "https://hooks.example.com\\.internal/",
            "https://hooks.example.com/#part",
            "https://hooks.example.com/a b",
            " https://hooks.example.com/",
            "https://hooks.example.com/\n",
            "https://hooks.example.com/\u{7f}",
            "https://h\u{f6}\u{f6}ks.example.com/",
            "https://\u{ff11}27.0.0.1/",
            "https://127\u{3002}0\u{3002}0\u{3002}1/",
            "https://%31%32%37.0.0.1/",
            "https://%6cocalhost/",
            "https://hooks.example.com:80/",
            "https://hooks.example.com:22/",
            "https://hooks.example.com:65536/",
            "https://hooks.example.com:-1/",
            "https://hooks.example.com:44x/",
            "https://hooks.example.com:443:443/",
            "https://localhost/",
            "https://LOCALHOST/",
            "https://localhost./",
            "https://a.localhost/",
            "https://intranet/",
            "https://server/",
            "https://server./",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://router.home.arpa/",
            "https://nas.lan/",
            "https://hidden.onion/",
            "https://desk.example.com/api/v1/tickets",
            "https://DESK.example.com./",
            "https://..example.com/",
            "https://example..com/",
            "https://-a.example.com/",
            "https://a-.example.com/",
            "https://127.0.0.1/",
            "https://127.0.0.1./",
            "https://127.1/",
            "https://2130706433/",
            "https://017700000001/",
            "https://0x7f000001/",
            "https://0x7f.0.0.1/",
            "https://0/",
            "https://0.0.0.0/",
            "https://10.0.0.1/",
            "https://100.64.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://0xa9fea9fe/",
            "https://2852039166/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://192.0.2.1/",
            "https://198.51.100.1/",
            "https://203.0.113.1/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://1.2.3.4.5/",
            "https://1.2.3.999/",
            "https://hooks.example.1/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::127.0.0.1]/",
            "https://[2002:7f00:1::]/",
            "https://[2001:0:7f00:1::]/",
            "https://[2001:db8::1]/",
            "https://[fc00::1]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://[fe80::1%25eth0]/",
            "https://[fe80::1%eth0]/",
            "https://[ff02::1]/",
            "https://[::1/",
            "https://[::1]x/",
            "https://[v1.x]/",
            "https://::1/",
        ] {
            assert!(parse(text, policy).is_err(), "{text}: {:?}", parse(text, policy));
        }
        let long = format!("https://hooks.example.com/{}", "a".repeat(2_048));
        assert!(parse(&long, policy).is_err());
        let label = format!("https://{}.example.com/", "a".repeat(64));
        assert!(parse(&label, policy).is_err());
    }

    #[test]
    fn loopback_is_allowed_in_development_only() {
        let policy = UrlPolicy {
            allow_loopback: true,
            own_hosts: &[],
        };
        for (text, want) in [
            ("http://127.0.0.1:4123/in", Some("http://127.0.0.1:4123/in")),
            ("http://127.1:4123/in", Some("http://127.0.0.1:4123/in")),
            ("http://localhost:4123/in", Some("http://localhost:4123/in")),
            ("http://[::1]:4123/in", Some("http://[::1]:4123/in")),
            ("https://127.0.0.1:4123/in", Some("https://127.0.0.1:4123/in")),
            (
                "https://hooks.example.com/in",
                Some("https://hooks.example.com/in"),
            ),
            ("http://hooks.example.com/in", None),
            ("http://10.0.0.1/in", None),
            ("http://0.0.0.0/in", None),
            ("http://169.254.169.254/", None),
            ("http://[::ffff:127.0.0.1]/in", None),
            ("https://a.localhost/in", None),
        ] {
            assert_eq!(
                parse(text, policy).ok().map(|endpoint| endpoint.url).as_deref(),
                want,
                "{text}"
            );
        }
    }
}
