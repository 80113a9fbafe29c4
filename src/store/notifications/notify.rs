//! Creates notifications of an event in the same batch that writes the event.
//!
//! One row of `notices` is one notification of one person, together with the state of its mail. All mails about one
//! event share one row of `outbox`. Callers name candidates; SQL decides whether a candidate is active, may see the
//! event and wants the notification.

use serde_json::{Value, json};

use crate::desk::tickets::event::{Event, EventKind};
use crate::edge::db::{Arg, Stmt};
use crate::store::mail::addresses;
use crate::store::sql::scope::SEEN_BY;

/// Notifies the people concerned by the event that was appended last.
pub fn of_event(actor: Option<i64>, event: &Event) -> Vec<Stmt> {
    of_message(actor, event, &[], true)
}

/// Like [`of_event`], for a message that mentions people, given by their usernames in lower case. On a desk that sends no
/// mail the notices say at once that their mails are dropped.
pub fn of_message(actor: Option<i64>, event: &Event, mentioned: &[String], sends_mail: bool) -> Vec<Stmt> {
    let candidates = candidates(actor, event);
    if mentioned.is_empty() && candidates.is_empty() {
        return Vec::new();
    }
    let mut replies = EventAudience::of_last_event(candidates);
    replies.watchers = watchers_kind(actor, event);
    replies.mail = if sends_mail { "pending" } else { "dropped" };
    let (mut stmts, told) = if mentioned.is_empty() {
        (vec![insert_notices(&replies)], replies)
    } else {
        let names = mentioned
            .iter()
            .map(|name| json!([format!("@{name}"), "mention"]));
        let mentions = EventAudience {
            mail: replies.mail,
            ..EventAudience::of_last_message(names.collect())
        };
        // A mention is more specific than a reply, so it comes first. Each kind has its own preference for live and
        // mail.
        let notices = vec![insert_notices(&mentions), insert_notices_for_the_rest(&replies)];
        let mut told = mentions.and(replies.candidates);
        told.watchers = replies.watchers;
        (notices, told)
    };
    if sends_mail {
        stmts.push(insert_mails(&told));
        let is_public_message = event.kind == EventKind::MessageAdded && !event.is_internal;
        stmts.extend((is_public_message && actor.is_some()).then(addresses::insert_copies));
    }
    stmts
}

/// Who is notified of an event, and of which kind: `[person, kind]`; if a person is listed twice, the first entry
/// counts. The assignee is notified of the assignment; the requester and the assignee are notified of messages and of
/// changes of the status, the assignee of ratings.
fn candidates(actor: Option<i64>, event: &Event) -> Vec<Value> {
    let mut list = Vec::new();
    for change in event.changes.iter().filter(|change| change.field == "assignee") {
        if let Some(id) = change.to.get("id").and_then(Value::as_i64) {
            let kind = match event.kind {
                EventKind::Transferred => "transferred",
                _ => "assigned",
            };
            list.push(json!([id, kind]));
        }
    }
    if event.kind == EventKind::TicketRated {
        list.push(json!(["assignee", "rated"]));
    }
    let is_said = event.kind == EventKind::MessageAdded && actor.is_some();
    let is_moved =
        event.kind != EventKind::TicketCreated && event.changes.iter().any(|change| change.field == "status");
    for (applies, kind) in [(is_said, "reply"), (is_moved, "status")] {
        if applies {
            list.extend([json!(["requester", kind]), json!(["assignee", kind])]);
        }
    }
    list
}

/// SQL: the kind of which watchers are notified of an event: what an assignee is notified of who has the ticket already.
fn watchers_kind(actor: Option<i64>, event: &Event) -> Option<&'static str> {
    if event.kind == EventKind::MessageAdded && actor.is_some() {
        return Some("'reply'");
    }
    let is_moved =
        event.kind != EventKind::TicketCreated && event.changes.iter().any(|change| change.field == "status");
    is_moved.then_some("'status'")
}

// Events that SQL appends -----------------------------------------------------------------------------------------

/// Notifies of a ticket's automatic assignment, if the event that was appended last is an assignment with this cause.
pub fn notify_of_assignment(ticket: (&str, Arg), cause: &str) -> [Stmt; 2] {
    let (condition, arg) = ticket;
    let candidates = vec![json!(["assignee", "assigned"]), json!(["requester", "status"])];
    let mut audience = EventAudience::of_last_event(candidates);
    audience.condition = format!(
        "{} AND {} AND e.type = 'assigned' AND e.cause = ?3 AND {CHANGED_STATUS}",
        audience.condition,
        condition.replace("?1", "?2")
    );
    audience.args = vec![arg, cause.into()];
    audience.watchers = Some("'status'");
    notify(&audience)
}

