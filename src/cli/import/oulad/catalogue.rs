//! Presentations of modules as courses, assessments as lessons.

use std::{collections::HashMap, fmt::Write as _, path::Path};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AccountId, CourseId, LessonId,
    course::{Details, LessonDetails},
};

use crate::cli::import::{
    source::Source,
    table::{Line, Row, RowRef, Table},
    when,
    work::{Action, Emit, Work},
};

pub struct Catalogue {
    pub courses: Vec<Course>,
    pub lessons: Vec<Lesson>,
    by_code: HashMap<(String, String), usize>,
    by_assessment: HashMap<u32, usize>,
    /// Rows that are no course and no lesson.
    faults: Vec<(RowRef, String)>,
    blank: [u64; 2],
}

pub struct Course {
    module: String,
    presentation: String,
    days: String,
    pub start: DateTime<Utc>,
    /// The first day anything happened, counted from the start.
    pub first_day: i16,
    row: RowRef,
}

pub struct Lesson {
    pub assessment: u32,
    pub course: usize,
    kind: String,
    /// Exams may have none.
    due: Option<i16>,
    weight: String,
    row: RowRef,
}

impl Course {
    pub fn code(&self) -> String {
        format!("{}-{}", self.module, self.presentation)
    }

    pub fn id(&self, source: &Source) -> CourseId {
        source.id("course", &self.code())
    }

    pub fn day(&self, day: i16) -> DateTime<Utc> {
        self.start + TimeDelta::days(i64::from(day))
    }

    fn details(&self) -> Result<Details, domain::TextError> {
        let description = format!(
            "Module {} of the Open University as presented from {} on, for {} days.",
            self.module,
            self.start.format("%B %Y"),
            self.days,
        );
        Ok(Details {
            title: format!("Module {}, {}", self.module, self.presentation).parse()?,
            description: Some(description.parse()?),
            level: None,
            skills: domain::Tags::default(),
            seats: None,
        })
    }
}

impl Lesson {
    pub fn id(&self, source: &Source) -> LessonId {
        source.id("lesson", &self.assessment.to_string())
    }

    /// The set has no text, so the lesson says what the set knows of it.
    fn details(&self, course: &Course, place: usize) -> Result<LessonDetails, domain::TextError> {
        let kind = match self.kind.as_str() {
            "TMA" => "Tutor-marked assessment",
            "CMA" => "Computer-marked assessment",
            other => other,
        };
        let mut text = format!(
            "## {kind}\n\nThis is number {place} of the assessments of module {} in its \
             presentation {}. ",
            course.module, course.presentation,
        );
        let due = match self.due {
            Some(day) => format!(
                "It is due on day {day}, which is {}. ",
                course.day(day).format("%-d %B %Y"),
            ),
            None => "It has no fixed date. ".to_owned(),
        };
        text.push_str(&due);
        // Writing into a String cannot fail.
        let _ = write!(text, "It counts {} percent of the mark.", self.weight);
        Ok(LessonDetails {
            title: format!("{kind} {place}").parse()?,
            text: Some(text.parse()?),
            minutes: None,
        })
    }
}

impl Catalogue {
    pub fn read(courses: &Path, assessments: &Path) -> anyhow::Result<Self> {
        let mut catalogue = Self {
            courses: Vec::new(),
            lessons: Vec::new(),
            by_code: HashMap::new(),
            by_assessment: HashMap::new(),
            faults: Vec::new(),
            blank: [0; 2],
        };
        catalogue.read_courses(&mut Table::open(super::COURSES, courses, None)?)?;
        catalogue.read_lessons(&mut Table::open(super::ASSESSMENTS, assessments, None)?)?;
        Ok(catalogue)
    }

    pub fn rows(&self) -> u64 {
        (self.courses.len() + self.lessons.len() + self.faults.len()) as u64
    }

    pub fn courses(&self) -> u64 {
        self.courses.len() as u64
    }

    pub fn course(&self, module: &str, presentation: &str) -> Option<usize> {
        self.by_code.get(&(module.to_owned(), presentation.to_owned())).copied()
    }

    pub fn lesson(&self, assessment: u32) -> Option<&Lesson> {
        self.by_assessment.get(&assessment).map(|index| &self.lessons[*index])
    }

    /// The day before anything else happened.
    pub fn first_day(&self) -> DateTime<Utc> {
        let first = self.courses.iter().map(|course| course.day(course.first_day - 1)).min();
        first.unwrap_or(DateTime::UNIX_EPOCH)
    }

