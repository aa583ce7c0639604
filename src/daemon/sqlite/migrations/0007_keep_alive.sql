-- A keep_alive is put in when a request is sent, no longer when it is queued. Immutable once released.

-- The request carries none, and may be given one. 0 for rows of before: theirs was put in already.
ALTER TABLE jobs ADD COLUMN lacks_keep_alive INTEGER NOT NULL DEFAULT 0 CHECK (lacks_keep_alive IN (0, 1));
