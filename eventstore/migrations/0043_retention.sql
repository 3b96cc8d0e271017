-- What is kept for a time only, found when its time is over.

-- Which refresh tokens are over and may go?
create index refresh_tokens_expired on identity.refresh_tokens (expires_at);
