-- A pause knows since when, until when, and whether the models of the target are still to be unloaded.
-- Immutable once released. Times are wall milliseconds.

-- When it began; NULL also for a pause of before this migration.
ALTER TABLE queue_state ADD COLUMN paused_at INTEGER;
-- When it ends by itself; NULL: at `resume`.
ALTER TABLE queue_state ADD COLUMN pause_until INTEGER;
-- The duration that was asked for: a clock that is set back must not make the pause longer.
ALTER TABLE queue_state ADD COLUMN pause_for_ms INTEGER CHECK (pause_for_ms >= 0);
ALTER TABLE queue_state ADD COLUMN pause_unload INTEGER NOT NULL DEFAULT 0 CHECK (pause_unload IN (0, 1));
