//! Many committers.

use crate::{Options, Report};

pub async fn run(_options: &Options) -> anyhow::Result<Vec<Report>> {
    Ok(Vec::new())
}
