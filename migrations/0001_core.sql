-- Edgedesk's database (Cloudflare D1, SQLite).
--
-- Times are epoch milliseconds. `uid` is a UUIDv7. Booleans are 0 and 1. Every table is STRICT, so a value of
-- the wrong type is an error and not a surprise. The migrations, applied in order, give exactly this file.

-- People -----------------------------------------------------------------------------------------------------

CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,          -- the address in lower case: how addresses compare
  username TEXT NOT NULL,
  username_key TEXT NOT NULL UNIQUE,       -- likewise; never holds an @, so it never equals an address
  first_name TEXT NOT NULL DEFAULT '',
  last_name TEXT NOT NULL DEFAULT '',
  full_name TEXT NOT NULL GENERATED ALWAYS AS
    (iif(trim(first_name || ' ' || last_name) = '', username, trim(first_name || ' ' || last_name))) VIRTUAL,
  role TEXT NOT NULL CHECK (role IN ('customer', 'agent', 'manager', 'admin')),
  department TEXT,
  phone TEXT,
  avatar_url TEXT,
  password_hash TEXT,                      -- NULL until the account is claimed by a password reset
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  closed_at INTEGER,                       -- the person closed the account: names are gone, the row stays
  ver INTEGER NOT NULL DEFAULT 1,          -- rises with role, password and active flag; older tokens die
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_login_at INTEGER,
  -- what a ticket shows of a person: kept in the ticket's row, so that a list reads no other table
  card TEXT NOT NULL GENERATED ALWAYS AS
    ('{"id":' || id || ',"uid":"' || uid || '","full_name":' ||
     json_quote(iif(trim(first_name || ' ' || last_name) = '', username, trim(first_name || ' ' || last_name))) ||
     ',"role":"' || role || '","avatar_url":' || json_quote(avatar_url) || '}') VIRTUAL
) STRICT;
-- Staff and who is not active are few: most people cost no entry. SQLite takes these indexes only where the query says
-- `role <> 'customer'`, or `is_active = 0`, in so many words.
CREATE INDEX users_staff ON users (role) WHERE role <> 'customer';
CREATE INDEX users_inactive ON users (is_active) WHERE is_active = 0;

-- The desk is never left without an administrator, whatever runs in parallel.
CREATE TRIGGER users_keep_an_admin
BEFORE UPDATE OF role, is_active ON users
WHEN OLD.role = 'admin' AND OLD.is_active = 1 AND (NEW.role <> 'admin' OR NEW.is_active = 0)
  AND NOT EXISTS (SELECT 1 FROM users WHERE role = 'admin' AND role <> 'customer' AND is_active = 1 AND id <> OLD.id)
BEGIN
  SELECT RAISE(ABORT, 'LAST_ADMIN');
END;

