use serde_json::{Value, json};

use crate::system::{Client, School, drafted, eventually};

#[tokio::test]
async fn of_two_who_race_for_the_last_seat_one_gets_it() {
    let school = School::teaching(1, Some(1)).await;
    let (ada, bob) = (school.system.ada().await, school.system.bob().await);

    let (hers, his) =
        tokio::join!(async { ada.put(school.enrollment(), json!({})).await }, async {
            bob.put(school.enrollment(), json!({})).await
        },);

    let (winner, loser) = if hers.status.is_success() { (hers, his) } else { (his, hers) };
    let enrolled = winner.accepted();
    loser.refused(409, "course-full");
    let course = school.system.get(format!("courses/{}", school.course)).after(enrolled).await;
    assert_eq!((&course["seats"], &course["enrolled"]), (&json!(1), &json!(1)), "{course}");
}

#[tokio::test]
async fn who_leaves_gives_the_seat_to_the_next() {
    let school = School::teaching(1, Some(1)).await;
    let (ada, bob) = (school.system.ada().await, school.system.bob().await);
    ada.put(school.enrollment(), json!({})).await.accepted();
    bob.put(school.enrollment(), json!({})).await.refused(409, "course-full");

    let left = ada.delete(school.enrollment()).await.accepted();
    let enrolled = bob.put(school.enrollment(), json!({})).await.accepted();

    assert!(enrolled.position > left.position);
    let mine = ada.get("accounts/me/enrollments").after(enrolled).await;
    assert_eq!(mine["items"][0]["state"], "withdrawn", "{mine}");
}

#[tokio::test]
async fn enrolling_twice_takes_one_seat() {
    let school = School::teaching(1, Some(2)).await;
    let (ada, bob) = (school.system.ada().await, school.system.bob().await);
    ada.put(school.enrollment(), json!({})).await.accepted();

    let again = ada.put(school.enrollment(), json!({})).await.accepted();

    assert_eq!(again.body["unchanged"], true, "{}", again.body);
    bob.put(school.enrollment(), json!({})).await.accepted();
}

#[tokio::test]
async fn the_percent_grows_with_each_lesson() {
    let school = School::teaching(4, None).await;
    let ada = school.system.ada().await;
    ada.put(school.enrollment(), json!({})).await.accepted();
    let progress = format!("courses/{}/progress", school.course);

    let first = ada.put(school.completion(0), json!({ "score": 80 })).await.accepted();
    let seen = ada.get(&progress).after(first).await;
    assert_eq!(seen["percent"], 25, "{seen}");
    assert_eq!(seen["by_lesson"][0]["score"], 80, "{seen}");
    assert_eq!(seen["by_lesson"][1]["completed"], false, "{seen}");
    assert_eq!(seen["next_lesson"], school.lessons[1].to_string(), "{seen}");

    let second = ada.put(school.completion(2), json!({})).await.accepted();
    assert_eq!(ada.get(&progress).after(second).await["percent"], 50);
    let reopened = ada.delete(school.completion(0)).await.accepted();
    let reopened = ada.get(&progress).after(reopened).await;
    assert_eq!(reopened["percent"], 25, "{reopened}");
    assert_eq!(reopened["next_lesson"], school.lessons[0].to_string(), "{reopened}");
    school.system.bob().await.get(&progress).await.refused(404, "not-enrolled");
}

#[tokio::test]
async fn the_last_lesson_earns_a_certificate_once_that_everybody_can_check() {
    let school = School::teaching(2, None).await;
    let ada = school.system.ada().await;
    ada.put(school.enrollment(), json!({})).await.accepted();
    ada.put(school.completion(0), json!({})).await.accepted();
    let progress = format!("courses/{}/progress", school.course);
    let halfway = ada.get(&progress).await;
    assert!(!halfway.status.is_success() || halfway["certificate"] == Value::Null, "{halfway}");

    let completed = ada.put(school.completion(1), json!({})).await.accepted();
    let done = ada.get(&progress).after(completed).await;
    assert_eq!((&done["percent"], &done["state"]), (&json!(100), &json!("completed")), "{done}");
    let certificate = done["certificate"].as_str().unwrap().to_owned();

    let page = school.system.get(format!("certificates/{certificate}")).await;
    assert_eq!(page["student_name"], "Ada", "{page}");
    assert_eq!(page["course"], school.course.to_string(), "{page}");

    ada.delete(school.completion(1)).await.accepted();
    let again = ada.put(school.completion(1), json!({})).await.accepted();
    let again = ada.get(&progress).after(again).await;
    assert_eq!(again["certificate"], json!(certificate), "{again}");
    assert_eq!(again["completed_at"], done["completed_at"], "{again}");
    school
        .system
        .get(format!("certificates/{}", school.course))
        .await
        .refused(404, "certificate-unknown");
}

