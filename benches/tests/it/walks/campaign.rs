//! A campaign from its creation to its first visit: its code is put on a page, the page is opened,
//! and the campaign's page says *Receiving* without being loaded again.

use std::time::Duration;

use anyhow::Context as _;
use sluice_browser::Chromium;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::walker::Walker;
use crate::site::Site;

pub(super) async fn walk(buyer: &mut Walker, chromium: &Chromium, site: &Site) -> anyhow::Result<()> {
    buyer.visit("/campaigns/create/").await?;
    buyer.fill(&[("name", "Walk campaign"), ("payout", "12.5"), ("currency", "USD")]).await?;
    buyer.press_and_see("Create campaign", "Waiting for the first hit").await?;
    buyer.look().await?;
    buyer.try_keyboard().await?;
    let snippet = buyer.text_of("#setup-snippet").await?;

    let shop = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", shop.local_addr()?);
    let mut visitor = chromium.tab(&base).await?;
    let url = format!("{base}/");
    tokio::select! {
        served = serve(&shop, &snippet) => served?,
        opened = visitor.open(&url) => { opened?; }
    }
    let edge = format!("a request to http://{}/", site.edge.public);
    let faults = visitor.faults().await?;
    anyhow::ensure!(faults.iter().all(|fault| fault.starts_with(&edge)), "{faults:?}");
    buyer
        .wait_for("document.querySelector('main').innerText", |text| text.contains("Receiving"))
        .await
        .context("the page of the campaign")?;
    buyer.look().await?;

    buyer.press_and_see("Edit", "Save").await?;
    buyer.look().await?;
    buyer.fill(&[("tags", "walk"), ("payout", "13")]).await?;
    buyer.press_and_see("Save", "13.00 USD").await?;
    buyer.fill(&[("grace_hours", "1")]).await?;
    buyer.press_and_see("Make a new key", "There is a new key.").await?;
    buyer.look().await?;
    buyer.press_and_see("Delete", "Delete campaign").await?;
    buyer.look().await?;
    buyer.press_and_see("Delete campaign Walk campaign", "Deleted campaign Walk campaign.").await
}

/// Answers each request with a page that has the snippet.
async fn serve(shop: &TcpListener, snippet: &str) -> anyhow::Result<()> {
    let page = format!("<!doctype html><html lang=en><title>Shop</title><p>A shop</p>{snippet}</html>");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: ";
    loop {
        let (mut connection, _) = shop.accept().await?;
        // The browser may open a connection before it has a request.
        let mut request = [0_u8; 4096];
        let read = tokio::time::timeout(Duration::from_millis(300), connection.read(&mut request)).await;
        if matches!(read, Ok(Ok(n)) if n > 0) {
            connection.write_all(format!("{head}{}\r\n\r\n{page}", page.len()).as_bytes()).await?;
        }
    }
}
