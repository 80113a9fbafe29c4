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
  title_index TEXT,                        -- the title as it is indexed: folded, where that differs
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
  body_index TEXT,                         -- the body as it is indexed: folded, where that differs
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
  created_at INTEGER NOT NULL,
  -- its time is not that of its insertion: it does not stand among events of its time
  is_backdated INTEGER NOT NULL DEFAULT 0 CHECK (is_backdated IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX events_by_ticket ON events (ticket_id, seq);

-- Full text: no copy of the text, only its index. One document holds a ticket and up to 64 of its messages;
-- rowid = ticket id * 2^20 + part, so the newest tickets come first and a message rewrites one document.
-- `scope` is the requester's token, so that a customer's search never touches another's ticket.
CREATE VIRTUAL TABLE ticket_search USING fts5 (
  title, public, internal, scope,
  content = '', contentless_delete = 1, tokenize = 'ascii'
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

-- Categories and agents --------------------------------------------------------------------------------------

CREATE TRIGGER categories_version
BEFORE UPDATE OF version ON categories
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

CREATE TABLE subcategories (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  category_id INTEGER NOT NULL REFERENCES categories (id),
  slug TEXT NOT NULL UNIQUE,               -- in the whole desk, so that a filter by slug walks one index
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  position INTEGER NOT NULL DEFAULT 0,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX subcategories_by_category ON subcategories (category_id, position, id);

CREATE TRIGGER subcategories_version
BEFORE UPDATE OF version ON subcategories
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;


-- What staff are as workers, as far as somebody has said so or the desk has given them a ticket: without a row the
-- defaults hold. How many open tickets they have is a sum of ticket_counts.
CREATE TABLE agent_profiles (
  user_id INTEGER PRIMARY KEY REFERENCES users (id),
  is_available INTEGER NOT NULL DEFAULT 1 CHECK (is_available IN (0, 1)),
  max_open_tickets INTEGER NOT NULL DEFAULT 20 CHECK (max_open_tickets >= 0),  -- binds automatic assignment only
  last_assigned_at INTEGER                 -- NULL: never, and so the longest idle
) STRICT;


-- Why a ticket was handed on: for staff, and so not in its event, which customers see.
CREATE TABLE transfers (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  seq INTEGER NOT NULL,                    -- of the event that tells of it
  actor_id INTEGER NOT NULL REFERENCES users (id),
  from_id INTEGER REFERENCES users (id),   -- NULL: it was nobody's
  to_id INTEGER NOT NULL REFERENCES users (id),
  reason TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX transfers_by_ticket ON transfers (ticket_id, seq);

-- Promises -----------------------------------------------------------------------------------------------------

-- Business hours. What hours and holidays look like, desk/calendar_check.rs says.
CREATE TABLE calendars (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: an old link leads to nothing, not to another
  uid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE,           -- the name in lower case: how names compare
  time_zone TEXT NOT NULL,                 -- as IANA spells it
  hours TEXT NOT NULL,                     -- {"mon": ["09:00-17:00"], ...}
  holidays TEXT NOT NULL DEFAULT '[]',     -- ["2026-12-25", ...]
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER calendars_version
BEFORE UPDATE OF version ON calendars
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- What is promised for each priority. `version` rises with every change of the policy or of its calendar, and
-- each ticket keeps the one that its due times are from (`tickets.sla_version`): where the two differ, the
-- ticket has still to be brought up to date.
CREATE TABLE sla_policies (
  priority INTEGER PRIMARY KEY CHECK (priority BETWEEN 1 AND 4),
  first_response_minutes INTEGER NOT NULL CHECK (first_response_minutes > 0),
  resolution_minutes INTEGER NOT NULL CHECK (resolution_minutes >= first_response_minutes),
  calendar_id INTEGER REFERENCES calendars (id),   -- NULL: around the clock
  version INTEGER NOT NULL DEFAULT 1,
  updated_at INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO sla_policies (priority, first_response_minutes, resolution_minutes) VALUES
  (1, 1440, 14400), (2, 480, 7200), (3, 240, 2880), (4, 120, 1440);

-- The Worker keeps a parsed copy of all promises; every request reads this number beside the settings, and a
-- copy of another number is read anew. Whatever changes a promise raises it in the same batch.
ALTER TABLE settings ADD COLUMN sla_version INTEGER NOT NULL DEFAULT 1;
-- Unresolved tickets may have due times of an older policy or calendar. The clock brings them up to date, and ends it.
ALTER TABLE settings ADD COLUMN has_outdated INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER sla_policies_version
BEFORE UPDATE OF version ON sla_policies
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

ALTER TABLE tickets ADD COLUMN sla_version INTEGER NOT NULL DEFAULT 0;
-- The pauses that have ended, [[since, until], ...]: another calendar counts other hours in them.
ALTER TABLE tickets ADD COLUMN pauses TEXT NOT NULL DEFAULT '[]';

-- Projects -----------------------------------------------------------------------------------------------------

CREATE TABLE projects (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL UNIQUE,                -- WEB; never changes, for the keys of tickets begin with it
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'on_hold', 'completed', 'archived')),
  lead_id INTEGER REFERENCES users (id),
  last_number INTEGER NOT NULL DEFAULT 0,  -- behind WEB-12; only rises, so no key is given twice
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  archived_at INTEGER
) STRICT;
CREATE INDEX projects_by_status ON projects (status);
CREATE TRIGGER projects_version
BEFORE UPDATE OF version ON projects
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

CREATE TABLE project_members (
  project_id INTEGER NOT NULL REFERENCES projects (id),
  user_id INTEGER NOT NULL REFERENCES users (id),
  PRIMARY KEY (project_id, user_id)
) STRICT, WITHOUT ROWID;

-- Attachments ------------------------------------------------------------------------------------------------

-- One row per file from the moment its upload is allowed: it binds the object to who may register it, where and
-- as what. `uid` is the object's key. A file is pending (neither attached nor deleted), attached, or deleted; its
-- object is removed at deletion, and once more by the sweep, when no link can bring it back: then it is purged.
CREATE TABLE attachments (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  message_id INTEGER REFERENCES messages (id),
  uploader_id INTEGER NOT NULL REFERENCES users (id),
  filename TEXT NOT NULL,
  content_type TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size > 0),
  is_internal INTEGER NOT NULL DEFAULT 0 CHECK (is_internal IN (0, 1)),   -- as hidden as an internal note
  created_at INTEGER NOT NULL,             -- the upload was allowed
  attached_at INTEGER,                     -- it was registered: from now on others see it
  deleted_at INTEGER,
  purged_at INTEGER,                       -- the object is gone for good
  is_inline INTEGER NOT NULL DEFAULT 0 CHECK (is_inline IN (0, 1)),   -- a picture in the text of a mail: takes no place
  digest TEXT                              -- of a picture that came by mail: the same one is kept once on a ticket
) STRICT;
CREATE INDEX attachments_by_ticket ON attachments (ticket_id, attached_at) WHERE attached_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX attachments_pending ON attachments (ticket_id, created_at) WHERE attached_at IS NULL AND deleted_at IS NULL;
CREATE INDEX attachments_of_message ON attachments (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_abandoned ON attachments (created_at) WHERE attached_at IS NULL AND deleted_at IS NULL;
CREATE INDEX attachments_to_purge ON attachments (created_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;


-- The knowledge base -----------------------------------------------------------------------------------------

CREATE TABLE articles (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: an old link leads to nothing, not to another
  uid TEXT NOT NULL UNIQUE,
  slug TEXT NOT NULL UNIQUE,               -- its name in addresses; neither digits nor a UUID
  title TEXT NOT NULL,
  title_index TEXT,                        -- the title as it is indexed: folded, where that differs
  summary TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL,
  body_index TEXT,                         -- summary and body as they are indexed, where that differs
  status TEXT NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
  category_id INTEGER REFERENCES categories (id),
  author_id INTEGER NOT NULL REFERENCES users (id),
  helpful_count INTEGER NOT NULL DEFAULT 0,
  not_helpful_count INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  published_at INTEGER                     -- the first time
) STRICT;
-- Lists are walks from the newest down, by status and by category.
CREATE INDEX articles_by_status ON articles (status);
CREATE INDEX articles_by_category ON articles (category_id, status);

CREATE TRIGGER articles_version
BEFORE UPDATE OF version ON articles
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- `facts` holds a token for the status ('spublished') and one for the category ('c3'; 'c0' is none), so that
-- a search touches no article that its reader may not see.
CREATE VIRTUAL TABLE article_search USING fts5 (
  title, body, facts,
  content = '', contentless_delete = 1, tokenize = 'ascii'
);

-- One vote per account, or per address and day. No address is kept: `voter` is 'u<id>' or a keyed hash.
CREATE TABLE article_votes (
  article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
  voter TEXT NOT NULL,
  is_helpful INTEGER NOT NULL CHECK (is_helpful IN (0, 1)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (article_id, voter)
) STRICT, WITHOUT ROWID;

-- Reports ----------------------------------------------------------------------------------------------------

-- Reports of a range read the range: what was resolved in it, for the desk and for a customer, and what
-- happened in it. What was created in it has its indexes above.
-- What was resolved when, for reports; and what waits to be closed by the desk itself.
CREATE INDEX tickets_by_resolved ON tickets (status, resolved_at) WHERE deleted_at IS NULL AND resolved_at IS NOT NULL;
-- Events are numbered in the order of their times, so a range of time is a range of ids; the clock notes once an hour where
-- it is: at this time, the next event had this id or a higher one. An index on the time would be one more written row for
-- each event. It has only those that were moved in time.
CREATE TABLE event_marks (
  at INTEGER PRIMARY KEY,
  event_id INTEGER NOT NULL
) STRICT;
CREATE INDEX events_backdated ON events (created_at) WHERE is_backdated = 1;

-- Workflow rules -----------------------------------------------------------------------------------------------

-- The three JSON parts are kept as the admin wrote them; desk/rule_check.rs says what they may hold.
CREATE TABLE workflows (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: runs outlive their rule
  uid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  position INTEGER NOT NULL,               -- rules are asked by position, then id
  stop INTEGER NOT NULL DEFAULT 0 CHECK (stop IN (0, 1)),
  trigger TEXT NOT NULL CHECK (json_valid(trigger)),
  conditions TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(conditions)),
  actions TEXT NOT NULL CHECK (json_valid(actions)),
  author_id INTEGER REFERENCES users (id), -- who made the rule: its notes stand under this name
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX workflows_by_position ON workflows (position, id);
-- The rule that the desk comes with, switched off. It has no author until it is changed, and so before it is active;
-- until then the first admin stands for one.
INSERT INTO workflows (uid, name, is_active, position, trigger, actions, created_at, updated_at) VALUES
  ('01936c6e-2c00-7000-8000-000000000005', 'Escalate breached tickets', 0, 1, '{"on":"sla_breached"}', '[{"type":"escalate"}]', 1735689600000, 1735689600000);

CREATE TRIGGER workflows_version
BEFORE UPDATE OF version ON workflows
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- What rules did, and why they could not. Not tied to its rule by a foreign key: the record outlives it until
-- the clock clears it away.
CREATE TABLE workflow_runs (
  workflow_id INTEGER NOT NULL,
  id INTEGER NOT NULL,                     -- the moment, or one more than the rule's last: what is old is a stretch
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  event TEXT NOT NULL,                     -- what was heard, such as status_changed
  outcome TEXT NOT NULL CHECK (outcome IN ('acted', 'broken')),
  details TEXT NOT NULL DEFAULT '[]',      -- [{"type","outcome","reason"}], or the mistakes of a broken rule
  created_at INTEGER NOT NULL,
  PRIMARY KEY (workflow_id, id)
) STRICT, WITHOUT ROWID;

-- The Worker keeps the active rules parsed, with the categories and people that they name; every request that
-- changes a ticket reads this number beside the settings, and rules of another number are read anew. Whatever changes
-- a rule, or what an active rule may name, raises it in the same batch.
ALTER TABLE settings ADD COLUMN workflows_version INTEGER NOT NULL DEFAULT 1;


-- What goes out ------------------------------------------------------------------------------------------------

-- An address is mailed only after its owner has shown that it is theirs, or staff have vouched for it.
ALTER TABLE users ADD COLUMN email_verified_at INTEGER;
-- The address that a reset link was mailed to, in lower case: whoever uses the link reads its mail.
ALTER TABLE password_resets ADD COLUMN mailed_to TEXT;

-- What one person is told, and the state of the mail about it: one row for both. What is told without an event is what
-- a rule or the desk itself says; kinds 'password_reset', 'verify_email', 'acknowledgement' and 'digest' are mails
-- only. `id` is the event's id * 1024 + 1, or one more than the person's last: the newest is last, and none is given
-- twice.
CREATE TABLE notices (
  user_id INTEGER NOT NULL REFERENCES users (id),
  id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  ticket_id INTEGER,
  event_id INTEGER,
  message TEXT,                            -- the words of a rule, or of the desk itself
  created_at INTEGER NOT NULL,
  live INTEGER NOT NULL CHECK (live IN (0, 1)),  -- it is in the list, and goes to sockets
  read_at INTEGER,
  mail TEXT CHECK (mail IN                 -- NULL: no mail is wanted
    ('pending',                            -- to be sent
     'held',                               -- the hour is full: it waits for a digest
     'digested',                           -- a digest has told of it
     'sent', 'dropped',                    -- dropped: there was no longer anybody to tell, or anything
     'failed')),
  mailed_at INTEGER,                       -- when the mail was done with
  mail_error TEXT,
  digest_id INTEGER,                       -- the notice of the digest that tells of it
  PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- How somebody wants to be told of a kind; without a row, in both ways.
CREATE TABLE notification_preferences (
  user_id INTEGER NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  email INTEGER NOT NULL CHECK (email IN (0, 1)),
  PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;

-- Agents are told now and then, and not one by one, of new and answered tickets that nobody has: up to which event they
-- have been told, and when.
ALTER TABLE settings ADD COLUMN unassigned_event_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE settings ADD COLUMN unassigned_at INTEGER NOT NULL DEFAULT 0;

-- Mails to be sent: one row for all that follow from one event. What they say is made when they are sent, from what may
-- be said then. A row goes when its last mail is done with: the table is as long as what waits, and needs no index.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  people TEXT NOT NULL,                    -- [[user, notice], ...]; of copies [[address], ...]
  attempts INTEGER NOT NULL DEFAULT 0,
  lease_until INTEGER NOT NULL DEFAULT 0,  -- somebody is sending them until then
  next_attempt_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  event_id INTEGER                         -- copies of this event's message, for people who are in copy
) STRICT;

-- Live rooms ---------------------------------------------------------------------------------------------------

-- The live objects that have sockets: 'ticket:5' is the room of a ticket, 'user:7' is somebody who listens to all that
-- concerns them. They are nudged after a commit and read what they have missed from the events. Each renews its row
-- while it has sockets, and deletes it with the last one.
CREATE TABLE listeners (
  object TEXT PRIMARY KEY,
  user_id INTEGER REFERENCES users (id),   -- of 'user:7'
  is_agent INTEGER NOT NULL DEFAULT 0 CHECK (is_agent IN (0, 1)),   -- the user may take tickets that are nobody's
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX listeners_agents ON listeners (user_id) WHERE is_agent = 1;   -- to be nudged of tickets that are nobody's

-- Tickets that open one socket each, for clients that can send no header: what the token said that asked for them.
-- Only their SHA-256 is kept.
CREATE TABLE socket_tickets (
  hash TEXT PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users (id),
  session_id INTEGER NOT NULL,
  role TEXT NOT NULL,
  ver INTEGER NOT NULL,
  jti TEXT NOT NULL,
  token_expires INTEGER NOT NULL,          -- seconds since 1970
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT, WITHOUT ROWID;

-- Webhooks -----------------------------------------------------------------------------------------------------

-- Endpoints of other systems. One delivery at a time is on its way to each: whoever sends holds the lease.
CREATE TABLE webhooks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: deliveries outlive their endpoint until they are cleared
  uid TEXT NOT NULL UNIQUE,
  url TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  events TEXT NOT NULL CHECK (json_valid(events)),    -- sorted JSON array of types, or ["*"]
  include_internal INTEGER NOT NULL DEFAULT 0 CHECK (include_internal IN (0, 1)),
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  disabled_reason TEXT,                    -- why the desk itself switched it off
  secret TEXT NOT NULL,
  old_secret TEXT,                         -- the one before, which still signs until:
  old_secret_until INTEGER,
  lease TEXT,                              -- who is sending
  lease_until INTEGER NOT NULL DEFAULT 0,
  event_id INTEGER NOT NULL DEFAULT 0,     -- deliveries have been made of the events up to this one
  done_id INTEGER NOT NULL DEFAULT 0,      -- no delivery up to this one is pending
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER webhooks_version
BEFORE UPDATE OF version ON webhooks
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- What goes to an endpoint, in the order of ids: the first that is pending goes, and holds back the others. A change
-- writes nothing here: whoever sends makes deliveries of the events behind webhooks.event_id, and until then the log
-- computes them. The id is that of the event times 65536, or one more than the last id for what is not an event's, so
-- deliveries stand in the order of the events.
CREATE TABLE webhook_deliveries (
  webhook_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  uid TEXT NOT NULL,                       -- UUIDv7 of time, endpoint and id, which are its last 12 digits
  repeats TEXT,                            -- the uid of the delivery that somebody has sent again: the receiver knows it by that
  type TEXT NOT NULL,
  ticket_id INTEGER REFERENCES tickets (id),
  event_id INTEGER REFERENCES events (id),
  rule TEXT,                               -- of rule.fired: {"id", "name", "heard"}
  is_internal INTEGER NOT NULL DEFAULT 0 CHECK (is_internal IN (0, 1)),   -- the body is as staff may see it
  body TEXT,                               -- made by the first attempt and never changed: repetitions are the same to the byte
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL,
  last_status INTEGER,
  last_error TEXT,
  duration_ms INTEGER,
  response TEXT,                           -- how the last answer began
  created_at INTEGER NOT NULL,
  delivered_at INTEGER,
  PRIMARY KEY (webhook_id, id)
) STRICT, WITHOUT ROWID;

-- Workflow rules name endpoints: what the Worker keeps of them is read anew.
CREATE TRIGGER workflows_webhooks_inserted
AFTER INSERT ON webhooks
WHEN EXISTS (SELECT 1 FROM workflows)
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;
CREATE TRIGGER workflows_webhooks_updated
AFTER UPDATE OF is_active, include_internal ON webhooks
WHEN (NEW.is_active <> OLD.is_active OR NEW.include_internal <> OLD.include_internal) AND EXISTS (SELECT 1 FROM workflows)
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;
CREATE TRIGGER workflows_webhooks_deleted
AFTER DELETE ON webhooks
WHEN EXISTS (SELECT 1 FROM workflows)
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;

-- The clock ----------------------------------------------------------------------------------------------------

-- How far the desk has been warned of a promise: 0 not at all, 1 that it is at risk, 2 that it is broken. It only
-- rises, whatever becomes of the due time, so each warning is given once; a broken promise is at risk no more.
ALTER TABLE tickets ADD COLUMN response_alert INTEGER NOT NULL DEFAULT 0 CHECK (response_alert BETWEEN 0 AND 2);
ALTER TABLE tickets ADD COLUMN resolution_alert INTEGER NOT NULL DEFAULT 0 CHECK (resolution_alert BETWEEN 0 AND 2);
ALTER TABLE tickets ADD COLUMN alerted_at INTEGER;   -- the last time
-- What was late before there were warnings is no news.
UPDATE tickets SET response_alert = 2
  WHERE first_response_due_at < unixepoch() * 1000 AND first_responded_at IS NULL AND resolved_at IS NULL;
UPDATE tickets SET resolution_alert = 2 WHERE resolution_due_at < unixepoch() * 1000 AND resolved_at IS NULL;



-- When the clock must look at a ticket next: a promise is at risk or broken, or its due time has passed and it is not
-- marked as overdue. Nothing for what is resolved or deleted. The clock of a solution stands still while a ticket is
-- paused; what was broken before stays broken.
ALTER TABLE tickets ADD COLUMN alarm_at INTEGER GENERATED ALWAYS AS (CASE WHEN deleted_at IS NULL AND resolved_at IS NULL THEN
  nullif(min(
    coalesce(CASE WHEN first_responded_at IS NULL AND response_alert < 2 THEN
      iif(response_alert = 0 AND first_response_risk_at <= first_response_due_at, first_response_risk_at, first_response_due_at + 1) END,
      9007199254740991),
    coalesce(CASE WHEN resolution_alert < 2 AND (paused_at IS NULL OR paused_at > resolution_due_at) THEN
      iif(resolution_alert = 0 AND resolution_risk_at <= resolution_due_at, resolution_risk_at, resolution_due_at + 1)
      WHEN is_overdue = 0 AND paused_at IS NULL THEN resolution_due_at + 1 END,
      9007199254740991)), 9007199254740991) END) VIRTUAL;
CREATE INDEX tickets_by_alarm ON tickets (alarm_at) WHERE alarm_at IS NOT NULL;

-- How far the rules on a schedule have come. A run walks the unresolved tickets from the newest down and remembers the
-- last one that it has dealt with, in the batch of what it did there: nothing is done twice, and nothing is left out
-- when a run is cut short. (0, 0) is the end of a run.
CREATE TABLE schedules (
  workflow_id INTEGER PRIMARY KEY,
  started_at INTEGER NOT NULL,
  before_at INTEGER NOT NULL,              -- created_at of the last ticket
  before_id INTEGER NOT NULL               -- and its id
) STRICT;
CREATE INDEX workflows_on_schedule ON workflows (position, id)
  WHERE is_active = 1 AND json_extract(trigger, '$.on') = 'schedule';

-- What comes in ---------------------------------------------------------------------------------------------------

-- Mails that have been taken: none is taken twice (a mail server that heard no answer sends again), and whoever answers
-- one of them, or is late for a ticket, is led to its ticket. Kept for 400 days. Of addresses and ids only hashes are kept.
CREATE TABLE inbound_mails (
  id_hash TEXT NOT NULL,                   -- of the Message-ID
  content_hash TEXT NOT NULL,              -- of sender, content, and the ticket that it answers
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),    -- the ticket that it opened, or was added to
  is_internal INTEGER NOT NULL CHECK (is_internal IN (0, 1)),   -- it became an internal note
  follows_id INTEGER,                      -- the ticket that it answered too late: ticket_id was opened for it
  sender TEXT NOT NULL,                    -- of the address in lower case
  domain TEXT NOT NULL DEFAULT '',         -- of the sending server's sender, in lower case; empty where the sender is proven
  opened INTEGER NOT NULL CHECK (opened IN (0, 1)),  -- it opened a ticket
  received_at INTEGER NOT NULL,
  PRIMARY KEY (id_hash, content_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbound_mails_opened ON inbound_mails (received_at, domain, sender) WHERE opened = 1;
CREATE INDEX inbound_mails_late ON inbound_mails (follows_id, ticket_id) WHERE follows_id IS NOT NULL;

-- In an hour one address opens at most 20 tickets, one domain that proves nothing 100, and everybody together 600,
-- however many mails arrive at the same moment.
CREATE TRIGGER inbound_mails_limit
BEFORE INSERT ON inbound_mails
WHEN NEW.opened = 1 AND (SELECT count(*) >= 600 OR total(sender = NEW.sender) >= 20
    OR (NEW.domain <> '' AND total(domain = NEW.domain) >= 100)
  FROM inbound_mails WHERE opened = 1 AND received_at > NEW.received_at - 3600000)
BEGIN
  SELECT RAISE(ABORT, 'OVER_LIMIT');
END;

-- Mails that were not taken, with the reason: nothing that a person has sent is lost without a trace. Kept for 30 days.
CREATE TABLE mail_log (
  id INTEGER PRIMARY KEY,
  received_at INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('refused', 'ignored')),   -- refused: the sender was told why
  reason TEXT NOT NULL,                    -- a word
  detail TEXT NOT NULL,                    -- a sentence
  sender TEXT NOT NULL,                    -- of the envelope
  recipient TEXT NOT NULL,
  author TEXT,                             -- From, as it stands in the mail
  subject TEXT,
  message_id TEXT,
  size INTEGER NOT NULL                    -- bytes
) STRICT;

-- Folding -------------------------------------------------------------------------------------------------------

-- How people, projects and categories are found: their names as the Worker folds them.
ALTER TABLE users ADD COLUMN first_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN last_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN username_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN email_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN search_text TEXT NOT NULL GENERATED ALWAYS AS
  (first_folded || ' ' || last_folded || char(10) || username_folded || char(10) || email_folded) VIRTUAL;
ALTER TABLE projects ADD COLUMN search_text TEXT NOT NULL DEFAULT '';   -- name, line break, key
ALTER TABLE categories ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
ALTER TABLE subcategories ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
UPDATE categories SET search_text = lower(name);   -- the clock folds what is beyond ASCII

-- The words of people's names, for those who look for somebody's tickets. Addresses and usernames have indexes.
CREATE TABLE user_words (
  word TEXT NOT NULL,
  user_id INTEGER NOT NULL REFERENCES users (id),
  PRIMARY KEY (word, user_id)
) STRICT, WITHOUT ROWID;

-- How far the clock has come with folding what was written by an earlier version: of desk/fold/mod.rs, of a table (see
-- store/folding.rs), and of the table's rows. Who folds differently raises the version there.
CREATE TABLE folding (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL DEFAULT 0,
  step INTEGER NOT NULL DEFAULT 0,
  after_id INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO folding (id) VALUES (1);

-- Access ------------------------------------------------------------------------------------------------------

-- Sign-ins to this account that have failed of late, as a JSON list of moments, the newest first: signing in clears it
-- in the row that it writes anyway. Those at names that nobody has are in login_attempts.
ALTER TABLE users ADD COLUMN failed_sign_ins TEXT NOT NULL DEFAULT '[]';

-- Who has administered what, and who has signed in. `id` is the moment in microseconds, or one more than the last one's:
-- entries of a time are found by it, and one row without an index is all that an entry writes.
CREATE TABLE audit_log (
  id INTEGER PRIMARY KEY,
  actor_id INTEGER REFERENCES users (id),  -- NULL: nobody was signed in
  api_key_id INTEGER,                      -- the key that it was done with
  action TEXT NOT NULL,
  target_id INTEGER,                       -- of the kind that the action names
  address TEXT NOT NULL,                   -- of the network
  details TEXT NOT NULL DEFAULT '{}'       -- JSON: no secrets, and no text that somebody wrote
) STRICT;

-- Nothing in it is ever changed, and nothing that is younger than 400 days deleted, whoever asks for it. An insertion
-- that replaces a row deletes it without asking a trigger for deletions: entries are only ever added at the end.
CREATE TRIGGER audit_log_is_appended
BEFORE INSERT ON audit_log
WHEN NEW.id <= (SELECT max(id) FROM audit_log)
BEGIN
  SELECT RAISE(ABORT, 'APPEND_ONLY');
END;
CREATE TRIGGER audit_log_is_unchanged
BEFORE UPDATE ON audit_log
BEGIN
  SELECT RAISE(ABORT, 'APPEND_ONLY');
END;
CREATE TRIGGER audit_log_is_kept
BEFORE DELETE ON audit_log
WHEN OLD.id >= (unixepoch() - 34560000) * 1000000
BEGIN
  SELECT RAISE(ABORT, 'APPEND_ONLY');
END;

-- Keys of programs. Only their SHA-256 is kept. Their end deletes the row: the audit log tells of it.
CREATE TABLE api_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: the audit log names it
  uid TEXT NOT NULL UNIQUE,
  user_id INTEGER NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  hint TEXT NOT NULL,                      -- how the key ends
  role TEXT NOT NULL CHECK (role IN ('customer', 'agent', 'manager', 'admin')),   -- what it may do at most
  owner_role TEXT NOT NULL,                -- the owner's role when it was made: with another one it is dead
  scopes TEXT NOT NULL CHECK (json_valid(scopes)),    -- sorted JSON array
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER                     -- by the hour
) STRICT;
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- The second factor of a sign-in. The secret is not kept: it is derived from the salt by the secret of the desk.
CREATE TABLE second_factors (
  user_id INTEGER PRIMARY KEY REFERENCES users (id),
  salt TEXT NOT NULL,
  confirmed_at INTEGER,                    -- NULL: set up, and asked for by no sign-in yet
  last_step INTEGER NOT NULL DEFAULT 0,    -- the time step of the last code: no code is taken twice
  recovery_codes TEXT NOT NULL DEFAULT '[]'   -- keyed hashes of those that have not been used
) STRICT;
ALTER TABLE users ADD COLUMN two_factor INTEGER NOT NULL DEFAULT 0 CHECK (two_factor IN (0, 1));   -- it is confirmed
ALTER TABLE settings ADD COLUMN require_two_factor TEXT NOT NULL DEFAULT 'off'
  CHECK (require_two_factor IN ('off', 'staff', 'all'));

-- People of a ticket who are known by their address: where a mail asked for the answers to its sender to be sent, and who
-- is in copy. Public answers of staff are mailed to who is in copy; who has left is mailed no more, and stays here so that
-- no other mail puts the address in copy again.
CREATE TABLE ticket_addresses (
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  kind TEXT NOT NULL CHECK (kind IN ('reply_to', 'cc')),
  address TEXT NOT NULL,                   -- in lower case
  name TEXT NOT NULL DEFAULT '',
  added_at INTEGER NOT NULL,
  left_at INTEGER,                         -- the person wants no copies
  PRIMARY KEY (ticket_id, kind, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_addresses_left ON ticket_addresses (address) WHERE left_at IS NOT NULL;

-- Links between tickets: each is one row, which both ends see.
CREATE TABLE ticket_links (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: what is deleted by its id is never another link
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  type TEXT NOT NULL CHECK (type IN ('relates', 'duplicates', 'blocks', 'parent')),   -- what ticket_id is to other_id
  other_id INTEGER NOT NULL REFERENCES tickets (id) CHECK (other_id <> ticket_id),
  created_by INTEGER REFERENCES users (id),   -- NULL: the desk itself, because of a mail
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX ticket_links_once ON ticket_links (ticket_id, other_id, type);
CREATE INDEX ticket_links_back ON ticket_links (other_id);

-- Objects of the file store that a change has made superfluous: the originals of mails whose text was edited or deleted.
-- The clock deletes them, and then their rows.
CREATE TABLE object_removals (
  key TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Following tickets ---------------------------------------------------------------------------------------------

-- People who are told of a ticket as its assignee is. Whoever sees the ticket no longer loses the row.
CREATE TABLE ticket_watchers (
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  user_id INTEGER NOT NULL REFERENCES users (id),
  added_by INTEGER REFERENCES users (id),  -- NULL: it came by a merge
  added_at INTEGER NOT NULL,
  PRIMARY KEY (ticket_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_watchers_by_user ON ticket_watchers (user_id, ticket_id);   -- what a person loses

-- Tickets that were merged into others. Their messages and files are at the survivor; they themselves are closed, and
-- what still comes for them by mail is led there.
CREATE TABLE ticket_merges (
  merged_id INTEGER PRIMARY KEY REFERENCES tickets (id),
  survivor_id INTEGER NOT NULL REFERENCES tickets (id),   -- where everything is now: the end of the chain
  into_id INTEGER NOT NULL REFERENCES tickets (id),       -- what it was merged into, and may have been merged itself since
  requester_id INTEGER NOT NULL REFERENCES users (id),    -- of the merged ticket: may read what is public at the survivor
  moved TEXT NOT NULL,                     -- JSON: what undoing the merge puts back (store/tickets/relations/merges.rs)
  merged_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_merges_by_survivor ON ticket_merges (survivor_id, requester_id);

-- How far a person has read a ticket, in the count of events that this person sees.
CREATE TABLE ticket_seen (
  user_id INTEGER NOT NULL REFERENCES users (id),
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  seq INTEGER NOT NULL,
  PRIMARY KEY (user_id, ticket_id)
) STRICT, WITHOUT ROWID;

-- The desk's own tools -------------------------------------------------------------------------------------------

-- What the desk wants to know of its tickets beyond what every ticket has. Key, type and project never change; a field
-- that is not active is hidden, and its values stay in the tickets. Few rows: no index but that of the key.
CREATE TABLE custom_fields (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  key TEXT NOT NULL UNIQUE,                -- the name in tickets.custom_fields, in facets, history and rules
  name TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('text', 'number', 'boolean', 'date', 'select', 'multi_select')),
  options TEXT NOT NULL DEFAULT '[]',      -- JSON list of texts
  project_id INTEGER,                      -- NULL: tickets of every project, and of none
  required_on TEXT NOT NULL DEFAULT 'none' CHECK (required_on IN ('none', 'create', 'resolve')),
  visible_to TEXT NOT NULL DEFAULT 'staff' CHECK (visible_to IN ('staff', 'all')),
  position INTEGER NOT NULL DEFAULT 0,
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER custom_fields_version
BEFORE UPDATE OF version ON custom_fields
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- What is searched of a ticket's custom fields: {"all", "staff"}; NULL: nothing. Each value is also a facet,
-- 'c:<key>:<value>'.
ALTER TABLE tickets ADD COLUMN custom_index TEXT;

-- Texts and actions that staff apply to a ticket at once. Few rows: they are read as a whole.
CREATE TABLE macros (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: an old link leads to nothing, not to another
  uid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  body TEXT,                               -- with placeholders; NULL: nothing is said
  is_internal INTEGER NOT NULL DEFAULT 0 CHECK (is_internal IN (0, 1)),
  actions TEXT NOT NULL DEFAULT '[]',      -- as those of workflows
  shared INTEGER NOT NULL DEFAULT 0 CHECK (shared IN (0, 1)),
  owner_id INTEGER NOT NULL REFERENCES users (id),
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER macros_version
BEFORE UPDATE OF version ON macros
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- Saved filters and orders of the list of tickets. Those with the ids 1 to 5 come with the desk and stay as they are.
CREATE TABLE views (
  id INTEGER PRIMARY KEY AUTOINCREMENT,    -- never given again: an old link leads to nothing, not to another
  uid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  filter TEXT NOT NULL,                    -- {"status": ["open"], "assignee": "me"}: parameters of the list
  sort TEXT,                               -- NULL: the list's own order
  reader_id INTEGER NOT NULL,              -- who sees it; 0: all of the staff
  owner_id INTEGER REFERENCES users (id),  -- NULL: it came with the desk
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX views_by_reader ON views (reader_id);
CREATE TRIGGER views_version
BEFORE UPDATE OF version ON views
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;
INSERT INTO views (id, uid, name, filter, reader_id, created_at, updated_at) VALUES
  (1, '01936c6e-2c00-7000-8000-000000000011', 'My tickets', '{"assignee":"me","status":["open","assigned","in_progress","waiting","blocked","reopened"]}', 0, 1735689600000, 1735689600000),
  (2, '01936c6e-2c00-7000-8000-000000000012', 'Unassigned', '{"assignee":"none","status":["open","assigned","in_progress","waiting","blocked","reopened"]}', 0, 1735689600000, 1735689600000),
  (3, '01936c6e-2c00-7000-8000-000000000013', 'Overdue', '{"overdue":true}', 0, 1735689600000, 1735689600000),
  (4, '01936c6e-2c00-7000-8000-000000000014', 'Waiting', '{"status":["waiting"]}', 0, 1735689600000, 1735689600000),
  (5, '01936c6e-2c00-7000-8000-000000000015', 'All tickets', '{}', 0, 1735689600000, 1735689600000);

-- What requesters say of the outcome of their tickets: once for each resolution. Reports find it by the ticket.
CREATE TABLE ratings (
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  resolved_at INTEGER NOT NULL,            -- of the resolution that is rated
  score INTEGER NOT NULL CHECK (score BETWEEN 1 AND 5),
  comment TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (ticket_id, resolved_at)
) STRICT, WITHOUT ROWID;

-- Imported rows ---------------------------------------------------------------------------------------------------

-- What a row of a file was called where it comes from: a row that is imported again is known by it.
ALTER TABLE tickets ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX tickets_external ON tickets (external_id) WHERE external_id IS NOT NULL;
ALTER TABLE users ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX users_external ON users (external_id) WHERE external_id IS NOT NULL;
