insert into processes.checkpoints (name, position)
select 'assistant', coalesce(max(last_position), 0) from eventstore.commits;

-- What has a model said so far of an answer that it is still giving? Sealed for who asked. Unlogged:
-- after a crash the model is asked anew, and the answer that stays is an event.
create unlogged table processes.drafts (
    answer uuid primary key,
    text jsonb not null
);
