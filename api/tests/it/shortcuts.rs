//! Keyboard shortcuts in a real browser, and their off-switch.

use sluice_api::policy::Position;
use sluice_browser::{Chromium, Tab};

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

    press(&tab, "?").await;
    tab.wait_for("document.querySelector('dialog.help')?.innerText ?? ''", |text| {
        text.contains("Orders") && text.contains("Dates") && !text.contains("Admin")
    })
    .await
    .unwrap();
    tab.keep_picture("shortcuts").await.unwrap();
    tab.press_key("Escape", 27).await.unwrap();
    becomes(&tab, "document.querySelector('dialog.help') === null").await;
    press(&tab, "t").await;
    becomes(&tab, "document.querySelector('details.dates').open").await;
    press(&tab, "/").await;
    becomes(&tab, "document.activeElement.id === 'top-q'").await;
    // Keys in a field are text, not shortcuts.
    press(&tab, "g").await;
    press(&tab, "o").await;
    becomes(&tab, "document.activeElement.value === 'go'").await;
    tab.evaluate("document.activeElement.blur(); true").await.unwrap();
    press(&tab, "g").await;
    press(&tab, "o").await;
    becomes(&tab, "location.pathname === '/orders/'").await;
    // A section that the viewer does not have.
    press(&tab, "g").await;
    press(&tab, "a").await;
    assert_eq!(tab.faults().await.unwrap(), [""; 0]);

    world.sql(&format!("UPDATE users SET shortcuts = false WHERE id = {}", ann.id)).await;
    tab.open("/orders/").await.unwrap();
    press(&tab, "/").await;
    press(&tab, "?").await;
    becomes(&tab, "document.querySelector('dialog') === null && document.activeElement === document.body")
        .await;
    chromium.close().await.unwrap();
    served.stop().await;
}

/// Presses a key with a character, wherever the focus is.
async fn press(tab: &Tab, key: &str) {
    tab.element("body").await.unwrap().press_key(key).await.unwrap();
}

async fn becomes(tab: &Tab, condition: &str) {
    tab.wait_for(&format!("String({condition})"), |is_so| is_so == "true").await.unwrap();
}
