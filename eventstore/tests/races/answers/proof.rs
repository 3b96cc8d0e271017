//! Was what a client was told true, at a moment between its question and its answer?

use std::collections::HashMap;

use domain::Recorded;
use domain::book::Book;
use domain::enrollment::Enrollment;
use domain::rating::Rating;

use super::history::{History, Stored, better};
use super::{
    Answer, Asked, SEATS, Told, book, comparison, enroll, enrollment, isbn, label, leave, rate,
    rating, withdraw,
};

type Checked = Result<(), String>;

fn ensure(so: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if so { Ok(()) } else { Err(otherwise()) }
}

pub fn check(history: &History, answer: &Answer) -> Checked {
    let (floor, ceiling) = (answer.floor, answer.ceiling);
    let once = |what: &str, so: &dyn Fn(i64, &super::history::Moment) -> bool| {
        ensure(history.once(floor, ceiling, so), || format!("at no moment {what}"))?;
        // An answer that is kept must not have been there before.
        let kept = history.command(&answer.key);
        let earlier = kept.is_some_and(|stored| stored.appended && stored.position <= floor);
        ensure(!earlier, || "there was another answer already".to_owned())
    };
    match (&answer.told, &answer.asked) {
        (Told::TryAgain, _) => Ok(()),
        (Told::Accepted { .. } | Told::Refused { .. }, _) => {
            let stored = history.command(&answer.key).ok_or("the log has no such answer")?;
            as_stored(answer, stored)?;
            decided(history, answer, stored)
        }
        (Told::Full, Asked::Enroll { student }) => once("was the course full", &|_, moment| {
            moment.seats.len() == SEATS as usize && !moment.seats.contains(&enrollment(*student))
        }),
        (Told::Taken, Asked::Label { book: number, isbn: Some(wanted) }) => {
            once("had another book the ISBN", &|_, moment| {
                let mut holders = moment.isbns.iter();
                holders.any(|(holder, has)| *has == isbn(*wanted) && *holder != book(*number))
            })
        }
        (Told::Missing, Asked::Compare { one, other }) => {
            once("was one of the ratings missing", &|position, _| {
                let state = |number| history.state_at::<Rating>(rating(number), position);
                better(&state(*one), &state(*other)).is_none()
            })
        }
        (Told::Version { current }, Asked::RateVersion { rating: number, expected, .. }) => {
            ensure(current != expected, || "that is what was expected".to_owned())?;
            once("was the stream at this version", &|position, _| {
                history.sequence_at::<Rating>(rating(*number), position) == *current
            })
        }
        (told, asked) => Err(format!("{told:?} is no answer to {asked:?}")),
    }
}

fn as_stored(answer: &Answer, stored: &Stored) -> Checked {
    let same = match &answer.told {
        Told::Accepted { sequence, position, unchanged } => {
            (*sequence, *position, !unchanged)
                == (stored.sequence, stored.position, stored.appended)
                && stored.refusal.is_none()
        }
        Told::Refused { refusal } => stored.refusal.as_ref() == Some(refusal),
        _ => false,
    };
    ensure(same, || "the log has another answer".to_owned())?;
    ensure(answer.replayed || stored.position >= answer.floor, || {
        "the answer is older than what was acknowledged before it was asked for".to_owned()
    })
}

