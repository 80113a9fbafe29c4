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
