-- Tokens of the prompt that the target took from its prompt cache. NULL if it does not tell.
ALTER TABLE jobs ADD COLUMN cached_tokens INTEGER;
