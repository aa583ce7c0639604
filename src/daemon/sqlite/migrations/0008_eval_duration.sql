-- How long the target generated tokens, in ms, by what it says. NULL if it does not tell.
ALTER TABLE jobs ADD COLUMN eval_ms INTEGER;
