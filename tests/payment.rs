//! Orders are paid before they are confirmed, and people get SMS: by a real server that declines,
//! delays, fails, disappears and comes back.

mod provider;

use provider::{DECLINED, HELD, LOST, Provider};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{Answer, Client, Program, Shop, System, daybook, eventually};

struct Town {
    provider: Provider,
    program: Program,
    shop: Shop,
    ada: Client,
}

impl Town {
    /// A shop whose orders are paid.
    async fn open(name: &'static str) -> Self {
        let provider = Provider::open().await;
        let (payments, messages) = (provider.payments(), provider.messages());
        let start = move || {
            let settings = [
                ("DAYBOOK_PAYMENT_URL", &*payments),
                ("DAYBOOK_PAYMENT_TOKEN", "known"),
                ("DAYBOOK_SMS_URL", &*messages),
                ("DAYBOOK_SMS_TOKEN", "known"),
            ];
            Program::up_with(name, &["--ephemeral"], &settings)
        };
        let program = tokio::task::spawn_blocking(start).await.unwrap();
        let shop = Shop::of(System::of(&program).await, 5).await;
        let ada = shop.system.ada().await;
        Self { provider, program, shop, ada }
    }

    async fn priced(&self, minor: u64) -> Uuid {
        self.shop.stocked(&json!({ "minor": minor, "currency": "GBP" }), 5).await
    }

    async fn available(&self, product: Uuid, pieces: u32) {
        self.shop.level(product, |level| level["available"] == pieces).await;
    }

    /// 1 while the provider is not called.
    async fn until_breaker(&self, open: u8) {
        let line = format!("daybook_breaker_open{{name=\"payment\"}} {open}");
        let shows = |answer: &Answer| answer.body.as_str().is_some_and(|text| text.contains(&line));
        eventually(|| self.shop.system.get("/metrics"), shows).await;
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        let _ = self.program.child.kill();
    }
}

fn payments(page: &Answer) -> Vec<&str> {
    let steps = page["timeline"].as_array().unwrap();
    steps.iter().filter_map(|step| step["payment"].as_str()).collect()
}

#[tokio::test]
async fn an_order_is_paid_once_whatever_becomes_of_the_answers() {
    let town = Town::open("payment").await;
    let ada = &town.ada;
    let (plain, lost, declined) =
        (town.shop.product, town.priced(LOST).await, town.priced(DECLINED).await);

    let order = ada.orders(plain, 2).await;
    let page = ada.settled(&order).await;
    assert_eq!(page["status"], "CONFIRMED", "{page}");
    assert_eq!(payments(&page), ["REQUESTED", "TAKEN"], "{page}");
    let key = order.id().to_string();
    assert_eq!(page["timeline"][2]["detail"], format!("pay-{key}"), "{page}");
    assert_eq!(town.provider.books().charged[&key], 3998);

    let twice = ada.orders(lost, 1).await;
    let page = ada.settled(&twice).await;
    assert_eq!(payments(&page), ["REQUESTED", "FAILED", "TAKEN"], "{page}");
    let books = town.provider.books();
    assert_eq!(books.asked[&twice.id().to_string()], 2);
    assert_eq!(books.charged.len(), 2, "one payment an order: {books:?}");

    let order_no = ada.orders(declined, 1).await;
    let page = ada.settled(&order_no).await;
    assert_eq!(page["status"], "REJECTED", "{page}");
    assert_eq!(page["reason"], json!({ "code": "payment-declined" }), "{page}");
    let said =
        |step: &Value| step["payment"] == "DECLINED" && step["detail"] == "the card has expired";
    assert!(page["timeline"].as_array().unwrap().iter().any(said), "{page}");
    town.available(declined, 5).await;

    let cancelled = ada.delete(format!("orders/{}", order.id())).await.accepted();
    town.provider.until(|books| books.given_back == [key.clone()]).await;
    let ask = || ada.get(format!("orders/{}", order.id())).after(&cancelled);
    let page = eventually(ask, |page| payments(page).last() == Some(&"REFUNDED")).await;
    assert_eq!(page["status"], "CANCELLED", "{page}");
    town.available(plain, 5).await;
    holds_my_payments(ada, &key).await;
}

/// Everything that the log holds of me.
async fn holds_my_payments(ada: &Client, order: &str) {
    let export = ada.post("accounts/me/export", json!({})).await.accepted();
    let location = format!("exports/{}", export.id());
    eventually(|| ada.get(&location).after(&export), |export| export["state"] == "DONE").await;
    let file = ada.get(format!("{location}/file")).await.ok();
    let lines = file.body.as_str().unwrap().lines().filter(|line| line.contains(order));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    for kind in ["PaymentRequested", "PaymentTaken", "PaymentRefunded", "StockReserved"] {
        assert!(lines.iter().any(|line| line["event_type"] == kind), "{kind}: {lines:?}");
    }
}

