//! Keyboard shortcuts in a real browser, and their off-switch.

use std::time::Duration;

use chromiumoxide::browser::Browser;
use chromiumoxide::page::Page;
use futures::StreamExt as _;
use sluice_api::policy::Position;
use sluice_api::{http::serve, routes};
use sluice_runtime::lifecycle::Lifecycle;

use crate::documents::{LISTEN, browser_config, keep_picture, refused, wait_for, wait_for_element};
use crate::world::{PASSWORD, World};

#[tokio::test]
async fn keys_search_open_sections_and_explain_themselves() {
    let world = World::with_events(|_| {}).await;
    let ann = world.person("ann", Position::Buyer).await;
    let lifecycle = Lifecycle::default();
    let listen = "127.0.0.1:0".parse().unwrap();
    let bound = serve::serve(listen, routes::build(&world.app), &lifecycle).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut browser, mut events) = Browser::launch(browser_config(folder.path())).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "the browser's connection has no lifecycle to wait for")]
    let handler =
        tokio::spawn(async move { while events.next().await.is_some_and(|event| event.is_ok()) {} });

    let page = browser.new_page("about:blank").await.unwrap();
    page.evaluate_on_new_document(LISTEN).await.unwrap();
    page.goto(format!("http://{bound}/prospects/")).await.unwrap();
    for (name, text) in [("username", "ann"), ("password", PASSWORD)] {
        let input = wait_for_element(&page, &format!("input[name={name}]")).await;
        input.click().await.unwrap().type_str(text).await.unwrap();
    }
    wait_for_element(&page, "main form button").await.click().await.unwrap();
    wait_for_element(&page, "details.dates").await;

    press(&page, "?").await;
    wait_for(&page, "document.querySelector('dialog.help')?.innerText ?? ''", |text| {
        text.contains("Orders") && text.contains("Download CSV") && !text.contains("Admin")
    })
    .await;
    keep_picture(&page, "shortcuts").await;
    press(&page, "Escape").await;
    wait_for(&page, "String(document.querySelector('dialog.help') === null)", |gone| gone == "true").await;
    press(&page, "t").await;
    wait_for(&page, "String(document.querySelector('details.dates').open)", |open| open == "true").await;
    press(&page, "/").await;
    wait_for(&page, "document.activeElement.id", |id| id == "top-q").await;
    // What one types in a field is no shortcut.
    press(&page, "g").await;
    press(&page, "o").await;
    wait_for(&page, "document.activeElement.value", |text| text == "go").await;
    page.evaluate("document.activeElement.blur()").await.unwrap();
    press(&page, "g").await;
    press(&page, "o").await;
    wait_for(&page, "location.pathname", |path| path == "/orders/").await;
    // A section that the viewer does not have.
    press(&page, "g").await;
    press(&page, "a").await;
    assert_eq!(refused(&page).await, "");

    world.sql(&format!("UPDATE users SET shortcuts = false WHERE id = {}", ann.id)).await;
    page.goto(format!("http://{bound}/orders/")).await.unwrap();
    wait_for_element(&page, "#top-q").await;
    press(&page, "/").await;
    press(&page, "?").await;
    let nothing =
        "String(document.querySelector('dialog') === null && document.activeElement === document.body)";
    wait_for(&page, nothing, |is_so| is_so == "true").await;

    browser.close().await.unwrap();
    browser.wait().await.unwrap();
    handler.await.unwrap();
    lifecycle.begin_drain();
    assert!(lifecycle.finish(Duration::from_secs(10)).await);
}

/// Presses a key, wherever the focus is.
async fn press(page: &Page, key: &str) {
    let element = page.find_element("body").await.unwrap();
    element.press_key(key).await.unwrap();
}
