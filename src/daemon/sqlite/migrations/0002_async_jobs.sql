-- Async jobs: what they were asked beside the work, the history of their states, what they leave, and whom they tell of it.
-- Immutable once released: a change is a new file.

-- The number of the last state change; 1 is `queued`.
ALTER TABLE jobs ADD COLUMN changes INTEGER NOT NULL DEFAULT 1 CHECK (changes >= 1);
ALTER TABLE jobs ADD COLUMN label TEXT;
ALTER TABLE jobs ADD COLUMN webhook_url TEXT CHECK (webhook_url IS NULL OR caller = 'none');
-- States, joined by commas.
ALTER TABLE jobs ADD COLUMN webhook_events TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN start_before_ms INTEGER CHECK (start_before_ms >= 0);
ALTER TABLE jobs ADD COLUMN finish_before_ms INTEGER CHECK (finish_before_ms >= 0);
ALTER TABLE jobs ADD COLUMN is_json INTEGER NOT NULL DEFAULT 0 CHECK (is_json IN (0, 1));
-- An id. That job may be gone.
ALTER TABLE jobs ADD COLUMN retry_of TEXT;

-- What the row still tells; the changes of voided attempts were not counted.
UPDATE jobs SET changes = 1 + (finished_at IS NOT NULL)
  + (claimed_at IS NOT NULL) * (1 + coalesce(working_at > claimed_at, 0) + (state = 'queued'));

-- The next deadlines.
CREATE INDEX start_deadlines ON jobs (created_at + start_before_ms)
  WHERE start_before_ms IS NOT NULL AND started_at IS NULL AND finished_at IS NULL;
CREATE INDEX finish_deadlines ON jobs (created_at + finish_before_ms)
  WHERE finish_before_ms IS NOT NULL AND finished_at IS NULL;

-- The list, newest first, whatever it is asked for. What has not finished is in `unfinished` and `waiting_by_model`, so that
-- a blocked call pays for two entries at its end and for none before.
CREATE INDEX finished_by_state ON jobs (state, sequence) WHERE finished_at IS NOT NULL;
CREATE INDEX finished_by_model ON jobs (normalised_model, state, sequence) WHERE finished_at IS NOT NULL;
CREATE INDEX labelled ON jobs (label, state, sequence) WHERE label IS NOT NULL;

-- State changes of async jobs; a blocked call has none here.
CREATE TABLE changes (
  sequence INTEGER NOT NULL REFERENCES jobs (sequence) ON DELETE CASCADE,
  number INTEGER NOT NULL CHECK (number >= 1),
  state TEXT NOT NULL CHECK (state IN ('queued', 'loading', 'working', 'done', 'failed', 'cancelled')),
  previous TEXT CHECK (previous IN ('queued', 'loading', 'working')),
  attempt INTEGER NOT NULL CHECK (attempt >= 0),
  at INTEGER NOT NULL,
  PRIMARY KEY (sequence, number),
  CHECK ((number = 1) = (previous IS NULL)),
  CHECK (number > 1 OR state = 'queued')
) STRICT, WITHOUT ROWID;

INSERT INTO changes (sequence, number, state, previous, attempt, at)
  SELECT sequence, 1, 'queued', NULL, 0, created_at FROM jobs WHERE caller = 'none';
INSERT INTO changes (sequence, number, state, previous, attempt, at)
  SELECT sequence, changes, state,
    CASE
      WHEN claimed_at IS NULL OR state = 'loading' THEN 'queued'
      WHEN state = 'working' THEN iif(working_at > claimed_at, 'loading', 'queued')
      ELSE iif(working_at IS NULL, 'loading', 'working')
    END,
    attempt, coalesce(finished_at, working_at, claimed_at)
  FROM jobs WHERE caller = 'none' AND changes > 1;

-- What async jobs leave. In pieces, because SQLite reads a value as a whole: any part of 64 MiB costs what the part costs.
CREATE TABLE artifacts (
  id INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL REFERENCES jobs (sequence) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (name IN ('completion', 'response')),
  content_type TEXT NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  etag TEXT NOT NULL CHECK (etag <> ''),
  UNIQUE (sequence, name)
) STRICT;

CREATE TABLE pieces (
  artifact INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
  -- From 0; all but the last are of 256 KiB.
  number INTEGER NOT NULL CHECK (number >= 0),
  body BLOB NOT NULL CHECK (length(body) BETWEEN 1 AND 262144),
  UNIQUE (artifact, number)
) STRICT;

