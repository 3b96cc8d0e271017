//! What the demo has to offer: the files under `data`, written for this project.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use command_api::order::Item;
use domain::{
    AccountId, BookId, CourseId, Currency, ItemId, LessonId, Markdown, Money, ProductId, Quantity,
    Tag, Tags, course, loan::Copies, product,
};

use crate::cli::import::{
    book_row::{Fault, Raw},
    source::Source,
    table::{Line, Table},
    work::{Action, Work},
};

const BOOKS: &str = include_str!("data/books.csv");
const PRODUCTS: &str = include_str!("data/products.csv");
const COURSES: [(&str, &str); 5] = [
    ("double-entry", include_str!("data/courses/double-entry.md")),
    ("victorian-novel", include_str!("data/courses/victorian-novel.md")),
    ("pamphlet-binding", include_str!("data/courses/pamphlet-binding.md")),
    ("events", include_str!("data/courses/events.md")),
    (FORMER, include_str!("data/courses/marbling.md")),
];
/// The course that is archived in the end.
pub const FORMER: &str = "marbling";
/// Of each book, to lend.
const COPIES: u32 = 5;
/// A calm reader's words a minute.
const READING_WORDS_A_MINUTE: usize = 150;

pub struct Catalogue {
    pub books: Vec<Book>,
    pub courses: Vec<Course>,
    pub products: Vec<Product>,
}

pub struct Book {
    pub key: String,
    pub id: BookId,
    pub genres: Vec<String>,
    pub copies: Copies,
    details: domain::book::Details,
}

pub struct Course {
    pub key: &'static str,
    pub id: CourseId,
    pub lessons: Vec<(LessonId, course::LessonDetails)>,
    details: course::Details,
}

pub struct Product {
    pub id: ProductId,
    details: product::Details,
    price: Money,
    pub stock: Quantity,
}

impl Product {
    pub fn sku(&self) -> &str {
        self.details.sku.as_str()
    }

    pub fn item(&self, quantity: Quantity) -> Item {
        Item { product: self.id, quantity, price: None }
    }
}

impl Catalogue {
    pub fn read(source: &Source) -> anyhow::Result<Self> {
        let courses = COURSES.into_iter().map(|(key, text)| course(source, key, text));
        Ok(Self {
            books: books(source)?,
            courses: courses.collect::<anyhow::Result<_>>()?,
            products: products(source)?,
        })
    }

    pub fn book(&self, key: &str) -> anyhow::Result<&Book> {
        let found = self.books.iter().find(|book| book.key == key);
        found.with_context(|| format!("the demo has no book {key}"))
    }

    pub fn course(&self, key: &str) -> anyhow::Result<&Course> {
        let found = self.courses.iter().find(|course| course.key == key);
        found.with_context(|| format!("the demo has no course {key}"))
    }

    pub fn product(&self, sku: &str) -> anyhow::Result<&Product> {
        let found = self.products.iter().find(|product| product.sku() == sku);
        found.with_context(|| format!("the demo has no product {sku}"))
    }

    /// `book:emma`, `course:events` or `product:LAMP-CLIP`.
    pub fn item(&self, name: &str) -> anyhow::Result<ItemId> {
        match name.split_once(':') {
            Some(("book", key)) => Ok(self.book(key)?.id.into()),
            Some(("course", key)) => Ok(self.course(key)?.id.into()),
            Some(("product", sku)) => Ok(self.product(sku)?.id.into()),
            _ => anyhow::bail!("the demo has no {name}"),
        }
    }

    pub fn works(&self, instructor: AccountId, at: DateTime<Utc>) -> Vec<Work> {
        let books = self.books.iter().flat_map(|book| book.works(at));
        let courses = self.courses.iter().flat_map(|course| course.works(instructor, at));
        let products = self.products.iter().flat_map(|product| product.works(at));
        books.chain(courses).chain(products).collect()
    }
}

impl Book {
    fn works(&self, at: DateTime<Utc>) -> [Work; 2] {
        let (book, lane, copies) = (self.id, self.id.uuid().as_u128(), self.copies);
        let add = Action::AddBook { book, details: Box::new(self.details.clone()) };
        let lend = Action::SetCopies { book, copies };
        [
            Work::prepare(format!("book:{}", self.key), lane, at, add),
            Work::prepare(format!("copies:{}", self.key), lane, at, lend),
        ]
    }
}

impl Course {
    fn works(&self, by: AccountId, at: DateTime<Utc>) -> Vec<Work> {
        let (course, lane) = (self.id, self.id.uuid().as_u128());
        let details = Box::new(self.details.clone());
        let create = Action::CreateCourse { course, by, details };
        let mut works = vec![Work::prepare(format!("course:{}", self.key), lane, at, create)];
        for (place, (lesson, details)) in self.lessons.iter().enumerate() {
            let details = Box::new(details.clone());
            let add = Action::AddLesson { course, by, lesson: *lesson, details };
            works.push(Work::prepare(format!("lesson:{}:{place}", self.key), lane, at, add));
        }
        let publish = Action::Publish { course, by };
        works.push(Work::prepare(format!("publication:{}", self.key), lane, at, publish));
        works
    }
}

impl Product {
    fn works(&self, at: DateTime<Utc>) -> [Work; 2] {
        let (product, lane) = (self.id, self.id.uuid().as_u128());
        let (sku, quantity) = (&self.details.sku, self.stock);
        let details = Box::new(self.details.clone());
        let add = Action::AddProduct { product, details, price: self.price };
        let receive = Action::Receive { product, quantity };
        [
            Work::prepare(format!("product:{sku}"), lane, at, add),
            Work::prepare(format!("stock:{sku}"), lane, at, receive),
        ]
    }
}

