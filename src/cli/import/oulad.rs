//! The Open University's learning data: courses, students, enrollments and submissions.
//!
//! A presentation of a module is a course, its assessments are the lessons, a submission completes
//! one. Every date of the set is a day counted from the start of the presentation. What a student did
//! is sent in the order it was done, so a submission after the student left is refused by the rules of
//! enrollment, not by the import.

mod catalogue;
mod history;

use std::{path::Path, sync::Arc};

use domain::{AccountId, Role};

use super::{
    source::Source,
    table::find,
    work::{Action, Plan, Stage, Work, register},
};
use catalogue::Catalogue;
use history::History;

const COURSES: usize = 0;
const ASSESSMENTS: usize = 1;
const STUDENTS: usize = 2;
const REGISTRATIONS: usize = 3;
const SUBMISSIONS: usize = 4;
const FILES: [&str; 5] = [
    "courses.csv",
    "assessments.csv",
    "studentInfo.csv",
    "studentRegistration.csv",
    "studentAssessment.csv",
];
/// Who teaches all of it.
const INSTRUCTOR: &str = "open-university";

pub fn plan(folder: &Path, rows_max: Option<u64>) -> anyhow::Result<Plan> {
    let source = Source::new("oulad")?;
    let mut paths = Vec::with_capacity(FILES.len());
    for name in FILES {
        paths.push(find(folder, &[name])?);
    }
    let mut catalogue = Catalogue::read(&paths[COURSES], &paths[ASSESSMENTS])?;
    let history = History::read(&mut catalogue, &paths, rows_max)?;
    let people = history.students_first_seen();
    let files = paths.iter().map(|path| path.display().to_string()).collect();
    let catalogue = Arc::new(catalogue);

    let instructor = source.account(INSTRUCTOR);
    let opening = catalogue.first_day();
    let (of_instructor, of_courses, of_students) = (source.clone(), source.clone(), source.clone());
    let (courses, student_rows) = (catalogue.clone(), people.len() as u64);
    let students = paths.swap_remove(STUDENTS);
    let stages = vec![
        Stage {
            name: "instructor",
            total: 2,
            produce: Box::new(move |emit| {
                let (task, account) = register(&of_instructor, "Instructor", INSTRUCTOR, opening);
                let lane = task.lane;
                emit(Work::Send(Box::new(task)))?;
                let action = Action::GrantRole { account, role: Role::Instructor };
                emit(Work::prepare(format!("role:{INSTRUCTOR}"), lane, opening, action))
            }),
        },
        Stage {
            name: "courses",
            total: catalogue.rows() + catalogue.courses(),
            produce: Box::new(move |emit| courses.emit(&of_courses, instructor, emit)),
        },
        Stage {
            name: "students",
            total: student_rows,
            produce: Box::new(move |emit| {
                history::emit_students(&students, &people, &of_students, emit)
            }),
        },
        history.into_stage(catalogue, source.clone()),
    ];
    Ok(Plan { source, files, stages, places_orders: false })
}

/// The account of a student.
fn student(source: &Source, id: u32) -> AccountId {
    source.account(&id.to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::cli::import::testing;

    fn write(files: [&str; 5]) -> std::path::PathBuf {
        let name = format!("daybook-oulad-{}-{:p}", std::process::id(), files[4].as_ptr());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in FILES.into_iter().zip(files) {
            std::fs::write(folder.join(name), text).unwrap();
        }
        folder
    }

    const COURSES_CSV: &str =
        "code_module,code_presentation,module_presentation_length\nAAA,2013J,268\n";
    const ASSESSMENTS_CSV: &str = "code_module,code_presentation,id_assessment,assessment_type,\
        date,weight\nAAA,2013J,9,Exam,,100\nAAA,2013J,1752,TMA,19,10\n";
    const INFO_CSV: &str = "code_module,code_presentation,id_student\nAAA,2013J,7\nAAA,2013J,7\n";

    #[test]
    fn things_are_sent_in_the_order_they_happened() {
        let folder = write([
            COURSES_CSV,
            ASSESSMENTS_CSV,
            INFO_CSV,
            "code_module,code_presentation,id_student,date_registration,date_unregistration\n\
             AAA,2013J,7,-10,20\nAAA,2013J,8,,\n",
            "id_assessment,id_student,date_submitted,is_banked,score\n\
             1752,7,21,0,80\n1752,8,-5,1,\n9,7,20,0,101\n9,7,x,0,1\n77,7,1,0,1\n1752,7,20,0,78\n",
        ]);
        let works = testing::run(plan(&folder, None).unwrap());
        std::fs::remove_dir_all(folder).unwrap();
        let steps: Vec<_> = testing::tasks(&works)
            .into_iter()
            .map(|task| (task.action.noun(), task.at.date_naive().to_string()))
            .collect();
        let step = |noun, day: &str| (noun, day.to_owned());
        assert_eq!(
            steps,
            [
                step("accounts", "2013-09-20"),
                step("roles", "2013-09-20"),
                step("courses", "2013-09-20"),
                step("lessons", "2013-09-20"),
                step("lessons", "2013-09-20"),
                step("publications", "2013-09-20"),
                step("accounts", "2013-09-21"),
                step("accounts", "2013-09-26"),
                step("enrollments", "2013-09-21"),
                step("enrollments", "2013-09-26"),
                step("completed lessons", "2013-09-26"),
                step("completed lessons", "2013-10-21"),
                step("withdrawals", "2013-10-21"),
                step("completed lessons", "2013-10-22"),
            ]
        );
        assert_eq!(testing::refusals(&works), [("invalid-score", 4), ("assessment-unknown", 6)]);
        assert_eq!(testing::unreadable(&works), [5]);
    }

    #[test]
    fn the_set_adds_up() {
        let Some(folder) = testing::data("oulad") else { return };
        let works = testing::run(plan(&folder, None).unwrap());
        let count = |noun| {
            testing::actions(&works).into_iter().filter(|action| action.noun() == noun).count()
        };
        assert_eq!((count("courses"), count("lessons"), count("publications")), (22, 206, 22));
        assert_eq!((count("accounts"), count("enrollments")), (1 + 25_883, 29_307));
        assert_eq!((count("withdrawals"), count("completed lessons")), (9_028, 156_720));
        assert!(testing::refusals(&works).is_empty() && testing::unreadable(&works).is_empty());
    }
}
