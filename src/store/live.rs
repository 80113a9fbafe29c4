//! Live updates over WebSockets: which connections are open, whether they are still authorised, and the frames that
//! they receive. SQL builds frames in the same way as it builds responses.

use serde::Deserialize;

use crate::desk::id::Ref;
use crate::desk::person::Role;
use crate::desk::tickets::policy;
use crate::edge::db::Stmt;
use crate::store::notifications;
use crate::store::sql::scope::SEEN_BY;
use crate::store::sql::view;
use crate::store::tickets::events::{self, FORMER_ASSIGNEE};
use crate::store::tickets::messages::MESSAGE;
use crate::store::tickets::ticket::{Viewer, ticket_condition};

/// The tables, in addition to the ticket `t` and its event `e`, that a frame is built from.
const EVENT_JOINS: &str = "LEFT JOIN users a ON a.id = e.actor_id LEFT JOIN messages m ON m.id = e.message_id AND m.ticket_id = e.ticket_id \
  LEFT JOIN users w ON w.id = m.author_id";

/// A frame to be sent, in one form for staff and one for customers.
#[derive(Clone, Debug, Deserialize)]
pub struct FrameRow {
    /// Its position in the room or the feed: the event's number in the count of staff, or as in [`feed_frames`].
    pub at: i64,
    pub staff: Option<String>,
    /// The form for customers; also `None` if customers may not know of the event.
    pub public: Option<String>,
    /// The id of the message, if the event added one.
    pub message_id: Option<i64>,
}

/// The JSON text of the frame of an event `e`, for staff (`internal`) or for customers.
fn frame(internal: bool) -> String {
    let seq = if internal { "e.seq" } else { "e.public_seq" };
    let head = |kind: &str| {
        vec![
            ("type", kind.to_owned()),
            ("seq", seq.to_owned()),
            ("ticket_id", "e.ticket_id".to_owned()),
            ("at", view::time("e.created_at")),
        ]
    };
    let with = |mut fields: Vec<(&'static str, String)>, data: String| {
        fields.push(("data", data));
        view::object(fields.into_iter())
    };
    let message = with(
        head("iif(e.type = 'message_edited', '\"message_updated\"', '\"message\"')"),
        MESSAGE.sql(),
    );
    // If the message has been deleted by now, or has gone to another ticket, every event about it is reported as a
    // deletion.
    let gone = view::object(
        [
            ("id", "e.message_id".to_owned()),
            ("uid", "json_quote(m.uid)".to_owned()),
            ("ticket_id", "e.ticket_id".to_owned()),
            ("deleted_at", view::time("m.deleted_at")),
        ]
        .into_iter(),
    );
    let deleted = with(head("'\"message_deleted\"'"), gone);
    let mut update = head("'\"ticket_updated\"'");
    update.push(("version", "t.version".to_owned()));
    let update = with(update, events::json(internal));
    format!(
        "CASE WHEN e.type NOT IN ('message_added', 'message_edited', 'message_deleted', 'message_moved') THEN {update} \
         WHEN m.id IS NOT NULL AND m.deleted_at IS NULL THEN {message} ELSE {deleted} END"
    )
}

/// The columns of [`FrameRow`] of an event `e`, only for the audiences that are connected.
fn columns(staff: bool, customers: bool) -> String {
    let staff = if staff { frame(true) } else { "NULL".to_owned() };
    let public = if customers {
        format!(
            "CASE WHEN e.public_seq IS NOT NULL AND coalesce(m.is_internal, 0) = 0 THEN {} END",
            frame(false)
        )
    } else {
        "NULL".to_owned()
    };
    format!(
        "{staff} AS staff, {public} AS public, iif(e.type = 'message_added', e.message_id, NULL) AS message_id"
    )
}

/// The frames of a ticket's room after an event: rows of [`FrameRow`] in order. The caller must read [`authorities`]
/// in the same batch.
pub fn room_frames(ticket_id: i64, after: i64, most: i64, (staff, customers): (bool, bool)) -> Stmt {
    Stmt::new(format!(
        "SELECT e.seq AS at, {} FROM tickets t JOIN events e ON e.ticket_id = t.id {EVENT_JOINS} \
         WHERE t.id = ?1 AND e.seq > ?2 ORDER BY e.seq LIMIT ?3",
        columns(staff, customers)
    ))
    .bind(ticket_id)
    .bind(after)
    .bind(most)
}

