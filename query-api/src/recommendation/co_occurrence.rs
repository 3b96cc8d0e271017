//! The rung of what people with the same likings like.

use super::rungs::best_left;

/// Newest likings of the profile whose readers are looked for.
const COUNTED_MAX: usize = 50;
/// Newest readers of one item that may be neighbours.
const READERS_MAX: i64 = 500;
/// Readers nearest to the profile that are asked what else they like.
const NEIGHBOURS_MAX: i64 = 300;
/// Best items looked up in the catalogue, which may say that they cannot be had.
const SCORED_MAX: i64 = 200;
/// Newest items of one reader that count, so that a bot cannot cost more than a person.
const SEEN_MAX: i64 = 1000;
/// Reasons shown of each item.
const REASONS_MAX: i64 = 5;

/// Cosine of binary co-occurrence, summed over the profile with weight 1 / (1 + age).
///
/// Readers first: everybody who shares likings has a weight, and an item's score is the sum over the
/// readers who like it. That is the same sum in another order, and reads each list once instead of
/// once per shared item (ADR 5 has the numbers). The shares are sums of what the weights were made of
/// (`shared`), over the same part of each reader's likings (from `since` on), so they add up to the
/// score however popular an item is.
pub fn select() -> String {
    let best = best_left(
        "select s.*, w.labels[1] as genre, w.makers from scored s join wanted w using (kind, item)",
    );
    let earlier = SEEN_MAX - 1;
    format!(
        "weighed as materialized (
             select p.kind, p.item,
                    p.weight::float8 / sqrt(least(n.readers, {READERS_MAX})) as weight
               from profile p join readmodel.item_signals n using (kind, item)
              where p.place <= {COUNTED_MAX}
         ), shared as materialized (
             select r.reader, p.kind, p.item, p.weight
               from weighed p
              cross join lateral (
                    select reader from readmodel.seen
                     where (kind, item) = (p.kind, p.item)
                     order by position desc limit {READERS_MAX}) r
              where r.reader is distinct from $5
         ), neighbours as materialized (
             select reader, weight,
                    coalesce((select s.position from readmodel.seen s where s.reader = nearest.reader
                               order by s.position desc offset {earlier} limit 1), 0) as since
               from (select reader, sum(weight) as weight from shared
                      group by reader order by weight desc, reader limit {NEIGHBOURS_MAX}) nearest
         ), liked as (
             select s.kind, s.item, sum(n.weight) as weight
               from neighbours n
              cross join lateral (
                    select kind, item from readmodel.seen
                     where reader = n.reader and position >= n.since offset 0) s
              where $3::text is null or s.kind = $3
              group by s.kind, s.item
         ), scored as materialized (
             select l.kind, l.item, l.weight / sqrt(t.readers) as score, t.readers
               from liked l join readmodel.item_signals t using (kind, item)
              where (l.kind, l.item) not in (select kind, item from masked)
              order by score desc, l.kind, l.item
              limit case when $4::text is null and cardinality($7::text[] || $8::text[]) = 0
                         then {SCORED_MAX} end
         ), best as materialized ({best})
         select b.kind, b.item, b.score, b.genre, b.makers,
                coalesce(why.because, '{{}}') as because, coalesce(why.shares, '{{}}') as shares
           from best b
          cross join lateral (
                select array_agg(because order by share desc, because) as because,
                       array_agg(share order by share desc, because) as shares
                  from (select s.kind || ':' || s.item as because,
                               sum(s.weight) / sqrt(b.readers) as share
                          from neighbours n
                          join readmodel.seen theirs
                            on (theirs.reader, theirs.kind, theirs.item) = (n.reader, b.kind, b.item)
                           and theirs.position >= n.since
                          join shared s on s.reader = n.reader
                         group by s.kind, s.item
                         order by share desc, because limit {REASONS_MAX}) shown) why
          order by b.score desc, b.kind, b.item"
    )
}
