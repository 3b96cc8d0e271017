//! Questions to the assistant, and what people think of its answers. A process answers.

use axum::extract::State;
use domain::conversation::{About, Command, Conversation, Question, Refusal};
use domain::course::Course;
use domain::enrollment::{Enrollment, EnrollmentId};
use domain::{AccountId, AnswerId, ConversationId, CourseId, Personal};
use eventstore::{Context, Decision, Facts, Log, Receipt};
use serde::Deserialize;
use service_kit::{
    Accepted, BASE, Json, Member, Only, OrRefuse, Path, Problem, ReceiptBody, Undecided,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::App;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post_about_course))
        .routes(routes!(post_about_shop))
        .routes(routes!(put_rating))
}

/// In a conversation that is there, or as the first of a new one.
pub async fn ask(
    log: &Log,
    context: &Context,
    asker: AccountId,
    about: About,
    question: Question,
    continued: Option<ConversationId>,
) -> Result<(Receipt, AnswerId), Problem> {
    let (answer, new) = of_key(asker, &context.key);
    let (conversation, continues) = (continued.unwrap_or(new), continued.is_some());
    let question = Personal::new(asker, question);
    let receipt = log
        .decide::<Conversation, _, _, Undecided<Refusal>>(context, |facts| {
            let question = question.clone();
            async move {
                let admitted = is_admitted(&facts, asker, about).await?;
                let at = context.now;
                let command = Command::Ask {
                    conversation,
                    answer,
                    asker,
                    about,
                    question,
                    continues,
                    admitted,
                    at,
                };
                Ok(Decision::new(conversation, command))
            }
        })
        .await
        .or_refuse(refused)?;
    Ok((receipt, answer))
}

/// A repeated request must find the same ids anew: the receipt does not tell them.
fn of_key(asker: AccountId, key: &str) -> (AnswerId, ConversationId) {
    let of = |what: &str| Uuid::new_v5(&asker.uuid(), format!("{what}:{key}").as_bytes());
    (of("answer").into(), of("conversation").into())
}

/// Of a course: who takes it, and whoever teaches it.
async fn is_admitted(
    facts: &Facts,
    asker: AccountId,
    about: About,
) -> Result<bool, Undecided<Refusal>> {
    let About::Course { course } = about else { return Ok(true) };
    let loaded = facts.load::<Course>(course).await?;
    if loaded.is_new() {
        let unknown = Problem::not_found("course-unknown", "there is no such course");
        return Err(Undecided::Unprepared(unknown));
    }
    if loaded.state.instructor() == Some(asker) {
        return Ok(true);
    }
    let enrollment = EnrollmentId { student: asker, course };
    Ok(facts.load::<Enrollment>(enrollment).await?.state.is_enrolled())
}

pub async fn rate_answer(
    log: &Log,
    context: &Context,
    by: AccountId,
    answer: AnswerId,
    helpful: bool,
) -> Result<Receipt, Problem> {
    let holder = log.holder("answer", &answer.to_string(), false).await?;
    let conversation = holder.and_then(|holder| holder.parse::<ConversationId>().ok());
    let conversation = conversation.ok_or_else(|| refused(Refusal::UnknownAnswer))?;
    let command = Command::Rate { conversation, answer, by, helpful, at: context.now };
    log.execute::<Conversation>(conversation, command, context).await.or_refuse(refused)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// 1 to 2,000 characters.
    #[schema(value_type = String, min_length = 1, max_length = 2000)]
    question: Question,
    /// One of mine, to go on with; without it, a new one begins.
    #[schema(value_type = Option<Uuid>)]
    conversation: Option<ConversationId>,
}

/// Ask about a course: who takes it or teaches it. `Location` is where the answer will be; `id` is
/// its id and the stream the conversation.
#[utoipa::path(
    post, path = "/courses/{id}/questions", tag = "assistant", request_body = Ask,
    params(("id" = Uuid, Path)),
    responses((status = 202, description = "Asked", body = ReceiptBody))
)]
async fn post_about_course(
    State(app): State<App>,
    caller: Only<Member>,
    Path(course): Path<CourseId>,
    Json(body): Json<Ask>,
) -> Result<Accepted, Problem> {
    asked(&app, &caller, About::Course { course }, body).await
}

/// Ask about the products of the shop. `Location` is where the answer will be; `id` is its id and the
/// stream the conversation.
#[utoipa::path(
    post, path = "/assistant/questions", tag = "assistant", request_body = Ask,
    responses((status = 202, description = "Asked", body = ReceiptBody))
)]
async fn post_about_shop(
    State(app): State<App>,
    caller: Only<Member>,
    Json(body): Json<Ask>,
) -> Result<Accepted, Problem> {
    asked(&app, &caller, About::Shop, body).await
}

async fn asked(
    app: &App,
    caller: &Only<Member>,
    about: About,
    Ask { question, conversation }: Ask,
) -> Result<Accepted, Problem> {
    let asked = ask(&app.log, caller.context(), caller.account, about, question, conversation);
    let (receipt, answer) = asked.await?;
    Ok(Accepted::accepted(receipt, format!("{BASE}/answers/{answer}")).id(answer))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RateAnswer {
    helpful: bool,
}

/// Say whether an answer helped. It can be said again.
#[utoipa::path(
    put, path = "/answers/{id}/rating", tag = "assistant", request_body = RateAnswer,
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "Rated", body = ReceiptBody))
)]
async fn put_rating(
    State(app): State<App>,
    caller: Only<Member>,
    Path(answer): Path<AnswerId>,
    Json(RateAnswer { helpful }): Json<RateAnswer>,
) -> Result<Accepted, Problem> {
    let rated = rate_answer(&app.log, caller.context(), caller.account, answer, helpful);
    rated.await.map(Accepted::done)
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::UnknownConversation => Problem::not_found("conversation-unknown", refusal),
        Refusal::UnknownAnswer => Problem::not_found("answer-unknown", refusal),
        Refusal::NotAdmitted => Problem::forbidden("not-a-participant", refusal),
        Refusal::AboutOther => Problem::conflict("conversation-about-other", refusal),
        Refusal::Full => Problem::conflict("conversation-full", refusal),
        Refusal::NotAnswered => Problem::conflict("answer-pending", refusal),
    }
}
