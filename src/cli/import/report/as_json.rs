//! A report for programs.

use std::time::Duration;

use serde_json::{Value, json};

use super::{FileReport, Group, Prepared, Quote, Report, Sum, pence};

impl Report {
    pub fn json(&self) -> Value {
        let sum = |sum: Sum| {
            let mut value = json!({ "rows": sum.rows });
            if self.counts_money {
                value["pence"] = json!(pence(sum.worth));
            }
            value
        };
        let group = |group: &Group| {
            let mut value = sum(group.sum);
            let quote = |quote: &Quote| json!({ "line": quote.line, "row": quote.text, "detail": quote.detail });
            value["first"] = group.first.iter().map(quote).collect();
            value
        };
        let file = |file: &FileReport| {
            let [accepted, refused, _] = file.sums();
            let mut accepted = sum(accepted);
            accepted["already_there"] = json!(file.already_there);
            accepted["nothing_changed"] = json!(file.nothing_changed);
            accepted["as"] = object(file.accepted.iter().map(|(noun, of)| (*noun, sum(*of))));
            let mut refused = sum(refused);
            refused["by_code"] =
                object(file.refused.iter().map(|(code, of)| (code.as_str(), group(of))));
            json!({
                "file": file.path,
                "rows": sum(Sum::of(file.sums().into_iter())),
                "accepted": accepted,
                "refused": refused,
                "unreadable": group(&file.unreadable),
                "blank_lines": file.blank_lines,
            })
        };
        let prepared = |prepared: &Prepared| {
            let refused = prepared.refused.iter().map(|(code, (count, detail))| {
                (code.as_str(), json!({ "count": count, "first": detail }))
            });
            json!({
                "made": prepared.made,
                "already_there": prepared.already_there,
                "nothing_changed": prepared.nothing_changed,
                "refused": object(refused),
            })
        };
        let stage = |(name, works, took): &(&str, u64, Duration)| json!({ "name": name, "count": works, "seconds": took.as_secs_f64() });
        json!({
            "source": self.source,
            "dry_run": self.dry_run,
            "files": self.files.iter().map(file).collect::<Value>(),
            "prepared": object(self.prepared.iter().map(|(noun, of)| (*noun, prepared(of)))),
            "stages": self.stages.iter().map(stage).collect::<Value>(),
            "failure": self.failure,
        })
    }
}

fn object<'k>(entries: impl Iterator<Item = (&'k str, Value)>) -> Value {
    Value::Object(entries.map(|(key, value)| (key.to_owned(), value)).collect())
}