/// Deciding again, on what the log had there, comes to the same.
fn decided(history: &History, answer: &Answer, stored: &Stored) -> Checked {
    match answer.asked {
        Asked::Rate { rating: number, points }
        | Asked::RateVersion { rating: number, points, .. } => {
            let command = rate(rating(number), points);
            let at = decision::<Rating>(
                history,
                answer,
                stored,
                rating(number),
                command,
                Rating::decide,
            )?;
            match answer.asked {
                Asked::RateVersion { expected, .. } => {
                    ensure(expected == at.sequence, || "it was another version".to_owned())
                }
                _ => Ok(()),
            }
        }
        Asked::Withdraw { rating: number } => {
            let (id, command) = (rating(number), withdraw(number));
            decision::<Rating>(history, answer, stored, id, command, Rating::decide).map(drop)
        }
        Asked::Compare { one, other } => {
            let id = comparison(one, other);
            let events = history.events_of::<Rating>(id, &answer.key).len() as i64;
            let before = stored.position - events;
            let state = |number| history.state_at::<Rating>(rating(number), before);
            let points = better(&state(one), &state(other)).ok_or("there were not both")?;
            let command = rate(id, points);
            decision::<Rating>(history, answer, stored, id, command, Rating::decide).map(drop)
        }
        Asked::Enroll { student } => {
            let (id, command) = (enrollment(student), enroll(student));
            decision::<Enrollment>(history, answer, stored, id, command, Enrollment::decide)
                .map(drop)
        }
        Asked::Leave { student } => {
            let (id, command) = (enrollment(student), leave(student));
            decision::<Enrollment>(history, answer, stored, id, command, Enrollment::decide)
                .map(drop)
        }
        Asked::Label { book: number, isbn } => {
            let (id, command) = (book(number), label(number, isbn));
            decision::<Book>(history, answer, stored, id, command, Book::decide).map(drop)
        }
    }
}

/// Where a command was decided.
struct At {
    sequence: i64,
}

fn decision<A: Recorded + std::fmt::Debug>(
    history: &History,
    answer: &Answer,
    stored: &Stored,
    id: impl std::fmt::Display + Copy,
    command: A::Command,
    decide: impl Fn(&A, A::Command) -> Result<Vec<A::Event>, A::Error>,
) -> Result<At, String> {
    ensure(stored.stream == format!("{}/{id}", A::TYPE), || "it is another stream's".to_owned())?;
    ensure(history.sequence_at::<A>(id, stored.position) == stored.sequence, || {
        "the stream had another sequence at this position".to_owned()
    })?;
    let events = history.events_of::<A>(id, &answer.key);
    let sequence = stored.sequence - events.len() as i64;
    let state: A = history.state(id, sequence);
    match decide(&state, command) {
        Ok(expected) => ensure(expected == events && stored.refusal.is_none(), || {
            format!("{state:?} leads to {expected:?}, not to {events:?}")
        })?,
        Err(refusal) => {
            let expected = serde_json::to_value(&refusal).unwrap();
            ensure(stored.refusal.as_ref() == Some(&expected) && events.is_empty(), || {
                format!("{state:?} leads to {refusal}")
            })?;
        }
    }
    Ok(At { sequence })
}

/// Both processes ask under some keys. They hear the same, whoever was first.
pub fn keys_have_one_answer(answers: &[Answer]) {
    let mut kept: HashMap<&str, &Answer> = HashMap::new();
    let is_kept = |told: &Told| matches!(told, Told::Accepted { .. } | Told::Refused { .. });
    for answer in answers.iter().filter(|answer| is_kept(&answer.told)) {
        if let Some(other) = kept.insert(&answer.key, answer) {
            assert_eq!(other.told, answer.told, "{}", answer.key);
            assert_ne!(other.replayed, answer.replayed, "one was first: {answer:?}");
        }
    }
}

/// A race in which nothing happened would prove nothing.
pub fn everything_was_tried(answers: &[Answer]) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for answer in answers {
        let kind = match &answer.told {
            _ if answer.replayed => "replayed",
            Told::Accepted { unchanged: false, .. } => "changed",
            Told::Accepted { unchanged: true, .. } => "unchanged",
            Told::Refused { .. } => "refused",
            Told::Taken => "taken",
            Told::Full => "full",
            Told::Missing => "missing",
            Told::Version { .. } => "version",
            Told::TryAgain => "try again",
        };
        *counts.entry(kind).or_default() += 1;
    }
    for kind in
        ["changed", "unchanged", "refused", "taken", "full", "missing", "version", "replayed"]
    {
        assert!(counts.contains_key(kind), "nothing was {kind}: {counts:?}");
    }
    let gave_up = counts.get("try again").copied().unwrap_or(0);
    assert!(gave_up * 20 < answers.len(), "too many got no answer: {counts:?}");
    eprintln!("{counts:?}");
}
