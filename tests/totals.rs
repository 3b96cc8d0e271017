//! The read models against the files they were filled from: every total is added up here a second
//! time, from the CSV itself. The files are samples of real data that are no part of the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use uuid::Uuid;

use crate::system::{Answer, Client, Program, System, daybook, eventually};

/// The one of the first 1,000 books of goodbooks whose ISBN has a wrong check digit.
const WRONG_ISBN: &str = "916";

/// Samples of a set, under the names the importer looks for; gone at the end of the test.
struct Sample(PathBuf);

impl Sample {
    /// None, said aloud, where the data are not there.
    fn of(set: &str, files: &[(&str, &str)]) -> Option<Self> {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(set);
        if !from.is_dir() {
            println!("SKIPPED: {} is not there", from.display());
            return None;
        }
        let unique = format!("daybook-totals-{}", Uuid::now_v7().simple());
        let folder = std::env::temp_dir().join(unique).join(set);
        fs::create_dir_all(&folder).unwrap();
        for (sample, name) in files {
            fs::copy(from.join("sample").join(sample), folder.join(name)).unwrap();
        }
        Some(Self(folder))
    }

    fn rows(&self, name: &str) -> Vec<Vec<String>> {
        let mut file = csv::Reader::from_path(self.0.join(name)).unwrap();
        let fields = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
        file.records().map(|row| fields(row.unwrap())).collect()
    }

