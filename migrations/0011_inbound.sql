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