#[tokio::test]
async fn an_order_is_taken_and_can_be_read_while_its_payment_hangs() {
    let town = Town::open("payment-held").await;
    let held = town.priced(HELD).await;

    let items = json!({ "items": [{ "product_id": held, "quantity": 1 }] });
    let placed = town.ada.post("orders", items).await;
    assert_eq!(placed.status.as_u16(), 201, "{placed}");
    let order = placed.accepted();
    let key = order.id().to_string();
    town.provider.until(|books| books.asked.get(&key) == Some(&1)).await;
    let ask = || town.ada.get(format!("orders/{key}")).after(&order);
    let page = eventually(ask, |page| payments(page).first() == Some(&"REQUESTED")).await;
    assert_eq!(page["status"], "PENDING", "{page}");
    town.available(held, 4).await;

    let page = town.ada.settled(&order).await;
    assert_eq!(page["status"], "CONFIRMED", "{page}");
    assert_eq!(payments(&page), ["REQUESTED", "FAILED", "TAKEN"], "{page}");
    let books = town.provider.books();
    assert_eq!((books.asked[&key], books.charged.len()), (2, 1), "{books:?}");
}

#[tokio::test]
async fn a_provider_that_disappears_rejects_orders_until_it_is_back() {
    let town = Town::open("payment-gone").await;
    let (ada, product) = (&town.ada, town.shop.product);
    town.until_breaker(0).await;
    town.provider.disappear().await;

    let placed = futures::future::join_all((0..5).map(|_| ada.orders(product, 1))).await;
    for order in &placed {
        let page = ada.settled(order).await;
        assert_eq!(page["status"], "REJECTED", "{page}");
        assert_eq!(page["reason"], json!({ "code": "payment-unavailable" }), "{page}");
        assert_eq!(payments(&page).last(), Some(&"GIVEN_UP"), "{page}");
    }
    town.available(product, 5).await;
    town.until_breaker(1).await;
    let late = ada.orders(product, 1).await;
    let page = ada.settled(&late).await;
    assert_eq!(payments(&page), ["GIVEN_UP"], "nobody was asked: {page}");
    town.available(product, 5).await;

    town.provider.come_back().await;
    let confirmed = loop {
        let order = ada.orders(product, 1).await;
        let page = ada.settled(&order).await;
        if page["status"] == "CONFIRMED" {
            break order;
        }
        assert_eq!(page["reason"]["code"], "payment-unavailable", "{page}");
    };
    town.until_breaker(0).await;
    town.available(product, 4).await;
    let books = town.provider.books();
    let charged: Vec<&String> = books.charged.keys().collect();
    assert_eq!(charged, [&confirmed.id().to_string()], "{books:?}");
}

#[tokio::test]
async fn who_wants_sms_gets_one_for_each_thing_that_happens() {
    let town = Town::open("sms").await;
    let bob = town.shop.system.bob().await;
    let wants = json!({ "phone": "+442071234567", "channels": ["sms"], "language": "de" });
    bob.patch("accounts/me", wants).await.accepted();
    let order = bob.orders(town.shop.product, 1).await;
    let page = bob.settled(&order).await;

    let books = town.provider.until(|books| !books.messages.is_empty()).await;
    let number = page["number"].as_str().unwrap();
    let said = json!({
        "to": "+442071234567", "text": format!("Ihre Bestellung {number} ist bestätigt."),
    });
    assert_eq!(books.messages.values().collect::<Vec<_>>(), [&said], "{books:?}");
    let ask = || bob.get("accounts/me/notifications");
    let told = eventually(ask, |told| told["items"][0]["status"] == "SENT").await;
    assert_eq!(told["items"].as_array().unwrap().len(), 1, "no mail, no welcome: {told}");
    let told = &told["items"][0];
    assert_eq!((&told["channel"], &told["attempts"]), (&json!("sms"), &json!(2)), "{told}");
    assert_eq!(books.messages.keys().collect::<Vec<_>>(), [told["id"].as_str().unwrap()]);
}

#[tokio::test]
async fn an_address_that_is_none_ends_the_program_which_names_the_setting() {
    let mut command = daybook();
    command.args(["up", "--ephemeral", "--listen", "127.0.0.1:0"]);
    let ended = command.env("DAYBOOK_PAYMENT_URL", "pay.example.org").output().unwrap();
    let words = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && words.contains("payment_url"), "{words}");
}
