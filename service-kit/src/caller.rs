//! Who asks, since when, with which command id, expected version and trace: one extractor, so that
//! no handler can forget one of them.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{AUTHORIZATION, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use chrono::{DateTime, Utc};
use domain::account::Scope;
use domain::{AccountId, Role};
use eventstore::{Context, Metadata};
use uuid::Uuid;

use crate::auth::api_keys::PREFIX;
use crate::auth::{Bearer, Via};
use crate::header::IDEMPOTENCY_KEY;
use crate::rates::{Limited, Spent};
use crate::request::Facts;
use crate::who::Who;
use crate::{Kit, Problem, clock};

const KEY_CHARS_MAX: usize = 255;

/// The scope of keys that come without an account.
pub const ANONYMOUS: &str = "anonymous";

/// A request's caller, with or without an account.
#[derive(Debug, Clone)]
pub struct Caller {
    bearer: Option<Bearer>,
    context: Context,
    pub now: DateTime<Utc>,
}

impl Caller {
    /// The account; 401 without one.
    pub fn member(&self) -> Result<AccountId, Problem> {
        self.account().ok_or_else(token_required)
    }

    /// The account, if it has the role; else 401 or 403.
    pub fn require(&self, role: Role) -> Result<AccountId, Problem> {
        self.require_any(&[role])
    }

    /// The account, if it has one of the roles; else 401 or 403.
    pub fn require_any(&self, roles: &[Role]) -> Result<AccountId, Problem> {
        permitted(self.bearer.as_ref(), roles)
    }

    pub fn account(&self) -> Option<AccountId> {
        self.bearer.as_ref().map(|bearer| bearer.account)
    }

    pub fn roles(&self) -> &[Role] {
        self.bearer.as_ref().map_or(&[], |bearer| &bearer.roles)
    }

    pub fn has(&self, role: Role) -> bool {
        self.roles().contains(&role)
    }

    pub fn bearer(&self) -> Option<&Bearer> {
        self.bearer.as_ref()
    }

    /// The log-in that the token comes from; none for a key.
    pub fn session(&self) -> Option<Uuid> {
        match self.bearer.as_ref()?.via {
            Via::Session(session) => Some(session),
            Via::Key { .. } => None,
        }
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    async fn build(parts: &Parts, kit: &Kit, needed: Who) -> Result<Self, Problem> {
        let facts = Facts::of(parts)?;
        let now = clock::now();
        let bearer = match identified(parts, kit, now).await {
            Err(problem) if problem.status() != StatusCode::UNAUTHORIZED => return Err(problem),
            known => known,
        };
        // Before anybody is refused: auditors see every refusal, and nobody may fill their record
        // faster than they may ask.
        if let Some(rates) = kit.rates() {
            let account = bearer.as_ref().ok().and_then(Option::as_ref).map(|b| b.account);
            charge(facts, rates.spend(account, parts))?;
        }
        let bearer = bearer?;
        in_scope(bearer.as_ref(), &parts.method)?;
        facts.who().admits(bearer.as_ref())?;
        needed.admits(bearer.as_ref())?;
        let context = context(parts, kit, facts, bearer.as_ref(), now)?;
        facts.as_described()?;
        Ok(Self { bearer, context, now })
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Kit: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Self::build(parts, &Kit::from_ref(state), Who::Anybody).await
    }
}

/// A caller that must have a role, refused before its body is looked at: `Only<Merchandiser>`.
#[derive(Debug, Clone)]
pub struct Only<R> {
    caller: Caller,
    /// Who asks.
    pub account: AccountId,
    role: PhantomData<R>,
}

impl<R> Deref for Only<R> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<S, R> FromRequestParts<S> for Only<R>
where
    S: Send + Sync,
    R: Needs,
    Kit: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let needed = R::ROLE.map_or(Who::Member, |role| Who::AnyOf(vec![role]));
        let caller = Caller::build(parts, &Kit::from_ref(state), needed).await?;
        let account = caller.member()?;
        Ok(Self { caller, account, role: PhantomData })
    }
}

