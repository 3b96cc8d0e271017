//! What there is to read in a course: in long ones, in files, in files that do harm.

mod pdf;

use local_services::{Signal, testing};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::system::{Answer, Client, Program, System, drafted, eventually};
use pdf::{encrypted, endless, says};

const LESSONS: usize = 500;

/// Until it has ended, one way or the other.
async fn ended(ines: &Client, workflow: &str) -> Answer {
    let over = ["COMPLETED", "FAILED"].map(Value::from);
    eventually(|| ines.get(workflow), |answer| over.contains(&answer.body["state"])).await
}

async fn submitted(ines: &Client, course: Uuid) -> String {
    let publication = format!("courses/{course}/publication");
    let id = ines.post(publication, json!({})).await.accepted().id();
    format!("workflows/{id}")
}

fn step<'a>(workflow: &'a Answer, name: &str) -> &'a Value {
    // Right after it was asked for there may be no such workflow yet.
    let steps = workflow.body["by_step"].as_array();
    steps.into_iter().flatten().find(|step| step["name"] == name).unwrap_or(&Value::Null)
}

async fn database(program: &Program) -> PgPool {
    let attached = local_services::attach(&program.data_dir).unwrap();
    PgPool::connect(&attached.database_url.unwrap()).await.unwrap()
}

/// From now on it is told of every vector that somebody writes.
async fn watch(pool: &PgPool) {
    sqlx::raw_sql(
        "create table public.written (sha256 bytea not null);
         create function public.tell() returns trigger language plpgsql as $$
         begin
             insert into public.written values (new.sha256);
             return new;
         end $$;
         create trigger tell before insert on processes.embeddings
            for each row execute function public.tell();",
    )
    .execute(pool)
    .await
    .unwrap();
}

/// The vectors that were written, each of which was once.
async fn written_once(pool: &PgPool) -> usize {
    let count = "select count(*), count(distinct sha256) from public.written";
    let (all, different): (i64, i64) = sqlx::query_as(count).fetch_one(pool).await.unwrap();
    assert_eq!(all, different, "a text was embedded twice");
    usize::try_from(all).unwrap()
}

/// How many texts this program has embedded since it started.
async fn embedded(system: &System) -> usize {
    let metrics = system.get("/metrics").await.ok();
    let lines = metrics.body.as_str().unwrap().lines();
    let counted = lines.filter_map(|line| line.strip_prefix("daybook_texts_embedded_total "));
    counted.map(|count| count.parse::<usize>().unwrap()).sum()
}

/// Lessons that differ in every passage.
async fn long_course(ines: &Client) -> Uuid {
    let (course, _) = drafted(ines, 0, None).await;
    for number in 1..=LESSONS {
        let text = format!("# Page {number}\n\nOn page {number} stands entry {}.", number * 7);
        let lesson = json!({ "title": format!("Lesson {number}"), "text": text });
        ines.post(format!("courses/{course}/lessons"), lesson).await.accepted();
    }
    course
}

