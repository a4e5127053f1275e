//! The home page in a real browser: the charts are drawn under the content security policy, in
//! light and dark, and nothing scrolls sideways on a phone.

use sluice_browser::{Chromium, Scheme, Tab};

use crate::documents::Served;
use crate::home::Company;
use crate::world::PASSWORD;

#[tokio::test]
async fn the_charts_are_drawn_in_light_and_dark_and_on_a_phone() {
    let company = Company::new().await;
    let served = Served::start(&company.world).await;
    let chromium = Chromium::launch().await.unwrap();
    let mut tab = chromium.tab(&served.url).await.unwrap();
    tab.log_in("owner", PASSWORD).await.unwrap();
    for (scheme, width) in
        [(Scheme::Light, 1280), (Scheme::Dark, 1280), (Scheme::Light, 390), (Scheme::Dark, 390)]
    {
        tab.prefer(scheme).await.unwrap();
        tab.resize(width, if width < 500 { 3400 } else { 1900 }).await.unwrap();
        look(&mut tab, &format!("{}-{width}", scheme.as_str())).await;
    }
    chromium.close().await.unwrap();
    served.stop().await;
}

async fn look(tab: &mut Tab, name: &str) {
    tab.open("/?teams_by=prospects").await.unwrap();
    tab.wait_for("String(document.querySelectorAll('.chart canvas').length)", |count| count == "3")
        .await
        .unwrap();
    assert_eq!(tab.sideways().await.unwrap(), None);
    tab.keep_picture(&format!("home-{name}")).await.unwrap();
    tab.evaluate("for (const part of document.querySelectorAll('main details')) part.open = true; true")
        .await
        .unwrap();
    assert_eq!(tab.sideways().await.unwrap(), None);
    let left = tab.evaluate("document.querySelector('.dates-panel').getBoundingClientRect().left").await;
    assert!(left.unwrap().as_f64().unwrap() >= 0.0, "the dates are inside of the window");
    tab.keep_picture(&format!("home-open-{name}")).await.unwrap();
    assert_eq!(tab.open("/?from=soon").await.unwrap(), 400);
    tab.element("#problems a[href=\"#dates-from\"]").await.unwrap();
    assert_eq!(tab.sideways().await.unwrap(), None);
    tab.keep_picture(&format!("home-problem-{name}")).await.unwrap();
    assert_eq!(tab.faults().await.unwrap(), [""; 0]);
}
