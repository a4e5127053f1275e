//! The pages that each position may see. Of each list also the first thing. Most kinds of pages are
//! looked at by one position, and only asked for their faults by the others.

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

/// The pages of a position.
pub(super) struct Places {
    /// The lists that it has besides the common ones.
    pub(super) lists: &'static [&'static str],
    /// The beginnings of the paths that it looks at for all positions.
    looks_at: &'static [&'static str],
}

pub(super) const BUYER: Places =
    Places { lists: &["/prospects/", "/orders/"], looks_at: &["/account/", "/search/", "/campaigns/"] };
pub(super) const LEAD: Places = Places {
    lists: &["/prospects/", "/orders/", "/funds/budgets/"],
    looks_at: &["/teams/", "/users/", "/sources/", "/partners/", "/funds/budgets/"],
};
pub(super) const COORDINATOR: Places =
    Places { lists: &["/funds/budgets/", "/funds/import/"], looks_at: &["/funds/"] };
pub(super) const OWNER: Places = Places {
    lists: &["/prospects/", "/orders/", "/funds/budgets/", "/parked/"],
    looks_at: &["/prospects/", "/orders/", "/parked/"],
};

/// Visits the home page, the common lists and those of the position, the first thing of each, and
/// the account.
pub(super) async fn visit(walker: &mut Walker, places: &Places) -> anyhow::Result<()> {
    walker.visit("/").await?;
    walker.element(".chart canvas").await?;
    walker.try_keyboard().await?;
    let bar = walker.evaluate("document.querySelector('.nav-links').offsetHeight").await?;
    anyhow::ensure!(bar.as_u64().is_some_and(|height| height < 64), "the bar has two lines: {bar} pixels");
    for list in COMMON.iter().chain(places.lists) {
        go(walker, places, &format!("{list}?per_page=10")).await?;
        let Some(thing) = walker.first_of_list(list).await? else { continue };
        go(walker, places, &thing).await?;
    }
    for path in EVERYBODY {
        go(walker, places, path).await?;
    }
    for (path, wanted, name) in [
        ("/nothing/is/here/", 404, "unknown"),
        ("/users/999999/", 404, "unknown_user"),
        ("/users/?sort=nothing", 400, "unknown_order"),
        ("/?from=soon", 400, "unknown_date"),
    ] {
        let status = walker.open(path).await?;
        anyhow::ensure!(status == wanted, "{path} is answered with {status}");
        if places.looks_at.contains(&"/account/") {
            walker.look_as(name).await?;
        } else {
            walker.find_faults(path).await?;
        }
    }
    Ok(())
}

async fn go(walker: &mut Walker, places: &Places, path: &str) -> anyhow::Result<()> {
    if places.looks_at.iter().any(|start| path.starts_with(start)) {
        walker.visit(path).await
    } else {
        walker.pass(path).await
    }
}

/// Looks at a page that this position may not see.
pub(super) async fn be_refused(walker: &mut Walker) -> anyhow::Result<()> {
    let status = walker.open("/parked/").await?;
    anyhow::ensure!(status == 403, "/parked/ is answered with {status}");
    walker.look_as("forbidden").await
}
