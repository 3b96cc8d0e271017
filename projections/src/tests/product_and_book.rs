use domain::book::Book;
use domain::book::samples::{added, details, full_details, revised, withdrawn};
use domain::product::{self, Product};
use domain::samples::{at, lantern, middlemarch, pounds, tags, text, uuid};
use serde_json::json;

use super::{History, rows};
use crate::book::Books;
use crate::product::Products;

#[tokio::test]
async fn a_book_is_found_by_its_words() {
    let other = uuid(0xb002).into();
    let history = History::default()
        .with::<Book>(middlemarch(), [added(middlemarch(), details("Middlemarsh", "G. Eliot"))])
        .with::<Book>(middlemarch(), [revised(middlemarch(), full_details())])
        .with::<Book>(other, [added(other, details("Thérèse", "Émile Zola")), withdrawn(other)]);
    let tables = rows(&Books, &history).await;
    let book = tables["books"].iter().find(|row| row["book"] == json!(middlemarch())).unwrap();
    assert_eq!(book["title"], json!("Middlemarch"));
    assert_eq!((&book["sequence"], &book["position"]), (&json!(2), &json!(1)));
    assert_eq!(book["series_number"], json!(1.5));
    assert_eq!(book["names"], json!("Middlemarch George Eliot"));
    let words = book["search"].as_str().unwrap();
    for word in ["'middlemarch'", "'eliot'", "'georg'", "'classics'", "'provinci'"] {
        assert!(words.contains(word), "{word} in {words}");
    }
    let other = tables["books"].iter().find(|row| row["book"] == json!(other)).unwrap();
    assert_eq!(other["withdrawn"], json!(true));
    assert_eq!(other["names"], json!("Thérèse Émile Zola Therese Emile"));
    let words = other["search"].as_str().unwrap();
    for word in ["'thérèse'", "'therese'", "'theres'", "'emile'"] {
        assert!(words.contains(word), "{word} in {words}");
    }
}

#[tokio::test]
async fn a_product_costs_what_it_was_last_repriced_to() {
    let product = lantern();
    let details = product::Details {
        sku: text("85123A"),
        name: text("Hanging lantern"),
        description: None,
        category: Some(text("garden")),
        tags: tags(["light"]),
    };
    let history = History::default().with::<Product>(
        product,
        [
            product::Event::ProductAdded {
                product,
                details: Box::new(details.clone()),
                price: pounds(255),
                at: at(0),
            },
            product::Event::ProductRepriced {
                product,
                from: pounds(255),
                to: pounds(295),
                at: at(1),
            },
            product::Event::ProductRevised {
                product,
                details: Box::new(product::Details { name: text("Lantern"), ..details }),
                at: at(2),
            },
            product::Event::ProductDiscontinued { product, at: at(3) },
        ],
    );
    let tables = rows(&Products, &history).await;
    let row = &tables["products"][0];
    assert_eq!((&row["price_minor"], &row["currency"]), (&json!(295), &json!("GBP")));
    assert_eq!((&row["name"], &row["discontinued"]), (&json!("Lantern"), &json!(true)));
    assert!(row["search"].as_str().unwrap().contains("'85123a'"));
}
