-- The one way into the log. A batch holds commands; a command writes to streams; a write has events.
--
-- One statement, one transaction: the lock first, so that positions are dense and become visible in
-- order whoever else appends. A regular batch is checked and inserted as sets; an irregular one goes
-- command by command, each seeing those before it, so that a bad command never fails its neighbours.
-- Only what was decided on a command that fell falls with it: its state is not the log's, even where
-- somebody else's events have brought the stream to the sequence it expects.
--
-- Verdicts: appended (also with no events: a decision), duplicate (the stored outcome), mismatch (the
-- key was used for something else), conflict, guard, taken, full, erased.
create function eventstore.append(
    -- one entry a command
    c_caller text[], c_key text[], c_fingerprint bytea[], c_refusal text[],
    -- one entry a write, in order of commands; a command's first write is its own stream
    w_command int[], w_type text[], w_id text[], w_expected bigint[], w_events int[],
    -- facts of other streams that the decision used
    g_command int[], g_type text[], g_id text[], g_sequence bigint[],
    -- unique | place | capacity | release
    k_command int[], k_op text[], k_kind text[], k_key text[], k_holder text[], k_places bigint[],
    -- persons whose sealed values the command's events carry, and those it forgets
    s_command int[], s_subject uuid[],
    x_command int[], x_subject uuid[],
    -- one entry an event, in order of writes
    e_aggregate_type text[], e_aggregate_id text[], e_sequence bigint[],
    e_type text[], e_version text[], e_payload text[], e_metadata text[], e_content bytea[]
) returns table (
    command int, verdict text, stored_type text, stored_id text,
    at_sequence bigint, at_position bigint, stored_appended boolean, stored_refusal text, detail text
)
language plpgsql volatile
-- The tables grow from nothing to millions of rows under one cached plan: only index plans stay good.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
    first bigint;
    last bigint;
    previous bytea;
    leaves bytea := '';
    now_ timestamptz;
    commands int := cardinality(c_key);
    events int := cardinality(e_type);
    irregular boolean;
    c int;
    e int := 0;
    n int;
    w record;
    k record;
    stored record;
    current_ bigint;
    fallen text[] := '{}';
