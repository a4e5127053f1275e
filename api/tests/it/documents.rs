//! The two pages of the OpenAPI document in a real browser, under their content security policy.

use std::time::Duration;

use sluice_api::policy::Position;
use sluice_browser::{Chromium, Tab};
use sluice_runtime::lifecycle::Lifecycle;

use crate::world::World;

#[tokio::test]
async fn both_pages_show_the_document_and_swagger_carries_out_an_operation() {
    let world = World::new().await;
    let olga = world.person("olga", Position::Owner).await;
    world.person("ben", Position::Buyer).await;
    let served = Served::start(&world).await;
    let chromium = Chromium::launch().await.unwrap();
    let mut tab = chromium.tab(&served.url).await.unwrap();
    read_redoc(&mut tab).await;
    try_swagger(&mut tab, &olga.token).await;
    chromium.close().await.unwrap();
    served.stop().await;
}

/// A world on a port.
pub(crate) struct Served {
    pub(crate) url: String,
    lifecycle: Lifecycle,
}

impl Served {
    pub(crate) async fn start(world: &World) -> Self {
        let lifecycle = Lifecycle::default();
        let bound = world.serve(&lifecycle).await.unwrap();
        Self { url: format!("http://{bound}"), lifecycle }
    }

    pub(crate) async fn stop(self) {
        self.lifecycle.begin_drain();
        assert!(self.lifecycle.finish(Duration::from_secs(10)).await);
    }
}

async fn read_redoc(tab: &mut Tab) {
    tab.open("/redoc/").await.unwrap();
    let text = "document.querySelector('#redoc').innerText";
    tab.wait_for(text, |text| text.contains("/api/campaigns/create/") && text.contains("Spring push"))
        .await
        .unwrap();
    // The policy allows the styles: without them the menu scrolls with the text.
    let menu = "getComputedStyle(document.querySelector('.menu-content')).position";
    tab.wait_for(menu, |position| position != "static").await.unwrap();
    assert_eq!(tab.faults().await.unwrap(), [""; 0]);
}

async fn try_swagger(tab: &mut Tab, token: &str) {
    tab.open("/swagger/#/users/list_users").await.unwrap();
    // The link opens the operation. Once its button is there, the page is complete.
    tab.element("#operations-users-list_users button.execute").await.unwrap();
    // The example is shown but not filled in: ben is not in that team.
    let filter =
        "document.querySelector('#operations-users-list_users [data-param-name=team_id]')?.innerText ?? ''";
    tab.wait_for(filter, |text| text.contains("Example: 1")).await.unwrap();
    click(tab, "button.authorize").await;
    let input = tab.element(".auth-container input").await.unwrap();
    input.click().await.unwrap().type_str(token).await.unwrap();
    click(tab, ".auth-btn-wrapper button.authorize").await;
    click(tab, ".auth-btn-wrapper button.btn-done").await;
    click(tab, "#operations-users-list_users button.execute").await;
    let answer =
        "document.querySelector('#operations-users-list_users .live-responses-table')?.innerText ?? ''";
    tab.wait_for(answer, |text| text.contains("200") && text.contains("ben@example.com")).await.unwrap();
    // Swagger's own advice about its links, which it gives at each start.
    let faults = tab.faults().await.unwrap();
    let is_ours = |fault: &&String| !fault.contains("escaping deep link whitespace");
    assert_eq!(faults.iter().filter(is_ours).collect::<Vec<_>>(), [""; 0]);
}

async fn click(tab: &Tab, selector: &str) {
    tab.element(selector).await.unwrap().click().await.unwrap();
}
