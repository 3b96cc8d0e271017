//! What happened per day, for dashboards. Days are UTC and of when it happened, not of when it was
//! recorded.

mod active;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use cqrs_es::Aggregate;
use domain::account::{self, Account};
use domain::cart::Cart;
use domain::comment::Comment;
use domain::conversation::Conversation;
use domain::dismissal::Dismissal;
use domain::enrollment::{self, Enrollment};
use domain::follow::{self, Follow};
use domain::like::Like;
use domain::loan::CopySet;
use domain::order::{self, Order, Status};
use domain::rating::{self, Rating};
use domain::shelf::Shelf;
use domain::{AccountId, Money, OrderId};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::rows::{fetch, put};
use crate::{Projection, ProjectionError};

pub struct Analytics;

#[derive(Debug, Default, PartialEq)]
struct Changes {
    counts: BTreeMap<(&'static str, NaiveDate), i64>,
    course_counts: BTreeMap<(Uuid, &'static str, NaiveDate), i64>,
    revenue: BTreeMap<(NaiveDate, String), (i64, i64)>,
    activity: BTreeSet<(NaiveDate, Uuid)>,
    /// Known from before, and those placed in this batch.
    order_days: BTreeMap<Uuid, NaiveDate>,
    placed: Vec<Uuid>,
}

#[derive(Serialize, Deserialize)]
struct OrderDay {
    order_id: Uuid,
    day: NaiveDate,
}

#[async_trait]
impl Projection for Analytics {
    fn name(&self) -> &'static str {
        "analytics"
    }

    fn version(&self) -> u32 {
        3
    }

    fn sources(&self) -> &'static [&'static str] {
        &[
            Account::TYPE,
            Follow::TYPE,
            Rating::TYPE,
            Enrollment::TYPE,
            Order::TYPE,
            Comment::TYPE,
            Like::TYPE,
            Shelf::TYPE,
            Dismissal::TYPE,
            CopySet::TYPE,
            Cart::TYPE,
            Conversation::TYPE,
        ]
    }

    fn schema(&self) -> &'static str {
        include_str!("analytics.sql")
    }

    async fn apply(
        &self,
        batch: &[&RecordedEvent],
        tx: &mut PgConnection,
    ) -> Result<(), ProjectionError> {
        let orders: Vec<Uuid> = batch
            .iter()
            .filter(|event| event.stream.aggregate_type == Order::TYPE)
            .filter_map(|event| event.stream.aggregate_id.parse().ok())
            .collect();
        let known: Vec<OrderDay> =
            fetch(tx, "select to_jsonb(o) from order_days o where order_id = any($1)", &orders)
                .await?;
        let mut changes = Changes {
            order_days: known.into_iter().map(|row| (row.order_id, row.day)).collect(),
            ..Changes::default()
        };
        for event in batch {
            fold(&mut changes, event)?;
        }
        write(tx, changes).await
    }
}

