//! What a client is told of an event, and who may be told.

use domain::Role;
use eventstore::RecordedEvent;
use serde_json::{Value, json};
use service_kit::Problem;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Account,
    Follows,
    Books,
    Courses,
    Products,
    Ratings,
    Comments,
    Likes,
    Enrollments,
    Favourites,
    Loans,
    Stock,
    Cart,
    Orders,
    Conversations,
    /// The steps of publications.
    Workflows,
    /// That something happened, for dashboards: no ids.
    Activity,
}

impl Topic {
    pub(super) const ALL: [Self; 17] = [
        Self::Account,
        Self::Follows,
        Self::Books,
        Self::Courses,
        Self::Products,
        Self::Ratings,
        Self::Comments,
        Self::Likes,
        Self::Enrollments,
        Self::Favourites,
        Self::Loans,
        Self::Stock,
        Self::Cart,
        Self::Orders,
        Self::Conversations,
        Self::Workflows,
        Self::Activity,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Follows => "follows",
            Self::Books => "books",
            Self::Courses => "courses",
            Self::Products => "products",
            Self::Ratings => "ratings",
            Self::Comments => "comments",
            Self::Likes => "likes",
            Self::Enrollments => "enrollments",
            Self::Favourites => "favourites",
            Self::Loans => "loans",
            Self::Stock => "stock",
            Self::Cart => "cart",
            Self::Orders => "orders",
            Self::Conversations => "conversations",
            Self::Workflows => "workflows",
            Self::Activity => "activity",
        }
    }
}

/// `topics=orders,ratings:book:<id>`.
pub(super) fn parse_topics(text: &str) -> Result<Vec<(Topic, Option<String>)>, Problem> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, about) = match part.split_once(':') {
                Some((name, about)) => (name, Some(about.to_owned())),
                None => (part, None),
            };
            let topic = Topic::ALL.into_iter().find(|topic| topic.name() == name);
            let unknown =
                || Problem::invalid("/query/topics", format!("no topic is called {name}"));
            topic.map(|topic| (topic, about)).ok_or_else(unknown)
        })
        .collect()
}

/// Who listens.
#[derive(Debug)]
pub(super) struct Reader {
    pub account: Uuid,
    pub roles: Vec<Role>,
}

#[derive(Debug, Clone, PartialEq)]
enum Audience {
    Everyone,
    /// These people, and whoever has one of the roles.
    Some(Vec<Uuid>, &'static [Role]),
}

/// One event as clients hear of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Notice {
    pub position: i64,
    pub topic: Topic,
    /// The id of what it happened to; empty for activity.
    pub about: String,
    event: String,
    at: Option<String>,
    audience: Audience,
}

impl Notice {
    pub(super) fn may_be_seen_by(&self, reader: &Reader) -> bool {
        match &self.audience {
            Audience::Everyone => true,
            Audience::Some(people, roles) => {
                people.contains(&reader.account)
                    || roles.iter().any(|role| reader.roles.contains(role))
            }
        }
    }

    /// After this the account may have other rights than when it connected.
    pub(super) fn changes_standing_of(&self, account: Uuid) -> bool {
        let names = ["RoleGranted", "RoleRevoked", "AccountDeactivated", "AccountErased"];
        self.topic == Topic::Account
            && names.contains(&self.event.as_str())
            && self.about.parse() == Ok(account)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "position": self.position,
            "topic": self.topic.name(),
            "about": self.about,
            "type": self.event,
            "at": self.at,
        })
    }
}

const HANDLERS: &[Role] = &[Role::Merchandiser, Role::Operator];
const OPERATORS: &[Role] = &[Role::Operator];
const ANALYSTS: &[Role] = &[Role::Analyst, Role::Operator, Role::Auditor];

