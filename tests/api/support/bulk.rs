//! A desk with a great many tickets.
//!
//! They are written straight into the database's file while no server has it open; [`FOLLOW`] writes what the Worker
//! writes beside a ticket: names, facets, counters, the search index.

use std::fmt::Write;

use super::{Worker, sqlite};

/// What follows from tickets that were inserted by hand.
pub const FOLLOW: &str = "
  UPDATE tickets AS t SET uid = substr(uid, 1, 24) || printf('%012x', id) WHERE substr(uid, 25) <> printf('%012x', id);
  INSERT OR IGNORE INTO ticket_names (name, ticket_id)
    SELECT substr(number, 1, 14) || printf('%07d', CAST(substr(number, 15) AS INTEGER)), id FROM tickets;
  INSERT OR IGNORE INTO ticket_facets (facet, ticket_id)
    SELECT 't:' || j.value, t.id FROM tickets t, json_each(t.tags) j;
  INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) SELECT 'd:' || lower(department), id FROM tickets WHERE department IS NOT NULL;
  INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) SELECT 'w', id FROM tickets WHERE workflow = 'project';
  INSERT OR IGNORE INTO ticket_facets (facet, ticket_id) SELECT 'o', id FROM tickets WHERE is_overdue = 1;
  DELETE FROM ticket_counts;
  INSERT INTO ticket_counts SELECT coalesce(assignee_id, 0), coalesce(category_id, 0), coalesce(project_id, 0),
    sum(status = 'open'), sum(status = 'assigned'), sum(status = 'in_progress'), sum(status = 'waiting'), sum(status = 'blocked'),
    sum(status = 'resolved'), sum(status = 'closed'), sum(status = 'reopened'),
    sum(priority = 1), sum(priority = 2), sum(priority = 3), sum(priority = 4), sum(is_overdue)
    FROM tickets WHERE deleted_at IS NULL GROUP BY 1, 2, 3;
  DELETE FROM department_counts;
  INSERT INTO department_counts SELECT department, count(*) FROM tickets
    WHERE deleted_at IS NULL AND department IS NOT NULL GROUP BY 1;
  INSERT INTO ticket_search (rowid, title, public, internal, scope)
    SELECT id << 20, number || '  ' || title, description, '', 'u' || requester_id FROM tickets
    WHERE id NOT IN (SELECT rowid >> 20 FROM ticket_search);";

/// A database of so many tickets, and people to read them: an admin, and agents in no, one and four categories.
pub struct Desk {
    pub worker: Worker,
    pub tickets: u64,
}

/// Agents and in how many categories they are.
pub const AGENTS: [(&str, u64); 3] = [
    ("agent@helpdesk.com", 0),
    ("sarah@helpdesk.com", 1),
    ("mike@helpdesk.com", 4),
];

/// Starts a server on so many tickets.
pub fn desk(tickets: u64) -> Desk {
    let worker = Worker::start(&[]);
    worker.seed();
    let file = worker.d1.clone().expect("the server tells its database");
    let worker = worker.pause();
    let mut sql = String::from("BEGIN;");
    for (email, categories) in AGENTS {
        let of = format!("(SELECT id FROM users WHERE email = '{email}')");
        write!(
            sql,
            "DELETE FROM agent_categories WHERE user_id = {of};
             INSERT INTO agent_categories (user_id, category_id) SELECT {of}, id FROM categories WHERE id <= {categories};"
        )
        .unwrap();
    }
    sql.push_str(&bulk(tickets));
    sql.push_str(FOLLOW);
    sql.push_str("COMMIT;");
    sqlite::run(&file, &sql, "");
    Desk {
        worker: worker.resume(),
        tickets,
    }
}

/// Tickets over a year with every status, priority and category, the rare ones among the oldest, so that a
/// careless walk from the newest reads far.
fn bulk(tickets: u64) -> String {
    format!(
        "INSERT INTO users (uid, email, email_key, username, username_key, role, created_at, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         SELECT printf('00000000-0000-7000-8000-%012d', i), 'bulk' || i || '@example.net', 'bulk' || i || '@example.net',
           'bulk' || i, 'bulk' || i, 'customer', 1760000000000, 1760000000000 FROM n;
         INSERT INTO tickets (uid, number, title, description, status, priority, workflow, category_id, department, tags,
           requester_id, assignee_id, created_at, updated_at, public_updated_at, first_response_due_at,
           resolution_due_at, resolved_at, closed_at, paused_at, is_overdue, response_alert, resolution_alert)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {tickets}),
         drawn AS (SELECT i, (i * 2654435761) % 4294967296 / 65536 AS r, 1760000000000 + i * 300000 AS at FROM n),
         shaped AS (
           SELECT i, r, at,
             CASE WHEN i <= 40 THEN 'blocked' WHEN i <= 80 THEN 'reopened' WHEN r % 10 < 5 THEN 'closed'
               WHEN r % 10 < 7 THEN 'resolved' WHEN r % 10 = 7 THEN 'open' WHEN r % 20 = 8 THEN 'assigned'
               WHEN r % 10 = 8 THEN 'in_progress' ELSE 'waiting' END AS status
           FROM drawn)
         SELECT printf('00000000-0000-7000-9000-%012d', i), printf('TICK-20251001-%06d', i),
           'Bulk printer ' || i || CASE WHEN i <= 30 THEN ' rarity' ELSE '' END,
           'Everybody says common words here ' || r, status,
           CASE WHEN i > 60 AND i <= 90 THEN 4 ELSE 1 + r % 3 END, CASE WHEN i <= 40 THEN 'project' ELSE 'support' END,
           CASE r % 5 WHEN 0 THEN NULL ELSE r % 5 END, CASE WHEN i % 1000 = 7 THEN 'Legal' END,
           CASE WHEN i % 500 = 3 THEN '[\"rare\"]' WHEN i % 2 THEN '[\"even\"]' ELSE '[]' END,
           (SELECT id FROM users WHERE email = 'bulk' || (1 + r % 500) || '@example.net'),
           CASE WHEN status IN ('open') OR r % 3 = 0 THEN NULL ELSE
             (SELECT id FROM users WHERE email = CASE r % 3 WHEN 1 THEN 'sarah@helpdesk.com' ELSE 'mike@helpdesk.com' END) END,
           at, at + r * 1000, at + r * 1000, at + 14400000, at + 432000000,
           CASE WHEN status IN ('resolved', 'closed') THEN at + 3600000 END,
           CASE WHEN status = 'closed' THEN at + 7200000 END,
           CASE WHEN status IN ('waiting', 'blocked') THEN at + 3600000 END,
           status IN ('open', 'assigned', 'in_progress', 'reopened'), 2, 2 FROM shaped;"
    )
}
