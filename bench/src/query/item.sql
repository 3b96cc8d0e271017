\set book random(1, 2000)
\set reader random(1, 64)
select c.book as id, c.title, c.authors, c.isbn, c.publisher, c.published_year,
       c.series_name, c.series_number, c.genres, c.audience, c.language, c.description,
       coalesce((select '/api/v1/files/' || f.sha256 from readmodel.files f
                  where (f.item, f.kind) = (c.book, 'book') and f.is_cover
                  order by f.position desc limit 1), c.cover_url) as cover_url,
       coalesce(r.ratings, 0) as ratings,
       round(r.points::numeric / nullif(r.ratings, 0), 4)::float8 as average,
       coalesce(k.copies, 0) as copies,
       case when c.withdrawn then 0 else coalesce(k.copies - k.lent, 0) end as available,
       coalesce(l.likes, 0) as likes,
       c.withdrawn, c.added_at, c.changed_at, c.sequence,
       (select coalesce(json_agg(f order by f.name), '[]')
          from (select name, media_type, size, sha256, '/api/v1/files/' || sha256 as url, attached_at
                  from readmodel.files where (item, kind) = (c.book, 'book')) f) as files,
       mine.score as my_rating,
       exists (select from readmodel.likes
                where (reader, kind, target) = (me.account, 'book', c.book)) as liked_by_me
  from bench.books b
  join bench.readers me on me.n = :reader
  join readmodel.books c on c.book = b.book
  left join readmodel.book_copies k on k.book = c.book
  left join readmodel.item_ratings r on (r.kind, r.item) = ('book', c.book)
  left join readmodel.like_counts l on (l.kind, l.target) = ('book', c.book)
  left join readmodel.reader_ratings mine
    on (mine.reader, mine.kind, mine.item) = (me.account, 'book', c.book)
 where b.n = :book;
