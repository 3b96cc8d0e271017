-- Which indexes does a build still lack? One that has a long log to read makes those that only its
-- readers need when it has caught up: in one go they cost a fraction.
alter table projections.builds add column indexes text[] not null default '{}';
