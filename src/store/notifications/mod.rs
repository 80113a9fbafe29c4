//! Notifications: what people have been told, as far as they may still see what it is about.

pub mod notify;

use std::collections::BTreeMap;

use crate::desk::id::Ref;
use crate::desk::notification::{Channels, NotificationKind};
use crate::desk::tickets::policy;
use crate::edge::db::Stmt;
use crate::http::page::{Page, PageStart};
use crate::http::shape::Choices;
use crate::store::sql::view::{self, Out, View, field, nullable};
use crate::store::tickets::ticket::Viewer;

/// Every kind.
pub static KIND: Choices = Choices {
    list: &NotificationKind::WORDS,
    parse: |word| NotificationKind::parse(word).map(NotificationKind::as_str),
};

/// The uid of a notice `n`: a UUIDv7 (RFC 9562, section 5.7) made of the row, so that nothing is stored or looked up.
pub const UID: &str = "printf('%08x-%04x-7%03x-%04x-%012x', n.created_at >> 16, n.created_at & 65535, n.user_id & 4095, \
   32768 | ((n.user_id >> 12) & 16383), n.id)";

/// The most that an unread count counts.
const MAX_COUNTED: i64 = 1_000;

/// A notification.
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

/// The SQL that builds a [`NOTIFICATION`] for somebody who reads notes, or does not.
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
            ("changes", "e.changes".to_owned()),
        ]
        .into_iter(),
    );
    NOTIFICATION
        .sql()
        .replace("$TICKET", &format!("({ticket})"))
        .replace("$EVENT", &format!("({event})"))
}

/// The rows that [`json`] speaks of.
pub const FROM: &str = "FROM notices n LEFT JOIN tickets t ON t.id = n.ticket_id LEFT JOIN events e ON e.id = n.event_id \
   LEFT JOIN messages m ON m.id = e.message_id AND m.deleted_at IS NULL LEFT JOIN users a ON a.id = e.actor_id";

/// Whether the reader may know of it.
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

/// Which of them are asked for.
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

/// Notifications that one page looks at, whether or not they can still be seen.
const WINDOW: i64 = 1_000;

/// A page of the reader's notifications, newest first: rows `j`, `id`; and where it stopped, if it has looked at as many
/// as a page may.
pub fn list(reader: &Viewer, filter: NotificationFilter, page: &Page) -> [Stmt; 2] {
    let before = match page.start {
        PageStart::After { id, .. } => id,
        _ => i64::MAX,
    };
    let before = before.min(crate::desk::id::MAX_ID);
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

/// How many [`list`] has in all: `n`, up to 10,001.
pub fn count(reader: &Viewer, filter: NotificationFilter) -> Stmt {
    reader.stmt(format!(
        "SELECT count(*) AS n FROM (SELECT 1 {FROM} WHERE {} AND {} LIMIT 10001)",
        visible(reader),
        filter.condition()
    ))
}

/// `{"unread_count", "is_capped"}` in the row `j`.
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

/// The `id` of one of the reader's notifications.
pub fn row(reader: &Viewer, reference: &Ref) -> Stmt {
    // A uid ends in the id.
    let (id, uid) = match reference {
        Ref::Id(id) => (Some(*id), None),
        Ref::Uid(uid) => (
            uid.get(24..).and_then(|id| i64::from_str_radix(id, 16).ok()),
            Some(uid),
        ),
        // A ticket's number or key.
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

/// Marks one as read; one that was read keeps its time.
pub fn mark_read(user_id: i64, id: i64, now: i64) -> Stmt {
    Stmt::new("UPDATE notices SET read_at = ?3 WHERE user_id = ?1 AND id = ?2 AND read_at IS NULL")
        .bind(user_id)
        .bind(id)
        .bind(now)
}

/// Marks all of somebody's as read.
pub fn mark_all_read(user_id: i64, now: i64) -> Stmt {
    Stmt::new("UPDATE notices SET read_at = ?2 WHERE user_id = ?1 AND read_at IS NULL AND live = 1")
        .bind(user_id)
        .bind(now)
}

/// How somebody wants to be told, of every kind: the row `j`.
pub fn preferences(user_id: i64) -> Stmt {
    let kinds: Vec<String> = NotificationKind::WORDS
        .iter()
        .enumerate()
        .map(|(at, kind)| format!("SELECT {at} AS at, '{kind}' AS kind"))
        .collect();
    // D1 joins at most five SELECTs.
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

/// Changes how somebody wants to be told; what is not said stays.
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