/// None for events that are nobody's news, such as the steps of a process.
pub(super) fn notices(event: &RecordedEvent) -> Vec<Notice> {
    let payload: Value = serde_json::from_str(&event.payload).unwrap_or(Value::Null);
    let at = payload["at"].as_str().map(str::to_owned);
    let id = event.stream.aggregate_id.as_str();
    let account_in = |field: &str| -> Vec<Uuid> {
        payload[field].as_str().and_then(|text| text.parse().ok()).into_iter().collect()
    };
    // Where an event does not name the instructor, it is who did it: nobody else changes a course.
    let instructor = || match account_in("instructor") {
        named if !named.is_empty() => named,
        _ => event.metadata().get("actor").and_then(|it| it.parse().ok()).into_iter().collect(),
    };
    let (topic, about, audience) = match event.stream.aggregate_type.as_str() {
        "account" | "operators" => {
            let people = account_in("account");
            let about = people.first().map(Uuid::to_string).unwrap_or_default();
            (Topic::Account, about, Audience::Some(people, &[]))
        }
        "follow" => {
            let people = id.split(':').filter_map(|part| part.parse().ok()).collect();
            (Topic::Follows, id.to_owned(), Audience::Some(people, &[]))
        }
        "book" => (Topic::Books, id.to_owned(), Audience::Everyone),
        "course" if matches!(event.event_type.as_str(), "CoursePublished" | "CourseArchived") => {
            (Topic::Courses, id.to_owned(), Audience::Everyone)
        }
        // Drafts are their instructor's alone, and so is what becomes of them.
        "course" => (Topic::Courses, id.to_owned(), Audience::Some(instructor(), OPERATORS)),
        // `book:<id>`, or `lesson:<course>:<lesson>`.
        "file" => {
            let (kind, ids) = id.split_once(':').unwrap_or_default();
            let about = ids.split(':').next().unwrap_or_default().to_owned();
            match kind {
                "book" => (Topic::Books, about, Audience::Everyone),
                "product" => (Topic::Products, about, Audience::Everyone),
                _ => (Topic::Courses, about, Audience::Some(instructor(), OPERATORS)),
            }
        }
        "product" => (Topic::Products, id.to_owned(), Audience::Everyone),
        // The stream's id is `reader:item`; who rated is not for everyone.
        "rating" => {
            let item = id.split_once(':').map_or(id, |(_, item)| item);
            (Topic::Ratings, item.to_owned(), Audience::Everyone)
        }
        // About the item, so that its page hears of comments it does not know yet.
        "comment" => {
            let item = payload["item"].as_str().unwrap_or_default();
            (Topic::Comments, item.to_owned(), Audience::Everyone)
        }
        // As with ratings: what is liked, not by whom.
        "like" => {
            let target = id.split_once(':').map_or(id, |(_, target)| target);
            (Topic::Likes, target.to_owned(), Audience::Everyone)
        }
        // What was asked is for who asked; analysts hear no more than that something was.
        "conversation" => {
            let audience = Audience::Some(account_in("asker"), &[]);
            (Topic::Conversations, id.to_owned(), audience)
        }
        "enrollment" => {
            let (student, course) = id.split_once(':').unwrap_or_default();
            let people = student.parse().into_iter().collect();
            (Topic::Enrollments, course.to_owned(), Audience::Some(people, &[]))
        }
        "shelf" => {
            let (reader, item) = id.split_once(':').unwrap_or_default();
            let people = reader.parse().into_iter().collect();
            (Topic::Favourites, item.to_owned(), Audience::Some(people, &[]))
        }
        // The stream's id is the book; who has it is not for everyone.
        "loan" => (Topic::Loans, id.to_owned(), Audience::Everyone),
        "stock" => (Topic::Stock, id.to_owned(), Audience::Everyone),
        // The stream's id is the customer's.
        "cart" => {
            let people = id.parse().into_iter().collect();
            (Topic::Cart, id.to_owned(), Audience::Some(people, &[]))
        }
        "order" => (Topic::Orders, id.to_owned(), Audience::Some(account_in("customer"), HANDLERS)),
        "publication" => {
            let audience = Audience::Some(instructor(), OPERATORS);
            (Topic::Workflows, id.to_owned(), audience)
        }
        _ => return Vec::new(),
    };
    let notice = |topic, about, audience| Notice {
        position: event.position,
        topic,
        about,
        event: event.event_type.clone(),
        at: at.clone(),
        audience,
    };
    vec![
        notice(topic, about, audience),
        notice(Topic::Activity, String::new(), Audience::Some(Vec::new(), ANALYSTS)),
    ]
}

#[cfg(test)]
mod tests {
    use eventstore::StreamId;

    use super::*;

