//! The other people of a mail: where its sender wants the answers, and who is in copy.

use crate::desk::mail::inbound::header::authors::MailAddress;
use crate::desk::mail::inbound::letter::IncomingMail;
use crate::desk::mail::reply_address::ReplyAddress;

/// People in copy that a ticket keeps.
pub const MAX_CC: usize = 20;

/// Our own addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnAddresses<'a> {
    pub reply: Option<&'a ReplyAddress>,
    /// The sender of our mails.
    pub from: &'a str,
}

impl OwnAddresses<'_> {
    /// Whether a mail from this address is our own, or one to it comes back to us.
    pub fn has(&self, address: &str) -> bool {
        self.from.eq_ignore_ascii_case(address) || self.reply.is_some_and(|own| own.is_own(address))
    }
}

/// The address that answers go to instead of the sender's, as a form on a site asks for. Lists ask for answers to the
/// list, which is nobody's wish.
pub fn reply_target<'a>(mail: &'a IncomingMail, own: OwnAddresses) -> Option<&'a MailAddress> {
    let [target] = mail.reply_to.as_slice() else {
        return None;
    };
    let is_author = mail
        .authors
        .iter()
        .any(|author| author.address.eq_ignore_ascii_case(&target.address));
    (!is_author && !mail.is_from_list && !own.has(&target.address)).then_some(target)
}

/// Who is in copy: whoever the mail is to, without us, its sender, and where the answers go. Nobody is, if a program or a
/// list has sent the mail, or if it does not name us: it came by another address that leads to us, and it is not known
/// which of those it is to.
pub fn in_copy<'a>(mail: &'a IncomingMail, own: OwnAddresses) -> Vec<&'a MailAddress> {
    let names_us = mail.recipients.iter().any(|person| own.has(&person.address));
    if mail.is_from_list || mail.automatic.is_automatic() || !names_us {
        return Vec::new();
    }
    let mut found: Vec<&MailAddress> = Vec::new();
    for person in &mail.recipients {
        let is = |other: &MailAddress| other.address.eq_ignore_ascii_case(&person.address);
        let is_known =
            mail.authors.iter().any(is) || mail.reply_to.iter().any(is) || found.iter().any(|one| is(one));
        let is_left_out = is_known || own.has(&person.address) || is_unread(&person.address);
        if !is_left_out && found.len() < MAX_CC {
            found.push(person);
        }
    }
    found
}

/// Whether mails to this address are read by nobody, as far as its name tells.
pub fn is_unread(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default().to_lowercase();
    let letters: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
    ["noreply", "donotreply", "mailerdaemon", "postmaster"]
        .iter()
        .any(|name| letters.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::mail::inbound::automatic::Automatic;

    fn people(addresses: &[&str]) -> Vec<MailAddress> {
        let person = |address: &&str| MailAddress {
            address: (*address).to_owned(),
            name: None,
        };
        addresses.iter().map(person).collect()
    }

    #[test]
    fn answers_go_where_the_sender_wants_them() {
        let own = ReplyAddress::new("support@desk.example", "key".to_owned()).unwrap();
        let own = OwnAddresses {
            reply: Some(&own),
            from: "desk@desk.example",
        };
        for (reply_to, is_from_list, want) in [
            (&["visitor@x.example"][..], false, Some("visitor@x.example")),
            (&["visitor@x.example"], true, None),
            (&["FORM@site.example"], false, None),
            (&["a@x.example", "b@x.example"], false, None),
            (&["support@desk.example"], false, None),
            (&["support+1.2.x@desk.example"], false, None),
            (&["desk@desk.example"], false, None),
            (&[], false, None),
        ] {
            let mail = IncomingMail {
                authors: people(&["form@site.example"]),
                reply_to: people(reply_to),
                is_from_list,
                ..IncomingMail::default()
            };
            let target = reply_target(&mail, own).map(|target| target.address.as_str());
            assert_eq!(target, want, "{reply_to:?}");
        }
    }

    #[test]
    fn others_are_in_copy() {
        let own = ReplyAddress::new("support@desk.example", "key".to_owned()).unwrap();
        let own = OwnAddresses {
            reply: Some(&own),
            from: "desk@desk.example",
        };
        let mail = IncomingMail {
            authors: people(&["jane@x.example"]),
            recipients: people(&[
                "support@desk.example",
                "bob@x.example",
                "JANE@x.example",
                "support+1.2.x@desk.example",
                "Bob@x.example",
                "eve@x.example",
                "No-Reply@x.example",
                "desk@desk.example",
            ]),
            ..IncomingMail::default()
        };
        let found: Vec<&str> = in_copy(&mail, own)
            .iter()
            .map(|one| one.address.as_str())
            .collect();
        assert_eq!(found, ["bob@x.example", "eve@x.example"]);
        let without_us = mail
            .recipients
            .iter()
            .filter(|one| !own.has(&one.address))
            .cloned();
        for nobody in [
            IncomingMail {
                is_from_list: true,
                ..mail.clone()
            },
            IncomingMail {
                automatic: Automatic::Sent,
                ..mail.clone()
            },
            IncomingMail {
                recipients: without_us.collect(),
                ..mail.clone()
            },
        ] {
            assert!(in_copy(&nobody, own).is_empty(), "{nobody:?}");
        }
        let many: Vec<String> = (0..30).map(|n| format!("p{n}@x.example")).collect();
        let all: Vec<&str> = many
            .iter()
            .map(String::as_str)
            .chain(["support@desk.example"])
            .collect();
        let crowd = IncomingMail {
            recipients: people(&all),
            ..mail
        };
        assert_eq!(in_copy(&crowd, own).len(), MAX_CC);
    }
}
