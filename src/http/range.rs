//! Reads the `Range` of a download (RFC 9110, section 14): one part of a file.

/// What a request wants of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All of it. Also for headers that are not understood, and for several parts at once: both may be ignored.
    Whole,
    /// `length` bytes from `offset`.
    Part { offset: i64, length: i64 },
    /// A part that the file does not have.
    Outside,
}

/// Reads the header for a file of `size` bytes.
pub fn parse_range(header: Option<&str>, size: i64) -> Range {
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // A number that is too large for us is beyond the end of every file.
        is_number.then(|| text.parse().unwrap_or(i64::MAX))
    };
    let bounds = || {
        let (unit, spec) = header?.trim().split_once('=')?;
        let (from, to) = spec.trim().split_once('-')?;
        let (from, to) = (from.trim(), to.trim());
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        match (number(from), number(to)) {
            // The last bytes.
            (None, Some(length)) if from.is_empty() => {
                Some((size.saturating_sub(length).max(0), size, length > 0))
            }
            (Some(from), None) if to.is_empty() => Some((from, size, true)),
            (Some(from), Some(to)) if from <= to => Some((from, to.saturating_add(1).min(size), true)),
            _ => None,
        }
    };
    match bounds() {
        None => Range::Whole,
        Some((from, until, true)) if from < size => Range::Part {
            offset: from,
            length: until.saturating_sub(from),
        },
        Some(_) => Range::Outside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_is_read_and_everything_else_ignored() {
        let part = |offset, length| Range::Part { offset, length };
        for (header, want) in [
            ("bytes=10-19", part(10, 10)),
            ("bytes=0-0", part(0, 1)),
            ("bytes=99-99", part(99, 1)),
            ("bytes=90-", part(90, 10)),
            ("bytes=0-", part(0, 100)),
            ("bytes=-5", part(95, 5)),
            ("bytes=-100", part(0, 100)),
            ("bytes=-500", part(0, 100)),
            ("bytes=90-500", part(90, 10)),
            ("bytes=90-99999999999999999999999999", part(90, 10)),
            ("BYTES = 1 - 2", part(1, 2)),
            ("bytes=100-", Range::Outside),
            ("bytes=100-200", Range::Outside),
            ("bytes=99999999999999999999999999-", Range::Outside),
            ("bytes=-0", Range::Outside),
            ("bytes=5-4", Range::Whole),
            ("bytes=-", Range::Whole),
            ("bytes=", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("bytes=+1-2", Range::Whole),
            ("bytes=1-2,5-6", Range::Whole),
            ("bytes 1-2", Range::Whole),
            ("lines=1-2", Range::Whole),
            ("", Range::Whole),
        ] {
            assert_eq!(parse_range(Some(header), 100), want, "{header}");
        }
        assert_eq!(parse_range(None, 100), Range::Whole);
        assert_eq!(parse_range(Some("bytes=0-"), 0), Range::Outside);
    }
}