INSERT INTO artifacts (sequence, name, content_type, bytes, etag)
  SELECT sequence, 'response', coalesce(content_type, 'application/octet-stream'), length(body), sha256(body) FROM answers;
INSERT INTO pieces (artifact, number, body)
  WITH RECURSIVE starts (artifact, number, bytes) AS (
    SELECT id, 0, bytes FROM artifacts WHERE bytes > 0
    UNION ALL
    SELECT artifact, number + 1, bytes FROM starts WHERE (number + 1) * 262144 < bytes
  )
  SELECT artifact, number, substr(body, number * 262144 + 1, 262144)
  FROM starts JOIN artifacts ON id = artifact JOIN answers USING (sequence);
DROP TABLE answers;

CREATE TABLE results (
  sequence INTEGER PRIMARY KEY REFERENCES jobs (sequence) ON DELETE CASCADE,
  -- The artifact `response` is the result.
  is_response INTEGER NOT NULL CHECK (is_response IN (0, 1)),
  -- JSON. NULL beside is_response = 0: larger than what is shown, and kept nowhere.
  body BLOB,
  CHECK (is_response = 0 OR body IS NULL)
) STRICT;

-- The outbox: which change is told, how often that was tried, when it is due. Its payload is made when it is sent.
CREATE TABLE deliveries (
  sequence INTEGER NOT NULL,
  n INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'delivered', 'given_up')),
  -- The first pending one of its job: the only one that may be sent.
  head INTEGER NOT NULL CHECK (head IN (0, 1)),
  -- host:port
  receiver TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
  reason TEXT CHECK (reason IN ('unreachable', 'timeout', 'not_accepted', 'refused_address', 'gone')),
  next_at INTEGER,
  delivered_at INTEGER,
  PRIMARY KEY (sequence, n),
  FOREIGN KEY (sequence, n) REFERENCES changes (sequence, number) ON DELETE CASCADE,
  CHECK ((next_at IS NOT NULL) = (status = 'pending')),
  CHECK ((delivered_at IS NOT NULL) = (status = 'delivered')),
  CHECK (status <> 'given_up' OR reason IS NOT NULL),
  CHECK (head = 0 OR status = 'pending')
) STRICT, WITHOUT ROWID;

CREATE INDEX due_by_receiver ON deliveries (receiver, next_at) WHERE head = 1;
CREATE INDEX pending ON deliveries (sequence) WHERE status = 'pending';

-- Who is due when, so that ten thousand receivers, or ten thousand deliveries to one of them, hide nobody and are not
-- walked. Kept by triggers: a job that is deleted takes its deliveries with it by a cascade.
CREATE TABLE receivers (
  receiver TEXT PRIMARY KEY,
  -- Of its earliest head.
  next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX receivers_by_time ON receivers (next_at);

CREATE TRIGGER head_came AFTER INSERT ON deliveries WHEN NEW.head = 1 BEGIN
  INSERT INTO receivers (receiver, next_at) VALUES (NEW.receiver, NEW.next_at)
    ON CONFLICT (receiver) DO UPDATE SET next_at = min(next_at, excluded.next_at);
END;
CREATE TRIGGER head_changed AFTER UPDATE OF head, next_at ON deliveries WHEN OLD.head = 1 OR NEW.head = 1 BEGIN
  DELETE FROM receivers WHERE receiver = NEW.receiver;
  INSERT INTO receivers (receiver, next_at)
    SELECT receiver, next_at FROM deliveries WHERE head = 1 AND receiver = NEW.receiver ORDER BY next_at LIMIT 1;
END;
CREATE TRIGGER head_went AFTER DELETE ON deliveries WHEN OLD.head = 1 BEGIN
  DELETE FROM receivers WHERE receiver = OLD.receiver;
  INSERT INTO receivers (receiver, next_at)
    SELECT receiver, next_at FROM deliveries WHERE head = 1 AND receiver = OLD.receiver ORDER BY next_at LIMIT 1;
END;

CREATE TABLE idempotency (
  key TEXT PRIMARY KEY CHECK (key <> ''),
  -- SHA-256 of what was asked with it.
  fingerprint BLOB NOT NULL,
  sequence INTEGER NOT NULL UNIQUE REFERENCES jobs (sequence) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
