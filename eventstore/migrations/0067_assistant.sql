insert into processes.checkpoints (name, position)
select 'assistant', coalesce(max(last_position), 0) from eventstore.commits;
