//! `/live/` in a real browser: events appear, wait while one reads, and nothing scrolls sideways.

use sluice_browser::Chromium;

use crate::documents::Served;
use crate::live::Office;
use crate::world::PASSWORD;

const N_ROWS: &str = "String(document.querySelectorAll('#live tbody tr').length)";

#[tokio::test]
async fn events_appear_and_wait_while_one_reads() {
    let office = Office::new().await;
    office.read().await;
    let served = Served::start(&office.world).await;
    let chromium = Chromium::launch().await.unwrap();
    let mut tab = chromium.tab(&served.url).await.unwrap();
    tab.log_in("olga", PASSWORD).await.unwrap();
    tab.resize(390, 900).await.unwrap();
    assert_eq!(tab.open("/live/").await.unwrap(), 200);
    let status = "document.getElementById('live-status').textContent";
    tab.wait_for(status, |text| text == "Events appear as they come.").await.unwrap();
    office.feed(&[office.visit(1, office.ben)], &[]).await;
    tab.wait_for(N_ROWS, |count| count == "1").await.unwrap();
    let device = tab.text_of("#live tbody td:nth-child(6)").await.unwrap();
    assert_eq!(device, "mobile, <b>Android</b>");

    let pause = tab.element("#live-pause").await.unwrap();
    tab.click(&pause).await.unwrap();
    office.feed(&[office.visit(2, office.ben), office.visit(3, office.ben)], &[]).await;
    tab.wait_for("document.getElementById('live-new').textContent", |text| text == "2 new").await.unwrap();
    assert_eq!(tab.text(N_ROWS).await.unwrap(), "1", "rows wait while one reads");
    let more = tab.element("#live-new").await.unwrap();
    tab.click(&more).await.unwrap();
    tab.wait_for(N_ROWS, |count| count == "3").await.unwrap();
    assert_eq!(tab.sideways().await.unwrap(), None);
    assert_eq!(tab.axe(None).await.unwrap(), [""; 0]);
    tab.keep_picture("live-390").await.unwrap();

    // Without JavaScript the list stays, with a link to refresh it.
    tab.allow_scripts(false).await.unwrap();
    assert_eq!(tab.open("/live/").await.unwrap(), 200);
    assert!(tab.visible_text().await.unwrap().contains("Refresh"));
    tab.allow_scripts(true).await.unwrap();
    assert_eq!(tab.faults().await.unwrap(), [""; 0]);
    chromium.close().await.unwrap();
    served.stop().await;
    office.stop().await;
}
