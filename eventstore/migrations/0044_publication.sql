-- From where on are publications seen to? From where this is installed: in a new database from the
-- very beginning, so that no course submitted before the process's first start is left waiting.
insert into processes.checkpoints (name, position)
select 'publication', coalesce(max(last_position), 0) from eventstore.commits;
