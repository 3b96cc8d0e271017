//! Instances side by side, the events of one instance one after the other.

use std::collections::{HashMap, VecDeque};

use crate::cause::Task;

/// What waits to be reacted to. An instance that is being worked on keeps its lane.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    ready: VecDeque<Task>,
    busy: HashMap<String, VecDeque<Task>>,
    waiting: usize,
}

impl Lanes {
    pub(crate) fn push(&mut self, task: Task) {
        self.waiting += 1;
        match self.busy.get_mut(&task.instance) {
            Some(lane) => lane.push_back(task),
            None => {
                self.busy.insert(task.instance.clone(), VecDeque::new());
                self.ready.push_back(task);
            }
        }
    }

    /// The next to begin with.
    pub(crate) fn pop(&mut self) -> Option<Task> {
        let task = self.ready.pop_front()?;
        self.waiting -= 1;
        Some(task)
    }

    /// One event of the instance is dealt with; its next one may begin.
    pub(crate) fn finish(&mut self, instance: &str) {
        match self.busy.get_mut(instance).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back(next),
            None => {
                self.busy.remove(instance);
            }
        }
    }

    /// The instance cannot go on. Returns what waits behind the event that failed.
    pub(crate) fn close(&mut self, instance: &str) -> VecDeque<Task> {
        let left = self.busy.remove(instance).unwrap_or_default();
        self.waiting -= left.len();
        left
    }

    /// Events that have not begun.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }
}