begin
    perform pg_advisory_xact_lock(7236837427);

    select last_position, hash, recorded_at into last, previous, now_
      from eventstore.commits order by last_position desc limit 1;
    last := coalesce(last, 0);
    first := last;
    previous := coalesce(previous, decode(repeat('00', 32), 'hex'));
    now_ := greatest(clock_timestamp(), now_);

    irregular := cardinality(x_command) > 0
        or (commands > 1 and commands <> (select count(distinct (u.caller, u.key))
                                            from unnest(c_caller, c_key) as u (caller, key)))
        or exists (select 1 from unnest(c_caller, c_key) as u (caller, key),
                   lateral (select 1 from eventstore.commands s
                             where s.caller = u.caller and s.key = u.key limit 1) s)
        or exists (select 1
                     from (select u.type, u.id, u.expected, u.o,
                                  first_value(u.expected) over stream as base,
                                  sum(u.events) over stream - u.events as before
                             from unnest(w_type, w_id, w_expected, w_events)
                                  with ordinality as u (type, id, expected, events, o)
                           window stream as (partition by u.type, u.id order by u.o)) u
                    where u.expected <> u.base + u.before
                       or (u.before = 0 and u.base <> coalesce(
                             (select s.sequence from eventstore.events s
                               where s.aggregate_type = u.type and s.aggregate_id = u.id
                               order by s.sequence desc limit 1), 0)));

    if not irregular and cardinality(g_command) > 0 then
        irregular := exists (
                select 1 from unnest(g_type, g_id) as g (type, id)
                         join unnest(w_type, w_id, w_events) as u (type, id, events)
                           on u.type = g.type and u.id = g.id and u.events > 0)
            or exists (
                select 1 from unnest(g_type, g_id, g_sequence) as g (type, id, sequence)
                 where g.sequence <> coalesce(
                     (select s.sequence from eventstore.events s
                       where s.aggregate_type = g.type and s.aggregate_id = g.id
                       order by s.sequence desc limit 1), 0));
    end if;

    if not irregular and cardinality(k_command) > 0 then
        irregular := exists (select 1 from unnest(k_op) as u (op) where u.op not in ('unique', 'place'))
            or cardinality(k_command) <> (
                select count(distinct (u.kind, u.key, case u.op when 'place' then u.holder else '' end))
                  from unnest(k_op, k_kind, k_key, k_holder) as u (op, kind, key, holder))
            or exists (select 1 from unnest(k_op, k_kind, k_key) as u (op, kind, key),
                       lateral (select 1 from eventstore.claims s
                                 where s.kind = u.kind and s.key = u.key limit 1) s
                        where u.op = 'unique')
            -- Apart from the above: one condition for both would read every holder of the key.
            or exists (select 1 from unnest(k_kind, k_key, k_holder) as u (kind, key, holder),
                       lateral (select 1 from eventstore.claims s
                                 where s.kind = u.kind and s.key = u.key
                                   and s.holder = u.holder limit 1) s)
            or exists (select 1 from unnest(k_op, k_kind, k_key) as u (op, kind, key),
                       lateral (select 1 from eventstore.claim_places s
                                 where s.kind = u.kind and s.key = u.key limit 1) s);
    end if;

    if not irregular and cardinality(s_command) > 0 then
        irregular := exists (select 1 from unnest(s_subject) as u (subject),
                             lateral (select 1 from eventstore.personal_keys s
                                       where s.subject = u.subject and s.wrapped is null limit 1) s);
    end if;

    if not irregular then
        insert into eventstore.events (aggregate_type, aggregate_id, sequence, event_type,
                event_version, payload, metadata, position, recorded_at)
        select u.at, u.ai, u.s, u.t, u.v, u.p::json, u.m::json, last + u.o, now_
          from unnest(e_aggregate_type, e_aggregate_id, e_sequence, e_type, e_version, e_payload,
                      e_metadata) with ordinality as u (at, ai, s, t, v, p, m, o)
         order by u.o;

        select coalesce(string_agg(sha256(u.content || int8send(last + u.o) || timestamptz_send(now_)),
                                   ''::bytea order by u.o), '')
          into leaves
          from unnest(e_content) with ordinality as u (content, o);

        if cardinality(k_command) > 0 then
            insert into eventstore.claims (kind, key, holder)
            select u.kind, u.key, u.holder
              from unnest(k_kind, k_key, k_holder) as u (kind, key, holder);
        end if;

        return query
        with decided as (
            select cmd.o as o, cmd.caller, cmd.key, cmd.fingerprint, cmd.refusal, own.type, own.id,
                   own.expected + own.events as sequence,
                   last + sum(own.all_events) over (order by cmd.o) as position,
                   own.all_events > 0 as appended
              from unnest(c_caller, c_key, c_fingerprint, c_refusal)
                       with ordinality as cmd (caller, key, fingerprint, refusal, o)
              join (select u.command,
                           (array_agg(u.type order by u.o))[1] as type,
                           (array_agg(u.id order by u.o))[1] as id,
                           (array_agg(u.expected order by u.o))[1] as expected,
                           (array_agg(u.events order by u.o))[1] as events,
                           sum(u.events) as all_events
                      from unnest(w_command, w_type, w_id, w_expected, w_events)
                           with ordinality as u (command, type, id, expected, events, o)
                     group by u.command) own on own.command = cmd.o
        ), kept as (
            insert into eventstore.commands (caller, key, fingerprint, aggregate_type, aggregate_id,
                    sequence, position, appended, refusal, recorded_at)
            select d.caller, d.key, d.fingerprint, d.type, d.id, d.sequence, d.position, d.appended,
                   d.refusal, now_ from decided d
        )
        select d.o::int, 'appended', d.type, d.id, d.sequence, d.position::bigint, d.appended,
               d.refusal, null::text
          from decided d;
        last := last + events;
    else
        for c in 1..commands loop
            command := c;
            stored_type := null; stored_id := null; at_sequence := null; at_position := null;
            stored_appended := null; stored_refusal := null; detail := null;
            select coalesce(sum(u.events), 0) into n
              from unnest(w_command, w_events) as u (command, events) where u.command = c;

            select s.* into stored from eventstore.commands s
             where s.caller = c_caller[c] and s.key = c_key[c];
            if found then
                verdict := case when stored.fingerprint = c_fingerprint[c]
                                then 'duplicate' else 'mismatch' end;
                stored_type := stored.aggregate_type;
                stored_id := stored.aggregate_id;
                at_sequence := stored.sequence;
                at_position := stored.position;
                stored_appended := stored.appended;
                stored_refusal := stored.refusal;
                -- If it was appended right where it would stand now, nothing else is in its place.
                if verdict = 'mismatch' or not stored.appended or not exists (
                        select from unnest(w_command, w_type, w_id, w_expected, w_events)
                                 as u (command, type, id, expected, events)
                         where u.command = c and u.type = stored.aggregate_type
                           and u.id = stored.aggregate_id
                           and u.expected + u.events = stored.sequence) then
                    fallen := fallen || array(
                        select u.type || '/' || u.id
                          from unnest(w_command, w_type, w_id, w_events)
                               as u (command, type, id, events)
                         where u.command = c and u.events > 0);
                end if;
                e := e + n;
                return next;
                continue;
            end if;

            verdict := null;
            for w in select u.type, u.id, u.expected
                       from unnest(w_command, w_type, w_id, w_expected)
                            with ordinality as u (command, type, id, expected, o)
                      where u.command = c order by u.o loop
                select coalesce((select s.sequence from eventstore.events s
                                  where s.aggregate_type = w.type and s.aggregate_id = w.id
                                  order by s.sequence desc limit 1), 0) into current_;
                if current_ <> w.expected or w.type || '/' || w.id = any (fallen) then
                    verdict := 'conflict';
                    at_sequence := current_;
                    detail := w.type || '/' || w.id;
                    exit;
                end if;
            end loop;

            if verdict is null then
                select 'guard', g.type || '/' || g.id into verdict, detail
                  from unnest(g_command, g_type, g_id, g_sequence) as g (command, type, id, sequence)
                 where g.command = c
                   and (g.type || '/' || g.id = any (fallen) or g.sequence <> coalesce(
                       (select s.sequence from eventstore.events s
                         where s.aggregate_type = g.type and s.aggregate_id = g.id
                         order by s.sequence desc limit 1), 0))
                 limit 1;
            end if;

            if verdict is null then
                select 'erased', s.subject::text into verdict, detail
                  from unnest(s_command, s_subject) as u (command, subject)
                  join eventstore.personal_keys s on s.subject = u.subject
                 where u.command = c and s.wrapped is null
                 limit 1;
            end if;

            if verdict is null then
                select case u.op when 'unique' then 'taken' else 'full' end, u.kind
                  into verdict, detail
                  from unnest(k_command, k_op, k_kind, k_key, k_holder)
                       with ordinality as u (command, op, kind, key, holder, o)
                 where u.command = c
                   and case u.op
                         when 'unique' then exists (
                             select 1 from eventstore.claims s
                              where s.kind = u.kind and s.key = u.key and s.holder <> u.holder)
                         when 'place' then
                             not exists (select 1 from eventstore.claims s
                                          where s.kind = u.kind and s.key = u.key
                                            and s.holder = u.holder)
                             -- Holders are counted only where places are limited.
                             and exists (
                                 select 1 from eventstore.claim_places p
                                  where p.kind = u.kind and p.key = u.key
                                    and p.places <= (select count(*) from eventstore.claims s
                                                      where s.kind = u.kind and s.key = u.key))
                         else false
                       end
                 order by u.o limit 1;
            end if;

            if verdict is not null then
                fallen := fallen || array(
                    select u.type || '/' || u.id
                      from unnest(w_command, w_type, w_id, w_events) as u (command, type, id, events)
                     where u.command = c and u.events > 0);
                e := e + n;
                return next;
                continue;
            end if;

            insert into eventstore.events (aggregate_type, aggregate_id, sequence, event_type,
                    event_version, payload, metadata, position, recorded_at)
            select u.at, u.ai, u.s, u.t, u.v, u.p::json, u.m::json, last + u.o, now_
              from unnest(e_aggregate_type[e+1:e+n], e_aggregate_id[e+1:e+n], e_sequence[e+1:e+n],
                          e_type[e+1:e+n], e_version[e+1:e+n], e_payload[e+1:e+n],
                          e_metadata[e+1:e+n]) with ordinality as u (at, ai, s, t, v, p, m, o)
             order by u.o;

            select leaves || coalesce(string_agg(
                       sha256(u.content || int8send(last + u.o) || timestamptz_send(now_)),
                       ''::bytea order by u.o), '')
              into leaves
              from unnest(e_content[e+1:e+n]) with ordinality as u (content, o);

            for k in select u.op, u.kind, u.key, u.holder, u.places
                       from unnest(k_command, k_op, k_kind, k_key, k_holder, k_places)
                            with ordinality as u (command, op, kind, key, holder, places, o)
                      where u.command = c order by u.o loop
                case k.op
                    when 'unique', 'place' then
                        insert into eventstore.claims (kind, key, holder)
                        values (k.kind, k.key, k.holder) on conflict do nothing;
                    when 'release' then
                        delete from eventstore.claims s
                         where s.kind = k.kind and s.holder = k.holder;
                    when 'capacity' then
                        delete from eventstore.claim_places s
                         where s.kind = k.kind and s.key = k.key;
                        if k.places is not null then
                            insert into eventstore.claim_places (kind, key, places)
                            values (k.kind, k.key, k.places);
                        end if;
                end case;
            end loop;

            insert into eventstore.personal_keys (subject, erased_at)
            select distinct u.subject, now_
              from unnest(x_command, x_subject) as u (command, subject)
             where u.command = c
            on conflict (subject) do update
               set wrapped = null, wrapping_key = null, erased_at = excluded.erased_at
             where personal_keys.wrapped is not null;

            last := last + n;
            e := e + n;
            select u.type, u.id, u.expected + u.events into stored_type, stored_id, at_sequence
              from unnest(w_command, w_type, w_id, w_expected, w_events)
                   with ordinality as u (command, type, id, expected, events, o)
             where u.command = c order by u.o limit 1;
            at_position := last;
            stored_appended := n > 0;
            stored_refusal := c_refusal[c];
            insert into eventstore.commands (caller, key, fingerprint, aggregate_type, aggregate_id,
                    sequence, position, appended, refusal, recorded_at)
            values (c_caller[c], c_key[c], c_fingerprint[c], stored_type, stored_id, at_sequence,
                    last, stored_appended, stored_refusal, now_);
            verdict := 'appended';
            return next;
        end loop;
    end if;

    if last > first then
        insert into eventstore.commits (last_position, first_position, hash, recorded_at)
        values (last, first + 1, sha256(previous || leaves), now_);
        perform pg_notify('daybook_appended', last::text);
    end if;
end $$;
