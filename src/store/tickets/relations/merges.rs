//! Merged tickets: what moves from the one to the other in a merge, and back when it is undone.
//!
//! Everything moves by statements over whole sets, so that a ticket of thousands of messages takes as many statements as
//! one of two. What moves keeps its id. The messages of the merged ticket stand behind the survivor's own, with events of
//! their own there; its history stays with it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::desk::mail::inbound::people::MAX_CC;
use crate::edge::db::Stmt;
use crate::store::tickets::attachments::note_files;
use crate::store::tickets::relations::watchers::{self, MAX_WATCHERS};
use crate::store::tickets::write::{guards, search};

/// SQL: the id of the ticket where everything of the ticket `id` is now. No id if there is none.
pub fn survivor_of(id: &str) -> String {
    format!("coalesce((SELECT survivor_id FROM ticket_merges WHERE merged_id = {id}), {id})")
}

/// A merge, as long as it is not undone.
#[derive(Clone, Debug, Deserialize)]
pub struct MergeRow {
    pub survivor_id: i64,
    pub into_id: i64,
    pub merged_at: i64,
    /// JSON: what the merge noted, with `former` of [`Merge`].
    pub moved: String,
}

/// The merge of a ticket into another: a [`MergeRow`], if there was one.
pub fn find(merged_id: i64) -> Stmt {
    Stmt::new("SELECT survivor_id, into_id, merged_at, moved FROM ticket_merges WHERE merged_id = ?1")
        .bind(merged_id)
}

/// How many messages a ticket has, deleted ones too: `n`.
pub fn count_messages(ticket_id: i64) -> Stmt {
    Stmt::new("SELECT coalesce((SELECT max(position) + 1 FROM messages WHERE ticket_id = ?1), 0) AS n")
        .bind(ticket_id)
}

/// A merge to be made, or to be undone.
#[derive(Clone, Copy, Debug)]
pub struct Merge {
    /// The survivor, and the version that the decision was based on.
    pub survivor: (i64, i64),
    /// The merged ticket, likewise.
    pub merged: (i64, i64),
    pub actor: i64,
    pub now: i64,
}

impl Merge {
    /// Aborts the batch if one of the tickets is not as it was.
    fn guards(self) -> [Stmt; 2] {
        [self.survivor, self.merged].map(|(id, version)| guards::expect_version(id, version))
    }

    /// `?1` is the survivor, `?2` the merged ticket, `?3` the time, `?4` who does it.
    fn stmt(self, sql: impl Into<Cow<'static, str>>) -> Stmt {
        Stmt::new(sql)
            .bind(self.survivor.0)
            .bind(self.merged.0)
            .bind(self.now)
            .bind(self.actor)
    }
}

/// Files of a ticket that others see.
const ATTACHED: &str = "attached_at IS NOT NULL AND deleted_at IS NULL";

/// Moves everything from the merged ticket to the survivor, and notes what undoing it needs. The changes of the two
/// tickets' own rows come after it.
pub fn merge(merge: Merge, former: &Value) -> Vec<Stmt> {
    let mut stmts = merge.guards().to_vec();
    stmts.push(merge.stmt(
        "INSERT INTO guard (ok) SELECT 0 WHERE EXISTS (SELECT 1 FROM ticket_merges WHERE merged_id IN (?1, ?2)) AND ?3 AND ?4",
    ));
    stmts.push(
        merge
            .stmt(format!(
                "INSERT INTO ticket_merges (merged_id, survivor_id, into_id, requester_id, merged_at, moved) \
                 SELECT t.id, s.id, s.id, t.requester_id, ?3, json_object('former', json(?5), \
                   'position', coalesce((SELECT max(position) + 1 FROM messages WHERE ticket_id = s.id), 0), \
                   'count', coalesce((SELECT max(position) + 1 FROM messages WHERE ticket_id = t.id), 0), \
                   'answered', s.first_responded_at IS NULL AND t.first_responded_at IS NOT NULL, \
                   'files', (SELECT json_group_array(id) FROM attachments WHERE ticket_id = t.id AND message_id IS NULL AND {ATTACHED})) \
                 FROM tickets t CROSS JOIN tickets s ON s.id = ?1 WHERE t.id = ?2 AND ?4"
            ))
            .bind(former.to_string()),
    );
    stmts.extend([
        // The earlier merges of what is merged now lead on to the survivor.
        merge.stmt("UPDATE ticket_merges SET survivor_id = ?1 WHERE survivor_id = ?2 AND ?3 AND ?4"),
        merge.stmt(
            "INSERT INTO events (ticket_id, seq, public_seq, type, actor_id, message_id, created_at) \
             SELECT s.id, s.seq + row_number() OVER (ORDER BY m.position), \
               iif(m.is_internal, NULL, s.public_seq + sum(m.is_internal = 0) OVER (ORDER BY m.position ROWS UNBOUNDED PRECEDING)), \
               'message_moved', ?4, m.id, ?3 \
             FROM tickets s CROSS JOIN messages m ON m.ticket_id = ?2 AND m.deleted_at IS NULL WHERE s.id = ?1 ORDER BY m.position",
        ),
        merge.stmt(
            "UPDATE tickets SET seq = tickets.seq + o.message_count, public_seq = tickets.public_seq + o.public_message_count, \
               message_count = tickets.message_count + o.message_count, \
               public_message_count = tickets.public_message_count + o.public_message_count, \
               attachment_count = tickets.attachment_count + o.attachment_count, \
               public_attachment_count = tickets.public_attachment_count + o.public_attachment_count, \
               updated_at = max(tickets.updated_at, ?3), \
               public_updated_at = max(tickets.public_updated_at, iif(o.public_message_count, ?3, 0)), \
               first_responded_at = coalesce(tickets.first_responded_at, max(o.first_responded_at, tickets.created_at)) \
             FROM tickets o WHERE tickets.id = ?1 AND o.id = ?2 AND ?4",
        ),
        merge.stmt(
            "UPDATE tickets SET message_count = 0, public_message_count = 0, attachment_count = 0, public_attachment_count = 0 \
             WHERE id = ?2 AND ?1 AND ?3 AND ?4",
        ),
        search::remove_ticket(merge.merged.0),
        merge.stmt(format!(
            "UPDATE attachments SET ticket_id = ?1 WHERE ticket_id = ?2 AND {ATTACHED} AND ?3 AND ?4"
        )),
        merge.stmt(
            "UPDATE messages SET ticket_id = ?1, position = position + g.start \
             FROM (SELECT moved ->> 'position' AS start FROM ticket_merges WHERE merged_id = ?2) g WHERE ticket_id = ?2 AND ?3 AND ?4",
        ),
        search::index_ticket(merge.merged.0),
        search::index_parts_from(merge.survivor.0, merge.merged.0),
        note_files("t.id = ?1 AND t.attachment_count > 0", merge.survivor.0.into()),
    ]);
    stmts.extend(move_people(merge));
    stmts
}

