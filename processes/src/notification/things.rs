//! What people call the things a message is about.

use domain::course::{self, Course};
use domain::order::{self, Order, OrderNumber};
use domain::product::{self, Product};
use domain::{CourseId, OrderId, ProductId};
use eventstore::Log;

use crate::failure::Failure;

/// Why an order was rejected, as `Reason::code` has it.
pub(super) async fn rejection(log: &Log, order: OrderId) -> Result<&'static str, Failure> {
    let events = log.events_of::<Order>(&order.to_string()).await?;
    let reason = events.into_iter().find_map(|event| match event {
        order::Event::OrderRejected { reason, .. } => Some(reason.code()),
        _ => None,
    });
    reason.ok_or_else(|| Failure::lasting(format!("order {order} was never rejected")))
}

pub(crate) async fn order_number(log: &Log, order: OrderId) -> Result<OrderNumber, Failure> {
    let events = log.events_of::<Order>(&order.to_string()).await?;
    let number = events.into_iter().find_map(|event| match event {
        order::Event::OrderPlaced { number, .. } => Some(number),
        _ => None,
    });
    number.ok_or_else(|| Failure::lasting(format!("order {order} was never placed")))
}

pub(super) async fn course_title(log: &Log, course: CourseId) -> Result<String, Failure> {
    let events = log.events_of::<Course>(&course.to_string()).await?;
    let title = events.into_iter().rev().find_map(|event| match event {
        course::Event::CourseCreated { details, .. }
        | course::Event::CourseRevised { details, .. } => Some(details.title.to_string()),
        _ => None,
    });
    title.ok_or_else(|| Failure::lasting(format!("course {course} was never created")))
}

pub(super) async fn product_name(log: &Log, product: ProductId) -> Result<String, Failure> {
    let events = log.events_of::<Product>(&product.to_string()).await?;
    let name = events.into_iter().rev().find_map(|event| match event {
        product::Event::ProductAdded { details, .. }
        | product::Event::ProductRevised { details, .. } => Some(details.name.to_string()),
        _ => None,
    });
    // Stock can be received for a product before it is in the catalogue.
    Ok(name.unwrap_or_else(|| product.to_string()))
}
