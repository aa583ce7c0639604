-- How many jobs were deleted, by their final state: what is counted of finished jobs must not shrink when they are pruned.
CREATE TABLE deleted_jobs (
  state TEXT PRIMARY KEY CHECK (state IN ('done', 'failed', 'cancelled')),
  jobs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER job_deleted AFTER DELETE ON jobs BEGIN
  INSERT INTO deleted_jobs (state, jobs) VALUES (OLD.state, 1)
    ON CONFLICT (state) DO UPDATE SET jobs = jobs + 1;
END;
