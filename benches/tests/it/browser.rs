//! The walk of a newcomer in a real browser: opens the demo landing page, fills in the order form,
//! reaches the page of thanks, logs in to the CRM as the Owner, and finds the visit and the order
//! there, joined and once.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use sluice_browser::{Chromium, Tab};

use crate::site::{PASSWORD, Site};

const PATIENCE: Duration = Duration::from_secs(30);
const CUSTOMER: [(&str, &str); 5] = [
    ("first_name", "Nora"),
    ("last_name", "Hansen"),
    ("email", "nora.hansen@example.com"),
    ("phone_number", "+4520000001"),
    ("delivery_address", "12 Harbour Road, Aarhus"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_and_its_order_are_seen_by_the_team() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let (_landing, landing) = site.landing().await?;
    let chromium = Chromium::launch().await?;
    let walk = walk(&chromium, &site, &landing).await;
    chromium.close().await?;
    walk
}

async fn walk(chromium: &Chromium, site: &Site, landing: &str) -> anyhow::Result<()> {
    let mut shop = chromium.tab(landing).await?;
    shop.open("/?utm_source=walk&utm_campaign=newcomer&sub1=first").await?;
    // The script has run when the form has a prospect id.
    let filled = "document.querySelector('form[data-sluice] [name=prospect_id], form[data-sluice] [name=pid]')?.value ?? ''";
    let prospect = shop.wait_for(filled, |value| value.len() == 36).await?;
    shop.fill_in("form[data-sluice]", &CUSTOMER).await?;
    let button = shop.element("form[data-sluice] button[type=submit]").await?;
    button.click().await?;
    shop.wait_for("location.pathname", |path| path == "/thanks").await?;
    shop.wait_for("document.querySelector('h1')?.textContent ?? ''", |title| {
        title.contains("your order is in")
    })
    .await?;

    let mut crm = chromium.tab(&site.crm).await?;
    crm.log_in("owner", PASSWORD).await?;
    see_once(&mut crm, "/prospects/", &prospect).await?;
    see_once(&mut crm, "/orders/", CUSTOMER[2].1).await?;
    let order = "[...document.querySelectorAll('main a')].map(a => a.getAttribute('href'))\
                 .find(href => /^\\/orders\\/[0-9a-f-]{36}\\/$/.test(href ?? '')) ?? ''";
    let order = crm.wait_for(order, |href| !href.is_empty()).await?;
    crm.open(&order).await?;
    for seen in ["Hansen", "nora.hansen@example.com", "12 Harbour Road", &prospect] {
        crm.wait_for("document.body.innerText + document.body.innerHTML", |text| text.contains(seen))
            .await
            .with_context(|| format!("the order's page does not show {seen}"))?;
    }
    let counts = "SELECT (SELECT count() FROM prospects) * 10 + (SELECT count() FROM orders)";
    assert_eq!(site.testbed.clickhouse.number(counts).await?, 11, "one prospect and one order");
    let campaign =
        "SELECT count() FROM prospects WHERE utm_source = 'walk' AND sub1 = 'first' AND browser != ''";
    assert_eq!(site.testbed.clickhouse.number(campaign).await?, 1, "the parameters of the page were kept");
    Ok(())
}

/// Reloads a list until it shows exactly one row, with this text. The page shortens ids, and has
/// the whole ones in their titles.
async fn see_once(tab: &mut Tab, path: &str, text: &str) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        tab.open(path).await?;
        let rows = tab.evaluate("document.querySelectorAll('tbody tr').length").await?;
        let shown = tab.text("document.querySelector('main').innerHTML").await?;
        if rows == 1 && shown.contains(text) {
            return Ok(());
        }
        anyhow::ensure!(rows == 0 || rows == 1, "{path} shows {rows} rows instead of one");
        anyhow::ensure!(begin.elapsed() < PATIENCE, "{path} does not show {text}, but:\n{shown}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
