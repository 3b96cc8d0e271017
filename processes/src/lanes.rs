//! Orders side by side, the events of one order one after the other.

use std::collections::{HashMap, VecDeque};

use domain::OrderId;

use crate::cause::Cause;

/// What waits to be reacted to. An order that is being worked on keeps its lane.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    ready: VecDeque<Cause>,
    busy: HashMap<OrderId, VecDeque<Cause>>,
}

impl Lanes {
    pub(crate) fn push(&mut self, cause: Cause) {
        match self.busy.get_mut(&cause.order) {
            Some(lane) => lane.push_back(cause),
            None => {
                self.busy.insert(cause.order, VecDeque::new());
                self.ready.push_back(cause);
            }
        }
    }

    /// The next to begin with.
    pub(crate) fn pop(&mut self) -> Option<Cause> {
        self.ready.pop_front()
    }

    /// One event of the order is dealt with; its next one may begin.
    pub(crate) fn finish(&mut self, order: OrderId) {
        match self.busy.get_mut(&order).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back(next),
            None => {
                self.busy.remove(&order);
            }
        }
    }
}
