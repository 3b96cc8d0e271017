//! The model that turns text into vectors: all-MiniLM-L6-v2 with int8 weights, on rten.

use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use rten::{Model, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use rustix::process::setpriority_process;
use sha2::{Digest, Sha256};
use tokenizers::{Tokenizer, TruncationParams};

use crate::{DIMENSIONS, Vector, question};

/// Tokens of one text that are read; what follows is not.
const TOKENS_MAX: usize = 256;
/// Tokens of one run of the model, filled up to the longest text of it.
const RUN_TOKENS_MAX: usize = 4_096;

/// A third of the time of whoever else wants the processor, at most.
const NICENESS: i32 = 5;

/// Turns texts into vectors. Slow to load (0.2 s), quick to use, safe to share.
pub struct Embedder {
    model: Model,
    tokenizer: Tokenizer,
    inputs: Inputs,
    output: NodeId,
    hash: String,
    /// Where texts are embedded, most of which nobody waits for.
    behind: Arc<ThreadPool>,
}

struct Inputs {
    ids: NodeId,
    mask: NodeId,
    types: Option<NodeId>,
}

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("{0} cannot be read: {1}")]
    File(String, std::io::Error),
    #[error("model.onnx is no model: {0}")]
    Model(String),
    #[error("tokenizer.json is no tokenizer: {0}")]
    Tokenizer(String),
    #[error("the model failed: {0}")]
    Run(String),
}

impl Embedder {
    /// From a folder with `model.onnx` and `tokenizer.json`.
    pub fn load(folder: &Path) -> Result<Self, ModelError> {
        let read = |name: &str| {
            std::fs::read(folder.join(name)).map_err(|error| ModelError::File(name.into(), error))
        };
        let (onnx, json) = (read("model.onnx")?, read("tokenizer.json")?);
        let hash = hex::encode(Sha256::new().chain_update(&onnx).chain_update(&json).finalize());
        let tokenizer =
            tokenizer(&json).map_err(|error| ModelError::Tokenizer(error.to_string()))?;
        let model = Model::load(onnx).map_err(|error| ModelError::Model(error.to_string()))?;
        let input =
            |name| model.node_id(name).map_err(|error| ModelError::Model(error.to_string()));
        let inputs = Inputs {
            ids: input("input_ids")?,
            mask: input("attention_mask")?,
            types: model.find_node("token_type_ids"),
        };
        let output = model.output_ids().first().copied();
        let output = output.ok_or_else(|| ModelError::Model("it has no output".to_owned()))?;
        Ok(Self { model, tokenizer, inputs, output, hash, behind: Arc::new(behind()) })
    }

    /// Which model this is: vectors of different ones do not compare.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// One vector for each text, in their order. There may be many: whoever is answered meanwhile
    /// comes first.
    pub fn embed(&self, texts: &[&str]) -> Result<Vec<Vector>, ModelError> {
        self.embed_in(Some(&self.behind), texts)
    }

    fn embed_in(
        &self,
        pool: Option<&Arc<ThreadPool>>,
        texts: &[&str],
    ) -> Result<Vec<Vector>, ModelError> {
        let mut texts = texts
            .iter()
            .enumerate()
            .map(|(place, text)| Ok((place, self.tokens(text)?)))
            .collect::<Result<Vec<(usize, Vec<i32>)>, ModelError>>()?;
        // Texts of about one length share a run, and little of it is padding.
        texts.sort_by_key(|(_, tokens)| tokens.len());
        let mut vectors = vec![None; texts.len()];
        let mut rest = texts.as_slice();
        while !rest.is_empty() {
            let fits = |count: &usize| count * rest[count - 1].1.len() <= RUN_TOKENS_MAX;
            let count = (1..=rest.len()).take_while(fits).last().unwrap_or(1);
            let (run, later) = rest.split_at(count);
            for ((place, _), vector) in run.iter().zip(self.run(pool, run)?) {
                vectors[*place] = Some(vector);
            }
            rest = later;
        }
        let missing = || ModelError::Run("a text got no vector".to_owned());
        vectors.into_iter().map(|vector| vector.ok_or_else(missing)).collect()
    }

    /// What a question asks for: the mean of its [parts](question::parts).
    pub fn question(&self, text: &str) -> Result<Vector, ModelError> {
        let parts = question::parts(text);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let vectors = self.embed_in(None, &parts)?;
        Vector::mean(&vectors).ok_or_else(|| ModelError::Run("it means nothing".to_owned()))
    }

    fn tokens(&self, text: &str) -> Result<Vec<i32>, ModelError> {
        let encoded = self.tokenizer.encode_fast(text, true);
        let encoded = encoded.map_err(|error| ModelError::Tokenizer(error.to_string()))?;
        let ids = encoded.get_ids().iter();
        ids.map(|id| i32::try_from(*id).map_err(|error| ModelError::Tokenizer(error.to_string())))
            .collect()
    }

