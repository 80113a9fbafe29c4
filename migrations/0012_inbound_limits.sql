-- What comes in: how much -------------------------------------------------------------------------------------------

-- The domain of the sending server's sender, in lower case; empty where the mail is proven to be from where it says.
ALTER TABLE inbound_mails ADD COLUMN domain TEXT NOT NULL DEFAULT '';
CREATE INDEX inbound_mails_opened_by_time ON inbound_mails (received_at, domain) WHERE opened = 1;

-- In an hour one address opens at most 20 tickets, one domain that proves nothing 100, and everybody together 600,
-- however many mails arrive at the same moment.
DROP TRIGGER inbound_mails_limit;
CREATE TRIGGER inbound_mails_limit
BEFORE INSERT ON inbound_mails
WHEN NEW.opened = 1 AND (
  (SELECT count(*) FROM inbound_mails
    WHERE sender = NEW.sender AND opened = 1 AND received_at > NEW.received_at - 3600000) >= 20
  OR (SELECT count(*) >= 600 OR (NEW.domain <> '' AND total(domain = NEW.domain) >= 100) FROM inbound_mails
    WHERE opened = 1 AND received_at > NEW.received_at - 3600000))
BEGIN
  SELECT RAISE(ABORT, 'OVER_LIMIT');
END;
