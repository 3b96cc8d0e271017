//! Commands of an import on their way to the slices: the same functions that HTTP calls.

use std::time::Duration;

use command_api::{
    account::{self, Registration},
    book, cart, comment, course, dismissal, enrollment, follow, like, loan,
    order::{self, OrderNumbers},
    product, rating, shelf, stock,
};
use domain::{book::Book, comment::Comment, enrollment::EnrollmentId, follow::FollowId};
use eventstore::{Context, Log};
use service_kit::Problem;

use super::{
    report::Outcome,
    work::{Action, Task},
};

/// A busy log and a lost connection pass; what does not pass in half a minute is a failure.
const ATTEMPTS_MAX: u32 = 14;
const WAIT_MIN: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_secs(4);

/// What commands are sent to.
#[derive(Clone)]
pub struct System {
    log: Log,
    numbers: OrderNumbers,
}

impl System {
    pub fn new(log: Log) -> Self {
        let numbers = OrderNumbers::new(log.pool().clone());
        Self { log, numbers }
    }
}

/// Sends one command until it is decided.
///
/// # Errors
/// When the system fails, or stays busy.
pub async fn send(to: &System, caller: &str, task: &Task) -> Result<Outcome, Problem> {
    let context = Context::system(caller, task.key.clone(), task.at).with("source", "import");
    let mut attempt = 0;
    loop {
        match decide(to, &context, &task.action).await {
            Ok(outcome) => return Ok(outcome),
            Err(problem) if is_passing(&problem) && attempt < ATTEMPTS_MAX => {
                tokio::time::sleep((WAIT_MIN * 2_u32.pow(attempt)).min(WAIT_MAX)).await;
                attempt += 1;
            }
            Err(problem) if problem.status().is_client_error() && !is_passing(&problem) => {
                let (code, detail) = (problem.code().to_owned(), problem.detail().to_owned());
                return Ok(Outcome::Refused { code, detail });
            }
            Err(problem) => return Err(problem),
        }
    }
}

/// Whether the same command may be answered otherwise in a moment.
fn is_passing(problem: &Problem) -> bool {
    problem.status().as_u16() == 503 || problem.code() == "idempotency-key-in-progress"
}

async fn decide(to: &System, context: &Context, action: &Action) -> Result<Outcome, Problem> {
    let System { log, numbers } = to;
    let receipt = match action.clone() {
        Action::Register { account, email, display_name } => {
            let registration = Registration { account, email, display_name };
            account::register(log, context, registration).await?
        }
        Action::GrantRole { account, role } => {
            account::grant_role(log, context, account, role).await?
        }
        Action::AddBook { book, details } => book::add(log, context, book, *details).await?,
        Action::HaveBook { book, details } | Action::StandIn { book, details } => {
            if !log.load::<Book>(book).await?.is_new() {
                return Ok(Outcome::AlreadyThere);
            }
            book::add(log, context, book, *details).await?
        }
        Action::SetCopies { book, copies } => loan::set_copies(log, context, book, copies).await?,
        Action::Borrow { book, reader } => loan::borrow(log, context, book, reader).await?,
        Action::Return { book, reader } => loan::give_back(log, context, book, reader).await?,
        Action::Rate { reader, item, score } => {
            rating::rate(log, context, reader, item, score).await?
        }
        Action::Unrate { reader, item } => rating::withdraw(log, context, reader, item).await?,
        Action::Comment { comment, author, item, text, edited_at } => {
            if log.load::<Comment>(comment).await?.is_new() {
                comment::post_comment(log, context, comment, author, item, text).await?
            } else {
                let context = Context { now: edited_at, ..context.clone() };
                comment::edit_comment(log, &context, comment, author, text).await?
            }
        }
        Action::DeleteComment { comment, author } => {
            comment::delete_comment(log, context, comment, author, false).await?
        }
        Action::Like { reader, target } => like::give_like(log, context, reader, target).await?,
        Action::Unlike { reader, target } => {
            like::take_like_back(log, context, reader, target).await?
        }
        Action::Favourite { reader, item } => {
            shelf::add_favourite(log, context, reader, item).await?
        }
        Action::LetGo { reader, item } => {
            shelf::remove_favourite(log, context, reader, item).await?
        }
        Action::Dismiss { reader, item } => dismissal::dismiss(log, context, reader, item).await?,
        Action::WantAgain { reader, item } => {
            dismissal::take_back(log, context, reader, item).await?
        }
        Action::Follow { follower, followee } => {
            follow::follow(log, context, FollowId { follower, followee }).await?
        }
        Action::Unfollow { follower, followee } => {
            follow::unfollow(log, context, FollowId { follower, followee }).await?
        }
        Action::CreateCourse { course, by, details } => {
            course::create(log, context, by, course, *details).await?
        }
        Action::AddLesson { course, by, lesson, details } => {
            course::add_lesson(log, context, by, (course, lesson), *details, None).await?
        }
        Action::Publish { course, by } => {
            let publication = course::publication_of(course);
            course::publish(log, context, by, course, publication).await?
        }
        Action::Enroll { student, course } => {
            enrollment::enroll(log, context, EnrollmentId { student, course }).await?
        }
        Action::Withdraw { student, course } => {
            enrollment::withdraw(log, context, EnrollmentId { student, course }).await?
        }
        Action::Complete { student, course, lesson, score } => {
            let enrollment = EnrollmentId { student, course };
            enrollment::complete_lesson(log, context, enrollment, lesson, score).await?
        }
        Action::Reopen { student, course, lesson } => {
            let enrollment = EnrollmentId { student, course };
            enrollment::reopen_lesson(log, context, enrollment, lesson).await?
        }
        Action::AddProduct { product, details, price } => {
            product::add(log, context, product, *details, price).await?
        }
        Action::Receive { product, quantity } => {
            stock::receive(log, context, product, quantity, None).await?
        }
        Action::PutIntoCart { customer, product, pieces } => {
            cart::put_item(log, context, customer, product, pieces).await?
        }
        Action::Place { order, customer, items } => {
            order::place(log, numbers, context, customer, order, &items).await?
        }
        Action::Cancel { order, by } => order::cancel(log, context, by, order, false).await?,
        Action::Ship { order } => order::ship(log, context, order).await?,
        Action::Deliver { order } => order::deliver(log, context, order).await?,
    };
    Ok(if receipt.replayed {
        Outcome::AlreadyThere
    } else if receipt.unchanged {
        Outcome::NothingChanged
    } else {
        Outcome::Done
    })
}
