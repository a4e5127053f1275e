//! Walks of each position through the pages in a real browser. Each visited page is asked for its
//! faults, and each kind of page is looked at once by [`walker::Walker::look`]: accessibility in
//! light and dark, and a page that fits on a phone and at 200 %.

mod admin;
mod campaign;
mod entities;
mod funds;
mod login;
mod no_script;
mod owner;
mod places;
mod reports;
mod walker;

use anyhow::Context as _;
use sluice_browser::Chromium;
use sluice_local::demo::credentials::Credentials;

use self::walker::{Seen, Walker};
use crate::site::{PASSWORD, Site};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_position_walks_through_its_pages() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let credentials = site.demo().await?;
    let chromium = Chromium::launch().await?;
    let walked = walk(&chromium, &site, &credentials).await;
    chromium.close().await?;
    let findings = walked?;
    anyhow::ensure!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    Ok(())
}

async fn walk(chromium: &Chromium, site: &Site, people: &Credentials) -> anyhow::Result<Vec<String>> {
    let seen = Seen::default();
    let walker = async |username: &'static str| {
        let person = people.users.iter().find(|person| person.username == username);
        let password = person.and_then(|person| person.password.as_deref());
        let password = password.with_context(|| format!("the demo has no {username}"))?;
        Walker::log_in(chromium.tab(&site.crm).await?, username, password, seen.clone()).await
    };
    let first =
        async || Walker::log_in(chromium.tab(&site.crm).await?, "owner", PASSWORD, seen.clone()).await;
    let (mut buyer, mut lead, mut coordinator, mut owner, mut admin, mut first) = tokio::try_join!(
        walker("demo_buyer1"),
        walker("demo_lead"),
        walker("demo_funds"),
        walker("demo_owner"),
        walker("demo_owner"),
        first()
    )?;
    tokio::try_join!(
        async {
            places::visit(&mut buyer, &places::BUYER).await?;
            places::be_refused(&mut buyer).await?;
            campaign::walk(&mut buyer, chromium, site).await
        },
        async {
            places::visit(&mut lead, &places::LEAD).await?;
            entities::edit_team(&mut lead).await?;
            reports::walk(&mut lead).await
        },
        async {
            places::visit(&mut coordinator, &places::COORDINATOR).await?;
            entities::change_all(&mut coordinator, entities::COORDINATOR).await
        },
        async {
            places::visit(&mut owner, &places::OWNER).await?;
            owner::walk(&mut owner).await
        },
        async {
            admin::walk(&mut admin).await?;
            entities::change_all(&mut admin, entities::OWNER).await
        },
        login::walk(&mut first)
    )?;
    tokio::try_join!(
        async {
            admin::edit_at_once(&mut admin, &mut first).await?;
            no_script::walk(&mut first).await
        },
        funds::walk(&mut buyer, &mut lead, &mut coordinator)
    )?;
    Ok([buyer, lead, coordinator, owner, admin, first].into_iter().flat_map(Walker::into_findings).collect())
}
