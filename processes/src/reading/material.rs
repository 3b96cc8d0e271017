use domain::course::Course;
use domain::file::{Content, FileName, Files, Target};
use domain::{CourseId, LessonId, Markdown, Title};
use eventstore::Log;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::Reading;
use crate::extraction::Extractor;
use crate::failure::Failure;

/// Streams of files asked for at a time.
const ASKED_MAX: usize = 32;

/// A lesson, with the files of it that have text, by name.
pub(crate) struct Lesson {
    pub(crate) id: LessonId,
    /// Counts from 1.
    number: usize,
    pub(crate) title: Title,
    pub(crate) body: Option<Markdown>,
    pub(crate) files: Vec<(FileName, Content)>,
}

impl Reading {
    /// The lessons in their order, with the files that the log has of them now.
    pub(crate) async fn lessons(
        &self,
        log: &Log,
        id: CourseId,
        course: &Course,
    ) -> Result<Vec<Lesson>, Failure> {
        let texts = course.texts();
        let lessons: Vec<(LessonId, Title, Option<Markdown>)> =
            texts.map(|(lesson, title, body)| (lesson, title.clone(), body.cloned())).collect();
        let lessons = (1..).zip(lessons).map(async |(number, (lesson, title, body))| {
            let target = Target::Lesson { course: id, lesson };
            let attached = log.load::<Files>(target).await?.state;
            let files = attached.attached().filter(|(_, it)| Extractor::reads(it.media_type));
            let files = files.map(|(name, content)| (name.clone(), content.clone())).collect();
            Ok::<_, Failure>(Lesson { id: lesson, number, title, body, files })
        });
        stream::iter(lessons).buffered(ASKED_MAX).try_collect().await
    }

    /// The text of an attached file: kept, or read now.
    pub(crate) async fn extract(
        &self,
        log: &Log,
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
        let Some(extractor) = &self.extractor else {
            return Err(told(Failure::lasting("nobody reads files here")));
        };
        let _turn = self.heavy.acquire().await.map_err(Failure::passing)?;
        extractor.text_of(log.pool(), content).await.map_err(told)
    }

    /// The text of a lesson, then those of its files.
    pub(crate) async fn texts(&self, log: &Log, lesson: &Lesson) -> Vec<Result<String, Failure>> {
        let body = lesson.body.as_ref().map(|body| Ok(body.as_str().to_owned()));
        let mut texts: Vec<_> = body.into_iter().collect();
        for file in &lesson.files {
            texts.push(self.extract(log, lesson, file).await);
        }
        texts
    }
}
