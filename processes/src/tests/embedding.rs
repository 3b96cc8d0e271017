//! Courses that are read and embedded: killed in the middle, late models, files.

use std::path::{Path, PathBuf};

use domain::course::samples::{publication, publish, submit};
use domain::course::{Course, Status};
use domain::file::{self, Files, MediaType, Target};
use domain::publication::{Outcome, Publication};
use domain::samples::{at, lesson, rust_course, text};
use retrieval::{Embedder, TextModel};

use super::publication::{killed_at_every_commit, outcome_of};
use super::victim::{Victim, extractor};
use super::{Shop, running};
use crate::process::Providers;

impl Shop {
    /// Attached to the one lesson of the course, and stored in `folder`.
    async fn attach(&self, folder: &Path, name: &str, media_type: MediaType, content: &str) {
        let bytes = content.to_owned().into_bytes();
        let size = (bytes.len() as u64).try_into().expect("a small file");
        let blobs = blobstore::Blobs::folder(folder);
        let stream = futures::stream::iter([Ok::<_, std::io::Error>(bytes.into())]);
        let received = blobs.receive(stream).await.expect("it arrives");
        let content = file::Content { media_type, size, sha256: received.sha256.clone() };
        blobs.keep(received).await.expect("it is kept");
        let target = Target::Lesson { course: rust_course(), lesson: lesson(1) };
        let name = text(name);
        let command = file::Command::Attach { target, name, content, at: at(1) };
        self.execute::<Files>(target, command).await;
    }

    /// How many vectors were written, and of how many texts.
    async fn written(&self) -> (i64, i64) {
        let count = "select count(*), count(distinct sha256) from public.written";
        sqlx::query_as(count).fetch_one(self.log.pool()).await.expect("it is told of")
    }

    /// Whether there is a vector of that text.
    async fn means(&self, text: &str) -> bool {
        sqlx::query_scalar("select exists (select from processes.embeddings where sha256 = $1)")
            .bind(retrieval::text_hash(text).as_slice())
            .fetch_one(self.log.pool())
            .await
            .expect("vectors are kept")
    }

    /// From now on it is told of every vector that somebody writes.
    async fn watch_vectors(&self) {
        let watch = "create table public.written (sha256 bytea not null);
            create function public.tell() returns trigger language plpgsql as $$
            begin
                insert into public.written values (new.sha256);
                return new;
            end $$;
            create trigger tell before insert on processes.embeddings
               for each row execute function public.tell();";
        sqlx::raw_sql(watch).execute(self.log.pool()).await.expect("a table can be watched");
    }

    async fn outcomes(&self) -> Vec<Outcome> {
        let events = self.history::<Publication>(publication()).await.1;
        events.iter().filter_map(outcome_of).cloned().collect()
    }
}

fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("daybook-files-{}", uuid::Uuid::now_v7().simple()))
}

/// Sections that say something of their own each.
fn sections(count: usize) -> String {
    (1..=count).map(|n| format!("# Page {n}\n\nEntry {} stands here.\n\n", n * 7)).collect()
}

