//! A shop with something in it, and customers.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Client, Receipt, System, eventually};

/// Whoever keeps the shop, and one thing on its shelf.
pub struct Shop {
    pub system: System,
    pub mercy: Client,
    pub product: Uuid,
}

impl Shop {
    /// So many pieces of one product, at 19.99 GBP each.
    pub async fn with(pieces: u32) -> Self {
        Self::of(System::start().await, pieces).await
    }

    pub async fn of(system: System, pieces: u32) -> Self {
        let mercy = system.merchandiser().await;
        Self::kept_by(system, mercy, pieces).await
    }

    pub async fn kept_by(system: System, mercy: Client, pieces: u32) -> Self {
        let product = stocked(&mercy, &json!({ "minor": 1999, "currency": "GBP" }), pieces).await;
        Self { system, mercy, product }
    }

    /// One more product, so many pieces of it.
    pub async fn stocked(&self, price: &Value, pieces: u32) -> Uuid {
        stocked(&self.mercy, price, pieces).await
    }

    /// What there is of a product, once it is so that `holds`.
    pub async fn level(&self, product: Uuid, holds: impl Fn(&Answer) -> bool) -> Answer {
        eventually(|| self.mercy.get(format!("stock/{product}")), holds).await
    }
}

async fn stocked(mercy: &Client, price: &Value, pieces: u32) -> Uuid {
    let sku = format!("SKU-{}", Uuid::now_v7().simple());
    let product = json!({ "sku": sku, "name": "Reading lamp", "price": price });
    let product = mercy.post("products", product).await.accepted().id();
    if pieces > 0 {
        let receipts = format!("stock/{product}/receipts");
        mercy.post(receipts, json!({ "quantity": pieces })).await.accepted();
    }
    product
}

impl Client {
    pub async fn orders(&self, product: Uuid, quantity: u32) -> Receipt {
        let items = json!({ "items": [{ "product_id": product, "quantity": quantity }] });
        self.post("orders", items).await.accepted()
    }

    /// An order of mine once the fulfilment has decided about it.
    pub async fn settled(&self, order: &Receipt) -> Answer {
        let path = format!("orders/{}", order.id());
        let ask = || self.get(&path).after(order);
        eventually(ask, |answer| answer.status.is_success() && answer["status"] != "PENDING").await
    }
}
