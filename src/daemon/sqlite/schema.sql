-- Golden: what the migrations make. Written by test/sqlite/migration.test.ts.

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

CREATE TRIGGER job_deleted AFTER DELETE ON jobs BEGIN
  INSERT INTO deleted_jobs (state, jobs) VALUES (OLD.state, 1)
    ON CONFLICT (state) DO UPDATE SET jobs = jobs + 1;
END;

CREATE TABLE artifacts (
  id INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL REFERENCES jobs (sequence) ON DELETE CASCADE,
  name TEXT NOT NULL CHECK (name IN ('completion', 'response')),
  content_type TEXT NOT NULL,
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  etag TEXT NOT NULL CHECK (etag <> ''),
  UNIQUE (sequence, name)
) STRICT;

CREATE TABLE bodies (
  sequence INTEGER PRIMARY KEY REFERENCES jobs (sequence) ON DELETE CASCADE,
  body BLOB NOT NULL
) STRICT;

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

CREATE TABLE deleted_jobs (
  state TEXT PRIMARY KEY CHECK (state IN ('done', 'failed', 'cancelled')),
  jobs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE TABLE idempotency (
  key TEXT PRIMARY KEY CHECK (key <> ''),
  -- SHA-256 of what was asked with it.
  fingerprint BLOB NOT NULL,
  sequence INTEGER NOT NULL UNIQUE REFERENCES jobs (sequence) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE CHECK (id <> ''),
  state TEXT NOT NULL CHECK (state IN ('queued', 'loading', 'working', 'done', 'failed', 'cancelled')),
  caller TEXT NOT NULL CHECK (caller IN ('live', 'none')),
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  normalised_model TEXT NOT NULL,
  affinity TEXT NOT NULL,
  stream INTEGER NOT NULL CHECK (stream IN (0, 1)),
  load_only INTEGER NOT NULL CHECK (load_only IN (0, 1)),
  content_type TEXT,
  content_encoding TEXT,
  body_bytes INTEGER NOT NULL CHECK (body_bytes >= 0),
  -- First-in-first-out would have swapped models for this one.
  fifo_swap INTEGER NOT NULL CHECK (fifo_swap IN (0, 1)),
  attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  bounces INTEGER NOT NULL DEFAULT 0 CHECK (bounces >= 0),
  created_at INTEGER NOT NULL,
  created_awake INTEGER NOT NULL,
  available_at INTEGER,
  orphaned_at INTEGER,
  started_at INTEGER,
  claimed_at INTEGER,
  working_at INTEGER,
  finished_at INTEGER,
  error_code TEXT,
  error_message TEXT,
  error_status INTEGER,
  load_ms INTEGER,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  done_reason TEXT, changes INTEGER NOT NULL DEFAULT 1 CHECK (changes >= 1), label TEXT, webhook_url TEXT CHECK (webhook_url IS NULL OR caller = 'none'), webhook_events TEXT NOT NULL DEFAULT '', start_before_ms INTEGER CHECK (start_before_ms >= 0), finish_before_ms INTEGER CHECK (finish_before_ms >= 0), is_json INTEGER NOT NULL DEFAULT 0 CHECK (is_json IN (0, 1)), retry_of TEXT, cached_tokens INTEGER, requeued_at INTEGER, lacks_keep_alive INTEGER NOT NULL DEFAULT 0 CHECK (lacks_keep_alive IN (0, 1)), eval_ms INTEGER,
  CHECK ((finished_at IS NOT NULL) = (state IN ('done', 'failed', 'cancelled'))),
  CHECK ((error_code IS NOT NULL) = (state IN ('failed', 'cancelled'))),
  CHECK ((error_message IS NOT NULL) = (error_code IS NOT NULL)),
  CHECK (error_status IS NULL OR error_code IS NOT NULL),
  CHECK (available_at IS NULL OR state = 'queued'),
  CHECK (orphaned_at IS NULL OR (state = 'queued' AND caller = 'live')),
  CHECK ((started_at IS NULL) = (claimed_at IS NULL)),
  CHECK (state NOT IN ('loading', 'working', 'done') OR (attempt >= 1 AND claimed_at IS NOT NULL)),
  CHECK (state <> 'working' OR working_at IS NOT NULL)
) STRICT;

CREATE TABLE pieces (
  artifact INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
  -- From 0; all but the last are of 256 KiB.
  number INTEGER NOT NULL CHECK (number >= 0),
  body BLOB NOT NULL CHECK (length(body) BETWEEN 1 AND 262144),
  UNIQUE (artifact, number)
) STRICT;

CREATE TABLE queue_state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
  awake INTEGER NOT NULL DEFAULT 0,
  last_affinity TEXT,
  swapped_awake INTEGER NOT NULL DEFAULT 0,
  -- Affinity of the last job enqueued: what first-in-first-out would have resident when the next one comes.
  newest_affinity TEXT,
  -- Written and cleared while the disk is full, to see whether it still is.
  ballast BLOB
, paused_at INTEGER, pause_until INTEGER, pause_for_ms INTEGER CHECK (pause_for_ms >= 0), pause_unload INTEGER NOT NULL DEFAULT 0 CHECK (pause_unload IN (0, 1)), swapped_at INTEGER) STRICT;

CREATE TABLE receivers (
  receiver TEXT PRIMARY KEY,
  -- Of its earliest head.
  next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE results (
  sequence INTEGER PRIMARY KEY REFERENCES jobs (sequence) ON DELETE CASCADE,
  -- The artifact `response` is the result.
  is_response INTEGER NOT NULL CHECK (is_response IN (0, 1)),
  -- JSON. NULL beside is_response = 0: larger than what is shown, and kept nowhere.
  body BLOB,
  CHECK (is_response = 0 OR body IS NULL)
) STRICT;

CREATE INDEX backoffs ON jobs (available_at) WHERE available_at IS NOT NULL;

CREATE INDEX claimable_by_affinity ON jobs (affinity, sequence)
  WHERE state = 'queued' AND available_at IS NULL AND orphaned_at IS NULL;

CREATE INDEX claimable_by_model ON jobs (normalised_model, sequence)
  WHERE state = 'queued' AND available_at IS NULL AND orphaned_at IS NULL;

CREATE INDEX claimable_by_sequence ON jobs (sequence)
  WHERE state = 'queued' AND available_at IS NULL AND orphaned_at IS NULL;

CREATE INDEX due_by_receiver ON deliveries (receiver, next_at) WHERE head = 1;

CREATE INDEX finish_deadlines ON jobs (created_at + finish_before_ms)
  WHERE finish_before_ms IS NOT NULL AND finished_at IS NULL;

CREATE INDEX finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE INDEX finished_by_model ON jobs (normalised_model, state, sequence) WHERE finished_at IS NOT NULL;

CREATE INDEX finished_by_state ON jobs (state, sequence) WHERE finished_at IS NOT NULL;

CREATE INDEX labelled ON jobs (label, state, sequence) WHERE label IS NOT NULL;

CREATE INDEX pending ON deliveries (sequence) WHERE status = 'pending';

CREATE INDEX receivers_by_time ON receivers (next_at);

CREATE INDEX start_deadlines ON jobs (created_at + start_before_ms)
  WHERE start_before_ms IS NOT NULL AND started_at IS NULL AND finished_at IS NULL;

CREATE INDEX unfinished ON jobs (state, caller) WHERE finished_at IS NULL;

CREATE INDEX waiting_by_model ON jobs (normalised_model, sequence) WHERE state = 'queued';
