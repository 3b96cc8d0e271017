//! A report for people.

use std::fmt::{self, Write as _};

use super::{Group, Quote, Report, Sum, pence};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line =
            |f: &mut fmt::Formatter<'_>, indent: usize, label: &str, sum: Sum, more: &str| {
                let rows = grouped(sum.rows);
                let width = 44_usize.saturating_sub(indent);
                write!(f, "{:indent$}{label:<width$}{rows:>12}", "")?;
                if self.counts_money {
                    write!(f, "{:>18} p", pence(sum.worth))?;
                }
                writeln!(f, "{more}")
            };
        for file in &self.files {
            let [accepted, refused, unreadable] = file.sums();
            writeln!(f, "{}", file.path)?;
            line(f, 2, "rows", Sum::of(file.sums().into_iter()), "")?;
            let mut more = String::new();
            for (count, what) in
                [(file.already_there, "already there"), (file.nothing_changed, "nothing changed")]
            {
                if count > 0 {
                    write!(more, "   {what} {}", grouped(count))?;
                }
            }
            line(f, 2, if self.dry_run { "to be sent" } else { "accepted" }, accepted, &more)?;
            if file.accepted.len() > 1 {
                for (noun, sum) in &file.accepted {
                    line(f, 4, noun, *sum, "")?;
                }
            }
            line(f, 2, "refused by rule", refused, "")?;
            for (code, group) in &file.refused {
                line(f, 4, code, group.sum, "")?;
                quotes(f, group)?;
            }
            line(f, 2, "unreadable", unreadable, "")?;
            quotes(f, &file.unreadable)?;
            if file.blank_lines > 0 {
                writeln!(f, "  {} blank lines are no rows", grouped(file.blank_lines))?;
            }
        }
        for (noun, prepared) in &self.prepared {
            write!(f, "besides: {} {noun}", grouped(prepared.made))?;
            for (count, what) in [
                (prepared.already_there, "already there"),
                (prepared.nothing_changed, "nothing changed"),
            ] {
                if count > 0 {
                    write!(f, ", {what} {}", grouped(count))?;
                }
            }
            for (code, (count, detail)) in &prepared.refused {
                write!(f, ", refused as {code} {} ({detail})", grouped(*count))?;
            }
            writeln!(f)?;
        }
        if let Some(failure) = &self.failure {
            writeln!(f, "It ended early: {failure}")?;
            writeln!(f, "Run the same command again: it goes on where it stopped.")?;
        }
        Ok(())
    }
}

fn quotes(f: &mut fmt::Formatter<'_>, group: &Group) -> fmt::Result {
    for Quote { line, text, detail } in &group.first {
        let text: String =
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect();
        writeln!(f, "      line {line}: {detail}: {text}")?;
    }
    Ok(())
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
