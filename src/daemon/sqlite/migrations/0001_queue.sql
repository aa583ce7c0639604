-- The queue: jobs, their bodies, their answers, and what outlives the process beside them.
-- Immutable once released: a change is a new file. Times are wall milliseconds, `…_awake` the queue's awake clock.

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
  done_reason TEXT,
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

-- The look-ups of a claim. Partial, so that their heads are the next jobs whatever else waits or has finished: a claim
-- costs the same with ten rows and with a million.
CREATE INDEX claimable_by_sequence ON jobs (sequence)
  WHERE state = 'queued' AND available_at IS NULL AND orphaned_at IS NULL;
CREATE INDEX claimable_by_affinity ON jobs (affinity, sequence)
  WHERE state = 'queued' AND available_at IS NULL AND orphaned_at IS NULL;
CREATE INDEX claimable_by_model ON jobs (normalised_model, sequence)
  WHERE state = 'queued' AND available_at IS NULL AND orphaned_at IS NULL;
CREATE INDEX backoffs ON jobs (available_at) WHERE available_at IS NOT NULL;

CREATE INDEX waiting_by_model ON jobs (normalised_model, sequence) WHERE state = 'queued';
CREATE INDEX unfinished ON jobs (state, caller) WHERE finished_at IS NULL;
CREATE INDEX finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE bodies (
  sequence INTEGER PRIMARY KEY REFERENCES jobs (sequence) ON DELETE CASCADE,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE answers (
  sequence INTEGER PRIMARY KEY REFERENCES jobs (sequence) ON DELETE CASCADE,
  status INTEGER NOT NULL,
  content_type TEXT,
  body BLOB NOT NULL
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
) STRICT;

INSERT INTO queue_state (one) VALUES (1);
