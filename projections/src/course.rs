//! The catalogue of courses with their lessons, and how far publications got.

mod fold;
mod publication;
mod rows;

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::course::Course;
use domain::publication::Publication;
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Projection, ProjectionError};

pub struct Courses;

#[async_trait]
impl Projection for Courses {
    fn name(&self) -> &'static str {
        "courses"
    }

    fn version(&self) -> u32 {
        5
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Course::TYPE, Publication::TYPE]
    }

    fn schema(&self) -> &'static str {
        concat!(include_str!("said.sql"), include_str!("course.sql"), include_str!("alike.sql"))
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        // Of courses and of publications: each is looked for among both, ids are never the same.
        let ids: Vec<Uuid> =
            batch.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
        let mut state = rows::fetch_state(tx, &ids).await?;
        for event in batch {
            match event.stream.aggregate_type.as_str() {
                Publication::TYPE => publication::fold(&mut state.workflows, event)?,
                _ => fold::fold(&mut state, event)?,
            }
        }
        rows::write(tx, state).await
    }
}