#[tokio::test]
async fn a_certificate_can_be_printed() {
    let school = School::teaching(1, None).await;
    let ada = school.system.member("Ada <i>Lovelace</i> & Co").await;
    ada.put(school.enrollment(), json!({})).await.accepted();
    let completed = ada.put(school.completion(0), json!({})).await.accepted();
    let done = ada.get(format!("courses/{}/progress", school.course)).after(&completed).await;
    let certificate = format!("certificates/{}", done["certificate"].as_str().unwrap());
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    let ask = || school.system.get(&certificate).after(&completed);

    let page = ask().header("accept", browser).await.ok();
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{page}");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let html = page.body.as_str().unwrap();
    assert!(html.contains("Ada &lt;i&gt;Lovelace&lt;/i&gt; &amp; Co"), "{html}");
    assert!(html.contains("A4 landscape") && !html.contains("<script"), "{html}");

    let json = ask().await.ok();
    assert_eq!(json.header("content-type"), "application/json", "{json}");
    assert_eq!(json["student_name"], "Ada <i>Lovelace</i> & Co");
    assert_ne!(json.header("etag"), page.header("etag"), "{json}");
    let known = ask().header("accept", browser).header("if-none-match", page.header("etag")).await;
    assert_eq!(known.status.as_u16(), 304, "{known}");
    let nothing = school.system.get(format!("certificates/{}", school.course));
    nothing.header("accept", browser).await.refused(404, "certificate-unknown");
}

#[tokio::test]
async fn what_is_not_published_or_not_there_takes_nobody() {
    let school = School::teaching(1, None).await;
    let ada = school.system.ada().await;
    let (draft, _) = drafted(&school.ines, 1, None).await;

    ada.put(format!("courses/{draft}/enrollment"), json!({})).await.refused(409, "course-not-open");
    ada.put(format!("courses/{}/enrollment", ada.id), json!({}))
        .await
        .refused(404, "course-unknown");
}

#[tokio::test]
async fn only_students_complete_lessons_and_only_those_of_the_course() {
    let school = School::teaching(1, None).await;
    let ada = school.system.ada().await;
    ada.put(school.completion(0), json!({})).await.refused(409, "not-enrolled");
    ada.put(school.enrollment(), json!({})).await.accepted();

    let elsewhere = format!("courses/{}/lessons/{}/completion", school.course, ada.id);
    ada.put(elsewhere, json!({})).await.refused(404, "lesson-unknown");
    let problem = ada.put(school.completion(0), json!({ "score": 101 })).await;
    assert_eq!(problem.refused(422, "invalid")["errors"][0]["pointer"], "/score");
}

#[tokio::test]
async fn who_comes_back_to_a_completed_course_has_completed_it() {
    let school = School::teaching(1, None).await;
    let ada = school.system.ada().await;
    ada.put(school.enrollment(), json!({})).await.accepted();
    ada.put(school.completion(0), json!({})).await.accepted();
    ada.delete(school.enrollment()).await.accepted();

    let back = ada.put(school.enrollment(), json!({})).await.accepted();

    let mine = ada.get("accounts/me/enrollments?state=completed").after(back).await;
    assert_eq!(mine["items"][0]["course"], school.course.to_string(), "{mine}");
    assert_ne!(mine["items"][0]["certificate"], Value::Null, "{mine}");
}

#[tokio::test]
async fn a_lesson_taken_out_completes_the_course_for_who_has_all_the_others() {
    let school = School::teaching(2, None).await;
    let (ada, bob) = (school.system.ada().await, school.system.bob().await);
    for student in [&ada, &bob] {
        student.put(school.enrollment(), json!({})).await.accepted();
    }
    ada.put(school.completion(0), json!({})).await.accepted();

    let lesson = format!("courses/{}/lessons/{}", school.course, school.lessons[1]);
    let removed = school.ines.delete(lesson).await.accepted();

    let progress = format!("courses/{}/progress", school.course);
    let ask = || ada.get(&progress).after(&removed);
    let done = eventually(ask, |seen| seen["state"] == "completed").await;
    assert_eq!(done["percent"], 100, "{done}");
    let certificate = done["certificate"].as_str().unwrap();
    let page = school.system.get(format!("certificates/{certificate}")).await.ok();
    assert_eq!(page["student_name"], "Ada", "{page}");
    let his = bob.get(&progress).after(&removed).await;
    assert_eq!((&his["state"], &his["lessons"]), (&json!("enrolled"), &json!(1)), "{his}");
}

#[tokio::test]
async fn the_seat_of_a_student_who_is_gone_goes_to_the_next() {
    let school = School::teaching(1, Some(1)).await;
    let (ada, bob) = (school.system.ada().await, school.system.bob().await);
    let other = school.system.instructor().await;
    ada.put(school.enrollment(), json!({})).await.accepted();
    ada.delete("accounts/me").await.accepted();
    bob.put(school.enrollment(), json!({})).await.refused(409, "course-full");

    let seat = |student: &Client| format!("courses/{}/enrollments/{}", school.course, student.id);
    bob.delete(seat(&ada)).await.refused(403, "forbidden");
    other.delete(seat(&ada)).await.refused(403, "not-the-instructor");
    school.ines.delete(seat(&ada)).await.accepted();
    school.ines.delete(seat(&ada)).await.refused(409, "not-enrolled");
    bob.put(school.enrollment(), json!({})).await.accepted();

    let operator = school.system.operator();
    operator.put(format!("accounts/{}/deactivation", bob.id), json!({})).await.accepted();
    operator.delete(seat(&bob)).await.accepted();
    let unknown = format!("courses/{}/enrollments/{}", bob.id, bob.id);
    operator.delete(unknown).await.refused(404, "course-unknown");
    let carl = school.system.member("Carl").await;
    carl.put(school.enrollment(), json!({})).await.accepted();
}
