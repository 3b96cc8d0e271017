use axum::extract::State;
use domain::account::{Channel, Phone, ProfileChanges};
use domain::{AccountId, Email, Language, Name, Patch, Personal, Role, Tags};
use eventstore::Receipt;
use serde::Deserialize;
use service_kit::{
    Accepted, BASE, Caller, InPerson, Json, Member, Only, Operator, Path, Problem, ReceiptBody,
    schema,
};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::commands::{self, Registration};
use crate::{App, Password};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(change_profile, erase_me))
        .routes(routes!(change_email))
        .routes(routes!(change_password))
        .routes(routes!(grant_role, revoke_role))
        .routes(routes!(deactivate, reactivate))
        .routes(routes!(erase))
        .merge(super::password_reset::routes())
        .merge(super::api_key::routes())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    /// Chosen by the client if it wants to; else by us.
    #[schema(value_type = Option<Uuid>)]
    id: Option<AccountId>,
    #[schema(value_type = String, format = "email", max_length = 254)]
    email: Email,
    #[schema(value_type = String, min_length = 8, max_length = 128)]
    password: Password,
    #[schema(value_type = schema::Name)]
    display_name: Name,
}

/// Register an account.
#[utoipa::path(
    post, path = "/accounts", tag = "accounts", request_body = Register, security(()),
    responses((status = 201, description = "Registered", body = ReceiptBody))
)]
async fn register(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Register>,
) -> Result<Accepted, Problem> {
    let Register { id, email, password, display_name } = body;
    let account = id.unwrap_or_else(|| AccountId::new(Uuid::now_v7()));
    let registration = Registration { account, email, display_name };
    let receipt =
        commands::create(&app.log, &app.passwords, caller.context(), registration, password)
            .await?;
    let location = location(&receipt);
    Ok(Accepted::created(receipt, location))
}

/// E-mail and SMS.
const CHANNELS_MAX: usize = 2;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeProfile {
    #[schema(value_type = Option<schema::Name>)]
    display_name: Option<Name>,
    /// E.164; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = r"^\+[1-9][0-9]{6,14}$")]
    phone: Patch<Phone>,
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    language: Patch<Language>,
    #[schema(value_type = Option<schema::Tags>)]
    topics: Option<Tags>,
    #[schema(value_type = Option<Vec<schema::Channel>>, max_items = 2)]
    channels: Option<Vec<Channel>>,
}

/// Change the named fields of my profile.
#[utoipa::path(
    patch, path = "/accounts/me", tag = "accounts", request_body = ChangeProfile,
    responses((status = 200, description = "Changed", body = ReceiptBody))
)]
async fn change_profile(
    State(app): State<App>,
    caller: Only<Member>,
    Json(body): Json<ChangeProfile>,
) -> Result<Accepted, Problem> {
    if body.channels.as_ref().is_some_and(|channels| channels.len() > CHANNELS_MAX) {
        return Err(Problem::invalid("/channels", "each channel is named once"));
    }
    let account = caller.account;
    let changes = ProfileChanges {
        display_name: body.display_name.map(|name| Personal::new(account, name)),
        phone: body.phone.map(|phone| Personal::new(account, phone)),
        language: body.language,
        topics: body.topics,
        channels: body.channels,
    };
    let receipt = commands::change_profile(&app.log, caller.context(), account, changes).await?;
    Ok(Accepted::done(receipt))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeEmail {
    #[schema(max_length = 128)]
    current_password: String,
    #[schema(value_type = String, format = "email", max_length = 254)]
    email: Email,
}

/// Change my e-mail address. A letter to the old one says so. Who has no password yet chooses one
/// first, by a letter (`POST /accounts/password-resets`).
#[utoipa::path(
    put, path = "/accounts/me/email", tag = "accounts", request_body = ChangeEmail,
    responses((status = 200, description = "Changed", body = ReceiptBody))
)]
async fn change_email(
    State(app): State<App>,
    caller: InPerson<Member>,
    Json(body): Json<ChangeEmail>,
) -> Result<Accepted, Problem> {
    let ChangeEmail { current_password, email } = body;
    commands::change_own_email(
        &app.log,
        &app.passwords,
        caller.context(),
        caller.account,
        current_password,
        email,
    )
    .await
    .map(Accepted::done)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    #[schema(max_length = 128)]
    current_password: String,
    #[schema(value_type = String, min_length = 8, max_length = 128)]
    new_password: Password,
}

