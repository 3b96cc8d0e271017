//! Files: covers that everybody sees, material for those who take the course.

mod upload;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Client, Program, Receipt, School, System, drafted, publish};
pub use upload::png;
use upload::{PNG, content, files_in, hash, raw_upload};

const MEBIBYTE: usize = 1 << 20;

async fn book(mercy: &Client) -> Uuid {
    let book = json!({ "title": "Middlemarch", "authors": ["George Eliot"] });
    mercy.post("books", book).await.accepted().id()
}

async fn attached(system: &System, by: &Client, path: &str, kind: &str, body: &[u8]) -> Receipt {
    system.ask_as(&by.token, Method::PUT, path).text(kind, body.to_vec()).await.accepted()
}

#[tokio::test]
async fn a_cover_is_seen_by_everybody_on_the_page_in_the_list_and_as_it_was_sent() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let book = book(&mercy).await;
    let (cover, path) = (png(1), format!("books/{book}/files/cover.png"));
    let receipt = attached(&system, &mercy, &path, PNG, &cover).await;
    assert_eq!(receipt.body["stream"], json!({ "type": "file", "id": format!("book:{book}") }));
    assert_eq!(receipt.body["sha256"], hash(&cover));
    let again = attached(&system, &mercy, &path, PNG, &cover).await;
    assert_eq!(again.body["unchanged"], true, "{}", again.body);

    let page = system.get(format!("books/{book}")).after(&receipt).await.ok();
    let url = format!("/api/v1/files/{}", hash(&cover));
    let file = &page["files"][0];
    assert_eq!((&file["name"], &file["media_type"]), (&json!("cover.png"), &json!(PNG)));
    assert_eq!((&file["size"], &file["url"]), (&json!(cover.len()), &json!(url)));
    assert_eq!(page["cover_url"], url);
    let list = system.get("books?sort=newest&limit=200").await.ok();
    let books = list["items"].as_array().unwrap();
    assert!(books.iter().any(|book| book["cover_url"] == url), "{list}");

    let (answer, bytes) = content(system.get(&url)).await;
    assert_eq!((answer.status, &bytes), (200, &cover));
    let header = |name: &str| answer.header(name);
    assert_eq!(header("content-type"), PNG);
    assert_eq!(header("etag"), format!("\"{}\"", hash(&cover)));
    assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-disposition"), "inline; filename*=UTF-8''cover%2Epng");

    let other = png(2);
    let replaced = attached(&system, &mercy, &path, PNG, &other).await;
    let page = system.get(format!("books/{book}")).after(&replaced).await.ok();
    assert_eq!(page["cover_url"], format!("/api/v1/files/{}", hash(&other)));
    system.get(&url).await.refused(404, "file-unknown");
    let removed = mercy.delete(&path).await.accepted();
    let page = system.get(format!("books/{book}")).after(&removed).await.ok();
    assert_eq!((&page["files"], &page["cover_url"]), (&json!([]), &Value::Null));
    mercy.delete(&path).await.refused(404, "file-unknown");
}

#[tokio::test]
async fn nobody_makes_a_file_of_others_something_else() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let (ours, theirs) = (book(&mercy).await, book(&mercy).await);
    let notes = b"# What everybody reads\n";
    let path = format!("books/{ours}/files/notes.md");
    attached(&system, &mercy, &path, "text/markdown", notes).await;
    let path = format!("books/{theirs}/files/theirs.vtt");
    let again = attached(&system, &mercy, &path, "text/markdown", notes).await;
    system.get(format!("books/{theirs}")).after(&again).await.ok();

    let (answer, _) = content(system.get(format!("files/{}", hash(notes)))).await;
    assert_eq!(answer.header("content-type"), "text/markdown; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "inline; filename*=UTF-8''notes%2Emd");
}

#[tokio::test]
async fn parts_of_a_file_are_sent_and_what_the_client_has_is_not() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let path = format!("books/{}/files/cover.png", book(&mercy).await);
    let cover = png(3);
    let receipt = attached(&system, &mercy, &path, PNG, &cover).await;
    let (url, size) = (format!("/api/v1/files/{}", hash(&cover)), cover.len());
    let ask = || system.get(&url).after(&receipt);
    for (range, bytes) in [
        ("bytes=0-7".to_owned(), 0..8),
        ("bytes=8-".to_owned(), 8..size),
        ("bytes=-5".to_owned(), size - 5..size),
        (format!("bytes=5-{}", size * 2), 5..size),
    ] {
        let (answer, part) = content(ask().header("range", &range)).await;
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(part, cover[bytes.clone()], "{range}");
        let said = format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1);
        assert_eq!(answer.header("content-range"), said);
    }
    let beyond = ask().header("range", format!("bytes={size}-")).await;
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    beyond.refused(416, "range-not-satisfiable");

    let tag = format!("\"{}\"", hash(&cover));
    let (answer, nothing) = content(ask().header("if-none-match", &tag)).await;
    assert_eq!((answer.status, nothing.len()), (304, 0));
    let (answer, all) =
        content(ask().header("range", "bytes=0-1").header("if-range", "\"other\"")).await;
    assert_eq!((answer.status, all.len()), (200, size));
    let head = system.ask(Method::HEAD, &url).after(&receipt);
    let (answer, nothing) = content(head).await;
    assert_eq!((answer.status, nothing.len()), (200, 0));
    assert_eq!(answer.header("content-length"), size.to_string());
    assert_eq!(answer.header("accept-ranges"), "bytes");
}

