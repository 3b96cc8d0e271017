//! Texts, questions, and which texts answer them: three layouts of folders, told by their files.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cli::packed;

pub struct Collection {
    pub texts: Vec<Text>,
    pub questions: Vec<Question>,
}

/// Something to be found. Its id is its place.
pub struct Text {
    pub title: String,
    pub body: String,
    /// The page it stands on, where several stand on one.
    pub page: Option<String>,
}

pub struct Question {
    pub text: String,
    pub relevant: HashSet<u32>,
    /// The page that answers it, where texts have pages.
    pub page: Option<String>,
}

/// `texts` and `questions` are the languages of an XQuAD folder.
pub fn read(folder: &Path, texts: &str, questions: &str) -> anyhow::Result<Collection> {
    let file = |name: &str| existing(folder, name);
    if let (Some(corpus), Some(queries)) = (file("corpus.jsonl"), file("queries_train.jsonl")) {
        let judgements = file("qrels_train.tsv").context("there is no qrels_train.tsv")?;
        return beir(&corpus, &queries, &judgements);
    }
    if let (Some(sections), Some(quiz)) =
        (file("trpl_sections.jsonl"), file("trpl_quiz_train.jsonl"))
    {
        return course(&sections, &quiz);
    }
    let language = |language: &str| {
        let name = format!("xquad.{language}.json");
        file(&name).with_context(|| format!("there is no {name} in {}", folder.display()))
    };
    match (language(texts), language(questions)) {
        (Ok(texts), Ok(questions)) => xquad(&texts, &questions),
        (Err(error), _) | (_, Err(error)) => bail!(
            "{} has neither corpus.jsonl and queries_train.jsonl, nor trpl_sections.jsonl and \
             trpl_quiz_train.jsonl: {error}",
            folder.display()
        ),
    }
}

/// Plain or packed.
fn existing(folder: &Path, name: &str) -> Option<PathBuf> {
    let names = [name.to_owned(), format!("{name}.zst")];
    names.iter().map(|name| folder.join(name)).find(|file| file.is_file())
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    let read = || Ok::<_, anyhow::Error>(String::from_utf8(packed::read(file)?)?);
    read().with_context(|| format!("cannot read {}", file.display()))
}

/// One JSON object a line.
fn lines<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    let text = text_of(file)?;
    let parsed = text.lines().enumerate().map(|(line, text)| {
        serde_json::from_str(text).with_context(|| format!("{}:{}", file.display(), line + 1))
    });
    parsed.collect()
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    title: String,
    text: String,
}

/// The layout of BEIR.
fn beir(corpus: &Path, queries: &Path, judgements: &Path) -> anyhow::Result<Collection> {
    let documents: Vec<Document> = lines(corpus)?;
    let places: HashMap<String, u32> =
        documents.iter().zip(0..).map(|(document, place)| (document.id.clone(), place)).collect();
    let mut relevant: HashMap<String, HashSet<u32>> = HashMap::new();
    for row in text_of(judgements)?.lines().skip(1) {
        let mut fields = row.split('\t');
        let (Some(query), Some(document)) = (fields.next(), fields.next()) else {
            bail!("{} has a row without two columns: {row}", judgements.display());
        };
        let place = places.get(document).with_context(|| format!("no document {document}"))?;
        let score = fields.next().unwrap_or("1").trim();
        let score: f64 =
            score.parse().with_context(|| format!("a score is a number, not {score}"))?;
        if score <= 0.0 {
            continue;
        }
        relevant.entry(query.to_owned()).or_default().insert(*place);
    }
    let questions = lines::<Document>(queries)?.into_iter().filter_map(|query| {
        let relevant = relevant.remove(&query.id)?;
        Some(Question { text: query.text, relevant, page: None })
    });
    let questions = questions.collect();
    let text = |document: Document| Text { title: document.title, body: document.text, page: None };
    Ok(Collection { texts: documents.into_iter().map(text).collect(), questions })
}

#[derive(Deserialize)]
struct Section {
    section_id: String,
    page: String,
    page_title: String,
    heading: String,
    text: String,
}

#[derive(Deserialize)]
struct Quiz {
    page: String,
    gold_sections: Vec<String>,
    prompt: Option<String>,
    program: Option<String>,
}

/// Sections of a course, and quiz questions that stand on its pages.
fn course(sections: &Path, quiz: &Path) -> anyhow::Result<Collection> {
    let sections: Vec<Section> = lines(sections)?;
    let places: HashMap<String, u32> = sections
        .iter()
        .zip(0..)
        .map(|(section, place)| (section.section_id.clone(), place))
        .collect();
    let question = |quiz: Quiz| {
        let asked = [quiz.prompt, quiz.program].into_iter().flatten().collect::<Vec<_>>();
        let gold = quiz.gold_sections.iter().filter_map(|id| places.get(id).copied());
        Question { text: asked.join("\n"), relevant: gold.collect(), page: Some(quiz.page) }
    };
    let questions = lines::<Quiz>(quiz)?.into_iter().map(question).collect();
    let text = |Section { page, page_title, heading, text, .. }: Section| {
        // As a passage of a lesson has the lesson's title above its headings.
        let title =
            if heading == page_title { heading } else { format!("{page_title} > {heading}") };
        Text { title, body: text, page: Some(page) }
    };
    Ok(Collection { texts: sections.into_iter().map(text).collect(), questions })
}

#[derive(Deserialize)]
struct Articles {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    id: String,
    question: String,
}

/// Paragraphs and the questions they answer, which have the same ids in every language.
fn xquad(texts: &Path, questions: &Path) -> anyhow::Result<Collection> {
    let paragraphs = |file: &Path| -> anyhow::Result<Vec<Paragraph>> {
        let articles: Articles = serde_json::from_str(&text_of(file)?)
            .with_context(|| format!("{} is no XQuAD file", file.display()))?;
        Ok(articles.data.into_iter().flat_map(|article| article.paragraphs).collect())
    };
    let (mut found, mut answered_by) = (Vec::new(), HashMap::new());
    for (paragraph, place) in paragraphs(texts)?.into_iter().zip(0..) {
        answered_by.extend(paragraph.qas.into_iter().map(|asked| (asked.id, place)));
        found.push(Text { title: String::new(), body: paragraph.context, page: None });
    }
    let asked = paragraphs(questions)?.into_iter().flat_map(|paragraph| paragraph.qas);
    let questions = asked.filter_map(|asked| {
        let place = *answered_by.get(&asked.id)?;
        Some(Question { text: asked.question, relevant: HashSet::from([place]), page: None })
    });
    Ok(Collection { texts: found, questions: questions.collect() })
}
