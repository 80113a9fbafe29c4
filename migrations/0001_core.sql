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
  -- what tickets and messages show of a person
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
  former_jti TEXT,                         -- the token before it, which still gives it for a moment: two tabs refresh at once
  rotated_at INTEGER,
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
  acknowledge INTEGER NOT NULL DEFAULT 1 CHECK (acknowledge IN (0, 1)),   -- mail the number of a ticket to its requester
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

CREATE TABLE tickets (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL,                       -- ends in the id, by which it is found
  number TEXT NOT NULL,                    -- TICK-YYYYMMDD-NNNN, as shown; unique by ticket_names
  key TEXT,                                -- WEB-12, as shown; likewise
  title TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN
    ('open', 'assigned', 'in_progress', 'waiting', 'blocked', 'resolved', 'closed', 'reopened')),
  priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 4),   -- 1 low, 2 medium, 3 high, 4 urgent
  workflow TEXT NOT NULL CHECK (workflow IN ('support', 'project')),
  category_id INTEGER REFERENCES categories (id),
  subcategory_id INTEGER,
  department TEXT,
  project_id INTEGER,
  tags TEXT NOT NULL DEFAULT '[]',         -- sorted JSON array; ticket_facets is its index
  custom_fields TEXT NOT NULL DEFAULT '{}',
  requester_id INTEGER NOT NULL REFERENCES users (id),
  contact_email TEXT,                      -- another address the customer gave; shown to staff, never mailed
  assignee_id INTEGER REFERENCES users (id),
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
  is_overdue INTEGER NOT NULL DEFAULT 0 CHECK (is_overdue IN (0, 1)),  -- marked by the clock, and counted
  deleted_at INTEGER,
  -- long texts come last: what a list tests is read without them
  title_index TEXT,                        -- the title as it is indexed, where that differs (CJK)
  description TEXT NOT NULL,
  description_index TEXT
) STRICT;

-- Each index ends in the rowid, so a list is a walk from the newest down, or several that are merged: for a priority,
-- one for each status.
CREATE INDEX tickets_by_status ON tickets (status, priority) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_category ON tickets (category_id) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_assignee ON tickets (assignee_id, status) WHERE deleted_at IS NULL;
-- Orders other than the newest first, for the whole desk and for a customer's own tickets.
CREATE INDEX tickets_by_created ON tickets (created_at) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_updated ON tickets (updated_at) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_due ON tickets (resolution_due_at) WHERE deleted_at IS NULL;
CREATE INDEX tickets_by_requester ON tickets (requester_id) WHERE deleted_at IS NULL;

-- What few tickets have and lists ask for, each the newest first: 't:<tag>', 'p:<project id>', 's:<subcategory id>',
-- 'd:<department>', 'f' with files, 'w' of the project lifecycle, 'o' marked as overdue. Deleted tickets stay in it, and
-- those whose files are gone: what is found is tested.
CREATE TABLE ticket_facets (
  facet TEXT NOT NULL,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  PRIMARY KEY (facet, ticket_id)
) STRICT, WITHOUT ROWID;

-- The version guard: a change that was decided on an older state aborts its whole batch.
CREATE TRIGGER tickets_version
BEFORE UPDATE OF version ON tickets
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;


-- Every name that a ticket has or had: 'TICK-20261127-0000042', 'WEB-0000012'. The numbers are padded to seven digits,
-- so that text sorts as numbers do. One primary key makes numbers, keys and earlier keys unique and finds them; the last
-- name of a day is its counter.
CREATE TABLE ticket_names (
  name TEXT PRIMARY KEY,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id)
) STRICT, WITHOUT ROWID;

-- One wide row for each assignee (0: nobody), category (0: none) and project (0: none) that occur together. Whatever is
-- asked about the present is a sum of a few of these. Deleted tickets are not counted. A change of status writes one
-- row, another assignee two.
CREATE TABLE ticket_counts (
  assignee_id INTEGER NOT NULL,
  category_id INTEGER NOT NULL,
  project_id INTEGER NOT NULL,
  open INTEGER NOT NULL DEFAULT 0,
  assigned INTEGER NOT NULL DEFAULT 0,
  in_progress INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0,
  blocked INTEGER NOT NULL DEFAULT 0,
  resolved INTEGER NOT NULL DEFAULT 0,
  closed INTEGER NOT NULL DEFAULT 0,
  reopened INTEGER NOT NULL DEFAULT 0,
  low INTEGER NOT NULL DEFAULT 0,
  medium INTEGER NOT NULL DEFAULT 0,
  high INTEGER NOT NULL DEFAULT 0,
  urgent INTEGER NOT NULL DEFAULT 0,
  overdue INTEGER NOT NULL DEFAULT 0,      -- of those marked is_overdue
  PRIMARY KEY (assignee_id, category_id, project_id)
) STRICT, WITHOUT ROWID;
-- Tickets by department: most tickets have none, and write nothing here.
CREATE TABLE department_counts (
  department TEXT PRIMARY KEY,
  total INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages and events ----------------------------------------------------------------------------------------

CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL,                       -- ends in the id, by which it is found
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  position INTEGER NOT NULL,               -- 0, 1, 2 ... within the ticket; never shown
  author_id INTEGER NOT NULL REFERENCES users (id),
  body TEXT NOT NULL,
  body_index TEXT,                         -- the body as it is indexed, where that differs (CJK)
  is_internal INTEGER NOT NULL DEFAULT 0 CHECK (is_internal IN (0, 1)),
  channel TEXT NOT NULL DEFAULT 'api',
  seq INTEGER NOT NULL DEFAULT 0,          -- of the event that tells of it
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  edited_at INTEGER,
  deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX messages_by_ticket ON messages (ticket_id, position);

CREATE TRIGGER messages_version
BEFORE UPDATE OF version ON messages
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
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

-- Full text: no copy of the text, only its index. One document holds a ticket and up to 64 of its messages;
-- rowid = ticket id * 2^20 + part, so the newest tickets come first and a message rewrites one document.
-- `scope` is the requester's token, so that a customer's search never touches another's ticket.
CREATE VIRTUAL TABLE ticket_search USING fts5 (
  title, public, internal, scope,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- `INSERT INTO guard (ok) SELECT 0 WHERE NOT EXISTS (<all that must hold>)` aborts a batch that was decided on what
-- holds no longer: a missing row refuses, too. It stays empty.
CREATE TABLE guard (ok INTEGER NOT NULL CONSTRAINT STALE_VERSION CHECK (ok = 1)) STRICT;

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
