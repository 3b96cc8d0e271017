//! What the tests of the importers share.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use super::{
    table::Table,
    work::{Action, Emit, Plan, Task, Work},
};

/// The folder of a real data set, which is no part of the repository.
pub fn data(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if !folder.is_dir() {
        println!("SKIPPED: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

pub fn table(file: usize, text: &str) -> Table {
    Table::read(file, Box::new(std::io::Cursor::new(text.as_bytes().to_vec())), None).unwrap()
}

pub fn collect(produce: impl FnOnce(&mut Emit<'_>) -> anyhow::Result<()>) -> Vec<Work> {
    let mut works = Vec::new();
    produce(&mut |work| {
        works.push(work);
        Ok(())
    })
    .unwrap();
    works
}

/// Everything all stages of a plan emit.
pub fn run(plan: Plan) -> Vec<Work> {
    plan.stages.into_iter().flat_map(|stage| collect(stage.produce)).collect()
}

pub fn tasks(works: &[Work]) -> Vec<&Task> {
    let mut tasks = Vec::new();
    for work in works {
        if let Work::Send(task) = work {
            tasks.push(task.as_ref());
        }
    }
    tasks
}

pub fn actions(works: &[Work]) -> Vec<&Action> {
    tasks(works).into_iter().map(|task| &task.action).collect()
}

/// Codes and lines of the rows refused while they were read.
pub fn refusals(works: &[Work]) -> Vec<(&'static str, u64)> {
    let mut refusals = Vec::new();
    for work in works {
        if let Work::Refused { rows, code, .. } = work {
            refusals.extend(rows.iter().map(|row| (*code, row.line)));
        }
    }
    refusals
}

/// Lines of the rows that cannot be read.
pub fn unreadable(works: &[Work]) -> Vec<u64> {
    let mut lines = Vec::new();
    for work in works {
        if let Work::Unreadable { rows, .. } = work {
            lines.extend(rows.iter().map(|row| row.line));
        }
    }
    lines
}