/// The maximum number of events examined by one query of a feed.
const MAX_EVENTS_READ: i64 = 1_000;
/// The number of positions in a feed per event: one for the event itself, the others for notifications before the
/// next event.
const PLACES_PER_EVENT: i64 = 1_024;

/// The end of the feed of the user `?1`: the position of the newest event, or of a newer notification.
fn feed_head() -> String {
    format!(
        "max(coalesce((SELECT max(id) FROM events), 0) * {PLACES_PER_EVENT}, \
           coalesce((SELECT max(id) FROM notices WHERE user_id = ?1), 0))"
    )
}

/// The frames of a user's feed after a position: rows of [`FrameRow`], without a frame if the user may not see the
/// event. Feeds are not stored: a feed consists of the events of the tickets that currently concern the user, and the
/// user's notifications, in one order. The last row has no frame and gives the position up to which the feed was
/// examined, unless the page is full before that.
pub fn feed_frames(user_id: i64, after: i64, most: i64, internal: bool) -> Stmt {
    let (shown, known) = if internal {
        ("1", "1")
    } else {
        (
            "e.public_seq IS NOT NULL AND coalesce(m.is_internal, 0) = 0",
            "(n.event_id IS NULL OR e.public_seq IS NOT NULL)",
        )
    };
    let ticket = "coalesce('\"ticket_id\":'||n.ticket_id||',','')";
    let notification = format!(
        "'{{\"type\":\"notification\",'||{ticket}||'\"at\":'||{}||',\"data\":'||{}||'}}'",
        view::time("n.created_at"),
        notifications::json(internal)
    );
    let told = format!(
        "CASE WHEN n.id IS NULL THEN CASE WHEN t.id IS NOT NULL AND {shown} AND {SEEN_BY} THEN {} END \
         WHEN (n.ticket_id IS NULL OR (t.id IS NOT NULL AND {SEEN_BY})) AND {known} THEN {notification} END",
        frame(internal)
    );
    let (staff, public) = if internal {
        (told.as_str(), "NULL")
    } else {
        ("NULL", told.as_str())
    };
    let head = feed_head();
    // `span` is where this query stops: after [`MAX_EVENTS_READ`] events, or at the end of the feed.
    Stmt::new(format!(
        "WITH span AS MATERIALIZED (SELECT min(coalesce((SELECT id * {PLACES_PER_EVENT} + {PLACES_PER_EVENT} - 1 FROM events \
             WHERE id > CAST(?2 AS INTEGER) / {PLACES_PER_EVENT} ORDER BY id LIMIT 1 OFFSET {MAX_EVENTS_READ} - 1), {head}), {head}) AS last), \
         f AS MATERIALIZED (SELECT * FROM ( \
           SELECT e.id * {PLACES_PER_EVENT} AS at, e.id AS event_id, NULL AS notification_id FROM span CROSS JOIN users u ON u.id = ?1 \
             CROSS JOIN events e ON e.id > CAST(?2 AS INTEGER) / {PLACES_PER_EVENT} AND e.id <= span.last / {PLACES_PER_EVENT} \
             CROSS JOIN tickets t ON t.id = e.ticket_id AND t.deleted_at IS NULL \
             WHERE e.type <> 'message_moved' AND (e.public_seq IS NOT NULL OR u.role <> 'customer') AND (t.requester_id = u.id OR t.assignee_id = u.id \
               OR (t.assignee_id IS NULL AND u.role = 'agent') OR {FORMER_ASSIGNEE} = u.id \
               OR EXISTS (SELECT 1 FROM ticket_watchers w WHERE w.ticket_id = t.id AND w.user_id = u.id)) \
           UNION ALL SELECT n.id, NULL, n.id FROM span CROSS JOIN notices n ON n.user_id = ?1 AND n.id > ?2 AND n.id <= span.last AND n.live = 1 \
           UNION ALL SELECT last, NULL, NULL FROM span) \
           ORDER BY at, event_id IS NULL AND notification_id IS NULL LIMIT ?3) \
         SELECT f.at AS at, {staff} AS staff, {public} AS public, \
           iif(f.event_id IS NOT NULL AND e.type = 'message_added', e.message_id, NULL) AS message_id \
         FROM f CROSS JOIN users u ON u.id = ?1 CROSS JOIN settings s ON s.id = 1 \
         LEFT JOIN notices n ON n.user_id = ?1 AND n.id = f.notification_id LEFT JOIN events e ON e.id = coalesce(f.event_id, n.event_id) \
         LEFT JOIN tickets t ON t.id = coalesce(e.ticket_id, n.ticket_id) AND t.deleted_at IS NULL \
         LEFT JOIN users a ON a.id = e.actor_id \
         LEFT JOIN messages m ON m.id = e.message_id AND m.ticket_id = e.ticket_id AND (f.event_id IS NOT NULL OR m.deleted_at IS NULL) \
         LEFT JOIN users w ON w.id = m.author_id ORDER BY f.at"
    ))
    .bind(user_id)
    .bind(after)
    .bind(most)
}

