\set book random(1, 2000)
\set reader random(1, 64)
select c.*, coalesce(r.ratings, 0) as ratings,
       round(r.points::numeric / nullif(r.ratings, 0), 4)::float8 as average,
       coalesce(k.copies, 0) as copies, coalesce(l.likes, 0) as likes, mine.score as my_rating,
       exists (select from readmodel.likes
                where (reader, kind, target) =
                      ((select account from bench.readers where n = :reader), 'book', c.book))
  from readmodel.books c
  left join readmodel.book_copies k on k.book = c.book
  left join readmodel.item_ratings r on (r.kind, r.item) = ('book', c.book)
  left join readmodel.like_counts l on (l.kind, l.target) = ('book', c.book)
  left join readmodel.reader_ratings mine
    on (mine.reader, mine.kind, mine.item) =
       ((select account from bench.readers where n = :reader), 'book', c.book)
 where c.book = (select book from bench.books where n = :book);
