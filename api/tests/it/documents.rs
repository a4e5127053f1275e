//! The two pages of the OpenAPI document in a real browser, under their content security policy.

use std::path::Path;
use std::time::{Duration, Instant};

use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::page::Page;
use futures::StreamExt as _;
use sluice_api::policy::Position;
use sluice_api::{http::serve, routes};
use sluice_runtime::lifecycle::Lifecycle;

use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(30);
/// Records violations of the policy, and errors.
pub(crate) const LISTEN: &str = "window.refused = [];
    document.addEventListener('securitypolicyviolation', event =>
        window.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
    window.addEventListener('error', event => window.refused.push(`error ${event.message}`));";

#[tokio::test]
async fn both_pages_show_the_document_and_swagger_carries_out_an_operation() {
    let world = World::new().await;
    let olga = world.person("olga", Position::Owner).await;
    world.person("ben", Position::Buyer).await;
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
    read_redoc(&page, &format!("http://{bound}/redoc/")).await;
    try_swagger(&page, &format!("http://{bound}/swagger/#/users/list_users"), &olga.token).await;

    browser.close().await.unwrap();
    browser.wait().await.unwrap();
    handler.await.unwrap();
    lifecycle.begin_drain();
    assert!(lifecycle.finish(Duration::from_secs(10)).await);
}

async fn read_redoc(page: &Page, url: &str) {
    page.goto(url).await.unwrap();
    let text = "document.querySelector('#redoc').innerText";
    wait_for(page, text, |text| text.contains("/api/campaigns/create/") && text.contains("Spring push"))
        .await;
    // The policy allows the styles: without them the menu scrolls with the text.
    let menu = "getComputedStyle(document.querySelector('.menu-content')).position";
    wait_for(page, menu, |position| position != "static").await;
    keep_picture(page, "redoc").await;
    assert_eq!(refused(page).await, "");
}

async fn try_swagger(page: &Page, url: &str, token: &str) {
    page.goto(url).await.unwrap();
    // The link opens the operation. Once its button is there, the page is complete.
    wait_for_element(page, "#operations-users-list_users button.execute").await;
    // The example is shown but not filled in: ben is not in that team.
    let filter =
        "document.querySelector('#operations-users-list_users [data-param-name=team_id]')?.innerText ?? ''";
    wait_for(page, filter, |text| text.contains("Example: 1")).await;
    click(page, "button.authorize").await;
    let input = wait_for_element(page, ".auth-container input").await;
    input.click().await.unwrap().type_str(token).await.unwrap();
    click(page, ".auth-btn-wrapper button.authorize").await;
    click(page, ".auth-btn-wrapper button.btn-done").await;
    click(page, "#operations-users-list_users button.execute").await;
    let answer =
        "document.querySelector('#operations-users-list_users .live-responses-table')?.innerText ?? ''";
    wait_for(page, answer, |text| text.contains("200") && text.contains("ben@example.com")).await;
    keep_picture(page, "swagger").await;
    assert_eq!(refused(page).await, "");
}

pub(crate) async fn refused(page: &Page) -> String {
    page.evaluate("window.refused.join('\\n')").await.unwrap().into_value().unwrap()
}

/// Saves a screenshot in the folder that `SLUICE_TEST_PICTURES` names, if it is set.
pub(crate) async fn keep_picture(page: &Page, name: &str) {
    if let Some(folder) = std::env::var_os("SLUICE_TEST_PICTURES") {
        let parameters = chromiumoxide::page::ScreenshotParams::builder().build();
        page.save_screenshot(parameters, Path::new(&folder).join(format!("{name}.png"))).await.unwrap();
    }
}

async fn click(page: &Page, selector: &str) {
    wait_for_element(page, selector).await.click().await.unwrap();
}

pub(crate) async fn wait_for_element(page: &Page, selector: &str) -> chromiumoxide::element::Element {
    wait_for(page, &format!("String(document.querySelector('{selector}') !== null)"), |text| text == "true")
        .await;
    page.find_element(selector).await.unwrap()
}

/// Evaluates an expression until `is_wanted` accepts its text.
pub(crate) async fn wait_for(page: &Page, expression: &str, is_wanted: impl Fn(&str) -> bool) {
    let begin = Instant::now();
    loop {
        let found =
            page.evaluate(expression).await.ok().and_then(|result| result.into_value::<String>().ok());
        if found.as_deref().is_some_and(&is_wanted) {
            return;
        }
        if begin.elapsed() > PATIENCE {
            panic!("{expression} is {found:?}; refused: {}", refused(page).await);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn browser_config(folder: &Path) -> BrowserConfig {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    BrowserConfig::builder()
        .chrome_executable(chromium)
        .user_data_dir(folder)
        .no_sandbox()
        .window_size(1280, 1000)
        .viewport(None)
        .request_timeout(PATIENCE)
        .args(["disable-gpu", "disable-quic", "disable-component-update", "no-proxy-server"])
        .build()
        .unwrap()
}
