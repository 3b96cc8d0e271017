//! Courses on their way to being published, as their instructors see it.

use std::collections::BTreeMap;

use local_services::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::system::{
    Answer, Client, Listening, Program, System, drafted, eventually, lesson, publish,
};

const STEPS: [&str; 6] = ["validate", "extract", "split", "embed", "index", "publish"];

fn each(workflow: &Value, field: &str) -> Vec<Value> {
    let steps = workflow["by_step"].as_array().unwrap();
    steps.iter().map(|step| step[field].clone()).collect()
}

/// The workflow that a submission was sent to, once it has ended.
async fn ended(ines: &Client, submitted: &Answer) -> Value {
    assert_eq!(submitted.status.as_u16(), 202, "{submitted}");
    let location = submitted.header("location");
    let is_over =
        |answer: &Answer| ["COMPLETED", "FAILED"].map(Value::from).contains(&answer.body["state"]);
    eventually(|| ines.get(location), is_over).await.body
}

#[tokio::test]
async fn a_course_is_published_step_by_step_and_its_instructor_hears_of_each() {
    let system = System::start().await;
    let (ines, other) = (system.instructor().await, system.instructor().await);
    let (course, _) = drafted(&ines, 2, None).await;
    let path = format!("courses/{course}");
    system.get(&path).await.refused(404, "item-unknown");
    let mut hers = Listening::to(ines.get("live?topics=workflows")).await;
    let mut others = Listening::to(other.get("live?topics=workflows")).await;
    assert_eq!(
        (hers.next().await.event, others.next().await.event),
        ("open".into(), "open".into())
    );

    let submitted = ines.post(format!("{path}/publication"), json!({})).await;
    let id = submitted.clone().accepted().id();
    assert_eq!(submitted.header("location"), format!("/api/v1/workflows/{id}"));
    let mut heard = hers.until("PublicationStarted").await;
    for _ in STEPS {
        heard = hers.until("PublicationStepCompleted").await;
        assert_eq!(heard.data["about"], id.to_string());
    }
    let finished = hers.until("PublicationFinished").await;
    assert!(finished.id > heard.id);

    let workflow = ended(&ines, &submitted).await;
    assert_eq!(workflow["state"], "COMPLETED", "{workflow}");
    let counted = json!([workflow["steps_done"], workflow["steps"], workflow["percent"]]);
    assert_eq!(counted, json!([6, 6, 100]), "{workflow}");
    assert_eq!(each(&workflow, "name"), STEPS, "{workflow}");
    assert_eq!(each(&workflow, "state"), ["COMPLETED"; 6], "{workflow}");
    assert!(each(&workflow, "duration_ms").iter().all(Value::is_u64), "{workflow}");
    let outcomes = each(&workflow, "outcome");
    assert_eq!(outcomes[1]["characters"], 2 * "Begin with one page.".len(), "{workflow}");
    assert_eq!((&outcomes[2]["chunks"], &outcomes[5]), (&json!(2), &Value::Null), "{workflow}");
    assert_eq!(outcomes[1]["sha256"], outcomes[4]["sha256"], "what is found is what was read");
    let embedded = json!({ "kind": "embedded", "passages": 2, "embedded": 0,
                           "reason": "the setting text_model is off" });
    assert_eq!(outcomes[3], embedded, "each lesson says it below its own title");

    let page = system.get(&path).await.ok();
    assert_eq!(page["state"], "published", "{page}");
    let word = page["title"].as_str().unwrap().rsplit(' ').next().unwrap();
    let found = system.get(format!("courses?q={word}&skill=reading")).await;
    assert_eq!(found["items"][0]["id"], course.to_string(), "{found}");
    assert!(page["lessons"][0]["text"].is_null(), "the text is for students: {page}");
    ines.post(format!("{path}/publication"), json!({})).await.refused(409, "course-published");

    other.get(submitted.header("location")).await.refused(404, "workflow-unknown");
    let seen = system.operator().get(submitted.header("location")).await.ok();
    assert_eq!(seen["state"], "COMPLETED", "{seen}");
    let (own, _) = drafted(&other, 1, None).await;
    let own = publish(&other, own).await;
    let first = others.until("PublicationStarted").await;
    assert_eq!(first.data["about"], own.id().to_string(), "the first is her own");
}

