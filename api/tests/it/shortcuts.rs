//! Keyboard shortcuts in a real browser, and their off-switch.

use sluice_api::policy::Position;
use sluice_browser::Chromium;

use crate::documents::Served;
use crate::world::{PASSWORD, World};

#[tokio::test]
async fn keys_search_open_sections_and_explain_themselves() {
    let world = World::with_events(|_| {}).await;
    let ann = world.person("ann", Position::Buyer).await;
    let served = Served::start(&world).await;
    let chromium = Chromium::launch().await.unwrap();
    let mut tab = chromium.tab(&served.url).await.unwrap();
    tab.log_in("ann", PASSWORD).await.unwrap();
    tab.open("/prospects/").await.unwrap();

    tab.press_key("?").await.unwrap();
    tab.wait_for("document.querySelector('dialog.help')?.innerText ?? ''", |text| {
        text.contains("Orders") && text.contains("Dates") && !text.contains("Admin")
    })
    .await
    .unwrap();
    tab.keep_picture("shortcuts").await.unwrap();
    tab.press_key("Escape").await.unwrap();
    tab.becomes("document.querySelector('dialog.help') === null").await.unwrap();
    tab.press_key("t").await.unwrap();
    tab.becomes("document.querySelector('details.dates').open").await.unwrap();
    tab.press_key("/").await.unwrap();
    tab.becomes("document.activeElement.id === 'top-q'").await.unwrap();
    // Keys in a field are text, not shortcuts.
    tab.press_key("g").await.unwrap();
    tab.press_key("o").await.unwrap();
    tab.becomes("document.activeElement.value === 'go'").await.unwrap();
    tab.evaluate("document.activeElement.blur(); true").await.unwrap();
    tab.press_key("g").await.unwrap();
    tab.press_key("o").await.unwrap();
    tab.becomes("location.pathname === '/orders/'").await.unwrap();
    // A section that the viewer does not have.
    tab.press_key("g").await.unwrap();
    tab.press_key("a").await.unwrap();
    assert_eq!(tab.faults().await.unwrap(), [""; 0]);

    world.sql(&format!("UPDATE users SET shortcuts = false WHERE id = {}", ann.id)).await;
    tab.open("/orders/").await.unwrap();
    tab.press_key("/").await.unwrap();
    tab.press_key("?").await.unwrap();
    tab.becomes("document.querySelector('dialog') === null && document.activeElement === document.body")
        .await
        .unwrap();
    chromium.close().await.unwrap();
    served.stop().await;
}
