//! Anybody's list of who follows whom.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};

use super::{
    columns::{Columns, Place, Wanted},
    source::{Source, existing},
    table::{Line, Row, Table},
    when,
    work::{Action, Plan, Stage, Work, accounts},
};

const WANTED: [Wanted; 3] = [
    Wanted {
        names: &["follower", "reader", "user"],
        headers: &["follower", "follower_id", "truster_id"],
        required: true,
    },
    Wanted {
        names: &["followee", "followed"],
        headers: &["followee", "followee_id", "trustee_id"],
        required: true,
    },
    Wanted { names: &["at", "time"], headers: &["at", "timestamp"], required: false },
];

pub fn plan(
    path: PathBuf,
    columns: Columns,
    source: Source,
    rows_max: Option<u64>,
    now: DateTime<Utc>,
) -> anyhow::Result<Plan> {
    let mut table = Table::open(0, &path, rows_max)?;
    let places = columns.find(&table, WANTED)?;
    let (mut people, mut known, mut total) = (Vec::new(), HashSet::new(), 0);
    while let Some(line) = table.next()? {
        total += 1;
        let Line::Row(row) = line else { continue };
        let Ok((follower, followee, at)) = edge(&row, places, now) else { continue };
        for person in [follower, followee] {
            if existing(person).is_none() && !known.contains(person) {
                known.insert(Box::<str>::from(person));
                people.push((person.into(), at));
            }
        }
    }
    let files = vec![path.display().to_string()];
    let of_rows = source.clone();
    let stages = vec![
        accounts(&source, "Reader", Arc::new(people)),
        Stage {
            name: "follows",
            total,
            produce: Box::new(move |emit| {
                let mut table = Table::open(0, &path, rows_max)?;
                while let Some(line) = table.next()? {
                    emit(match line {
                        Line::Unreadable { row, why } => Work::unreadable(row, why),
                        Line::Row(row) => work(&row, places, now, &of_rows),
                    })?;
                }
                emit(Work::Blank { file: 0, lines: table.blank_lines })
            }),
        },
    ];
    Ok(Plan { source, files, stages, places_orders: false })
}

fn edge<'t>(
    row: &Row<'t>,
    places: [Place; 3],
    now: DateTime<Utc>,
) -> Result<(&'t str, &'t str, DateTime<Utc>), String> {
    let [follower, followee, at] = places.map(|place| place.of(row));
    if follower.is_empty() || followee.is_empty() {
        return Err("it does not name two readers".to_owned());
    }
    let at = match at {
        "" => now,
        text => when::parse(text).ok_or_else(|| format!("'{text}' is not a time"))?,
    };
    Ok((follower, followee, at))
}

fn work(row: &Row<'_>, places: [Place; 3], now: DateTime<Utc>, source: &Source) -> Work {
    let (follower, followee, at) = match edge(row, places, now) {
        Ok(edge) => edge,
        Err(why) => return Work::unreadable(row.reference(), why),
    };
    let (follower, followee) = (source.account(follower), source.account(followee));
    Work::send(
        source.command_id(&format!("follow:{}", row.line), row.text()),
        // Not symmetric, or two readers following each other would wait for one another.
        follower.uuid().as_u128().rotate_left(1) ^ followee.uuid().as_u128(),
        at,
        Action::Follow { follower, followee },
        row.reference(),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::cli::import::testing::{self, actions};

    fn works(path: PathBuf) -> Vec<Work> {
        let (columns, source) = (Columns::default(), Source::new("test").unwrap());
        testing::run(plan(path, columns, source, None, DateTime::UNIX_EPOCH).unwrap())
    }

    #[test]
    fn everybody_named_gets_an_account() {
        let Some(folder) = testing::data("douban-book") else { return };
        let works = works(folder.join("follows.csv.zst"));
        assert_eq!(actions(&works).len(), 12_748 + 169_150);
    }

    #[test]
    fn trust_is_following() {
        let Some(folder) = testing::data("filmtrust") else { return };
        let works = works(folder.join("trust.csv.zst"));
        assert_eq!(actions(&works).len(), 874 + 1_853);
    }
}
