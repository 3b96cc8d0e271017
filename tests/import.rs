use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Program, System, daybook, eventually};

/// A folder of files that is gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn of(name: &str, files: &[(&str, &str)]) -> Self {
        let unique = format!("daybook-import-{}", Uuid::now_v7().simple());
        let folder = std::env::temp_dir().join(unique).join(name);
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

/// `daybook import`, beside the program that serves all tests.
fn import(arguments: &[&str]) -> Command {
    let mut command = daybook();
    command.arg("import").args(arguments);
    command.arg("--data-dir").arg(&Program::shared().data_dir);
    command
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// What an import that was done says.
async fn report(arguments: &[&str]) -> Value {
    let output = output(import(&[arguments, &["--json"]].concat())).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Rows accepted, those of them that were there already, refused, unreadable.
fn counts(report: &Value, file: usize) -> [u64; 4] {
    let file = &report["files"][file];
    let number = |value: &Value| value.as_u64().unwrap();
    [
        number(&file["accepted"]["rows"]),
        number(&file["accepted"]["already_there"]),
        number(&file["refused"]["rows"]),
        number(&file["unreadable"]["rows"]),
    ]
}

async fn only(system: &System, path: &str) -> Value {
    let found = eventually(
        || system.get(path),
        |answer| answer["items"].as_array().is_some_and(|items| items.len() == 1),
    );
    found.await["items"][0].clone()
}

#[tokio::test]
async fn a_rated_book_shows_its_stars_doubled_and_a_second_import_changes_nothing() {
    let system = System::start().await;
    let folder = Folder::of(
        "goodbooks",
        &[
            (
                "books.csv",
                "book_id,isbn,authors,original_publication_year,title,language_code,image_url\n\
             1,439023483,Suzanne Collins,2008.0,\"The Zanzibar Games (Zanzibar, #1)\",eng,\n\
             2,439023484,Somebody Else,1999.0,Wrong check digit,eng,\n",
            ),
            (
                "ratings_train.csv",
                "seq,user_id,book_id,rating\n1,7,1,5\n2,8,1,4\n3,7,2,3\n4,7,1,six\n",
            ),
        ],
    );
    let path = folder.path("");

    let first = report(&["goodbooks", &path]).await;
    assert_eq!([counts(&first, 0), counts(&first, 1)], [[1, 0, 1, 0], [2, 0, 1, 1]], "{first}");
    let refused = &first["files"][1]["refused"]["by_code"]["item-unknown"]["first"][0];
    assert_eq!(refused["line"], 4, "{first}");
    let book = only(&system, "books?q=zanzibar").await;
    let ratings = format!("books/{}/ratings", book["id"].as_str().unwrap());
    let ratings = eventually(|| system.get(&ratings), |answer| answer["count"] == 2).await;
    assert_eq!(ratings["average"], 9.0, "{ratings}");

    let second = report(&["goodbooks", &path]).await;
    assert_eq!([counts(&second, 0), counts(&second, 1)], [[1, 1, 1, 0], [2, 2, 1, 1]], "{second}");
    assert_eq!(second["prepared"]["accounts"]["made"], 0, "{second}");
}

#[tokio::test]
async fn invoices_become_orders_that_are_fulfilled_and_add_up_to_the_penny() {
    let system = System::start().await;
    let mercy = system.merchandiser().await;
    let folder = Folder::of(
        "online-retail",
        &[(
            "transactions.csv",
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n\
         536365,ZLAMP,Lantern of Zanzibar,6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n\
         536366,ZLAMP,Lantern of Zanzibar,4,2010-12-01 09:00:00,2.55,,United Kingdom\n\
         C536379,ZLAMP,Lantern of Zanzibar,-4,2010-12-02 09:00:00,2.55,,United Kingdom\n\
         C536380,ZLAMP,Lantern of Zanzibar,-1,2010-12-02 09:41:00,2.55,17850,United Kingdom\n\
         536367,ZLAMP,damages,-2,2010-12-03 09:00:00,0,,United Kingdom\n\
         536368,ZLAMP,Lantern of Zanzibar,1,2010-12-03 09:00:00,0.001,,United Kingdom\n",
        )],
    );

    let report = report(&["online-retail", &folder.path("")]).await;

    let file = &report["files"][0];
    assert_eq!(counts(&report, 0), [3, 0, 3, 0], "{report}");
    assert_eq!(file["accepted"]["pence"], "1530", "{report}");
    assert_eq!(file["accepted"]["as"]["cancellations"]["pence"], "-1020", "{report}");
    assert_eq!(file["refused"]["by_code"]["partial-return"]["pence"], "-255", "{report}");
    assert_eq!(file["rows"], json!({ "rows": 6, "pence": "1275.1" }), "{report}");
    let lamp = only(&system, "products?q=lantern+zanzibar").await;
    let stock = format!("stock/{}", lamp["id"].as_str().unwrap());
    let stock = eventually(|| mercy.get(&stock), |stock| stock["reserved"] == 6).await;
    assert_eq!(stock["on_hand"], 11, "everything ever sold: {stock}");
}

#[tokio::test]
async fn a_submission_after_leaving_is_refused_by_the_rules_of_enrollment() {
    let system = System::start().await;
    let folder = Folder::of(
        "oulad",
        &[
            (
                "courses.csv",
                "code_module,code_presentation,module_presentation_length\nZZZ,2013J,268\n",
            ),
            (
                "assessments.csv",
                "code_module,code_presentation,id_assessment,assessment_type,date,weight\n\
             ZZZ,2013J,990001,TMA,19,50\nZZZ,2013J,990002,TMA,40,50\n",
            ),
            (
                "studentInfo.csv",
                "code_module,code_presentation,id_student,final_result\n\
             ZZZ,2013J,990011,Withdrawn\nZZZ,2013J,990012,Pass\n",
            ),
            (
                "studentRegistration.csv",
                "code_module,code_presentation,id_student,date_registration,date_unregistration\n\
             ZZZ,2013J,990011,-10,20\nZZZ,2013J,990012,-5,\n",
            ),
            (
                "studentAssessment.csv",
                "id_assessment,id_student,date_submitted,is_banked,score\n\
             990001,990011,19,0,80\n990002,990011,38,0,70\n\
             990001,990012,18,0,90\n990002,990012,39,0,\n",
            ),
        ],
    );

    let report = report(&["oulad", &folder.path("")]).await;

    let accepted: Vec<_> = (0..5).map(|file| counts(&report, file)[0]).collect();
    assert_eq!(accepted, [1, 2, 2, 2, 3], "{report}");
    let late = &report["files"][4]["refused"]["by_code"]["not-enrolled"]["first"][0];
    assert_eq!(late["line"], 3, "{report}");
    let course = only(&system, "courses?q=zzz").await;
    let page = system.get(format!("courses/{}", course["id"].as_str().unwrap())).await;
    assert_eq!(page["lessons"].as_array().map(Vec::len), Some(2), "{page}");
}

#[tokio::test]
async fn anybodys_files_are_read_as_their_columns_are_explained() {
    let system = System::start().await;
    let folder = Folder::of(
        "zanzibar-club",
        &[
            ("ratings.csv", "who\twhat\n"),
            (
                "stars.csv",
                "\u{feff}who,what,stars\r\n1,zz9,3.5\r\n2,zz9,4\r\n,,\r\n3,zz9\r\n4,zz9,9\r\n",
            ),
            ("trust.csv", "a,b\n1,2\n2,2\n"),
            ("shelf.csv", "who,what\n1,zz9\n2,zz9\n1,zz9\n"),
        ],
    );
    let columns = ["--columns", "reader=who,item=what"];

    let stars = folder.path("stars.csv");
    let rated = report(&["ratings", &stars, columns[0], "reader=who,item=what,stars=stars"]).await;
    assert_eq!(counts(&rated, 0), [2, 0, 1, 1], "{rated}");
    assert_eq!(rated["files"][0]["blank_lines"], 1, "{rated}");
    let book = only(&system, "books?q=%22Item+zz9%22").await;
    assert_eq!(book["authors"], json!(["unknown"]), "{book}");
    let ratings = format!("books/{}/ratings", book["id"].as_str().unwrap());
    eventually(|| system.get(&ratings), |answer| answer["average"] == 7.5).await;

    let trust = folder.path("trust.csv");
    let followed = report(&["follows", &trust, columns[0], "follower=a,followee=b"]).await;
    assert_eq!(counts(&followed, 0), [1, 0, 1, 0], "{followed}");
    assert_eq!(followed["prepared"]["accounts"]["already_there"], 2, "the same source: {followed}");

    let kept = report(&["favourites", &folder.path("shelf.csv"), columns[0], columns[1]]).await;
    assert_eq!(counts(&kept, 0), [3, 0, 0, 0], "{kept}");
    assert_eq!(kept["files"][0]["accepted"]["nothing_changed"], 1, "{kept}");
}

#[tokio::test]
async fn a_wrong_column_is_a_mistake_of_usage_and_a_dry_run_sends_nothing() {
    let folder = Folder::of("dry-zanzibar", &[("stars.csv", "who,what,stars\n1,dry1,3\n")]);
    let stars = folder.path("stars.csv");

    let wrong = output(import(&["ratings", &stars, "--columns", "reader=whom"])).await;
    let errors = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(2), "{errors}");
    assert!(errors.contains("only who, what, stars"), "{errors}");

    let columns = "reader=who,item=what";
    let dry = report(&["ratings", &stars, "--columns", columns, "--dry-run"]).await;
    assert_eq!((&dry["dry_run"], counts(&dry, 0)), (&json!(true), [1, 0, 0, 0]), "{dry}");
    let wet = report(&["ratings", &stars, "--columns", columns]).await;
    assert_eq!(counts(&wet, 0), [1, 0, 0, 0], "{wet}");
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on() {
    let system = System::start().await;
    let rows: String = (1..=3_000).map(|row| format!("zk{row},Zanzibar killed {row}\n")).collect();
    let folder = Folder::of("killed-zanzibar", &[("books.csv", &format!("id,title\n{rows}"))]);
    let books = folder.path("books.csv");
    let arguments = ["books", &books, "--concurrency", "8", "--json"];

    let mut killed = import(&arguments).spawn().unwrap();
    let some = |answer: &Answer| answer["items"] != json!([]);
    eventually(|| system.get("books?q=zanzibar+killed"), some).await;
    killed.kill().unwrap();
    killed.wait().unwrap();

    let report = report(&arguments[..4]).await;
    let [accepted, there, refused, unreadable] = counts(&report, 0);
    assert_eq!((accepted, refused, unreadable), (3_000, 0, 0), "{report}");
    assert!(there > 0, "{report}");
}

#[tokio::test]
async fn a_library_from_goodreads_is_rated_kept_and_imported_once() {
    let system = System::start().await;
    let ada = system.ada().await;
    // Numbers of our own: all tests share one catalogue.
    let unique = Uuid::now_v7().simple().to_string();
    let emma = json!({ "title": format!("Emma {unique}"), "authors": ["Jane Austen"] });
    let emma = system.add_book(emma).await;
    let number = Uuid::now_v7().as_u128() % 1_000_000_000;
    let library = |average: &str, review: &str| {
        format!(
            "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,\
             Publisher,Binding,Number of Pages,Year Published,Original Publication Year,Date Read,\
             Date Added,Bookshelves,Bookshelves with positions,Exclusive Shelf,My Review,Spoiler,\
             Private Notes,Read Count,Owned Copies\n\
             {number}1,Emma {unique},Jane Austen,\"Austen, Jane\",,=\"\",=\"\",4,{average},Penguin,\
             Paperback,474,2003,1815,2012/05/31,2011/01/02,\"favorites, regency\",,read,\
             \"{review}\nReally.\",,not for others,1,0\n\
             {number}2,\"Villette {unique} (Brontë, #3)\",Charlotte Brontë,,,=\"\",=\"\",0,{average},,\
             ,,,1853,,2011/01/02,to-read,,to-read,,,,0,0\n\
             {number}3,Persuasion,Jane Austen,,,=\"\",=\"\",six,{average},,,,,1817,,2011/01/02,,,read,\
             ,,,1,0\n"
        )
    };
    let (old, new) = (library("4.01", "Fine."), library("4.02", "Fine."));
    let edited = library("4.02", "<i>Very</i> fine.");
    let dearer = edited.replace(",4,4.02,", ",5,4.02,");
    let files = [
        ("old.csv", &*old),
        ("new.csv", &*new),
        ("edited.csv", &*edited),
        ("dearer.csv", &*dearer),
    ];
    let folder = Folder::of("library", &files);
    let [old, new, edited, dearer] = files.map(|(name, _)| folder.path(name));

    let dry = report(&["goodreads", &old, "--account", &ada.login.email, "--dry-run"]).await;
    assert_eq!(counts(&dry, 0), [2, 0, 0, 1], "{dry}");
    let first = report(&["goodreads", &old, "--account", &ada.login.email]).await;
    assert_eq!(counts(&first, 0), [2, 1, 0, 1], "Emma was there: {first}");
    assert_eq!(first["files"][0]["unreadable"]["first"][0]["line"], 5, "{first}");
    let made = |report: &Value, what: &str| report["prepared"][what]["made"].clone();
    let all = ["ratings", "comments", "favourites"];
    assert_eq!(all.map(|what| made(&first, what)), [1, 1, 1], "{first}");
    let page = format!("books/{emma}");
    eventually(|| ada.get(&page), |book| book["my_rating"] == 8).await;
    let kept = |answer: &Answer| answer["items"][0]["id"] == emma.to_string();
    eventually(|| ada.get("accounts/me/favourites"), kept).await;
    let villette = only(&system, &format!("books?q=villette+{unique}")).await;
    assert_eq!(villette["title"], format!("Villette {unique}"), "{villette}");
    assert_eq!(villette["series"], json!({ "name": "Brontë", "number": 3.0 }), "{villette}");

    // She has changed her mind since; neither the old file nor a newer one knows better.
    let changed = ada.rate(emma, 10).await.accepted();
    let id = ada.id.to_string();
    for file in [&old, &new] {
        let again = report(&["goodreads", file, "--account", &id]).await;
        assert_eq!(counts(&again, 0), [2, 2, 0, 1], "{again}");
        assert_eq!(all.map(|what| made(&again, what)), [0, 0, 0], "{again}");
    }
    let book = ada.get(&page).after(&changed).await;
    assert_eq!(book["my_rating"], 10, "{book}");

    let comments = format!("books/{emma}/comments");
    let comment = only(&system, &comments).await;
    assert_eq!(comment["text"], "Fine.\nReally.", "without notes: {comment}");
    assert_eq!(comment["edited_at"], json!(null), "{comment}");
    let private = ["goodreads", &edited, "--account", &id, "--without-reviews"];
    assert_eq!(made(&report(&private).await, "comments"), json!(null));
    let newer = report(&["goodreads", &edited, "--account", &id]).await;
    assert_eq!(all.map(|what| made(&newer, what)), [0, 1, 0], "{newer}");
    let is_edited = |answer: &Answer| answer["items"][0]["text"] == "Very fine.\nReally.";
    let comment = eventually(|| system.get(&comments), is_edited).await["items"][0].clone();
    assert_ne!(comment["edited_at"], json!(null), "{comment}");

    // Five stars, then the first file again: back to four, and to the first review.
    let dearer = report(&["goodreads", &dearer, "--account", &id]).await;
    assert_eq!(all.map(|what| made(&dearer, what)), [0, 0, 0], "ten points already: {dearer}");
    for (file, made_now) in [(&old, [1, 1, 0]), (&old, [0, 0, 0])] {
        let back = report(&["goodreads", file, "--account", &id]).await;
        assert_eq!(all.map(|what| made(&back, what)), made_now, "{back}");
    }
    eventually(|| ada.get(&page), |book| book["my_rating"] == 8).await;
    let is_back = |answer: &Answer| answer["items"][0]["text"] == "Fine.\nReally.";
    eventually(|| system.get(&comments), is_back).await;

    let nobody = output(import(&["goodreads", &old, "--account", "nobody@example.com"])).await;
    let errors = String::from_utf8_lossy(&nobody.stderr);
    assert_eq!(nobody.status.code(), Some(1), "{errors}");
    assert!(errors.contains("nobody has the address"), "{errors}");
}