    fn read_courses(&mut self, table: &mut Table) -> anyhow::Result<()> {
        let [module, presentation, days] =
            table.columns(["code_module", "code_presentation", "module_presentation_length"])?;
        while let Some(line) = table.next()? {
            let row = match line {
                Line::Row(row) => row,
                Line::Unreadable { row, why } => {
                    self.faults.push((row, why));
                    continue;
                }
            };
            let code = (row.field(module).to_owned(), row.field(presentation).to_owned());
            let Some(start) = start(&code.1) else {
                let why = format!("'{}' is not a presentation such as 2013J", code.1);
                self.faults.push((row.reference(), why));
                continue;
            };
            self.by_code.insert(code.clone(), self.courses.len());
            self.courses.push(Course {
                module: code.0,
                presentation: code.1,
                days: row.field(days).to_owned(),
                start,
                first_day: 0,
                row: row.reference(),
            });
        }
        self.blank[0] = table.blank_lines;
        Ok(())
    }

    fn read_lessons(&mut self, table: &mut Table) -> anyhow::Result<()> {
        let columns = table.columns([
            "code_module",
            "code_presentation",
            "id_assessment",
            "assessment_type",
            "date",
            "weight",
        ])?;
        while let Some(line) = table.next()? {
            let read = match line {
                Line::Row(row) => self.read_lesson(&row, columns),
                Line::Unreadable { row, why } => Err((row, why)),
            };
            match read {
                Ok(lesson) => self.lessons.push(lesson),
                Err(fault) => self.faults.push(fault),
            }
        }
        // Lessons stand in the order they are due; what has no date, an exam, comes last.
        self.lessons.sort_by_key(|lesson| {
            (lesson.course, lesson.due.is_none(), lesson.due, lesson.assessment)
        });
        let places = self.lessons.iter().enumerate();
        self.by_assessment = places.map(|(at, lesson)| (lesson.assessment, at)).collect();
        self.blank[1] = table.blank_lines;
        Ok(())
    }

    fn read_lesson(&self, row: &Row<'_>, columns: [usize; 6]) -> Result<Lesson, (RowRef, String)> {
        let [module, presentation, assessment, kind, due, weight] =
            columns.map(|column| row.field(column));
        let fault = |why: String| (row.reference(), why);
        let course = self.course(module, presentation);
        Ok(Lesson {
            assessment: assessment
                .parse()
                .map_err(|_| fault(format!("'{assessment}' is not an assessment's number")))?,
            course: course
                .ok_or_else(|| fault(format!("there is no course {module} {presentation}")))?,
            kind: kind.to_owned(),
            due: super::history::day(due)
                .map_err(|text| fault(format!("'{text}' is not a day")))?,
            weight: weight.strip_suffix(".0").unwrap_or(weight).to_owned(),
            row: row.reference(),
        })
    }

    /// Every course with its lessons, then its publication.
    pub fn emit(&self, source: &Source, by: AccountId, emit: &mut Emit<'_>) -> anyhow::Result<()> {
        for (row, why) in &self.faults {
            emit(Work::unreadable(row.clone(), why))?;
        }
        for (at, of_course) in self.courses.iter().enumerate() {
            let course = of_course.id(source);
            let (code, lane) = (of_course.code(), course.uuid().as_u128());
            let opened = of_course.day(of_course.first_day - 1);
            let details = Box::new(of_course.details()?);
            let action = Action::CreateCourse { course, by, details };
            let key = source.command_id(&format!("course:{code}"), &of_course.row.text);
            emit(Work::send(key, lane, opened, action, of_course.row.clone()))?;
            let lessons = self.lessons.iter().filter(|lesson| lesson.course == at);
            for (place, lesson) in lessons.enumerate() {
                let details = Box::new(lesson.details(of_course, place + 1)?);
                let action = Action::AddLesson { course, by, lesson: lesson.id(source), details };
                let key = format!("lesson:{}", lesson.assessment);
                let key = source.command_id(&key, &lesson.row.text);
                emit(Work::send(key, lane, opened, action, lesson.row.clone()))?;
            }
            let publish = Action::Publish { course, by };
            emit(Work::prepare(format!("publication:{code}"), lane, opened, publish))?;
        }
        emit(Work::Blank { file: super::COURSES, lines: self.blank[0] })?;
        emit(Work::Blank { file: super::ASSESSMENTS, lines: self.blank[1] })
    }
}

/// `2013J` starts in October 2013, `2014B` in February 2014.
fn start(presentation: &str) -> Option<DateTime<Utc>> {
    let (year, month) = presentation.split_at_checked(4)?;
    let month = match month {
        "B" => 2,
        "J" => 10,
        _ => return None,
    };
    when::day(year.parse().ok()?, month, 1)
}