/// Notifies of the newest event of each ticket `t` that matches a condition, where that event changed the status.
pub fn notify_of_status(condition: &str, args: Vec<Arg>) -> [Stmt; 2] {
    notify(&EventAudience {
        watchers: Some("'status'"),
        ..EventAudience::of_newest_events(
            r#"'[["requester","status"],["assignee","status"]]'"#,
            &format!("{condition} AND {CHANGED_STATUS}"),
            args,
        )
    })
}

/// Notifies of the newest event of each ticket `t` that matches a condition, where that event is an SLA warning. The
/// assignee is notified; without an assignee all managers; without managers all admins. Watchers are notified in any case.
pub fn notify_of_warning(condition: &str, args: Vec<Arg>) -> [Stmt; 2] {
    let mut audience = EventAudience::of_newest_events(
        // The unary + keeps SQLite from using an index on `is_active`, which would read all active users.
        "iif(t.assignee_id IS NOT NULL, json_array(json_array(t.assignee_id, e.type)), \
           (SELECT json_group_array(json_array(m.id, e.type)) FROM users m WHERE +m.is_active = 1 AND m.role <> 'customer' AND m.role = \
             iif(EXISTS (SELECT 1 FROM users WHERE role = 'manager' AND role <> 'customer' AND +is_active = 1), 'manager', 'admin')))",
        condition,
        args,
    );
    audience.watchers = Some("e.type");
    notify(&audience)
}

/// SQL condition: the candidate `c` has another kind than `status`, or the event `e` changed the status.
const CHANGED_STATUS: &str = r#"(c.value ->> 1 <> 'status' OR instr(e.changes, '"field":"status"'))"#;

// Statements ------------------------------------------------------------------------------------------------------

/// The candidates `c` for notices of an event `e` of the ticket `t`.
#[derive(Clone)]
struct EventAudience {
    from: &'static str,
    /// SQL expression of the JSON list of candidates.
    list: String,
    /// The value of `?1` in `list`, if `list` uses it.
    candidates: Vec<Value>,
    condition: String,
    args: Vec<Arg>,
    /// SQL expression of the candidate's user id.
    person: &'static str,
    /// Whether there may be several events.
    is_bulk: bool,
    /// Whether only candidates who may see the ticket are notified.
    must_see: bool,
    /// SQL: the kind of which the ticket's watchers are notified, if they are.
    watchers: Option<&'static str>,
    /// The state of the mails: `pending`, or `dropped` where none are sent.
    mail: &'static str,
}

const PERSON: &str = "CASE c.value ->> 0 WHEN 'requester' THEN t.requester_id WHEN 'assignee' THEN t.assignee_id \
   ELSE c.value ->> 0 END";
const PERSON_OR_NAME: &str = "CASE c.value ->> 0 WHEN 'requester' THEN t.requester_id WHEN 'assignee' THEN t.assignee_id \
   ELSE (SELECT id FROM users WHERE username_key = substr(c.value ->> 0, 2)) END";

impl EventAudience {
    fn of_last_event(candidates: Vec<Value>) -> EventAudience {
        EventAudience {
            from: "events e CROSS JOIN tickets t ON t.id = e.ticket_id",
            list: "?1".to_owned(),
            candidates,
            condition: "e.id = (SELECT max(id) FROM events)".to_owned(),
            args: Vec::new(),
            person: PERSON,
            is_bulk: false,
            must_see: false,
            watchers: None,
            mail: "pending",
        }
    }

    fn of_last_message(mentions: Vec<Value>) -> EventAudience {
        EventAudience {
            person: PERSON_OR_NAME,
            must_see: true,
            ..EventAudience::of_last_event(mentions)
        }
    }

    fn of_newest_events(list: &str, condition: &str, args: Vec<Arg>) -> EventAudience {
        EventAudience {
            from: "tickets t CROSS JOIN events e \
               ON e.id = (SELECT id FROM events WHERE ticket_id = t.id ORDER BY seq DESC LIMIT 1)",
            list: list.to_owned(),
            candidates: Vec::new(),
            condition: condition.to_owned(),
            args,
            person: PERSON,
            is_bulk: true,
            must_see: false,
            watchers: None,
            mail: "pending",
        }
    }

    fn and(&self, more: Vec<Value>) -> EventAudience {
        let mut both = self.clone();
        both.candidates.extend(more);
        both
    }

