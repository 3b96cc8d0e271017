//! Who does for us what is done outside: mail, SMS, payments, as the settings say; who reads files.

use std::sync::Arc;

use anyhow::Context;
use blobstore::Blobs;
use processes::{Address, ChatModel, Extractor, HttpPayment, HttpSms, Mailer, Providers};

use crate::settings::{Secret, Settings};

pub fn providers(settings: &Settings, blobs: Blobs) -> anyhow::Result<Providers> {
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let mut providers = Providers {
        mailer: mailer(settings)?,
        password_page: settings.password_page.clone(),
        extractor: Some(Extractor::new(blobs, program)),
        ..Providers::default()
    };
    if let Some(address) = payment_address(settings)? {
        let token = settings.payment_token.as_ref().map(Secret::expose);
        let payment = HttpPayment::new(address, token).context("payments cannot be taken")?;
        providers.payment = Arc::new(payment);
    }
    if let Some(address) = sms_address(settings)? {
        let token = settings.sms_token.as_ref().map(Secret::expose);
        let sms = HttpSms::new(address, token).context("SMS cannot be sent")?;
        providers.sms = Some(Arc::new(sms));
    }
    providers.chat_model = chat_model(settings)?.map(Arc::new);
    providers.writes_letters = settings.assistant_writes_letters;
    Ok(providers)
}

/// None where answers are quotations.
fn chat_model(settings: &Settings) -> anyhow::Result<Option<ChatModel>> {
    let Some(address) = assistant_address(settings)? else { return Ok(None) };
    let name = settings.assistant_model.as_deref();
    let name = name.context("assistant_url is set, but not assistant_model: who answers?")?;
    let key = settings.assistant_key.as_ref().map(Secret::expose);
    Ok(Some(ChatModel::new(address, name, key).context("the assistant's model cannot be asked")?))
}

/// None where no mail server is configured.
pub fn mailer(settings: &Settings) -> anyhow::Result<Option<Mailer>> {
    let Some(url) = &settings.smtp_url else { return Ok(None) };
    let from = settings.mail_from.as_deref();
    let from = from.context("smtp_url is set, but not mail_from: who writes?")?;
    Ok(Some(Mailer::new(url.expose(), from)?))
}

pub fn payment_address(settings: &Settings) -> anyhow::Result<Option<Address>> {
    address("payment_url", settings.payment_url.as_deref())
}

pub fn sms_address(settings: &Settings) -> anyhow::Result<Option<Address>> {
    address("sms_url", settings.sms_url.as_deref())
}

pub fn assistant_address(settings: &Settings) -> anyhow::Result<Option<Address>> {
    address("assistant_url", settings.assistant_url.as_deref())
}

pub fn address(setting: &str, url: Option<&str>) -> anyhow::Result<Option<Address>> {
    let address = url.filter(|url| !url.is_empty()).map(str::parse).transpose();
    address.with_context(|| format!("the setting {setting}"))
}
