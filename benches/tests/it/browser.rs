//! The walk of a newcomer in a real browser: opens the demo landing page, fills in the order form,
//! reaches the page of thanks, logs in to the CRM as the Owner, and finds the visit and the order
//! there, joined and once.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::page::Page;
use futures::StreamExt as _;
use sluice_bench::child::{Child, binary};
use sluice_bench::clickhouse::ClickHouse;
use sluice_bench::testbed::{Edge, Testbed};
use sluice_local::process::ProcessSpec;
use sluice_local::testing::{self, free_port};

const CHROMIUM: &str = "/usr/bin/chromium";
const PATIENCE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "a long way from here to there";
const CUSTOMER: [(&str, &str); 5] = [
    ("first_name", "Nora"),
    ("last_name", "Hansen"),
    ("email", "nora.hansen@example.com"),
    ("phone_number", "+4520000001"),
    ("delivery_address", "12 Harbour Road, Aarhus"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_and_its_order_are_seen_by_the_team() -> anyhow::Result<()> {
    let site = Site::start().await?;
    let folder = tempfile::tempdir()?;
    let (mut browser, mut events) = Browser::launch(browser_config(folder.path())?).await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the connection of the browser has no lifecycle to wait for"
    )]
    let handler =
        tokio::spawn(async move { while events.next().await.is_some_and(|event| event.is_ok()) {} });
    let walk = walk(&browser, &site).await;
    browser.close().await?;
    browser.wait().await?;
    handler.await?;
    walk
}

async fn walk(browser: &Browser, site: &Site) -> anyhow::Result<()> {
    let landing = format!("{}/?utm_source=walk&utm_campaign=newcomer&sub1=first", site.landing);
    let page = browser.new_page(landing).await?;
    // The script has run when the form has a prospect id.
    let filled = "document.querySelector('form[data-sluice] [name=prospect_id], form[data-sluice] [name=pid]')?.value ?? ''";
    let prospect = wait_for_text(&page, filled, |value| value.len() == 36).await?;
    for (name, value) in CUSTOMER {
        page.find_element(format!("[name={name}]")).await?.click().await?.type_str(value).await?;
    }
    page.find_element("form[data-sluice] button[type=submit]").await?.click().await?;
    wait_for_text(&page, "location.pathname", |path| path == "/thanks").await?;
    wait_for_text(&page, "document.querySelector('h1')?.textContent ?? ''", |title| {
        title.contains("your order is in")
    })
    .await?;

    log_in(&page, site).await?;
    see_once(&page, &format!("{}/prospects/", site.crm), &prospect).await?;
    see_once(&page, &format!("{}/orders/", site.crm), CUSTOMER[2].1).await?;
    let order = "[...document.querySelectorAll('main a, body a')].map(a => a.getAttribute('href'))\
                 .find(href => /^\\/orders\\/[0-9a-f-]{36}\\/$/.test(href ?? '')) ?? ''";
    let order = wait_for_text(&page, order, |href| !href.is_empty()).await?;
    page.goto(format!("{}{order}", site.crm)).await?;
    for seen in ["Hansen", "nora.hansen@example.com", "12 Harbour Road", &prospect] {
        wait_for_text(&page, "document.body.innerText + document.body.innerHTML", |text| text.contains(seen))
            .await
            .with_context(|| format!("the order's page does not show {seen}"))?;
    }
    let counts = "SELECT (SELECT count() FROM prospects) * 10 + (SELECT count() FROM orders)";
    assert_eq!(site.testbed.clickhouse.number(counts).await?, 11, "one prospect and one order");
    let campaign =
        "SELECT count() FROM prospects WHERE utm_source = 'walk' AND sub1 = 'first' AND browser != ''";
    assert_eq!(site.testbed.clickhouse.number(campaign).await?, 1, "the parameters of the page were kept");
    Ok(())
}

async fn log_in(page: &Page, site: &Site) -> anyhow::Result<()> {
    page.goto(format!("{}/login/", site.crm)).await?;
    page.find_element("input[name=username]").await?.click().await?.type_str("owner").await?;
    page.find_element("input[name=password]").await?.click().await?.type_str(PASSWORD).await?;
    page.find_element("input[name=password]").await?.press_key("Enter").await?;
    wait_for_text(page, "location.pathname", |path| path == "/")
        .await
        .context("the login did not succeed")?;
    Ok(())
}

