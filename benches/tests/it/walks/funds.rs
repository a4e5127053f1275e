//! A request for money from asking to the return: a Buyer asks, a Team Lead approves, a Coordinator
//! records the top-up, spend and the return.

use super::walker::Walker;

pub(super) async fn walk(
    buyer: &mut Walker,
    lead: &mut Walker,
    coordinator: &mut Walker,
) -> anyhow::Result<()> {
    let account = account_of(buyer).await?;
    buyer.visit("/funds/requests/create/").await?;
    buyer
        .fill(&[("account_id", &account), ("amount", "75"), ("purpose", "A walk through the funds")])
        .await?;
    buyer.press_and_see("Create request", "Created request.").await?;
    let request = buyer.path().await?;
    buyer.press_and_see("Edit", "Save").await?;
    buyer.look().await?;
    buyer.fill(&[("amount", "80")]).await?;
    buyer.press_and_see("Save", "80.00").await?;
    buyer.look().await?;

    lead.visit(&request).await?;
    lead.press_and_see("Approve", "Approved.").await?;
    lead.look().await?;

    coordinator.visit(&request).await?;
    coordinator.fill(&[("fee", "1.5"), ("reference", "walk-1")]).await?;
    coordinator.press_and_see("Record the top-up", "The top-up is recorded.").await?;
    coordinator.look().await?;
    for (kind, amount) in [("spend", "20"), ("return", "60")] {
        coordinator.visit("/funds/transfers/create/").await?;
        coordinator.fill(&[("kind", kind), ("account_id", &account), ("amount", amount)]).await?;
        coordinator.press_and_see("Create transfer", "Created transfer.").await?;
        coordinator.look().await?;
    }
    coordinator.fill(&[("note", "The return was a mistake")]).await?;
    coordinator.press_and_see("Reverse", "Reversed.").await?;
    coordinator.look().await?;

    import(coordinator, &account).await?;
    buyer.open(&request).await?;
    let text = buyer.visible_text().await?;
    anyhow::ensure!(text.contains("topped up"), "the Buyer sees the top-up: {text}");
    Ok(())
}

/// Records spend from a file, after its preview.
async fn import(coordinator: &mut Walker, account: &str) -> anyhow::Result<()> {
    let file = tempfile::Builder::new().suffix(".csv").tempfile()?;
    std::fs::write(file.path(), format!("Day,Cost,Account,Id\n2026-01-05,1.25,{account},walk\n"))?;
    coordinator.visit("/funds/import/").await?;
    coordinator.try_keyboard().await?;
    coordinator.choose_file("file", file.path()).await?;
    coordinator.press_and_see("Preview", "Rows to record: 1.").await?;
    coordinator.look().await?;
    coordinator.press_and_see("Record 1 row", "1.25").await?;
    coordinator.look().await
}

/// Returns the name of an active ad account of the Buyer in the currency of the team's budget.
async fn account_of(buyer: &mut Walker) -> anyhow::Result<String> {
    buyer.open("/funds/accounts/?state=active").await?;
    buyer
        .text(
            "[...document.querySelectorAll('main tbody tr')].find(row => row.innerText.includes('USD'))
                ?.querySelector('a').textContent ?? ''",
        )
        .await
}
