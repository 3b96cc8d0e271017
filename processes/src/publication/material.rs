//! What there is to read in a course: its lessons, and what is attached to them.

use domain::file::{Content, FileName, Files, Target};
use domain::{LessonId, Markdown};
use futures::stream::{self, StreamExt, TryStreamExt};
use retrieval::{Passage, passages};

use super::Work;
use crate::extraction::Extractor;
use crate::failure::Failure;

/// Streams of files asked for at a time.
const ASKED_MAX: usize = 32;
/// Of one course: 500 lessons as long as they can be have fewer.
const PASSAGES_MAX: usize = 100_000;

/// A lesson as it was submitted, with the files that have text, by name.
pub(super) struct Lesson {
    pub(super) id: LessonId,
    /// Counts from 1.
    number: usize,
    pub(super) body: Option<Markdown>,
    pub(super) files: Vec<(FileName, Content)>,
}

impl Work<'_> {
    pub(super) async fn material(&self) -> Result<Vec<Lesson>, Failure> {
        let submitted = self.submitted().await?;
        let lessons: Vec<(LessonId, Option<Markdown>)> =
            submitted.texts().map(|(id, body)| (id, body.cloned())).collect();
        let lessons = (1..).zip(lessons).map(async |(number, (id, body))| {
            let target = Target::Lesson { course: self.course, lesson: id };
            let attached = self.log.load::<Files>(target).await?.state;
            let files = attached.attached().filter(|(_, it)| Extractor::reads(it.media_type));
            let files = files.map(|(name, content)| (name.clone(), content.clone())).collect();
            Ok::<_, Failure>(Lesson { id, number, body, files })
        });
        stream::iter(lessons).buffered(ASKED_MAX).try_collect().await
    }

    /// The text of an attached file: kept, or read now.
    pub(super) async fn extract(
        &self,
        lesson: &Lesson,
        (name, content): &(FileName, Content),
    ) -> Result<String, Failure> {
        let told = |failure: Failure| {
            let of = |reason| format!("the file {name} of lesson {}: {reason}", lesson.number);
            match failure {
                Failure::Passing(reason) => Failure::Passing(of(reason)),
                Failure::Lasting(reason) => Failure::Lasting(of(reason)),
            }
        };
        let Some(extractor) = &self.means.extractor else {
            return Err(told(Failure::lasting("nobody reads files here")));
        };
        let _turn = self.means.heavy.acquire().await.map_err(Failure::passing)?;
        extractor.text_of(self.log.pool(), content).await.map_err(told)
    }

    /// Every passage as it is embedded, those of a lesson before those of its files. A file that was
    /// attached since the others were extracted is extracted now.
    pub(super) async fn passages(&self) -> Result<Vec<String>, Failure> {
        let mut all = Vec::new();
        for lesson in self.material().await? {
            let body = lesson.body.as_ref().map(|body| body.as_str().to_owned());
            let mut texts: Vec<String> = body.into_iter().collect();
            for file in &lesson.files {
                texts.push(self.extract(&lesson, file).await?);
            }
            let cut = move || {
                let found = texts.iter().flat_map(|text| passages(text));
                found.map(|passage| Passage::embedded(&passage)).collect::<Vec<_>>()
            };
            all.extend(tokio::task::spawn_blocking(cut).await.map_err(Failure::passing)?);
            if all.len() > PASSAGES_MAX {
                let reason = format!("the course has more text than {PASSAGES_MAX} passages");
                return Err(Failure::Lasting(reason));
            }
        }
        Ok(all)
    }
}
