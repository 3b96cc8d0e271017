//! Where the nearest texts are looked for: the three indexes behave the same, and search goes on
//! without one that is away.

mod qdrant;

use std::collections::{HashMap, HashSet};
use std::env;

use local_services::testing;
use processes::texts::TextHash;
use processes::vectors::{IndexError, VectorIndex, Vectors};
use retrieval::{DIMENSIONS, Vector};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::system::{Answer, Program, System, eventually};
use qdrant::{KEY, Mood, Qdrant};

/// Directions in one plane, by their angle in degrees.
fn at(degrees: f32) -> Vector {
    let mut numbers = vec![0.0; DIMENSIONS];
    (numbers[0], numbers[1]) = (degrees.to_radians().cos(), degrees.to_radians().sin());
    Vector::new(numbers).unwrap()
}

fn text(number: u16) -> TextHash {
    retrieval::text_hash(&number.to_string())
}

fn vectors(all: &[(u16, f32)]) -> HashMap<TextHash, Vector> {
    all.iter().map(|(number, degrees)| (text(*number), at(*degrees))).collect()
}

/// The first two at that angle.
async fn nearest(index: &dyn VectorIndex, degrees: f32) -> [TextHash; 2] {
    let near = index.nearest(&at(degrees), 2, -1.0).await.unwrap();
    near.hits.first_chunk::<2>().unwrap().map(|hit| hit.id)
}