    fn run(
        &self,
        pool: Option<&Arc<ThreadPool>>,
        texts: &[(usize, Vec<i32>)],
    ) -> Result<Vec<Vector>, ModelError> {
        let longest = texts.iter().map(|(_, tokens)| tokens.len()).max().unwrap_or(0);
        let shape = [texts.len(), longest];
        let mut ids = NdTensor::<i32, 2>::zeros(shape);
        let mut mask = NdTensor::<i32, 2>::zeros(shape);
        for (row, (_, tokens)) in texts.iter().enumerate() {
            for (column, token) in tokens.iter().enumerate() {
                ids[[row, column]] = *token;
                mask[[row, column]] = 1;
            }
        }
        let types = NdTensor::<i32, 2>::zeros(shape);
        let mut inputs: Vec<(NodeId, ValueOrView)> =
            vec![(self.inputs.ids, ids.view().into()), (self.inputs.mask, mask.view().into())];
        if let Some(node) = self.inputs.types {
            inputs.push((node, types.view().into()));
        }
        let failed = |error: &dyn std::fmt::Display| ModelError::Run(error.to_string());
        let options = RunOptions::default().with_thread_pool(pool.cloned());
        let [output] = self
            .model
            .run_n(inputs, [self.output], Some(options))
            .map_err(|error| failed(&error))?;
        let output: Tensor<f32> = output.try_into().map_err(|error| failed(&error))?;
        let states: NdTensor<f32, 3> = output
            .try_into()
            .map_err(|_| ModelError::Run("it answers in another shape".to_owned()))?;
        texts
            .iter()
            .enumerate()
            .map(|(row, (_, tokens))| mean(&states, row, tokens.len()))
            .collect()
    }
}

/// A thread for each core, which stands back behind those that answer somebody. Elsewhere than on
/// Linux only all of a program can.
fn behind() -> ThreadPool {
    let pool = ThreadPool::with_num_threads(available_parallelism().map_or(1, usize::from));
    if cfg!(target_os = "linux") {
        pool.run(|| rayon::broadcast(|_| setpriority_process(None, NICENESS).is_ok()));
    }
    pool
}

/// The file itself cuts texts off at half of what the model reads, and pads them all to that.
fn tokenizer(json: &[u8]) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(json)?;
    let truncation = TruncationParams { max_length: TOKENS_MAX, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation))?.with_padding(None);
    Ok(tokenizer)
}

/// The mean of the states of a text's own tokens.
fn mean(states: &NdTensor<f32, 3>, row: usize, tokens: usize) -> Result<Vector, ModelError> {
    let mut sums = vec![0.0_f32; DIMENSIONS];
    for token in 0..tokens {
        for (dimension, sum) in sums.iter_mut().enumerate() {
            *sum += states[[row, token, dimension]];
        }
    }
    Vector::new(sums).ok_or_else(|| ModelError::Run("a vector without a direction".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static MODEL: LazyLock<Option<Embedder>> = LazyLock::new(|| {
        local_services::testing::text_model().map(|folder| Embedder::load(&folder).expect("a test"))
    });

    fn cosines(to: &str, of: &[&str]) -> Option<Vec<f32>> {
        let model = MODEL.as_ref()?;
        let texts: Vec<&str> = [to].into_iter().chain(of.iter().copied()).collect();
        let vectors = model.embed(&texts).expect("a test");
        Some(vectors[1..].iter().map(|vector| vector.cosine(&vectors[0])).collect())
    }

    #[test]
    fn texts_that_mean_the_same_are_near_though_they_share_no_word() {
        let of = ["An automobile was speeding.", "Photosynthesis happens in leaves."];
        let Some(cosines) = cosines("The car drove too fast.", &of) else { return };
        assert!(cosines[0] > 0.5 && cosines[1] < 0.2, "{cosines:?}");
    }

    /// Figures of the f32 model in the documentation of sentence-transformers: 0.6660, 0.1046.
    #[test]
    fn the_vectors_are_those_of_the_model_everybody_knows() {
        let of = ["It's so sunny outside!", "He drove to the stadium."];
        let Some(cosines) = cosines("The weather is lovely today.", &of) else { return };
        let differences = [cosines[0] - 0.6660, cosines[1] - 0.1046];
        assert!(differences.iter().all(|difference| difference.abs() < 0.03), "{cosines:?}");
    }

    #[test]
    fn a_question_of_words_and_code_is_as_near_to_both() {
        let Some(model) = MODEL.as_ref() else { return };
        let (words, code) = ("Why does the ledger not balance?", "let debit = credit + 1;");
        let asked = model.question(&format!("{words}\n{code}")).expect("a test");
        let whole = model.embed(&[&format!("{words}\n{code}")]).expect("a test");
        let parts = model.embed(&[words, code]).expect("a test");
        let nearest = |to: &Vector| parts.iter().map(|part| part.cosine(to)).fold(1.0, f32::min);
        assert!(nearest(&asked) > nearest(&whole[0]), "{} {}", nearest(&asked), nearest(&whole[0]));
        let alone = model.question(words).expect("a test");
        assert!(alone.cosine(&parts[0]) > 0.99, "{}", alone.cosine(&parts[0]));
    }

    #[test]
    fn a_text_has_the_same_vector_whatever_it_is_embedded_with() {
        let Some(model) = MODEL.as_ref() else { return };
        let long = "A sentence about bookkeeping. ".repeat(60);
        let alone = model.embed(&["ledger"]).expect("a test");
        let together = model.embed(&[long.as_str(), "ledger", "", "🦀"]).expect("a test");
        assert_eq!(together.len(), 4);
        // int8 activations are scaled by the run they are in.
        assert!(alone[0].cosine(&together[1]) > 0.99, "{}", alone[0].cosine(&together[1]));
    }
}
