-- Live rooms ---------------------------------------------------------------------------------------------------

-- The objects that have sockets: 'ticket:5' is the room of a ticket, 'user:7' somebody who listens to all that
-- concerns them. Each renews its row while it has sockets, and takes it away with the last one; a row that has run out
-- is that of an object which has died. Where nobody listens, nothing is written below.
CREATE TABLE listeners (
  object TEXT PRIMARY KEY,
  user_id INTEGER REFERENCES users (id),   -- of 'user:7'
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX listeners_people ON listeners (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX listeners_by_time ON listeners (until);

-- What people who listen are to hear, in the order of its numbers, which are never given twice.
CREATE TABLE feed (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id INTEGER NOT NULL REFERENCES users (id),
  event_id INTEGER REFERENCES events (id),
  notification_id INTEGER,                 -- a notice of that person
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX feed_by_user ON feed (user_id, id);
CREATE UNIQUE INDEX feed_by_event ON feed (event_id, user_id) WHERE event_id IS NOT NULL;
CREATE INDEX feed_by_time ON feed (created_at);

CREATE TRIGGER feed_due
AFTER INSERT ON feed
BEGIN
  INSERT OR IGNORE INTO due (what, id) VALUES ('user', NEW.user_id);
END;

-- An event is heard in the room of its ticket.
CREATE TRIGGER events_room
AFTER INSERT ON events
WHEN EXISTS (SELECT 1 FROM listeners WHERE object = 'ticket:' || NEW.ticket_id AND until > NEW.created_at)
BEGIN
  INSERT OR IGNORE INTO due (what, id) VALUES ('room', NEW.ticket_id);
END;

-- And by whom it concerns: the requester, the assignee and the one before; what is nobody's concerns the agents who may
-- take it. Whether they may still see the ticket is decided when they are told.
CREATE TRIGGER events_feed
AFTER INSERT ON events
WHEN EXISTS (SELECT 1 FROM listeners WHERE user_id IS NOT NULL)
BEGIN
  INSERT OR IGNORE INTO feed (user_id, event_id, created_at)
  SELECT u.id, NEW.id, NEW.created_at
  FROM tickets t JOIN users u ON u.id IN (t.requester_id, t.assignee_id,
    (SELECT json_extract(c.value, '$.from.id') FROM json_each(NEW.changes) c WHERE json_extract(c.value, '$.field') = 'assignee'))
  JOIN listeners l ON l.object = 'user:' || u.id AND l.until > NEW.created_at
  WHERE t.id = NEW.ticket_id AND (NEW.public_seq IS NOT NULL OR u.role <> 'customer');
  INSERT OR IGNORE INTO feed (user_id, event_id, created_at)
  SELECT u.id, NEW.id, NEW.created_at
  FROM tickets t JOIN settings s ON s.id = 1 JOIN listeners l ON l.user_id IS NOT NULL AND l.until > NEW.created_at
  JOIN users u ON u.id = l.user_id AND u.role = 'agent'
  WHERE t.id = NEW.ticket_id AND t.assignee_id IS NULL AND (s.agent_scope <> 'category'
    OR EXISTS (SELECT 1 FROM agent_categories WHERE user_id = u.id AND category_id = t.category_id)
    OR NOT EXISTS (SELECT 1 FROM agent_categories WHERE user_id = u.id));
END;

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
