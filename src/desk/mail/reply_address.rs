//! Reply addresses: a reply by mail finds its ticket. They are signed, so they cannot be forged.
//!
//! User 34 replies to ticket 12 at `support+12.34.<signature>@desk.example`. Mails have a Message-ID of the same form,
//! for mail programs that reply to another address. The signature is a truncated HMAC, so one address does not help to
//! guess another. It says which ticket a mail belongs to, and does not prove who sent it.

use crate::desk::id::MAX_ID;
use crate::desk::signed_token::{hmac_hex, verify_hmac};

/// Bytes of a signature: 80 bits, far more than can be guessed by sending mails.
const SIGNATURE_BYTES: usize = 10;
/// Longest part before the `@` of the base address, in bytes. With ids of ten digits, the signed address stays within
/// the 64 bytes that RFC 5321 allows.
const MAX_LOCAL_BYTES: usize = 20;

/// The ticket that a mail belongs to, and the user that it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailThread {
    pub ticket_id: i64,
    /// 0: somebody who is in copy.
    pub user_id: i64,
    /// The mail was about an internal note, so a reply to it is an internal note too.
    pub is_internal: bool,
}

impl MailThread {
    /// The thread of somebody who has no account, but is in copy.
    pub fn of_nobody(ticket_id: i64) -> MailThread {
        MailThread {
            ticket_id,
            user_id: 0,
            is_internal: false,
        }
    }

    /// The signed part: `12.34`, or `12.34n` for an internal note.
    fn payload(self) -> String {
        let suffix = if self.is_internal { "n" } else { "" };
        format!("{}.{}{suffix}", self.ticket_id, self.user_id)
    }

    /// Parses what [`payload`](MailThread::payload) wrote.
    fn parse(ticket: &str, user: &str) -> Option<MailThread> {
        let plain = user.strip_suffix('n');
        let id = |id: &str| id.parse::<i64>().ok().filter(|id| (0..=MAX_ID).contains(id));
        Some(MailThread {
            ticket_id: id(ticket)?,
            user_id: id(plain.unwrap_or(user))?,
            is_internal: plain.is_some(),
        })
    }
}

/// The address of the help desk, and the key that signs its variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyAddress {
    local: String,
    domain: String,
    key: String,
}

