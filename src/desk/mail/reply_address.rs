//! Reply addresses: an answer by mail finds its ticket, and nobody can make up an address that does.
//!
//! `support+12.34.<seal>@desk.example` is where user 34 answers on ticket 12. Mails carry a Message-ID of the same
//! kind, for programs that answer elsewhere. The seal is a truncated HMAC, so one address tells nothing of another.
//! It says where a mail belongs, and not who sent it.

use crate::desk::id::MAX_ID;
use crate::desk::signed_token::{hmac_hex, verify_hmac};

/// Bytes of a seal: 80 bits, far beyond guessing by mail.
const SIGNATURE_BYTES: usize = 10;
/// The longest part before the `@` of the plain address: with ids of ten digits the whole stays within the 64
/// characters that RFC 5321 grants.
const MAX_LOCAL_BYTES: usize = 20;

/// Whose side of which ticket a mail belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailThread {
    pub ticket_id: i64,
    pub user_id: i64,
    /// The mail told of an internal note: what answers it is one, too.
    pub is_internal: bool,
}

impl MailThread {
    /// What is sealed of it: `12.34`, and `12.34n` where a note is told of.
    fn payload(self) -> String {
        let mark = if self.is_internal { "n" } else { "" };
        format!("{}.{}{mark}", self.ticket_id, self.user_id)
    }

    /// Who and where, out of what [`named`](Thread::named) wrote.
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

/// The desk's own address, and the key that seals its variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyAddress {
    local: String,
    domain: String,
    key: String,
}

impl ReplyAddress {
    /// The desk's address, such as `support@desk.example`.
    ///
    /// # Errors
    /// Why it can be none, in words for the operator.
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

    /// The plain address.
    pub fn base_address(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Where a person answers on a ticket.
    pub fn address_for(&self, thread: MailThread) -> String {
        let named = thread.payload();
        format!(
            "{}+{named}.{}@{}",
            self.local,
            self.sign("address", &named),
            self.domain
        )
    }

    /// The thread that an address leads to; nothing when it is not ours, or somebody made it up.
    pub fn parse_address(&self, address: &str) -> Option<MailThread> {
        let address = address.trim().to_lowercase();
        let (ids, entry) = self.verify_token("address", self.token(&address)?)?;
        entry.is_none().then_some(ids)
    }

    /// Whether this is the desk's own address: the plain one, or with anything behind a `+`.
    pub fn is_own(&self, address: &str) -> bool {
        let address = address.trim().to_lowercase();
        address == self.base_address() || self.token(&address).is_some()
    }

    /// The Message-ID of a mail about a ticket, in its angle brackets. `entry` makes it unique.
    pub fn message_id_for(&self, thread: MailThread, entry: i64) -> String {
        let named = format!("{}.{entry}", thread.payload());
        format!("<{named}.{}@{}>", self.sign("message", &named), self.domain)
    }

    /// The thread that a Message-ID stands in; nothing when it is none of ours.
    pub fn parse_message_id(&self, id: &str) -> Option<MailThread> {
        let id = id.trim().trim_matches(['<', '>']).to_lowercase();
        let (token, domain) = id.split_once('@')?;
        let (ids, entry) = self.verify_token("message", token)?;
        (domain == self.domain && entry.is_some()).then_some(ids)
    }

    /// What stands between the `+` and the `@` of an address of ours, in lower case.
    fn token<'a>(&self, address: &'a str) -> Option<&'a str> {
        let (local, domain) = address.rsplit_once('@')?;
        let token = local.strip_prefix(&self.local)?.strip_prefix('+')?;
        (domain == self.domain).then_some(token)
    }

    /// Ticket and user, and the entry of a Message-ID, out of a token whose seal is ours.
    fn verify_token(&self, purpose: &str, token: &str) -> Option<(MailThread, Option<i64>)> {
        let (named, seal) = token.rsplit_once('.')?;
        if !verify_hmac(&self.key, &[purpose, named], seal, SIGNATURE_BYTES) {
            return None;
        }
        let mut parts = named.split('.');
        let thread = MailThread::parse(parts.next()?, parts.next()?)?;
        let entry = parts.next().and_then(|id| id.parse::<i64>().ok());
        Some((thread, entry.filter(|id| (0..=MAX_ID).contains(id))))
    }

    fn sign(&self, purpose: &str, named: &str) -> String {
        hmac_hex(&self.key, &[purpose, named], SIGNATURE_BYTES)
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

    fn desk() -> ReplyAddress {
        ReplyAddress::new("Support@Desk.example", "key".to_owned()).unwrap()
    }

    #[test]
    fn what_is_made_is_read() {
        let desk = desk();
        let address = desk.address_for(THREAD);
        assert!(address.starts_with("support+12.34.") && address.ends_with("@desk.example"));
        assert_eq!(desk.parse_address(&address), Some(THREAD));
        assert_eq!(desk.parse_address(&address.to_uppercase()), Some(THREAD));
        let id = desk.message_id_for(THREAD, 7);
        assert!(id.starts_with("<12.34.7.") && id.ends_with("@desk.example>"));
        assert_eq!(desk.parse_message_id(&id), Some(THREAD));
        assert_eq!(desk.parse_message_id(id.trim_matches(['<', '>'])), Some(THREAD));
        // What is said of a note is sealed with the rest.
        let note = MailThread {
            is_internal: true,
            ..THREAD
        };
        let (to, id) = (desk.address_for(note), desk.message_id_for(note, 7));
        assert!(to.starts_with("support+12.34n.") && id.starts_with("<12.34n.7."));
        assert_eq!(desk.parse_address(&to), Some(note));
        assert_eq!(desk.parse_message_id(&id), Some(note));
        assert_eq!(desk.parse_address(&to.replace("34n", "34")), None);
        assert_eq!(desk.parse_address(&address.replace("34.", "34n.")), None);
        assert_eq!(desk.parse_message_id(&id.replace("34n", "34")), None);
        let longest = MailThread {
            ticket_id: 9_999_999_999,
            user_id: 9_999_999_999,
            is_internal: true,
        };
        let desk = ReplyAddress::new("a2345678901234567890@d.example", String::new()).unwrap();
        assert!(desk.address_for(longest).split('@').next().unwrap().len() <= 64);
    }

    #[test]
    fn what_is_made_up_leads_nowhere() {
        let desk = desk();
        let address = desk.address_for(THREAD);
        let id = desk.message_id_for(THREAD, 7);
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
            // A seal of the one kind opens nothing of the other.
            id.trim_matches(['<', '>']).replace("12.", "support+12."),
            format!("support+12.34.{}@desk.example", "é".repeat(10)),
            "support+12.34.@desk.example".to_owned(),
            "support+.@desk.example".to_owned(),
            "support@desk.example".to_owned(),
            "@".to_owned(),
            String::new(),
        ] {
            assert_eq!(desk.parse_address(&made_up), None, "{made_up}");
            assert_eq!(desk.parse_message_id(&made_up), None, "{made_up}");
        }
        for made_up in [
            id.replace(".7.", ".8."),
            id.replace("desk.example", "other.example"),
        ] {
            assert_eq!(desk.parse_message_id(&made_up), None, "{made_up}");
        }
    }

    #[test]
    fn own_addresses_are_known() {
        let desk = desk();
        for (address, want) in [
            ("support@desk.example", true),
            ("SUPPORT@DESK.example", true),
            ("support+anything@desk.example", true),
            ("support2@desk.example", false),
            ("support@other.example", false),
        ] {
            assert_eq!(desk.is_own(address), want, "{address}");
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
        assert_eq!(desk().base_address(), "support@desk.example");
    }
}
