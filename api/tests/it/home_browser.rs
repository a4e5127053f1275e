//! The home page in a real browser: the charts are drawn under the content security policy, in
//! light and dark, and nothing scrolls sideways on a phone.

use std::time::Duration;

use chromiumoxide::browser::Browser;
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
};
use chromiumoxide::page::Page;
use futures::StreamExt as _;
use sluice_api::{http::serve, routes};
use sluice_runtime::lifecycle::Lifecycle;

use crate::documents::{LISTEN, browser_config, keep_picture, refused, wait_for, wait_for_element};
use crate::home::Company;
use crate::world::PASSWORD;

#[tokio::test]
async fn the_charts_are_drawn_in_light_and_dark_and_on_a_phone() {
    let company = Company::new().await;
    let lifecycle = Lifecycle::default();
    let listen = "127.0.0.1:0".parse().unwrap();
    let bound = serve::serve(listen, routes::build(&company.world.app), &lifecycle).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut browser, mut events) = Browser::launch(browser_config(folder.path())).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "the browser's connection has no lifecycle to wait for")]
    let handler =
        tokio::spawn(async move { while events.next().await.is_some_and(|event| event.is_ok()) {} });

    let page = browser.new_page("about:blank").await.unwrap();
    page.evaluate_on_new_document(LISTEN).await.unwrap();
    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)] {
        show(&page, scheme, width).await;
        page.goto(format!("http://{bound}/?teams_by=prospects")).await.unwrap();
        if scheme == "light" && width == 1280 {
            log_in(&page).await;
        }
        wait_for(&page, "String(document.querySelectorAll('.chart canvas').length)", |count| count == "3")
            .await;
        let sideways = "String(document.documentElement.scrollWidth - document.documentElement.clientWidth)";
        wait_for(&page, sideways, |excess| excess == "0").await;
        keep_picture(&page, &format!("home-{scheme}-{width}")).await;
        page.evaluate("for (const part of document.querySelectorAll('main details')) part.open = true")
            .await
            .unwrap();
        wait_for(&page, sideways, |excess| excess == "0").await;
        let inside = "String(document.querySelector('.dates-panel').getBoundingClientRect().left >= 0)";
        wait_for(&page, inside, |is_inside| is_inside == "true").await;
        keep_picture(&page, &format!("home-open-{scheme}-{width}")).await;
        page.goto(format!("http://{bound}/?from=soon")).await.unwrap();
        wait_for_element(&page, "#problems a[href=\"#dates-from\"]").await;
        wait_for(&page, sideways, |excess| excess == "0").await;
        keep_picture(&page, &format!("home-problem-{scheme}-{width}")).await;
        assert_eq!(refused(&page).await, "");
    }

    browser.close().await.unwrap();
    browser.wait().await.unwrap();
    handler.await.unwrap();
    lifecycle.begin_drain();
    assert!(lifecycle.finish(Duration::from_secs(10)).await);
}

async fn show(page: &Page, scheme: &str, width: i64) {
    let feature = MediaFeature::new("prefers-color-scheme", scheme);
    let media = SetEmulatedMediaParams { features: Some(vec![feature]), ..SetEmulatedMediaParams::default() };
    page.execute(media).await.unwrap();
    let height = if width < 500 { 3400 } else { 1900 };
    page.execute(SetDeviceMetricsOverrideParams::new(width, height, 1.0, false)).await.unwrap();
}

async fn log_in(page: &Page) {
    for (name, text) in [("username", "owner"), ("password", PASSWORD)] {
        let input = wait_for_element(page, &format!("input[name={name}]")).await;
        input.click().await.unwrap().type_str(text).await.unwrap();
    }
    wait_for_element(page, "main form button").await.click().await.unwrap();
}
