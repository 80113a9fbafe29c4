//! The token in the link with which somebody leaves the copy of a ticket: it names the ticket and the address, because
//! there may be no account.

use crate::desk::signed_token::{Signer, decode_hex};

/// The purpose that it is signed for.
const PURPOSE: &str = "leave";

/// Makes the token. The address is in hexadecimal: it may have any characters, and a token stands in a URL.
pub fn sign(signer: &Signer, ticket_id: i64, address: &str) -> String {
    let hex: String = address
        .to_lowercase()
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    signer.sign(PURPOSE, &format!("{ticket_id}.{hex}"), "")
}

/// The ticket and the address of a token that we have signed.
pub fn verify(signer: &Signer, token: &str) -> Option<(i64, String)> {
    let payload = Signer::payload(token).filter(|_| signer.verify(PURPOSE, token, ""))?;
    let (ticket, hex) = payload.split_once('.')?;
    Some((ticket.parse().ok()?, String::from_utf8(decode_hex(hex)?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_names_ticket_and_address() {
        let signer = Signer::new("key".to_owned());
        for address in ["bob@x.example", "\"a b\"+c%d@x.example", "李雷@例え.jp"] {
            let token = sign(&signer, 12, address);
            assert!(
                token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'),
                "{token}"
            );
            assert_eq!(verify(&signer, &token), Some((12, address.to_owned())));
            assert_eq!(verify(&signer, &token.replace("12.", "13.")), None);
        }
        assert_eq!(
            verify(&signer, &sign(&signer, 1, "BOB@x")),
            Some((1, "bob@x".to_owned()))
        );
        for wrong in [signer.sign("unsubscribe", "12.626f62", ""), String::new()] {
            assert_eq!(verify(&signer, &wrong), None);
        }
    }
}
