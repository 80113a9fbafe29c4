-- What goes out ------------------------------------------------------------------------------------------------

-- An address is mailed only after its owner has shown that it is theirs, or staff have vouched for it.
ALTER TABLE users ADD COLUMN email_verified_at INTEGER;
-- The address that a reset link was mailed to, in lower case: whoever uses the link reads its mail.
ALTER TABLE password_resets ADD COLUMN mailed_to TEXT;

-- What people have been told, one row for each and event.
CREATE TABLE notifications (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  user_id INTEGER NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL CHECK (kind IN
    ('assigned', 'transferred', 'reply', 'mention', 'status', 'sla_at_risk', 'sla_breached', 'rule', 'system')),
  ticket_id INTEGER REFERENCES tickets (id),
  event_id INTEGER REFERENCES events (id),
  message TEXT,                            -- the words of a rule, or of the desk itself
  created_at INTEGER NOT NULL,
  read_at INTEGER
) STRICT;
CREATE INDEX notifications_by_user ON notifications (user_id);
CREATE INDEX notifications_by_kind ON notifications (user_id, kind);
CREATE INDEX notifications_unread ON notifications (user_id) WHERE read_at IS NULL;
CREATE UNIQUE INDEX notifications_by_event ON notifications (user_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX notifications_by_time ON notifications (created_at);

-- How somebody wants to be told of a kind; without a row, in both ways.
CREATE TABLE notification_preferences (
  user_id INTEGER NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  live INTEGER NOT NULL CHECK (live IN (0, 1)),
  email INTEGER NOT NULL CHECK (email IN (0, 1)),
  PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;

-- Mails to be sent, and what became of them. What they say is made when they are sent, from what may be said then.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  user_id INTEGER NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,                      -- of a notification, or 'digest', 'password_reset', 'verify_email'
  ticket_id INTEGER REFERENCES tickets (id),
  event_id INTEGER REFERENCES events (id),
  message TEXT,
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN
    ('pending',                            -- to be sent
     'held',                               -- the hour is full: it waits for a digest
     'digested',                           -- a digest has told of it
     'sent', 'dropped',                    -- dropped: there was no longer anybody to tell, or anything
     'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  lease_until INTEGER NOT NULL DEFAULT 0,  -- somebody is sending it until then
  next_attempt_at INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  digest_id INTEGER REFERENCES outbox (id), -- the digest that tells of it
  created_at INTEGER NOT NULL,
  done_at INTEGER
) STRICT;
CREATE UNIQUE INDEX outbox_by_event ON outbox (user_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX outbox_pending ON outbox (next_attempt_at) WHERE state = 'pending';
CREATE INDEX outbox_held ON outbox (user_id, ticket_id) WHERE state = 'held';
CREATE INDEX outbox_of_ticket ON outbox (user_id, ticket_id);
CREATE INDEX outbox_digested ON outbox (digest_id) WHERE digest_id IS NOT NULL;
CREATE INDEX outbox_by_user ON outbox (user_id, kind, created_at);
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;

-- `INSERT INTO notify ...` tells somebody something, in the ways they want. Nobody is told twice of one event; a
-- mention says more than a reply. A uid is a UUIDv7 (RFC 9562, section 5.7), made of the time and of chance.
CREATE VIEW notify AS
  SELECT 0 AS user_id, '' AS kind, 0 AS ticket_id, 0 AS event_id, '' AS message, 0 AS at;
CREATE TRIGGER notify_insert
INSTEAD OF INSERT ON notify
BEGIN
  -- The id stands among those of the events times 1024: what a person hears is in one order.
  INSERT INTO notifications (id, uid, user_id, kind, ticket_id, event_id, message, created_at)
  SELECT 1 + max(1024 * coalesce((SELECT max(id) FROM events), 0), coalesce((SELECT max(id) FROM notifications), 0)),
    lower(printf('%08x-%04x-7%s-%s-%s', NEW.at >> 16, NEW.at & 65535, substr(hex(randomblob(2)), 2),
      substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2), hex(randomblob(6)))),
    u.id, NEW.kind, NEW.ticket_id, NEW.event_id, NEW.message, NEW.at
  FROM users u LEFT JOIN notification_preferences p ON p.user_id = u.id AND p.kind = NEW.kind
  WHERE u.id = NEW.user_id AND u.is_active = 1 AND coalesce(p.live, 1) = 1
  ON CONFLICT (user_id, event_id) WHERE event_id IS NOT NULL DO UPDATE SET kind = 'mention'
    WHERE excluded.kind = 'mention';
  INSERT INTO outbox (uid, user_id, kind, ticket_id, event_id, message, created_at)
  SELECT lower(printf('%08x-%04x-7%s-%s-%s', NEW.at >> 16, NEW.at & 65535, substr(hex(randomblob(2)), 2),
      substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2), hex(randomblob(6)))),
    u.id, NEW.kind, NEW.ticket_id, NEW.event_id, NEW.message, NEW.at
  FROM users u LEFT JOIN notification_preferences p ON p.user_id = u.id AND p.kind = NEW.kind
  WHERE u.id = NEW.user_id AND u.is_active = 1 AND u.email_verified_at IS NOT NULL AND coalesce(p.email, 1) = 1
  ON CONFLICT (user_id, event_id) WHERE event_id IS NOT NULL DO UPDATE SET kind = 'mention'
    WHERE excluded.kind = 'mention';
END;

-- Who is told of an event: whoever it is now assigned to, the requester and the assignee of what others say and of
-- the status, and of the promises the assignee, or else the managers, or else the admins. Nobody is told of what
-- they did themselves, customers never of what is internal. A status that follows from somebody's message is told
-- by the message.
CREATE TRIGGER events_notify_assignee
AFTER INSERT ON events
WHEN instr(NEW.changes, '"assignee"')
BEGIN
  INSERT INTO notify (user_id, kind, ticket_id, event_id, message, at)
  SELECT json_extract(c.value, '$.to.id'), iif(NEW.type = 'transferred', 'transferred', 'assigned'), NEW.ticket_id, NEW.id, NULL, NEW.created_at
  FROM json_each(NEW.changes) c
  WHERE json_extract(c.value, '$.field') = 'assignee' AND json_extract(c.value, '$.to.id') IS NOT NULL
    AND json_extract(c.value, '$.to.id') IS NOT NEW.actor_id;
END;
CREATE TRIGGER events_notify_message
AFTER INSERT ON events
WHEN NEW.type = 'message_added' AND NEW.actor_id IS NOT NULL
BEGIN
  INSERT INTO notify (user_id, kind, ticket_id, event_id, message, at)
  SELECT p.id, 'reply', NEW.ticket_id, NEW.id, NULL, NEW.created_at
  FROM tickets t JOIN users p ON p.id IN (t.assignee_id, t.requester_id)
  WHERE t.id = NEW.ticket_id AND p.id <> NEW.actor_id AND (NEW.public_seq IS NOT NULL OR p.role <> 'customer');
END;
CREATE TRIGGER events_notify_status
AFTER INSERT ON events
WHEN NEW.type <> 'ticket_created' AND instr(NEW.changes, '"status"')
  AND EXISTS (SELECT 1 FROM json_each(NEW.changes) WHERE json_extract(value, '$.field') = 'status')
  AND NOT EXISTS (SELECT 1 FROM events e WHERE e.ticket_id = NEW.ticket_id AND e.seq = NEW.seq - 1
    AND e.type = 'message_added' AND e.actor_id = NEW.actor_id AND e.created_at = NEW.created_at)
BEGIN
  INSERT INTO notify (user_id, kind, ticket_id, event_id, message, at)
  SELECT p.id, 'status', NEW.ticket_id, NEW.id, NULL, NEW.created_at
  FROM tickets t JOIN users p ON p.id IN (t.assignee_id, t.requester_id)
  WHERE t.id = NEW.ticket_id AND p.id IS NOT NEW.actor_id AND (NEW.public_seq IS NOT NULL OR p.role <> 'customer')
    AND NOT EXISTS (SELECT 1 FROM json_each(NEW.changes) WHERE json_extract(value, '$.field') = 'assignee' AND json_extract(value, '$.to.id') = p.id);
END;
CREATE TRIGGER events_notify_promise
AFTER INSERT ON events
WHEN NEW.type IN ('sla_at_risk', 'sla_breached')
BEGIN
  INSERT INTO notify (user_id, kind, ticket_id, event_id, message, at)
  SELECT t.assignee_id, NEW.type, NEW.ticket_id, NEW.id, NULL, NEW.created_at
  FROM tickets t WHERE t.id = NEW.ticket_id AND t.assignee_id IS NOT NULL;
  INSERT INTO notify (user_id, kind, ticket_id, event_id, message, at)
  SELECT p.id, NEW.type, NEW.ticket_id, NEW.id, NULL, NEW.created_at
  -- the + keeps SQLite from walking everybody who is active
  FROM tickets t JOIN users p ON +p.is_active = 1 AND p.role <> 'customer' AND p.role =
    iif(EXISTS (SELECT 1 FROM users WHERE role = 'manager' AND role <> 'customer' AND +is_active = 1), 'manager', 'admin')
  WHERE t.id = NEW.ticket_id AND t.assignee_id IS NULL;
END;

-- A new address is asked to confirm itself, once.
CREATE TRIGGER users_verify_new
AFTER INSERT ON users
WHEN NEW.email_verified_at IS NULL AND NEW.password_hash IS NOT NULL
BEGIN
  INSERT INTO outbox (uid, user_id, kind, created_at)
  VALUES (lower(printf('%08x-%04x-7%s-%s-%s', NEW.created_at >> 16, NEW.created_at & 65535, substr(hex(randomblob(2)), 2),
    substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2), hex(randomblob(6)))), NEW.id, 'verify_email', NEW.created_at);
END;
CREATE TRIGGER users_verify_changed
AFTER UPDATE OF email_key ON users
WHEN NEW.email_key <> OLD.email_key
BEGIN
  UPDATE users SET email_verified_at = NULL WHERE id = NEW.id;
  INSERT INTO outbox (uid, user_id, kind, created_at)
  SELECT lower(printf('%08x-%04x-7%s-%s-%s', NEW.updated_at >> 16, NEW.updated_at & 65535, substr(hex(randomblob(2)), 2),
    substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2), hex(randomblob(6)))), NEW.id, 'verify_email', NEW.updated_at
  WHERE NEW.is_active = 1;
END;
