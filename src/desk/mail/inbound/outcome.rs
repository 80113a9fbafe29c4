//! Why a mail is not taken, and whether its sender is told.

/// Why a mail is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    TooLarge,
    /// It cannot be parsed, or its parts are nested too deeply.
    Unreadable,
    /// `From` has no usable address.
    NoSender,
    SeveralSenders,
    /// DMARC failed.
    Forged,
    /// The address has an account, and nothing proves that the mail is from there.
    Unproven,
    Deactivated,
    OverLimit,
    /// An automatic answer, such as a vacation notice.
    AutomaticAnswer,
    /// A report of a mail server about a mail of ours.
    Bounce,
    /// A mail that we have sent.
    Own,
    /// The same mail was taken before.
    Duplicate,
    /// An answer that contains nothing but the mail that it answers.
    Empty,
}

/// All reasons, as they stand in the log.
pub const REASONS: [&str; 13] = [
    "too_large",
    "unreadable",
    "no_sender",
    "several_senders",
    "forged",
    "unproven",
    "deactivated",
    "over_limit",
    "automatic_answer",
    "bounce",
    "own",
    "duplicate",
    "empty",
];

/// What is done with a mail that is not taken, as it stands in the log.
pub const OUTCOMES: [&str; 2] = ["refused", "ignored"];

impl Reason {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::TooLarge => "too_large",
            Reason::Unreadable => "unreadable",
            Reason::NoSender => "no_sender",
            Reason::SeveralSenders => "several_senders",
            Reason::Forged => "forged",
            Reason::Unproven => "unproven",
            Reason::Deactivated => "deactivated",
            Reason::OverLimit => "over_limit",
            Reason::AutomaticAnswer => "automatic_answer",
            Reason::Bounce => "bounce",
            Reason::Own => "own",
            Reason::Duplicate => "duplicate",
            Reason::Empty => "empty",
        }
    }

    /// The reason in a sentence: for the sender, if it is one of those that they are told.
    pub fn words(self) -> &'static str {
        match self {
            Reason::TooLarge => "this mail is larger than 25 MiB",
            Reason::Unreadable => "this mail cannot be read, or has too many parts within parts",
            Reason::NoSender => "this mail says from no address that can be answered (From)",
            Reason::SeveralSenders => "this mail is from several addresses (From); please send it from one",
            Reason::Forged => "the domain of this mail's From says that the mail is not from there (DMARC)",
            Reason::Unproven => {
                "the address has an account here, and nothing proves that this mail is from there (no DMARC pass); \
                 customers can answer to the Reply-To of our mails, and everybody can use the site"
            }
            Reason::Deactivated => "the account of this address is deactivated",
            Reason::OverLimit => {
                "too many tickets were opened by mail from there; please try again in an hour"
            }
            Reason::AutomaticAnswer => "it is an automatic answer",
            Reason::Bounce => "it is the report of a mail server",
            Reason::Own => "it is a mail of this help desk",
            Reason::Duplicate => "it was taken before",
            Reason::Empty => "it says nothing of its own",
        }
    }

    /// Whether a person who sent such a mail can do something about it, and so is told.
    pub fn can_be_mended(self) -> bool {
        match self {
            Reason::TooLarge
            | Reason::Unreadable
            | Reason::NoSender
            | Reason::SeveralSenders
            | Reason::Forged
            | Reason::Unproven
            | Reason::Deactivated
            | Reason::OverLimit => true,
            Reason::AutomaticAnswer | Reason::Bounce | Reason::Own | Reason::Duplicate | Reason::Empty => {
                false
            }
        }
    }

    /// Whether the mail is refused, with the reason in words. A refusal makes the sending server write to the sender,
    /// so programs are not refused: two programs that answer each other never stop.
    pub fn is_refused(self, is_automatic: bool) -> bool {
        self.can_be_mended() && !is_automatic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_people_are_refused_and_only_for_what_they_can_mend() {
        for (reason, told) in [
            (Reason::TooLarge, true),
            (Reason::Unreadable, true),
            (Reason::NoSender, true),
            (Reason::SeveralSenders, true),
            (Reason::Forged, true),
            (Reason::Unproven, true),
            (Reason::Deactivated, true),
            (Reason::OverLimit, true),
            (Reason::AutomaticAnswer, false),
            (Reason::Bounce, false),
            (Reason::Own, false),
            (Reason::Duplicate, false),
            (Reason::Empty, false),
        ] {
            assert_eq!(
                (reason.is_refused(false), reason.is_refused(true)),
                (told, false),
                "{reason:?}"
            );
            assert!(REASONS.contains(&reason.as_str()));
            // A reply code of SMTP is one line of at most 512 bytes (RFC 5321, section 4.5.3.1.5).
            assert!(reason.words().len() < 400 && !reason.words().contains('\n'));
        }
    }
}
