//! What people did once or twice, chosen by hand: catalogues are revised, shelves counted, profiles
//! changed.

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use command_api::{account, book, cart, course, order::OrderNumbers, product, stock};
use domain::{
    AccountId, CourseId, Currency, LessonId, Money, Patch, Personal, ProductId, Quantity, Role,
    Tag, Tags,
    account::{Channel, ProfileChanges},
    book::Audience,
    cart::Pieces,
    course::{LessonDetails, LessonRevision, Minutes, Seats},
};
use eventstore::{Context, Log};
use service_kit::Problem;

use super::catalogue::{Catalogue, FORMER};
use crate::cli::import::{
    source::Source,
    work::{Action, Work},
};

/// Products that something has happened to since they were put into carts.
pub const REPRICED: &str = "NOTE-DAY";
pub const DISCONTINUED: &str = "MUG-INK";
/// Both hours ago: what was ordered before was ordered at the old price.
pub const REPRICED_HOURS_AGO: i64 = 2;
pub const DISCONTINUED_HOURS_AGO: i64 = 3;
const WITHDRAWN: &str = "castle-of-otranto";

const ANOTHER_EXAMPLE: &str = "Another example, because many asked for one. On Monday you buy ink \
    on account for four pounds: the journal says stationery, debit, four; the stationer, credit, \
    four. On Friday you pay: the stationer, debit, four; cash, credit, four. In the ledger the \
    stationer's page now has four on each side and is ruled off, and nobody has to remember \
    whether the ink was paid for.";
const REORDER_LEVELS: [(&str, u32); 6] = [
    ("LAMP-DESK", 10),
    ("STAND-OAK", 15),
    ("AWL-BIND", 20),
    ("NOTE-LEDGER", 30),
    ("KIT-PAMPHLET", 30),
    ("FIRST-EMMA", 1),
];
const ADJUSTMENTS: [(&str, i64, &str); 4] = [
    ("PEN-FOUNT", -2, "dropped once too often"),
    ("INK-BLACK", -3, "broken on the way from the maker"),
    ("MARK-RIB", 4, "found behind the shelf"),
    ("NOTE-A5", -1, "taken for the desk"),
];

pub struct Changes<'a> {
    pub log: &'a Log,
    pub source: &'a Source,
    pub catalogue: &'a Catalogue,
    pub instructor: AccountId,
    pub now: DateTime<Utc>,
}

