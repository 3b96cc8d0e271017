//! When things happened, in the several ways data say so.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};

/// Seconds before which a number is a Unix time, and from which it is one in milliseconds.
const UNIX_SECONDS_MAX: i64 = 100_000_000_000;

const MOMENTS: [&str; 5] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
];

const DAYS: [&str; 2] = ["%Y-%m-%d", "%Y/%m/%d"];

/// Midnight of a day, UTC.
pub fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

pub fn day(year: i32, month: u32, day: u32) -> Option<DateTime<Utc>> {
    NaiveDate::from_ymd_opt(year, month, day).map(midnight)
}

/// Reads a date, a time (UTC unless it says otherwise) or a Unix time.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(number) = text.parse::<i64>() {
        return match number {
            ..UNIX_SECONDS_MAX => Utc.timestamp_opt(number, 0).single(),
            _ => Utc.timestamp_millis_opt(number).single(),
        };
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let moment = |format| NaiveDateTime::parse_from_str(text, format).ok();
    if let Some(time) = MOMENTS.into_iter().find_map(moment) {
        return Some(time.and_utc());
    }
    let day = |format| NaiveDate::parse_from_str(text, format).ok();
    DAYS.into_iter().find_map(day).map(midnight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ways_to_write_a_time_are_understood() {
        for text in [
            "2010-12-01 08:26:00",
            "2010-12-01T08:26:00Z",
            "2010-12-01T09:26:00+01:00",
            "12/1/2010 8:26",
            "1291191960",
            "1291191960000",
        ] {
            let time = parse(text).map(|time| time.to_rfc3339());
            assert_eq!(time.as_deref(), Some("2010-12-01T08:26:00+00:00"), "{text}");
        }
        assert_eq!(parse("2010-12-01"), day(2010, 12, 1));
        assert_eq!(parse("2010/12/01"), day(2010, 12, 1));
        assert_eq!(parse("31-Jul-14"), None);
    }
}