/// What search relies on, whoever keeps the vectors.
async fn behaves(all: Vectors) {
    let index = &*all.of(&format!("{:0>64}", Uuid::now_v7().simple()));
    index.reach().await.unwrap();
    let nothing = index.nearest(&at(0.0), 5, -1.0).await.unwrap();
    assert!(nothing.hits.is_empty() && nothing.is_all);
    assert_eq!(index.known(&[text(1)]).await.unwrap(), HashSet::new());
    assert_eq!(index.get(&text(1)).await.unwrap(), None);
    index.remove(&[text(1)]).await.unwrap();

    // Nearest first, and none that is not near enough.
    index.put(&vectors(&[(1, 0.0), (2, 30.0), (3, 60.0), (4, 90.0)])).await.unwrap();
    assert_eq!(nearest(index, 80.0).await, [text(4), text(3)]);
    let near = index.nearest(&at(80.0), 9, 0.5).await.unwrap();
    let ids: Vec<TextHash> = near.hits.iter().map(|hit| hit.id).collect();
    assert_eq!((ids, near.is_all), (vec![text(4), text(3), text(2)], true));
    assert!((near.hits[0].score - at(80.0).cosine(&at(90.0))).abs() < 1e-4);

    // Equal texts are one; what is replaced or removed is not found where it was.
    index.put(&vectors(&[(4, 10.0), (3, 60.0)])).await.unwrap();
    assert_eq!(index.nearest(&at(0.0), 9, -1.0).await.unwrap().hits.len(), 4);
    assert_eq!(nearest(index, 80.0).await, [text(3), text(2)]);
    index.remove(&[text(2), text(9)]).await.unwrap();
    assert_eq!(nearest(index, 80.0).await, [text(3), text(4)]);
    let known = index.known(&[text(1), text(2), text(4), text(9)]).await.unwrap();
    assert_eq!(known, HashSet::from([text(1), text(4)]));
    assert_eq!(index.get(&text(2)).await.unwrap(), None);
    let vector = index.get(&text(4)).await.unwrap().unwrap();
    assert!(vector.cosine(&at(10.0)) > 0.999);

    // Whoever asks for more gets more, up to all of it.
    let many: Vec<(u16, f32)> = (10..1_510).map(|n| (n, f32::from(n) / 20.0)).collect();
    index.put(&vectors(&many)).await.unwrap();
    let mut few = 10;
    loop {
        let near = index.nearest(&at(0.0), few, 0.25).await.unwrap();
        let is_sorted = near.hits.is_sorted_by(|a, b| a.score >= b.score);
        assert!(is_sorted && (near.is_all || near.hits.len() == few), "{few}");
        if near.is_all {
            let expected = 3 + many.iter().filter(|(_, degrees)| *degrees < 75.0).count();
            assert!(near.hits.len() * 100 >= expected * 99, "{} are near", near.hits.len());
            break;
        }
        few *= 4;
    }

    // Models do not mix.
    let other = all.of(&"f".repeat(64));
    other.put(&vectors(&[(1, 90.0), (2, 0.0)])).await.unwrap();
    assert_eq!(nearest(&*other, 80.0).await, [text(1), text(2)]);
    assert!(index.get(&text(1)).await.unwrap().unwrap().cosine(&at(0.0)) > 0.999);
    index.forget_other_models().await.unwrap();
    assert_eq!(index.known(&[text(1)]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn in_memory() {
    behaves(Vectors::Memory).await;
}

#[tokio::test]
async fn in_postgres() {
    let Some(url) = testing::pgvector_url() else { return };
    let pool = PgPool::connect(&url).await.unwrap();
    let (one, another) = tokio::join!(Vectors::postgres(&pool), Vectors::postgres(&pool));
    behaves(one.unwrap()).await;
    let forgotten = another.unwrap().of(&"f".repeat(64));
    assert_eq!(forgotten.known(&[text(1)]).await.unwrap(), HashSet::new());
}

#[tokio::test]
async fn a_postgres_without_the_extension_is_refused_with_the_reason() {
    let pool = PgPool::connect(&testing::database_url()).await.unwrap();
    let has = "select exists (select from pg_available_extensions where name = 'vector')";
    if sqlx::query_scalar(has).fetch_one(&pool).await.unwrap() {
        return eprintln!("SKIPPED what needs a Postgres without pgvector: this one has it");
    }
    let error = Vectors::postgres(&pool).await.err().unwrap();
    assert!(error.to_string().contains("extension `vector` (pgvector) cannot be had"), "{error}");
}

fn client(url: &str, key: Option<&str>) -> Vectors {
    Vectors::qdrant(url.parse().unwrap(), key, "daybook-test").unwrap()
}

#[tokio::test]
async fn in_qdrant_as_it_is_documented() {
    let qdrant = Qdrant::open().await;
    let theirs = client(&qdrant.url, Some(KEY)).of("no-model-of-ours");
    theirs.put(&vectors(&[(1, 0.0)])).await.unwrap();
    behaves(client(&qdrant.url, Some(KEY))).await;
    let names: Vec<String> = qdrant.holds().into_keys().collect();
    assert_eq!(names.len(), 2, "ours, and one that is not named as ours are: {names:?}");
}

/// Against a real server: `DAYBOOK_TEST_QDRANT_URL=http://127.0.0.1:6333`,
/// `DAYBOOK_TEST_QDRANT_KEY` if it wants one.
#[tokio::test]
async fn in_a_real_qdrant() {
    match env::var("DAYBOOK_TEST_QDRANT_URL") {
        Ok(url) => behaves(client(&url, env::var("DAYBOOK_TEST_QDRANT_KEY").ok().as_deref())).await,
        Err(_) => eprintln!("SKIPPED what needs a real Qdrant: DAYBOOK_TEST_QDRANT_URL is not set"),
    }
}

#[tokio::test]
async fn whatever_qdrant_does_there_is_an_answer_and_no_word_of_the_key() {
    let qdrant = Qdrant::open().await;
    let fails = async |key: &str| {
        let index = client(&qdrant.url, Some(key)).of("a-model");
        index.nearest(&at(0.0), 5, 0.25).await.unwrap_err()
    };
    let stranger = fails("somebody else's").await;
    assert!(matches!(stranger, IndexError::Refused(status) if status == 401), "{stranger}");
    qdrant.becomes(Mood::Babbles);
    assert!(matches!(fails(KEY).await, IndexError::Unreadable));
    for mood in [Mood::Fails, Mood::Hangs] {
        qdrant.becomes(mood);
        let error = fails(KEY).await;
        assert!(matches!(error, IndexError::Call(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains(KEY), "{error:?}");
    }
    let nobody = client("http://127.0.0.1:1", None).of("a-model").reach().await.unwrap_err();
    assert!(nobody.to_string().contains("cannot be asked"), "{nobody}");
}

const BOOKS: [(&str, &str); 8] = [
    ("The Counting House", "How merchants keep their accounts, debit and credit."),
    ("Salt", "A captain hunts a white sea monster across all oceans."),
    ("The Ledger", "Double-entry bookkeeping for shopkeepers, step by step."),
    ("Crumbs", "Bread, cakes and pastry to bake at home."),
    ("Frost", "Surviving a winter alone in a cabin far north."),
    ("Orbit", "Six people leave the earth and watch it from above."),
    ("The Hive", "What bees do in a year, and how to look after them."),
    ("Strings", "Learning to play the violin as an adult."),
];

async fn up(name: &'static str, settings: Vec<(&'static str, String)>) -> (Program, System) {
    let start = move || {
        let mut all = vec![("DAYBOOK_TEXT_MODEL", "fetch"), ("DAYBOOK_TRAIN_AFTER", "0")];
        all.extend(settings.iter().map(|(name, value)| (*name, value.as_str())));
        Program::up_with(name, &["--ephemeral"], &all)
    };
    let program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let mercy = system.merchandiser().await;
    for (title, description) in BOOKS {
        let book = json!({ "title": title, "authors": ["A"], "description": description });
        mercy.post("books", book).await.accepted();
    }
    (program, system)
}

fn titles(answer: &Answer) -> Vec<String> {
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

fn says(answer: &Answer, text: &str) -> bool {
    answer.body.to_string().contains(text)
}

#[tokio::test]
async fn with_postgres_search_finds_what_it_finds_in_memory() {
    if testing::text_model().is_none() || testing::pgvector_url().is_none() {
        return;
    }
    let fetched = ("DAYBOOK_POSTGRES", "fetched".to_owned());
    let index = vec![fetched, ("DAYBOOK_VECTOR_INDEX", "postgres".to_owned())];
    let ((_one, memory), (_other, postgres)) =
        tokio::join!(up("vectors-in-memory", vec![]), up("vectors-in-postgres", index));
    for question in ["chasing a whale", "keeping honey", "how to bake a loaf", "alone in the cold"]
    {
        let path = format!("search?q={}", question.replace(' ', "%20"));
        let complete = |answer: &Answer| says(answer, "8 of 8 texts");
        for system in [&memory, &postgres] {
            eventually(|| system.get("/readyz"), complete).await;
        }
        let (here, there) = (memory.get(&path).await, postgres.get(&path).await);
        assert!(here["items"][0]["sources"].to_string().contains("meaning"), "{question}: {here}");
        assert_eq!(titles(&here), titles(&there), "{question}");
        assert_eq!(here["items"][0]["score"], there["items"][0]["score"]);
    }
}

#[tokio::test]
async fn search_goes_on_without_qdrant_and_finds_by_meaning_as_soon_as_it_is_back() {
    if testing::text_model().is_none() {
        return;
    }
    let qdrant = Qdrant::open().await;
    qdrant.becomes(Mood::Fails);
    let settings = vec![
        ("DAYBOOK_VECTOR_INDEX", "qdrant".to_owned()),
        ("DAYBOOK_QDRANT_URL", qdrant.url.clone()),
        ("DAYBOOK_QDRANT_API_KEY", KEY.to_owned()),
        ("DAYBOOK_QDRANT_COLLECTION", "shop".to_owned()),
    ];
    let (_program, system) = up("vectors-in-qdrant", settings).await;
    let away = |answer: &Answer| says(answer, "vector index cannot be asked");
    let ready = eventually(|| system.get("/readyz"), away).await;
    assert_eq!(ready.status, 200, "a reason to know words alone, none to be away: {ready}");
    let by_words = |answer: &Answer| away(answer) && titles(answer) == ["Salt"];
    let answer = eventually(|| system.get("search?q=captain"), by_words).await;
    assert_eq!(answer["without"][0]["source"], "meaning", "{answer}");

    qdrant.becomes(Mood::Answers);
    let by_meaning = |answer: &Answer| says(answer, r#""sources":["meaning"]"#);
    let path = "search?q=chasing%20a%20whale";
    let answer = eventually(|| system.get(path), by_meaning).await;
    assert_eq!(titles(&answer)[0], "Salt", "{answer}");
    eventually(|| system.get("/readyz"), |answer| says(answer, "8 of 8 texts")).await;
    let holds: Vec<(String, usize)> = qdrant.holds().into_iter().collect();
    assert!(holds.len() == 1 && holds[0].0.starts_with("shop-") && holds[0].1 == 8, "{holds:?}");

    qdrant.becomes(Mood::Hangs);
    eventually(|| system.get(path), away).await;
    qdrant.becomes(Mood::Answers);
    eventually(|| system.get(path), by_meaning).await;
}
