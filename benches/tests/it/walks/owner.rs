//! The work of Owners alone: the state of the system, orders, and parked events.

use anyhow::Context as _;

use super::walker::Walker;

pub(super) async fn visit_system(owner: &mut Walker) -> anyhow::Result<()> {
    for page in ["/pipeline/", "/system/"] {
        owner.visit(page).await?;
        owner.try_keyboard().await?;
    }
    Ok(())
}

/// Creates an order of the newest prospect.
pub(super) async fn create_order(owner: &mut Walker) -> anyhow::Result<()> {
    owner.open("/prospects/").await?;
    let prospect = owner.first_of_list("/prospects/").await?.context("the demo has prospects")?;
    let prospect = prospect.trim_start_matches("/prospects/").trim_end_matches('/').to_owned();
    owner.visit("/orders/create/").await?;
    owner.try_keyboard().await?;
    owner
        .fill(&[
            ("prospect_id", &prospect),
            ("email", "walk.order@example.com"),
            ("phone_number", "+4520000077"),
            ("first_name", "Wanda"),
            ("last_name", "Walker"),
            ("delivery_address", "7 Walk Road"),
        ])
        .await?;
    owner.press_and_see("Create order", "Created order.").await?;
    owner.look().await
}

pub(super) async fn change_order(owner: &mut Walker) -> anyhow::Result<()> {
    owner.open("/orders/?status=hold").await?;
    let order = owner.first_of_list("/orders/").await?.context("the demo has orders")?;
    owner.visit(&order).await?;
    owner.try_keyboard().await?;
    owner.fill(&[("status", "sale"), ("reason", "A walk")]).await?;
    owner.press_and_see("Set the status", "The status is set.").await?;
    owner.look().await?;
    owner.press_and_see("Edit", "Save").await?;
    owner.look().await?;
    owner.fill(&[("first_name", "Walkyria")]).await?;
    owner.press_and_see("Save", "Walkyria").await?;
    owner.press_and_see("Erase the customer's data", "The customer's data are erased.").await?;
    owner.look().await?;
    owner.press_and_see("Delete", "Delete order").await?;
    owner.look().await?;
    let button = owner.element("main form .btn-danger").await?;
    owner.follow(&button).await?;
    let text = owner.visible_text().await?;
    anyhow::ensure!(text.contains("Deleted order"), "{text}");
    Ok(())
}

/// Names a campaign for all visits with an unknown key, and waits until they are stored.
pub(super) async fn mend(owner: &mut Walker) -> anyhow::Result<()> {
    owner.open("/parked/?state=waiting").await?;
    let event = owner
        .text(
            "[...document.querySelectorAll('main tbody tr')].find(row => row.innerText.includes('unknown key') &&
                row.querySelector('a.id'))?.querySelector('a.id').getAttribute('href') ?? ''",
        )
        .await?;
    owner.visit(&event).await?;
    owner.try_keyboard().await?;
    let first = owner.text("document.querySelector('main #campaign_id').options[1].text").await?;
    owner.fill(&[("campaign_id", &first), ("note", "The key of a walk")]).await?;
    let form = owner.element("main form[action='/parked/mend/'] button").await?;
    owner.follow(&form).await?;
    owner.look().await?;
    let confirm = owner.element("main form[action='/parked/mend/'] button").await?;
    owner.follow(&confirm).await?;
    owner.look().await?;
    owner.open(&event).await?;
    for _ in 0..100 {
        if owner.visible_text().await?.contains("replayed") {
            return owner.look().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        owner.open(&event).await?;
    }
    anyhow::bail!("the mended event is not replayed: {}", owner.visible_text().await?)
}