/// Change my password. Every session of mine ends.
#[utoipa::path(
    put, path = "/accounts/me/password", tag = "accounts", request_body = ChangePassword,
    responses((status = 200, description = "Changed", body = ReceiptBody))
)]
async fn change_password(
    State(app): State<App>,
    caller: InPerson<Member>,
    Json(body): Json<ChangePassword>,
) -> Result<Accepted, Problem> {
    let ChangePassword { current_password, new_password } = body;
    commands::change_password(
        &app.log,
        &app.passwords,
        caller.context(),
        caller.account,
        current_password,
        new_password,
    )
    .await
    .map(Accepted::done)
}

/// Give an account a role.
#[utoipa::path(
    put, path = "/accounts/{id}/roles/{role}", tag = "accounts",
    params(("id" = Uuid, Path), ("role" = inline(schema::Role), Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Granted", body = ReceiptBody))
)]
async fn grant_role(
    State(app): State<App>,
    caller: Only<Operator>,
    Path((id, role)): Path<(AccountId, Role)>,
) -> Result<Accepted, Problem> {
    commands::grant_role(&app.log, caller.context(), id, role).await.map(Accepted::done)
}

/// Take a role from an account.
#[utoipa::path(
    delete, path = "/accounts/{id}/roles/{role}", tag = "accounts",
    params(("id" = Uuid, Path), ("role" = inline(schema::Role), Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Revoked", body = ReceiptBody))
)]
async fn revoke_role(
    State(app): State<App>,
    caller: Only<Operator>,
    Path((id, role)): Path<(AccountId, Role)>,
) -> Result<Accepted, Problem> {
    commands::revoke_role(&app.log, caller.context(), id, role).await.map(Accepted::done)
}

/// Deactivate an account.
#[utoipa::path(
    put, path = "/accounts/{id}/deactivation", tag = "accounts", params(("id" = Uuid, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Deactivated", body = ReceiptBody))
)]
async fn deactivate(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(id): Path<AccountId>,
) -> Result<Accepted, Problem> {
    commands::deactivate(&app.log, caller.context(), id).await.map(Accepted::done)
}

/// Activate an account again.
#[utoipa::path(
    delete, path = "/accounts/{id}/deactivation", tag = "accounts", params(("id" = Uuid, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "Active", body = ReceiptBody))
)]
async fn reactivate(
    State(app): State<App>,
    caller: Only<Operator>,
    Path(id): Path<AccountId>,
) -> Result<Accepted, Problem> {
    commands::reactivate(&app.log, caller.context(), id).await.map(Accepted::done)
}

/// Erase me: what is known of me becomes unreadable within 2 s.
#[utoipa::path(
    delete, path = "/accounts/me", tag = "accounts",
    responses((status = 202, description = "Erased", body = ReceiptBody))
)]
async fn erase_me(State(app): State<App>, caller: InPerson<Member>) -> Result<Accepted, Problem> {
    erased(commands::erase(&app.log, caller.context(), caller.account).await?)
}

/// Erase an account: what is known of the person becomes unreadable within 2 s.
#[utoipa::path(
    delete, path = "/accounts/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    security(("bearer" = ["operator"])),
    responses((status = 202, description = "Erased", body = ReceiptBody))
)]
async fn erase(
    State(app): State<App>,
    caller: InPerson<Operator>,
    Path(id): Path<AccountId>,
) -> Result<Accepted, Problem> {
    erased(commands::erase(&app.log, caller.context(), id).await?)
}

fn erased(receipt: Receipt) -> Result<Accepted, Problem> {
    let location = location(&receipt);
    Ok(Accepted::accepted(receipt, location))
}

fn location(receipt: &Receipt) -> String {
    format!("{BASE}/accounts/{}", receipt.stream.aggregate_id)
}
