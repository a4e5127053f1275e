//! The second factor: turned on with an app, asked for at the next login, and turned off.

use anyhow::Context as _;
use data_encoding::BASE32_NOPAD;
use sluice_api::http::auth::login::WRONG_CODE;
use sluice_api::http::auth::totp;
use sluice_runtime::clock::Clock;

use super::walker::Walker;
use crate::site::PASSWORD;

pub(super) async fn walk(user: &mut Walker) -> anyhow::Result<()> {
    user.visit("/account/second-factor/").await?;
    user.fill(&[("password", PASSWORD)]).await?;
    user.press_and_see("Turn on", "Set up your app").await?;
    user.look().await?;
    let secret = user.text_of("#secret").await?.replace(' ', "");
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).context("the secret is in base 32")?;
    let step = Clock::default().now_ms() / 30_000;
    // No code counts twice. That of the step before is still valid.
    user.fill(&[("code", &totp::code_of(&secret, step - 1))]).await?;
    user.press_and_see("Turn on", "Your recovery codes").await?;
    user.look().await?;
    let codes = user.text_of("#recovery-codes").await?;
    let recovery_code = codes.lines().next().context("there are recovery codes")?.trim().to_owned();
    user.press_and_see("I have kept them", "The second factor is on.").await?;
    user.look().await?;

    user.element(".who summary").await?.click().await?;
    user.press_and_see("Log out", "Log in").await?;
    user.look().await?;
    user.fill(&[("username", "owner"), ("password", PASSWORD)]).await?;
    user.press_and_see("Log in", "Enter the code").await?;
    user.look().await?;
    user.try_keyboard().await?;
    user.fill(&[("code", "12345x")]).await?;
    user.press_and_see("Log in", WRONG_CODE).await?;
    user.fill(&[("code", &totp::code_of(&secret, step))]).await?;
    user.press_and_see("Log in", "Needs you").await?;

    user.open("/account/second-factor/").await?;
    user.fill_in(
        "form[action='/account/second-factor/disable/']",
        &[("password", PASSWORD), ("code", &recovery_code)],
    )
    .await?;
    user.press_and_see("Turn off the second factor", "The second factor is off.").await?;
    user.look().await
}
