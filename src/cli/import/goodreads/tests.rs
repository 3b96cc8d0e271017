#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::DateTime;
use domain::{
    ItemId,
    book::{Details, Event},
};
use uuid::Uuid;

use super::*;
use crate::cli::import::testing::{self, refusals, unreadable};

const HEADER: &str = "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,\
    Average Rating,Publisher,Binding,Number of Pages,Year Published,Original Publication Year,\
    Date Read,Date Added,Bookshelves,Bookshelves with positions,Exclusive Shelf,My Review,Spoiler,\
    Private Notes,Read Count,Owned Copies\n";

fn row(id: u32, title: &str, isbn: &str, stars: &str, shelves: &str, exclusive: &str) -> String {
    format!(
        "{id},\"{title}\",Jane Austen,\"Austen, Jane\",,=\"{isbn}\",=\"\",{stars},4.10,Penguin,\
         Paperback,474,2003,1815,2012/05/31,2011/01/02,\"{shelves}\",,{exclusive},\
         \"Fine.\nReally.\",,,1,0\n"
    )
}

fn works(rows: &[String], shelf: &[&str], catalogue: Catalogue) -> Vec<Work> {
    let file = format!("{HEADER}{}", rows.concat());
    let shelves = Shelves::new(shelf.iter().map(ToString::to_string).collect());
    let entries = export::entries(&mut testing::table(0, &file), &shelves).unwrap();
    let account = AccountId::new(Uuid::from_u128(7));
    let path = Path::new("library.csv");
    let (source, known) = (Source::new("goodreads").unwrap(), (catalogue, Said::default()));
    let library = Library::of(source, path, account, entries, known, DateTime::UNIX_EPOCH);
    testing::run(library.plan())
}