/// What [`Only`] asks for.
pub trait Needs {
    /// `None`: any account.
    const ROLE: Option<Role>;
}

/// Anyone with an account.
#[derive(Debug, Clone, Copy)]
pub struct Member;
#[derive(Debug, Clone, Copy)]
pub struct Analyst;
#[derive(Debug, Clone, Copy)]
pub struct Instructor;
#[derive(Debug, Clone, Copy)]
pub struct Merchandiser;
#[derive(Debug, Clone, Copy)]
pub struct Auditor;
#[derive(Debug, Clone, Copy)]
pub struct Operator;

impl Needs for Member {
    const ROLE: Option<Role> = None;
}
impl Needs for Analyst {
    const ROLE: Option<Role> = Some(Role::Analyst);
}
impl Needs for Instructor {
    const ROLE: Option<Role> = Some(Role::Instructor);
}
impl Needs for Merchandiser {
    const ROLE: Option<Role> = Some(Role::Merchandiser);
}
impl Needs for Auditor {
    const ROLE: Option<Role> = Some(Role::Auditor);
}
impl Needs for Operator {
    const ROLE: Option<Role> = Some(Role::Operator);
}

/// Whose token it is, if there is one.
async fn identified(
    parts: &Parts,
    kit: &Kit,
    now: DateTime<Utc>,
) -> Result<Option<Bearer>, Problem> {
    let Some(token) = bearer_token(&parts.headers)? else { return Ok(None) };
    if token.starts_with(PREFIX) {
        let bearer = kit.api_keys().bearer(token).await?;
        Facts::of(parts)?.set_account(bearer.account);
        return Ok(Some(bearer));
    }
    let claims = kit
        .tokens()
        .verify(token, now)
        .map_err(|error| Problem::unauthorized("token-invalid", error))?;
    let bearer = kit.standing().of(&claims).await?;
    Facts::of(parts)?.set_account(bearer.account);
    Ok(Some(bearer))
}

/// Tells the answer what was spent, also when there was nothing left.
pub(crate) fn charge(facts: &Facts, spent: Result<Spent, Limited>) -> Result<(), Problem> {
    facts.set_spent(match &spent {
        Ok(spent) => spent.clone(),
        Err(limited) => limited.spent().clone(),
    });
    spent.map(drop).map_err(Problem::from)
}

/// A key may ask, change, or both.
fn in_scope(bearer: Option<&Bearer>, method: &Method) -> Result<(), Problem> {
    let Some(Bearer { via: Via::Key { scopes, .. }, .. }) = bearer else { return Ok(()) };
    let needed = match *method {
        Method::GET | Method::HEAD => Scope::Read,
        _ => Scope::Write,
    };
    match scopes.contain(needed) {
        true => Ok(()),
        false => {
            let detail = format!("this needs the scope {}", needed.name());
            Err(Problem::forbidden("scope-missing", detail))
        }
    }
}

pub(crate) fn token_required() -> Problem {
    Problem::unauthorized("token-required", "this needs an access token")
}

pub(crate) fn permitted(bearer: Option<&Bearer>, roles: &[Role]) -> Result<AccountId, Problem> {
    let bearer = bearer.ok_or_else(token_required)?;
    if roles.iter().any(|role| bearer.roles.contains(role)) {
        return Ok(bearer.account);
    }
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    Err(Problem::forbidden("forbidden", format!("this needs the role {}", names.join(" or "))))
}

fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| text.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Problem::unauthorized("token-invalid", "Authorization must be `Bearer <token>`")),
    }
}