#[tokio::test]
async fn material_of_a_lesson_is_for_those_who_take_or_teach_it() {
    let school = School::teaching(1, None).await;
    let (system, ines) = (&school.system, &school.ines);
    let notes = format!("# Notes {}\n", Uuid::now_v7());
    let path = format!("courses/{}/lessons/{}/files/notes.md", school.course, school.lessons[0]);
    attached(system, ines, &path, "text/markdown; charset=utf-8", notes.as_bytes()).await;
    let (student, stranger) = (system.ada().await, system.bob().await);
    let enrolled = student.put(school.enrollment(), json!({})).await.accepted();
    let url = format!("/api/v1/files/{}", hash(notes.as_bytes()));

    for may in [&student, ines, system.operator()] {
        let (answer, bytes) = content(may.get(&url).after(&enrolled)).await;
        assert_eq!(bytes, notes.as_bytes());
        assert_eq!(answer.header("content-type"), "text/markdown; charset=utf-8");
        let caching = "private, max-age=31536000, immutable";
        assert_eq!(answer.header("cache-control"), caching);
    }
    system.get(&url).await.refused(401, "token-required");
    stranger.get(&url).await.refused(403, "not-enrolled");
    let course = format!("courses/{}", school.course);
    let page = student.get(&course).await.ok();
    assert_eq!(page["lessons"][0]["files"][0]["url"], url, "{page}");
    let page = stranger.get(&course).await.ok();
    assert_eq!(page["lessons"][0]["files"], Value::Null, "{page}");

    let withdrawn = student.delete(school.enrollment()).await.accepted();
    student.get(&url).after(&withdrawn).await.refused(403, "not-enrolled");
    // Once the same content is attached to something that everybody sees, everybody does.
    let mercy = system.merchandiser().await;
    let public = format!("books/{}/files/notes.md", book(&mercy).await);
    let public = attached(system, &mercy, &public, "text/markdown", notes.as_bytes()).await;
    let (answer, _) = content(system.get(&url).after(&public)).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn what_is_attached_to_a_draft_is_seen_when_it_is_published() {
    let system = System::start().await;
    let (ines, irma) = (system.instructor().await, system.instructor().await);
    let (course, lessons) = drafted(&ines, 1, None).await;
    let cover = png(4);
    let path = format!("courses/{course}/files/cover.png");
    let receipt = attached(&system, &ines, &path, PNG, &cover).await;
    let url = format!("/api/v1/files/{}", hash(&cover));
    system.get(&url).after(&receipt).await.refused(401, "token-required");
    content(ines.get(&url)).await;

    let of = |path: &str, who: &Client| {
        system.ask_as(&who.token, Method::PUT, path).text(PNG, cover.clone())
    };
    of(&path, &irma).await.refused(403, "not-the-instructor");
    of(&path, &system.merchandiser().await).await.refused(403, "forbidden");
    let unknown = format!("courses/{course}/lessons/{}/files/a.png", Uuid::now_v7());
    of(&unknown, &ines).await.refused(404, "lesson-unknown");
    let unknown = format!("courses/{}/files/a.png", Uuid::now_v7());
    of(&unknown, &ines).await.refused(404, "course-unknown");
    of(&format!("courses/{course}/lessons/{}/files/a.png", lessons[0]), &ines).await.accepted();

    let published = publish(&ines, course).await;
    let page = system.get(format!("courses/{course}")).after(&published).await.ok();
    assert_eq!(page["cover_url"], url, "{page}");
    let (answer, bytes) = content(system.get(&url)).await;
    assert_eq!((answer.status, bytes), (200, cover.clone()));
    let archived = ines.delete(format!("courses/{course}")).await.accepted();
    of(&path, &ines).await.refused(410, "course-archived");
    assert_eq!(content(system.get(&url).after(&archived)).await.1, cover);
}

#[tokio::test]
async fn a_file_is_what_it_says_it_is_or_is_refused() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let path = format!("books/{}/files/x", book(&mercy).await);
    let send = |kind: &str, body: &str| {
        system.ask_as(&mercy.token, Method::PUT, &path).text(kind, body.to_owned())
    };
    send("text/plain", "hello").await.refused(415, "unsupported-media-type");
    send("image/png", "<script>").await.refused(415, "unsupported-media-type");
    send("image/png", "").await.refused(422, "invalid");
    send("application/json", "{}").await.refused(415, "unsupported-media-type");
    for name in ["a%2Fb", "%20a", "..%5C", &"x".repeat(201)] {
        let path = path.replace("/x", &format!("/{name}"));
        let ask = system.ask_as(&mercy.token, Method::PUT, &path).text(PNG, png(5));
        let problem = ask.await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/path/name", "{problem}");
    }
    let page = "<!doctype html><script>alert(document.domain)</script>".to_owned();
    let html = send("text/html", &page).await.accepted();
    let (answer, bytes) =
        content(system.get(format!("files/{}", hash(page.as_bytes()))).after(&html)).await;
    assert_eq!(bytes, page.as_bytes());
    assert!(answer.header("content-security-policy").ends_with("sandbox"));
    assert!(answer.header("content-disposition").starts_with("attachment"));
}