#[tokio::test]
async fn a_course_of_500_lessons_is_killed_while_it_is_embedded_and_nothing_is_embedded_twice() {
    let Some(model) = testing::text_model() else { return };
    let folder = std::env::temp_dir().join(format!("daybook-e2e-{}", Uuid::now_v7().simple()));
    let (name, model) = (folder.to_str().unwrap().to_owned(), model.to_str().unwrap().to_owned());
    let start = move || {
        Program::up_with("pipeline", &["--data-dir", &name], &[("DAYBOOK_TEXT_MODEL", &model)])
    };
    let mut program = tokio::task::spawn_blocking(start.clone()).await.unwrap();
    let system = System::of(&program).await;
    let ines = system.instructor().await;
    watch(&database(&program).await).await;
    let course = long_course(&ines).await;
    let workflow = submitted(&ines, course).await;

    let far = |answer: &Answer| step(answer, "embed")["progress"]["done"].as_u64();
    let first = eventually(|| ines.get(&workflow), |answer| far(answer).is_some()).await;
    assert_eq!(step(&first, "embed")["progress"]["total"], LESSONS, "{first}");
    let second = eventually(|| ines.get(&workflow), |answer| far(answer) > far(&first)).await;
    assert!(second["percent"].as_i64() >= Some(50), "three of six steps are done: {second}");
    program.signal(Signal::Kill);
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();

    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let pool = database(&program).await;
    let system = System::of(&program).await;
    let ines = system.again(&ines.login).await;
    let workflow = ended(&ines, &workflow).await;
    assert_eq!(workflow["state"], "COMPLETED", "{workflow}");
    let outcome = &step(&workflow, "embed")["outcome"];
    let counted = json!([outcome["passages"], outcome["embedded"]]);
    assert_eq!(counted, json!([LESSONS, LESSONS]), "{workflow}");
    let (all, by_second) = (written_once(&pool).await, embedded(&system).await);
    let before = usize::try_from(far(&second).unwrap()).unwrap();
    assert!(by_second + before <= all, "{by_second} after {before} of {all}");

    // The same lessons once more are the same passages.
    let again = submitted(&ines, long_course(&ines).await).await;
    let again = ended(&ines, &again).await;
    assert_eq!(step(&again, "embed")["outcome"], *outcome, "{again}");
    written_once(&pool).await;
    let found = system.get("courses?q=entry+3500").await.ok();
    assert_eq!(found["items"].as_array().unwrap().len(), 2, "{found}");

    program.signal(Signal::Terminate);
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn attach(by: &Client, system: &System, path: &str, kind: &str, body: impl Into<Vec<u8>>) {
    system.ask_as(&by.token, Method::PUT, path).text(kind, body.into()).await.accepted();
}

#[tokio::test]
async fn what_stands_in_files_alone_is_read_and_pictures_are_passed_over() {
    let system = System::start().await;
    let ines = system.instructor().await;
    let (course, lessons) = drafted(&ines, 2, None).await;
    let files = [0, 1].map(|lesson| format!("courses/{course}/lessons/{}/files", lessons[lesson]));
    let own = Uuid::now_v7().simple().to_string();
    let html = format!("<h1>Folios</h1><p>{own}</p><h2>Quires</h2><p>Eight leaves.</p>");
    let vtt = format!("WEBVTT\n\n00:00.000 --> 00:02.000\nSaid {own}.\n");
    for (path, kind, body) in [
        ("0/page.html", "text/html", html.into_bytes()),
        ("0/notes.md", "text/markdown", format!("# Spine\n\n{own}").into_bytes()),
        ("0/cover.png", "image/png", crate::file::png(9)),
        ("1/talk.vtt", "text/vtt", vtt.into_bytes()),
        ("1/print.pdf", "application/pdf", says(&format!("Printed {own}."))),
    ] {
        let (lesson, name) = path.split_once('/').unwrap();
        let lesson: usize = lesson.parse().unwrap();
        attach(&ines, &system, &format!("{}/{name}", files[lesson]), kind, body).await;
    }
    let workflow = submitted(&ines, course).await;
    let workflow = ended(&ines, &workflow).await;
    assert_eq!(workflow["state"], "COMPLETED", "{workflow}");
    let outcome = |name: &str| &step(&workflow, name)["outcome"];
    assert_eq!(
        (&outcome("extract")["files"], &outcome("extract")["lessons"]),
        (&json!(4), &json!(2))
    );
    // Two of lessons, two under headings of the page, one of each other file.
    assert_eq!(outcome("split")["chunks"], 2 + 2 + 3, "{workflow}");

    let pool = database(Program::shared()).await;
    let select = "select text from processes.extracts where text like '%' || $1 || '%' order by text collate \"C\"";
    let texts: Vec<String> = sqlx::query_scalar(select).bind(&own).fetch_all(&pool).await.unwrap();
    let [folios, spine, printed, said] = &texts[..] else { panic!("{texts:?}") };
    assert_eq!(*spine, format!("# Spine\n\n{own}"));
    assert_eq!(*folios, format!("# Folios\n\n{own}\n\n## Quires\n\nEight leaves."));
    assert_eq!(
        (printed.as_str(), said.as_str()),
        (&*format!("Printed {own}."), &*format!("Said {own}."))
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_and_harms_nobody() {
    let system = System::start().await;
    let ines = system.instructor().await;
    let (course, lessons) = drafted(&ines, 1, None).await;
    let file = format!("courses/{course}/lessons/{}/files/print.pdf", lessons[0]);
    let whole = says("It was whole once.");
    for (content, why) in [
        (whole[..whole.len() / 2].to_vec(), "it is broken: "),
        (encrypted("Nobody may read it."), "it is encrypted"),
        (endless(), "it takes too much memory or time to read, or it is broken"),
    ] {
        attach(&ines, &system, &file, "application/pdf", content).await;
        let workflow = submitted(&ines, course).await;
        let failed = ended(&ines, &workflow).await;
        assert_eq!(
            (&failed["state"], &failed["current_step"]),
            (&json!("FAILED"), &json!("extract")),
            "{why}: {failed}"
        );
        let reason = failed["reason"].as_str().unwrap();
        let expected = format!("the file print.pdf of lesson 1: {why}");
        assert!(reason.starts_with(&expected), "{reason}");
    }
    attach(&ines, &system, &file, "application/pdf", whole).await;
    let workflow = submitted(&ines, course).await;
    assert_eq!(ended(&ines, &workflow).await["state"], "COMPLETED");
}
