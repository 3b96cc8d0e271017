use axum::http::StatusCode;
use domain::Role;
use domain::course::{self, Command, Course};
use domain::file::{Content, FileName, Files, MediaType, Sha256, Target, samples};
use domain::samples::{ada, at, bob, lesson, middlemarch, rust_course, text};
use futures::stream;
use http_body_util::BodyExt;
use serde_json::json;

use crate::world::World;

const NOTES: &str = "# Notes\n";

/// Stored, and attached to each of these.
async fn notes(world: &World, targets: &[Target]) -> (Sha256, i64) {
    let bytes = stream::iter([Ok::<_, ()>(NOTES.into())]);
    let Ok(received) = world.blobs.receive(bytes).await else { panic!("it is not received") };
    let sha256 = received.sha256.clone();
    let size = received.size.try_into().unwrap();
    world.blobs.keep(received).await.unwrap();
    let content = Content { media_type: MediaType::Markdown, size, sha256: sha256.clone() };
    let name: FileName = text("notes.md");
    let mut last = 0;
    for target in targets {
        let command = samples::attach(*target, name.clone(), content.clone());
        last = world.run::<Files>(target, command).await;
    }
    (sha256, last)
}

#[tokio::test]
async fn a_file_is_sent_as_what_it_is_with_what_lets_it_be_kept() {
    let world = World::start().await;
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let (sha256, last) = notes(&world, &[samples::book()]).await;
    let path = format!("/files/{sha256}");
    let answer = world.get(&path).after(last).answer().await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, NOTES));
    assert_eq!(answer.header("content-type"), "text/markdown; charset=utf-8");
    assert_eq!(answer.header("content-length"), NOTES.len().to_string());
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(answer.header("projection-position"), last.to_string());
    let known = world.get(&path).with("if-none-match", answer.header("etag")).answer().await;
    assert_eq!((known.status, known.text.as_str()), (StatusCode::NOT_MODIFIED, ""));

    let part = world.get(&path).with("range", "bytes=2-6").answer().await;
    assert_eq!((part.status, part.text.as_str()), (StatusCode::PARTIAL_CONTENT, "Notes"));
    assert_eq!(part.header("content-range"), format!("bytes 2-6/{}", NOTES.len()));
    let beyond = world.get(&path).with("range", "bytes=99-").problem().await;
    assert_eq!(beyond, (416, "range-not-satisfiable".to_owned()));

    let page = world.get(&format!("/books/{}", middlemarch())).ok().await;
    assert_eq!(page["files"][0]["url"], format!("/api/v1{path}"));
    assert_eq!(page["cover_url"], json!(null), "notes are no cover");
}

#[tokio::test]
async fn a_file_of_a_lesson_is_for_few_until_it_is_attached_where_all_can_see_it() {
    let world = World::start().await;
    let details = Box::new(course::samples::details(None, None));
    let (course, by) = (rust_course(), ada());
    let create = Command::Create { course, by, details, at: at(0) };
    world.run::<Course>(course, create).await;
    world.run::<Course>(course, course::samples::add_lesson(by, lesson(1), None)).await;
    let (sha256, last) = notes(&world, &[samples::first_lesson()]).await;
    let path = format!("/files/{sha256}");
    assert_eq!(world.get(&path).after(last).problem().await, (401, "token-required".to_owned()));
    let ask = |account, roles: &[Role]| world.get(&path).bearer(&world.token(account, roles));
    assert_eq!(ask(bob(), &[]).problem().await, (403, "not-enrolled".to_owned()));
    for ask in [ask(ada(), &[Role::Instructor]), ask(bob(), &[Role::Operator])] {
        let answer = ask.answer().await;
        assert_eq!(answer.text, NOTES);
        assert_eq!(answer.header("cache-control"), "private, max-age=31536000, immutable");
    }
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let (_, last) = notes(&world, &[samples::book()]).await;
    assert_eq!(world.get(&path).after(last).answer().await.text, NOTES);
    let removed = samples::remove(samples::book(), text("notes.md"));
    let last = world.run::<Files>(samples::book(), removed).await;
    assert_eq!(world.get(&path).after(last).problem().await.0, 401);
    let unknown = format!("/files/{}", "0".repeat(64));
    assert_eq!(world.get(&unknown).problem().await, (404, "file-unknown".to_owned()));
}

#[tokio::test]
async fn content_that_is_not_there_is_our_failure() {
    let world = World::start().await;
    world.add_book(middlemarch(), "Middlemarch", "George Eliot", None).await;
    let attach = samples::attach(samples::book(), samples::cover(), samples::content(1));
    let last = world.run::<Files>(samples::book(), attach).await;
    let path = format!("/files/{}", samples::content(1).sha256);
    let response = world.get(&path).after(last).response().await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("\"internal\""));
}

#[tokio::test]
async fn a_file_of_a_course_is_public_from_its_publication_on() {
    let world = World::start().await;
    let details = Box::new(course::samples::details(Some("Read before you write."), None));
    let (course, by) = (rust_course(), ada());
    world.run::<Course>(course, Command::Create { course, by, details, at: at(0) }).await;
    world.run::<Course>(course, course::samples::add_lesson(by, lesson(1), None)).await;
    let (sha256, _) = notes(&world, &[Target::Item(course.into())]).await;
    let path = format!("/files/{sha256}");
    let bobs = world.token(bob(), &[]);
    let submitted = world.run::<Course>(course, course::samples::submit()).await;
    let hidden = (403, "not-enrolled".to_owned());
    assert_eq!(world.get(&path).bearer(&bobs).after(submitted).problem().await, hidden);
    let published = world.run::<Course>(course, course::samples::finish_publication()).await;
    assert_eq!(world.get(&path).after(published).answer().await.text, NOTES);
    let archived = world.run::<Course>(course, course::samples::archive()).await;
    assert_eq!(world.get(&path).after(archived).answer().await.text, NOTES);
}

#[tokio::test]
async fn a_file_of_a_course_that_was_never_published_stays_its_instructors() {
    let world = World::start().await;
    let details = Box::new(course::samples::details(None, None));
    let (course, by) = (rust_course(), ada());
    world.run::<Course>(course, Command::Create { course, by, details, at: at(0) }).await;
    let (sha256, _) = notes(&world, &[Target::Item(course.into())]).await;
    let last = world.run::<Course>(course, course::samples::archive()).await;
    let path = format!("/files/{sha256}");
    let bobs = world.token(bob(), &[]);
    let hidden = (403, "not-enrolled".to_owned());
    assert_eq!(world.get(&path).bearer(&bobs).after(last).problem().await, hidden);
    let adas = world.token(ada(), &[Role::Instructor]);
    assert_eq!(world.get(&path).bearer(&adas).answer().await.text, NOTES);
}
