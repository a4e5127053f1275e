//! The page of reports in a real browser: rows open in place, and Back returns to them.

use sluice_browser::Chromium;

use crate::documents::Served;
use crate::reports_page::world;
use crate::world::PASSWORD;

#[tokio::test]
async fn rows_open_in_place_and_back_closes_them() {
    let world = world().await;
    let served = Served::start(&world).await;
    let chromium = Chromium::launch().await.unwrap();
    let mut tab = chromium.tab(&served.url).await.unwrap();
    tab.log_in("owner", PASSWORD).await.unwrap();
    tab.open("/reports/?group_by=country&metrics=prospects").await.unwrap();
    tab.evaluate("window.isTheSamePage = true").await.unwrap();
    tab.element("a[data-row='UA']").await.unwrap().click().await.unwrap();
    let names =
        "[...document.querySelectorAll('.report-table tbody th')].map(th => th.innerText.trim()).join()";
    tab.wait_for(names, |names| names.contains("ann")).await.unwrap();
    tab.becomes("window.isTheSamePage && location.search.includes('group_by=country%2Cuser')").await.unwrap();
    tab.becomes("document.activeElement.dataset.row === 'UA'").await.unwrap();
    tab.becomes("document.querySelectorAll('.chart canvas').length === 1").await.unwrap();
    tab.keep_picture("reports-opened").await.unwrap();
    tab.evaluate("history.back(); true").await.unwrap();
    tab.wait_for(names, |names| !names.contains("ann")).await.unwrap();
    tab.becomes("window.isTheSamePage && document.activeElement.dataset.row === 'UA'").await.unwrap();

    // The form, a menu of the replaced page, and the shortcuts.
    tab.evaluate("document.querySelector('.report-controls form').requestSubmit(); true").await.unwrap();
    tab.becomes("location.search.includes('preset=own') && !document.querySelector('[aria-busy]')")
        .await
        .unwrap();
    tab.press_key("c").await.unwrap();
    tab.becomes("document.activeElement.name === 'compare'").await.unwrap();
    tab.becomes("window.isTheSamePage").await.unwrap();
    assert_eq!(tab.sideways().await.unwrap(), None);
    assert_eq!(tab.faults().await.unwrap(), [""; 0]);
    chromium.close().await.unwrap();
    served.stop().await;
}
