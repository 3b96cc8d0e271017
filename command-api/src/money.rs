//! How money looks in JSON, for the description of the interface.

use utoipa::ToSchema;

/// An amount in minor units of an ISO 4217 currency: `{"minor": 1999, "currency": "GBP"}`.
#[derive(Debug, ToSchema)]
#[schema(as = Money)]
#[expect(dead_code, reason = "the domain's own type reads it; this one only describes it")]
pub struct MoneyBody {
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000i64)]
    minor: i64,
    currency: String,
}
