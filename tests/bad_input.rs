//! Nothing that is sent breaks anything: every operation of /openapi.json gets everything that can
//! be wrong with a request, one thing at a time, so that a new endpoint is tried without a word here.

mod attempts;
mod description;
mod json;
mod scene;
mod uploads;

use std::collections::BTreeSet;

use futures::StreamExt;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::system::{Client, Program, System};
use attempts::{Attempt, attempts, first_page, forged};
use json::Expected;
use scene::Scene;

const AT_ONCE: usize = 16;
/// A problem says what is wrong; it does not send back what was sent.
const DETAIL_CHARS_MAX: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_sent_is_refused_with_a_problem_and_changes_nothing() {
    // Nobody else may write to this log.
    let start = || Program::up("bad_input", &["--ephemeral"]);
    let mut program = tokio::task::spawn_blocking(start).await.unwrap();
    let system = System::of(&program).await;
    let scene = Scene::of(&system).await;
    let auditor = system.auditor().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let described = system.get("/openapi.json").await.ok().body;

    let visitor = Visitor { http, base: program.base.clone() };
    let mut faults = Vec::new();
    let (mut tried, mut lists, mut codes) = (0, 0, BTreeSet::new());
    let operations = description::operations(&described);
    let mut before = head(&auditor).await;
    for operation in &operations {
        let mut all = attempts(operation, &scene);
        if let Some(first) = first_page(operation, &scene) {
            let cursor = visitor.page(&first).await["next"].as_str().map(str::to_owned);
            lists += usize::from(cursor.is_some());
            all.extend(cursor.iter().flat_map(|cursor| forged(&first, cursor)));
        }
        tried += all.len();
        let answers = futures::stream::iter(&all).map(|attempt| {
            let answer = visitor.answered(attempt);
            async move { answer.await.map_err(|fault| format!("{}: {fault}", attempt.what)) }
        });
        let mut answers = answers.buffer_unordered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(code) => codes.extend(code),
                Err(fault) => faults.push(format!("{operation}: {fault}")),
            }
        }
        let after = head(&auditor).await;
        if after != before {
            faults.push(format!("{operation}: something was changed, {before} to {after}"));
        }
        before = after;
    }

    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(tried > operations.len() * 40, "only {tried} were tried");
    assert!(lists > 10, "only {lists} lists had a second page");
    for code in codes {
        let page = system.get(format!("/problems/{code}")).await;
        assert!(page.status.is_success(), "nobody explains `{code}`");
    }
    program.child.kill().unwrap();
}

/// The position of the last event.
async fn head(auditor: &Client) -> i64 {
    let page = auditor.get("audit/events?order=newest&limit=1").await;
    page["items"][0]["position"].as_i64().unwrap_or_else(|| panic!("{page}"))
}

/// Whoever sends all this.
struct Visitor {
    http: reqwest::Client,
    base: String,
}

impl Visitor {
    async fn send(&self, attempt: &Attempt) -> Result<reqwest::Response, String> {
        let url = format!("{}{}", self.base, attempt.target);
        let mut request = self.http.request(attempt.method.clone(), url);
        for (name, value) in &attempt.headers {
            request = request.header(name, value);
        }
        let answer = request.body(attempt.body.clone()).send().await;
        answer.map_err(|error| format!("no answer: {error:?}"))
    }

    async fn page(&self, attempt: &Attempt) -> Value {
        let text = self.send(attempt).await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The code of the problem, or what is wrong with the answer.
    async fn answered(&self, attempt: &Attempt) -> Result<Option<String>, String> {
        let answer = self.send(attempt).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if !status.is_client_error() && !status.is_server_error() {
            // Its body may be a stream without an end.
            return match attempt.expected {
                Expected::Answered => Ok(None),
                _ => Err(format!("granted with {status}")),
            };
        }
        let text = answer.text().await.map_err(|error| format!("no body: {error:?}"))?;
        let code = problem(attempt, status.as_u16(), &headers, &text);
        code.map(Some).map_err(|fault| format!("{fault}: {status} {text:.300}"))
    }
}

fn problem(
    attempt: &Attempt,
    status: u16,
    headers: &HeaderMap,
    text: &str,
) -> Result<String, String> {
    let must = |holds: bool, fault: &str| if holds { Ok(()) } else { Err(fault.to_owned()) };
    must(status < 500, "a failure")?;
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok());
    must(kind == Some("application/problem+json"), "no problem")?;
    let body: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let said = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let code = said("code").ok_or("no code")?;
    must(said("type") == Some(&format!("/problems/{code}")), "type")?;
    must(body["status"] == status, "status")?;
    must(said("title").is_some() && said("trace_id").is_some(), "title or trace_id")?;
    must(said("instance").is_some_and(|path| path.starts_with("/api/v1/")), "instance")?;
    let detail = said("detail").ok_or("no detail")?;
    must(detail.chars().count() <= DETAIL_CHARS_MAX, "a long detail")?;
    let pointers = body["errors"].as_array().into_iter().flatten();
    let pointers: Vec<&str> = pointers.filter_map(|error| error["pointer"].as_str()).collect();
    must(status != 422 || !pointers.is_empty() || code.starts_with("idempotency"), "no pointer")?;
    let points_at = |at: &str| {
        pointers.iter().all(|pointer| {
            let related = pointer.starts_with(at) || at.starts_with(pointer);
            related && (at.is_empty() || !pointer.is_empty())
        })
    };
    match &attempt.expected {
        Expected::At(at) => {
            must(status == 422 && points_at(at), &format!("must be 422 at {at}"))?;
        }
        Expected::AtIf(at) => must(points_at(at), &format!("must point at {at}"))?,
        Expected::Malformed => must(status == 400, "must be 400")?,
        Expected::Status(expected) => must(status == *expected, &format!("must be {expected}"))?,
        Expected::Refused | Expected::Answered => {}
    }
    Ok(code.to_owned())
}
