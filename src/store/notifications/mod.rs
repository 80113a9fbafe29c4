//! Who is notified of which event, and how are notifications read, counted and marked as read?
//!
//! Every read returns only notifications about things that the reader may still see. Notifications are created in
//! `notify.rs`.
//! Not allowed here: sending mails; a mail is only put into the outbox.

pub mod notify;
pub mod unassigned;

use std::collections::BTreeMap;

use crate::desk::id::{MAX_ID, Ref};
use crate::desk::notification::{Channels, NotificationKind};
use crate::desk::tickets::policy;
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::sql::view::{self, Out, View, field, nullable};
use crate::store::tickets::events;
use crate::store::tickets::ticket::Viewer;

/// All kinds of notifications.
pub static KIND: Choices = Choices {
    list: &NotificationKind::WORDS,
    parse: |word| NotificationKind::parse(word).map(NotificationKind::as_str),
};

/// The uid of a notice `n`: a UUIDv7 (RFC 9562, section 5.7) computed from the row, so nothing is stored or looked
/// up.
pub const UID: &str = "printf('%08x-%04x-7%03x-%04x-%012x', n.created_at >> 16, n.created_at & 65535, n.user_id & 4095, \
   32768 | ((n.user_id >> 12) & 16383), n.id)";

/// The unread count stops at this number.
const MAX_COUNTED: i64 = 1_000;

/// A notification as the API returns it.
pub const NOTIFICATION: View = View {
    name: "Notification",
    fields: &[
        field("id", "n.id", Out::Int),
        field("uid", UID, Out::Text),
        field("kind", "n.kind", Out::Word(&KIND)),
        nullable("ticket", "$TICKET", Out::Json("NotifiedTicket")).doc("Null where it is about no ticket."),
        nullable("actor", "a.card", Out::Card).doc("Null when the desk itself acted."),
        nullable("event", "$EVENT", Out::Json("NotifiedEvent")).doc("What happened."),
        nullable(
            "message",
            "coalesce(n.message, substr(m.body, 1, 200))",
            Out::Text,
        )
        .doc("What a rule or the desk says, or the beginning of the message."),
        field("is_read", "n.read_at IS NOT NULL", Out::Flag),
        nullable("read_at", "n.read_at", Out::Time),
        field("created_at", "n.created_at", Out::Time),
    ],
};

/// The SQL that builds a [`NOTIFICATION`], for a reader who may or may not read internal notes.
pub fn json(internal: bool) -> String {
    let seq = if internal { "e.seq" } else { "e.public_seq" };
    let ticket = view::object(
        [
            ("id", "t.id".to_owned()),
            ("uid", "json_quote(t.uid)".to_owned()),
            ("number", "json_quote(t.number)".to_owned()),
            ("title", "json_quote(t.title)".to_owned()),
            ("status", "json_quote(t.status)".to_owned()),
        ]
        .into_iter(),
    );
    let event = view::object(
        [
            ("id", "e.id".to_owned()),
            ("seq", seq.to_owned()),
            ("type", "json_quote(e.type)".to_owned()),
            ("message_id", "coalesce(e.message_id, 'null')".to_owned()),
            ("changes", events::changes(internal)),
        ]
        .into_iter(),
    );
    NOTIFICATION
        .sql()
        .replace("$TICKET", &format!("({ticket})"))
        .replace("$EVENT", &format!("({event})"))
}

/// The FROM clause with the tables that [`json`] reads.
pub const FROM: &str = "FROM notices n LEFT JOIN tickets t ON t.id = n.ticket_id LEFT JOIN events e ON e.id = n.event_id \
   LEFT JOIN messages m ON m.id = e.message_id AND m.ticket_id = e.ticket_id AND m.deleted_at IS NULL LEFT JOIN users a ON a.id = e.actor_id";

/// The condition that the reader may see the notification.
fn visible(reader: &Viewer) -> String {
    let internal = if policy::may_read_internal(reader.role) {
        "1"
    } else {
        "(n.event_id IS NULL OR e.public_seq IS NOT NULL)"
    };
    format!(
        "n.user_id = ?3 AND n.live = 1 AND (n.ticket_id IS NULL OR (t.deleted_at IS NULL AND {})) AND {internal}",
        reader.scope.condition()
    )
}

/// Which notifications to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotificationFilter {
    pub unread: bool,
    pub kind: Option<&'static str>,
}

impl NotificationFilter {
    fn condition(self) -> String {
        let unread = if self.unread { "n.read_at IS NULL" } else { "1" };
        let kind = self
            .kind
            .map_or_else(|| "1".to_owned(), |kind| format!("n.kind = '{kind}'"));
        format!("{unread} AND {kind}")
    }
}

/// How many notifications a page reads at most, whether or not they are still visible.
const WINDOW: i64 = 1_000;

/// A page of the reader's notifications, newest first: rows `j`, `id`. The second statement gives the place where the
/// page stopped, if it read the maximum of [`WINDOW`] rows.
pub fn list(reader: &Viewer, filter: NotificationFilter, page: &Page) -> [Stmt; 2] {
    let before = match page.start {
        PageStart::After { id, .. } => id,
        _ => i64::MAX,
    };
    let before = before.min(MAX_ID);
    let walked = "FROM notices n WHERE n.user_id = ?3 AND n.id < ?4 ORDER BY n.id DESC";
    let window = page.offset().saturating_add(WINDOW);
    [
        reader
            .stmt(format!(
                "SELECT {} AS j, n.id AS id {} WHERE {} AND {} LIMIT ?5 OFFSET ?6",
                json(policy::may_read_internal(reader.role)),
                FROM.replace("notices n", &format!("(SELECT * {walked} LIMIT ?7) n")),
                filter.condition(),
                visible(reader)
            ))
            .bind(before)
            .bind(page.limit.saturating_add(1))
            .bind(page.offset())
            .bind(window),
        reader
            .stmt(format!("SELECT NULL AS s, n.id AS id {walked} LIMIT 1 OFFSET ?5"))
            .bind(before)
            .bind(window.saturating_sub(1)),
    ]
}

