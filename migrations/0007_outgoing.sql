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
