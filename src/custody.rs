//! What keeps the log trustworthy by itself: keys that rotate, checkpoints that leave the house.

use eventstore::Reader;
use eventstore::checkpoint::{CheckpointKey, Checkpoints, Receiver};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backend::Backend;
use crate::settings::Settings;

/// Where checkpoints go unless the settings name other places.
const CHECKPOINTS: &str = "checkpoints.jsonl";

/// Starts both, after what a restore brought back of erased persons is gone again. Any number of
/// processes may do so.
pub async fn start(
    tasks: &mut JoinSet<&'static str>,
    backend: &Backend,
    settings: &Settings,
    work: &CancellationToken,
) -> anyhow::Result<()> {
    let restored = backend.personal_keys().erase_again().await?;
    if restored > 0 {
        tracing::warn!(restored, "destroyed {restored} restored keys of erased persons again");
    }
    let rotating = backend.personal_keys().keep_rotating(work.clone());
    tasks.spawn(async move {
        rotating.await;
        "the rotation of keys"
    });
    let mut receivers: Vec<Receiver> =
        settings.checkpoints.iter().map(|place| Receiver::parse(place)).collect();
    if receivers.is_empty() {
        receivers.push(Receiver::File(backend.data_dir.join(CHECKPOINTS)));
    }
    let key = CheckpointKey::of(&backend.keys.roots);
    let checkpoints = Checkpoints::new(Reader::new(backend.pool.clone()), key, receivers);
    let keeping = checkpoints.keep(work.clone());
    tasks.spawn(async move {
        keeping.await;
        "the checkpoints"
    });
    Ok(())
}
