//! From events to signals, and from signals to differences. No database here.

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::Aggregate;
use domain::account::{self, Account};
use domain::enrollment::{self, Enrollment};
use domain::like::{self, Like, LikeId, Target};
use domain::loan::{self, CopySet};
use domain::order::{self, Line, Order};
use domain::rating::{self, Rating, Score};
use domain::shelf::{self, Shelf};
use domain::{ItemId, ItemKind};
use eventstore::RecordedEvent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ProjectionError;

/// From this score on a rating is a positive signal.
const LIKED_FROM: u8 = 7;

/// What an event says about likings.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Signal {
    /// One positive signal more, or one less.
    Given {
        reader: Uuid,
        item: ItemId,
    },
    TakenBack {
        reader: Uuid,
        item: ItemId,
    },
    Ordered {
        order: Uuid,
        reader: Uuid,
        products: Vec<Uuid>,
    },
    Bought {
        order: Uuid,
    },
    Cancelled {
        order: Uuid,
    },
    Forgotten {
        reader: Uuid,
    },
}

/// An order as far as it matters here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Bought {
    pub order_id: Uuid,
    pub reader: Uuid,
    pub products: BTreeSet<Uuid>,
    pub counted: bool,
}

/// By how much the signals of a pair differ, and the position of its newest positive one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Difference {
    pub signals: i32,
    pub position: i64,
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub pairs: BTreeMap<(Uuid, ItemId), Difference>,
    pub orders: BTreeMap<Uuid, Bought>,
    /// Erased before this batch or in it.
    pub forgotten: BTreeSet<Uuid>,
    pub newly_forgotten: BTreeSet<Uuid>,
}

pub(super) fn signals(batch: &[&RecordedEvent]) -> Result<Vec<(i64, Signal)>, ProjectionError> {
    let mut signals = Vec::new();
    for event in batch {
        let signal = match event.stream.aggregate_type.as_str() {
            Rating::TYPE => rated(event.decode()?),
            Like::TYPE => liked(event.decode()?),
            Shelf::TYPE => Some(shelved(event.decode()?)),
            CopySet::TYPE => borrowed(event.decode()?),
            Enrollment::TYPE => enrolled(event.decode()?),
            Order::TYPE => ordered(event.decode()?),
            Account::TYPE => match event.decode()? {
                account::Event::AccountErased { account, .. } => {
                    Some(Signal::Forgotten { reader: account.uuid() })
                }
                _ => None,
            },
            _ => None,
        };
        signals.extend(signal.map(|signal| (event.position, signal)));
    }
    Ok(signals)
}

fn rated(event: rating::Event) -> Option<Signal> {
    let liked = |score: Score| score.points() >= LIKED_FROM;
    let (rating, before, after) = match event {
        rating::Event::ItemRated { rating, score, .. } => (rating, false, liked(score)),
        rating::Event::RatingChanged { rating, from, to, .. } => (rating, liked(from), liked(to)),
        rating::Event::RatingWithdrawn { rating, score, .. } => (rating, liked(score), false),
    };
    let (reader, item) = (rating.reader.uuid(), rating.item);
    match (before, after) {
        (false, true) => Some(Signal::Given { reader, item }),
        (true, false) => Some(Signal::TakenBack { reader, item }),
        (true, true) | (false, false) => None,
    }
}

fn liked(event: like::Event) -> Option<Signal> {
    let item = |like: LikeId| match like.target {
        Target::Item(item) => Some((like.reader.uuid(), item)),
        Target::Comment(_) => None,
    };
    match event {
        like::Event::Liked { like, .. } => {
            item(like).map(|(reader, item)| Signal::Given { reader, item })
        }
        like::Event::Unliked { like, .. } => {
            item(like).map(|(reader, item)| Signal::TakenBack { reader, item })
        }
    }
}

fn borrowed(event: loan::Event) -> Option<Signal> {
    match event {
        loan::Event::BookBorrowed { book, reader, .. } => {
            Some(Signal::Given { reader: reader.uuid(), item: book.into() })
        }
        loan::Event::BookReturned { .. } | loan::Event::CopiesSet { .. } => None,
    }
}

fn shelved(event: shelf::Event) -> Signal {
    match event {
        shelf::Event::FavouriteAdded { shelf, .. } => {
            Signal::Given { reader: shelf.reader.uuid(), item: shelf.item }
        }
        shelf::Event::FavouriteRemoved { shelf, .. } => {
            Signal::TakenBack { reader: shelf.reader.uuid(), item: shelf.item }
        }
    }
}

fn enrolled(event: enrollment::Event) -> Option<Signal> {
    match event {
        enrollment::Event::StudentEnrolled { enrollment, .. }
        | enrollment::Event::CourseCompleted { enrollment, .. } => Some(Signal::Given {
            reader: enrollment.student.uuid(),
            item: enrollment.course.into(),
        }),
        enrollment::Event::EnrollmentWithdrawn { enrollment, .. } => Some(Signal::TakenBack {
            reader: enrollment.student.uuid(),
            item: enrollment.course.into(),
        }),
        enrollment::Event::LessonCompleted { .. } | enrollment::Event::LessonReopened { .. } => {
            None
        }
    }
}

fn ordered(event: order::Event) -> Option<Signal> {
    let products = |lines: Vec<Line>| lines.into_iter().map(|line| line.product.uuid()).collect();
    match event {
        order::Event::OrderPlaced { order, customer, lines, .. }
        | order::Event::OrderLinesPlaced { order, customer, lines, .. } => Some(Signal::Ordered {
            order: order.uuid(),
            reader: customer.uuid(),
            products: products(lines),
        }),
        order::Event::OrderConfirmed { order, .. } => Some(Signal::Bought { order: order.uuid() }),
        order::Event::OrderCancelled { order, .. } => {
            Some(Signal::Cancelled { order: order.uuid() })
        }
        order::Event::OrderRejected { .. }
        | order::Event::OrderShipped { .. }
        | order::Event::OrderDelivered { .. } => None,
    }
}

impl Changes {
    pub(super) fn take(&mut self, position: i64, signal: Signal) {
        match signal {
            Signal::Given { reader, item } => self.differ(reader, item, 1, position),
            Signal::TakenBack { reader, item } => self.differ(reader, item, -1, position),
            Signal::Ordered { order, reader, products } => {
                let bought =
                    Bought { order_id: order, reader, products: BTreeSet::new(), counted: false };
                self.orders.entry(order).or_insert(bought).products.extend(products);
            }
            Signal::Bought { order } => self.count(order, true, position),
            Signal::Cancelled { order } => self.count(order, false, position),
            Signal::Forgotten { reader } => {
                self.pairs.retain(|(of, _), _| *of != reader);
                self.forgotten.insert(reader);
                self.newly_forgotten.insert(reader);
            }
        }
    }

    fn count(&mut self, order: Uuid, counted: bool, position: i64) {
        let Some(bought) = self.orders.get_mut(&order).filter(|b| b.counted != counted) else {
            return;
        };
        bought.counted = counted;
        let (reader, products) = (bought.reader, bought.products.clone());
        for product in products {
            let item = ItemId::new(ItemKind::Product, product);
            self.differ(reader, item, if counted { 1 } else { -1 }, position);
        }
    }

    fn differ(&mut self, reader: Uuid, item: ItemId, by: i32, position: i64) {
        if self.forgotten.contains(&reader) {
            return;
        }
        let difference = self.pairs.entry((reader, item)).or_default();
        difference.signals += by;
        if by > 0 {
            difference.position = position;
        }
    }
}
