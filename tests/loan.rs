use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Client, System};

/// A book with copies to lend, and whoever keeps them.
struct Library {
    system: System,
    mercy: Client,
    book: Uuid,
}

impl Library {
    async fn with(copies: u32) -> Self {
        let system = System::start().await;
        let mercy = system.merchandiser().await;
        let book = json!({ "title": "Middlemarch", "authors": ["George Eliot"] });
        let book = mercy.post("books", book).await.accepted().id();
        let library = Self { system, mercy, book };
        library.set_copies(copies).await.accepted();
        library
    }

    async fn set_copies(&self, copies: u32) -> Answer {
        self.mercy.put(format!("books/{}/copies", self.book), json!({ "copies": copies })).await
    }

    fn loan(&self) -> String {
        format!("books/{}/loan", self.book)
    }

    async fn borrow(&self, reader: &Client) -> Answer {
        reader.put(self.loan(), json!({})).await
    }

    async fn readers(&self, number: usize) -> Vec<Client> {
        join_all((0..number).map(|_| self.system.member("Reader"))).await
    }

    /// All of them want the book at the same moment: how many got it, and when the last one did.
    async fn race(&self, readers: &[Client]) -> (usize, i64) {
        let answers = join_all(readers.iter().map(|reader| self.borrow(reader))).await;
        let (mut borrowed, mut last) = (0, 0);
        for answer in answers {
            if answer.status.is_success() {
                borrowed += 1;
                last = last.max(answer.accepted().position);
            } else {
                answer.refused(409, "no-copy-left");
            }
        }
        (borrowed, last)
    }

    /// Who has the book, as each of them sees it.
    async fn holders(&self, readers: &[Client], after: i64) -> usize {
        let mine = join_all(readers.iter().map(|reader| async move {
            let ask = reader.get("accounts/me/loans").header("consistency-token", after);
            ask.header("prefer", "wait=5").await
        }))
        .await;
        mine.iter().filter(|loans| loans["items"] != json!([])).count()
    }
}

#[tokio::test]
async fn a_book_goes_out_and_comes_back() {
    let library = Library::with(2).await;
    let ada = library.system.ada().await;
    let page = format!("books/{}", library.book);

    let borrowed = library.borrow(&ada).await.accepted();
    let book = library.system.get(&page).after(&borrowed).await;
    assert_eq!((&book["copies"], &book["available"]), (&json!(2), &json!(1)), "{book}");
    let mine = ada.get("accounts/me/loans").after(&borrowed).await;
    let loan = &mine["items"][0];
    assert_eq!((&loan["title"], &loan["overdue"]), (&json!("Middlemarch"), &json!(false)));
    let time = |field: &str| -> DateTime<Utc> { loan[field].as_str().unwrap().parse().unwrap() };
    let term = time("due_at") - time("borrowed_at");
    assert!(term > TimeDelta::days(21) && term <= TimeDelta::days(22), "{loan}");

    let returned = ada.delete(library.loan()).await.accepted();
    let book = library.system.get(&page).after(&returned).await;
    assert_eq!(book["available"], 2, "{book}");
    let mine = ada.get("accounts/me/loans").after(&returned).await;
    assert_eq!(mine["items"], json!([]), "{mine}");
    let before = ada.get("accounts/me/loans?returned=true").after(&returned).await;
    assert_eq!(before["items"][0]["id"], library.book.to_string(), "{before}");
    ada.delete(library.loan()).await.refused(409, "not-borrowed");
}

#[tokio::test]
async fn of_two_who_race_for_the_last_copy_one_gets_it() {
    let library = Library::with(1).await;
    let readers = library.readers(2).await;

    let (borrowed, last) = library.race(&readers).await;

    assert_eq!(borrowed, 1);
    assert_eq!(library.holders(&readers, last).await, 1);
}

