-- How many events does each read model lack? Mostly nothing is parked anywhere, and every answer asks:
-- then nobody counts for each of them.
create or replace view projections.live as
select build.name, build.version, build.build, build.position, build.diverged,
       exists (select from projections.parked
               where parked.name = build.name and parked.version = build.version
                 and parked.build = build.build) as degraded,
       build.leaf,
       case when exists (select from projections.parked)
            then (select count(*) from projections.parked
                   where parked.name = build.name and parked.version = build.version
                     and parked.build = build.build)
            else 0
       end as parked
from projections.builds build
where build.state = 'live';
