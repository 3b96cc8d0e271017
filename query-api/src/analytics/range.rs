//! Which days, in which buckets.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use utoipa::{IntoParams, ToSchema};

use super::Series;

/// Days of a range at most.
const DAYS_MAX: i64 = 3_660;
/// Days before today if the client does not say.
const DAYS_DEFAULT: u64 = 29;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// First day; 29 days before `to` unless told.
    pub(super) from: Option<NaiveDate>,
    /// Last day; today unless told.
    pub(super) to: Option<NaiveDate>,
    #[serde(default)]
    #[param(inline)]
    pub(super) by: By,
    /// `UTC`, the time zone of all days.
    pub(super) tz: Option<String>,
    /// `json` or `csv`; without it, what Accept asks for.
    #[param(inline)]
    pub(super) format: Option<Format>,
}

impl Params {
    pub(super) fn wants_csv(&self) -> bool {
        self.format == Some(Format::Csv)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    Json,
    Csv,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
    #[default]
    Day,
    /// From Monday.
    Week,
    Month,
}

impl By {
    /// As `date_trunc` calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    fn end(self, start: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => start + Days::new(1),
            Self::Week => start + Days::new(7),
            Self::Month => start + Months::new(1),
        }
    }
}

/// Both ends are part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    from: NaiveDate,
    to: NaiveDate,
    pub(super) by: By,
    now: DateTime<Utc>,
}

impl Range {
    pub(super) fn of(params: Params, now: DateTime<Utc>) -> Result<Self, Problem> {
        if params.tz.as_deref().is_some_and(|tz| !tz.eq_ignore_ascii_case("utc")) {
            return Err(Problem::invalid("/query/tz", "days are counted in UTC"));
        }
        let sensible = |pointer, day: NaiveDate| match (1900..=9000).contains(&day.year()) {
            true => Ok(day),
            false => Err(Problem::invalid(pointer, "the years 1900 to 9000 are known")),
        };
        let to = sensible("/query/to", params.to.unwrap_or_else(|| now.date_naive()))?;
        let from = params.from.unwrap_or_else(|| to - Days::new(DAYS_DEFAULT));
        let from = sensible("/query/from", from)?;
        match (to - from).num_days() {
            ..0 => Err(Problem::invalid("/query/from", "`from` comes after `to`")),
            0..DAYS_MAX => Ok(Self { from, to, by: params.by, now }),
            DAYS_MAX.. => {
                let detail = format!("a range has at most {DAYS_MAX} days");
                Err(Problem::invalid("/query/from", detail))
            }
        }
    }

    pub(super) fn first(&self) -> NaiveDateTime {
        self.from.and_time(NaiveTime::MIN)
    }

    pub(super) fn last(&self) -> NaiveDateTime {
        self.to.and_time(NaiveTime::MIN)
    }

    /// Today, as far as it is known: no later day has happened.
    pub(super) fn today(&self) -> NaiveDate {
        self.now.date_naive()
    }

    pub(super) fn days(&self) -> (NaiveDate, NaiveDate) {
        (self.from, self.to)
    }

    /// The bucket has not ended yet, or the range holds only a part of it.
    pub(super) fn is_partial(&self, start: NaiveDate) -> bool {
        let end = self.by.end(start);
        end > self.now.date_naive() || start < self.from || end > self.to + Days::new(1)
    }

    pub(super) fn series<B>(&self, buckets: Vec<B>) -> Series<B> {
        let Self { from, to, by, now } = *self;
        Series { as_of: now, from, to, by, tz: "UTC", buckets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(from: &str, to: &str, by: By) -> Params {
        Params { from: from.parse().ok(), to: to.parse().ok(), by, tz: None, format: None }
    }

    fn noon(day: &str) -> DateTime<Utc> {
        format!("{day}T12:00:00Z").parse().unwrap_or_default()
    }

    #[test]
    fn buckets_that_are_cut_or_run_are_partial() -> Result<(), Problem> {
        let range = Range::of(params("2026-02-10", "2026-04-30", By::Month), noon("2026-04-20"))?;
        let partial = |text: &str| text.parse().is_ok_and(|day| range.is_partial(day));
        assert!(partial("2026-02-01"));
        assert!(!partial("2026-03-01"));
        assert!(partial("2026-04-01"));
        Ok(())
    }

    #[test]
    fn a_range_is_a_range() {
        let now = noon("2026-04-20");
        assert!(Range::of(params("2026-04-20", "2026-04-20", By::Day), now).is_ok());
        assert!(Range::of(params("2026-04-21", "2026-04-20", By::Day), now).is_err());
        assert!(Range::of(params("1999-01-01", "2026-04-20", By::Day), now).is_err());
        assert!(Range::of(params("-9999-01-01", "2026-04-20", By::Day), now).is_err());
        assert!(Range::of(params("", "-262143-01-01", By::Day), now).is_err());
    }
}
