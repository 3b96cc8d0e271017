//! What readers say of items (`data/comments.csv`), and who likes that it was said.

use std::collections::HashSet;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use domain::{AccountId, CommentId, ItemId, like::Target};

use super::{catalogue::Catalogue, dice::Dice, known::Known};
use crate::cli::import::{
    source::Source,
    table::{Line, Table},
    work::{Action, Work},
};

const COMMENTS: &str = include_str!("data/comments.csv");
const SEED: u64 = 1_851;
/// In the column `then`: the comment is gone.
const DELETED: &str = "DELETED";
const LIKES_MAX: usize = 6;

#[derive(Default)]
pub struct Talk {
    pub comments: Vec<Work>,
    pub likes: Vec<Work>,
}

struct Comment<'t> {
    id: CommentId,
    name: String,
    author: AccountId,
    item: ItemId,
    at: DateTime<Utc>,
    text: &'t str,
}

/// Each comment is by somebody who knows the item and thinks of it as the comment does.
pub fn tell(catalogue: &Catalogue, source: &Source, known: &Known) -> anyhow::Result<Talk> {
    let mut table = Table::read(0, Box::new(COMMENTS.as_bytes()), None)?;
    let columns = table.columns(["item", "tone", "text", "then"])?;
    let (mut dice, mut talk) = (Dice::new(SEED), Talk::default());
    let mut heard = HashSet::new();
    let mut number = 0;
    while let Some(line) = table.next()? {
        let Line::Row(row) = line else { anyhow::bail!("the demo's comments: {line:?}") };
        let [item, tone, text, then] = columns.map(|column| row.field(column));
        number += 1;
        let name = format!("{number:03}");
        let item = catalogue.item(item)?;
        let points = match tone {
            "good" => 8..=10,
            "mixed" => 5..=7,
            _ => 0..=4,
        };
        let those = known.items.get(&item).map_or(&[][..], Vec::as_slice);
        let those: Vec<_> =
            those.iter().filter(|one| !heard.contains(&(item, one.reader))).collect();
        let fits = those.iter().filter(|one| one.points.is_some_and(|is| points.contains(&is)));
        let mut fit: Vec<_> = fits.copied().collect();
        if fit.is_empty() {
            fit = those;
        }
        let chosen = fit.get(dice.below(fit.len().max(1)));
        let who = chosen.with_context(|| format!("nobody can say comment {number}"))?;
        heard.insert((item, who.reader));
        let at = known.later(&mut dice, who.since, 6);
        let id = source.id("comment", &name);
        let comment = Comment { id, name, author: who.reader, item, at, text };
        comment.works(then, known, &mut dice, &mut talk)?;
    }
    Ok(talk)
}

impl Comment<'_> {
    fn works(
        self,
        then: &str,
        known: &Known,
        dice: &mut Dice,
        Talk { comments, likes }: &mut Talk,
    ) -> anyhow::Result<()> {
        let Self { id: comment, name, author, item, at, text } = self;
        let lane = comment.uuid().as_u128();
        let says = |text: &str, edited_at| {
            let text = text.parse().with_context(|| format!("comment {name}"))?;
            anyhow::Ok(Action::Comment { comment, author, item, text, edited_at })
        };
        comments.push(Work::prepare(format!("comment:{name}"), lane, at, says(text, at)?));
        let later = known.later(dice, at, 2);
        match then {
            "" => {}
            DELETED => {
                let delete = Action::DeleteComment { comment, author };
                comments.push(Work::prepare(format!("comment:{name}:gone"), lane, later, delete));
                return Ok(());
            }
            then => {
                comments.push(Work::prepare(
                    format!("comment:{name}:edit"),
                    lane,
                    later,
                    says(then, later)?,
                ));
            }
        }
        let count = dice.between(0, LIKES_MAX);
        for (reader, joined) in dice.some(&known.readers, count) {
            if reader != author {
                let at = known.later(dice, at.max(joined), 20);
                let like = Action::Like { reader, target: Target::Comment(comment) };
                let key = format!("like:{reader}:comment:{name}");
                likes.push(Work::prepare(key, reader.uuid().as_u128(), at, like));
            }
        }
        Ok(())
    }
}
