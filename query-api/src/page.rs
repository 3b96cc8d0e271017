//! How every endpoint reads: wait for the Consistency-Token, look in the cache, else read in one
//! snapshot; open personal values; answer with ETag and Projection-Position.
//!
//! Handlers have no other way to the read models, so none can forget one of these.

use std::future::Future;
use std::sync::Arc;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LINK, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use service_kit::page::Page;
use service_kit::{Freshness, Problem, conditional_bytes, header};
use sqlx::FromRow;
use sqlx::postgres::PgRow;

use crate::view::{Positions, Reads, RowsQuery, Select, View};
use crate::{App, Asked, opened, view};

/// What a handler found: the body, and what headers tell about it.
#[derive(Debug)]
pub struct Answer {
    body: String,
    form: Form,
    sequence: i64,
    link: Option<HeaderValue>,
}

/// What the body is sent as.
#[derive(Debug, Clone, Copy)]
enum Form {
    Json,
    Csv,
    Html(Sheet),
}

/// How people see an answer that programs read as JSON. Made of it for each answer, once personal
/// values are open: they must not be kept.
#[derive(Debug, Clone, Copy)]
pub struct Sheet {
    pub render: fn(&str) -> Result<String, Problem>,
    /// Its Content-Security-Policy.
    pub policy: fn() -> HeaderValue,
}

impl Answer {
    pub fn json(body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(Problem::internal)?;
        Ok(Self { body, form: Form::Json, sequence: 0, link: None })
    }

    pub fn csv(body: String) -> Self {
        Self { body, form: Form::Csv, sequence: 0, link: None }
    }

    /// A page of a list, with the way to the next in `Link`.
    pub fn page<T: Serialize>(asked: &axum::http::Uri, page: &Page<T>) -> Result<Self, Problem> {
        Ok(Self { link: page.link(asked), ..Self::json(page)? })
    }

    /// With the way to the next page in `Link`.
    pub fn linked(self, link: Option<HeaderValue>) -> Self {
        Self { link, ..self }
    }

    /// JSON as a sheet for people.
    pub fn html(body: &impl Serialize, sheet: Sheet) -> Result<Self, Problem> {
        Ok(Self { form: Form::Html(sheet), ..Self::json(body)? })
    }

    /// The sequence of the stream this is the state of: what If-Match of a command compares.
    pub fn of_sequence(mut self, sequence: i64) -> Self {
        self.sequence = sequence;
        self
    }
}

/// Two requests with the same key have the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    question: String,
    positions: Positions,
}

/// An answer as it is kept: personal values sealed.
pub(crate) struct Kept {
    answer: Answer,
    positions: Positions,
}

impl Kept {
    /// In bytes, about.
    pub(crate) fn weight(&self) -> u32 {
        u32::try_from(self.answer.body.len() + 512).unwrap_or(u32::MAX)
    }
}

/// What a handler makes of the view.
type Rendering<'a> = Box<dyn FnOnce(View) -> BoxFuture<'a, Result<Answer, Problem>> + Send + 'a>;

impl App {
    /// Answers from the read models of the projections `reads`. What `render` finds may depend on
    /// nothing but the view, the URL, the day and who asks: it is kept for the next who asks so.
    ///
    /// Boxed here, so that all that follows is compiled once and not once for each handler.
    pub fn read<'a, F, Fut>(
        &'a self,
        asked: &'a Asked,
        reads: Reads,
        render: F,
    ) -> BoxFuture<'a, Result<Response, Problem>>
    where
        F: FnOnce(View) -> Fut + Send + 'a,
        Fut: Future<Output = Result<Answer, Problem>> + Send + 'a,
    {
        let render: Rendering<'a> = Box::new(|view| render(view).boxed());
        self.read_boxed(asked, reads, render).boxed()
    }

    async fn read_boxed(
        &self,
        asked: &Asked,
        reads: Reads,
        render: Rendering<'_>,
    ) -> Result<Response, Problem> {
        let positions = self.progress().reached(reads, asked.freshness).await?;
        let key = Key { question: asked.question(), positions };
        let kept = match self.cache().get(&key).await {
            Some(kept) => kept,
            None => self.rendered(key.question, asked.freshness, reads, render).await?,
        };
        self.told(asked, &kept).await
    }

    /// The same where one statement finds the answer.
    pub async fn read_rows<T>(
        &self,
        asked: &Asked,
        reads: Reads,
        select: Select<'_>,
        bind: impl for<'q> FnOnce(RowsQuery<'q, T>) -> RowsQuery<'q, T>,
        render: impl FnOnce(Vec<T>) -> Result<Answer, Problem>,
    ) -> Result<Response, Problem>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let positions = self.progress().reached(reads, asked.freshness).await?;
        let key = Key { question: asked.question(), positions };
        // Of many who ask the same at once, one reads.
        let kept = self.cache().try_get_with_by_ref(&key, async {
            let (positions, rows) = view::rows(self.pool(), reads, select, bind).await?;
            positions.must_have_passed(asked.freshness)?;
            Ok(Arc::new(Kept { answer: render(rows)?, positions }))
        });
        let kept = kept.await.map_err(|problem: Arc<Problem>| (*problem).clone())?;
        // It may come from another replica than the one that was asked how far it is.
        if kept.positions != key.positions {
            self.cache().invalidate(&key).await;
            let key = Key { positions: kept.positions.clone(), ..key };
            self.cache().insert(key, kept.clone()).await;
        }
        kept.positions.must_have_passed(asked.freshness)?;
        self.told(asked, &kept).await
    }

    /// With personal values opened, as what it is asked for.
    async fn told(&self, asked: &Asked, kept: &Kept) -> Result<Response, Problem> {
        let body = match opened::open(self.keys(), &kept.answer.body).await? {
            Some(opened) => opened,
            None => kept.answer.body.clone(),
        };
        let body = match kept.answer.form {
            Form::Html(sheet) => (sheet.render)(&body)?,
            Form::Json | Form::Csv => body,
        };
        Ok(respond(asked, kept, body))
    }

    async fn rendered(
        &self,
        question: String,
        freshness: Freshness,
        reads: Reads,
        render: Rendering<'_>,
    ) -> Result<Arc<Kept>, Problem> {
        let view = View::open(self.pool(), reads).await?;
        // The snapshot itself must have passed the position: it may come from another replica than
        // the one that was asked, or a build may have been found worthless meanwhile.
        view.positions.must_have_passed(freshness)?;
        let positions = view.positions.clone();
        let key = Key { question, positions: positions.clone() };
        // Of many who ask the same at once, one reads.
        self.cache()
            .try_get_with(key, async move {
                let answer = render(view).await?;
                Ok(Arc::new(Kept { answer, positions }))
            })
            .await
            .map_err(|problem: Arc<Problem>| (*problem).clone())
    }
}

fn respond(asked: &Asked, kept: &Kept, body: String) -> Response {
    let answer = &kept.answer;
    let mut response = conditional_bytes(&asked.headers, answer.sequence, body.into_bytes());
    let has_body = response.status() != StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    headers.insert(header::PROJECTION_POSITION, kept.positions.lowest().into());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("Authorization, Accept"));
    if kept.positions.is_degraded() {
        headers.insert("projection-degraded", HeaderValue::from_static("true"));
    }
    if let Some(link) = &answer.link {
        headers.insert(LINK, link.clone());
    }
    match answer.form {
        Form::Csv if has_body => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
        }
        Form::Html(sheet) if has_body => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            headers.insert(CONTENT_SECURITY_POLICY, (sheet.policy)());
        }
        Form::Json | Form::Csv | Form::Html(_) => {}
    }
    response
}