fn context(
    parts: &Parts,
    kit: &Kit,
    facts: &Facts,
    bearer: Option<&Bearer>,
    now: DateTime<Utc>,
) -> Result<Context, Problem> {
    let caller = bearer.map_or_else(|| ANONYMOUS.to_owned(), |bearer| bearer.account.to_string());
    let given = idempotency_key(&parts.headers, bearer.is_some())?;
    if given.is_none() && parts.method == Method::POST && kit.requires_idempotency_key() {
        return Err(Problem::malformed(
            "idempotency-key-required",
            "POST needs the header Idempotency-Key",
        ));
    }
    let client_key = given.is_some();
    let key = given.unwrap_or_else(|| Uuid::now_v7().to_string());
    let trace = facts.trace();
    let mut metadata = Metadata::from([
        ("actor".to_owned(), caller.clone()),
        ("command_id".to_owned(), key.clone()),
        ("correlation_id".to_owned(), trace.trace_id()),
        ("source".to_owned(), "http".to_owned()),
        ("traceparent".to_owned(), trace.to_string()),
    ]);
    if let Some(Bearer { via: Via::Key { id, .. }, .. }) = bearer {
        metadata.insert("api_key".to_owned(), id.to_string());
    }
    Ok(Context {
        caller,
        key,
        client_key,
        fingerprint: facts.fingerprint().to_vec(),
        expected: expected(&parts.headers)?,
        metadata,
        now,
    })
}

/// Bare, or quoted as the IETF draft has it.
fn idempotency_key(headers: &HeaderMap, has_account: bool) -> Result<Option<String>, Problem> {
    let Some(text) = single(headers, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    let key = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    let printable = key.bytes().all(|byte| byte.is_ascii_graphic());
    let invalid = |detail| Err(Problem::malformed("idempotency-key-invalid", detail));
    if key.is_empty() || key.len() > KEY_CHARS_MAX || !printable {
        return invalid("Idempotency-Key must be 1 to 255 printable characters without spaces");
    }
    if !has_account && Uuid::try_parse(key).is_err() {
        return invalid("without an account, Idempotency-Key must be a UUID");
    }
    Ok(Some(key.to_owned()))
}

/// The sequence of `"<sequence>.<body hash>"` or `"<sequence>"`; `*` expects nothing in particular.
fn expected(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(text) = single(headers, &IF_MATCH)? else { return Ok(None) };
    if text == "*" {
        return Ok(None);
    }
    let sequence = text
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .and_then(|tag| tag.split('.').next())
        .and_then(|sequence| sequence.parse::<i64>().ok())
        .filter(|sequence| *sequence >= 0);
    match sequence {
        Some(sequence) => Ok(Some(sequence)),
        None => Err(Problem::malformed("bad-header", "If-Match must be one ETag of ours, or *")),
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let bad = || Problem::malformed("bad-header", format!("{name} must be given once, in ASCII"));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.trim())).map_err(|_| bad()),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), value.parse().expect("a header value"));
        }
        headers
    }

    #[test]
    fn if_match_compares_the_sequence_of_an_etag() {
        let of = |values: &[&str]| expected(&headers(IF_MATCH, values)).map_err(|p| p.code().len());
        assert_eq!(of(&[r#""17.3f9a""#]), Ok(Some(17)));
        assert_eq!(of(&[r#""17""#]), Ok(Some(17)));
        assert_eq!(of(&["*"]), Ok(None));
        assert_eq!(of(&[]), Ok(None));
        for bad in ["17", r#"W/"17""#, r#""x""#, r#""-1""#, r#""1", "2""#, ""] {
            assert!(of(&[bad]).is_err(), "{bad}");
        }
        assert!(of(&[r#""1""#, r#""2""#]).is_err());
    }

    #[test]
    fn a_key_without_an_account_cannot_be_guessed() {
        let of = |value: &str, has_account| {
            idempotency_key(&headers(IDEMPOTENCY_KEY, &[value]), has_account).ok().flatten()
        };
        let uuid = "8e03978e-40d5-43e8-bc93-6894a57f9324";
        assert_eq!(of("order-1", true).as_deref(), Some("order-1"));
        assert_eq!(of("order-1", false), None);
        assert_eq!(of(uuid, false).as_deref(), Some(uuid));
        assert_eq!(of(&format!("\"{uuid}\""), false).as_deref(), Some(uuid));
        assert_eq!(of("", true), None);
        assert_eq!(of("two words", true), None);
        assert_eq!(of(&"x".repeat(256), true), None);
    }
}
