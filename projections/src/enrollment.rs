//! Who takes which course, which lessons are done, and the certificates earned.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use domain::enrollment::{Enrollment, Event};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::rows::put;
use crate::{Projection, ProjectionError};

pub struct Enrollments;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    student: Uuid,
    course: Uuid,
    state: State,
    completed: u32,
    lessons: u32,
    enrolled_at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    certificate: Option<Uuid>,
    sequence: i64,
    position: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Enrolled,
    Withdrawn,
    Completed,
}

#[derive(Debug, PartialEq, Serialize)]
struct Certificate {
    certificate: Uuid,
    student: Uuid,
    course: Uuid,
    issued_at: DateTime<Utc>,
    position: i64,
}

/// A completed lesson's score and when; none once it has been reopened.
type Completion = Option<(Option<i16>, DateTime<Utc>)>;

#[derive(Debug, Default)]
struct Changes {
    enrollments: BTreeMap<(Uuid, Uuid), Row>,
    completions: BTreeMap<(Uuid, Uuid, Uuid), Completion>,
    certificates: Vec<Certificate>,
}

#[async_trait]
impl Projection for Enrollments {
    fn name(&self) -> &'static str {
        "enrollments"
    }

    fn version(&self) -> u32 {
        2
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Enrollment::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("enrollment.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let keys: Vec<(Uuid, Uuid)> = batch.iter().filter_map(|event| key(event)).collect();
        let mut changes =
            Changes { enrollments: fetch_rows(tx, keys).await?, ..Changes::default() };
        for event in batch {
            fold(&mut changes, event)?;
        }
        write(tx, changes).await
    }
}

/// The stream's id is `student:course`.
fn key(event: &RecordedEvent) -> Option<(Uuid, Uuid)> {
    let (student, course) = event.stream.aggregate_id.split_once(':')?;
    Some((student.parse().ok()?, course.parse().ok()?))
}

async fn fetch_rows(
    tx: &mut PgConnection,
    keys: Vec<(Uuid, Uuid)>,
) -> Result<BTreeMap<(Uuid, Uuid), Row>, ProjectionError> {
    let (students, courses): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
    let rows: Vec<Json<Row>> = sqlx::query_scalar(
        "select to_jsonb(e) from enrollments e
          where (student, course) in (select * from unnest($1::uuid[], $2::uuid[]))",
    )
    .bind(students)
    .bind(courses)
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|Json(row)| ((row.student, row.course), row)).collect())
}

fn fold(changes: &mut Changes, event: &RecordedEvent) -> Result<(), ProjectionError> {
    let decoded: Event = event.decode()?;
    let (student, course) =
        key(event).ok_or_else(|| ProjectionError::event(event, "not the id of an enrollment"))?;
    if let Event::StudentEnrolled { completed, lessons, at, .. } = decoded {
        let known = changes.enrollments.remove(&(student, course));
        let completed_at = known.as_ref().and_then(|known| known.completed_at);
        let row = Row {
            student,
            course,
            // What was completed once is so for whoever comes back to it.
            state: if completed_at.is_some() { State::Completed } else { State::Enrolled },
            completed,
            lessons,
            enrolled_at: at,
            withdrawn_at: None,
            completed_at,
            certificate: known.and_then(|known| known.certificate),
            sequence: event.sequence,
            position: event.position,
        };
        changes.enrollments.insert((student, course), row);
        return Ok(());
    }
    let row = changes
        .enrollments
        .get_mut(&(student, course))
        .ok_or_else(|| ProjectionError::event(event, "the student never enrolled"))?;
    row.sequence = event.sequence;
    match decoded {
        Event::StudentEnrolled { .. } => {}
        Event::EnrollmentWithdrawn { at, .. } => {
            row.state = State::Withdrawn;
            row.withdrawn_at = Some(at);
        }
        Event::LessonCompleted { lesson, score, completed, lessons, at, .. } => {
            (row.completed, row.lessons) = (completed, lessons);
            let score = score.map(|score| i16::from(u8::from(score)));
            changes.completions.insert((student, course, lesson.uuid()), Some((score, at)));
        }
        Event::LessonReopened { lesson, completed, lessons, .. } => {
            (row.completed, row.lessons) = (completed, lessons);
            changes.completions.insert((student, course, lesson.uuid()), None);
        }
        Event::CourseCompleted { certificate, at, .. } => {
            row.state = State::Completed;
            row.completed_at = Some(at);
            row.certificate = Some(certificate.uuid());
            changes.certificates.push(Certificate {
                certificate: certificate.uuid(),
                student,
                course,
                issued_at: at,
                position: event.position,
            });
        }
    }
    Ok(())
}

async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    put(
        tx,
        "insert into enrollments
         select * from jsonb_populate_recordset(null::enrollments, $1)
         on conflict (student, course) do update
            set (state, completed, lessons, enrolled_at, withdrawn_at, completed_at, certificate,
                 sequence, position)
              = (excluded.state, excluded.completed, excluded.lessons, excluded.enrolled_at,
                 excluded.withdrawn_at, excluded.completed_at, excluded.certificate,
                 excluded.sequence, excluded.position)",
        &changes.enrollments.into_values().collect::<Vec<_>>(),
    )
    .await?;

    let (mut done, mut reopened) = (Vec::new(), Vec::new());
    for (key, completion) in changes.completions {
        match completion {
            Some(completion) => done.push((key, completion)),
            None => reopened.push(key),
        }
    }
    if !done.is_empty() {
        sqlx::query(
            "insert into lesson_completions (student, course, lesson, score, completed_at)
             select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[],
                                  $5::timestamptz[])
             on conflict (student, course, lesson) do update
                set (score, completed_at) = (excluded.score, excluded.completed_at)",
        )
        .bind(done.iter().map(|(key, _)| key.0).collect::<Vec<_>>())
        .bind(done.iter().map(|(key, _)| key.1).collect::<Vec<_>>())
        .bind(done.iter().map(|(key, _)| key.2).collect::<Vec<_>>())
        .bind(done.iter().map(|(_, completion)| completion.0).collect::<Vec<_>>())
        .bind(done.iter().map(|(_, completion)| completion.1).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    }
    if !reopened.is_empty() {
        sqlx::query(
            "delete from lesson_completions
              where (student, course, lesson)
                 in (select * from unnest($1::uuid[], $2::uuid[], $3::uuid[]))",
        )
        .bind(reopened.iter().map(|key| key.0).collect::<Vec<_>>())
        .bind(reopened.iter().map(|key| key.1).collect::<Vec<_>>())
        .bind(reopened.iter().map(|key| key.2).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    }
    put(
        tx,
        "insert into certificates select * from jsonb_populate_recordset(null::certificates, $1)",
        &changes.certificates,
    )
    .await
}