    /// SQL: the JSON list of all candidates. With `is_checked` only of those watchers who see the ticket.
    fn everybody(&self, is_checked: bool) -> String {
        let Some(kind) = self.watchers else {
            return self.list.clone();
        };
        let seen = if is_checked {
            format!(" CROSS JOIN settings s ON s.id = 1 CROSS JOIN users u ON u.id = w.user_id AND {SEEN_BY}")
        } else {
            String::new()
        };
        let list = &self.list;
        // Where nobody watches, nothing more is read.
        format!(
            "iif(EXISTS (SELECT 1 FROM ticket_watchers WHERE ticket_id = t.id), (SELECT json_group_array(json(value)) \
               FROM (SELECT value FROM json_each({list}) UNION ALL SELECT json_array(w.user_id, {kind}) FROM ticket_watchers w{seen} \
               WHERE w.ticket_id = t.id)), {list})"
        )
    }

    fn stmt(&self, sql: String) -> Stmt {
        let list = (!self.is_bulk).then(|| Arg::Text(Value::from(self.candidates.clone()).to_string()));
        Stmt {
            sql: sql.into(),
            args: list.into_iter().chain(self.args.iter().cloned()).collect(),
        }
    }
}

/// Creates the notices of an audience, and the mails about them.
fn notify(audience: &EventAudience) -> [Stmt; 2] {
    [insert_notices(audience), insert_mails(audience)]
}

fn insert_notices(audience: &EventAudience) -> Stmt {
    insert_notices_where(audience, "1", "1")
}

/// Like [`insert_notices`], but leaves out the channels (live, mail) by which a person has already been notified of
/// the event. Each channel is checked separately.
fn insert_notices_for_the_rest(audience: &EventAudience) -> Stmt {
    let told = |way: &str| {
        format!(
            "NOT EXISTS (SELECT 1 FROM notices n WHERE n.user_id = u.id AND n.id > e.id * 1024 AND n.event_id = e.id AND {way})"
        )
    };
    insert_notices_where(audience, &told("n.live = 1"), &told("n.mail IS NOT NULL"))
}

fn insert_notices_where(audience: &EventAudience, may_list: &str, may_mail: &str) -> Stmt {
    let list = audience.everybody(true);
    let EventAudience {
        from,
        condition,
        person,
        mail,
        ..
    } = audience;
    let nth = if audience.is_bulk {
        "row_number() OVER (PARTITION BY u.id ORDER BY e.id)"
    } else {
        "1"
    };
    let (settings, seen) = if audience.must_see {
        ("CROSS JOIN settings s ON s.id = 1", SEEN_BY)
    } else {
        ("", "1")
    };
    // min(c.key) makes SQLite take the other columns from the first candidate entry of each person.
    audience.stmt(format!(
        "INSERT INTO notices (user_id, id, kind, ticket_id, event_id, created_at, live, mail) \
         SELECT x.user_id, x.id, x.kind, x.ticket_id, x.event_id, x.at, x.live, iif(x.mails, '{mail}', NULL) FROM ( \
           SELECT u.id AS user_id, c.value ->> 1 AS kind, e.ticket_id AS ticket_id, e.id AS event_id, e.created_at AS at, min(c.key), \
             max(e.id * 1024 + 1, coalesce((SELECT max(n.id) FROM notices n WHERE n.user_id = u.id), 0) + {nth}) AS id, \
             coalesce(p.live, 1) AND {may_list} AS live, u.email_verified_at IS NOT NULL AND coalesce(p.email, 1) AND {may_mail} AS mails \
           FROM {from} CROSS JOIN json_each({list}) c {settings} CROSS JOIN users u ON u.id = {person} \
           LEFT JOIN notification_preferences p ON p.user_id = u.id AND p.kind = c.value ->> 1 \
           WHERE {condition} AND u.is_active = 1 AND u.id IS NOT e.actor_id AND (e.public_seq IS NOT NULL OR u.role <> 'customer') \
             AND {seen} GROUP BY e.id, u.id) x \
         WHERE x.live OR x.mails"
    ))
}

/// FROM clause of the notices `n` that an audience has just received.
fn told(audience: &EventAudience) -> String {
    format!(
        "FROM {} CROSS JOIN json_each({}) c CROSS JOIN notices n ON n.user_id = {} AND n.id > e.id * 1024 AND n.event_id = e.id",
        audience.from,
        audience.everybody(false),
        audience.person
    )
}

fn insert_mails(audience: &EventAudience) -> Stmt {
    audience.stmt(format!(
        "INSERT INTO outbox (people, next_attempt_at, created_at) \
         SELECT json_group_array(DISTINCT json_array(n.user_id, n.id)), e.created_at, e.created_at {} \
         WHERE {} AND n.mail = 'pending' GROUP BY e.id",
        told(audience),
        audience.condition
    ))
}