#[tokio::test]
async fn whatever_is_killed_at_any_step_every_file_is_read_and_no_passage_embedded_twice() {
    let Some(model) = local_services::testing::text_model() else { return };
    let (shop, files) = (Shop::open().await, folder());
    let _read_model = shop.read_model().await;
    shop.draft(&sections(70)).await;
    shop.attach(&files, "notes.md", MediaType::Markdown, "# Spine\n\nGlue.").await;
    let vtt = "WEBVTT\n\n00:00.000 --> 00:02.000\nFold it.\n";
    shop.attach(&files, "talk.vtt", MediaType::WebVtt, vtt).await;
    shop.watch_vectors().await;
    shop.execute::<Course>(rust_course(), submit()).await;

    let victim = || Victim::reading(&shop.url, &model, &files);
    let commits = killed_at_every_commit(&shop, victim).await;
    assert_eq!(commits, 7 + 1 + 2, "halfway through the files, after each of two batches");
    let told = shop.steps(publication()).await;
    for step in ["extract at 1 of 2", "embed at 32 of 72", "embed at 64 of 72"] {
        assert_eq!(told.iter().filter(|told| *told == step).count(), 1, "{told:?}");
    }
    assert_eq!(shop.written().await, (72, 72));
    let outcomes = shop.outcomes().await;
    let [
        Outcome::Extracted { lessons: 1, files: Some(2), .. },
        Outcome::Split { chunks: 72, .. },
        Outcome::Embedded { passages: 72, embedded: 72, model: Some(_), reason: None },
        Outcome::Indexed { .. },
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(shop.ends().await, (1, 0));
    std::fs::remove_dir_all(&files).expect("the files were there");
}

#[tokio::test]
async fn a_model_that_comes_late_is_waited_for() {
    let Some(folder) = local_services::testing::text_model() else { return };
    let shop = Shop::open().await;
    let _read_model = shop.read_model().await;
    shop.draft("Who frees what.").await;
    shop.execute::<Course>(rust_course(), submit()).await;
    let model = TextModel::loading();
    let providers = Providers { text_model: model.clone(), ..Providers::default() };
    let _running = running(&shop.log, providers);
    shop.until("everything is split", async || {
        shop.steps(publication()).await.iter().any(|step| step == "split done at 1")
    })
    .await;
    assert_ne!(shop.course_status().await, Some(Status::Published));
    model.settle(Ok(Embedder::load(&folder).expect("the model is there")));
    shop.until_course_is(Status::Published).await;
    let outcomes = shop.outcomes().await;
    assert!(matches!(outcomes[2], Outcome::Embedded { passages: 1, embedded: 1, .. }));
}

#[tokio::test]
async fn a_file_that_was_replaced_before_it_was_read_again_is_what_is_published() {
    let (shop, files) = (Shop::open().await, folder());
    shop.draft("Who frees what.").await;
    shop.attach(&files, "notes.md", MediaType::Markdown, "Twice\n\n# As\n\nlong.").await;
    shop.attach(&files, "notes.md", MediaType::Markdown, "Short.").await;
    shop.attach(&files, "tree.png", MediaType::Png, "a picture").await;
    shop.execute::<Course>(rust_course(), submit()).await;
    let _read_model = shop.read_model().await;
    let providers = Providers { extractor: Some(extractor(&files)), ..Providers::default() };
    let _running = running(&shop.log, providers);
    shop.until_course_is(Status::Published).await;
    let outcomes = shop.outcomes().await;
    assert!(matches!(outcomes[0], Outcome::Extracted { files: Some(1), .. }), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Split { chunks: 2, .. }), "{outcomes:?}");
    let extracts = sqlx::query_scalar("select text from processes.extracts");
    let extracts: Vec<String> =
        extracts.fetch_all(shop.log.pool()).await.expect("extracts are a table");
    assert_eq!(extracts, ["Short."]);
    std::fs::remove_dir_all(&files).expect("the files were there");
}

/// Such as one that was imported, or changed since.
#[tokio::test]
async fn a_course_that_is_published_already_is_read_without_being_asked() {
    let Some(folder) = local_services::testing::text_model() else { return };
    let (shop, files) = (Shop::open().await, self::folder());
    let _read_models = shop.read_models(&["courses", "files"]).await;
    shop.draft(&sections(40)).await;
    let too_long = "a".repeat(4_100_000);
    shop.attach(&files, "long.md", MediaType::Markdown, &too_long).await;
    shop.attach(&files, "notes.md", MediaType::Markdown, "# Spine\n\nGlue.").await;
    shop.execute::<Course>(rust_course(), publish()).await;
    let model = Embedder::load(&folder).expect("the model is there");
    let extractor = Some(extractor(&files));
    let text_model = TextModel::ready(model);
    let _running = running(&shop.log, Providers { text_model, extractor, ..Providers::default() });
    shop.until("the file is embedded", async || shop.means("Ownership > Spine\nGlue.").await).await;
    shop.until("the lesson is, to its end", async || {
        shop.means("Ownership > Page 40\nEntry 280 stands here.").await
    })
    .await;
    shop.attach(&files, "more.md", MediaType::Markdown, "Thread.").await;
    shop.until("the new file is embedded", async || shop.means("Ownership\nThread.").await).await;
    std::fs::remove_dir_all(&files).expect("the files were there");
}
