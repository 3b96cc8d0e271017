//! Where the words are in what was found, of titles and descriptions, which everybody may read.

use std::collections::HashMap;

use domain::{ItemId, ItemKind};
use serde::Serialize;
use service_kit::Problem;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::item::CATALOGUE;
use crate::words::push_words;

/// Characters of a description that are looked at.
const READ_MAX: usize = 20_000;
/// Stand for the two ends of a word while the text is not yet escaped; no text keeps its own.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// HTML, all of it escaped but `<mark>` around the words that were looked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(super) struct Highlights {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// At most two pieces of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

pub(super) async fn highlights(
    db: &mut PgConnection,
    words: &str,
    items: &[ItemId],
) -> Result<HashMap<ItemId, Highlights>, Problem> {
    let (kinds, ids): (Vec<&str>, Vec<Uuid>) =
        items.iter().map(|item| (item.kind.name(), item.id)).unzip();
    let ends = format!("StartSel={OPEN}, StopSel={CLOSE}");
    let mut sql = QueryBuilder::<Postgres>::new("select c.kind, c.item, ts_headline('english', ");
    sql.push(format!("translate(c.title, '{OPEN}{CLOSE}', ''), "));
    push_words(&mut sql, words);
    sql.push(format!(", '{ends}, HighlightAll=true'), ts_headline('english', "));
    sql.push(format!("translate(left(c.description, {READ_MAX}), '{OPEN}{CLOSE}', ''), "));
    push_words(&mut sql, words);
    sql.push(format!(
        ", '{ends}, MaxFragments=2, MaxWords=30, MinWords=10, FragmentDelimiter=\" … \"')
           from unnest("
    ));
    sql.push_bind(kinds).push("::text[], ").push_bind(ids);
    sql.push(format!("::uuid[]) as found (kind, item) join {CATALOGUE} c using (kind, item)"));
    let rows: Vec<(String, Uuid, String, Option<String>)> =
        sql.build_query_as().fetch_all(db).await?;
    let read = |(kind, id, title, description): (String, Uuid, String, Option<String>)| {
        let item = ItemId::new(ItemKind::from_name(&kind)?, id);
        let description = description.as_deref().and_then(marked);
        Some((item, Highlights { title: marked(&title), description }))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// None where nothing is marked.
fn marked(text: &str) -> Option<String> {
    if !text.contains(OPEN) {
        return None;
    }
    let mut html = String::with_capacity(text.len() + 32);
    for character in text.chars() {
        match character {
            OPEN => html.push_str("<mark>"),
            CLOSE => html.push_str("</mark>"),
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    Some(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_text_contains_only_our_own_marks_are_html() {
        let text = format!("<b>{OPEN}Tom{CLOSE} & \"Jerry's\"</b>");
        let html = "&lt;b&gt;<mark>Tom</mark> &amp; &quot;Jerry&#39;s&quot;&lt;/b&gt;";
        assert_eq!(marked(&text).as_deref(), Some(html));
        assert_eq!(marked("nothing <b>"), None);
    }
}
