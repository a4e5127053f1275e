//! The script of landing pages in a real browser: however it is included, and whatever is blocked,
//! a visit arrives once. One browser visits all pages of a test.

use crate::shop::{Arrived, Shop, TAG, visits};
use crate::support::KEY;

/// A page that must bring this number of visits: its name, the lines of its head, what follows its
/// address, its HTML, and the visits.
type Case = (&'static str, &'static str, &'static str, &'static str, usize);

const INSERTED: &str = "<script>
    const script = document.createElement('script');
    script.src = 'EDGE/s.js';
    script.setAttribute('data-key', 'KEY');
    document.head.appendChild(script);
</script>";
/// As a tag manager that drops attributes does it.
const WITHOUT_ATTRIBUTES: &str = "<body><script>
    document.body.appendChild(document.createElement('script')).src = 'EDGE/s.js?k=KEY';
</script>";
const MODULE: &str = "<script type=module src=\"EDGE/s.js\" data-key=KEY></script>";
const PLAIN: &str = "<script src=\"EDGE/s.js\" data-key=KEY></script>";

const INCLUDED: [Case; 13] = [
    ("classic", "", "", PLAIN, 1),
    ("async", "", "", TAG, 1),
    ("defer", "", "", "<script defer src=\"EDGE/s.js\" data-key=KEY></script>", 1),
    ("module", "", "", MODULE, 1),
    ("inserted", "", "", INSERTED, 1),
    ("without-attributes", "", "", WITHOUT_ATTRIBUTES, 1),
    (
        "written",
        "",
        "",
        "<script>document.write('<script src=\"EDGE/s.js\" data-key=\"KEY\"></scr' + 'ipt>')</script>",
        1,
    ),
    (
        "twice",
        "",
        "",
        "<script src=\"EDGE/s.js\" data-key=KEY></script><script defer src=\"EDGE/s.js\" data-key=KEY></script>",
        1,
    ),
    (
        "twice-otherwise",
        "",
        "",
        "<body><script src=\"EDGE/s.js\" data-key=KEY></script><script>
        document.body.appendChild(document.createElement('script')).src = 'EDGE/s.js?k=KEY';
    </script>",
        1,
    ),
    (
        "classic-and-module",
        "",
        "",
        "<script src=\"EDGE/s.js\" data-key=KEY></script><script type=module src=\"EDGE/s.js\" data-key=KEY></script>",
        1,
    ),
    (
        "two-owners",
        "",
        "",
        "<script src=\"EDGE/s.js\" data-key=KEY></script><script src=\"EDGE/s.js\" data-user-id=7></script>",
        2,
    ),
    (
        "another-script",
        "",
        "",
        "<script src=\"/jquery.js\"></script><script async src=\"EDGE/s.js?v=3\" data-key=KEY></script>",
        1,
    ),
    ("named-like-ours", "", "", "<body><p id=sluice></p><script src=\"EDGE/s.js\" data-key=KEY></script>", 1),
];

const NO_FETCH: &str =
    "<script>window.fetch = undefined</script><script src=\"EDGE/s.js\" data-key=KEY></script>";
const NO_FETCH_NO_BEACON: &str =
    "<script>window.fetch = undefined; navigator.sendBeacon = () => false</script>
    <script src=\"EDGE/s.js\" data-key=KEY></script>";
const NOT_FOUND: &str = "<script>window.fetch = () => Promise.resolve({ ok: false, status: 404 })</script>
    <script src=\"EDGE/s.js\" data-key=KEY></script>";
const THROWING: &str = "<script>window.fetch = () => { throw new TypeError('no') }</script>
    <script src=\"EDGE/s.js\" data-key=KEY></script>";
const STRICT: &str = "content-security-policy: default-src 'none'; script-src EDGE; connect-src EDGE; img-src EDGE; \
    form-action EDGE; base-uri 'none'; require-trusted-types-for 'script'\r\n";
const NO_CONNECT: &str = "content-security-policy: connect-src 'self'; img-src *\r\n";
const SANDBOX: &str = "content-security-policy: sandbox allow-scripts\r\n";

