use domain::Role;
use serde_json::json;
use uuid::Uuid;

use crate::course::{add_lesson, create, publish};
use crate::world::World;

#[tokio::test]
async fn a_student_enrolls_learns_and_completes_the_course() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Instructor]).await;
    let bob = world.person("bob").await;
    let course = create(&world, &ada, None).await;
    let lessons =
        [add_lesson(&world, &ada, &course).await, add_lesson(&world, &ada, &course).await];
    let enrollment = format!("{course}/enrollment");
    let early = world.put(&enrollment).bearer(&bob.token).bare().await;
    assert_eq!(early.problem(), (409, "course-not-open"));
    publish(&world, &ada, &course).await;

    let completion = |lesson: &str| format!("{course}/lessons/{lesson}/completion");
    let first = completion(&lessons[0]);
    let stranger = world.put(&first).bearer(&bob.token).bare().await;
    assert_eq!(stranger.problem(), (409, "not-enrolled"));
    world.put(&enrollment).bearer(&bob.token).bare().await.done();
    let twice = world.put(&enrollment).bearer(&bob.token).bare().await.done();
    assert_eq!(twice.body["unchanged"], true);

    let scored = world.put(&first).bearer(&bob.token).json(json!({"score": 80})).await.done();
    assert_eq!(scored.body["sequence"], 2);
    let wrong = world.put(&first).bearer(&bob.token).json(json!({"score": 101})).await;
    assert_eq!((wrong.problem(), wrong.pointer()), ((422, "invalid"), "/score"));
    world.delete(&first).bearer(&bob.token).bare().await.done();
    world.put(&first).bearer(&bob.token).bare().await.done();
    let second = completion(&lessons[1]);
    let last = world.put(&second).bearer(&bob.token).json(json!({})).await.done();
    assert_eq!(last.body["sequence"], 6, "the lesson and the course are completed");
    let unknown = completion(&Uuid::now_v7().to_string());
    let unknown = world.put(&unknown).bearer(&bob.token).bare().await;
    assert_eq!(unknown.problem(), (404, "lesson-unknown"));
}

#[tokio::test]
async fn a_seat_is_taken_by_one_student_and_given_back() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Instructor]).await;
    let course = create(&world, &ada, Some(1)).await;
    add_lesson(&world, &ada, &course).await;
    publish(&world, &ada, &course).await;
    let other = create(&world, &ada, Some(1)).await;
    add_lesson(&world, &ada, &other).await;
    publish(&world, &ada, &other).await;
    let (bob, carl) = (world.person("bob").await, world.person("carl").await);

    let seat = format!("{course}/enrollment");
    let other_seat = format!("{other}/enrollment");
    world.put(&seat).bearer(&bob.token).bare().await.done();
    world.put(&other_seat).bearer(&bob.token).bare().await.done();
    assert_eq!(world.put(&seat).bearer(&carl.token).bare().await.problem(), (409, "course-full"));
    world.delete(&seat).bearer(&bob.token).bare().await.done();
    world.put(&seat).bearer(&carl.token).bare().await.done();
    let full = world.put(&other_seat).bearer(&carl.token).bare().await;
    assert_eq!(full.problem(), (409, "course-full"), "leaving one course keeps the other seat");

    let more = world.patch(&other).bearer(&ada.token).json(json!({"seats": 2})).await;
    more.done();
    world.put(&other_seat).bearer(&carl.token).bare().await.done();
}

#[tokio::test]
async fn many_students_at_once_never_take_more_seats_than_there_are() {
    let world = World::start().await;
    let ada = world.person_with("ada", &[Role::Instructor]).await;
    let course = create(&world, &ada, Some(5)).await;
    add_lesson(&world, &ada, &course).await;
    publish(&world, &ada, &course).await;
    let course: domain::CourseId = course.trim_start_matches("/courses/").parse().unwrap();

    let students = (0..30).map(|_| async {
        let student = Uuid::now_v7().into();
        let enrollment = domain::enrollment::EnrollmentId { student, course };
        command_api::enrollment::enroll(&world.log, &world.system(), enrollment).await
    });
    let answers = futures::future::join_all(students).await;
    let enrolled = answers.iter().filter(|answer| answer.is_ok()).count();
    let codes: Vec<&str> =
        answers.iter().filter_map(|a| a.as_ref().err()).map(|p| p.code()).collect();
    assert_eq!((enrolled, codes), (5, vec!["course-full"; 25]));
}
