//! The catalogue of courses with their lessons, and how far publications got.

mod fold;
mod rows;

use async_trait::async_trait;
use cqrs_es::Aggregate;
use domain::course::Course;
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
        1
    }

    fn sources(&self) -> &'static [&'static str] {
        &[Course::TYPE]
    }

    fn schema(&self) -> &'static str {
        include_str!("course.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let courses: Vec<Uuid> =
            batch.iter().filter_map(|event| event.stream.aggregate_id.parse().ok()).collect();
        let mut state = rows::fetch_state(tx, &courses).await?;
        for event in batch {
            fold::fold(&mut state, event)?;
        }
        rows::write(tx, state).await
    }
}
