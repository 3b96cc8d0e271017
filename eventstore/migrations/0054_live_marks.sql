-- A kept answer is told by more than a position: after a restore the same position is another event,
-- a rebuild shows other rows at it, and an event that was set aside is applied without moving it.
create or replace view projections.live as
select build.name, build.version, build.build, build.position, build.diverged,
       exists (select from projections.parked
               where parked.name = build.name and parked.version = build.version
                 and parked.build = build.build) as degraded,
       build.leaf,
       (select count(*) from projections.parked
        where parked.name = build.name and parked.version = build.version
          and parked.build = build.build) as parked
from projections.builds build
where build.state = 'live';
