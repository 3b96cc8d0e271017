//! The model of what texts mean, fetched and loaded while everything else is up already.

use std::path::{Path, PathBuf};
use std::thread;

use retrieval::{Embedder, ModelState, TextModel};

use crate::settings::Settings;

pub const FETCH: &str = "fetch";
const OFF: &str = "off";

/// As the setting `text_model` says. Whoever cannot have it goes on without: why is in the log, in
/// `/readyz` and in the answers that would be better with it.
pub fn start(settings: &Settings) -> TextModel {
    if settings.text_model == OFF {
        return TextModel::off("the setting text_model is off");
    }
    let model = TextModel::loading();
    let (chosen, runtime, decided) =
        (settings.text_model.clone(), settings.runtime_dir(), model.clone());
    let loading = move || {
        decided.settle(folder(&chosen, &runtime).and_then(|folder| load(&folder)));
        match decided.state() {
            ModelState::Off(reason) => tracing::warn!("no text model: {reason}"),
            _ => tracing::info!("the text model is ready"),
        }
    };
    if let Err(error) = thread::Builder::new().name("text-model".to_owned()).spawn(loading) {
        model.settle(Err(error.to_string()));
    }
    model
}

/// The folder of the model, which is fetched unless it is said where it is.
pub fn folder(chosen: &str, runtime: &Path) -> Result<PathBuf, String> {
    match chosen {
        FETCH => local_services::text_model(runtime),
        folder => Ok(folder.into()),
    }
}

pub fn load(folder: &Path) -> Result<Embedder, String> {
    Embedder::load(folder).map_err(|error| error.to_string())
}
