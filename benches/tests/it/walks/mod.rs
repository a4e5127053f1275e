//! Walks of each position through the pages in a real browser. Each visited page is asked for its
//! faults. [`walker::Walker::look`] looks at each kind of page once: accessibility in light and
//! dark, and a page that fits on a phone and at 200 %. Without `SLUICE_TEST_PICTURES` it looks at a
//! few kinds only, because all of them take eight minutes.

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
    let (bought, led, funded, owned, administered, logged_in) = tokio::join!(
        async {
            vec![
                fault("pages of a Buyer", places::visit(&mut buyer, &places::BUYER)).await,
                fault("a refused page", places::be_refused(&mut buyer)).await,
                fault("a campaign", campaign::walk(&mut buyer, chromium, site)).await,
            ]
        },
        async {
            vec![
                fault("pages of a Team Lead", places::visit(&mut lead, &places::LEAD)).await,
                fault("a team", entities::edit_team(&mut lead)).await,
                fault("reports", reports::walk(&mut lead)).await,
            ]
        },
        async {
            vec![
                fault("pages of a Coordinator", places::visit(&mut coordinator, &places::COORDINATOR)).await,
                fault("money", entities::change_all(&mut coordinator, entities::COORDINATOR)).await,
            ]
        },
        async {
            vec![
                fault("pages of an Owner", places::visit(&mut owner, &places::OWNER)).await,
                fault("the system", owner::visit_system(&mut owner)).await,
                fault("a new order", owner::create_order(&mut owner)).await,
                fault("an order", owner::change_order(&mut owner)).await,
                fault("a parked event", owner::mend(&mut owner)).await,
            ]
        },
        async {
            vec![
                fault("the admin section", admin::walk(&mut admin)).await,
                fault("all entities", entities::change_all(&mut admin, entities::OWNER)).await,
            ]
        },
        async { vec![fault("a login", login::walk(&mut first)).await] },
    );
    let (edited, funded_all) = tokio::join!(
        async {
            vec![
                fault("two edits", admin::edit_at_once(&mut admin, &mut first)).await,
                fault("no scripts", no_script::walk(&mut first)).await,
            ]
        },
        async { vec![fault("funds", funds::walk(&mut buyer, &mut lead, &mut coordinator)).await] },
    );
    let faults = [bought, led, funded, owned, administered, logged_in, edited, funded_all];
    let walkers = [buyer, lead, coordinator, owner, admin, first];
    let findings = walkers.into_iter().flat_map(Walker::into_findings);
    Ok(faults.into_iter().flatten().flatten().chain(findings).collect())
}

/// Returns why a walk has not reached its end. The other walks go on, so that one run of the test
/// shows the faults of all.
async fn fault(walk: &str, walked: impl Future<Output = anyhow::Result<()>>) -> Option<String> {
    walked.await.err().map(|error| format!("the walk through {walk} ends early: {error:#}"))
}