const REFUSED: [Case; 8] = [
    ("strict-policy", STRICT, "", PLAIN, 1),
    ("no-connect", NO_CONNECT, "", PLAIN, 1),
    ("no-storage", SANDBOX, "?gclid=G", PLAIN, 1),
    (
        "null-storage",
        "",
        "?gclid=G",
        "<script>Object.defineProperty(window, 'sessionStorage', { value: null })</script>
        <script src=\"EDGE/s.js\" data-key=KEY></script>",
        1,
    ),
    ("no-fetch", "", "", NO_FETCH, 1),
    ("no-fetch-no-beacon", "", "", NO_FETCH_NO_BEACON, 1),
    ("beacon-not-found", "", "", NOT_FOUND, 1),
    ("fetch-throws", "", "", THROWING, 1),
];

const SIGNAL: &str =
    "<script>Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })</script>";
const DNT: &str = "<script>Object.defineProperty(navigator, 'doNotTrack', { value: 'NO' })</script>";
const FORM: &str = "<form data-sluice><input name=phone></form>";

/// Visits all pages of a table in one tab, and checks how many visits each one brought.
async fn visit(shop: &Shop, cases: &[Case], before: usize) -> usize {
    let mut tab = shop.tab().await;
    let mut number = before;
    for (name, head, query, html, hits) in cases {
        shop.put(&format!("/{name}"), head, &format!("<!doctype html><title>{name}</title>{html}"));
        assert_eq!(tab.open(&format!("/{name}{query}")).await.unwrap(), 200);
        number += hits;
        shop.wait_for("prospect", number).await;
    }
    number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_arrives_once_however_the_script_is_included() {
    let shop = Shop::open().await;
    let number = visit(&shop, &INCLUDED, 0).await;
    // The page's address never names the owner.
    shop.put("/owner", "", "<script src=\"EDGE/s.js\" data-user-id=7></script>");
    let mut tab = shop.tab().await;
    tab.open("/owner?key=summer&k=promo&Campaign_Key=x&amp;key=y&user_id=9?key=z&sub1=s").await.unwrap();
    shop.wait_for("prospect", number + 1).await;
    let events = shop.close().await;
    for (name, .., hits) in &INCLUDED {
        let found = visits(&events, &format!("/{name}"));
        assert_eq!(found.len(), *hits, "{name}");
        assert_eq!(found[0].value("k").as_deref(), Some(KEY), "{name}");
        assert_eq!(found[0].value("pid"), Some(found[0].id()), "{name}");
        assert_eq!(found[0].event.id[6] >> 4, 7, "{name} has a UUIDv7");
    }
    let owned = visits(&events, "/owner");
    assert_eq!((owned.len(), owned[0].value("user_id").as_deref()), (1, Some("7")));
    assert_eq!(
        (owned[0].value("k"), owned[0].value("key"), owned[0].value("sub1").as_deref()),
        (None, None, Some("s"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_arrives_whatever_is_refused() {
    let shop = Shop::open().await;
    let mut number = visit(&shop, &REFUSED, 0).await;
    let mut tab = shop.tab().await;
    shop.put("/long", "", PLAIN);
    tab.open(&format!("/long?gclid=G&sub1={}", "x".repeat(70_000))).await.unwrap();
    number += 1;
    shop.wait_for("prospect", number).await;
    shop.put("/blocked", "", PLAIN);
    tab.block(&format!("http://{}/p", shop.edge.address)).await.unwrap();
    tab.open("/blocked?sub1=a").await.unwrap();
    number += 1;
    shop.wait_for("prospect", number).await;
    // The strict policy refuses nothing that the script does.
    let mut strict = shop.tab().await;
    strict.open("/strict-policy").await.unwrap();
    number += 1;
    shop.wait_for("prospect", number).await;
    let edge = format!("a request to http://{}/", shop.edge.address);
    let faults = strict.faults().await.unwrap();
    assert!(faults.iter().all(|fault| fault.starts_with(&edge)), "{faults:?}");
    let events = shop.close().await;
    assert_eq!(events.len(), number);
    for (name, ..) in &REFUSED {
        assert_eq!(
            visits(&events, &format!("/{name}")).len(),
            if *name == "strict-policy" { 2 } else { 1 },
            "{name}"
        );
    }
    assert_eq!(visits(&events, "/no-storage")[0].value("gclid").as_deref(), Some("G"));
    let long = visits(&events, "/long")[0];
    assert_eq!((long.value("gclid").as_deref(), long.value("sub1")), (Some("G"), None));
    assert!(long.value("u").unwrap().len() == 2100 && long.event.pairs.len() < 7777);
    assert_eq!(visits(&events, "/blocked").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_nobody_sees_is_no_visit() {
    let shop = Shop::open().await;
    // A page that is prerendered, or in a tab in the background, is hidden to scripts.
    let html = "<!doctype html><script>
        let isHidden = true;
        Object.defineProperty(document, 'hidden', { get: () => isHidden });
        function show(isShown) {
            isHidden = !isShown;
            document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
        }
    </script><script src=\"EDGE/s.js\" data-key=KEY data-spa></script><form data-sluice></form>";
    let mut tab = shop.tab().await;
    for path in ["/never", "/hidden"] {
        shop.put(path, "", html);
        tab.open(path).await.unwrap();
        tab.becomes("document.forms[0].prospect_id.value.length === 36").await.unwrap();
    }
    tab.evaluate("show(false); history.pushState({}, '', '/hidden?step=2'); true").await.unwrap();
    tab.evaluate("show(true); show(false); show(true); true").await.unwrap();
    shop.wait_for("prospect", 1).await;
    assert_eq!(tab.text("document.forms[0].prospect_id.value").await.unwrap().len(), 36);
    // All earlier reports arrive before the last page.
    shop.put("/last", "", PLAIN);
    tab.open("/last").await.unwrap();
    shop.wait_for("prospect", 2).await;
    let pages: Vec<_> = shop.close().await.iter().map(Arrived::page).collect();
    assert_eq!(pages, ["/hidden?step=2", "/last"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opts_out_is_not_reported_where_the_page_honours_it() {
    let shop = Shop::open().await;
    let mut tab = shop.tab().await;
    let tag = "<script src=\"EDGE/s.js\" data-key=KEY data-gpc></script>";
    let dnt = |value: &str| DNT.replace("NO", value);
    for (name, html, is_reported) in [
        ("gpc", format!("{SIGNAL}{tag}"), false),
        ("dnt", format!("{}{tag}", dnt("1")), false),
        ("dnt-0", format!("{}{tag}", dnt("0")), true),
        ("dnt-unspecified", format!("{}{tag}", dnt("unspecified")), true),
        ("no-signal", tag.to_owned(), true),
        ("not-honoured", format!("{SIGNAL}{}{PLAIN}", dnt("1")), true),
    ] {
        shop.put(&format!("/{name}"), "", &format!("<!doctype html>{html}{FORM}"));
        tab.open(&format!("/{name}?gclid=G-{name}")).await.unwrap();
        // The order form works.
        tab.becomes("document.forms[0].prospect_id.value.length === 36").await.unwrap();
        let stored = tab.text("sessionStorage.sluice ?? ''").await.unwrap();
        assert_eq!(stored.contains(name), is_reported, "{name}: {stored}");
    }
    shop.wait_for("prospect", 4).await;
    let events = shop.close().await;
    let pages: Vec<_> = events.iter().map(Arrived::page).collect();
    let reported = ["dnt-0", "dnt-unspecified", "no-signal", "not-honoured"];
    assert_eq!(pages, reported.map(|name| format!("/{name}?gclid=G-{name}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn navigation_within_a_page_is_a_visit_where_the_page_wants_it() {
    let shop = Shop::open().await;
    let mut tab = shop.tab().await;
    shop.put(
        "/app",
        "",
        "<!doctype html><script src=\"EDGE/s.js\" data-key=KEY data-spa></script><a id=order>x</a>",
    );
    tab.open("/app?gclid=G").await.unwrap();
    shop.wait_for("prospect", 1).await;
    let first = tab.text("sluice.prospectId").await.unwrap();
    let steps = "history.pushState({}, '', '/app/two?sub1=x');
        history.pushState({}, '', '/app/two?sub1=x');
        history.replaceState({}, '', '/app/two?sub1=x');
        location.hash = '#order';
        location.hash = '#/three';
        true";
    tab.evaluate(steps).await.unwrap();
    shop.wait_for("prospect", 3).await;
    tab.evaluate("history.pushState.call(history, {}, ''); history.go(-4); true").await.unwrap();
    shop.wait_for("prospect", 4).await;
    assert_ne!(tab.text("sluice.prospectId").await.unwrap(), first);
    shop.put("/page", "", PLAIN);
    tab.open("/page").await.unwrap();
    shop.wait_for("prospect", 5).await;
    tab.evaluate("history.pushState({}, '', '/page/two'); true").await.unwrap();
    shop.put("/last", "", PLAIN);
    tab.open("/last").await.unwrap();
    shop.wait_for("prospect", 6).await;
    let events = shop.close().await;
    let pages: Vec<_> = events.iter().map(Arrived::page).collect();
    let expected =
        ["/app?gclid=G", "/app/two?sub1=x", "/app/two?sub1=x#/three", "/app/two?sub1=x", "/page", "/last"];
    assert_eq!(pages, expected);
    // Each is a visit of its own, from the one before, by the same click.
    let ids: std::collections::BTreeSet<_> = events.iter().map(Arrived::id).collect();
    assert_eq!(ids.len(), 6);
    assert!(events[1].value("r").unwrap().ends_with("/app?gclid=G"));
    assert!(events[..4].iter().all(|event| event.value("gclid").as_deref() == Some("G")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_back_to_a_kept_page_is_a_new_visit() {
    let shop = Shop::open().await;
    let mut tab = shop.tab().await;
    shop.put(
        "/kept",
        "",
        &format!(
            "<!doctype html>{PLAIN}{FORM}<script>
        addEventListener('pageshow', event => window.isKept = event.persisted)
    </script>"
        ),
    );
    shop.put("/away", "", PLAIN);
    tab.open("/kept").await.unwrap();
    shop.wait_for("prospect", 1).await;
    tab.open("/away").await.unwrap();
    shop.wait_for("prospect", 2).await;
    tab.evaluate("setTimeout(() => history.back()); true").await.unwrap();
    shop.wait_for("prospect", 3).await;
    tab.becomes("window.isKept").await.unwrap();
    let id = tab.text("document.forms[0].prospect_id.value").await.unwrap();
    let events = shop.close().await;
    let kept = visits(&events, "/kept");
    assert_eq!((kept.len(), kept[1].id()), (2, id));
    assert_ne!(kept[0].id(), kept[1].id());
    assert_eq!(kept[1].value("r").as_deref().unwrap_or_default(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_browser_tells_about_the_device_is_sent() {
    let shop = Shop::open().await;
    let mut tab = shop.tab().await;
    let offers = |answer: &str| {
        format!(
            "<script>Object.defineProperty(navigator, 'userAgentData', {{ value: {{ getHighEntropyValues: {answer} }} }})</script>{PLAIN}"
        )
    };
    let cases = [
        (
            "phone",
            offers("async () => ({ platformVersion: '15.0.0', model: 'moto g(7) + & plus' })"),
            Some("15.0.0/moto g(7) + & plus"),
        ),
        ("computer", offers("async () => ({ platformVersion: '19.0.0', model: '' })"), Some("19.0.0/")),
        ("refused", offers("() => Promise.reject(new DOMException('no'))"), None),
        ("throws", offers("() => { throw new TypeError() }"), None),
        ("empty", offers("async () => ({ platformVersion: '', model: '' })"), None),
        (
            "missing",
            "<script>Object.defineProperty(navigator, 'userAgentData', { value: undefined })</script>"
                .to_owned()
                + PLAIN,
            None,
        ),
    ];
    for (at, (name, html, _)) in cases.iter().enumerate() {
        shop.put(&format!("/{name}"), "", html);
        tab.open(&format!("/{name}")).await.unwrap();
        shop.wait_for("prospect", at + 1).await;
    }
    // The browser itself: 127.0.0.1 counts as secure, and Linux has no version of the platform.
    shop.put("/real", "", PLAIN);
    tab.open("/real").await.unwrap();
    let real = "navigator.userAgentData.getHighEntropyValues(['model', 'platformVersion'])
        .then(found => found.platformVersion && `${found.platformVersion}/${found.model}`)";
    let real = Some(tab.text(real).await.unwrap()).filter(|real| !real.is_empty());
    shop.wait_for("prospect", cases.len() + 1).await;
    let events = shop.close().await;
    for (name, _, expected) in &cases {
        assert_eq!(visits(&events, &format!("/{name}"))[0].value("ch").as_deref(), *expected, "{name}");
    }
    assert_eq!(visits(&events, "/real")[0].value("ch"), real);
}
