//! A cover and the material of a lesson, to be seen and downloaded.

use anyhow::Context as _;
use blobstore::Blobs;
use chrono::{DateTime, Utc};
use command_api::file::{attach, store};
use domain::AccountId;
use domain::file::{MediaType, Target};
use eventstore::{Context, Log};
use futures::stream;

use super::catalogue::Catalogue;
use crate::cli::import::source::Source;

const COVER: &str = include_str!("data/files/moby-dick.svg");
const LEDGER: &str = include_str!("data/files/first-ledger.md");

/// Attaches them, or what is missing of them; `instructor` teaches the course.
pub async fn attach_all(
    log: &Log,
    blobs: &Blobs,
    catalogue: &Catalogue,
    (source, instructor, at): (&Source, AccountId, DateTime<Utc>),
) -> anyhow::Result<()> {
    let book = Target::Item(catalogue.book("moby-dick")?.id.into());
    let course = catalogue.course("double-entry")?;
    let (lesson, _) = course.lessons.first().context("the course has no lessons")?;
    let lesson = Target::Lesson { course: course.id, lesson: *lesson };
    for (target, name, kind, text) in [
        (book, "cover.svg", MediaType::Svg, COVER),
        (lesson, "first-ledger.md", MediaType::Markdown, LEDGER),
    ] {
        let key = format!("file:{target}:{name}");
        let context = Context::system(&source.caller(), key, at).with("source", "import");
        let content = store(blobs, kind, stream::iter([Ok(text.into())])).await?;
        attach(log, &context, instructor, target, (name.parse()?, content)).await?;
    }
    Ok(())
}