impl Changes<'_> {
    pub async fn make(&self) -> anyhow::Result<()> {
        self.books().await?;
        self.courses().await?;
        self.former_course().await?;
        self.products().await?;
        self.people().await?;
        self.carts().await
    }

    fn context(&self, key: &str, hours_ago: i64) -> Context {
        let at = self.now - TimeDelta::hours(hours_ago);
        Context::system(&self.source.caller(), key.to_owned(), at).with("source", "import")
    }

    fn reader(&self, key: &str) -> AccountId {
        self.source.account(key)
    }

    async fn books(&self) -> anyhow::Result<()> {
        let kids = |genres: &[String]| genres.iter().any(|genre| genre == "children");
        for found in self.catalogue.books.iter().filter(|found| kids(&found.genres)) {
            let context = self.context(&format!("revision:{}", found.key), 50 * 24);
            let audience = Some(Audience::Kids);
            let revision = domain::book::Revision { audience, ..Default::default() };
            done(book::revise(self.log, &context, found.id, revision).await)?;
        }
        let context = self.context("withdrawal", 1);
        done(book::withdraw(self.log, &context, self.catalogue.book(WITHDRAWN)?.id).await)
    }

    async fn courses(&self) -> anyhow::Result<()> {
        let binding = self.catalogue.course("pamphlet-binding")?.id;
        let seats = Patch::Set(Seats::try_from(60)?);
        let revision = domain::course::Revision { seats, ..Default::default() };
        let context = self.context("more-seats", 25 * 24);
        done(course::revise(self.log, &context, self.instructor, binding, revision).await)?;

        let bookkeeping = self.catalogue.course("double-entry")?;
        let (lesson, details) = &bookkeeping.lessons[2];
        let text = details.text.as_ref().map_or("", |text| text.as_str());
        let text = Patch::Set(format!("{text}\n\n{ANOTHER_EXAMPLE}").parse()?);
        let revision = LessonRevision { text, ..Default::default() };
        let context = self.context("another-example", 9 * 24);
        self.revise_lesson(&context, (bookkeeping.id, *lesson), revision).await
    }

    async fn revise_lesson(
        &self,
        context: &Context,
        lesson: (CourseId, LessonId),
        revision: LessonRevision,
    ) -> anyhow::Result<()> {
        done(course::revise_lesson(self.log, context, self.instructor, lesson, revision).await)
    }

    /// A lesson was planned and dropped, and the course is given no more.
    async fn former_course(&self) -> anyhow::Result<()> {
        let (log, by) = (self.log, self.instructor);
        let former = self.catalogue.course(FORMER)?;
        let planned: (CourseId, LessonId) = (former.id, self.source.id("lesson", "marbling:oil"));
        let details = LessonDetails {
            title: "Oil colours".parse()?,
            text: None,
            minutes: Some(Minutes::try_from(5)?),
        };
        let context = self.context("lesson-planned", 59 * 24);
        done(course::add_lesson(log, &context, by, planned, details, None).await)?;
        let first = LessonRevision { position: Some(1), ..Default::default() };
        self.revise_lesson(&self.context("lesson-moved", 58 * 24), planned, first).await?;
        let context = self.context("lesson-dropped", 57 * 24);
        done(course::remove_lesson(log, &context, by, planned).await)?;
        let context = self.context("archive", 12 * 24);
        done(course::archive(log, &context, by, former.id).await)
    }

    fn product(&self, sku: &str) -> anyhow::Result<ProductId> {
        Ok(self.catalogue.product(sku)?.id)
    }

    async fn products(&self) -> anyhow::Result<()> {
        let log = self.log;
        for (sku, level) in REORDER_LEVELS {
            let context = self.context(&format!("reorder:{sku}"), 4);
            let product = self.product(sku)?;
            done(stock::set_reorder_level(log, &context, product, Some(level)).await)?;
        }
        for (hours, (sku, by, why)) in (30..).step_by(41).zip(ADJUSTMENTS) {
            let context = self.context(&format!("adjustment:{sku}"), hours);
            let why = Some(why.parse()?);
            done(stock::adjust(log, &context, self.product(sku)?, by, why).await)?;
        }
        let (notebook, more) = (self.product("NOTE-A5")?, Quantity::try_from(150)?);
        let context = self.context("another-delivery", 6 * 24);
        let why = Some("the second printing".parse()?);
        done(stock::receive(log, &context, notebook, more, why).await)?;

        let kit = self.product("KIT-PAMPHLET")?;
        let description = "Everything for five stitched booklets, with instructions and a spare \
            needle.";
        let description = Patch::Set(description.parse()?);
        let revision = domain::product::Revision { description, ..Default::default() };
        done(product::revise(log, &self.context("spare-needle", 8 * 24), kit, revision).await)?;
        let price = Money::new(2_150, Currency::GBP)?;
        let context = self.context("repriced", REPRICED_HOURS_AGO);
        done(product::reprice(log, &context, self.product(REPRICED)?, price).await)?;
        let context = self.context("discontinued", DISCONTINUED_HOURS_AGO);
        done(product::discontinue(log, &context, self.product(DISCONTINUED)?).await)
    }

    async fn people(&self) -> anyhow::Result<()> {
        let log = self.log;
        let topics = |names: &[&str]| -> anyhow::Result<Option<Tags>> {
            let tags =
                names.iter().map(|name| name.parse::<Tag>()).collect::<Result<Vec<_>, _>>()?;
            Ok(Some(Tags::try_from(tags)?))
        };
        let language = Patch::Set("de".parse()?);
        let name = Some(Personal::new(self.reader("34"), "Noor Kowalski-Brandt".parse()?));
        let none = ProfileChanges::default;
        for (key, changes) in [
            ("member", ProfileChanges { topics: topics(&["adventure", "sea"])?, ..none() }),
            ("02", ProfileChanges { language, ..none() }),
            ("11", ProfileChanges { channels: Some(vec![Channel::Email]), ..none() }),
            ("34", ProfileChanges { display_name: name, ..none() }),
        ] {
            let context = self.context(&format!("profile:{key}"), 15 * 24);
            done(account::change_profile(log, &context, self.reader(key), changes).await)?;
        }
        let (moved, helper, away) = (self.reader("13"), self.reader("07"), self.reader("29"));
        let email = "reader-13@moved.demo.invalid".parse()?;
        done(account::change_email(log, &self.context("moved", 7 * 24), moved, email).await)?;
        let context = |what: &str, days: i64| self.context(what, days * 24);
        let role = Role::Analyst;
        done(account::grant_role(log, &context("helper", 20), helper, role).await)?;
        done(account::revoke_role(log, &context("helper-gone", 13), helper, role).await)?;
        done(account::deactivate(log, &context("away", 11), away).await)?;
        done(account::reactivate(log, &context("back", 8), away).await)
    }

    /// One thinks again and orders, one thinks again and goes.
    async fn carts(&self) -> anyhow::Result<()> {
        let (log, buyer, leaver) = (self.log, self.reader("05"), self.reader("09"));
        let put = async |key, customer, sku, pieces| {
            let (product, pieces) = (self.product(sku)?, Pieces::try_from(pieces)?);
            done(cart::put_item(log, &self.context(key, 6), customer, product, pieces).await)
        };
        put("cart-1", buyer, "NOTE-A5", 1).await?;
        put("cart-2", buyer, "PEN-FOUNT", 1).await?;
        put("cart-3", buyer, "NOTE-A5", 3).await?;
        let (context, pen) = (self.context("cart-4", 6), self.product("PEN-FOUNT")?);
        done(cart::remove_item(log, &context, buyer, pen).await)?;
        let numbers = OrderNumbers::new(log.pool().clone());
        let (context, order) = (self.context("cart-5", 5), self.source.id("order", "cart"));
        done(cart::check_out(log, &numbers, &context, buyer, order).await)?;
        put("cart-6", leaver, "BLOT-12", 2).await?;
        done(cart::clear(log, &self.context("cart-7", 5), leaver).await)
    }
}

/// Those who took the course that is given no more.
pub fn former_students(
    catalogue: &Catalogue,
    source: &Source,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<Work>> {
    let former = catalogue.course(FORMER)?;
    let mut works = Vec::new();
    for key in ["03", "08", "21"] {
        let (student, course) = (source.account(key), former.id);
        let mut add = |what: &str, days_ago, action| {
            let at = now - TimeDelta::days(days_ago);
            let key = format!("{what}:{key}:{FORMER}");
            works.push(Work::prepare(key, student.uuid().as_u128(), at, action));
        };
        add("enrollment", 38, Action::Enroll { student, course });
        for (place, (lesson, _)) in former.lessons.iter().enumerate() {
            let complete = Action::Complete { student, course, lesson: *lesson, score: None };
            add(&format!("completion:{place}"), 33 - 4 * place as i64, complete);
        }
    }
    Ok(works)
}

/// A world that its visitors have changed since may refuse some of it.
pub(super) fn done<T>(answer: Result<T, Problem>) -> anyhow::Result<()> {
    match answer {
        Err(problem) if !problem.status().is_client_error() => Err(anyhow!("{problem}")),
        _ => Ok(()),
    }
}
