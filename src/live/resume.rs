//! What was missed: a client comes back and asks for everything after the last number that it knows.

use serde_json::json;

use crate::desk::live::connection::{Object, Standing};
use crate::edge::clock;
use crate::edge::db::{Db, DbError};
use crate::edge::hub::Hub;
use crate::http::error::Error;
use crate::live::broadcast::{dismiss, standings};
use crate::live::receive::{Speaker, another_ticket};
use crate::live::{Live, change};
use crate::store::live::{self as rows, Told};

/// Frames of one ticket that one page brings back, and pages of one `resume`.
const PAGE: i64 = 100;
const PAGES: usize = 10;

impl Live {
    /// Goes back to where the client has stopped hearing: from there everything is told again, in order.
    pub(super) async fn resume(&self, speaker: &Speaker<'_>, last: i64) {
        let Object::Room(ticket) = speaker.object else {
            return speaker.refuse(Error::field("tickets", "is missing"));
        };
        change(speaker.socket, |seat| seat.pace.weigh());
        let _turn = self.turn.lock().await;
        let place = if speaker.seat.hears_internal() {
            Ok(last)
        } else {
            staff_seq(speaker.hub, ticket, last).await
        };
        match place {
            Ok(place) => {
                change(speaker.socket, |seat| {
                    seat.cursor = seat.cursor.map(|heard| heard.min(place));
                });
                self.look(speaker.hub).await;
            }
            Err(error) => speaker.refuse(error.into()),
        }
    }

    pub(super) async fn resume_tickets(&self, speaker: &Speaker<'_>, tickets: Vec<(i64, i64)>) {
        if let Object::Room(room) = speaker.object {
            return match tickets.as_slice() {
                [(ticket, last)] if *ticket == room => self.resume(speaker, *last).await,
                _ => speaker.refuse(another_ticket("tickets")),
            };
        }
        change(speaker.socket, |seat| seat.pace.weigh());
        let _turn = self.turn.lock().await;
        if let Err(error) = missed(speaker, tickets).await {
            speaker.refuse(error.into());
        }
    }
}

/// Brings back what was missed of several tickets, a page of each at a time.
async fn missed(speaker: &Speaker<'_>, mut tickets: Vec<(i64, i64)>) -> Result<(), DbError> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: i64,
    }
    let db = Db::open(&speaker.hub.env)?;
    let (me, internal) = (speaker.seat.user_id, speaker.seat.hears_internal());
    for _ in 0..PAGES {
        if tickets.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = tickets.iter().map(|(id, _)| *id).collect();
        let now = clock::now();
        let mut batch = vec![
            standings(speaker.object, std::iter::once(&speaker.seat), now),
            rows::seen(me, &json!(ids).to_string()),
        ];
        let pages = tickets.iter();
        batch.extend(pages.map(|(id, last)| rows::missed(me, *id, *last, PAGE, internal)));
        let found = db.batch(&batch).await?;
        let [standings, seen, pages @ ..] = found.as_slice() else {
            return Ok(());
        };
        let standings: Vec<Standing> = standings.all()?;
        if let Err(end) = speaker.seat.stays(&standings, false, now) {
            dismiss(speaker.socket, end);
            return Ok(());
        }
        let seen: Vec<Id> = seen.all()?;
        let mut hidden = Vec::new();
        let mut left = Vec::new();
        for ((id, _), page) in tickets.iter().zip(pages) {
            if !seen.iter().any(|seen| seen.id == *id) {
                hidden.push((format!("tickets.{id}"), "not found".to_owned()));
            }
            let page: Vec<Told> = page.all()?;
            for text in page
                .iter()
                .filter_map(|told| told.staff.as_ref().or(told.public.as_ref()))
            {
                speaker.send(text);
            }
            let is_full = i64::try_from(page.len()).is_ok_and(|count| count >= PAGE);
            left.extend(page.last().filter(|_| is_full).map(|told| (*id, told.at)));
        }
        if !hidden.is_empty() {
            speaker.refuse(Error::Invalid(hidden));
        }
        tickets = left;
    }
    if !tickets.is_empty() {
        let far = |(id, last): &(i64, i64)| {
            let hint =
                format!("goes on after {last}: resume again, or read GET /tickets/{id}/events?after={last}");
            (format!("tickets.{id}"), hint)
        };
        speaker.refuse(Error::Invalid(tickets.iter().map(far).collect()));
    }
    Ok(())
}

async fn staff_seq(hub: &Hub, ticket: i64, public_seq: i64) -> Result<i64, DbError> {
    #[derive(serde::Deserialize)]
    struct Number {
        n: i64,
    }
    let db = Db::open(&hub.env)?;
    let found = db.batch(&[rows::staff_seq(ticket, public_seq)]).await?;
    let number: Option<Number> = match found.first() {
        Some(rows) => rows.first()?,
        None => None,
    };
    Ok(number.map_or(0, |number| number.n))
}
