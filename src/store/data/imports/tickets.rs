//! Imported tickets: their rows, and all that follows from them (numbers, events, facets, counts, search documents).

use serde_json::{Value, json};

use crate::desk::data::imported::ImportedTimes;
use crate::desk::fold::fold;
use crate::desk::id::number_day;
use crate::desk::tickets::event::EventKind;
use crate::desk::tickets::priority::Priority;
use crate::desk::tickets::search::index_text;
use crate::edge::db::Stmt;
use crate::store::data::imports::parts;
use crate::store::tickets::write::{counts, search};

/// The channel of an imported ticket.
const CHANNEL: &str = "import";

/// A ticket of a file.
#[derive(Clone, Debug)]
pub struct ImportedTicket {
    pub title: String,
    pub description: String,
    pub priority: Priority,
    pub times: ImportedTimes,
    pub category_id: Option<i64>,
    pub subcategory_id: Option<i64>,
    pub department: Option<String>,
    pub tags: Vec<String>,
    /// The address of the requester in lower case; the batch has a person with it.
    pub requester: String,
    pub assignee_id: Option<i64>,
    pub external_id: Option<String>,
}

impl ImportedTicket {
    fn row(&self) -> Value {
        json!([
            number_day(self.times.created_at),
            self.title,
            index_text(&self.title),
            self.description,
            index_text(&self.description),
            self.times.status.as_str(),
            self.priority.rank(),
            self.category_id,
            self.subcategory_id,
            self.department,
            json!(self.tags).to_string(),
            self.requester,
            self.assignee_id,
            self.times.created_at,
            self.times.updated_at,
            self.times.first_responded_at,
            self.times.resolved_at,
            self.times.closed_at,
            self.times.paused_at,
            self.external_id
        ])
    }

    fn facets(&self) -> impl Iterator<Item = String> {
        let tags = self.tags.iter().map(|tag| format!("t:{}", fold(tag)));
        let part = self.subcategory_id.map(|id| format!("s:{id}"));
        let department = self.department.as_ref().map(|name| format!("d:{}", fold(name)));
        tags.chain(part).chain(department)
    }
}

/// SQL condition on a ticket `t`: it is one of the last `?1` that were inserted.
const NEWEST: &str = "t.id > (SELECT max(id) FROM tickets) - ?1";

/// Inserts tickets, in this order, and all that follows from them. They have no due times, nobody is told of them, and
/// what is late already is no news later.
pub fn insert(tickets: &[ImportedTicket], uid_head: &str, actor_id: i64, now: i64) -> Vec<Stmt> {
    if tickets.is_empty() {
        return Vec::new();
    }
    let mut stmts = Vec::new();
    let rows: Vec<Value> = tickets.iter().map(ImportedTicket::row).collect();
    for (count, rows) in parts(&rows) {
        stmts.push(insert_rows(&rows, uid_head));
        // The next part counts on from these.
        stmts.push(of_newest(
            &format!(
                "INSERT INTO ticket_names (name, ticket_id) SELECT substr(t.number, 1, 14) || \
                   printf('%07d', CAST(substr(t.number, 15) AS INTEGER)), t.id FROM tickets t WHERE {NEWEST}"
            ),
            count,
        ));
    }
    let all = tickets.len();
    let facets: Vec<Value> = tickets
        .iter()
        .enumerate()
        .flat_map(|(at, ticket)| {
            ticket
                .facets()
                .map(move |facet| json!([at.saturating_add(1), facet]))
        })
        .collect();
    for (_, facets) in parts(&facets) {
        stmts.push(
            of_newest(
                "INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) \
                 SELECT value ->> 1, (SELECT max(id) FROM tickets) - CAST(?1 AS INTEGER) + (value ->> 0) FROM json_each(?2)",
                all,
            )
            .bind(facets),
        );
    }
    stmts.push(
        of_newest(
            &format!(
                "INSERT INTO events (ticket_id, seq, public_seq, type, actor_id, data, created_at) \
                 SELECT t.id, 1, 1, ?2, ?3, iif(t.external_id IS NULL, '{{}}', json_object('external_id', t.external_id)), ?4 \
                 FROM tickets t WHERE {NEWEST} ORDER BY t.id"
            ),
            all,
        )
        .bind(EventKind::TicketImported.as_str())
        .bind(actor_id)
        .bind(now),
    );
    let count = i64::try_from(all).unwrap_or(i64::MAX);
    stmts.extend(counts::count_inserted(NEWEST).map(|stmt| stmt.bind(count)));
    stmts.push(search::index_inserted(NEWEST).bind(count));
    stmts
}

fn of_newest(sql: &str, count: usize) -> Stmt {
    Stmt::new(sql.to_owned()).bind(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The rows of one part. The day of a number is that of the ticket's creation.
fn insert_rows(rows: &str, uid_head: &str) -> Stmt {
    Stmt::new(format!(
        "INSERT INTO tickets (id, uid, number, title, title_index, description, description_index, status, priority, workflow, \
           category_id, subcategory_id, department, tags, requester_id, assignee_id, channel, created_at, updated_at, public_updated_at, \
           first_responded_at, resolved_at, closed_at, paused_at, external_id, seq, public_seq, response_alert, resolution_alert, sla_version) \
         SELECT b.id + r.n, ?2 || printf('%012x', b.id + r.n), \
           'TICK-' || r.day || '-' || printf('%04d', coalesce((SELECT CAST(substr(max(name), 15) AS INTEGER) FROM ticket_names \
             WHERE name >= 'TICK-' || r.day || '-' AND name < 'TICK-' || r.day || '.'), 0) + r.k), \
           v ->> 1, v ->> 2, v ->> 3, v ->> 4, v ->> 5, v ->> 6, 'support', v ->> 7, v ->> 8, v ->> 9, v ->> 10, \
           (SELECT id FROM users WHERE email_key = v ->> 11), v ->> 12, '{CHANNEL}', v ->> 13, v ->> 14, v ->> 14, \
           v ->> 15, v ->> 16, v ->> 17, v ->> 18, v ->> 19, 1, 1, 2, 2, \
           (SELECT version FROM sla_policies WHERE priority = v ->> 6) \
         FROM (SELECT coalesce(max(id), 0) AS id FROM tickets) b CROSS JOIN (SELECT key + 1 AS n, value AS v, value ->> 0 AS day, \
           row_number() OVER (PARTITION BY value ->> 0 ORDER BY key) AS k FROM json_each(?1)) r ORDER BY r.n"
    ))
    .bind(rows)
    .bind(uid_head)
}