impl ReplyAddress {
    /// Parses the help desk's address, such as `support@desk.example`.
    ///
    /// # Errors
    /// Why the address is unusable, as a message for the operator.
    pub fn new(address: &str, key: String) -> Result<ReplyAddress, &'static str> {
        let address = address.trim().to_lowercase();
        let fits = |text: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            !text.is_empty() && text.bytes().all(plain)
        };
        let parts = address.split_once('@').filter(|(local, domain)| {
            fits(local) && fits(domain) && domain.contains('.') && domain.len() <= 180
        });
        let (local, domain) = parts.ok_or("must be a plain address such as support@desk.example")?;
        if local.len() > MAX_LOCAL_BYTES {
            return Err("must have at most 20 characters before the @: a token is put behind them");
        }
        Ok(ReplyAddress {
            local: local.to_owned(),
            domain: domain.to_owned(),
            key,
        })
    }

    /// The address without a token.
    pub fn base_address(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The address at which a user replies to a ticket.
    pub fn address_for(&self, thread: MailThread) -> String {
        let payload = thread.payload();
        format!(
            "{}+{payload}.{}@{}",
            self.local,
            self.sign("address", &payload),
            self.domain
        )
    }

    /// The thread of an address. `None` if it is not ours, or its signature is wrong.
    pub fn parse_address(&self, address: &str) -> Option<MailThread> {
        let address = address.trim().to_lowercase();
        let (ids, entry) = self.verify_token("address", self.token(&address)?)?;
        entry.is_none().then_some(ids)
    }

    /// The address at which somebody who is in copy of a ticket replies: valid for mails from there only.
    pub fn address_for_copy(&self, ticket_id: i64, address: &str) -> String {
        let payload = MailThread::of_nobody(ticket_id).payload();
        let signature = hmac_hex(
            &self.key,
            &["copy", &payload, &address.to_lowercase()],
            SIGNATURE_BYTES,
        );
        format!("{}+{payload}.{signature}@{}", self.local, self.domain)
    }

    /// The thread of an address that was given to somebody in copy, if the mail is from there.
    pub fn parse_copy_address(&self, address: &str, from: &str) -> Option<MailThread> {
        let address = address.trim().to_lowercase();
        let (payload, signature) = self.token(&address)?.rsplit_once('.')?;
        let parts = ["copy", payload, &from.to_lowercase()];
        if !verify_hmac(&self.key, &parts, signature, SIGNATURE_BYTES) {
            return None;
        }
        let (ticket, user) = payload.split_once('.')?;
        MailThread::parse(ticket, user)
    }

    /// Whether this is the help desk's address: the base address, or one with anything after a `+`.
    pub fn is_own(&self, address: &str) -> bool {
        let address = address.trim().to_lowercase();
        address == self.base_address() || self.token(&address).is_some()
    }

    /// The Message-ID of a mail about a ticket, in angle brackets. `entry` makes it unique.
    pub fn message_id_for(&self, thread: MailThread, entry: i64) -> String {
        let payload = format!("{}.{entry}", thread.payload());
        format!("<{payload}.{}@{}>", self.sign("message", &payload), self.domain)
    }

    /// The thread of a Message-ID. `None` if it is not ours.
    pub fn parse_message_id(&self, id: &str) -> Option<MailThread> {
        let id = id.trim().trim_matches(['<', '>']).to_lowercase();
        let (token, domain) = id.split_once('@')?;
        let (ids, entry) = self.verify_token("message", token)?;
        (domain == self.domain && entry.is_some()).then_some(ids)
    }

    /// The part between `+` and `@` of one of our addresses, in lower case.
    fn token<'a>(&self, address: &'a str) -> Option<&'a str> {
        let (local, domain) = address.rsplit_once('@')?;
        let token = local.strip_prefix(&self.local)?.strip_prefix('+')?;
        (domain == self.domain).then_some(token)
    }

    /// The thread, and the entry of a Message-ID, if the signature of the token is valid.
    fn verify_token(&self, purpose: &str, token: &str) -> Option<(MailThread, Option<i64>)> {
        let (payload, signature) = token.rsplit_once('.')?;
        if !verify_hmac(&self.key, &[purpose, payload], signature, SIGNATURE_BYTES) {
            return None;
        }
        let mut parts = payload.split('.');
        let thread = MailThread::parse(parts.next()?, parts.next()?)?;
        let entry = parts.next().and_then(|id| id.parse::<i64>().ok());
        Some((thread, entry.filter(|id| (0..=MAX_ID).contains(id))))
    }

    fn sign(&self, purpose: &str, payload: &str) -> String {
        hmac_hex(&self.key, &[purpose, payload], SIGNATURE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: MailThread = MailThread {
        ticket_id: 12,
        user_id: 34,
        is_internal: false,
    };

    fn reply_address() -> ReplyAddress {
        ReplyAddress::new("Support@Desk.example", "key".to_owned()).unwrap()
    }

    #[test]
    fn addresses_are_parsed_as_they_were_built() {
        let reply_address = reply_address();
        let address = reply_address.address_for(THREAD);
        assert!(address.starts_with("support+12.34.") && address.ends_with("@desk.example"));
        assert_eq!(reply_address.parse_address(&address), Some(THREAD));
        assert_eq!(reply_address.parse_address(&address.to_uppercase()), Some(THREAD));
        let id = reply_address.message_id_for(THREAD, 7);
        assert!(id.starts_with("<12.34.7.") && id.ends_with("@desk.example>"));
        assert_eq!(reply_address.parse_message_id(&id), Some(THREAD));
        assert_eq!(
            reply_address.parse_message_id(id.trim_matches(['<', '>'])),
            Some(THREAD)
        );
        // The mark for internal notes is signed too.
        let note = MailThread {
            is_internal: true,
            ..THREAD
        };
        let (to, id) = (
            reply_address.address_for(note),
            reply_address.message_id_for(note, 7),
        );
        assert!(to.starts_with("support+12.34n.") && id.starts_with("<12.34n.7."));
        assert_eq!(reply_address.parse_address(&to), Some(note));
        assert_eq!(reply_address.parse_message_id(&id), Some(note));
        assert_eq!(reply_address.parse_address(&to.replace("34n", "34")), None);
        assert_eq!(reply_address.parse_address(&address.replace("34.", "34n.")), None);
        assert_eq!(reply_address.parse_message_id(&id.replace("34n", "34")), None);
        let longest = MailThread {
            ticket_id: 9_999_999_999,
            user_id: 9_999_999_999,
            is_internal: true,
        };
        let reply_address = ReplyAddress::new("a2345678901234567890@d.example", String::new()).unwrap();
        assert!(
            reply_address
                .address_for(longest)
                .split('@')
                .next()
                .unwrap()
                .len()
                <= 64
        );
    }

    #[test]
    fn forged_addresses_are_refused() {
        let reply_address = reply_address();
        let address = reply_address.address_for(THREAD);
        let id = reply_address.message_id_for(THREAD, 7);
        for made_up in [
            address.replace("12.34", "13.34"),
            address.replace("12.34", "12.35"),
            address.replace("12.34", "012.34"),
            address.replace("12.34", "12.34.7"),
            address.replace("12.34.", "12.34"),
            address.replace("desk.example", "desk.example.evil"),
            address.replace("support", "suppor"),
            address.replace('+', ""),
            ReplyAddress::new("support@desk.example", "other".to_owned())
                .unwrap()
                .address_for(THREAD),
            // A signature made for one purpose is invalid for the other.
            id.trim_matches(['<', '>']).replace("12.", "support+12."),
            format!("support+12.34.{}@desk.example", "é".repeat(10)),
            "support+12.34.@desk.example".to_owned(),
            "support+.@desk.example".to_owned(),
            "support@desk.example".to_owned(),
            "@".to_owned(),
            String::new(),
        ] {
            assert_eq!(reply_address.parse_address(&made_up), None, "{made_up}");
            assert_eq!(reply_address.parse_message_id(&made_up), None, "{made_up}");
        }
        for made_up in [
            id.replace(".7.", ".8."),
            id.replace("desk.example", "other.example"),
        ] {
            assert_eq!(reply_address.parse_message_id(&made_up), None, "{made_up}");
        }
    }

    #[test]
    fn a_copy_is_answered_by_its_recipient_only() {
        let reply_address = reply_address();
        let address = reply_address.address_for_copy(12, "Bob@x.example");
        let thread = Some(MailThread::of_nobody(12));
        for (to, from, want) in [
            (address.clone(), "bob@x.example", thread),
            (address.to_uppercase(), "BOB@x.example", thread),
            (address.clone(), "eve@x.example", None),
            (address.replace("12.0", "13.0"), "bob@x.example", None),
            (
                reply_address.address_for(MailThread::of_nobody(12)),
                "bob@x.example",
                None,
            ),
            ("support@desk.example".to_owned(), "bob@x.example", None),
        ] {
            assert_eq!(reply_address.parse_copy_address(&to, from), want, "{to} {from}");
        }
        assert_eq!(reply_address.parse_address(&address), None);
    }

    #[test]
    fn own_addresses_are_recognised() {
        let reply_address = reply_address();
        for (address, want) in [
            ("support@desk.example", true),
            ("SUPPORT@DESK.example", true),
            ("support+anything@desk.example", true),
            ("support2@desk.example", false),
            ("support@other.example", false),
        ] {
            assert_eq!(reply_address.is_own(address), want, "{address}");
        }
    }

    #[test]
    fn the_plain_address_is_checked() {
        for wrong in [
            "support",
            "@desk.example",
            "support@",
            "support@desk",
            "a+b@desk.example",
            "Support <a@desk.example>",
            "a2345678901234567890x@desk.example",
        ] {
            assert!(ReplyAddress::new(wrong, String::new()).is_err(), "{wrong}");
        }
        assert_eq!(reply_address().base_address(), "support@desk.example");
    }
}