    fn event(aggregate_type: &str, id: &str, event_type: &str, payload: Value) -> RecordedEvent {
        RecordedEvent {
            position: 7,
            stream: StreamId::new(aggregate_type, id),
            sequence: 1,
            event_type: event_type.to_owned(),
            event_version: "1.0.0".to_owned(),
            payload: payload.to_string(),
            metadata: "{}".to_owned(),
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    fn topics_seen(event: &RecordedEvent, account: Uuid, roles: &[Role]) -> Vec<&'static str> {
        let reader = Reader { account, roles: roles.to_vec() };
        let seen = notices(event).into_iter().filter(|notice| notice.may_be_seen_by(&reader));
        seen.map(|notice| notice.topic.name()).collect()
    }

    #[test]
    fn an_order_is_news_for_its_customer_and_for_those_who_handle_it() {
        let (ada, bob) = (Uuid::from_u128(0xada), Uuid::from_u128(0xb0b));
        let placed = event("order", "o", "OrderPlaced", json!({ "customer": ada }));
        assert_eq!(topics_seen(&placed, ada, &[Role::Member]), ["orders"]);
        assert_eq!(topics_seen(&placed, bob, &[Role::Merchandiser]), ["orders"]);
        assert_eq!(topics_seen(&placed, bob, &[Role::Analyst]), ["activity"]);
        assert!(topics_seen(&placed, bob, &[Role::Member]).is_empty());
    }

    #[test]
    fn a_cart_is_news_for_its_customer_alone() {
        let (ada, bob) = (Uuid::from_u128(0xada), Uuid::from_u128(0xb0b));
        let added = event("cart", &ada.to_string(), "ItemAdded", json!({ "customer": ada }));
        assert_eq!(topics_seen(&added, ada, &[Role::Member]), ["cart"]);
        assert!(topics_seen(&added, bob, &[Role::Member, Role::Merchandiser]).is_empty());
    }

    #[test]
    fn the_steps_of_a_publication_are_news_for_its_instructor_and_operators() {
        let (ada, bob) = (Uuid::from_u128(0xada), Uuid::from_u128(0xb0b));
        let step = json!({ "instructor": ada, "step": "extract" });
        let done = event("publication", "p", "PublicationStepCompleted", step);
        assert_eq!(topics_seen(&done, ada, &[Role::Instructor]), ["workflows"]);
        assert!(topics_seen(&done, bob, &[Role::Instructor]).is_empty());
        assert_eq!(topics_seen(&done, bob, &[Role::Operator]), ["workflows", "activity"]);
    }

    #[test]
    fn what_becomes_of_a_draft_is_news_for_its_instructor_and_operators() {
        let (ada, bob) = (Uuid::from_u128(0xada), Uuid::from_u128(0xb0b));
        let failed = event("course", "c", "PublicationFailed", json!({ "instructor": ada }));
        let added = RecordedEvent {
            metadata: json!({ "actor": ada }).to_string(),
            ..event("course", "c", "LessonAdded", json!({ "course": "c" }))
        };
        for news in [failed, added] {
            assert_eq!(topics_seen(&news, ada, &[Role::Instructor]), ["courses"]);
            assert!(topics_seen(&news, bob, &[Role::Instructor]).is_empty());
            assert_eq!(topics_seen(&news, bob, &[Role::Operator]), ["courses", "activity"]);
        }
    }

    #[test]
    fn nobody_hears_who_rated_liked_or_borrowed() {
        let (reader, book) = (Uuid::from_u128(0xada), Uuid::from_u128(0xb));
        let id = format!("{reader}:book:{book}");
        let borrowed = json!({ "book": book, "reader": reader });
        for event in [
            event("rating", &id, "ItemRated", json!({})),
            event("like", &id, "Liked", json!({})),
            event("loan", &book.to_string(), "BookBorrowed", borrowed),
        ] {
            for notice in notices(&event) {
                assert!(!notice.json().to_string().contains(&reader.to_string()));
            }
        }
    }

    #[test]
    fn everybody_hears_that_something_was_said_about_an_item_and_nobody_what() {
        let item = format!("book:{}", Uuid::from_u128(0xb));
        let said = json!({ "item": item, "text": { "sealed": { "box": "Dorothea" } } });
        let [notice, _] = &notices(&event("comment", "c", "CommentPosted", said))[..] else {
            panic!("there is one for dashboards and one for everybody")
        };
        assert_eq!((notice.topic, &notice.about), (Topic::Comments, &item));
        assert_eq!(notice.audience, Audience::Everyone);
        assert!(!notice.json().to_string().contains("Dorothea"));
    }
}