#[tokio::test]
async fn lessons_without_a_word_are_sent_back_with_the_reason_and_may_be_submitted_again() {
    let system = System::start().await;
    let ines = system.instructor().await;
    let (course, _) = drafted(&ines, 0, None).await;
    let mut silent = lesson("Nothing yet");
    silent["text"] = json!("---\n\n<!-- to be written -->");
    let lessons = format!("courses/{course}/lessons");
    let silent = ines.post(&lessons, silent).await.accepted().id();
    let publication = format!("courses/{course}/publication");

    let first = ines.post(&publication, json!({})).await;
    let failed = ended(&ines, &first).await;
    assert_eq!((&failed["state"], &failed["percent"]), (&json!("FAILED"), &json!(16)), "{failed}");
    assert_eq!(failed["reason"], "there is not a word in the lessons", "{failed}");
    assert_eq!(failed["current_step"], "extract", "{failed}");
    assert_eq!(each(&failed, "state")[1..3], ["FAILED", "WAITING"], "{failed}");
    let page = ines.get(format!("courses/{course}")).await.ok();
    assert_eq!(page["state"], "draft", "{page}");

    let text = json!({ "text": "Begin with one page." });
    ines.patch(format!("{lessons}/{silent}"), text).await.accepted();
    let second = ines.post(&publication, json!({})).await;
    assert_ne!(second.header("location"), first.header("location"));
    assert_eq!(ended(&ines, &second).await["state"], "COMPLETED");
    assert_eq!(ines.get(first.header("location")).await["state"], "FAILED");
}

/// How often each type of event stands in a stream.
async fn events(auditor: &Client, stream: String) -> BTreeMap<String, usize> {
    let page = auditor.get(format!("audit/streams/{stream}?limit=200")).await.ok();
    let mut counts = BTreeMap::new();
    for event in page["items"].as_array().unwrap() {
        *counts.entry(event["event_type"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn publications_survive_kill_9_and_nothing_happens_twice() {
    const COURSES: usize = 10;
    let folder = std::env::temp_dir().join(format!("daybook-e2e-{}", Uuid::now_v7().simple()));
    let name = folder.to_str().unwrap().to_owned();
    let start = move || Program::up("publications", &["--data-dir", &name]);
    let mut program = tokio::task::spawn_blocking(start.clone()).await.unwrap();
    let system = System::of(&program).await;
    let ines = system.instructor().await;
    let mut courses = Vec::new();
    for _ in 0..COURSES {
        courses.push(drafted(&ines, 1, None).await.0);
    }
    let submissions = courses.iter().map(async |course| {
        let publication = format!("courses/{course}/publication");
        ines.post(publication, json!({})).await.accepted().id()
    });
    let publications: Vec<Uuid> = futures::future::join_all(submissions).await;
    let first = format!("workflows/{}", publications[0]);
    let has_begun = |answer: &Answer| answer.body["steps_done"].as_i64() > Some(0);
    eventually(|| ines.get(&first), has_begun).await;
    program.signal(Signal::Kill);
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();

    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let (ines, auditor) = (system.again(&ines.login).await, system.auditor().await);
    for (course, publication) in courses.iter().zip(&publications) {
        let path = format!("workflows/{publication}");
        let completed = |answer: &Answer| answer.body["state"] == "COMPLETED";
        let workflow = eventually(|| ines.get(&path), completed).await;
        assert_eq!(each(&workflow.body, "state"), ["COMPLETED"; 6], "{workflow}");
        let mut steps = events(&auditor, format!("publication/{publication}")).await;
        // The read models may have been late after the restart.
        steps.remove("PublicationStepFailed");
        let once = [
            ("PublicationFinished".to_owned(), 1),
            ("PublicationStarted".to_owned(), 1),
            ("PublicationStepCompleted".to_owned(), STEPS.len()),
        ];
        assert_eq!(steps, BTreeMap::from(once));
        let of_course = events(&auditor, format!("course/{course}")).await;
        assert_eq!(of_course["CoursePublished"], 1, "{of_course:?}");
    }
    program.signal(Signal::Terminate);
    tokio::task::spawn_blocking(move || program.child.wait()).await.unwrap().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
