//! Vectors kept between runs, as they are most of the time of one.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use retrieval::{DIMENSIONS, Embedder, Vector, text_hash};

use crate::cli::progress;

/// Texts that are embedded in one run, and a step of the progress bar.
const RUN: usize = 64;
/// The hash of a text, then its vector.
const HASH_BYTES: usize = 32;
const RECORD_BYTES: usize = HASH_BYTES + 4 * DIMENSIONS;

pub struct Vectors<'a> {
    embedder: &'a Embedder,
    file: File,
    known: HashMap<[u8; HASH_BYTES], Vector>,
}

impl<'a> Vectors<'a> {
    /// A file of `folder` for each model, for one run at a time. What a killed run left half written
    /// is written anew.
    pub fn open(folder: &Path, embedder: &'a Embedder) -> anyhow::Result<Self> {
        let path = folder.join(format!("search-eval-{}.vectors", &embedder.hash()[..12]));
        let open = || {
            fs::create_dir_all(folder)?;
            let file = File::options().create(true).append(true).open(&path)?;
            file.lock()?;
            let bytes = fs::read(&path)?;
            let (records, rest) = bytes.as_chunks::<RECORD_BYTES>();
            file.set_len((bytes.len() - rest.len()) as u64)?;
            let known = records.iter().filter_map(|record| {
                let (hash, vector) = record.split_at(HASH_BYTES);
                Some((hash.try_into().ok()?, Vector::from_bytes(vector)?))
            });
            Ok::<_, std::io::Error>(Self { embedder, file, known: known.collect() })
        };
        open().with_context(|| format!("cannot keep vectors in {}", path.display()))
    }

    /// In the order of the texts.
    pub fn of(&mut self, texts: &[&str]) -> anyhow::Result<Vec<Vector>> {
        let mut missing: Vec<&str> = texts.to_vec();
        missing.retain(|text| !self.known.contains_key(&text_hash(text)));
        let bar = progress::bar("texts to embed", i64::try_from(missing.len())?);
        for run in missing.chunks(RUN) {
            let mut records = Vec::new();
            for (text, vector) in run.iter().zip(self.embedder.embed(run)?) {
                let hash = text_hash(text);
                records.extend(hash);
                records.extend(vector.to_bytes());
                self.known.insert(hash, vector);
            }
            self.file.write_all(&records).context("cannot keep vectors")?;
            bar.inc(run.len() as u64);
        }
        bar.finish_and_clear();
        let known = texts.iter().map(|text| self.known.get(&text_hash(text)).cloned());
        known.collect::<Option<_>>().context("a text got no vector")
    }
}