fn fold(changes: &mut Changes, event: &RecordedEvent) -> Result<(), ProjectionError> {
    match event.stream.aggregate_type.as_str() {
        Account::TYPE => match event.decode()? {
            account::Event::AccountRegistered { account, at, .. } => {
                changes.count("registrations", at);
                changes.active(account, at);
            }
            account::Event::ProfileChanged { account, at, .. }
            | account::Event::EmailChanged { account, at, .. }
            | account::Event::PasswordChanged { account, at } => changes.active(account, at),
            account::Event::PasswordResetRequested { .. }
            | account::Event::RefreshReuseDetected { .. }
            | account::Event::ApiKeyCreated { .. }
            | account::Event::ApiKeyRevoked { .. }
            | account::Event::RoleGranted { .. }
            | account::Event::RoleRevoked { .. }
            | account::Event::AccountDeactivated { .. }
            | account::Event::AccountReactivated { .. }
            | account::Event::AccountErased { .. } => {}
        },
        Follow::TYPE => match event.decode()? {
            follow::Event::UserFollowed { follow, at } => {
                changes.count("follows", at);
                changes.active(follow.follower, at);
            }
            follow::Event::UserUnfollowed { follow, at } => changes.active(follow.follower, at),
        },
        Rating::TYPE => match event.decode()? {
            rating::Event::ItemRated { rating, score, at } => {
                changes.count("ratings", at);
                changes.add("rating_points", at, i64::from(score.points()));
                changes.active(rating.reader, at);
            }
            rating::Event::RatingChanged { rating, at, .. } => {
                changes.count("rating_changes", at);
                changes.active(rating.reader, at);
            }
            rating::Event::RatingWithdrawn { rating, at, .. } => {
                changes.count("ratings_withdrawn", at);
                changes.active(rating.reader, at);
            }
        },
        Enrollment::TYPE => enrollment(changes, event)?,
        Order::TYPE => order(changes, event)?,
        _ => {
            if let Some((account, at)) = active::active(event)? {
                changes.active(account, at);
            }
        }
    }
    Ok(())
}

fn enrollment(changes: &mut Changes, event: &RecordedEvent) -> Result<(), ProjectionError> {
    let (enrollment, measure, at) = match event.decode()? {
        enrollment::Event::StudentEnrolled { enrollment, at, .. } => {
            (enrollment, Some("enrollments"), at)
        }
        enrollment::Event::EnrollmentWithdrawn { enrollment, at } => {
            (enrollment, Some("withdrawals"), at)
        }
        enrollment::Event::LessonCompleted { enrollment, at, .. }
        | enrollment::Event::LessonReopened { enrollment, at, .. } => (enrollment, None, at),
        enrollment::Event::CourseCompleted { enrollment, at, .. } => {
            (enrollment, Some("completions"), at)
        }
    };
    if let Some(measure) = measure {
        changes.count(measure, at);
        let key = (enrollment.course.uuid(), measure, at.date_naive());
        *changes.course_counts.entry(key).or_default() += 1;
    }
    if active::did(event, enrollment.student) {
        changes.active(enrollment.student, at);
    }
    Ok(())
}

fn order(changes: &mut Changes, event: &RecordedEvent) -> Result<(), ProjectionError> {
    match event.decode()? {
        order::Event::OrderPlaced { order, customer, at, .. } => {
            changes.count("orders_placed", at);
            changes.active(customer, at);
            changes.order_days.insert(order.uuid(), at.date_naive());
            changes.placed.push(order.uuid());
        }
        order::Event::OrderLinesPlaced { .. } => {}
        order::Event::OrderConfirmed { order, total, at, .. } => {
            changes.count("orders_confirmed", at);
            changes.sold(event, order, total, 1)?;
        }
        order::Event::OrderRejected { at, .. } => changes.count("orders_rejected", at),
        order::Event::OrderShipped { at, .. } => changes.count("orders_shipped", at),
        order::Event::OrderDelivered { at, .. } => changes.count("orders_delivered", at),
        order::Event::OrderCancelled { order, customer, total, was, by, at } => {
            changes.count("orders_cancelled", at);
            if by == customer {
                changes.active(customer, at);
            }
            if was == Status::Confirmed {
                changes.sold(event, order, total, -1)?;
            }
        }
    }
    Ok(())
}

impl Changes {
    fn count(&mut self, measure: &'static str, at: DateTime<Utc>) {
        self.add(measure, at, 1);
    }

    fn add(&mut self, measure: &'static str, at: DateTime<Utc>, n: i64) {
        *self.counts.entry((measure, at.date_naive())).or_default() += n;
    }

    fn active(&mut self, account: AccountId, at: DateTime<Utc>) {
        self.activity.insert((at.date_naive(), account.uuid()));
    }

