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
  author_id INTEGER NOT NULL REFERENCES users (id),   -- who made the rule: its notes stand under this name
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX workflows_by_position ON workflows (position, id);

CREATE TRIGGER workflows_version
BEFORE UPDATE OF version ON workflows
WHEN NEW.version <> OLD.version + 1
BEGIN
  SELECT RAISE(ABORT, 'STALE_VERSION');
END;

-- What rules did, and why they could not. Not tied to its rule by a foreign key: the record outlives it until
-- the clock clears it away.
CREATE TABLE workflow_runs (
  id INTEGER PRIMARY KEY,
  workflow_id INTEGER NOT NULL,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id),
  event TEXT NOT NULL,                     -- what was heard, such as status_changed
  outcome TEXT NOT NULL CHECK (outcome IN ('acted', 'broken')),
  details TEXT NOT NULL DEFAULT '[]',      -- [{"type","outcome","reason"}], or the mistakes of a broken rule
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX workflow_runs_by_rule ON workflow_runs (workflow_id);
CREATE INDEX workflow_runs_by_time ON workflow_runs (created_at);
CREATE INDEX workflow_runs_broken ON workflow_runs (workflow_id, created_at) WHERE outcome = 'broken';

-- The Worker keeps the active rules parsed, with the categories and people that they name; every request that
-- changes a ticket reads this number beside the settings, and rules of another number are read anew.
ALTER TABLE settings ADD COLUMN workflows_version INTEGER NOT NULL DEFAULT 1;

CREATE TRIGGER workflows_inserted
AFTER INSERT ON workflows
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;
CREATE TRIGGER workflows_updated
AFTER UPDATE ON workflows
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;
CREATE TRIGGER workflows_deleted
AFTER DELETE ON workflows
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;
CREATE TRIGGER workflows_categories_inserted
AFTER INSERT ON categories
WHEN EXISTS (SELECT 1 FROM workflows)
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;
CREATE TRIGGER workflows_categories_updated
AFTER UPDATE OF slug, is_active ON categories
WHEN (NEW.slug <> OLD.slug OR NEW.is_active <> OLD.is_active) AND EXISTS (SELECT 1 FROM workflows)
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;
-- Customers count when a rule names them by their address.
CREATE TRIGGER workflows_people_inserted
AFTER INSERT ON users
WHEN EXISTS (SELECT 1 FROM workflows WHERE instr(lower(conditions), NEW.email_key))
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;
CREATE TRIGGER workflows_people_updated
AFTER UPDATE OF first_name, last_name, username, avatar_url, email, role, is_active ON users
WHEN (NEW.card <> OLD.card OR NEW.email <> OLD.email OR NEW.is_active <> OLD.is_active)
  AND EXISTS (SELECT 1 FROM workflows WHERE NEW.role <> 'customer' OR OLD.role <> 'customer'
    OR instr(lower(conditions), NEW.email_key) OR instr(lower(conditions), OLD.email_key))
BEGIN
  UPDATE settings SET workflows_version = workflows_version + 1 WHERE id = 1;
END;
