//! How far a long piece of work is: a bar on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

const TEMPLATE: &str = "{msg} [{bar:40}] {human_pos} of {human_len} ({per_sec}, {eta} left)";

/// A bar of `total` steps on standard error.
pub fn bar(what: &'static str, total: i64) -> ProgressBar {
    let style = ProgressStyle::with_template(TEMPLATE).expect("the template is well-formed");
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or(0)).with_style(style);
    bar.with_message(what)
}

/// Sets a bar to a position of the log.
pub fn reach(bar: &ProgressBar, position: i64) {
    bar.set_position(u64::try_from(position).unwrap_or(0));
}