    fn sold(
        &mut self,
        event: &RecordedEvent,
        order: OrderId,
        total: Money,
        sign: i64,
    ) -> Result<(), ProjectionError> {
        let day = *self
            .order_days
            .get(&order.uuid())
            .ok_or_else(|| ProjectionError::event(event, "the order was never placed"))?;
        let (orders, minor) = self.revenue.entry((day, total.currency().to_string())).or_default();
        *orders += sign;
        *minor += sign * total.minor();
        Ok(())
    }
}

/// Most batches have nothing for most of these tables.
async fn write(tx: &mut PgConnection, changes: Changes) -> Result<(), ProjectionError> {
    if !changes.counts.is_empty() {
        write_counts(tx, changes.counts).await?;
    }
    if !changes.course_counts.is_empty() {
        write_course_counts(tx, changes.course_counts).await?;
    }
    if !changes.revenue.is_empty() {
        write_revenue(tx, changes.revenue).await?;
    }
    if !changes.activity.is_empty() {
        write_activity(tx, changes.activity).await?;
    }
    let placed: Vec<OrderDay> = changes
        .placed
        .into_iter()
        .map(|order_id| OrderDay { order_id, day: changes.order_days[&order_id] })
        .collect();
    put(
        tx,
        "insert into order_days select * from jsonb_populate_recordset(null::order_days, $1)",
        &placed,
    )
    .await
}

async fn write_counts(
    tx: &mut PgConnection,
    counts: BTreeMap<(&'static str, NaiveDate), i64>,
) -> Result<(), ProjectionError> {
    let ((measures, days), counts): ((Vec<_>, Vec<_>), Vec<_>) = counts.into_iter().unzip();
    sqlx::query(
        "insert into daily_counts as counted (measure, day, n)
         select * from unnest($1::text[], $2::date[], $3::bigint[])
         on conflict (measure, day) do update set n = counted.n + excluded.n",
    )
    .bind(measures)
    .bind(days)
    .bind(counts)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_course_counts(
    tx: &mut PgConnection,
    counts: BTreeMap<(Uuid, &'static str, NaiveDate), i64>,
) -> Result<(), ProjectionError> {
    let (mut courses, mut measures) = (Vec::new(), Vec::new());
    let (mut days, mut numbers) = (Vec::new(), Vec::new());
    for ((course, measure, day), n) in counts {
        courses.push(course);
        measures.push(measure);
        days.push(day);
        numbers.push(n);
    }
    sqlx::query(
        "insert into daily_course_counts as counted (course, measure, day, n)
         select * from unnest($1::uuid[], $2::text[], $3::date[], $4::bigint[])
         on conflict (course, measure, day) do update set n = counted.n + excluded.n",
    )
    .bind(courses)
    .bind(measures)
    .bind(days)
    .bind(numbers)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_revenue(
    tx: &mut PgConnection,
    revenue: BTreeMap<(NaiveDate, String), (i64, i64)>,
) -> Result<(), ProjectionError> {
    let ((days, currencies), (orders, minor)): ((Vec<_>, Vec<_>), (Vec<_>, Vec<_>)) =
        revenue.into_iter().unzip();
    sqlx::query(
        "insert into daily_revenue as sold (day, currency, orders, minor)
         select * from unnest($1::date[], $2::text[], $3::bigint[], $4::bigint[])
         on conflict (day, currency) do update
            set orders = sold.orders + excluded.orders, minor = sold.minor + excluded.minor",
    )
    .bind(days)
    .bind(currencies)
    .bind(orders)
    .bind(minor)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_activity(
    tx: &mut PgConnection,
    activity: BTreeSet<(NaiveDate, Uuid)>,
) -> Result<(), ProjectionError> {
    let (days, accounts): (Vec<_>, Vec<_>) = activity.into_iter().unzip();
    sqlx::query(
        "insert into daily_activity (day, account)
         select * from unnest($1::date[], $2::uuid[])
         on conflict do nothing",
    )
    .bind(days)
    .bind(accounts)
    .execute(tx)
    .await?;
    Ok(())
}
