-- What a waiting job waits for, and since when. Immutable once released. Times are wall milliseconds.

-- When it last came back to the queue; NULL: never.
ALTER TABLE jobs ADD COLUMN requeued_at INTEGER;
-- When the target last swapped models; NULL: not since this migration.
ALTER TABLE queue_state ADD COLUMN swapped_at INTEGER;