/// Books, points and favourites, in the order they are sent.
fn sent(works: &[Work]) -> (Vec<BookId>, Vec<u8>, Vec<ItemId>) {
    let (mut books, mut points, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for action in testing::actions(works) {
        match action {
            Action::HaveBook { book, .. } => books.push(*book),
            Action::Rate { score, .. } => points.push(score.points()),
            Action::Favourite { item, .. } => kept.push(*item),
            Action::Comment { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    (books, points, kept)
}

fn details(title: &str, author: &str, isbn: Option<&str>) -> Box<Details> {
    let raw = crate::cli::import::book_row::Raw {
        key: "1".to_owned(),
        title: title.to_owned(),
        authors: vec![author.to_owned()],
        isbn: isbn.unwrap_or_default().to_owned(),
        ..Default::default()
    };
    Box::new(raw.details().unwrap())
}

fn holding(books: &[(u128, &str, &str, Option<&str>)]) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for (book, title, author, isbn) in books {
        catalogue.add(Uuid::from_u128(*book).into(), &details(title, author, *isbn));
    }
    catalogue
}

#[test]
fn stars_are_two_points_and_none_is_no_opinion() {
    let rows = [
        row(6969, "Emma", "", "5", "", "read"),
        row(1885, "Pride and Prejudice", "", "1", "", "read"),
        row(14935, "Sense and Sensibility", "", "0", "to-read", "to-read"),
    ];
    let works = works(&rows, &[], Catalogue::default());
    let (books, points, kept) = sent(&works);
    assert_eq!((books.len(), points, kept.len()), (3, vec![10, 2], 0));
    let rated = testing::tasks(&works)[3];
    assert_eq!(rated.at.to_rfc3339(), "2012-05-31T00:00:00+00:00", "when it was read");
}

#[test]
fn shelves_readers_make_are_favourites_and_how_far_they_are_is_not() {
    let rows = [
        row(1, "Emma", "", "0", "favorites", "read"),
        row(2, "Persuasion", "", "0", "to-read, Regency", "to-read"),
        row(3, "Sanditon", "", "0", "gave-up", "gave-up"),
        row(4, "Lady Susan", "", "0", "currently-reading", "currently-reading"),
        row(5, "Northanger Abbey", "", "0", "", "read"),
    ];
    let kept = |shelf: &[&str]| sent(&works(&rows, shelf, Catalogue::default())).2.len();
    assert_eq!(kept(&[]), 2);
    assert_eq!(kept(&["Favorites"]), 1);
    assert_eq!(kept(&["favorites", "to-read"]), 2);
    assert_eq!(kept(&["unknown"]), 0);
}

#[test]
fn a_book_is_found_by_its_isbn_and_then_by_title_and_author() {
    let known = || {
        holding(&[
            (1, "Emma: a novel", "J. Austen", Some("0141439580")),
            (2, "Persuasion (Vintage, #2)", "AUSTEN,  Jane", None),
            (3, "Persuasion", "Jane Austen", None),
            (4, "Persuasion", "Somebody Else", None),
        ])
    };
    let books = |rows: &[String]| sent(&works(rows, &[], known())).0;
    let id = |number| BookId::from(Uuid::from_u128(number));
    assert_eq!(books(&[row(8, "Emma", "0141439580", "0", "", "read")]), [id(1)]);
    assert_eq!(books(&[row(8, "Persuasion (Penguin, #6)", "", "0", "", "read")]), [id(2)]);
    let source = Source::new("goodreads").unwrap();
    let new = books(&[row(8, "Emma", "", "0", "", "read"), row(9, "Emma", "", "0", "", "read")]);
    let own = source.id::<BookId>("book", "8");
    assert_eq!(new, [own, own], "added once, then found");
}

#[test]
fn what_was_withdrawn_does_not_come_back() {
    let source = Source::new("goodreads").unwrap();
    let book = source.id::<BookId>("book", "8");
    let mut catalogue = Catalogue::default();
    let at = DateTime::UNIX_EPOCH;
    catalogue.fold(Event::BookAdded { book, details: details("Emma", "Jane Austen", None), at });
    catalogue.fold(Event::BookWithdrawn { book, at });
    let works = works(&[row(8, "Emma", "", "5", "", "read")], &[], catalogue);
    assert_eq!(refusals(&works), [("book-withdrawn", 2)]);
    assert!(testing::tasks(&works).is_empty());
}

#[test]
fn a_row_that_is_wrong_is_named_by_its_line_and_nothing_of_it_goes_in() {
    let rows = [
        row(1, "Emma", "", "six", "favorites", "read"),
        row(2, "Emma", "", "6", "favorites", "read"),
        row(3, "", "", "5", "favorites", "read"),
        row(4, "Emma", "0141439581", "5", "favorites", "read"),
        row(5, "Emma", "", "5", "favorites", "read").replace("2012/05/31", "May"),
        "6,too,few\n".to_owned(),
        row(7, "Emma", "", "5", "favorites", "read"),
    ];
    let works = works(&rows, &[], Catalogue::default());
    assert_eq!(unreadable(&works), [2, 6, 10, 12], "a review may be two lines long");
    assert_eq!(refusals(&works), [("invalid-score", 4), ("invalid-isbn", 8)]);
    assert_eq!(testing::tasks(&works).len(), 4, "a book, its points, its review, a favourite");
}

#[test]
fn a_review_is_a_comment_of_the_day_the_book_was_read() {
    let says = |rows: &[String]| -> Vec<(String, String, String)> {
        let works = works(rows, &[], Catalogue::default());
        let comments = testing::tasks(&works).into_iter().filter_map(|task| match &task.action {
            Action::Comment { comment, text, edited_at, .. } => {
                assert_eq!(*edited_at, DateTime::UNIX_EPOCH, "an edit is of today");
                assert_eq!(task.at.to_rfc3339(), "2012-05-31T00:00:00+00:00");
                Some((task.key.clone(), comment.to_string(), text.as_str().to_owned()))
            }
            _ => None,
        });
        comments.collect()
    };
    let row = row(8, "Emma", "", "0", "", "read");
    let [first] = &says(std::slice::from_ref(&row))[..] else { panic!("one review") };
    assert_eq!(first.2, "Fine.\nReally.");
    let [edited] = &says(&[row.replace("Fine.", "Better.<br/>")])[..] else { panic!("one") };
    assert_eq!((&edited.1, edited.2.as_str()), (&first.1, "Better.\n\nReally."));
    assert_ne!(edited.0, first.0, "another text is another command");
    assert_eq!(says(&[row.replace("4.10", "4.20")])[0], *first);
    let private = row.replace("\"Fine.\nReally.\",,,", ",,for myself,");
    assert!(says(&[private]).is_empty(), "private notes stay where they are");
    let spoils = row.replace("\"Fine.\nReally.\",,", "They marry.,true,");
    assert_eq!(says(&[spoils])[0].2, "Spoiler:\nThey marry.");
}

#[test]
fn either_isbn_will_do() {
    let both = |isbn: &str, isbn13: &str| {
        let row = row(1, "Emma", isbn, "0", "", "read").replace("=\"\"", &format!("=\"{isbn13}\""));
        let works = works(&[row], &[], Catalogue::default());
        match testing::actions(&works).first() {
            Some(Action::HaveBook { details, .. }) => details.isbn.map(|isbn| isbn.to_string()),
            _ => panic!("refused"),
        }
    };
    let emma = Some("9780141439587".to_owned());
    assert_eq!(both("0141439580", ""), emma);
    assert_eq!(both("x", "9780141439587"), emma);
    assert_eq!(both("0141439580", "9.78014E+12"), emma);
    assert_eq!(both("", ""), None);
}

#[test]
fn what_others_say_of_a_book_makes_no_new_command() {
    let keys = |row: String| -> Vec<String> {
        let works = works(&[row], &[], Catalogue::default());
        testing::tasks(&works).iter().map(|task| task.key.clone()).collect()
    };
    let row = row(8, "Emma", "", "5", "favorites", "read");
    assert_eq!(keys(row.clone()), keys(row.replace("4.10", "4.20")));
    assert_ne!(keys(row.clone()), keys(row.replace(",5,", ",4,")));
}
