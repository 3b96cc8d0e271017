use domain::course::samples::{
    add_lesson, archive, details, fail_publication, publication, publish, submit,
};
use domain::course::{Command, Course};
use domain::enrollment::Enrollment;
use domain::enrollment::samples::{certificate, complete, course, enroll, enrollment};
use domain::publication::{Publication, samples as publications};
use domain::samples::{ada, at, bob, lesson, rust_course};
use serde_json::json;

use crate::world::World;

/// Of Ada, with one lesson; Bob is there too.
pub async fn draft(world: &World) -> i64 {
    world.register(ada(), "Ada").await;
    world.register(bob(), "Bob").await;
    let details = Box::new(details(Some("Read before you write."), Some(30)));
    let create = Command::Create { course: rust_course(), by: ada(), details, at: at(0) };
    world.run::<Course>(rust_course(), create).await;
    world.run::<Course>(rust_course(), add_lesson(ada(), lesson(1), None)).await
}

#[tokio::test]
async fn a_draft_is_seen_by_its_instructor_alone() {
    let world = World::start().await;
    let last = draft(&world).await;
    let path = format!("/courses/{}", rust_course());
    let adas = world.token(ada(), &[]);
    let page = world.get(&path).bearer(&adas).after(last).ok().await;
    assert_eq!((&page["state"], &page["lesson_count"]), (&json!("draft"), &json!(1)));
    assert_eq!(page["lessons"][0]["text"], json!("Who frees what."));
    assert_eq!(world.get(&path).problem().await, (404, "item-unknown".to_owned()));
    assert!(world.get("/courses").ok().await["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn an_instructor_sees_each_step_of_a_publication_and_why_it_failed() {
    let world = World::start().await;
    draft(&world).await;
    let last = world.run::<Course>(rust_course(), submit()).await;
    let adas = world.token(ada(), &[]);
    let path = format!("/workflows/{}", publication());
    let state = world.get(&path).bearer(&adas).after(last).ok().await;
    assert_eq!((&state["state"], &state["percent"]), (&json!("RUNNING"), &json!(0)));
    let course = format!("/courses/{}", rust_course());
    let page = world.get(&course).bearer(&adas).ok().await;
    assert_eq!(page["state"], json!("publishing"));
    let strangers = world.get(&course).problem().await;
    assert_eq!(strangers, (404, "item-unknown".to_owned()));

    world.run::<Publication>(publication(), publications::start()).await;
    let done = publications::complete("validate", None);
    world.run::<Publication>(publication(), done).await;
    let advance = publications::advance("extract", 10);
    let last = world.run::<Publication>(publication(), advance).await;
    let state = world.get(&path).bearer(&adas).after(last).ok().await;
    assert_eq!(state["by_step"][1]["progress"], json!({ "done": 10, "total": 40 }));
    assert_eq!(state["percent"], json!(41));
    let last = world.run::<Publication>(publication(), publications::fail("extract")).await;
    let state = world.get(&path).bearer(&adas).after(last).ok().await;
    assert_eq!((&state["current_step"], &state["percent"]), (&json!("extract"), &json!(41)));
    let step = &state["by_step"][1];
    assert_eq!((&step["state"], &step["attempts"]), (&json!("RETRYING"), &json!(1)));
    assert_eq!(step["error"], json!("the index cannot be reached"));
    assert_eq!(step["next_retry_at"], json!("2026-03-01T12:00:08Z"));

    world.run::<Publication>(publication(), publications::give_up("extract")).await;
    let last = world.run::<Course>(rust_course(), fail_publication()).await;
    let operator = world.token(bob(), &[domain::Role::Operator]);
    let state = world.get(&path).bearer(&operator).after(last).ok().await;
    assert_eq!(state["state"], json!("FAILED"));
    assert_eq!(state["reason"], json!("there is not a word in the lessons"));
    assert_eq!(state["by_step"][1]["state"], json!("FAILED"));
    assert_eq!(state["by_step"][2]["state"], json!("WAITING"));
    let page = world.get(&course).bearer(&adas).ok().await;
    assert_eq!(page["state"], json!("draft"));
}

#[tokio::test]
async fn a_student_sees_the_lessons_and_how_far_they_got() {
    let world = World::start().await;
    draft(&world).await;
    let last = world.run::<Course>(rust_course(), publish()).await;
    let adas = world.token(ada(), &[]);
    let workflow = format!("/workflows/{}", publication());
    let state = world.get(&workflow).bearer(&adas).after(last).ok().await;
    assert_eq!((&state["state"], &state["percent"]), (&json!("COMPLETED"), &json!(100)));
    let bobs = world.token(bob(), &[]);
    for found in ["/courses?q=freeing", "/search?q=freeing"] {
        let found = world.get(found).ok().await;
        assert_eq!(found["items"][0]["id"], json!(rust_course()), "a word of its lesson");
    }
    assert_eq!(world.get(&workflow).bearer(&bobs).problem().await.0, 404);

    let listed = world.get("/courses?q=readers&skill=rust&level=beginner").ok().await;
    assert_eq!(listed["items"][0]["instructor_name"], json!("Ada"));
    let path = format!("/courses/{}", rust_course());
    let page = world.get(&path).bearer(&bobs).ok().await;
    assert_eq!(page["lessons"][0].get("text"), None);
    let progress = format!("{path}/progress");
    let never = world.get(&progress).bearer(&bobs).problem().await;
    assert_eq!(never, (404, "not-enrolled".to_owned()));

    let last = world.run::<Enrollment>(enrollment(), enroll(course(1))).await;
    let page = world.get(&path).bearer(&bobs).after(last).ok().await;
    assert_eq!(page["lessons"][0]["text"], json!("Who frees what."));
    assert_eq!((&page["my_enrollment"], &page["enrolled"]), (&json!("enrolled"), &json!(1)));
    let so_far = world.get(&progress).bearer(&bobs).ok().await;
    assert_eq!((&so_far["percent"], &so_far["lessons"]), (&json!(0), &json!(1)));
    assert_eq!(so_far["next_lesson"], json!(lesson(1)));

    let last = world.run::<Enrollment>(enrollment(), complete(lesson(1), course(1))).await;
    let done = world.get(&progress).bearer(&bobs).after(last).ok().await;
    assert_eq!((&done["percent"], &done["state"]), (&json!(100), &json!("completed")));
    assert_eq!((&done["by_lesson"][0]["score"], &done["next_lesson"]), (&json!(80), &json!(null)));
    let mine = world.get("/accounts/me/enrollments?state=completed").bearer(&bobs).ok().await;
    assert_eq!(mine["items"][0]["certificate"], json!(certificate()));

    let genuine = world.get(&format!("/certificates/{}", certificate())).ok().await;
    assert_eq!(genuine["student_name"], json!("Bob"));
    assert_eq!(genuine["course_title"], json!("Rust for Readers"));
    let forged = world.get(&format!("/certificates/{}", publication())).problem().await;
    assert_eq!(forged, (404, "certificate-unknown".to_owned()));
}

#[tokio::test]
async fn a_draft_that_is_archived_is_still_its_instructors_alone() {
    let world = World::start().await;
    draft(&world).await;
    let last = world.run::<Course>(rust_course(), archive()).await;
    let path = format!("/courses/{}", rust_course());
    let adas = world.token(ada(), &[]);
    let page = world.get(&path).bearer(&adas).after(last).ok().await;
    assert_eq!((&page["state"], &page["published_at"]), (&json!("archived"), &json!(null)));
    let bobs = world.token(bob(), &[]);
    for of_it in ["", "/ratings", "/comments", "/similar", "/likes"] {
        let hidden = world.get(&format!("{path}{of_it}")).bearer(&bobs).problem().await;
        assert_eq!(hidden, (404, "item-unknown".to_owned()), "{of_it}");
    }
}

#[tokio::test]
async fn a_published_course_is_known_after_it_is_archived() {
    let world = World::start().await;
    draft(&world).await;
    world.run::<Course>(rust_course(), publish()).await;
    let last = world.run::<Course>(rust_course(), archive()).await;
    let path = format!("/courses/{}", rust_course());
    let page = world.get(&path).after(last).ok().await;
    assert_eq!(page["state"], json!("archived"));
    world.get(&format!("{path}/comments")).ok().await;
}

#[tokio::test]
async fn what_i_gave_a_course_stands_beside_how_far_i_got() {
    let world = World::start().await;
    draft(&world).await;
    world.run::<Course>(rust_course(), publish()).await;
    world.run::<Enrollment>(enrollment(), enroll(course(1))).await;
    let last = world.rate(bob(), rust_course(), 8).await;
    let bobs = world.token(bob(), &[]);
    let mine = world.get("/accounts/me/enrollments").bearer(&bobs).after(last).ok().await;
    assert_eq!(mine["items"][0]["my_rating"], json!(8));
    let progress = format!("/courses/{}/progress", rust_course());
    assert_eq!(world.get(&progress).bearer(&bobs).ok().await["my_rating"], json!(8));
}
