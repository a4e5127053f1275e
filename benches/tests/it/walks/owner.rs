//! The work of Owners alone: the admin section with bulk deletion, orders, parked events, and the
//! second factor of a login.

use anyhow::Context as _;

use super::walker::Walker;

pub(super) async fn walk(owner: &mut Walker) -> anyhow::Result<()> {
    for page in ["/pipeline/", "/system/"] {
        owner.visit(page).await?;
        owner.try_keyboard().await?;
    }
    visit_admin(owner).await?;
    delete_many(owner).await?;
    delete_all(owner).await?;
    create_order(owner).await?;
    change_order(owner).await?;
    mend(owner).await
}

async fn visit_admin(owner: &mut Walker) -> anyhow::Result<()> {
    owner.visit("/admin/").await?;
    let lists = owner
        .evaluate("[...document.querySelectorAll('main td:first-child a')].map(a => a.getAttribute('href'))")
        .await?;
    let lists: Vec<String> = serde_json::from_value(lists)?;
    anyhow::ensure!(lists.len() > 12, "the admin section has {lists:?}");
    for list in lists {
        owner.visit(&format!("{list}?per_page=10")).await?;
        if let Some(thing) = owner.first_of_list(&list).await? {
            owner.visit(&thing).await?;
        }
    }
    Ok(())
}

async fn delete_many(owner: &mut Walker) -> anyhow::Result<()> {
    for name in ["Bulk 1", "Bulk 2", "Bulk 3"] {
        owner.open("/admin/sources/create/").await?;
        owner.fill(&[("name", name)]).await?;
        owner.press_and_see("Create source", "Created source.").await?;
    }
    owner.open("/admin/sources/?q=Bulk").await?;
    owner.try_keyboard().await?;
    owner
        .evaluate(
            "[...document.querySelectorAll('main tbody input[type=checkbox]')].slice(0, 2)
                .forEach(box => box.click())",
        )
        .await?;
    owner.press_and_see("Delete the selected", "Delete 2 sources").await?;
    owner.look().await?;
    owner.press_and_see("Delete these 2", "2 sources deleted.").await?;
    owner.open("/admin/sources/?q=Bulk").await?;
    let text = owner.visible_text().await?;
    anyhow::ensure!(text.contains("Bulk 3") && !text.contains("Bulk 1"), "two of three are deleted: {text}");
    Ok(())
}

/// Deletes all sources that match a search, more than may be deleted without typing their number.
async fn delete_all(owner: &mut Walker) -> anyhow::Result<()> {
    owner
        .evaluate(
            "(async () => {
                const page = await (await fetch('/admin/sources/create/')).text();
                const token = new DOMParser().parseFromString(page, 'text/html')
                    .querySelector('main [name=csrf_token]').value;
                for (let i = 0; i < 21; i += 1) {
                    const body = new URLSearchParams({ csrf_token: token, name: `Match ${i}` });
                    await fetch('/admin/sources/create/', { method: 'POST', body });
                }
            })()",
        )
        .await?;
    owner.open("/admin/sources/?q=Match&per_page=10").await?;
    owner.press_and_see("Delete all that match", "Type 21 to confirm").await?;
    owner.look_as("admin_sources_bulk_typed").await?;
    owner.fill(&[("typed", "20")]).await?;
    let status = owner.press("Delete these 21").await?;
    anyhow::ensure!(status == 400, "the wrong number is answered with {status}");
    owner.look_as("admin_sources_bulk_wrong").await?;
    owner.fill(&[("typed", "21")]).await?;
    owner.press("Delete these 21").await?;
    owner.wait_for("document.body.innerText", |text| text.contains("21 sources deleted.")).await?;
    owner.open("/admin/sources/?q=Match").await?;
    let text = owner.visible_text().await?;
    anyhow::ensure!(text.contains("Nothing matches"), "all 21 are deleted: {text}");
    Ok(())
}

/// Creates an order of the newest prospect.
async fn create_order(owner: &mut Walker) -> anyhow::Result<()> {
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

async fn change_order(owner: &mut Walker) -> anyhow::Result<()> {
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

/// Two Owners edit the same source. The second one chooses what to keep.
pub(super) async fn edit_at_once(owner: &mut Walker, other: &mut Walker) -> anyhow::Result<()> {
    owner.open("/admin/sources/?q=Bulk").await?;
    let source = owner.first_of_list("/admin/sources/").await?.context("a source is left")?;
    for (walker, name) in [(&mut *owner, "Bulk mine"), (&mut *other, "Bulk theirs")] {
        walker.open(&format!("{source}update/")).await?;
        walker.fill(&[("name", name)]).await?;
    }
    other.press_and_see("Save", "Bulk theirs").await?;
    let status = owner.press("Save").await?;
    anyhow::ensure!(status == 412, "the later edit is answered with {status}");
    owner.look_as("conflict").await?;
    owner.try_keyboard().await?;
    owner.fill(&[("keep.name", "theirs")]).await?;
    owner.press_and_see("Save", "Bulk theirs").await
}

/// Names a campaign for all visits with an unknown key, and waits until they are stored.
async fn mend(owner: &mut Walker) -> anyhow::Result<()> {
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
