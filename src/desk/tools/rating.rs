//! Ratings: what requesters say of the outcome of their tickets, once for each resolution.

use crate::desk::signed_token::Signer;
use crate::desk::tickets::ticket::{Refusal, Ticket};
use crate::desk::{DAY, Millis};

/// How long a rating can be changed.
pub const CHANGE_WINDOW: Millis = 7 * DAY;
/// From this score on somebody is satisfied.
pub const SATISFIED: i64 = 4;
/// The purpose of the token in a link that rates.
const PURPOSE: &str = "rate";

/// Checks that a person who can see the ticket may rate it. `rated_at`: when this resolution was first rated.
///
/// # Errors
/// A [`Refusal`] when it is somebody else's to rate, or not the time.
pub fn rate(ticket: &Ticket, user_id: i64, rated_at: Option<Millis>, now: Millis) -> Result<(), Refusal> {
    let assignee = ticket.assignee.as_ref().map(|person| person.id);
    if ticket.requester_id != user_id {
        return Err(Refusal::Forbidden(
            "a ticket is rated by its requester".to_owned(),
        ));
    }
    if assignee == Some(user_id) {
        return Err(Refusal::Forbidden("nobody rates their own work".to_owned()));
    }
    if !ticket.status.is_done() {
        return Err(Refusal::Conflict(
            "a ticket is rated once it is resolved or closed".to_owned(),
        ));
    }
    if rated_at.is_some_and(|at| now > at.saturating_add(CHANGE_WINDOW)) {
        return Err(Refusal::Conflict(
            "a rating can be changed within 7 days, and this one is older".to_owned(),
        ));
    }
    Ok(())
}

/// The resolution that a link rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatedResolution {
    pub ticket_id: i64,
    /// The requester, to whom the link was mailed.
    pub user_id: i64,
    pub resolved_at: Millis,
}

impl RatedResolution {
    /// The token of the link.
    pub fn sign(self, signer: &Signer) -> String {
        let payload = format!("{}.{}.{}", self.ticket_id, self.user_id, self.resolved_at);
        signer.sign(PURPOSE, &payload, "")
    }

    /// Reads a token that we have signed.
    pub fn verify(signer: &Signer, token: &str) -> Option<RatedResolution> {
        let payload = Signer::payload(token).filter(|_| signer.verify(PURPOSE, token, ""))?;
        let mut parts = payload.split('.').map(str::parse);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(ticket_id)), Some(Ok(user_id)), Some(Ok(resolved_at)), None) => Some(RatedResolution {
                ticket_id,
                user_id,
                resolved_at,
            }),
            _ => None,
        }
    }

    /// Whether this is the ticket, and it is still resolved as it was.
    pub fn is_of(self, ticket: &Ticket) -> bool {
        ticket.id == self.ticket_id
            && ticket.requester_id == self.user_id
            && ticket.resolved_at == Some(self.resolved_at)
            && ticket.status.is_done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::tickets::status::Status;
    use crate::desk::tickets::ticket::Person;
    use serde_json::Value;

    const NOW: Millis = 1_800_000_000_000;

    fn ticket(status: Status) -> Ticket {
        Ticket {
            id: 5,
            status,
            resolved_at: status.is_done().then_some(NOW),
            ..Ticket::new("t", "d", 9, 0)
        }
    }

    #[test]
    fn who_may_rate_and_when() {
        let word = |outcome| match outcome {
            Ok(()) => "done",
            Err(Refusal::Forbidden(_)) => "forbidden",
            Err(_) => "conflict",
        };
        for (status, who, rated_at, want) in [
            (Status::Resolved, 9, None, "done"),
            (Status::Closed, 9, None, "done"),
            (Status::Resolved, 8, None, "forbidden"),
            (Status::InProgress, 9, None, "conflict"),
            (Status::Reopened, 9, None, "conflict"),
            (Status::Closed, 9, Some(NOW - CHANGE_WINDOW), "done"),
            (Status::Closed, 9, Some(NOW - CHANGE_WINDOW - 1), "conflict"),
        ] {
            assert_eq!(
                word(rate(&ticket(status), who, rated_at, NOW)),
                want,
                "{status:?} {who} {rated_at:?}"
            );
        }
        let own = Ticket {
            assignee: Some(Person {
                id: 9,
                card: Value::Null,
            }),
            ..ticket(Status::Resolved)
        };
        assert_eq!(word(rate(&own, 9, None, NOW)), "forbidden");
    }

    #[test]
    fn a_link_is_of_one_resolution() {
        let signer = Signer::new("key".to_owned());
        let rated = RatedResolution {
            ticket_id: 5,
            user_id: 9,
            resolved_at: NOW,
        };
        let token = rated.sign(&signer);
        assert_eq!(RatedResolution::verify(&signer, &token), Some(rated));
        for wrong in [
            token.replacen('5', "6", 1),
            format!("{token}0"),
            String::new(),
            signer.sign("unsubscribe", &format!("5.9.{NOW}"), ""),
            signer.sign(PURPOSE, "5.9", ""),
            signer.sign(PURPOSE, &format!("5.9.{NOW}.1"), ""),
        ] {
            assert_eq!(RatedResolution::verify(&signer, &wrong), None, "{wrong}");
        }
        let other = |change: fn(&mut Ticket)| {
            let mut ticket = ticket(Status::Resolved);
            change(&mut ticket);
            rated.is_of(&ticket)
        };
        assert!(other(|_| {}));
        assert!(other(|ticket| ticket.status = Status::Closed));
        assert!(!other(|ticket| ticket.id = 6));
        assert!(!other(|ticket| ticket.requester_id = 8));
        assert!(!other(|ticket| ticket.resolved_at = Some(NOW + 1)));
        assert!(!other(|ticket| ticket.status = Status::Reopened));
    }
}
