//! Who enrolled, submitted and left, for each student in the order it happened.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use domain::enrollment::Mark;

use super::{Catalogue, REGISTRATIONS, STUDENTS, SUBMISSIONS, student};
use crate::cli::import::{
    source::Source,
    table::{Line, Row, RowRef, Table},
    work::{Action, Emit, Stage, Work, register},
};

/// One thing that happened. Small, because the set's 200,000 are sorted in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    phase: Phase,
    at: DateTime<Utc>,
    /// On the same day: first enroll, then submit, then leave.
    deed: Deed,
    line: u32,
    student: u32,
    course: u16,
}

/// Those who leave give a seat back, and the log takes a batch with such a command in it one by one:
/// kept together they do not slow down the others. Per student the order is that of time all the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Taking,
    Leaving,
    AfterLeaving,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Enroll { registered: Option<i16>, left: Option<i16> },
    Submit { assessment: u32, submitted: i16, banked: bool, score: Option<u8> },
    Leave,
}

/// When a student was enrolled, in days from the start of the presentation.
#[derive(Debug, Clone, Copy)]
struct Enrolled {
    line: u32,
    registered: Option<i16>,
    left: Option<i16>,
    first_submission: Option<i16>,
}

impl Enrolled {
    /// 39 registrations have no date: those students had enrolled before anything else they did,
    /// and when the course started at the latest.
    fn day(&self) -> i16 {
        let latest = [Some(0), self.left, self.first_submission];
        self.registered.unwrap_or_else(|| latest.into_iter().flatten().min().unwrap_or(0))
    }
}

pub struct History {
    moments: Vec<Moment>,
    /// What is no moment, in the order of the files.
    others: Vec<Work>,
}

type Enrollments = HashMap<(u32, u16), Enrolled>;

impl History {
    pub fn read(
        catalogue: &mut Catalogue,
        paths: &[PathBuf],
        rows_max: Option<u64>,
    ) -> anyhow::Result<Self> {
        let mut history = Self { moments: Vec::new(), others: Vec::new() };
        let registrations = &mut Table::open(REGISTRATIONS, &paths[REGISTRATIONS], rows_max)?;
        let mut enrollments = history.read_registrations(registrations, catalogue)?;
        let submissions = &mut Table::open(SUBMISSIONS, &paths[SUBMISSIONS], rows_max)?;
        let submitted = history.read_submissions(submissions, catalogue, &mut enrollments)?;
        history.arrange(enrollments, submitted, catalogue);
        Ok(history)
    }

    fn read_registrations(
        &mut self,
        table: &mut Table,
        catalogue: &Catalogue,
    ) -> anyhow::Result<Enrollments> {
        let columns = table.columns([
            "code_module",
            "code_presentation",
            "id_student",
            "date_registration",
            "date_unregistration",
        ])?;
        let mut enrollments = Enrollments::new();
        while let Some(line) = table.next()? {
            let row = match line {
                Line::Row(row) => row,
                Line::Unreadable { row, why } => {
                    self.others.push(Work::unreadable(row, why));
                    continue;
                }
            };
            let [module, presentation, student, registered, left] =
                columns.map(|column| row.field(column));
            let Some(course) = catalogue.course(module, presentation) else {
                let detail = format!("there is no course {module} {presentation}");
                self.others.push(Work::refused(row.reference(), "course-unknown", detail));
                continue;
            };
            let read = || {
                let student = student.parse().map_err(|_| student)?;
                Ok::<_, &str>((student, day(registered)?, day(left)?))
            };
            let (student, registered, left) = match read() {
                Ok(read) => read,
                Err(text) => {
                    let why = format!("'{text}' is not a number");
                    self.others.push(Work::unreadable(row.reference(), why));
                    continue;
                }
            };
            let enrolled =
                Enrolled { line: row.line as u32, registered, left, first_submission: None };
            match enrollments.entry((student, course as u16)) {
                Entry::Vacant(place) => {
                    place.insert(enrolled);
                }
                Entry::Occupied(_) => {
                    let detail = "the student is in this course already";
                    self.others.push(Work::refused(row.reference(), "registered-twice", detail));
                }
            }
        }
        self.others.push(Work::Blank { file: REGISTRATIONS, lines: table.blank_lines });
        Ok(enrollments)
    }