/// Reloads a list until it shows exactly one row, with this text. The page shortens ids, and has
/// the whole ones in their titles.
async fn see_once(page: &Page, url: &str, text: &str) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        page.goto(url).await?;
        let rows: usize =
            page.evaluate("document.querySelectorAll('tbody tr').length").await?.into_value()?;
        let shown: String = page.evaluate("document.querySelector('main').innerHTML").await?.into_value()?;
        if rows == 1 && shown.contains(text) {
            return Ok(());
        }
        anyhow::ensure!(rows <= 1, "{url} shows {rows} rows instead of one");
        anyhow::ensure!(begin.elapsed() < PATIENCE, "{url} does not show {text}, but:\n{shown}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Evaluates an expression until its text is as expected. Survives navigations in between.
async fn wait_for_text(
    page: &Page,
    expression: &str,
    is_wanted: impl Fn(&str) -> bool,
) -> anyhow::Result<String> {
    let begin = Instant::now();
    let mut last = String::new();
    loop {
        if let Ok(result) = page.evaluate(expression).await
            && let Ok(text) = result.into_value::<String>()
        {
            if is_wanted(&text) {
                return Ok(text);
            }
            last = text;
        }
        anyhow::ensure!(begin.elapsed() < PATIENCE, "{expression} is {last:?} after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn browser_config(folder: &std::path::Path) -> anyhow::Result<BrowserConfig> {
    let flags = ["disable-gpu", "disable-quic", "disable-component-update", "no-proxy-server"];
    BrowserConfig::builder()
        .chrome_executable(CHROMIUM)
        .user_data_dir(folder)
        .no_sandbox()
        .window_size(1280, 1000)
        .request_timeout(PATIENCE)
        .args(flags)
        .build()
        .map_err(anyhow::Error::msg)
        .context("chromium is needed: apt-get install chromium")
}

/// Everything that a newcomer has after `deploy/up`, on separate ports and databases.
struct Site {
    testbed: Testbed,
    landing: String,
    crm: String,
    _edge: Edge,
    _services: [Child; 3],
    _folder: tempfile::TempDir,
}

impl Site {
    async fn start() -> anyhow::Result<Self> {
        let servers = testing::servers().await;
        let folder = tempfile::tempdir()?;
        let clickhouse = ClickHouse::create(
            &servers.clickhouse_url,
            &servers.clickhouse_user,
            &servers.clickhouse_password,
            &testing::unique_name("browser"),
        )
        .await?;
        let topic = testing::unique_name("browser");
        let postgres_url = testing::postgres_database().await;
        let testbed =
            Testbed::new(&servers.kafka_brokers, &topic, 1, clickhouse, postgres_url, folder.path()).await?;
        let (edge, consumer) = tokio::try_join!(testbed.edge(1), testbed.consumer(&[]))?;
        let (crm_port, crm_ops_port, landing_port) = (free_port(), free_port(), free_port());
        let api = api_spec(&testbed, &edge, folder.path(), [crm_port, crm_ops_port]).await?;
        api.clone().args(["migrate"]).run().await?;
        let owner = api.clone().args(["create-owner", "--username", "owner"]);
        owner.env("SLUICE_OWNER_PASSWORD", PASSWORD).run().await?;
        let api = Child::start(api.args(["serve"]), crm_ops_port).await?;
        let crm = format!("http://127.0.0.1:{crm_port}");
        let landing =
            ProcessSpec::new(binary("sluice-local", None).await?, folder.path().join("landing.log"));
        let landing = landing
            .args(["demo", "landing", "--user-id", "1", "--crm", &crm])
            .args(["--listen".to_owned(), format!("127.0.0.1:{landing_port}")])
            .args(["--edge".to_owned(), format!("http://{}", edge.public)]);
        let landing = Child::start(landing, landing_port).await?;
        Ok(Self {
            testbed,
            landing: format!("http://127.0.0.1:{landing_port}"),
            crm,
            _edge: edge,
            _services: [consumer, api, landing],
            _folder: folder,
        })
    }
}

async fn api_spec(
    testbed: &Testbed,
    edge: &Edge,
    folder: &std::path::Path,
    [port, ops_port]: [u16; 2],
) -> anyhow::Result<ProcessSpec> {
    let clickhouse = &testbed.clickhouse;
    Ok(ProcessSpec::new(binary("sluice-api", None).await?, folder.join("api.log"))
        .env("SLUICE__HTTP__LISTEN", format!("127.0.0.1:{port}"))
        .env("SLUICE__POSTGRES__URL", &testbed.postgres_url)
        .env("SLUICE__CLICKHOUSE__URL", &clickhouse.url)
        .env("SLUICE__CLICKHOUSE__DATABASE", &clickhouse.database)
        .env("SLUICE__CLICKHOUSE__USER", &clickhouse.user)
        .env("SLUICE__CLICKHOUSE__PASSWORD", &clickhouse.password)
        .env("SLUICE__EDGE__URL", format!("http://{}", edge.proxied))
        .env("SLUICE__EDGE__PUBLIC_URL", format!("http://{}", edge.public))
        .env("SLUICE__KAFKA__BROKERS", &testbed.brokers)
        .env("SLUICE__KAFKA__CHANGES_TOPIC", &testbed.changes_topic)
        .env("SLUICE__AUTH__SECRET", "a secret of the browser walk, long enough for SHA-256")
        .env("SLUICE__OPS__LISTEN", format!("127.0.0.1:{ops_port}")))
}
