//! `daybook search eval`: what is found by words, by meaning and by both.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, anyhow, ensure};
use retrieval::evaluation::{ndcg, recall, success};
use retrieval::{Exact, Fusion, Hit, Vector, Words, fuse, passages, question};
use serde_json::json;

use super::collection::{self, Collection, Question};
use super::full_text;
use super::vectors::Vectors;
use crate::settings::Settings;
use crate::text_model;

/// Of each way of finding, so many take part in a fusion, and are measured.
const DEPTH: usize = 100;
/// Passages looked at so that `DEPTH` texts are among them.
const PASSAGES_MAX: usize = 5 * DEPTH;

#[derive(Debug, clap::Args)]
pub struct Eval {
    /// A folder: BEIR's layout (corpus.jsonl, queries_train.jsonl, qrels_train.tsv), sections of a
    /// course with its quiz (trpl_sections.jsonl, trpl_quiz_train.jsonl), or XQuAD; plain or .zst
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// The language of an XQuAD folder's texts
    #[arg(long, default_value = "en", value_name = "LANGUAGE")]
    texts: String,

    /// The language in which an XQuAD folder is asked [default: that of the texts]
    #[arg(long, value_name = "LANGUAGE")]
    questions: Option<String>,

    /// What meaning weighs in a fusion, beside 1 for words; several are compared
    #[arg(long, default_value = "1", value_name = "WEIGHT", num_args = 1..)]
    weight: Vec<f32>,

    /// Print one JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

impl Eval {
    pub async fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let asked_in = self.questions.as_ref().unwrap_or(&self.texts);
        let collection = collection::read(&self.folder, &self.texts, asked_in)?;
        let count = collection.questions.len();
        ensure!(count > 0, "no question has an answer among the texts");
        eprintln!("{} texts, {count} questions", collection.texts.len());
        let chosen = settings.text_model.as_str();
        let loaded = text_model::folder(chosen, &settings.runtime_dir())
            .and_then(|folder| text_model::load(&folder));
        let embedder = loaded.map_err(|reason| anyhow!("no text model: {reason}"))?;