    async fn import(&self, program: &Program, set: &str) {
        let mut command = daybook();
        command.args(["import", set, self.0.to_str().unwrap(), "--json", "--data-dir"]);
        command.arg(&program.data_dir);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let [said, errors] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        assert!(output.status.success(), "{said}{errors}");
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

async fn a_system_of_our_own(name: &'static str) -> (Program, Client) {
    let start = move || Program::up(name, &["--ephemeral"]);
    let program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let analyst = system.analyst().await;
    (program, analyst)
}

fn sum(answer: &Answer, list: &str, number: &str) -> i64 {
    let items = answer[list].as_array().unwrap();
    items.iter().map(|item| item[number].as_i64().unwrap()).sum()
}

/// Once the read models show all of it: the sums over the buckets of a series. Returns the position
/// they had got to.
async fn series(analyst: &Client, path: &str, expected: &[(&str, i64)]) -> i64 {
    let answer = eventually(
        || analyst.get(format!("analytics/{path}")),
        |answer| expected.iter().all(|(number, n)| sum(answer, "buckets", number) == *n),
    )
    .await;
    answer.header("projection-position").parse().unwrap()
}

#[tokio::test]
async fn ratings_are_those_of_goodbooks() {
    let files = [("books_first1000.csv", "books.csv"), ("ratings_200users.csv", "ratings.csv")];
    let Some(sample) = Sample::of("goodbooks", &files) else { return };
    let (mut program, analyst) = a_system_of_our_own("totals-goodbooks").await;
    let (mut ratings, mut points) = (0, 0);
    for row in sample.rows("ratings.csv").iter().filter(|row| row[2] != WRONG_ISBN) {
        ratings += 1;
        points += 2 * row[3].parse::<i64>().unwrap();
    }

    sample.import(&program, "goodbooks").await;

    let path = "ratings?from=2017-01-01&to=2017-01-31&by=week";
    series(&analyst, path, &[("ratings", ratings), ("rating_points", points)]).await;
    let summary = || analyst.get("analytics/summary?from=2017-01-01&to=2017-01-31");
    let summary = eventually(summary, |summary| summary["now"]["books"] == 999).await;
    assert_eq!(summary["in_range"]["ratings"], json!(ratings), "{summary}");
    program.child.kill().unwrap();
}

#[tokio::test]
async fn enrollments_and_completions_per_course_are_those_of_the_open_university() {
    let files = [
        ("courses.csv", "courses.csv"),
        ("assessments.csv", "assessments.csv"),
        ("studentInfo_200students.csv", "studentInfo.csv"),
        ("studentRegistration_200students.csv", "studentRegistration.csv"),
        ("studentAssessment_200students.csv", "studentAssessment.csv"),
    ];
    let Some(sample) = Sample::of("oulad", &files) else { return };
    let (mut program, analyst) = a_system_of_our_own("totals-oulad").await;
    let title = |row: &[String]| format!("Module {}, {}", row[0], row[1]);
    // Enrollments, withdrawals, completions.
    let mut expected: BTreeMap<String, [i64; 3]> = BTreeMap::new();
    for row in sample.rows("studentRegistration.csv") {
        let numbers = expected.entry(title(&row)).or_default();
        numbers[0] += 1;
        numbers[1] += i64::from(!row[4].is_empty());
    }
    let mut courses: BTreeMap<String, String> = BTreeMap::new();
    let mut lessons: BTreeMap<String, usize> = BTreeMap::new();
    for row in sample.rows("assessments.csv") {
        *lessons.entry(title(&row)).or_default() += 1;
        courses.insert(row[2].clone(), title(&row));
    }
    let mut done: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in sample.rows("studentAssessment.csv") {
        *done.entry((row[1].clone(), courses[&row[0]].clone())).or_default() += 1;
    }
    for ((_, course), done) in done {
        expected.get_mut(&course).unwrap()[2] += i64::from(done == lessons[&course]);
    }

    sample.import(&program, "oulad").await;

    let path = "analytics/courses?from=2012-01-01&to=2016-12-31&limit=200";
    let answer = eventually(
        || analyst.get(path),
        |answer| {
            let items = answer["items"].as_array().unwrap();
            let found: BTreeMap<String, [i64; 3]> = items
                .iter()
                .map(|item| {
                    let numbers = ["enrollments", "withdrawals", "completions"];
                    let numbers = numbers.map(|number| item[number].as_i64().unwrap());
                    (item["title"].as_str().unwrap().to_owned(), numbers)
                })
                .collect();
            found == expected
        },
    )
    .await;
    let [enrollments, completions] =
        ["enrollments", "completions"].map(|number| sum(&answer, "items", number));
    let path = "enrollments?from=2012-01-01&to=2016-12-31&by=month";
    series(&analyst, path, &[("enrollments", enrollments), ("completions", completions)]).await;
    let first = &answer["items"][0];
    let path = format!(
        "courses/{}?from=2012-01-01&to=2016-12-31&by=month",
        first["course"].as_str().unwrap()
    );
    series(&analyst, &path, &[("enrollments", first["enrollments"].as_i64().unwrap())]).await;
    program.child.kill().unwrap();
}

#[tokio::test]
async fn orders_revenue_and_stock_are_those_of_online_retail() {
    let files = [("first_invoices.csv", "transactions.csv")];
    let Some(sample) = Sample::of("online-retail", &files) else { return };
    let (mut program, analyst) = a_system_of_our_own("totals-retail").await;
    let (mut invoices, mut pence, mut pieces) = (Vec::new(), 0, 0);
    let mut units: BTreeMap<String, i64> = BTreeMap::new();
    // None of the five that take something back (`C...`) takes back exactly what one order held.
    for row in sample.rows("transactions.csv").iter().filter(|row| !row[0].starts_with('C')) {
        let quantity: i64 = row[3].parse().unwrap();
        let price: f64 = row[5].parse().unwrap();
        invoices.push(row[0].clone());
        pence += quantity * (price * 100.0).round() as i64;
        pieces += quantity;
        *units.entry(row[1].clone()).or_default() += quantity;
    }
    invoices.sort();
    invoices.dedup();
    let orders = i64::try_from(invoices.len()).unwrap();

    sample.import(&program, "online-retail").await;

    let day = "from=2010-12-01&to=2010-12-01";
    series(&analyst, &format!("orders?{day}"), &[("orders_placed", orders)]).await;
    let sold = [("orders", orders), ("minor", pence)];
    let sold_by = series(&analyst, &format!("revenue?{day}&by=month"), &sold).await;
    let (mut found, mut path) = (BTreeMap::new(), format!("analytics/products?{day}&limit=200"));
    let mut revenue = 0;
    loop {
        let page = analyst.get(&path).header("consistency-token", sold_by);
        let page = page.header("prefer", "wait=5").await.ok();
        revenue += sum(&page, "items", "minor");
        for item in page["items"].as_array().unwrap() {
            let sku = item["sku"].as_str().unwrap().to_owned();
            found.insert(sku, item["units"].as_i64().unwrap());
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("analytics/products?{day}&limit=200&cursor={next}");
    }
    assert_eq!((found, revenue), (units, pence));
    let stock = eventually(
        || analyst.get("analytics/stock?from=2010-11-01&to=2010-12-31&by=month"),
        |stock| stock["whole"]["received"] == pieces,
    )
    .await;
    assert_eq!(stock["whole"]["on_hand"], pieces, "nothing was shipped: {stock}");
    assert_eq!(stock["whole"]["turnover"], 0.0, "{stock}");
    program.child.kill().unwrap();
}
