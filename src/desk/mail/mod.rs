//! E-mail: what do the help desk's mails say, and what does an incoming mail mean?
//!
//! `outgoing` writes texts, `inbound` parses mails, `reply_address` signs the addresses that connect the two, `copy_token`
//! the links that end copies. Nothing
//! here sends or receives a mail, looks up an address or decides who gets one: that is done in `src/jobs/` and
//! `src/store/mail/`.

pub mod copy_token;
pub mod inbound;
pub mod outgoing;
pub mod reply_address;

/// One line without control characters, so that a value cannot add a header; runs of white space are collapsed.
fn to_single_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
