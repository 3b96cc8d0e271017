use domain::file::samples::{attached, book, content, cover, first_lesson, removed, replaced};
use domain::file::{FileName, Files};
use domain::samples::{lesson, middlemarch, rust_course, text};
use serde_json::json;

use super::{History, rows};
use crate::file::AttachedFiles;

#[tokio::test]
async fn files_are_those_attached_now_and_an_image_of_that_name_is_the_cover() {
    let (name, notes): (FileName, FileName) = (cover(), text("notes.png"));
    let history = History::default()
        .with::<Files>(
            book(),
            [
                attached(book(), name.clone(), content(1)),
                attached(book(), notes.clone(), content(1)),
                replaced(book(), name.clone(), content(1), content(2)),
                removed(book(), notes.clone(), content(1)),
            ],
        )
        .with::<Files>(first_lesson(), [attached(first_lesson(), notes, content(2))]);

    let files = &rows(&AttachedFiles, &history).await["files"];
    assert_eq!(files.len(), 2);
    let of = |kind: &str| files.iter().find(|row| row["kind"] == kind).unwrap();
    let of_book = of("book");
    assert_eq!((&of_book["item"], &of_book["lesson"]), (&json!(middlemarch()), &json!(null)));
    assert_eq!((&of_book["position"], &of_book["is_cover"]), (&json!(3), &json!(true)));
    assert_eq!((&of_book["sha256"], &of_book["size"]), (&json!("02".repeat(32)), &json!(1002)));
    let of_lesson = of("lesson");
    assert_eq!(of_lesson["item"], json!(rust_course()));
    assert_eq!(of_lesson["lesson"], json!(lesson(1)));
    assert_eq!(of_lesson["is_cover"], json!(false));
}
