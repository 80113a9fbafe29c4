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

