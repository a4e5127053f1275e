//! The script fills click ids into order forms and sends them, in a real browser.

use sluice_schemas::event::Mark;
use sluice_schemas::networks::ClickId;

use crate::shop::{Shop, visits};

const PLAIN: &str = "<script src=\"EDGE/s.js\" data-key=KEY></script>";
/// The id that a form has.
const ID: &str = "document.querySelector('form [name=prospect_id]').value";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn click_ids_stay_with_the_visitor_until_others_come() {
    let shop = Shop::open().await;
    let mut tab = shop.tab().await;
    shop.put(
        "/",
        "",
        &format!("<!doctype html>{PLAIN}<form data-sluice><input name=gclid value=own></form>"),
    );
    let every: Vec<_> = ClickId::ALL.iter().map(|id| id.name).collect();
    let cases = [
        ("/?gclid=G%2F1&zclid=Z&product_id=5&cost=3&utm_source=u", Some("G/1"), Some("Z"), None),
        ("/?step=2", Some("G/1"), Some("Z"), None),
        ("/", Some("G/1"), Some("Z"), None),
        ("/?fbclid=F", None, None, Some("F")),
        ("/?sub1=a?sub2=b?FBCLID=F2", None, None, None),
        ("/?clickid=NET-123", None, None, None),
    ];
    for (at, (address, ..)) in cases.iter().enumerate() {
        tab.open(address).await.unwrap();
        shop.wait_for("prospect", at + 1).await;
    }
    assert_eq!(tab.text("document.querySelector('[name=clickid]').value").await.unwrap(), "NET-123");
    assert_eq!(tab.text("document.querySelector('[name=gclid]').value").await.unwrap(), "own");
    tab.open(&format!("/?{}", every.join("=1&") + "=1")).await.unwrap();
    let missing =
        every.iter().map(|name| format!("document.querySelector('[name={name}]')")).collect::<Vec<_>>();
    tab.becomes(&format!("[{}].every(Boolean)", missing.join(","))).await.unwrap();
    shop.wait_for("prospect", cases.len() + 1).await;
    let events = shop.close().await;
    let found = visits(&events, "/");
    for ((address, gclid, zclid, fbclid), event) in cases.iter().zip(&found) {
        let values = ["gclid", "zclid", "fbclid"].map(|name| event.value(name));
        assert_eq!(values, [gclid, zclid, fbclid].map(|value| value.map(str::to_owned)), "{address}");
        assert_eq!(event.value("pid"), Some(event.id()), "{address}");
    }
    for name in ["product_id", "cost", "utm_source"] {
        assert!(found[0].value(name).is_some() && found[1].value(name).is_none(), "{name}");
    }
    let mended = ["sub1", "sub2", "FBCLID"].map(|name| found[4].value(name));
    assert_eq!(mended, ["a", "b", "F2"].map(|value| Some(value.to_owned())));
    assert!(Mark::QueryMended.is_in(found[4].event.marks) && !Mark::QueryMended.is_in(found[0].event.marks));
    assert_eq!(found[5].value("clickid").as_deref(), Some("NET-123"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_filled_whenever_it_appears() {
    let shop = Shop::open().await;
    let mut tab = shop.tab().await;
    let appears = [
        ("late", "setTimeout(() => document.body.innerHTML += FORM, 50)"),
        (
            "again",
            "var isAgain = false; document.body.innerHTML = FORM;
             setTimeout(() => { document.body.innerHTML = FORM; isAgain = true }, 50)",
        ),
        (
            "deep",
            "setTimeout(() => document.body.appendChild(document.createElement('div')).innerHTML = FORM, 20)",
        ),
        (
            "marked-later",
            "document.body.innerHTML = FORM.replace('data-sluice', ''); setTimeout(() => document.forms[0].dataset.sluice = '', 50)",
        ),
        (
            "sent-at-once",
            "document.body.innerHTML = FORM; setTimeout(() => document.forms[0].requestSubmit())",
        ),
        (
            "no-action",
            "document.body.innerHTML = '<form data-sluice><input name=phone value=5><button>Order</button></form>'",
        ),
        (
            "field-of-its-own",
            "document.body.innerHTML = FORM.replace('<input', '<input name=prospect_id value=NET-1><input')",
        ),
    ];
    for (at, (name, script)) in appears.iter().enumerate() {
        let html = format!("<!doctype html><body>{PLAIN}<script>
            const FORM = '<form data-sluice method=post action=\"EDGE/o\"><input name=phone value=5><button>Order</button></form>';
            {script}
        </script>");
        shop.put(&format!("/{name}"), "", &html);
        tab.open(&format!("/{name}?gclid=G")).await.unwrap();
        shop.wait_for("prospect", at + 1).await;
        if *name == "marked-later" {
            tab.becomes("document.forms[0].dataset.sluice === ''").await.unwrap();
        } else if *name != "sent-at-once" {
            // The form that comes again takes the place of one that is filled, too.
            tab.becomes(&format!("window.isAgain !== false && {ID} === sluice.prospectId")).await.unwrap();
        }
        if *name != "sent-at-once" {
            tab.press("Order").await.unwrap();
        }
        shop.wait_for("order", at + 1).await;
    }
    let events = shop.close().await;
    let orders: Vec<_> = events.iter().filter(|event| event.event.order.is_some()).collect();
    for ((name, _), order) in appears.iter().zip(orders) {
        assert_eq!(visits(&events, &format!("/{name}"))[0].id(), order.id(), "{name}");
        assert_eq!(order.value("gclid").as_deref(), Some("G"), "{name}");
    }
}

const STAY: &str = "<!doctype html><title>stay</title><script src=\"EDGE/s.js\" data-key=KEY></script>
    <main><form data-sluice=stay method=post action=\"EDGE/o\">
        <input type=hidden name=redirect value=\"/thanks\">
        <input name=phone_number value=5><input name=email value=wrong>
        <button name=submit>Order</button><output hidden>Thank you</output>
    </form></main>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_placed_without_leaving_the_page() {
    let shop = Shop::open().await;
    let mut tab = shop.tab().await;
    shop.put("/stay", "", STAY);
    tab.open("/stay").await.unwrap();
    tab.becomes("document.forms[0].prospect_id !== undefined").await.unwrap();
    let press = "document.querySelector('button').click(); true";
    tab.evaluate(press).await.unwrap();
    let message = "document.forms[0].email.validationMessage";
    assert_eq!(tab.wait_for(message, |text| !text.is_empty()).await.unwrap(), "Enter a valid email address.");
    assert_eq!(tab.text("document.activeElement.name").await.unwrap(), "email");
    assert_eq!(tab.path().await.unwrap(), "/stay");
    // Corrected and pressed three times: one order.
    tab.fill(&[("email", "a@b.co")]).await.unwrap();
    tab.evaluate("for (let i = 0; i < 3; i++) document.querySelector('button').click(); true").await.unwrap();
    tab.becomes("!document.querySelector('output').hidden").await.unwrap();
    tab.evaluate(press).await.unwrap();
    assert_eq!(tab.path().await.unwrap(), "/stay");
    shop.wait_for("order", 1).await;

    // A field under another name, and an error of the whole order, are shown at the button.
    let other = STAY
        .replace("name=email value=wrong", "name=address value=x")
        .replace("name=phone_number value=5", "name=tel value=123456789012345678901");
    shop.put("/other-name", "", &other);
    tab.open("/other-name").await.unwrap();
    tab.evaluate(press).await.unwrap();
    let message = "document.querySelector('button').validationMessage";
    tab.wait_for(message, |text| text.contains("no more than 20 characters")).await.unwrap();
    tab.fill(&[("tel", "7")]).await.unwrap();
    tab.evaluate(press).await.unwrap();
    tab.becomes("!document.querySelector('output').hidden").await.unwrap();
    shop.wait_for("order", 2).await;

    // The page's own check has the last word.
    shop.put(
        "/checked",
        "",
        &STAY.replace("value=wrong", "value=a@b.co").replace(
            "</main>",
            "</main><script>
        let isFine = false;
        document.forms[0].addEventListener('submit', event => isFine || event.preventDefault());
    </script>",
        ),
    );
    tab.open("/checked").await.unwrap();
    tab.evaluate(press).await.unwrap();
    tab.evaluate(&format!("isFine = true; {press}")).await.unwrap();
    tab.becomes("!document.querySelector('output').hidden").await.unwrap();
    shop.wait_for("order", 3).await;

    // Without a way to send it from the page, the form is sent as usual.
    for (at, (name, head)) in
        [("policy", "content-security-policy: connect-src 'none'\r\n"), ("blocked", "")].iter().enumerate()
    {
        shop.put(&format!("/{name}"), head, &STAY.replace("value=wrong", "value=a@b.co"));
        shop.put("/thanks", "", "<!doctype html><p>Thanks</p>");
        if *name == "blocked" {
            tab.block(&format!("http://{}/p", shop.edge.address)).await.unwrap();
            shop.put(&format!("/{name}"), head, &STAY.replace("value=wrong", "value=a@b.co").replace("<main>", "<script>
                const send = fetch;
                fetch = (url, ...rest) => url.endsWith('/o') ? Promise.reject(new TypeError()) : send(url, ...rest);
            </script><main>"));
        }
        tab.open(&format!("/{name}")).await.unwrap();
        tab.evaluate(&format!("setTimeout(() => {}); true", press.trim_end_matches("; true"))).await.unwrap();
        tab.becomes("location.pathname === '/thanks'").await.unwrap();
        shop.wait_for("order", 4 + at).await;
    }
    let events = shop.close().await;
    let orders: Vec<_> = events.iter().filter(|event| event.event.order.is_some()).collect();
    assert_eq!(orders.len(), 5);
    for (path, order) in ["/stay", "/other-name", "/checked", "/policy", "/blocked"].iter().zip(orders) {
        assert_eq!(visits(&events, path)[0].id(), order.id(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_sent_again_keeps_its_visit() {
    let shop = Shop::open().await;
    let mut tab = shop.tab().await;
    shop.put("/shop", "", &format!("<!doctype html>{PLAIN}<main><form data-sluice method=post action=\"EDGE/o\">
        <input name=redirect type=hidden value=\"/thanks\"><input name=phone value=5><button>Order</button></form></main>"));
    shop.put("/thanks", "", "<!doctype html><p>Thanks</p>");
    tab.open("/shop").await.unwrap();
    tab.press("Order").await.unwrap();
    tab.becomes("location.pathname === '/thanks'").await.unwrap();
    tab.evaluate("setTimeout(() => history.back()); true").await.unwrap();
    // The page comes back from the browser's memory, as a second visit.
    shop.wait_for("prospect", 2).await;
    tab.press("Order").await.unwrap();
    shop.wait_for("order", 2).await;
    let events = shop.close().await;
    let ids: Vec<_> =
        events.iter().filter(|event| event.event.order.is_some()).map(|order| order.id()).collect();
    assert_eq!(ids, vec![visits(&events, "/shop")[0].id(); 2]);
}
