//! Which items may be found at all: the same conditions for those who ask the tables and for those
//! who ask the index in memory.

use domain::{ItemId, ItemKind};
use sqlx::{Postgres, QueryBuilder};

use crate::meaning::Facts;
use crate::words::push_without;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wanted {
    pub kind: Option<ItemKind>,
    /// A genre, skill, category or tag.
    pub category: Option<String>,
    pub audience: Option<&'static str>,
    /// In minor units, both included; only products have a price.
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub currency: Option<String>,
    /// Words that it must not have, in the language of search engines. The index in memory knows no
    /// words; what it finds is asked of the tables again.
    pub without: Option<String>,
}

impl Wanted {
    pub fn asks_price(&self) -> bool {
        self.price_min.is_some() || self.price_max.is_some() || self.currency.is_some()
    }

    pub fn admits(&self, item: &ItemId, facts: &Facts) -> bool {
        let has_price = facts.price.as_ref().is_some_and(|(minor, currency)| {
            self.price_min.is_none_or(|least| *minor >= least)
                && self.price_max.is_none_or(|most| *minor <= most)
                && self.currency.as_ref().is_none_or(|wanted| wanted == currency)
        });
        self.kind.is_none_or(|kind| item.kind == kind)
            && self.category.as_ref().is_none_or(|label| facts.labels.contains(label))
            && self.audience.is_none_or(|audience| {
                facts.audience.as_deref() == Some(audience)
                    || facts.labels.iter().any(|label| labels_of(audience).contains(&&**label))
            })
            && (has_price || !self.asks_price())
    }

    /// As conditions on the catalogue `c`.
    pub fn push(&self, sql: &mut QueryBuilder<'_, Postgres>) {
        if let Some(kind) = self.kind {
            sql.push(" and c.kind = ").push_bind(kind.name());
        }
        if let Some(category) = &self.category {
            sql.push(" and ").push_bind(category.clone()).push(" = any (c.labels)");
        }
        if let Some(audience) = self.audience {
            sql.push(" and (c.audience = ").push_bind(audience).push(" or c.labels && ");
            sql.push_bind(labels_of(audience)).push(")");
        }
        if let Some(least) = self.price_min {
            sql.push(" and c.price_minor >= ").push_bind(least);
        }
        if let Some(most) = self.price_max {
            sql.push(" and c.price_minor <= ").push_bind(most);
        }
        if let Some(currency) = &self.currency {
            sql.push(" and c.currency = ").push_bind(currency.clone());
        }
        push_without(sql, self.without.as_deref());
    }
}

/// What courses and products, which have no audience of their own, are labelled for one.
fn labels_of(audience: &str) -> &'static [&'static str] {
    match audience {
        "kids" => &["kids", "children", "childrens", "picture books"],
        "teens" => &["teens", "young adult", "young-adult"],
        "adults" => &["adults"],
        _ => &[],
    }
}