/// The frames of a ticket after a sequence number, which is in the user's own count (that of staff or that of
/// customers): rows of [`FrameRow`], and none if the user may not see the ticket.
pub fn missed_frames(user_id: i64, ticket_id: i64, after: i64, most: i64, internal: bool) -> Stmt {
    let seq = if internal { "e.seq" } else { "e.public_seq" };
    Stmt::new(format!(
        "SELECT {seq} AS at, {} FROM users u JOIN settings s ON s.id = 1 \
         JOIN tickets t ON t.id = ?2 AND t.deleted_at IS NULL AND {SEEN_BY} JOIN events e ON e.ticket_id = t.id {EVENT_JOINS} \
         WHERE u.id = ?1 AND e.seq > ?3 AND {seq} > ?3 ORDER BY e.seq LIMIT ?4",
        columns(internal, !internal)
    ))
    .bind(user_id)
    .bind(ticket_id)
    .bind(after)
    .bind(most)
}

/// Those tickets of a JSON list of ids that a user may see: rows `id`.
pub fn visible_tickets(user_id: i64, ids: &str) -> Stmt {
    Stmt::new(format!(
        "SELECT t.id AS id FROM users u JOIN settings s ON s.id = 1 JOIN json_each(?2) j \
         JOIN tickets t ON t.id = j.value AND t.deleted_at IS NULL AND {SEEN_BY} WHERE u.id = ?1"
    ))
    .bind(user_id)
    .bind(ids)
}

/// The frame of a message that its author has just sent: one row of [`FrameRow`].
pub fn message_frame(message_id: i64, internal: bool) -> Stmt {
    Stmt::new(format!(
        "SELECT e.seq AS at, {} FROM events e JOIN tickets t ON t.id = e.ticket_id {EVENT_JOINS} \
         WHERE (e.ticket_id, e.seq) = (SELECT ticket_id, seq FROM messages WHERE id = ?1)",
        columns(internal, !internal)
    ))
    .bind(message_id)
}

/// Converts a sequence number in the count of customers to the count of staff: `n`.
pub fn staff_seq(ticket_id: i64, public_seq: i64) -> Stmt {
    Stmt::new(
        "SELECT coalesce((SELECT e.seq FROM tickets t JOIN events e ON e.ticket_id = t.id AND e.seq >= min(?2, t.public_seq) \
           AND e.public_seq = min(?2, t.public_seq) WHERE t.id = ?1 ORDER BY e.seq LIMIT 1), 0) AS n",
    )
    .bind(ticket_id)
    .bind(public_seq)
}

/// A ticket whose room a user wants to join.
#[derive(Debug, Deserialize)]
pub struct RoomPosition {
    pub id: i64,
    /// The last sequence number that the reader has received, converted to the count of staff.
    pub seq: i64,
}

/// Selects the [`RoomPosition`], if the reader may see the ticket.
pub fn room_position(reader: &Viewer, reference: &Ref, last: Option<i64>) -> Stmt {
    let seq = if policy::may_read_internal(reader.role) {
        "min(?5, t.seq)"
    } else {
        "coalesce((SELECT e.seq FROM events e WHERE e.ticket_id = t.id AND e.seq >= min(?5, t.public_seq) \
           AND e.public_seq = min(?5, t.public_seq) ORDER BY e.seq LIMIT 1), 0)"
    };
    let (name, arg) = ticket_condition(reference);
    reader
        .stmt(format!(
            "SELECT t.id AS id, {seq} AS seq FROM tickets t WHERE {name} AND t.deleted_at IS NULL AND {}",
            reader.scope.condition()
        ))
        .bind(arg)
        .bind(last.unwrap_or(0))
}

// Open connections -------------------------------------------------------------------------------------------------