#[tokio::test]
async fn a_key_stands_for_the_content_it_came_with() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let path = format!("books/{}/files/cover", book(&mercy).await);
    let key = Uuid::now_v7();
    let send = |body: Vec<u8>| {
        let ask = system.ask_as(&mercy.token, Method::PUT, &path).text(PNG, body);
        ask.header("idempotency-key", key)
    };
    let first = send(png(6)).await.accepted();
    let again = send(png(6)).await;
    assert_eq!(again.header("idempotency-replayed"), "true", "{again}");
    assert_eq!(again.accepted().position, first.position);
    send(png(7)).await.refused(422, "idempotency-key-reused");
}

#[tokio::test]
async fn large_files_are_taken_in_whole_and_too_large_or_broken_ones_leave_nothing() {
    let start = || Program::up("files", &["--ephemeral"]);
    let program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let mercy = system.merchandiser().await;
    let book = book(&mercy).await;
    let path = format!("books/{book}/files/cover.png");
    let blobs = program.data_dir.join("blobs");
    let of_size = |size: usize| {
        let mut body = png(8);
        body.resize(size, 8);
        body
    };
    let send =
        |body: reqwest::Body| system.ask_as(&mercy.token, Method::PUT, &path).text(PNG, body);
    send(of_size(64 * MEBIBYTE + 1).into()).await.refused(413, "body-too-large");
    let pieces: Vec<_> = (0..65).map(|_| Ok::<_, std::io::Error>(of_size(MEBIBYTE))).collect();
    let unannounced = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    send(unannounced).await.refused(413, "body-too-large");
    assert_eq!(files_in(&blobs), 0);

    // Cut in the middle, with a length that promised more.
    raw_upload(system.base(), &format!("/api/v1/{path}"), &mercy.token, &png(9), 1000).await;
    let receipt = send(of_size(64 * MEBIBYTE).into()).await.accepted();
    assert_eq!(receipt.sequence, 1, "nothing had been attached before");
    let page = system.get(format!("books/{book}")).after(&receipt).await.ok();
    assert_eq!(page["files"][0]["size"], 64 * MEBIBYTE, "{page}");
    let other = format!("books/{book}/files/again.png");
    attached(&system, &mercy, &other, PNG, &of_size(64 * MEBIBYTE)).await;
    let whole = content(system.get(page["files"][0]["url"].as_str().unwrap())).await.1;
    assert!(whole == of_size(64 * MEBIBYTE));
    upload::until(|| files_in(&blobs) == 1, "the same content is stored once").await;
}

#[tokio::test]
async fn files_are_still_there_after_the_program_was_killed() {
    let folder = tempfile("files-kept");
    let flags = ["--data-dir", folder.to_str().unwrap()];
    let begin = |name: &'static str| {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let up = move || {
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            Program::up(name, &flags)
        };
        async { tokio::task::spawn_blocking(up).await.unwrap() }
    };
    let mut program = begin("files-first").await;
    let system = System::of(&program).await;
    let mercy = system.merchandiser().await;
    let path = format!("books/{}/files/cover.png", book(&mercy).await);
    let cover = png(10);
    let receipt = attached(&system, &mercy, &path, PNG, &cover).await;
    program.child.kill().unwrap();
    program.child.wait().unwrap();

    let program = begin("files-second").await;
    let system = System::of(&program).await;
    let url = format!("files/{}", hash(&cover));
    assert_eq!(content(system.get(&url).after(&receipt)).await.1, cover);
    program.signal(local_services::Signal::Terminate);
}

fn tempfile(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}
