-- The one way into the log. A call brings commands that do not get in each other's way: nothing that
-- one of them does changes what is to be said of another (append/wave.rs sees to that). They are
-- appended all together; or those that cannot be are named, and nothing is changed.
--
-- One statement, one transaction: the lock first, so that positions are dense and become visible in
-- order whoever else appends.
--
-- Without care, what the unique indexes find is not looked for before: that fails the call, which is
-- made again with care to learn whose fault it is. So does naming anybody: not all are known then.
--
-- A call may be made while the one before it is under way. If it gets the lock first, it is early:
-- one row says so, and nothing is changed.
--
-- Appended: one row, `at_position` the last position before. Otherwise rows for every command that
-- cannot be, of which the first counts: duplicate (the stored outcome), mismatch (the key was used for
-- something else), conflict, guard, erased, taken, full.
create function eventstore.append(
    careful boolean,
    -- one entry a command: its own stream and where it leaves it, and how many events the call has
    -- up to its last one
    c_caller text[], c_key text[], c_fingerprint bytea[], c_type text[], c_id text[],
    c_sequence bigint[], c_events bigint[], c_appended boolean[], c_refusal text[],
    -- where streams must stand: those written to, and facts of others that a decision used
    h_command int[], h_fact boolean[], h_type text[], h_id text[], h_sequence bigint[],
    -- unique | place | capacity | release
    k_command int[], k_op text[], k_kind text[], k_key text[], k_holder text[], k_places bigint[],
    -- persons whose sealed values the command's events carry, and those that are forgotten
    s_command int[], s_subject uuid[], x_subject uuid[],
    -- one entry an event, in order
    e_aggregate_type text[], e_aggregate_id text[], e_sequence bigint[],
    e_type text[], e_version text[], e_payload json[], e_metadata json[], e_content bytea[],
    -- the command that must be in the log before
    follows_caller text default null, follows_key text default null
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
    last bigint;
    previous bytea;
    now_ timestamptz;
    regular boolean := true;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'eventstore.append needs to see what was committed before it got the lock'
            using hint = 'call it at read committed';
    end if;
    perform pg_advisory_xact_lock(7236837427);

    if follows_key is not null and not exists (
            select from eventstore.commands s
             where s.caller = follows_caller and s.key = follows_key) then
        verdict := 'early';
        return next;
        return;
    end if;

    select last_position, hash, recorded_at into last, previous, now_
      from eventstore.commits order by last_position desc limit 1;
    last := coalesce(last, 0);
    previous := coalesce(previous, decode(repeat('00', 32), 'hex'));
    now_ := greatest(clock_timestamp(), now_);

    if careful then
        return query
        select u.o::int - 1,
               case s.fingerprint when u.fingerprint then 'duplicate' else 'mismatch' end,
               s.aggregate_type, s.aggregate_id, s.sequence, s.position, s.appended, s.refusal, null
          from unnest(c_caller, c_key, c_fingerprint)
                   with ordinality as u (caller, key, fingerprint, o),
               lateral (select * from eventstore.commands s
                         where s.caller = u.caller and s.key = u.key limit 1) s;
        regular := not found;
    end if;

    if cardinality(h_command) > 0 then
        return query
        select u.command, case when u.fact then 'guard' else 'conflict' end, null, null,
               head.sequence, null::bigint, null::boolean, null, u.type || '/' || u.id
          from unnest(h_command, h_fact, h_type, h_id, h_sequence)
                   as u (command, fact, type, id, sequence),
               lateral (select coalesce(
                   (select s.sequence from eventstore.events s
                     where s.aggregate_type = u.type and s.aggregate_id = u.id
                     order by s.sequence desc limit 1), 0) as sequence) head
         where head.sequence <> u.sequence;
        regular := regular and not found;
    end if;

    if cardinality(s_command) > 0 then
        return query
        select u.command, 'erased', null, null, null::bigint, null::bigint, null::boolean, null, null
          from unnest(s_command, s_subject) as u (command, subject),
               lateral (select s.wrapped from eventstore.personal_keys s
                         where s.subject = u.subject limit 1) s
         where s.wrapped is null;
        regular := regular and not found;
    end if;

    if cardinality(k_command) > 0 then
        return query
        select u.command, case u.op when 'unique' then 'taken' else 'full' end, null, null,
               null::bigint, null::bigint, null::boolean, null, u.kind
          from (select *, row_number() over (partition by u.op, u.kind, u.key order by u.o) as nth
                  from unnest(k_command, k_op, k_kind, k_key, k_holder)
                           with ordinality as u (command, op, kind, key, holder, o)
                 -- Whoever holds it already takes nothing.
                 where u.op in ('unique', 'place') and not exists (
                     select from eventstore.claims s
                      where s.kind = u.kind and s.key = u.key and s.holder = u.holder limit 1)) u
         where case u.op
                 when 'unique' then exists (
                     select from eventstore.claims s
                      where s.kind = u.kind and s.key = u.key limit 1)
                 -- Holders are counted only where places are limited.
                 else exists (
                     select from eventstore.claim_places p
                      where p.kind = u.kind and p.key = u.key
                        and p.places < u.nth + (select count(*) from eventstore.claims s
                                                 where s.kind = u.kind and s.key = u.key))
               end
         order by u.o;
        regular := regular and not found;
    end if;

    if not regular then
        return;
    end if;

    insert into eventstore.commands (caller, key, fingerprint, aggregate_type, aggregate_id,
            sequence, position, appended, refusal, recorded_at)
    -- Unnested as columns, not as a table: that would put every array into a table of its own first.
    select unnest(c_caller), unnest(c_key), unnest(c_fingerprint), unnest(c_type), unnest(c_id),
           unnest(c_sequence), last + unnest(c_events), unnest(c_appended), unnest(c_refusal), now_;

    if cardinality(k_command) > 0 then
        delete from eventstore.claims s using unnest(k_op, k_kind, k_holder) as u (op, kind, holder)
         where u.op = 'release' and s.kind = u.kind and s.holder = u.holder;
        insert into eventstore.claims (kind, key, holder)
        select u.kind, u.key, u.holder
          from unnest(k_op, k_kind, k_key, k_holder) as u (op, kind, key, holder)
         where u.op in ('unique', 'place')
        on conflict do nothing;
        delete from eventstore.claim_places s using unnest(k_op, k_kind, k_key) as u (op, kind, key)
         where u.op = 'capacity' and s.kind = u.kind and s.key = u.key;
        insert into eventstore.claim_places (kind, key, places)
        select u.kind, u.key, u.places
          from unnest(k_op, k_kind, k_key, k_places) as u (op, kind, key, places)
         where u.op = 'capacity' and u.places is not null;
    end if;

    if cardinality(x_subject) > 0 then
        insert into eventstore.personal_keys (subject, erased_at)
        select distinct u.subject, now_ from unnest(x_subject) as u (subject)
        on conflict (subject) do update
           set wrapped = null, wrapping_key = null, erased_at = excluded.erased_at
         where personal_keys.wrapped is not null;
    end if;

    if cardinality(e_type) > 0 then
        insert into eventstore.events (aggregate_type, aggregate_id, sequence, event_type,
                event_version, payload, metadata, position, recorded_at)
        select unnest(e_aggregate_type), unnest(e_aggregate_id), unnest(e_sequence),
               unnest(e_type), unnest(e_version), unnest(e_payload), unnest(e_metadata),
               generate_series(last + 1, last + cardinality(e_type)), now_;

        insert into eventstore.commits (last_position, first_position, hash, recorded_at)
        select last + cardinality(e_type), last + 1,
               sha256(previous || string_agg(
                   sha256(u.content || int8send(u.position) || timestamptz_send(now_)), '')),
               now_
          from (select unnest(e_content) as content,
                       generate_series(last + 1, last + cardinality(e_type)) as position) u;
        perform pg_notify('daybook_appended', (last + cardinality(e_type))::text);
    end if;

    verdict := 'appended';
    at_position := last;
    return next;
end $$;