    fn read_submissions(
        &mut self,
        table: &mut Table,
        catalogue: &Catalogue,
        enrollments: &mut Enrollments,
    ) -> anyhow::Result<Vec<Moment>> {
        let columns = table.columns([
            "id_assessment",
            "id_student",
            "date_submitted",
            "is_banked",
            "score",
        ])?;
        let mut submissions = Vec::new();
        while let Some(line) = table.next()? {
            let read = match line {
                Line::Row(row) => submission(&row, columns, catalogue),
                Line::Unreadable { row, why } => Err(Work::unreadable(row, why)),
            };
            match read {
                Err(other) => self.others.push(other),
                Ok(moment) => {
                    let enrolled = enrollments.get_mut(&(moment.student, moment.course));
                    if let (Some(enrolled), Deed::Submit { submitted, .. }) =
                        (enrolled, moment.deed)
                    {
                        let first = enrolled.first_submission.unwrap_or(submitted);
                        enrolled.first_submission = Some(first.min(submitted));
                    }
                    submissions.push(moment);
                }
            }
        }
        self.others.push(Work::Blank { file: SUBMISSIONS, lines: table.blank_lines });
        Ok(submissions)
    }

    fn arrange(
        &mut self,
        enrollments: Enrollments,
        mut submissions: Vec<Moment>,
        catalogue: &mut Catalogue,
    ) {
        for moment in &mut submissions {
            let Deed::Submit { submitted, banked, .. } = moment.deed else { continue };
            let enrolled = enrollments.get(&(moment.student, moment.course));
            // A result banked in an earlier attempt comes with the student who enrolls again.
            let day = match enrolled {
                Some(enrolled) if banked => submitted.max(enrolled.day()),
                _ => submitted,
            };
            moment.at = catalogue.courses[usize::from(moment.course)].day(day);
            if enrolled.and_then(|enrolled| enrolled.left).is_some_and(|left| left < day) {
                moment.phase = Phase::AfterLeaving;
            }
        }
        self.moments = submissions;
        for ((student, course), enrolled) in enrollments {
            let Enrolled { line, registered, left, .. } = enrolled;
            let of_course = &mut catalogue.courses[usize::from(course)];
            of_course.first_day = of_course.first_day.min(enrolled.day());
            let mut add = |phase, deed, day: i16| {
                let at = of_course.day(day);
                self.moments.push(Moment { phase, at, deed, line, student, course });
            };
            add(Phase::Taking, Deed::Enroll { registered, left }, enrolled.day());
            if let Some(left) = left {
                add(Phase::Leaving, Deed::Leave, left);
            }
        }
        self.moments.sort_unstable();
    }

    /// Every student with the time they were first heard of.
    pub fn students_first_seen(&self) -> HashMap<u32, DateTime<Utc>> {
        let mut first = HashMap::new();
        for moment in &self.moments {
            first.entry(moment.student).or_insert(moment.at);
        }
        first
    }

    pub fn into_stage(self, catalogue: Arc<Catalogue>, source: Source) -> Stage {
        Stage {
            name: "history",
            total: (self.moments.len() + self.others.len()) as u64,
            produce: Box::new(move |emit| {
                for other in self.others {
                    emit(other)?;
                }
                for moment in self.moments {
                    emit(moment.work(&catalogue, &source))?;
                }
                Ok(())
            }),
        }
    }
}

impl Moment {
    fn work(&self, catalogue: &Catalogue, source: &Source) -> Work {
        let of_course = &catalogue.courses[usize::from(self.course)];
        let (student, course) = (student(source, self.student), of_course.id(source));
        let lane = student.uuid().as_u128() ^ course.uuid().as_u128();
        let (id, code) = (self.student, of_course.code());
        match self.deed {
            Deed::Enroll { registered, left } => {
                let date = |day: Option<i16>| day.map(|day| day.to_string()).unwrap_or_default();
                let text = format!("{code},{id},{},{}", date(registered), date(left));
                let key = source.command_id(&format!("enrollment:{id}:{code}"), &text);
                let row = RowRef::new(REGISTRATIONS, u64::from(self.line), &text);
                Work::send(key, lane, self.at, Action::Enroll { student, course }, row)
            }
            Deed::Leave => {
                let key = format!("withdrawal:{id}:{code}:{}", self.at.date_naive());
                Work::prepare(key, lane, self.at, Action::Withdraw { student, course })
            }
            Deed::Submit { assessment, submitted, banked, score } => {
                let points = score.map(|score| score.to_string()).unwrap_or_default();
                let banked = u8::from(banked);
                let text = format!("{assessment},{id},{submitted},{banked},{points}");
                let key = source.command_id(&format!("submission:{assessment}:{id}"), &text);
                let row = RowRef::new(SUBMISSIONS, u64::from(self.line), &text);
                let score = score.and_then(|score| Mark::try_from(score).ok());
                let lesson = source.id("lesson", &assessment.to_string());
                let action = Action::Complete { student, course, lesson, score };
                Work::send(key, lane, self.at, action, row)
            }
        }
    }
}

