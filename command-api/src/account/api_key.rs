//! Keys by which programs ask for somebody. A key is shown once; what is kept is a keyed hash.
//!
//! The row with the hash comes before the event, and nothing opens without the event: a crash
//! between them leaves a row that is of no use to anybody, which the sweep takes.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::account::{Account, Command, Scope, Scopes};
use domain::operators::{self, Operators};
use domain::{AccountId, ApiKeyId, Name, Personal};
use eventstore::{Context, Decision, Log, Receipt};
use serde::Deserialize;
use service_kit::auth::api_keys::{KIND, PREFIX};
use service_kit::{
    Accepted, BASE, InPerson, Json, Member, OrRefuse, Path, Problem, ReceiptBody, Undecided,
};
use sqlx::PgPool;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::commands::{made_nothing, refused};
use crate::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(revoke))
}

/// What a new key is and what it says; a repeated request hears only which it was.
#[derive(Debug)]
pub struct NewKey {
    pub id: ApiKeyId,
    pub secret: Option<String>,
}

pub async fn create_key(
    log: &Log,
    context: &Context,
    account: AccountId,
    name: Name,
    scopes: Scopes,
) -> Result<(Receipt, NewKey), Problem> {
    let key = ApiKeyId::new(Uuid::now_v7());
    let secret = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let secret = format!("{PREFIX}{secret}");
    let hash = log.personal().lookup_hash(KIND, &secret);
    sqlx::query("insert into identity.api_keys (hash, id, account) values ($1, $2, $3)")
        .bind(hash)
        .bind(key.uuid())
        .bind(account.uuid())
        .execute(log.pool())
        .await?;
    let name = Personal::new(account, name);
    let result = log
        .decide::<Account, _, _, _>(context, |facts| {
            let (name, scopes) = (name.clone(), scopes.clone());
            async move {
                let is_operator = scopes.contain(Scope::Operator)
                    && facts.load::<Operators>(operators::STREAM).await?.state.contains(account);
                let at = context.now;
                let command = Command::CreateApiKey { account, key, name, scopes, is_operator, at };
                Ok::<_, Undecided<_>>(Decision::new(account, command))
            }
        })
        .await
        .or_refuse(refused);
    if made_nothing(&result) {
        forget(log.pool(), key).await?;
    }
    let receipt = result?;
    let new = match receipt.replayed {
        true => NewKey { id: created_by(log, &receipt).await?, secret: None },
        false => NewKey { id: key, secret: Some(secret) },
    };
    Ok((receipt, new))
}

/// The key that a command made when it was first sent.
async fn created_by(log: &Log, receipt: &Receipt) -> Result<ApiKeyId, Problem> {
    #[derive(Deserialize)]
    struct Created {
        key: ApiKeyId,
    }
    let position = receipt.position;
    let event = log.reader().range(position - 1, position, 1).await?.pop();
    let event = event.ok_or_else(|| Problem::internal("the log has lost its end"))?;
    let created: Created = event.decode().map_err(Problem::internal)?;
    Ok(created.key)
}

pub async fn revoke_key(
    log: &Log,
    context: &Context,
    account: AccountId,
    key: ApiKeyId,
) -> Result<Receipt, Problem> {
    let command = Command::RevokeApiKey { account, key, at: context.now };
    let receipt = log.execute::<Account>(account, command, context).await.or_refuse(refused)?;
    forget(log.pool(), key).await?;
    Ok(receipt)
}

async fn forget(pool: &PgPool, key: ApiKeyId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from identity.api_keys where id = $1")
        .bind(key.uuid())
        .execute(pool)
        .await?;
    Ok(())
}

/// Of an erased person.
pub(super) async fn forget_all(pool: &PgPool, account: AccountId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from identity.api_keys where account = $1")
        .bind(account.uuid())
        .execute(pool)
        .await?;
    Ok(())
}

/// Removes what a crash left before the event of its key. A row that escapes, because nothing ran
/// for days, opens nothing all the same.
pub(crate) async fn sweep(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from identity.api_keys k
         where last_used_on is null
           and created_at between clock_timestamp() - interval '3 days'
                              and clock_timestamp() - interval '1 day'
           and not exists (
               select from eventstore.events
               where aggregate_type = 'account' and aggregate_id = k.account::text
                 and event_type = 'ApiKeyCreated' and payload->>'key' = k.id::text)",
    )
    .execute(pool)
    .await?;
    Ok(())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateKey {
    /// What I know the key by.
    #[schema(value_type = String, max_length = 400)]
    name: Name,
    /// `read` to ask, `write` to change, at least one of them; and roles of mine that the key acts in
    /// while I have them: `analyst`, `instructor`, `merchandiser`, `auditor`, `operator`.
    #[schema(schema_with = described_scopes)]
    scopes: Scopes,
}

fn described_scopes() -> Array {
    let names = Scope::ALL.map(Scope::name);
    let scope = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    ArrayBuilder::new().items(scope).min_items(Some(1)).max_items(Some(names.len())).build()
}

/// Make a key by which a program asks for me: `Authorization: Bearer dbk_...`. The member `key` of
/// the answer is the key, shown this once. Keys make and revoke no keys, change neither address nor
/// password, and erase nobody; a new password leaves them as they are.
#[utoipa::path(
    post, path = "/accounts/me/keys", tag = "accounts", request_body = CreateKey,
    responses((status = 201, description = "Created; `key` is shown this once", body = ReceiptBody))
)]
async fn create(
    State(app): State<App>,
    caller: InPerson<Member>,
    Json(body): Json<CreateKey>,
) -> Result<impl IntoResponse, Problem> {
    let (account, CreateKey { name, scopes }) = (caller.account, body);
    let (receipt, new) = create_key(&app.log, caller.context(), account, name, scopes).await?;
    let location = format!("{BASE}/accounts/me/keys/{}", new.id);
    let mut accepted = Accepted::created(receipt, location).id(new.id);
    if let Some(secret) = new.secret {
        accepted = accepted.with("key", secret);
    }
    Ok(([(CACHE_CONTROL, "no-store")], accepted))
}

/// Revoke a key of mine: it stops working everywhere within 2 s.
#[utoipa::path(
    delete, path = "/accounts/me/keys/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = 200, description = "Revoked", body = ReceiptBody))
)]
async fn revoke(
    State(app): State<App>,
    caller: InPerson<Member>,
    Path(id): Path<ApiKeyId>,
) -> Result<Accepted, Problem> {
    revoke_key(&app.log, caller.context(), caller.account, id).await.map(Accepted::done)
}
