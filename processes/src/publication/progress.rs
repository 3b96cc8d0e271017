//! How far a long step is, told now and then.

use domain::Tag;
use domain::publication::Command;

use super::Work;
use crate::failure::Failure;

/// How often a step tells before it ends: each time is an event that stays.
const TOLD_MAX: usize = 10;

/// A step of which so much is to be done.
pub(super) struct Progress<'a> {
    work: &'a Work<'a>,
    step: &'static str,
    total: usize,
    told: usize,
}

impl<'a> Progress<'a> {
    pub(super) fn new(work: &'a Work<'a>, step: &'static str, total: usize) -> Self {
        Self { work, step, total, told: 0 }
    }

    /// So much is done. That all is done the end of the step tells.
    pub(super) async fn reached(&mut self, done: usize) -> Result<(), Failure> {
        let share = done * TOLD_MAX / self.total.max(1);
        if share <= self.told || done >= self.total {
            return Ok(());
        }
        self.told = share;
        let step: Tag = self.step.parse().map_err(Failure::lasting)?;
        let publication = self.work.publication;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let (done, total) = (number(done), number(self.total));
        let name = format!("{step}:advanced:{done}:{total}");
        self.work
            .record(&name, |at| Command::AdvanceStep { publication, step, done, total, at })
            .await
    }
}