/// Moves watchers and people in copy, as far as there is room; the requester of the merged ticket comes in copy.
fn move_people(merge: Merge) -> Vec<Stmt> {
    vec![
        merge.stmt(format!(
            "INSERT OR IGNORE INTO ticket_watchers (ticket_id, user_id, added_at) SELECT ?1, user_id, ?3 FROM ticket_watchers \
             WHERE ticket_id = ?2 AND ?4 LIMIT max(0, {MAX_WATCHERS} - (SELECT count(*) FROM ticket_watchers WHERE ticket_id = ?1))"
        )),
        merge.stmt("DELETE FROM ticket_watchers WHERE ticket_id = ?2 AND ?1 AND ?3 AND ?4"),
        watchers::drop_unseen_of_ticket(merge.survivor.0),
        merge.stmt(format!(
            "INSERT OR IGNORE INTO ticket_addresses (ticket_id, kind, address, name, added_at) \
             SELECT s.id, 'cc', x.address, x.name, ?3 FROM tickets s CROSS JOIN ({}) x WHERE s.id = ?1 AND ?4 \
               AND NOT EXISTS (SELECT 1 FROM users u WHERE u.email_key = x.address \
                 AND (u.id = s.requester_id OR u.role <> 'customer' OR u.is_active = 0)) \
               AND NOT EXISTS (SELECT 1 FROM ticket_addresses a WHERE a.ticket_id = s.id AND a.address = x.address) \
             ORDER BY x.nth LIMIT max(0, {MAX_CC} - (SELECT count(*) FROM ticket_addresses a \
               WHERE a.ticket_id = ?1 AND a.kind = 'cc' AND a.left_at IS NULL))",
            in_copy("?2")
        )),
        merge.stmt(
            "DELETE FROM ticket_addresses WHERE ticket_id = ?2 AND kind = 'cc' AND left_at IS NULL AND ?1 AND ?3 AND ?4",
        ),
    ]
}

/// SQL: who comes in copy because of the ticket `id`: its requester, where answers to the requester go, and who is in copy
/// there.
fn in_copy(id: &str) -> String {
    format!(
        "SELECT coalesce((SELECT c.address FROM ticket_addresses c WHERE c.ticket_id = t.id AND c.kind = 'reply_to' AND c.left_at IS NULL \
           LIMIT 1), u.email_key) AS address, u.full_name AS name, 0 AS nth \
         FROM tickets t CROSS JOIN users u ON u.id = t.requester_id WHERE t.id = {id} AND u.email_verified_at IS NOT NULL \
         UNION ALL SELECT address, name, 1 FROM ticket_addresses WHERE ticket_id = {id} AND kind = 'cc' AND left_at IS NULL"
    )
}