fn submission(row: &Row<'_>, columns: [usize; 5], catalogue: &Catalogue) -> Result<Moment, Work> {
    let [assessment, student, submitted, banked, score] = columns.map(|column| row.field(column));
    let unreadable =
        |text: &str| Work::unreadable(row.reference(), format!("'{text}' is not a number"));
    let number: u32 = assessment.parse().map_err(|_| unreadable(assessment))?;
    let student = student.parse().map_err(|_| unreadable(student))?;
    let submitted = match day(submitted).map_err(unreadable)? {
        Some(day) => day,
        None => return Err(Work::unreadable(row.reference(), "it has no date")),
    };
    let score = match score {
        "" | "?" => None,
        text => {
            Some(text.strip_suffix(".0").unwrap_or(text).parse().map_err(|_| unreadable(text))?)
        }
    };
    if let Some(Err(refusal)) = score.map(Mark::try_from) {
        return Err(Work::refused(row.reference(), "invalid-score", refusal));
    }
    let Some(lesson) = catalogue.lesson(number) else {
        let detail = format!("there is no assessment {number}");
        return Err(Work::refused(row.reference(), "assessment-unknown", detail));
    };
    let deed = Deed::Submit { assessment: number, submitted, banked: banked == "1", score };
    let (line, course) = (row.line as u32, lesson.course as u16);
    // The time needs the enrollments, which are arranged later.
    let at = DateTime::UNIX_EPOCH;
    Ok(Moment { phase: Phase::Taking, at, deed, line, student, course })
}

/// Each student's account once, whatever the number of courses and so of rows.
pub fn emit_students(
    path: &Path,
    first_seen: &HashMap<u32, DateTime<Utc>>,
    source: &Source,
    emit: &mut Emit<'_>,
) -> anyhow::Result<()> {
    let mut rows: HashMap<u32, Vec<RowRef>> = HashMap::new();
    let mut order = Vec::new();
    let table = &mut Table::open(STUDENTS, path, None)?;
    let [column] = table.columns(["id_student"])?;
    while let Some(line) = table.next()? {
        let row = match line {
            Line::Row(row) => row,
            Line::Unreadable { row, why } => {
                emit(Work::unreadable(row, why))?;
                continue;
            }
        };
        match row.field(column).parse() {
            Err(_) => {
                let why = format!("'{}' is not a number", row.field(column));
                emit(Work::unreadable(row.reference(), why))?;
            }
            Ok(student) => {
                let rows = rows.entry(student).or_insert_with(|| {
                    order.push(student);
                    Vec::new()
                });
                rows.push(row.reference());
            }
        }
    }
    let known: HashSet<u32> = order.iter().copied().collect();
    let mut strangers: Vec<u32> =
        first_seen.keys().copied().filter(|student| !known.contains(student)).collect();
    strangers.sort_unstable();
    for student in order.into_iter().chain(strangers) {
        let at = first_seen.get(&student).copied().unwrap_or(DateTime::UNIX_EPOCH);
        let (mut task, _) = register(source, "Student", &student.to_string(), at);
        task.rows = rows.remove(&student).unwrap_or_default();
        emit(Work::Send(Box::new(task)))?;
    }
    emit(Work::Blank { file: STUDENTS, lines: table.blank_lines })
}

/// A day counted from the start; the original set writes `?` for none.
pub fn day(text: &str) -> Result<Option<i16>, &str> {
    match text {
        "" | "?" => Ok(None),
        text => text.strip_suffix(".0").unwrap_or(text).parse().map(Some).map_err(|_| text),
    }
}
