//! Pages without JavaScript: everything is read and changed as with it.

use super::entities::{self, PARTNER};
use super::places;
use super::walker::Walker;

pub(super) async fn walk(user: &mut Walker) -> anyhow::Result<()> {
    user.go_without_scripts().await?;
    user.open("/").await?;
    let home = user.visible_text().await?;
    anyhow::ensure!(home.contains("The chart needs JavaScript"), "{home}");
    let menu = user.element(".nav-links .menu summary").await?;
    user.click(&menu).await?;
    user.press_and_see("Admin", "Audit trail").await?;
    for list in places::OWNER.lists {
        user.visit(list).await?;
    }
    entities::change_all(user, &[PARTNER]).await?;
    user.open("/search/").await?;
    user.fill(&[("q", "demo_buyer2")]).await?;
    user.press_and_see("Search", "demo_buyer2").await
}
