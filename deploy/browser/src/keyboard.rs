//! The page by keyboard alone: every control is reached by Tab, shows that it has the focus, and is
//! not under something else.

use anyhow::Context as _;
use chromiumoxide::cdp::browser_protocol::input::{DispatchKeyEventParams, DispatchKeyEventType};
use chromiumoxide::keys::get_key_definition;
use futures::future::try_join_all;

use crate::tab::Tab;

/// Lists the controls in `window.controls`, and notes in `window.reached` each that gets the focus.
/// Of a group of radio buttons, Tab reaches one.
const PREPARE: &str = "(() => {
    const isTurn = e => e.type !== 'radio' || e.checked ||
        ![...document.getElementsByName(e.name)].some(other => other.checked);
    window.controls = [...document.querySelectorAll(
        'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]')]
        .filter(e => !e.disabled && e.checkVisibility({ visibilityProperty: true }) && isTurn(e));
    window.reached = new Map();
    document.addEventListener('focusin', ({ target }) => {
        const style = getComputedStyle(target);
        const isShown = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) ||
            style.boxShadow !== 'none';
        const box = target.getClientRects()[0];
        const top = box && document.elementFromPoint(box.left + box.width / 2,
            Math.min(box.top + box.height / 2, innerHeight - 1));
        const isFree = box && box.width < 2 || !top || target.contains(top) || top.contains(target) ||
            (target.labels && [...target.labels].some(label => label.contains(top)));
        window.reached.set(target, isShown ? (isFree ? '' : 'is under another element: ') : 'has no visible focus: ');
    });
    document.activeElement?.blur();
    getSelection().removeAllRanges();
    window.scrollTo(0, 0);
    return window.controls.length;
})()";

const MISSING: &str = "window.controls.filter(e => !window.reached.has(e)).length";

const FINDINGS: &str = "window.controls
    .map(e => [e, window.reached.get(e) ?? 'is not reached: '])
    .filter(([, finding]) => finding !== '')
    .map(([e, finding]) => finding + e.outerHTML.slice(0, 160))";

impl Tab {
    /// Presses Tab until every control had the focus. Returns the controls that were not reached,
    /// that do not show the focus, or that are covered while they have it.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn walk_by_tab(&self) -> anyhow::Result<Vec<String>> {
        let n_controls = self.evaluate(PREPARE).await?.as_u64().unwrap_or_default();
        for _ in 0..4 {
            self.press_often("Tab", n_controls + 1).await?;
            if self.evaluate(MISSING).await? == 0 {
                break;
            }
        }
        Ok(serde_json::from_value(self.evaluate(FINDINGS).await?)?)
    }

    /// Presses a key of a US keyboard, such as `Escape` or `g`, wherever the focus is.
    ///
    /// # Errors
    /// When there is no such key, or the browser has ended.
    pub async fn press_key(&self, key: &str) -> anyhow::Result<()> {
        self.press_often(key, 1).await
    }

    /// Sends all presses at once: the browser handles them in their order, and waiting for each
    /// answer costs more than the press.
    async fn press_often(&self, key: &str, n_presses: u64) -> anyhow::Result<()> {
        let press = events_of(key)?;
        let events = (0..n_presses).flat_map(|_| press.clone());
        try_join_all(events.map(|event| self.page.execute(event))).await?;
        Ok(())
    }
}

/// Returns the events of a press: the key goes down, and up again.
fn events_of(key: &str) -> anyhow::Result<[DispatchKeyEventParams; 2]> {
    let definition = get_key_definition(key).with_context(|| format!("there is no key {key:?}"))?;
    let text = definition.text.or((key.len() == 1).then_some(definition.key));
    let event = |kind| {
        DispatchKeyEventParams::builder()
            .r#type(kind)
            .key(definition.key)
            .code(definition.code)
            .windows_virtual_key_code(definition.key_code)
    };
    let down = match text {
        Some(text) => event(DispatchKeyEventType::KeyDown).text(text),
        None => event(DispatchKeyEventType::RawKeyDown),
    };
    let up = event(DispatchKeyEventType::KeyUp);
    Ok([down.build().map_err(anyhow::Error::msg)?, up.build().map_err(anyhow::Error::msg)?])
}
