//! Sends what a client has missed: after reconnecting, it asks for everything after the last number that it knows.

use serde_json::json;

use crate::desk::live::connection::{Authority, Topic};
use crate::edge::clock;
use crate::edge::db::{Batch, Db, DbError, Slot};
use crate::edge::hub::Hub;
use crate::http::error::Error;
use crate::live::broadcast::{authorities, close_socket};
use crate::live::receive::{FrameSender, wrong_ticket};
use crate::live::{LiveObject, update_connection};
use crate::store::live::{self as rows, FrameRow};
use crate::store::sql::rows::{CountRow, IdRow};

/// Maximum number of frames of one ticket per page, and of pages per `resume`.
const PAGE_SIZE: i64 = 100;
const MAX_PAGES: usize = 10;

impl LiveObject {
    /// Moves the socket back to the last frame that the client received: everything after it is sent again, in order.
    pub(super) async fn resume(&self, speaker: &FrameSender<'_>, last: i64) {
        let Topic::Ticket(ticket) = speaker.object else {
            return speaker.refuse(Error::field("tickets", "is missing"));
        };
        update_connection(speaker.socket, |connection| connection.pace.add_heavy_cost());
        let _turn = self.turn.lock().await;
        let place = if speaker.connection.may_read_internal() {
            Ok(last)
        } else {
            staff_seq(speaker.hub, ticket, last).await
        };
        match place {
            Ok(place) => {
                update_connection(speaker.socket, |connection| {
                    connection.cursor = connection.cursor.map(|heard| heard.min(place));
                });
                self.deliver_pending(speaker.hub).await;
            }
            Err(error) => speaker.refuse(error.into()),
        }
    }

    pub(super) async fn resume_tickets(&self, speaker: &FrameSender<'_>, tickets: Vec<(i64, i64)>) {
        if let Topic::Ticket(room) = speaker.object {
            return match tickets.as_slice() {
                [(ticket, last)] if *ticket == room => self.resume(speaker, *last).await,
                _ => speaker.refuse(wrong_ticket("tickets")),
            };
        }
        update_connection(speaker.socket, |connection| connection.pace.add_heavy_cost());
        let _turn = self.turn.lock().await;
        if let Err(error) = send_missed(speaker, tickets).await {
            speaker.refuse(error.into());
        }
    }
}

/// Sends what was missed on several tickets, one page of each at a time.
async fn send_missed(speaker: &FrameSender<'_>, mut tickets: Vec<(i64, i64)>) -> Result<(), DbError> {
    let db = Db::open(&speaker.hub.env)?;
    let (me, internal) = (speaker.connection.user_id, speaker.connection.may_read_internal());
    for _ in 0..MAX_PAGES {
        if tickets.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = tickets.iter().map(|(id, _)| *id).collect();
        let now = clock::now();
        let mut batch = Batch::new();
        let authorities = batch.add::<Authority>(authorities(
            speaker.object,
            std::iter::once(&speaker.connection),
            now,
        ));
        let seen = batch.add::<IdRow>(rows::visible_tickets(me, &json!(ids).to_string()));
        let pages = tickets.iter();
        let pages = pages.map(|(id, last)| {
            batch.add::<FrameRow>(rows::missed_frames(me, *id, *last, PAGE_SIZE, internal))
        });
        let pages: Vec<Slot<FrameRow>> = pages.collect();
        let found = db.batch(&batch).await?;
        let authorities = found.all(authorities)?;
        if let Err(end) = speaker.connection.check_authority(&authorities, false, now) {
            close_socket(speaker.socket, end);
            return Ok(());
        }
        let seen = found.all(seen)?;
        let mut hidden = Vec::new();
        let mut left = Vec::new();
        for ((id, _), page) in tickets.iter().zip(pages) {
            if !seen.iter().any(|seen| seen.id == *id) {
                hidden.push((format!("tickets.{id}"), "not found".to_owned()));
            }
            let page = found.all(page)?;
            for text in page
                .iter()
                .filter_map(|told| told.staff.as_ref().or(told.public.as_ref()))
            {
                speaker.send(text);
            }
            let is_full = i64::try_from(page.len()).is_ok_and(|count| count >= PAGE_SIZE);
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
    let db = Db::open(&hub.env)?;
    let number: Option<CountRow> = db.first(rows::staff_seq(ticket, public_seq)).await?;
    Ok(number.map_or(0, |number| number.n))
}
