//! IP addresses outside of the public internet. Webhooks must not reach them (SSRF).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that are not public: first address and prefix length. Source: IANA's registry of special-purpose
/// addresses (RFC 6890 and its successors).
const NON_PUBLIC_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by carriers
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local; metadata services of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24), // AS112
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, broadcast
];

/// IPv6 networks within 2000::/3 that are not public. Outside of 2000::/3 nothing is: loopback, unspecified,
/// IPv4-mapped and IPv4-compatible, NAT64, unique local, link-local, multicast.
const NON_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // Teredo, ORCHID, benchmarks and other assignments
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: any IPv4 address in disguise
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether an address belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            let within =
                |(first, length): &(Ipv4Addr, u32)| bits >> (32 - length) == first.to_bits() >> (32 - length);
            !NON_PUBLIC_V4.iter().any(within)
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let within = |(first, length): &(Ipv6Addr, u32)| {
                bits >> (128 - length) == first.to_bits() >> (128 - length)
            };
            bits >> 125 == 0b001 && !NON_PUBLIC_V6.iter().any(within)
        }
    }
}

/// Parses a host that ends in a number as browsers do (WHATWG URL, "IPv4 parser"): one to four parts, each decimal,
/// octal (`0...`) or hexadecimal (`0x...`); the last one fills the remaining bytes. `None` when it is no address.
pub fn parse_ipv4(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = host.split('.').collect();
    let (last, front) = parts.split_last()?;
    if front.len() > 3 {
        return None;
    }
    let mut bits: u64 = 0;
    for part in front {
        bits = (bits << 8) | parse_part(part).filter(|value| *value < 256)?;
    }
    let left = 8 * (4 - u32::try_from(front.len()).ok()?);
    let last = parse_part(last).filter(|value| value >> left == 0)?;
    u32::try_from((bits << left) | last).ok().map(Ipv4Addr::from_bits)
}

/// Whether a host is an IPv4 address by the URL standard: its last part is a number.
pub fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
        || strip_hex_prefix(last).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn strip_hex_prefix(part: &str) -> Option<&str> {
    part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"))
}

fn parse_part(part: &str) -> Option<u64> {
    let (digits, radix) = match (strip_hex_prefix(part), part.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) => (digits, 8),
        (None, None) => (part, 10),
    };
    if digits.is_empty() {
        // Like browsers: `0` and `0x` mean zero, an empty part is invalid.
        return (!part.is_empty()).then_some(0);
    }
    // `from_str_radix` accepts a sign, which is no digit here.
    let fits = digits.len() <= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A number that is too large for an address is none.
    fits.then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
        .filter(|value| *value <= u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for (text, want) in [
            ("8.8.8.8", true),
            ("1.1.1.1", true),
            ("9.255.255.255", true),
            ("11.0.0.0", true),
            ("100.63.255.255", true),
            ("100.128.0.0", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("192.167.255.255", true),
            ("192.169.0.0", true),
            ("198.17.255.255", true),
            ("198.20.0.0", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("10.255.255.255", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.255", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.1", false),
            ("192.0.2.5", false),
            ("192.88.99.1", false),
            ("192.168.0.1", false),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.7", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("2001:4860:4860::8888", true),
            ("2a00:1450:4001::1", true),
            ("2001:200::1", true),
            ("::", false),
            ("::1", false),
            ("::7f00:1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", false),
            ("::ffff:0:7f00:1", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::808:808", false),
            ("64:ff9b:1::1", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:0:53aa:64c::1", false),
            ("2001:2::1", false),
            ("2001:10::1", false),
            ("2001:20::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::1", false),
            ("2002:808:808::1", false),
            ("3fff::1", false),
            ("3fff:fff::1", false),
            ("4000::1", false),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), want, "{text}");
        }
    }

    #[test]
    fn numbers_are_addresses_in_every_form() {
        for (host, want) in [
            ("127.0.0.1", Some("127.0.0.1")),
            ("127.1", Some("127.0.0.1")),
            ("127.0.1", Some("127.0.0.1")),
            ("2130706433", Some("127.0.0.1")),
            ("0x7f000001", Some("127.0.0.1")),
            ("0X7F.0x0.0x0.0x1", Some("127.0.0.1")),
            ("017700000001", Some("127.0.0.1")),
            ("0177.0.0.01", Some("127.0.0.1")),
            ("0x7f.1", Some("127.0.0.1")),
            ("0", Some("0.0.0.0")),
            ("0x", Some("0.0.0.0")),
            ("00", Some("0.0.0.0")),
            ("4294967295", Some("255.255.255.255")),
            ("4294967296", None),
            ("0x100000000", None),
            ("10.16777215", Some("10.255.255.255")),
            ("10.16777216", None),
            ("10.0.65536", None),
            ("256.1.1.1", None),
            ("1.2.3.256", None),
            ("1.2.3.4.5", None),
            ("1..2", None),
            ("1.2.3.08", None),
            ("08", None),
            ("1.2.3.0xg", None),
            ("example.0x", None),
            ("+1", None),
            ("1.2.3.-4", None),
            ("00000000000000000000000000000000000000001", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(
                parse_ipv4(host).map(|address| address.to_string()).as_deref(),
                want,
                "{host}"
            );
        }
        for (host, want) in [
            ("1.2.3.4", true),
            ("example.5", true),
            ("example.0x", true),
            ("example.0xff", true),
            ("example.com", false),
            ("example.0xfg", false),
            ("5.example", false),
            ("example.", false),
        ] {
            assert_eq!(ends_in_number(host), want, "{host}");
        }
    }
}
