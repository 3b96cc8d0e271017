//! Students in courses.

use axum::extract::State;
use domain::course::Course;
use domain::enrollment::{Command, CourseFacts, Enrollment, EnrollmentId, Mark, Refusal};
use domain::{AccountId, CourseId, LessonId, Role};
use eventstore::{Context, Decision, Facts, Log, Receipt};
use serde::Deserialize;
use service_kit::{
    Accepted, Json, Member, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided, schema,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(put, delete))
        .routes(routes!(delete_for))
        .routes(routes!(put_completion, delete_completion))
}

pub async fn enroll(
    log: &Log,
    context: &Context,
    enrollment: EnrollmentId,
) -> Result<Receipt, Problem> {
    let at = context.now;
    let certificate = enrollment.certificate();
    log.decide::<Enrollment, _, _, Undecided<Refusal>>(context, |facts| async move {
        let course = course_facts(&facts, enrollment.course).await?;
        Ok(Decision::new(enrollment, Command::Enroll { enrollment, course, certificate, at }))
    })
    .await
    .or_refuse(refused)
}

pub async fn withdraw(
    log: &Log,
    context: &Context,
    enrollment: EnrollmentId,
) -> Result<Receipt, Problem> {
    let command = Command::Withdraw { enrollment, at: context.now };
    log.execute::<Enrollment>(enrollment, command, context).await.or_refuse(refused)
}

/// By who teaches the course, or an operator: also for a student who cannot ask any more, deactivated
/// or erased.
pub async fn withdraw_for(
    log: &Log,
    context: &Context,
    by: AccountId,
    as_operator: bool,
    enrollment: EnrollmentId,
) -> Result<Receipt, Problem> {
    let at = context.now;
    log.decide::<Enrollment, _, _, Undecided<Refusal>>(context, |facts| async move {
        match facts.load::<Course>(enrollment.course).await?.state.instructor() {
            None => return Err(unknown_course().into()),
            Some(instructor) if instructor != by && !as_operator => {
                let detail = "only its instructor and operators take students out of a course";
                return Err(Problem::forbidden("not-the-instructor", detail).into());
            }
            Some(_) => {}
        }
        Ok(Decision::new(enrollment, Command::Withdraw { enrollment, at }))
    })
    .await
    .or_refuse(refused)
}

pub async fn complete_lesson(
    log: &Log,
    context: &Context,
    enrollment: EnrollmentId,
    lesson: LessonId,
    score: Option<Mark>,
) -> Result<Receipt, Problem> {
    let at = context.now;
    let certificate = enrollment.certificate();
    log.decide::<Enrollment, _, _, Undecided<Refusal>>(context, |facts| async move {
        let course = course_facts(&facts, enrollment.course).await?;
        let command =
            Command::CompleteLesson { enrollment, lesson, score, course, certificate, at };
        Ok(Decision::new(enrollment, command))
    })
    .await
    .or_refuse(refused)
}

pub async fn reopen_lesson(
    log: &Log,
    context: &Context,
    enrollment: EnrollmentId,
    lesson: LessonId,
) -> Result<Receipt, Problem> {
    let at = context.now;
    log.decide::<Enrollment, _, _, Undecided<Refusal>>(context, |facts| async move {
        let course = course_facts(&facts, enrollment.course).await?;
        let command = Command::ReopenLesson { enrollment, lesson, course, at };
        Ok(Decision::new(enrollment, command))
    })
    .await
    .or_refuse(refused)
}

async fn course_facts<R>(facts: &Facts, course: CourseId) -> Result<CourseFacts, Undecided<R>> {
    let loaded = facts.load::<Course>(course).await?;
    match loaded.is_new() {
        true => Err(unknown_course().into()),
        false => Ok(CourseFacts::of(&loaded.state)),
    }
}

fn unknown_course() -> Problem {
    Problem::not_found("course-unknown", "there is no such course")
}

/// Enroll in a course.
#[utoipa::path(
    put, path = "/courses/{id}/enrollment", tag = "enrollments", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Enrolled", body = ReceiptBody))
)]
async fn put(
    State(app): State<App>,
    caller: Only<Member>,
    Path(course): Path<CourseId>,
) -> Result<Accepted, Problem> {
    let enrollment = EnrollmentId { student: caller.account, course };
    enroll(&app.log, caller.context(), enrollment).await.map(Accepted::done)
}

/// Leave a course. What was completed stays completed.
#[utoipa::path(
    delete, path = "/courses/{id}/enrollment", tag = "enrollments", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Withdrawn", body = ReceiptBody))
)]
async fn delete(
    State(app): State<App>,
    caller: Only<Member>,
    Path(course): Path<CourseId>,
) -> Result<Accepted, Problem> {
    let enrollment = EnrollmentId { student: caller.account, course };
    withdraw(&app.log, caller.context(), enrollment).await.map(Accepted::done)
}

/// Take a student out of my course, also one who cannot ask any more: deactivated or erased. What was
/// completed stays completed.
#[utoipa::path(
    delete, path = "/courses/{id}/enrollments/{student}", tag = "enrollments",
    params(("id" = Uuid, Path), ("student" = Uuid, Path)),
    security(("bearer" = ["instructor"]), ("bearer" = ["operator"])),
    responses((status = 200, description = "Withdrawn", body = ReceiptBody))
)]
async fn delete_for(
    State(app): State<App>,
    caller: Only<Member>,
    Path((course, student)): Path<(CourseId, AccountId)>,
) -> Result<Accepted, Problem> {
    let enrollment = EnrollmentId { student, course };
    let (by, as_operator) = (caller.account, caller.has(Role::Operator));
    let withdrawn = withdraw_for(&app.log, caller.context(), by, as_operator, enrollment);
    withdrawn.await.map(Accepted::done)
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Complete {
    #[schema(value_type = Option<schema::Mark>)]
    score: Option<Mark>,
}

/// Complete a lesson; the last one completes the course.
#[utoipa::path(
    put, path = "/courses/{id}/lessons/{lesson}/completion", tag = "enrollments",
    request_body = Option<Complete>, params(("id" = Uuid, Path), ("lesson" = Uuid, Path)),
    responses((status = 200, description = "Completed", body = ReceiptBody))
)]
async fn put_completion(
    State(app): State<App>,
    caller: Only<Member>,
    Path((course, lesson)): Path<(CourseId, LessonId)>,
    body: Option<Json<Complete>>,
) -> Result<Accepted, Problem> {
    let enrollment = EnrollmentId { student: caller.account, course };
    let score = body.and_then(|Json(Complete { score })| score);
    complete_lesson(&app.log, caller.context(), enrollment, lesson, score).await.map(Accepted::done)
}

/// Open a completed lesson again.
#[utoipa::path(
    delete, path = "/courses/{id}/lessons/{lesson}/completion", tag = "enrollments",
    params(("id" = Uuid, Path), ("lesson" = Uuid, Path)),
    responses((status = 200, description = "Open again", body = ReceiptBody))
)]
async fn delete_completion(
    State(app): State<App>,
    caller: Only<Member>,
    Path((course, lesson)): Path<(CourseId, LessonId)>,
) -> Result<Accepted, Problem> {
    let enrollment = EnrollmentId { student: caller.account, course };
    reopen_lesson(&app.log, caller.context(), enrollment, lesson).await.map(Accepted::done)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::CourseNotOpen => Problem::conflict("course-not-open", refusal),
        Refusal::NotEnrolled => Problem::conflict("not-enrolled", refusal),
        Refusal::UnknownLesson => Problem::not_found("lesson-unknown", refusal),
    }
}
