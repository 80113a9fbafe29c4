-- The clock ----------------------------------------------------------------------------------------------------

-- How far the desk has been warned of a promise: 0 not at all, 1 that it is at risk, 2 that it is broken. It only
-- rises, whatever becomes of the due time, so each warning is given once; a broken promise is at risk no more.
ALTER TABLE tickets ADD COLUMN response_alert INTEGER NOT NULL DEFAULT 0 CHECK (response_alert BETWEEN 0 AND 2);
ALTER TABLE tickets ADD COLUMN resolution_alert INTEGER NOT NULL DEFAULT 0 CHECK (resolution_alert BETWEEN 0 AND 2);
ALTER TABLE tickets ADD COLUMN alerted_at INTEGER;   -- the last time
-- What was late before there were warnings is no news.
UPDATE tickets SET response_alert = 2
  WHERE first_response_due_at < unixepoch() * 1000 AND first_responded_at IS NULL AND resolved_at IS NULL;
UPDATE tickets SET resolution_alert = 2 WHERE resolution_due_at < unixepoch() * 1000 AND resolved_at IS NULL;



-- When the clock must look at a ticket next: a promise is at risk or broken, or its due time has passed and it is not
-- marked as overdue. Nothing for what is resolved or deleted. The clock of a solution stands still while a ticket is
-- paused; what was broken before stays broken.
ALTER TABLE tickets ADD COLUMN alarm_at INTEGER GENERATED ALWAYS AS (CASE WHEN deleted_at IS NULL AND resolved_at IS NULL THEN
  nullif(min(
    coalesce(CASE WHEN first_responded_at IS NULL AND response_alert < 2 THEN
      iif(response_alert = 0 AND first_response_risk_at <= first_response_due_at, first_response_risk_at, first_response_due_at + 1) END,
      9007199254740991),
    coalesce(CASE WHEN resolution_alert < 2 AND (paused_at IS NULL OR paused_at > resolution_due_at) THEN
      iif(resolution_alert = 0 AND resolution_risk_at <= resolution_due_at, resolution_risk_at, resolution_due_at + 1)
      WHEN is_overdue = 0 AND paused_at IS NULL THEN resolution_due_at + 1 END,
      9007199254740991)), 9007199254740991) END) VIRTUAL;
CREATE INDEX tickets_by_alarm ON tickets (alarm_at) WHERE alarm_at IS NOT NULL;

-- How far the rules on a schedule have come. A run walks the unresolved tickets from the newest down and remembers the
-- last one that it has dealt with, in the batch of what it did there: nothing is done twice, and nothing is left out
-- when a run is cut short. (0, 0) is the end of a run.
CREATE TABLE schedules (
  workflow_id INTEGER PRIMARY KEY,
  started_at INTEGER NOT NULL,
  before_at INTEGER NOT NULL,              -- created_at of the last ticket
  before_id INTEGER NOT NULL               -- and its id
) STRICT;
CREATE INDEX workflows_on_schedule ON workflows (position, id)
  WHERE is_active = 1 AND json_extract(trigger, '$.on') = 'schedule';
