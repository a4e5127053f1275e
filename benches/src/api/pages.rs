//! Measures the pages as a browser requests them, one at a time: their time, and how many bytes a
//! browser without a cache receives. The events that the campaign's page streams are not among
//! them.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING};
use serde::Serialize;

use super::ApiPlan;
use super::asked::{Asker, Line, Numbers};
use super::lists::{ListResult, N_WARM_UP, known, result};
use super::service::Service;

/// The time limits in milliseconds.
const HOME_MS: f64 = 100.0;
const SEARCH_MS: f64 = 100.0;
const REPORT_MS: f64 = 150.0;
const PAGE_MS: f64 = 50.0;
/// The limits of what a browser receives, in bytes.
const PLAIN_BYTES: usize = 250_000;
const CHART_BYTES: usize = 500_000;

const HOME: &[&str] = &["/", "lead /", "buyer /"];
const REPORTS: &[&str] = &["/reports/", "lead /reports/", "buyer /reports/"];
const SEARCHES: &[&str] =
    &["/search/?q=user{user}", "/search/?q={order}", "/search/?q=Archer", "buyer /search/?q=Campaign"];

/// Lists, details and forms. A word in braces is a different number in each request.
const PAGES: &[&str] = &[
    "/users/",
    "/users/?q=Archer",
    "/users/{user}/",
    "/users/create/",
    "/teams/",
    "/teams/{team}/",
    "/campaigns/",
    "/campaigns/?sort=-name",
    "/campaigns/{campaign}/",
    "/sources/",
    "/sources/{fifty}/",
    "/partners/",
    "/partners/{fifty}/",
    "/prospects/",
    "lead /prospects/",
    "buyer /prospects/",
    "/prospects/{prospect}/",
    "/orders/",
    "lead /orders/",
    "buyer /orders/",
    "/orders/{order}/",
    "/funds/",
    "lead /funds/",
    "/funds/requests/{request}/",
    "/funds/accounts/",
    "/funds/accounts/{account}/",
    "/funds/transfers/",
    "/funds/budgets/",
    "/funds/ledger/",
    "/funds/rates/",
    "/parked/",
    "/admin/",
    "/admin/users/",
    "/admin/audit/",
    "/account/",
];

/// A line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct PageResult {
    /// It holds if the page is also small enough.
    #[serde(flatten)]
    pub times: ListResult,
    /// The bytes of the page, and of its styles, scripts and pictures, compressed.
    pub received_bytes: usize,
    pub wanted_bytes: usize,
}

/// Measures all pages.
///
/// # Errors
/// When the service answers with an error.
pub(super) async fn measure(service: &Service, plan: &ApiPlan) -> anyhow::Result<Vec<PageResult>> {
    let known = known(&service.clickhouse).await?;
    let mut numbers = Numbers::new(service.size, &known);
    let owner = service.open_browser("owner").await?;
    let lead = service.open_browser("user2").await?;
    let buyer = service.open_browser(&format!("user{}", service.size.first_buyer())).await?;
    let mut results = Vec::new();
    for line in lines() {
        let browser = match line.asker {
            Asker::Owner => &owner,
            Asker::Lead => &lead,
            Asker::Buyer => &buyer,
        };
        let result = measure_line(service, browser, &line, &mut numbers, plan.n_clickhouse).await;
        results.push(result.with_context(|| line.name())?);
    }
    Ok(results)
}

fn lines() -> Vec<Line> {
    let of =
        |paths: &'static [&str], wanted_ms| paths.iter().map(move |text| Line::read(text, wanted_ms, false));
    let first = of(HOME, HOME_MS).chain(of(REPORTS, REPORT_MS));
    first.chain(of(SEARCHES, SEARCH_MS)).chain(of(PAGES, PAGE_MS)).collect()
}

async fn measure_line(
    service: &Service,
    browser: &reqwest::Client,
    line: &Line,
    numbers: &mut Numbers<'_>,
    n: usize,
) -> anyhow::Result<PageResult> {
    let mut times = Histogram::<u64>::new(3)?;
    let mut last = String::new();
    for at in 0..N_WARM_UP + n {
        last = numbers.put_in(&line.path);
        let begin = Instant::now();
        get(service, browser, &last, false).await?;
        if at >= N_WARM_UP {
            times.record(begin.elapsed().as_micros() as u64)?;
        }
    }
    let html = get(service, browser, &last, false).await?;
    let html = String::from_utf8_lossy(&html);
    let received_bytes = weigh(service, browser, &last, &html).await?;
    let wanted_bytes = if html.contains("class=\"chart") { CHART_BYTES } else { PLAIN_BYTES };
    let mut times = result(line, &times);
    times.holds &= received_bytes < wanted_bytes;
    Ok(PageResult { times, received_bytes, wanted_bytes })
}

/// Returns the bytes of a page and of the files that it names, as they are sent to a browser.
async fn weigh(
    service: &Service,
    browser: &reqwest::Client,
    path: &str,
    html: &str,
) -> anyhow::Result<usize> {
    let mut bytes = get(service, browser, path, true).await?.len();
    for file in files(html) {
        bytes += get(service, browser, file, true).await?.len();
    }
    Ok(bytes)
}

/// Returns the files of the service that a page names.
fn files(html: &str) -> BTreeSet<&str> {
    html.split('"').filter(|text| text.starts_with("/static/")).collect()
}

async fn get(
    service: &Service,
    browser: &reqwest::Client,
    path: &str,
    is_compressed: bool,
) -> anyhow::Result<Vec<u8>> {
    let request = browser.get(format!("http://{}{path}", service.address)).header(ACCEPT, "text/html,*/*");
    let encodings = if is_compressed { "gzip, deflate, br, zstd" } else { "identity" };
    let answer = request.header(ACCEPT_ENCODING, encodings).send().await?;
    // A search for an id leads to the thing.
    let status = answer.status();
    anyhow::ensure!(status == 200 || status == 303, "{path} was answered with status {status}");
    Ok(answer.bytes().await?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::asked::Known;
    use crate::api::fill::Size;

    #[test]
    fn files_are_found_once() {
        let html = r#"<link href="/static/1/a.css"><script src="/static/1/b.js"></script><img src="/static/1/a.css">"#;
        assert_eq!(files(html).into_iter().collect::<Vec<_>>(), ["/static/1/a.css", "/static/1/b.js"]);
    }

    #[test]
    fn every_word_becomes_a_number() {
        let known = Known { prospects: vec!["a".to_owned()], orders: vec!["b".to_owned()] };
        let mut numbers = Numbers::new(Size::QUICK, &known);
        assert!(lines().iter().all(|line| !numbers.put_in(&line.path).contains('{')));
    }
}