/// Moves back what came with a merge and was not changed since: edited and deleted messages stay with the survivor. The
/// changes of the two tickets' own rows come after it.
pub fn unmerge(merge: Merge) -> Vec<Stmt> {
    // The merge `g`, and the part of the survivor's messages that came with it.
    const MERGE: &str = "(SELECT merged_at, moved ->> 'position' AS start, moved ->> 'count' AS n, moved ->> 'files' AS files, \
       moved ->> 'answered' AS answered FROM ticket_merges WHERE merged_id = ?2) g";
    const HERE: &str = "SELECT count(*) AS n, coalesce(sum(is_internal = 0), 0) AS public FROM";
    let mut stmts = merge.guards().to_vec();
    stmts.push(merge.stmt(
        "INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM ticket_merges WHERE merged_id = ?2 AND survivor_id = ?1) AND ?3 AND ?4",
    ));
    stmts.push(search::remove_parts_from(merge.survivor.0, merge.merged.0));
    stmts.extend([
        merge.stmt(format!(
            "UPDATE messages SET ticket_id = ?2, position = position - g.start FROM {MERGE} \
             WHERE ticket_id = ?1 AND position >= g.start AND position < g.start + g.n \
               AND coalesce(edited_at, 0) <= g.merged_at AND coalesce(deleted_at, 0) <= g.merged_at AND ?3 AND ?4"
        )),
        merge.stmt(format!(
            "UPDATE attachments SET ticket_id = ?2 FROM {MERGE} WHERE ticket_id = ?1 AND {ATTACHED} AND ?3 AND ?4 \
               AND (attachments.id IN (SELECT value FROM json_each(g.files)) \
                 OR message_id IN (SELECT id FROM messages WHERE ticket_id = ?2))"
        )),
        merge.stmt(format!(
            "UPDATE tickets SET message_count = message_count - m.n, public_message_count = public_message_count - m.public, \
               attachment_count = attachment_count - f.n, public_attachment_count = public_attachment_count - f.public, \
               updated_at = max(updated_at, ?3), first_responded_at = iif(g.answered, (SELECT min(w.created_at) FROM messages w \
                 CROSS JOIN users u ON u.id = w.author_id AND u.role <> 'customer' \
                 WHERE w.ticket_id = ?1 AND w.is_internal = 0 AND w.author_id <> tickets.requester_id), first_responded_at) \
             FROM {MERGE}, ({HERE} messages WHERE ticket_id = ?2 AND deleted_at IS NULL) m, \
               ({HERE} attachments WHERE ticket_id = ?2 AND {ATTACHED}) f WHERE tickets.id = ?1 AND ?4"
        )),
        merge.stmt(format!(
            "UPDATE tickets SET message_count = m.n, public_message_count = m.public, attachment_count = f.n, \
               public_attachment_count = f.public \
             FROM ({HERE} messages WHERE ticket_id = ?2 AND deleted_at IS NULL) m, \
               ({HERE} attachments WHERE ticket_id = ?2 AND {ATTACHED}) f WHERE tickets.id = ?2 AND ?1 AND ?3 AND ?4"
        )),
        merge.stmt(format!(
            "INSERT OR IGNORE INTO ticket_watchers (ticket_id, user_id, added_at) SELECT ?2, w.user_id, ?3 FROM {MERGE} \
             CROSS JOIN ticket_watchers w ON w.ticket_id = ?1 AND w.added_at = g.merged_at AND w.added_by IS NULL WHERE ?4"
        )),
        merge.stmt(
            "DELETE FROM ticket_watchers WHERE ticket_id = ?1 AND added_by IS NULL AND ?3 AND ?4 \
             AND added_at = (SELECT merged_at FROM ticket_merges WHERE merged_id = ?2)",
        ),
        watchers::drop_unseen_of_ticket(merge.merged.0),
        merge.stmt(format!(
            "INSERT OR IGNORE INTO ticket_addresses (ticket_id, kind, address, name, added_at) \
             SELECT ?2, 'cc', c.address, c.name, ?3 FROM {MERGE} CROSS JOIN ticket_addresses c \
               ON c.ticket_id = ?1 AND c.kind = 'cc' AND c.left_at IS NULL AND c.added_at = g.merged_at \
             WHERE ?4 AND c.address NOT IN (SELECT address FROM ({}) WHERE nth = 0)",
            in_copy("?2")
        )),
        merge.stmt(
            "DELETE FROM ticket_addresses WHERE ticket_id = ?1 AND kind = 'cc' AND left_at IS NULL AND ?3 AND ?4 \
             AND added_at = (SELECT merged_at FROM ticket_merges WHERE merged_id = ?2)",
        ),
        search::index_ticket(merge.merged.0),
        search::index_parts_from(merge.survivor.0, merge.merged.0),
        note_files("t.id = ?1 AND t.attachment_count > 0", merge.merged.0.into()),
        // What had been merged into the merged ticket is there again.
        merge.stmt(
            "UPDATE ticket_merges SET survivor_id = ?2 WHERE survivor_id = ?1 AND ?3 AND ?4 AND merged_id IN ( \
               WITH RECURSIVE below(id) AS (SELECT ?2 UNION SELECT k.merged_id FROM below CROSS JOIN ticket_merges k \
                 ON k.survivor_id = ?1 AND k.into_id = below.id) SELECT id FROM below)",
        ),
        merge.stmt("DELETE FROM ticket_merges WHERE merged_id = ?2 AND ?1 AND ?3 AND ?4"),
    ]);
    stmts
}
