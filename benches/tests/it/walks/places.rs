//! The pages that each position may see. Of each list also the first thing.

use super::walker::Walker;

const EVERYBODY: [&str; 7] = [
    "/search/?q=demo",
    "/search/?q=nothing-has-this-name",
    "/account/",
    "/account/password/",
    "/account/second-factor/",
    "/account/sessions/",
    "/account/tokens/",
];

/// Lists that every position has.
const COMMON: [&str; 11] = [
    "/campaigns/",
    "/funds/requests/",
    "/funds/accounts/",
    "/funds/balances/",
    "/funds/transfers/",
    "/funds/ledger/",
    "/funds/rates/",
    "/teams/",
    "/users/",
    "/sources/",
    "/partners/",
];

pub(super) const BUYER: &[&str] = &["/prospects/", "/orders/"];
pub(super) const LEAD: &[&str] = &["/prospects/", "/orders/", "/funds/budgets/"];
pub(super) const COORDINATOR: &[&str] = &["/funds/budgets/", "/funds/import/"];
pub(super) const OWNER: &[&str] = &["/prospects/", "/orders/", "/funds/budgets/", "/parked/"];

/// Visits the home page, the common lists and these, the first thing of each, and the account.
pub(super) async fn visit(walker: &mut Walker, lists: &[&str]) -> anyhow::Result<()> {
    walker.visit("/").await?;
    walker.element(".chart canvas").await?;
    walker.try_keyboard().await?;
    for list in COMMON.iter().chain(lists) {
        walker.visit(&format!("{list}?per_page=10")).await?;
        let Some(thing) = walker.first_of_list(list).await? else { continue };
        walker.visit(&thing).await?;
    }
    for path in EVERYBODY {
        walker.visit(path).await?;
    }
    for (path, wanted, name) in [
        ("/nothing/is/here/", 404, "unknown"),
        ("/users/999999/", 404, "unknown_user"),
        ("/users/?sort=nothing", 400, "unknown_order"),
        ("/?from=soon", 400, "unknown_date"),
    ] {
        let status = walker.open(path).await?;
        anyhow::ensure!(status == wanted, "{path} is answered with {status}");
        walker.look_as(name).await?;
    }
    Ok(())
}

/// Looks at a page that this position may not see.
pub(super) async fn be_refused(walker: &mut Walker) -> anyhow::Result<()> {
    let status = walker.open("/parked/").await?;
    anyhow::ensure!(status == 403, "/parked/ is answered with {status}");
    walker.look_as("forbidden").await
}