/// How many notifications [`list`] has in all: `n`, at most 10,001.
pub fn count(reader: &Viewer, filter: NotificationFilter) -> Stmt {
    reader.stmt(format!(
        "SELECT count(*) AS n FROM (SELECT 1 {FROM} WHERE {} AND {} LIMIT 10001)",
        visible(reader),
        filter.condition()
    ))
}

/// The unread count `{"unread_count", "is_capped"}` as the row `j`.
pub fn unread_count(reader: &Viewer) -> Stmt {
    reader.stmt(format!(
        "SELECT '{{\"unread_count\":' || min(count(*), {MAX_COUNTED}) || ',\"is_capped\":' || iif(count(*) > {MAX_COUNTED}, 'true', 'false') || '}}' AS j, NULL AS v, NULL AS id \
         FROM (SELECT 1 {} WHERE {} AND n.read_at IS NULL)",
        FROM.replace(
            "notices n",
            &format!("(SELECT * FROM notices WHERE user_id = ?3 ORDER BY id DESC LIMIT {MAX_COUNTED} + 1) n")
        ),
        visible(reader)
    ))
}

/// The `id` of one of the reader's notifications, by reference.
pub fn row(reader: &Viewer, reference: &Ref) -> Stmt {
    // The end of a uid is the id.
    let (id, uid) = match reference {
        Ref::Id(id) => (Some(*id), None),
        Ref::Uid(uid) => (
            uid.get(24..).and_then(|id| i64::from_str_radix(id, 16).ok()),
            Some(uid),
        ),
        // The number or key of a ticket.
        Ref::Number(_) | Ref::Key(_) => (None, None),
    };
    reader
        .stmt(format!(
            "SELECT n.id AS id {FROM} WHERE {} AND n.id = ?4 AND coalesce({UID} = ?5, 1)",
            visible(reader)
        ))
        .bind(id)
        .bind(uid)
}

/// One notification: the row `j`, `v`, `id`.
pub fn show(reader: &Viewer, id: i64) -> Stmt {
    reader
        .stmt(format!(
            "SELECT {} AS j, NULL AS v, n.id AS id {FROM} WHERE {} AND n.id = ?4",
            json(policy::may_read_internal(reader.role)),
            visible(reader)
        ))
        .bind(id)
}

/// Marks a notification as read; if it was read before, the earlier time stays.
pub fn mark_read(user_id: i64, id: i64, now: i64) -> Stmt {
    Stmt::new("UPDATE notices SET read_at = ?3 WHERE user_id = ?1 AND id = ?2 AND read_at IS NULL")
        .bind(user_id)
        .bind(id)
        .bind(now)
}

/// Takes a notification out of its reader's list, as read.
pub fn hide(user_id: i64, id: i64, now: i64) -> Stmt {
    Stmt::new("UPDATE notices SET live = 0, read_at = coalesce(read_at, ?3) WHERE user_id = ?1 AND id = ?2")
        .bind(user_id)
        .bind(id)
        .bind(now)
}

/// Marks all notifications of a user as read.
pub fn mark_all_read(user_id: i64, now: i64) -> Stmt {
    Stmt::new("UPDATE notices SET read_at = ?2 WHERE user_id = ?1 AND read_at IS NULL AND live = 1")
        .bind(user_id)
        .bind(now)
}

/// A user's notification preferences for every kind: the row `j`.
pub fn preferences(user_id: i64) -> Stmt {
    let kinds: Vec<String> = NotificationKind::WORDS
        .iter()
        .enumerate()
        .map(|(at, kind)| format!("SELECT {at} AS at, '{kind}' AS kind"))
        .collect();
    // D1 allows at most five SELECTs in one compound statement.
    let kinds: Vec<String> = kinds
        .chunks(5)
        .map(|some| format!("SELECT * FROM ({})", some.join(" UNION ALL ")))
        .collect();
    Stmt::new(format!(
        "SELECT '{{\"preferences\":{{' || group_concat('\"' || k.kind || '\":{{\"live\":' || iif(coalesce(p.live, 1), 'true', 'false') || \
           ',\"email\":' || iif(coalesce(p.email, 1), 'true', 'false') || '}}', ',') || '}}}}' AS j, NULL AS v, NULL AS id \
         FROM (SELECT * FROM ({}) ORDER BY at) k LEFT JOIN notification_preferences p ON p.user_id = ?1 AND p.kind = k.kind",
        kinds.join(" UNION ALL ")
    ))
    .bind(user_id)
}

/// Changes a user's notification preferences; values that are not given stay as they are.
pub fn set_preferences(user_id: i64, wanted: &BTreeMap<NotificationKind, Channels>) -> Vec<Stmt> {
    let prefer = |(kind, ways): (&NotificationKind, &Channels)| {
        Stmt::new(
            "INSERT INTO notification_preferences (user_id, kind, live, email) VALUES (?1, ?2, coalesce(?3, 1), coalesce(?4, 1)) \
             ON CONFLICT (user_id, kind) DO UPDATE SET live = coalesce(?3, live), email = coalesce(?4, email)",
        )
        .bind(user_id)
        .bind(kind.as_str())
        .bind(ways.live)
        .bind(ways.email)
    };
    wanted.iter().map(prefer).collect()
}
