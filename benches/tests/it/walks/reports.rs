//! A report: a tree whose branches open and close, a filter, a comparison, a saved view, and the
//! figures as a file.

use super::walker::Walker;

const REPORT: &str = "/reports/?group_by=campaign,country&range=7d";

pub(super) async fn walk(lead: &mut Walker) -> anyhow::Result<()> {
    lead.visit(REPORT).await?;
    lead.element(".chart canvas").await?;
    lead.try_keyboard().await?;
    let was_open = is_first_open(lead).await?;
    let toggle = lead.text("document.querySelector('tbody a.caret').getAttribute('href')").await?;
    lead.open(&toggle).await?;
    lead.look_as("reports_toggled").await?;
    let is_open = is_first_open(lead).await?;
    anyhow::ensure!(was_open != is_open, "the first branch was {was_open:?}, and is {is_open:?}");

    lead.open(&format!("{REPORT}&country=US&country=DE&compare=prev")).await?;
    lead.look_as("reports_compared").await?;
    let chips = lead.evaluate("document.querySelectorAll('.chip').length").await?;
    let differences = lead.evaluate("document.querySelectorAll('tfoot .difference').length").await?;
    anyhow::ensure!(chips != 0 && differences != 0, "{chips} filters, {differences} differences");
    save_view(lead).await?;
    let file = lead
        .text(
            "fetch([...document.querySelectorAll('main a[download]')][0].href).then(async file =>
                `${file.status} ${file.headers.get('content-type')} ${(await file.text()).split('\\n').length}`)",
        )
        .await?;
    anyhow::ensure!(file.starts_with("200 text/csv"), "the file is {file}");
    lead.open("/reports/?group_by=nothing").await?;
    lead.look_as("reports_unknown_group").await
}

async fn is_first_open(lead: &Walker) -> anyhow::Result<String> {
    lead.text("document.querySelector('tbody a.caret').getAttribute('aria-expanded')").await
}

async fn save_view(lead: &mut Walker) -> anyhow::Result<()> {
    lead.evaluate("document.querySelector('details.views').open = true").await?;
    lead.fill_in("form[action='/reports/views/']", &[("name", "Walk view")]).await?;
    let button = lead.element("form[action='/reports/views/'] .btn-primary").await?;
    lead.follow(&button).await?;
    lead.look_as("reports_saved").await?;
    let views = lead.text_of(".views-list").await?;
    anyhow::ensure!(views.contains("Walk view"), "the views are {views}");
    Ok(())
}
