//! What an import is made of: stages, and in each the commands that rows turn into.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use command_api::order::Item;
use domain::{
    AccountId, BookId, CommentId, CourseId, Email, ItemId, LessonId, Money, Name, OrderId,
    ProductId, Quantity, Role, book, cart::Pieces, comment::Remark, course, enrollment::Mark, like,
    loan::Copies, product, rating::Score,
};

use super::{source::Source, table::RowRef};

/// Everything one run of an import will do.
pub struct Plan {
    pub source: Source,
    /// The files it reads rows from; a `RowRef` points into this list.
    pub files: Vec<String>,
    /// One after the other: what a later stage refers to, an earlier one has made.
    pub stages: Vec<Stage>,
    /// Then rows are worth money, which has to add up too, and orders have to be fulfilled.
    pub places_orders: bool,
}

/// Commands that may run in any order, except that those of one lane keep theirs.
pub struct Stage {
    pub name: &'static str,
    /// How many rows or commands to expect, for the progress bar.
    pub total: u64,
    pub produce: Produce,
}

/// Reads rows and emits work; it ends early when `Emit` fails.
pub type Produce = Box<dyn FnOnce(&mut Emit<'_>) -> anyhow::Result<()> + Send>;
pub type Emit<'e> = dyn FnMut(Work) -> anyhow::Result<()> + 'e;

/// What became of a row, as far as reading it can tell.
#[derive(Debug)]
pub enum Work {
    Send(Box<Task>),
    /// A rule of the import or of a value says no.
    Refused {
        rows: Vec<RowRef>,
        code: &'static str,
        detail: String,
    },
    Unreadable {
        rows: Vec<RowRef>,
        why: String,
    },
    /// So many lines of that file hold nothing.
    Blank {
        file: usize,
        lines: u64,
    },
}

impl Work {
    pub fn refused(row: RowRef, code: &'static str, detail: impl ToString) -> Self {
        Self::Refused { rows: vec![row], code, detail: detail.to_string() }
    }

    pub fn unreadable(row: RowRef, why: impl ToString) -> Self {
        Self::Unreadable { rows: vec![row], why: why.to_string() }
    }

    /// A command that stands for one row.
    pub fn send(key: String, lane: u128, at: DateTime<Utc>, action: Action, row: RowRef) -> Self {
        Self::Send(Box::new(Task { key, lane, at, action, rows: vec![row] }))
    }

    /// A command no row stands for, such as the account of a reader who only rates.
    pub fn prepare(key: String, lane: u128, at: DateTime<Utc>, action: Action) -> Self {
        Self::Send(Box::new(Task { key, lane, at, action, rows: Vec::new() }))
    }
}

/// One command.
#[derive(Debug)]
pub struct Task {
    /// The command id.
    pub key: String,
    /// Commands with the same lane run one after the other.
    pub lane: u128,
    /// Occurred-at.
    pub at: DateTime<Utc>,
    pub action: Action,
    /// The rows it stands for; none when it only prepares for others.
    pub rows: Vec<RowRef>,
}

/// What can be asked of the system, in the words of its slices.
#[derive(Debug, Clone)]
pub enum Action {
    Register {
        account: AccountId,
        email: Email,
        display_name: Name,
    },
    GrantRole {
        account: AccountId,
        role: Role,
    },
    AddBook {
        book: BookId,
        details: Box<book::Details>,
    },
    /// Adds a book, unless it is there.
    HaveBook {
        book: BookId,
        details: Box<book::Details>,
    },
    /// Adds a book under a made-up title, unless it is there.
    StandIn {
        book: BookId,
        details: Box<book::Details>,
    },
    SetCopies {
        book: BookId,
        copies: Copies,
    },
    Borrow {
        book: BookId,
        reader: AccountId,
    },
    Return {
        book: BookId,
        reader: AccountId,
    },
    Rate {
        reader: AccountId,
        item: ItemId,
        score: Score,
    },
    Unrate {
        reader: AccountId,
        item: ItemId,
    },
    /// Posts a comment, or edits the one that is there.
    Comment {
        comment: CommentId,
        author: AccountId,
        item: ItemId,
        text: Remark,
        edited_at: DateTime<Utc>,
    },
    DeleteComment {
        comment: CommentId,
        author: AccountId,
    },
    Like {
        reader: AccountId,
        target: like::Target,
    },
    Unlike {
        reader: AccountId,
        target: like::Target,
    },
    Favourite {
        reader: AccountId,
        item: ItemId,
    },
    LetGo {
        reader: AccountId,
        item: ItemId,
    },
    Dismiss {
        reader: AccountId,
        item: ItemId,
    },
    WantAgain {
        reader: AccountId,
        item: ItemId,
    },
    Follow {
        follower: AccountId,
        followee: AccountId,
    },
    Unfollow {
        follower: AccountId,
        followee: AccountId,
    },
    CreateCourse {
        course: CourseId,
        by: AccountId,
        details: Box<course::Details>,
    },
    AddLesson {
        course: CourseId,
        by: AccountId,
        lesson: LessonId,
        details: Box<course::LessonDetails>,
    },
    Publish {
        course: CourseId,
        by: AccountId,
    },
    Enroll {
        student: AccountId,
        course: CourseId,
    },
    Withdraw {
        student: AccountId,
        course: CourseId,
    },
    Complete {
        student: AccountId,
        course: CourseId,
        lesson: LessonId,
        score: Option<Mark>,
    },
    Reopen {
        student: AccountId,
        course: CourseId,
        lesson: LessonId,
    },
    AddProduct {
        product: ProductId,
        details: Box<product::Details>,
        price: Money,
    },
    Receive {
        product: ProductId,
        quantity: Quantity,
    },
    PutIntoCart {
        customer: AccountId,
        product: ProductId,
        pieces: Pieces,
    },
    Place {
        order: OrderId,
        customer: AccountId,
        items: Vec<Item>,
    },
    Cancel {
        order: OrderId,
        by: AccountId,
    },
    Ship {
        order: OrderId,
    },
    Deliver {
        order: OrderId,
    },
}

impl Action {
    /// What a report calls these commands when no row stands behind them.
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Register { .. } => "accounts",
            Self::GrantRole { .. } => "roles",
            Self::AddBook { .. } | Self::HaveBook { .. } => "books",
            Self::StandIn { .. } => "books without a title",
            Self::SetCopies { .. } => "copies of books",
            Self::Borrow { .. } => "loans",
            Self::Return { .. } => "returned books",
            Self::Rate { .. } => "ratings",
            Self::Unrate { .. } => "withdrawn ratings",
            Self::Comment { .. } => "comments",
            Self::DeleteComment { .. } => "deleted comments",
            Self::Like { .. } => "likes",
            Self::Unlike { .. } => "likes taken back",
            Self::Favourite { .. } => "favourites",
            Self::LetGo { .. } => "favourites let go",
            Self::Dismiss { .. } => "dismissals",
            Self::WantAgain { .. } => "dismissals taken back",
            Self::Follow { .. } => "follows",
            Self::Unfollow { .. } => "ended follows",
            Self::CreateCourse { .. } => "courses",
            Self::AddLesson { .. } => "lessons",
            Self::Publish { .. } => "publications",
            Self::Enroll { .. } => "enrollments",
            Self::Withdraw { .. } => "withdrawals",
            Self::Complete { .. } => "completed lessons",
            Self::Reopen { .. } => "reopened lessons",
            Self::AddProduct { .. } => "products",
            Self::Receive { .. } => "opening stocks",
            Self::PutIntoCart { .. } => "things in carts",
            Self::Place { .. } => "orders",
            Self::Cancel { .. } => "cancellations",
            Self::Ship { .. } => "shipped orders",
            Self::Deliver { .. } => "delivered orders",
        }
    }
}

/// The account of somebody the data calls `key`.
pub fn register(source: &Source, role: &str, key: &str, at: DateTime<Utc>) -> (Task, AccountId) {
    let account = source.account(key);
    let task = Task {
        key: format!("account:{key}"),
        lane: account.uuid().as_u128(),
        at,
        action: Action::Register {
            account,
            email: source.email(account, &role.to_lowercase(), key),
            display_name: Source::display_name(role, key),
        },
        rows: Vec::new(),
    };
    (task, account)
}

/// Accounts for everybody in `people`, each with the time of its first deed.
pub fn accounts(
    source: &Source,
    role: &'static str,
    people: Arc<Vec<(Box<str>, DateTime<Utc>)>>,
) -> Stage {
    let source = source.clone();
    Stage {
        name: "accounts",
        total: people.len() as u64,
        produce: Box::new(move |emit| {
            for (key, at) in people.iter() {
                emit(Work::Send(Box::new(register(&source, role, key, *at).0)))?;
            }
            Ok(())
        }),
    }
}