/// Those connections of `seats`, a JSON list of `[user, session]`, whose user and session are still valid: rows of
/// [`crate::desk::live::connection::Authority`]. Of a connection by an API key, the session is the key's id below zero.
pub fn authorities(seats: &str, ticket_id: Option<i64>, now: i64) -> Stmt {
    Stmt::new(format!(
        "SELECT u.id AS user_id, json_extract(j.value, '$[1]') AS session_id, iif(k.id IS NULL, u.ver, 0) AS ver, u.role AS role, \
           coalesce(t.id IS NOT NULL AND {SEEN_BY}, 0) AS sees \
         FROM json_each(?1) j JOIN users u ON u.id = json_extract(j.value, '$[0]') AND u.is_active = 1 \
         LEFT JOIN sessions z ON z.id = json_extract(j.value, '$[1]') AND z.user_id = u.id AND z.revoked_at IS NULL AND z.expires_at > ?3 \
         LEFT JOIN api_keys k ON k.id = -json_extract(j.value, '$[1]') AND k.user_id = u.id AND k.role = u.role AND k.owner_role = u.role \
           AND coalesce(k.expires_at > ?3, 1) \
         JOIN settings s ON s.id = 1 AND NOT (u.two_factor = 0 \
           AND (s.require_two_factor = 'all' OR (s.require_two_factor = 'staff' AND u.role <> 'customer'))) \
         LEFT JOIN tickets t ON t.id = ?2 AND t.deleted_at IS NULL WHERE coalesce(z.id, k.id) IS NOT NULL"
    ))
    .bind(seats)
    .bind(ticket_id)
    .bind(now)
}

/// The last sequence number of a ticket: `n`; no row if the ticket does not exist.
pub fn last_event_seq(ticket_id: i64) -> Stmt {
    Stmt::new("SELECT seq AS n FROM tickets WHERE id = ?1").bind(ticket_id)
}

/// The end of a user's feed: `n`.
pub fn last_feed_place(user_id: i64) -> Stmt {
    Stmt::new(format!("SELECT {} AS n", feed_head())).bind(user_id)
}

/// Records that an object has open sockets until the given time. Writes nothing if the record is already valid until
/// `renew_before` or later and the user's role is unchanged.
pub fn upsert_listener(object: &str, user_id: Option<i64>, until: i64, renew_before: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO listeners (object, user_id, is_agent, until) \
         SELECT ?1, ?2, coalesce((SELECT role = 'agent' FROM users WHERE id = ?2), 0), ?3 WHERE 1 \
         ON CONFLICT (object) DO UPDATE SET until = excluded.until, is_agent = excluded.is_agent \
           WHERE until < ?4 OR is_agent <> excluded.is_agent",
    )
    .bind(object)
    .bind(user_id)
    .bind(until)
    .bind(renew_before)
}

/// Records that an object no longer has open sockets.
pub fn delete_listener(object: &str) -> Stmt {
    Stmt::new("DELETE FROM listeners WHERE object = ?1").bind(object)
}

// Socket tickets ---------------------------------------------------------------------------------------------------

/// What a socket ticket represents: the access token with which it was requested.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SocketTicket {
    pub user_id: i64,
    pub session_id: i64,
    pub role: Role,
    pub ver: i64,
    pub jti: String,
    /// Seconds since 1970.
    pub token_expires: i64,
}

/// Stores a socket ticket, which can open one socket.
pub fn insert_socket_ticket(hash: &str, pledge: &SocketTicket, expires_at: i64) -> Stmt {
    Stmt::new(
        "INSERT INTO socket_tickets (hash, user_id, session_id, role, ver, jti, token_expires, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(hash)
    .bind(pledge.user_id)
    .bind(pledge.session_id)
    .bind(pledge.role.as_str())
    .bind(pledge.ver)
    .bind(&pledge.jti)
    .bind(pledge.token_expires)
    .bind(expires_at)
}

/// Redeems a socket ticket: a [`SocketTicket`], or no row if it is invalid, expired or already used.
pub fn redeem_socket_ticket(hash: &str, now: i64) -> Stmt {
    Stmt::new(
        "UPDATE socket_tickets SET used_at = ?2 WHERE hash = ?1 AND used_at IS NULL AND expires_at > ?2 \
         RETURNING user_id, session_id, role, ver, jti, token_expires",
    )
    .bind(hash)
    .bind(now)
}

/// Whether a reference identifies the ticket with this id: one row if so, otherwise none.
pub fn is_same_ticket(id: i64, reference: &Ref) -> Stmt {
    let (name, arg) = ticket_condition(reference);
    Stmt::new(format!(
        "SELECT t.id AS id FROM tickets t WHERE {} AND t.id = ?2",
        name.replace("?4", "?1")
    ))
    .bind(arg)
    .bind(id)
}