CREATE TRIGGER users_version
BEFORE UPDATE OF version ON users
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- One row per login, beside the person's others. `id` is the moment it began, or one more than the last one's.
-- `refresh_jti` is the only refresh token of the session that still works.
CREATE TABLE sessions (
  user_id INTEGER NOT NULL REFERENCES users (id),
  id INTEGER NOT NULL,
  uid TEXT NOT NULL,
  refresh_jti TEXT NOT NULL,
  user_agent TEXT NOT NULL DEFAULT '',
  address TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- Attempts to log in that have not succeeded, for the limits per account and per address: one row for each.
CREATE TABLE login_attempts (
  subject TEXT PRIMARY KEY,                -- a keyed hash of the account's name, or of the address
  times TEXT NOT NULL,                     -- JSON, the newest first, as many as the limit needs
  last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One-time tokens for setting a password; only their SHA-256 is kept.
CREATE TABLE password_resets (
  token_hash TEXT PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX password_resets_by_user ON password_resets (user_id);

-- The desk ---------------------------------------------------------------------------------------------------

CREATE TABLE settings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  auto_assign TEXT NOT NULL DEFAULT 'category' CHECK (auto_assign IN ('off', 'category', 'least_loaded')),
  agent_scope TEXT NOT NULL DEFAULT 'category' CHECK (agent_scope IN ('category', 'assigned', 'all')),
  reopen_window_days INTEGER NOT NULL DEFAULT 7 CHECK (reopen_window_days BETWEEN 0 AND 3650),
  auto_close_days INTEGER NOT NULL DEFAULT 7 CHECK (auto_close_days BETWEEN 0 AND 3650),
  version INTEGER NOT NULL DEFAULT 1,
  updated_at INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO settings (id) VALUES (1);
CREATE TRIGGER settings_version
BEFORE UPDATE OF version ON settings
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

CREATE TABLE categories (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  position INTEGER NOT NULL DEFAULT 0,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO categories (id, uid, slug, name, description, position, created_at, updated_at) VALUES
  (1, '01936c6e-2c00-7000-8000-000000000001', 'technical', 'Technical', 'Something does not work as it should', 1, 1735689600000, 1735689600000),
  (2, '01936c6e-2c00-7000-8000-000000000002', 'billing', 'Billing', 'Invoices, payments and refunds', 2, 1735689600000, 1735689600000),
  (3, '01936c6e-2c00-7000-8000-000000000003', 'general', 'General', 'Everything else', 3, 1735689600000, 1735689600000),
  (4, '01936c6e-2c00-7000-8000-000000000004', 'feature_request', 'Feature request', 'Wishes and ideas', 4, 1735689600000, 1735689600000);

CREATE TABLE agent_categories (
  user_id INTEGER NOT NULL REFERENCES users (id),
  category_id INTEGER NOT NULL REFERENCES categories (id),
  PRIMARY KEY (user_id, category_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_categories_by_category ON agent_categories (category_id, user_id);

-- Tickets ----------------------------------------------------------------------------------------------------

-- The daily counter behind TICK-YYYYMMDD-NNNN.
CREATE TABLE ticket_numbers (
  day TEXT PRIMARY KEY,
  last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tickets (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  number TEXT NOT NULL UNIQUE,
  key TEXT UNIQUE,
  title TEXT NOT NULL,
  title_index TEXT,                        -- the title as it is indexed, where that differs (CJK)
  description TEXT NOT NULL,
  description_index TEXT,
  status TEXT NOT NULL CHECK (status IN
    ('open', 'assigned', 'in_progress', 'waiting', 'blocked', 'resolved', 'closed', 'reopened')),
  priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 4),   -- 1 low, 2 medium, 3 high, 4 urgent
  workflow TEXT NOT NULL CHECK (workflow IN ('support', 'project')),
  category_id INTEGER REFERENCES categories (id),
  category TEXT,                           -- the category's slug, kept by triggers
  subcategory_id INTEGER,
  subcategory TEXT,
  department TEXT,
  project_id INTEGER,
  tags TEXT NOT NULL DEFAULT '[]',         -- sorted JSON array; ticket_tags is its index
  custom_fields TEXT NOT NULL DEFAULT '{}',
  requester_id INTEGER NOT NULL REFERENCES users (id),
  requester_card TEXT NOT NULL DEFAULT 'null',
  requester_email TEXT NOT NULL DEFAULT '',
  contact_email TEXT,                      -- another address the customer gave; shown to staff, never mailed
  assignee_id INTEGER REFERENCES users (id),
  assignee_card TEXT NOT NULL DEFAULT 'null',
  channel TEXT NOT NULL DEFAULT 'api',
  version INTEGER NOT NULL DEFAULT 1,
  seq INTEGER NOT NULL DEFAULT 0,          -- the last event, as staff count them
  public_seq INTEGER NOT NULL DEFAULT 0,   -- the last event, as a customer counts them
  message_count INTEGER NOT NULL DEFAULT 0,
  public_message_count INTEGER NOT NULL DEFAULT 0,
  attachment_count INTEGER NOT NULL DEFAULT 0,
  public_attachment_count INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  public_updated_at INTEGER NOT NULL,      -- what a customer sees: an internal note does not move it
  first_response_due_at INTEGER,
  first_response_risk_at INTEGER,
  first_responded_at INTEGER,
  resolution_due_at INTEGER,
  resolution_risk_at INTEGER,
  resolved_at INTEGER,
  closed_at INTEGER,
  paused_at INTEGER,                       -- the resolution clock stands still since then
  paused_ms INTEGER NOT NULL DEFAULT 0,    -- working time it has stood still before that
  is_overdue INTEGER NOT NULL DEFAULT 0 CHECK (is_overdue IN (0, 1)),  -- see tickets_to_become_overdue
  deleted_at INTEGER
) STRICT;

-- One index per filter; each ends in the rowid, so a filtered list is a walk from the newest down.
CREATE INDEX tickets_by_status ON tickets (status) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_priority ON tickets (priority) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_workflow ON tickets (workflow) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_category ON tickets (category_id) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_assignee ON tickets (assignee_id) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_subcategory ON tickets (subcategory_id) WHERE deleted_at IS NULL AND subcategory_id IS NOT NULL;
CREATE INDEX tickets_by_department ON tickets (department) WHERE deleted_at IS NULL AND department IS NOT NULL;
CREATE INDEX tickets_by_project ON tickets (project_id) WHERE deleted_at IS NULL AND project_id IS NOT NULL;
CREATE INDEX tickets_with_attachments ON tickets (id) WHERE deleted_at IS NULL AND attachment_count > 0;
CREATE INDEX tickets_without_attachments ON tickets (id) WHERE deleted_at IS NULL AND attachment_count = 0;
-- Orders other than the newest first, for the whole desk and for a customer's own tickets.
CREATE INDEX tickets_by_created ON tickets (created_at) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_updated ON tickets (updated_at) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_due ON tickets (resolution_due_at) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_requester ON tickets (requester_id) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_requester_created ON tickets (requester_id, created_at) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_requester_updated ON tickets (requester_id, public_updated_at) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_requester_priority ON tickets (requester_id, priority) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_requester_due ON tickets (requester_id, resolution_due_at) WHERE deleted_at IS NULL;
-- Overdue tickets are those marked and those whose due time has passed since the last sweep: the second
-- set is small, so a count of overdue tickets is exact at any moment and reads few rows.
CREATE INDEX tickets_overdue ON tickets (is_overdue) WHERE deleted_at IS NULL AND is_overdue = 1;
CREATE INDEX tickets_to_become_overdue ON tickets (resolution_due_at)
  WHERE deleted_at IS NULL AND is_overdue = 0 AND resolved_at IS NULL AND paused_at IS NULL;

CREATE TABLE ticket_tags (
  tag TEXT NOT NULL,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  PRIMARY KEY (tag, ticket_id)
) STRICT, WITHOUT ROWID;

-- The version guard: a change that was decided on an older state aborts its whole batch.
CREATE TRIGGER tickets_version
BEFORE UPDATE OF version ON tickets
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- Names kept in the ticket's row, so that a list reads tickets alone.
CREATE TRIGGER tickets_names_insert
AFTER INSERT ON tickets
BEGIN
  UPDATE tickets SET
    requester_card = (SELECT card FROM users WHERE id = NEW.requester_id),
    requester_email = (SELECT email FROM users WHERE id = NEW.requester_id),
    assignee_card = coalesce((SELECT card FROM users WHERE id = NEW.assignee_id), 'null'),
    category = (SELECT slug FROM categories WHERE id = NEW.category_id)
  WHERE id = NEW.id;
END;
CREATE TRIGGER tickets_names_assignee
AFTER UPDATE OF assignee_id ON tickets
WHEN NEW.assignee_id IS NOT OLD.assignee_id
BEGIN
  UPDATE tickets SET assignee_card = coalesce((SELECT card FROM users WHERE id = NEW.assignee_id), 'null')
  WHERE id = NEW.id;
END;
CREATE TRIGGER tickets_names_category
AFTER UPDATE OF category_id ON tickets
WHEN NEW.category_id IS NOT OLD.category_id
BEGIN
  UPDATE tickets SET category = (SELECT slug FROM categories WHERE id = NEW.category_id) WHERE id = NEW.id;
END;
CREATE TRIGGER users_names
AFTER UPDATE OF first_name, last_name, username, email, role, avatar_url ON users
WHEN NEW.card <> OLD.card OR NEW.email <> OLD.email
BEGIN
  UPDATE tickets SET requester_card = NEW.card, requester_email = NEW.email WHERE requester_id = NEW.id AND deleted_at IS NULL;
  UPDATE tickets SET assignee_card = NEW.card WHERE assignee_id = NEW.id AND deleted_at IS NULL;
END;
CREATE TRIGGER categories_names
AFTER UPDATE OF slug ON categories
WHEN NEW.slug <> OLD.slug
BEGIN
  UPDATE tickets SET category = NEW.slug WHERE category_id = NEW.id AND deleted_at IS NULL;
END;

-- The tag index follows the ticket's tags.
CREATE TRIGGER tickets_tags_insert
AFTER INSERT ON tickets
WHEN NEW.tags <> '[]' AND NEW.deleted_at IS NULL
BEGIN
  INSERT OR IGNORE INTO ticket_tags (tag, ticket_id) SELECT value, NEW.id FROM json_each(NEW.tags);
END;
CREATE TRIGGER tickets_tags_update
AFTER UPDATE OF tags, deleted_at ON tickets
WHEN NEW.tags <> OLD.tags OR NEW.deleted_at IS NOT OLD.deleted_at
BEGIN
  DELETE FROM ticket_tags WHERE ticket_id = OLD.id AND tag IN (SELECT value FROM json_each(OLD.tags));
  INSERT OR IGNORE INTO ticket_tags (tag, ticket_id)
    SELECT value, NEW.id FROM json_each(NEW.tags) WHERE NEW.deleted_at IS NULL;
END;

-- Sums are kept, not counted. One wide row for the desk ('desk'), each category ('category:3'), requester,
-- assignee ('assignee:0' is nobody), project, department, and each assignee's part of a category
-- ('assignee:7:category:3').
CREATE TABLE ticket_counts (
  scope TEXT PRIMARY KEY,
  total INTEGER NOT NULL,
  open INTEGER NOT NULL,
  assigned INTEGER NOT NULL,
  in_progress INTEGER NOT NULL,
  waiting INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  resolved INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  reopened INTEGER NOT NULL,
  low INTEGER NOT NULL,
  medium INTEGER NOT NULL,
  high INTEGER NOT NULL,
  urgent INTEGER NOT NULL,
  unassigned INTEGER NOT NULL,             -- of those not resolved or closed
  overdue INTEGER NOT NULL                 -- of those marked is_overdue
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tickets_counts_insert
AFTER INSERT ON tickets
WHEN NEW.deleted_at IS NULL
BEGIN
  INSERT INTO ticket_counts
  SELECT column1, 1,
    NEW.status = 'open', NEW.status = 'assigned', NEW.status = 'in_progress', NEW.status = 'waiting',
    NEW.status = 'blocked', NEW.status = 'resolved', NEW.status = 'closed', NEW.status = 'reopened',
    NEW.priority = 1, NEW.priority = 2, NEW.priority = 3, NEW.priority = 4,
    NEW.assignee_id IS NULL AND NEW.status NOT IN ('resolved', 'closed'), NEW.is_overdue
  FROM (VALUES
    ('desk'), ('category:' || NEW.category_id), ('requester:' || NEW.requester_id),
    ('assignee:' || coalesce(NEW.assignee_id, 0)), ('project:' || NEW.project_id),
    ('department:' || NEW.department),
    ('assignee:' || coalesce(NEW.assignee_id, 0) || ':category:' || NEW.category_id))
  WHERE column1 IS NOT NULL
  ON CONFLICT (scope) DO UPDATE SET
    total = total + excluded.total, open = open + excluded.open, assigned = assigned + excluded.assigned,
    in_progress = in_progress + excluded.in_progress, waiting = waiting + excluded.waiting,
    blocked = blocked + excluded.blocked, resolved = resolved + excluded.resolved,
    closed = closed + excluded.closed, reopened = reopened + excluded.reopened,
    low = low + excluded.low, medium = medium + excluded.medium, high = high + excluded.high,
    urgent = urgent + excluded.urgent, unassigned = unassigned + excluded.unassigned,
    overdue = overdue + excluded.overdue;
END;

CREATE TRIGGER tickets_counts_update
AFTER UPDATE OF status, priority, category_id, requester_id, assignee_id, project_id, department, is_overdue, deleted_at
ON tickets
WHEN NEW.status <> OLD.status OR NEW.priority <> OLD.priority OR NEW.category_id IS NOT OLD.category_id
  OR NEW.requester_id <> OLD.requester_id OR NEW.assignee_id IS NOT OLD.assignee_id
  OR NEW.project_id IS NOT OLD.project_id OR NEW.department IS NOT OLD.department
  OR NEW.is_overdue <> OLD.is_overdue OR (NEW.deleted_at IS NULL) <> (OLD.deleted_at IS NULL)
BEGIN
  -- column2 is -1 for what the ticket was and 1 for what it is
  INSERT INTO ticket_counts
  SELECT column1, sum(column2),
    sum(column2 * (iif(column2 = 1, NEW.status, OLD.status) = 'open')),
    sum(column2 * (iif(column2 = 1, NEW.status, OLD.status) = 'assigned')),
    sum(column2 * (iif(column2 = 1, NEW.status, OLD.status) = 'in_progress')),
    sum(column2 * (iif(column2 = 1, NEW.status, OLD.status) = 'waiting')),
    sum(column2 * (iif(column2 = 1, NEW.status, OLD.status) = 'blocked')),
    sum(column2 * (iif(column2 = 1, NEW.status, OLD.status) = 'resolved')),
    sum(column2 * (iif(column2 = 1, NEW.status, OLD.status) = 'closed')),
    sum(column2 * (iif(column2 = 1, NEW.status, OLD.status) = 'reopened')),
    sum(column2 * (iif(column2 = 1, NEW.priority, OLD.priority) = 1)),
    sum(column2 * (iif(column2 = 1, NEW.priority, OLD.priority) = 2)),
    sum(column2 * (iif(column2 = 1, NEW.priority, OLD.priority) = 3)),
    sum(column2 * (iif(column2 = 1, NEW.priority, OLD.priority) = 4)),
    sum(column2 * iif(column2 = 1,
      NEW.assignee_id IS NULL AND NEW.status NOT IN ('resolved', 'closed'),
      OLD.assignee_id IS NULL AND OLD.status NOT IN ('resolved', 'closed'))),
    sum(column2 * iif(column2 = 1, NEW.is_overdue, OLD.is_overdue))
  FROM (VALUES
    ('desk', -1), ('category:' || OLD.category_id, -1), ('requester:' || OLD.requester_id, -1),
    ('assignee:' || coalesce(OLD.assignee_id, 0), -1), ('project:' || OLD.project_id, -1),
    ('department:' || OLD.department, -1),
    ('assignee:' || coalesce(OLD.assignee_id, 0) || ':category:' || OLD.category_id, -1),
    ('desk', 1), ('category:' || NEW.category_id, 1), ('requester:' || NEW.requester_id, 1),
    ('assignee:' || coalesce(NEW.assignee_id, 0), 1), ('project:' || NEW.project_id, 1),
    ('department:' || NEW.department, 1),
    ('assignee:' || coalesce(NEW.assignee_id, 0) || ':category:' || NEW.category_id, 1))
  WHERE column1 IS NOT NULL AND iif(column2 = 1, NEW.deleted_at, OLD.deleted_at) IS NULL
  GROUP BY column1
  ON CONFLICT (scope) DO UPDATE SET
    total = total + excluded.total, open = open + excluded.open, assigned = assigned + excluded.assigned,
    in_progress = in_progress + excluded.in_progress, waiting = waiting + excluded.waiting,
    blocked = blocked + excluded.blocked, resolved = resolved + excluded.resolved,
    closed = closed + excluded.closed, reopened = reopened + excluded.reopened,
    low = low + excluded.low, medium = medium + excluded.medium, high = high + excluded.high,
    urgent = urgent + excluded.urgent, unassigned = unassigned + excluded.unassigned,
    overdue = overdue + excluded.overdue;
END;

-- Messages and events ----------------------------------------------------------------------------------------

CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  position INTEGER NOT NULL,               -- 0, 1, 2 ... within the ticket; never shown
  author_id INTEGER NOT NULL REFERENCES users (id),
  body TEXT NOT NULL,
  body_index TEXT,                         -- the body as it is indexed, where that differs (CJK)
  is_internal INTEGER NOT NULL DEFAULT 0 CHECK (is_internal IN (0, 1)),
  channel TEXT NOT NULL DEFAULT 'api',
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  edited_at INTEGER,
  deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX messages_by_ticket ON messages (ticket_id, position);
CREATE INDEX messages_public ON messages (ticket_id, position) WHERE is_internal = 0 AND deleted_at IS NULL;

CREATE TRIGGER messages_version
BEFORE UPDATE OF version ON messages
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

CREATE TRIGGER messages_counts_insert
AFTER INSERT ON messages
BEGIN
  UPDATE tickets SET
    message_count = message_count + 1,
    public_message_count = public_message_count + (NEW.is_internal = 0),
    updated_at = max(updated_at, NEW.created_at),
    public_updated_at = iif(NEW.is_internal = 0, max(public_updated_at, NEW.created_at), public_updated_at)
  WHERE id = NEW.ticket_id;
END;
CREATE TRIGGER messages_counts_delete
AFTER UPDATE OF deleted_at ON messages
WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL
BEGIN
  UPDATE tickets SET
    message_count = message_count - 1,
    public_message_count = public_message_count - (NEW.is_internal = 0)
  WHERE id = NEW.ticket_id;
END;

-- Everything that has happened to a ticket, written in the batch of the change. History, timeline, live
-- frames and reports are read from here.
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  seq INTEGER NOT NULL,                    -- 1, 2, 3 ... within the ticket, for staff
  public_seq INTEGER,                      -- 1, 2, 3 ... of what a customer may see; NULL when hidden
  type TEXT NOT NULL,
  actor_id INTEGER REFERENCES users (id),  -- NULL: the desk itself
  message_id INTEGER REFERENCES messages (id),
  changes TEXT NOT NULL DEFAULT '[]',      -- [{"field","from","to"}]
  data TEXT NOT NULL DEFAULT '{}',
  cause TEXT,                              -- the rule or job behind it, where no person is
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_ticket ON events (ticket_id, seq);
CREATE UNIQUE INDEX events_public ON events (ticket_id, public_seq) WHERE public_seq IS NOT NULL;
CREATE INDEX events_of_message ON events (message_id) WHERE message_id IS NOT NULL;

CREATE TRIGGER events_sequence
AFTER INSERT ON events
BEGIN
  UPDATE tickets SET seq = NEW.seq, public_seq = coalesce(NEW.public_seq, public_seq) WHERE id = NEW.ticket_id;
END;

-- Full text: no copy of the text, only its index. One document holds a ticket and up to 64 of its messages;
-- rowid = ticket id * 2^20 + part, so the newest tickets come first and a message rewrites one document.
-- `scope` is the requester's token, so that a customer's search never touches another's ticket.
CREATE VIRTUAL TABLE ticket_search USING fts5 (
  title, public, internal, scope,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- `INSERT INTO search_refresh VALUES (ticket, part)` writes the document of one part anew.
CREATE VIEW search_refresh AS SELECT 0 AS ticket_id, 0 AS part;
CREATE TRIGGER search_refresh_insert
INSTEAD OF INSERT ON search_refresh
BEGIN
  DELETE FROM ticket_search WHERE rowid = (NEW.ticket_id << 20) | NEW.part;
  INSERT INTO ticket_search (rowid, title, public, internal, scope)
  SELECT (t.id << 20) | NEW.part,
    t.number || ' ' || coalesce(t.key, '') || ' ' || coalesce(t.title_index, t.title),
    coalesce(t.description_index, t.description) || ' ' || coalesce((
      SELECT group_concat(coalesce(body_index, body), ' ') FROM messages
      WHERE ticket_id = t.id AND position BETWEEN NEW.part * 64 AND NEW.part * 64 + 63
        AND is_internal = 0 AND deleted_at IS NULL), ''),
    coalesce((
      SELECT group_concat(coalesce(body_index, body), ' ') FROM messages
      WHERE ticket_id = t.id AND position BETWEEN NEW.part * 64 AND NEW.part * 64 + 63
        AND is_internal = 1 AND deleted_at IS NULL), ''),
    'u' || t.requester_id
  FROM tickets t
  WHERE t.id = NEW.ticket_id AND t.deleted_at IS NULL;
END;
CREATE TRIGGER tickets_search_insert
AFTER INSERT ON tickets
BEGIN
  INSERT INTO search_refresh VALUES (NEW.id, 0);
END;
CREATE TRIGGER tickets_search_update
AFTER UPDATE OF title, description, key, requester_id, deleted_at ON tickets
WHEN NEW.title <> OLD.title OR NEW.description <> OLD.description OR NEW.key IS NOT OLD.key
  OR NEW.requester_id <> OLD.requester_id OR (NEW.deleted_at IS NULL) <> (OLD.deleted_at IS NULL)
BEGIN
  INSERT INTO search_refresh
    SELECT NEW.id, 0 UNION SELECT NEW.id, position >> 6 FROM messages WHERE ticket_id = NEW.id;
END;
CREATE TRIGGER messages_search_insert
AFTER INSERT ON messages
BEGIN
  INSERT INTO search_refresh VALUES (NEW.ticket_id, NEW.position >> 6);
END;
CREATE TRIGGER messages_search_update
AFTER UPDATE OF body, deleted_at ON messages
BEGIN
  INSERT INTO search_refresh VALUES (NEW.ticket_id, NEW.position >> 6);
END;

-- `INSERT INTO stale SELECT ... WHERE <what must not be>` aborts a batch that was decided on an older state.
CREATE VIEW stale AS SELECT 0 AS found;
CREATE TRIGGER stale_insert
INSTEAD OF INSERT ON stale
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- Requests -----------------------------------------------------------------------------------------------------

-- The first insert of a batch that carries an Idempotency-Key: a twin aborts here, reads, and replays.
CREATE TABLE idempotency (
  user_id INTEGER NOT NULL REFERENCES users (id),
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,               -- of method, path and body
  status INTEGER NOT NULL,
  location TEXT,
  version INTEGER,
  body TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_time ON idempotency (created_at);
