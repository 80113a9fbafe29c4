-- What comes in ---------------------------------------------------------------------------------------------------

-- Mails that have been taken, so that none is taken twice: a mail server that heard no answer sends again. Kept for
-- 30 days.
CREATE TABLE inbound_mails (
  key TEXT PRIMARY KEY,                    -- a hash of the sender and the Message-ID
  sender TEXT NOT NULL,                    -- the address in lower case
  domain TEXT NOT NULL DEFAULT '',         -- of the sending server's sender, in lower case; empty where the sender is proven
  opened INTEGER NOT NULL CHECK (opened IN (0, 1)),  -- it opened a ticket
  received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inbound_mails_opened ON inbound_mails (received_at, domain, sender) WHERE opened = 1;

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
