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

-- What goes to an endpoint, in the order of ids: the first that is pending goes, and holds back the others.
CREATE TABLE webhook_deliveries (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  repeats TEXT,                            -- the uid of the delivery that somebody has sent again: the receiver knows it by that
  webhook_id INTEGER NOT NULL,
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
  delivered_at INTEGER
) STRICT;
CREATE INDEX webhook_deliveries_by_hook ON webhook_deliveries (webhook_id);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook_id, state);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at);

CREATE TRIGGER webhook_deliveries_due
AFTER INSERT ON webhook_deliveries
BEGIN
  INSERT OR IGNORE INTO due (what, id) VALUES ('hook', NEW.webhook_id);
END;

-- What is to be tried earlier than it was: somebody has looked after the endpoint.
CREATE TRIGGER webhook_deliveries_hastened
AFTER UPDATE OF next_attempt_at ON webhook_deliveries
WHEN NEW.state = 'pending' AND NEW.next_attempt_at < OLD.next_attempt_at
BEGIN
  INSERT OR IGNORE INTO due (what, id) VALUES ('hook', NEW.webhook_id);
END;

-- Every event goes to whoever listens to its type: `ticket_created` is `ticket.created`, `assigned` is
-- `ticket.assigned`. What is internal goes only where that is wanted.
CREATE TRIGGER events_webhooks
AFTER INSERT ON events
WHEN EXISTS (SELECT 1 FROM webhooks WHERE is_active = 1)
BEGIN
  INSERT INTO webhook_deliveries (uid, webhook_id, type, ticket_id, event_id, next_attempt_at, created_at)
  SELECT lower(printf('%08x-%04x-7%s-%s-%s', NEW.created_at >> 16, NEW.created_at & 65535, substr(hex(randomblob(2)), 2),
      substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2), hex(randomblob(6)))),
    h.id, k.type, NEW.ticket_id, NEW.id, NEW.created_at, NEW.created_at
  FROM (SELECT iif(substr(NEW.type, 1, instr(NEW.type, '_') - 1) IN ('ticket', 'message', 'attachment', 'sla'),
      substr(NEW.type, 1, instr(NEW.type, '_') - 1) || '.' || substr(NEW.type, instr(NEW.type, '_') + 1),
      'ticket.' || NEW.type) AS type) k
  JOIN webhooks h
  WHERE h.is_active = 1 AND (h.include_internal = 1 OR NEW.public_seq IS NOT NULL)
    AND EXISTS (SELECT 1 FROM json_each(h.events) WHERE value IN ('*', k.type));
END;

-- What waits for an endpoint that is switched off goes nowhere any more; somebody may send it again.
CREATE TRIGGER webhooks_switched_off
AFTER UPDATE OF is_active ON webhooks
WHEN NEW.is_active = 0 AND OLD.is_active = 1
BEGIN
  UPDATE webhook_deliveries SET state = 'cancelled' WHERE webhook_id = NEW.id AND state = 'pending';
END;
CREATE TRIGGER webhooks_deleted
AFTER DELETE ON webhooks
BEGIN
  UPDATE webhook_deliveries SET state = 'cancelled' WHERE webhook_id = OLD.id AND state = 'pending';
END;

-- An endpoint that is to hear of nothing internal any more does not get what waits for it either: internal events
-- are called off, and the bodies of others are made anew.
CREATE TRIGGER webhooks_less_internal
AFTER UPDATE OF include_internal ON webhooks
WHEN NEW.include_internal = 0 AND OLD.include_internal = 1
BEGIN
  UPDATE webhook_deliveries SET state = 'cancelled' WHERE webhook_id = NEW.id AND state = 'pending'
    AND (SELECT public_seq IS NULL FROM events WHERE id = event_id);
  UPDATE webhook_deliveries SET body = NULL, is_internal = 0 WHERE webhook_id = NEW.id AND state = 'pending';
END;

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