// Without an event ------------------------------------------------------------------------------------------------

/// The id of a person's next notice when it is not derived from an event; the person is the row `u`.
pub(in crate::store) const NEXT_ID: &str = "max(coalesce((SELECT max(id) FROM events), 0) * 1024, \
   coalesce((SELECT max(o.id) FROM notices o WHERE o.user_id = u.id), 0)) + 1";

/// A notification that is not about an event, in SQL.
pub(in crate::store) struct Announcement<'a> {
    pub kind: &'static str,
    /// FROM clause that gives the people `u`.
    pub from: &'static str,
    pub condition: &'a str,
    /// The id of the ticket that the notification is about, or NULL.
    pub ticket: &'static str,
    pub message: &'static str,
    pub at: &'static str,
    pub args: Vec<Arg>,
}

impl Announcement<'_> {
    /// Notifies all people `u` by the channels that they have chosen.
    pub fn notify(&self) -> [Stmt; 2] {
        let Announcement {
            kind,
            from,
            condition,
            ticket,
            message,
            at,
            ..
        } = self;
        let stmt = |sql: String| Stmt {
            sql: sql.into(),
            args: self.args.clone(),
        };
        let told = format!(
            "FROM {from} CROSS JOIN notices n ON n.user_id = u.id AND n.id = (SELECT max(o.id) FROM notices o WHERE o.user_id = u.id)"
        );
        let is_it = format!(
            "{condition} AND n.kind = '{kind}' AND n.event_id IS NULL AND n.ticket_id IS {ticket} \
             AND n.message = {message} AND n.created_at = {at}"
        );
        [
            stmt(format!(
                "INSERT INTO notices (user_id, id, kind, ticket_id, message, created_at, live, mail) \
                 SELECT x.user_id, x.id, '{kind}', x.ticket_id, x.message, {at}, x.live, iif(x.mails, 'pending', NULL) FROM ( \
                   SELECT u.id AS user_id, {NEXT_ID} AS id, {ticket} AS ticket_id, {message} AS message, coalesce(p.live, 1) AS live, \
                     u.email_verified_at IS NOT NULL AND coalesce(p.email, 1) AS mails \
                   FROM {from} LEFT JOIN notification_preferences p ON p.user_id = u.id AND p.kind = '{kind}' WHERE {condition}) x \
                 WHERE x.live OR x.mails"
            )),
            stmt(format!(
                "INSERT INTO outbox (people, next_attempt_at, created_at) \
                 SELECT json_group_array(json_array(n.user_id, n.id)), {at}, {at} {told} \
                 WHERE {is_it} AND n.mail = 'pending' HAVING count(*) > 0"
            )),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::tickets::event::FieldChange;

    #[test]
    fn an_event_notifies_those_whom_it_concerns() {
        let status = || FieldChange::new("status", "open", "assigned");
        let assignee = || FieldChange::new("assignee", Value::Null, json!({"id": 7}));
        let nobody = || FieldChange::new("assignee", json!({"id": 7}), Value::Null);
        let reply = json!([["requester", "reply"], ["assignee", "reply"]]);
        let moved = json!([["requester", "status"], ["assignee", "status"]]);
        let given = json!([[7, "assigned"], ["requester", "status"], ["assignee", "status"]]);
        for (kind, actor, changes, want) in [
            (EventKind::MessageAdded, Some(1), vec![], reply),
            // A note that a rule has added.
            (EventKind::MessageAdded, None, vec![], json!([])),
            (EventKind::StatusChanged, None, vec![status()], moved.clone()),
            (EventKind::Assigned, Some(1), vec![nobody(), status()], moved),
            (EventKind::Assigned, Some(1), vec![status(), assignee()], given),
            (
                EventKind::Transferred,
                Some(1),
                vec![assignee()],
                json!([[7, "transferred"]]),
            ),
            // The initial values of a new ticket do not count as changes.
            (
                EventKind::TicketCreated,
                Some(1),
                vec![status(), assignee()],
                json!([[7, "assigned"]]),
            ),
            (EventKind::AttachmentAdded, Some(1), vec![], json!([])),
        ] {
            let event = Event::public(kind, changes);
            assert_eq!(Value::from(candidates(actor, &event)), want, "{kind:?}");
        }
    }

    #[test]
    fn nothing_follows_what_concerns_nobody() {
        let added = Event::public(EventKind::AttachmentAdded, Vec::new());
        assert_eq!(of_event(Some(1), &added).len(), 0);
        // The third one is for who is in copy.
        let said = Event::public(EventKind::MessageAdded, Vec::new());
        assert_eq!(of_event(Some(1), &said).len(), 3);
    }
}