#[tokio::test]
async fn of_twenty_who_race_for_the_last_copy_one_gets_it() {
    let library = Library::with(1).await;
    let readers = library.readers(20).await;

    let (borrowed, last) = library.race(&readers).await;

    assert_eq!(borrowed, 1);
    assert_eq!(library.holders(&readers, last).await, 1);
    let auditor = library.system.auditor().await;
    let stream = format!("audit/streams/loan/{}", library.book);
    let history = auditor.get(&stream).await.ok();
    let happened: Vec<&Value> =
        history["items"].as_array().unwrap().iter().map(|event| &event["event_type"]).collect();
    assert_eq!(happened, ["CopiesSet", "BookBorrowed"], "{history}");
}

#[tokio::test]
async fn borrowing_twice_takes_one_copy_and_does_not_prolong_it() {
    let library = Library::with(1).await;
    let ada = library.system.ada().await;
    let first = library.borrow(&ada).await.accepted();

    let again = library.borrow(&ada).await.accepted();

    assert_eq!(again.body["unchanged"], true, "{}", again.body);
    assert_eq!(again.sequence, first.sequence);
}

#[tokio::test]
async fn copies_that_are_out_cannot_be_taken_from_the_count() {
    let library = Library::with(3).await;
    for reader in library.readers(2).await {
        library.borrow(&reader).await.accepted();
    }

    let problem = library.set_copies(1).await.refused(409, "copies-out");

    assert_eq!(problem["out"], 2, "{problem}");
    library.set_copies(2).await.accepted();
    let problem = library.set_copies(10_001).await.refused(422, "invalid");
    assert_eq!(problem["errors"][0]["pointer"], "/copies", "{problem}");
}

#[tokio::test]
async fn a_withdrawn_book_comes_back_but_goes_out_no_more() {
    let library = Library::with(2).await;
    let (ada, bob) = (library.system.ada().await, library.system.bob().await);
    library.borrow(&ada).await.accepted();
    library.mercy.delete(format!("books/{}", library.book)).await.accepted();

    library.borrow(&bob).await.refused(410, "book-withdrawn");
    ada.delete(library.loan()).await.accepted();
    let nothing = format!("books/{}/loan", Uuid::now_v7());
    bob.put(nothing, json!({})).await.refused(404, "book-unknown");
}

#[tokio::test]
async fn only_those_who_keep_the_books_see_who_has_them() {
    let library = Library::with(1).await;
    let ada = library.system.ada().await;
    let borrowed = library.borrow(&ada).await.accepted();
    let all = async |ask: &str| -> Vec<Value> {
        let (mut path, mut all) = (ask.to_owned(), Vec::new());
        loop {
            let page = library.mercy.get(&path).after(&borrowed).await;
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { return all };
            path = format!("{ask}&cursor={next}");
        }
    };

    let out = all("loans?limit=200").await;
    let hers: Vec<&Value> =
        out.iter().filter(|loan| loan["id"] == library.book.to_string()).collect();
    assert_eq!(hers.len(), 1, "{out:?}");
    assert_eq!(hers[0]["reader"], ada.id.to_string());
    assert_eq!(hers[0].get("display_name"), None);
    let overdue = all("loans?overdue=true&limit=200").await;
    assert!(overdue.iter().all(|loan| loan["id"] != library.book.to_string()), "{overdue:?}");
    ada.get("loans?overdue=true").await.refused(403, "forbidden");
    ada.put(format!("books/{}/copies", library.book), json!({ "copies": 9 }))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn a_copy_comes_back_for_a_reader_who_is_gone() {
    let library = Library::with(2).await;
    let (ada, bob) = (library.system.ada().await, library.system.bob().await);
    let operator = library.system.operator();
    for reader in [&ada, &bob] {
        library.borrow(reader).await.accepted();
    }
    ada.delete("accounts/me").await.accepted();
    operator.put(format!("accounts/{}/deactivation", bob.id), json!({})).await.accepted();

    let page = format!("books/{}", library.book);
    for (reader, left) in [(&ada, 1), (&bob, 2)] {
        let loan = format!("books/{}/loans/{}", library.book, reader.id);
        let returned = library.mercy.delete(&loan).await.accepted();
        let book = library.system.get(&page).after(returned).await;
        assert_eq!(book["available"], left, "{book}");
        library.mercy.delete(&loan).await.refused(409, "not-borrowed");
    }
    library.set_copies(0).await.accepted();
}
