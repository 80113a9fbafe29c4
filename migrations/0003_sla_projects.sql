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

