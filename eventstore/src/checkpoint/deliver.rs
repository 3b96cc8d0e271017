//! Where checkpoints go: away from the database.

use std::io::{self, Write};
use std::path::PathBuf;

use super::http::post;
use super::{Checkpoint, CheckpointError};

/// Takes checkpoints, best on another machine. May get one twice.
#[derive(Debug, Clone)]
pub enum Receiver {
    /// JSON Lines, only ever appended to.
    File(PathBuf),
    /// Gets each checkpoint as the JSON body of a POST and answers 2xx once it is kept.
    Http(String),
}

impl Receiver {
    /// A `http://` or `https://` address, else the path of a file.
    pub fn parse(place: &str) -> Self {
        if place.starts_with("http://") || place.starts_with("https://") {
            Self::Http(place.to_owned())
        } else {
            Self::File(place.into())
        }
    }

    pub(super) async fn deliver(&self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        match self {
            Self::File(path) => {
                append(path, checkpoint).map_err(CheckpointError::File)?;
            }
            Self::Http(url) => {
                let json = serde_json::to_vec(checkpoint).map_err(io::Error::from);
                post(url, json.map_err(CheckpointError::File)?).await?;
            }
        }
        Ok(())
    }
}

fn append(path: &PathBuf, checkpoint: &Checkpoint) -> io::Result<()> {
    let mut line = serde_json::to_vec(checkpoint)?;
    line.push(b'\n');
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(&line)?;
    file.sync_all()
}
