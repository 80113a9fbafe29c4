-- What comes in ---------------------------------------------------------------------------------------------------

-- Mails that have been taken, so that none is taken twice: a mail server that heard no answer sends again. Kept for
-- 30 days.
CREATE TABLE inbound_mails (
  key TEXT PRIMARY KEY,                    -- a hash of the sender and the Message-ID
  sender TEXT NOT NULL,                    -- the address in lower case
  opened INTEGER NOT NULL CHECK (opened IN (0, 1)),  -- it opened a ticket
  received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inbound_mails_opened ON inbound_mails (sender, received_at) WHERE opened = 1;
CREATE INDEX inbound_mails_by_time ON inbound_mails (received_at);

-- One address opens at most 20 tickets in an hour, however many mails arrive at the same moment.
CREATE TRIGGER inbound_mails_limit
BEFORE INSERT ON inbound_mails
WHEN NEW.opened = 1 AND (SELECT count(*) FROM inbound_mails
  WHERE sender = NEW.sender AND opened = 1 AND received_at > NEW.received_at - 3600000) >= 20
BEGIN
  SELECT RAISE(ABORT, 'OVER_LIMIT');
END;