fn books(source: &Source) -> anyhow::Result<Vec<Book>> {
    let mut table = Table::read(0, Box::new(BOOKS.as_bytes()), None)?;
    let columns = table.columns([
        "key",
        "title",
        "authors",
        "year",
        "genres",
        "language",
        "series",
        "description",
    ])?;
    let copies = Copies::try_from(COPIES)?;
    let mut books = Vec::new();
    while let Some(line) = table.next()? {
        let Line::Row(row) = line else {
            anyhow::bail!("the demo's books cannot be read: {line:?}")
        };
        let [key, title, authors, year, genres, language, series, description] =
            columns.map(|column| row.field(column).to_owned());
        let genres: Vec<String> = genres.split('/').map(str::to_owned).collect();
        let raw = Raw {
            key: key.clone(),
            title,
            authors: authors.split(';').map(str::to_owned).collect(),
            year,
            genres: genres.clone(),
            language,
            series,
            description,
            ..Raw::default()
        };
        let details = raw.details().map_err(|fault| match fault {
            Fault::Refused { detail, .. } | Fault::Unreadable(detail) => {
                anyhow::anyhow!("the demo's book {key}: {detail}")
            }
        })?;
        books.push(Book { id: source.id("book", &key), key, genres, copies, details });
    }
    Ok(books)
}

fn products(source: &Source) -> anyhow::Result<Vec<Product>> {
    let mut table = Table::read(0, Box::new(PRODUCTS.as_bytes()), None)?;
    let columns =
        table.columns(["sku", "name", "description", "pence", "category", "tags", "stock"])?;
    let mut products = Vec::new();
    while let Some(line) = table.next()? {
        let Line::Row(row) = line else { anyhow::bail!("the demo's products: {line:?}") };
        let [sku, name, description, pence, category, tags, stock] =
            columns.map(|column| row.field(column));
        products.push(Product {
            id: source.id("product", sku),
            details: product::Details {
                sku: sku.parse()?,
                name: name.parse()?,
                description: Some(description.parse()?),
                category: Some(category.parse()?),
                tags: tags_of(tags, ';')?,
            },
            price: Money::new(pence.parse()?, Currency::GBP)?,
            stock: Quantity::try_from(stock.parse::<u32>()?)?,
        });
    }
    Ok(products)
}

/// A course is a Markdown file: its title, a quoted description, `name: value` lines, and a lesson
/// under each heading of the second level.
fn course(source: &Source, key: &'static str, text: &str) -> anyhow::Result<Course> {
    let mut parts = text.split("\n## ");
    let head = parts.next().unwrap_or_default();
    let line = |start: &str| -> anyhow::Result<&str> {
        let line = head.lines().find_map(|line| line.strip_prefix(start));
        line.map(str::trim).with_context(|| format!("course {key} has no line '{start}'"))
    };
    let seats = match line("seats:") {
        Ok(seats) => Some(course::Seats::try_from(seats.parse::<u32>()?)?),
        Err(_) => None,
    };
    let details = course::Details {
        title: line("# ")?.parse()?,
        description: Some(line("> ")?.parse()?),
        level: Some(match line("level:")? {
            "beginner" => course::Level::Beginner,
            "intermediate" => course::Level::Intermediate,
            _ => course::Level::Advanced,
        }),
        skills: tags_of(line("skills:")?, ',')?,
        seats,
    };
    let lessons = parts.enumerate().map(|(place, part)| {
        let (title, text) = part.split_once('\n').context("a lesson is a heading and text")?;
        let minutes = (text.split_whitespace().count() / READING_WORDS_A_MINUTE).max(1) as u16;
        let details = course::LessonDetails {
            title: title.parse()?,
            text: Some(text.parse::<Markdown>()?),
            minutes: Some(course::Minutes::try_from(minutes)?),
        };
        Ok((source.id("lesson", &format!("{key}:{place}")), details))
    });
    let lessons = lessons.collect::<anyhow::Result<_>>()?;
    Ok(Course { key, id: source.id("course", key), lessons, details })
}

fn tags_of(text: &str, separator: char) -> anyhow::Result<Tags> {
    let tags = text.split(separator).map(str::parse).collect::<Result<Vec<Tag>, _>>()?;
    Ok(Tags::try_from(tags)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::HashSet;

    use super::*;

    #[test]
    fn everything_on_offer_can_be_kept() {
        let catalogue = Catalogue::read(&Source::new("demo").unwrap()).unwrap();
        let keys: HashSet<_> = catalogue.books.iter().map(|book| &book.key).collect();
        assert!(keys.len() >= 100 && keys.len() == catalogue.books.len());
        assert_eq!((catalogue.courses.len(), catalogue.products.len()), (5, 21));
        for course in catalogue.courses.iter().filter(|course| course.key != FORMER) {
            assert_eq!(course.lessons.len(), 4, "{}", course.key);
            for (_, lesson) in &course.lessons {
                assert!(lesson.text.as_ref().unwrap().as_str().matches("\n\n").count() >= 3);
            }
        }
        let holmes = catalogue.book("hound-of-the-baskervilles").unwrap();
        assert_eq!(holmes.details.series.as_ref().unwrap().name.as_str(), "Sherlock Holmes");
    }
}
