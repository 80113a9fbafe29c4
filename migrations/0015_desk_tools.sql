-- The tools that a desk sets up for itself: custom fields of tickets, macros, views and ratings.

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
