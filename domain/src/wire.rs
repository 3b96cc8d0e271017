//! What can stand in the log: every type and version of event, with the schema of its payload.

use cqrs_es::Aggregate;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use crate::{
    account, account::Account, book, book::Book, cart, cart::Cart, comment, comment::Comment,
    conversation, conversation::Conversation, course, course::Course, dismissal,
    dismissal::Dismissal, enrollment, enrollment::Enrollment, export, export::PersonalExport, file,
    file::Files, follow, follow::Follow, fulfilment, fulfilment::Fulfilment, like, like::Like,
    loan, loan::CopySet, model, model::Model, notification, notification::Notification, operators,
    operators::Operators, order, order::Order, process, process::Process, product,
    product::Product, projection, projection::Projection, publication, publication::Publication,
    rating, rating::Rating, shelf, shelf::Shelf, stock, stock::Stock, upcasters, weekly,
    weekly::Weekly,
};

/// The table of a slice's events, by value (`schema`) and as a list (`SCHEMAS`). Neither can lack a
/// variant.
macro_rules! schemas {
    (
        $(#[$doc:meta])*
        $event:ident {
            $(Self::$variant:ident { .. } => ($name:literal, $version:literal)),+ $(,)?
        }
    ) => {
        impl $event {
            $(#[$doc])*
            pub const SCHEMAS: &'static [(&'static str, &'static str)] =
                &[$(($name, $version)),+];

            const fn schema(&self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$variant { .. } => ($name, $version)),+
                }
            }
        }
    };
}

pub(crate) use schemas;

/// One version of one type of event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventType {
    pub aggregate_type: &'static str,
    pub name: &'static str,
    pub version: &'static str,
    /// Events are written so today; older ones are read as if they had been.
    pub current: bool,
    /// JSON Schema (draft 7) of the payload as it is stored: personal values sealed or erased.
    pub payload: Value,
}

/// Every event of the log, described.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    /// By stream type; older versions after today's.
    pub events: Vec<EventType>,
    /// What the schemas refer to.
    pub definitions: Map<String, Value>,
}

/// References in the schemas lead to `definitions_path`, such as `/components/schemas`.
pub fn wire(definitions_path: &'static str) -> Wire {
    let settings = SchemaSettings::draft07().for_serialize();
    let referring = settings.clone().with(|s| s.definitions_path = definitions_path.into());
    let whole = settings.with(|s| s.inline_subschemas = true);
    let mut listing = Listing {
        referring: referring.into_generator(),
        whole: whole.into_generator(),
        events: Vec::new(),
    };
    listing.add::<Account>(account::Event::SCHEMAS);
    listing.add::<Book>(book::Event::SCHEMAS);
    listing.add::<Cart>(cart::Event::SCHEMAS);
    listing.add::<Comment>(comment::Event::SCHEMAS);
    listing.add::<Conversation>(conversation::Event::SCHEMAS);
    listing.add::<Course>(course::Event::SCHEMAS);
    listing.add::<Dismissal>(dismissal::Event::SCHEMAS);
    listing.add::<Enrollment>(enrollment::Event::SCHEMAS);
    listing.add::<Files>(file::Event::SCHEMAS);
    listing.add::<PersonalExport>(export::Event::SCHEMAS);
    listing.add::<Follow>(follow::Event::SCHEMAS);
    listing.add::<Fulfilment>(fulfilment::Event::SCHEMAS);
    listing.add::<Like>(like::Event::SCHEMAS);
    listing.add::<CopySet>(loan::Event::SCHEMAS);
    listing.add::<Model>(model::Event::SCHEMAS);
    listing.add::<Notification>(notification::Event::SCHEMAS);
    listing.add::<Operators>(operators::Event::SCHEMAS);
    listing.add::<Order>(order::Event::SCHEMAS);
    listing.add::<Process>(process::Event::SCHEMAS);
    listing.add::<Product>(product::Event::SCHEMAS);
    listing.add::<Projection>(projection::Event::SCHEMAS);
    listing.add::<Publication>(publication::Event::SCHEMAS);
    listing.add::<Rating>(rating::Event::SCHEMAS);
    listing.add::<Shelf>(shelf::Event::SCHEMAS);
    listing.add::<Stock>(stock::Event::SCHEMAS);
    listing.add::<Weekly>(weekly::Event::SCHEMAS);
    Wire { events: listing.events, definitions: listing.referring.take_definitions(true) }
}

struct Listing {
    referring: SchemaGenerator,
    /// Old shapes are made of today's, which nothing else may share.
    whole: SchemaGenerator,
    events: Vec<EventType>,
}

impl Listing {
    fn add<A>(&mut self, schemas: &'static [(&'static str, &'static str)])
    where
        A: Aggregate<Event: JsonSchema>,
    {
        let aggregate_type = A::TYPE;
        let today = schema_of::<A::Event>(&mut self.referring);
        for &(name, version) in schemas {
            let payload = variant(&today, name);
            let today = EventType { aggregate_type, name, version, current: true, payload };
            self.events.push(today);
        }
        let whole = schema_of::<A::Event>(&mut self.whole);
        for &(name, _) in schemas {
            let mut payload = variant(&whole, name);
            for upcaster in upcasters().iter().rev().filter(|up| up.event_type == name) {
                payload = (upcaster.schema_before)(payload);
                let version = upcaster.from_version;
                let payload = payload.clone();
                let older = EventType { aggregate_type, name, version, current: false, payload };
                self.events.push(older);
            }
        }
    }
}

fn schema_of<E: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = E::json_schema(generator);
    generator.transforms_mut().for_each(|transform| transform.transform(&mut schema));
    schema
}

/// The schema of the events of one type, whose tag is its name.
fn variant(events: &Schema, name: &str) -> Value {
    let variants = events.get("oneOf").and_then(Value::as_array);
    variants
        .and_then(|all| all.iter().find(|one| one["properties"]["type"]["const"] == name))
        .expect("the wire name of an event is its tag")
        .clone()
}