        if !self.json {
            head(&collection)?;
        }
        let begun = Instant::now();
        let by_words = by_words(&collection);
        self.say(&collection, "words (BM25)", &by_words, begun)?;
        let begun = Instant::now();
        match full_text::find(&collection, settings, DEPTH).await {
            Ok(found) => self.say(&collection, "full text (GET /search)", &found, begun)?,
            Err(error) => eprintln!("full text is not measured: {error:#}"),
        }
        let begun = Instant::now();
        let mut vectors = Vectors::open(&settings.runtime_dir(), &embedder)?;
        let by_meaning = by_meaning(&collection, &mut vectors)?;
        self.say(&collection, "meaning (best passage)", &by_meaning, begun)?;
        for (name, how) in
            [("reciprocal rank", Fusion::ReciprocalRank), ("z-score", Fusion::ZScore)]
        {
            for weight in &self.weight {
                let begun = Instant::now();
                let both = by_words.iter().zip(&by_meaning);
                let fused: Vec<Vec<Hit<u32>>> = both
                    .map(|(words, meaning)| fuse(how, &[(1.0, words), (*weight, meaning)], DEPTH))
                    .collect();
                self.say(&collection, &format!("both, {name}, {weight}"), &fused, begun)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn say(
        &self,
        collection: &Collection,
        name: &str,
        rankings: &[Vec<Hit<u32>>],
        begun: Instant,
    ) -> anyhow::Result<()> {
        let seconds = begun.elapsed().as_secs_f64();
        let questions = collection.questions.iter().zip(rankings);
        let measured = questions.map(|(question, hits)| Measured::of(collection, question, hits));
        let Measured { ndcg, recall, first, five, page } = Measured::mean(measured);
        if self.json {
            let object = json!({
                "collection": self.folder.file_name().map(|name| name.to_string_lossy()),
                "texts": self.texts,
                "questions": self.questions.as_ref().unwrap_or(&self.texts),
                "ranked_by": name,
                "ndcg_at_10": ndcg,
                "recall_at_100": recall,
                "text_at_1": first,
                "text_at_5": five,
                "page_at_5": has_pages(collection).then_some(page),
                "seconds": seconds,
            });
            return writeln!(io::stdout(), "{object}").context("cannot print");
        }
        let page = match has_pages(collection) {
            true => format!(" {page:>7.4}"),
            false => String::new(),
        };
        writeln!(
            io::stdout(),
            "{name:<32} {ndcg:>7.4} {recall:>7.4} {first:>7.4} {five:>7.4}{page} {seconds:>8.1}"
        )
        .context("cannot print")
    }
}

fn has_pages(collection: &Collection) -> bool {
    collection.questions.iter().any(|question| question.page.is_some())
}

fn head(collection: &Collection) -> anyhow::Result<()> {
    let page = if has_pages(collection) { "  page@5" } else { "" };
    writeln!(
        io::stdout(),
        "{:<32} {:>7} {:>7} {:>7} {:>7}{page} {:>8}",
        "",
        "nDCG@10",
        "R@100",
        "text@1",
        "text@5",
        "seconds"
    )
    .context("cannot print")
}

fn by_words(collection: &Collection) -> Vec<Vec<Hit<u32>>> {
    let texts: Vec<String> =
        collection.texts.iter().map(|text| format!("{}\n{}", text.title, text.body)).collect();
    let words = Words::new(texts.iter().map(String::as_str));
    let questions = collection.questions.iter();
    questions.map(|question| words.find(&question.text, DEPTH)).collect()
}

/// A text is as near as its nearest passage. The title belongs to each of them.
fn by_meaning(
    collection: &Collection,
    vectors: &mut Vectors<'_>,
) -> anyhow::Result<Vec<Vec<Hit<u32>>>> {
    let mut cut: Vec<((u32, u32), String)> = Vec::new();
    for (text, place) in collection.texts.iter().zip(0..) {
        for (passage, number) in passages(&text.body).into_iter().zip(0..) {
            cut.push(((place, number), passage.embedded(&text.title)));
        }
    }
    let texts: Vec<&str> = cut.iter().map(|(_, text)| text.as_str()).collect();
    let mut index = Exact::default();
    for ((id, _), vector) in cut.iter().zip(vectors.of(&texts)?) {
        index.put(*id, &vector);
    }
    let asked: Vec<Vec<String>> =
        collection.questions.iter().map(|asked| question::parts(&asked.text)).collect();
    let mut all = vectors.of(&asked.iter().flatten().map(String::as_str).collect::<Vec<_>>())?;
    let of_each = asked.iter().map(|parts| all.drain(..parts.len()).collect::<Vec<_>>());
    of_each
        .map(|parts| {
            let meant = Vector::mean(&parts).context("a question means nothing")?;
            let mut seen = HashSet::new();
            let nearest = index.nearest(&meant, PASSAGES_MAX, -1.0).into_iter();
            let texts = nearest.map(|Hit { id: (text, _), score }| Hit { id: text, score });
            Ok(texts.filter(|hit| seen.insert(hit.id)).take(DEPTH).collect())
        })
        .collect()
}

/// How good one ranking is, or many are on average.
#[derive(Default)]
struct Measured {
    ndcg: f64,
    recall: f64,
    first: f64,
    five: f64,
    page: f64,
}

impl Measured {
    fn of(collection: &Collection, question: &Question, hits: &[Hit<u32>]) -> Self {
        let ranked: Vec<u32> = hits.iter().map(|hit| hit.id).collect();
        let relevant = &question.relevant;
        // Each page once, at the place of its best text.
        let mut pages: Vec<&String> = Vec::new();
        for text in &ranked {
            let page = collection.texts[*text as usize].page.as_ref();
            pages.extend(page.filter(|page| !pages.contains(page)));
        }
        let right: HashSet<&String> = question.page.iter().collect();
        Self {
            ndcg: ndcg(&ranked, relevant, 10),
            recall: recall(&ranked, relevant, DEPTH),
            first: success(&ranked, relevant, 1),
            five: success(&ranked, relevant, 5),
            page: success(&pages, &right, 5),
        }
    }

    fn mean(all: impl Iterator<Item = Self>) -> Self {
        let (mut sum, mut count) = (Self::default(), 0.0);
        for one in all {
            count += 1.0;
            sum.ndcg += one.ndcg;
            sum.recall += one.recall;
            sum.first += one.first;
            sum.five += one.five;
            sum.page += one.page;
        }
        Self {
            ndcg: sum.ndcg / count,
            recall: sum.recall / count,
            first: sum.first / count,
            five: sum.five / count,
            page: sum.page / count,
        }
    }
}
