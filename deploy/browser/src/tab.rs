//! A tab, in which a test reads, fills in and sends pages as a person does.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use chromiumoxide::cdp::browser_protocol::dom::{ScrollIntoViewIfNeededParams, SetFileInputFilesParams};
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams, SetFocusEmulationEnabledParams,
    SetScriptExecutionDisabledParams,
};
use chromiumoxide::cdp::browser_protocol::input::InsertTextParams;
use chromiumoxide::cdp::browser_protocol::network::{BlockPattern, SetBlockedUrLsParams};
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use chromiumoxide::element::Element;
use chromiumoxide::page::{Page, ScreenshotParams};
use serde_json::Value;

use crate::PATIENCE;
use crate::faults::Reports;

const POLL: std::time::Duration = std::time::Duration::from_millis(20);

/// The colours that a person prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A tab with its own cookies.
pub struct Tab {
    pub(crate) page: Page,
    base: String,
    reports: Reports,
}

impl Tab {
    pub(crate) async fn new(page: Page, base: &str) -> anyhow::Result<Self> {
        let reports = Reports::new(&page).await?;
        // Otherwise only one tab of the browser has the focus.
        page.execute(SetFocusEmulationEnabledParams::new(true)).await?;
        let tab = Self { page, base: base.to_owned(), reports };
        tab.resize(1280, 900).await?;
        // A page that scrolls smoothly moves while a person aims.
        tab.prefer(Scheme::Light).await?;
        Ok(tab)
    }

    /// Opens a page: a path of the site, or a whole address. Returns its status.
    ///
    /// # Errors
    /// When the page does not load.
    pub async fn open(&mut self, path: &str) -> anyhow::Result<i64> {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        self.page.goto(url).await.with_context(|| format!("cannot open {path}"))?;
        self.reports.status().with_context(|| format!("{path} was not answered"))
    }

    /// Clicks a button or a link with this text, and waits for the next page. Returns its status.
    ///
    /// # Errors
    /// When there is no such button, or no page follows.
    pub async fn press(&mut self, text: &str) -> anyhow::Result<i64> {
        let element = self.by_text(text).await?;
        self.follow(&element).await.with_context(|| format!("after {text:?}"))
    }

    /// Clicks an element, and waits for the next page. Returns its status.
    ///
    /// # Errors
    /// When no page follows.
    pub async fn follow(&mut self, element: &Element) -> anyhow::Result<i64> {
        self.evaluate("window.isLeft = true").await?;
        self.click(element).await?;
        self.wait_for("String(!window.isLeft && document.readyState === 'complete')", |left| left == "true")
            .await?;
        self.reports.status().context("the page was not answered")
    }

    /// Clicks the middle of an element. Works without scripts in the page, too: the click of the
    /// element itself waits for an observer that never reports.
    ///
    /// # Errors
    /// When the element is not visible, or the browser has ended.
    pub async fn click(&self, element: &Element) -> anyhow::Result<()> {
        let into_view =
            ScrollIntoViewIfNeededParams::builder().backend_node_id(element.backend_node_id).build();
        self.page.execute(into_view).await?;
        self.page.click(element.clickable_point().await?).await?;
        Ok(())
    }

    /// Returns the button or link with this text.
    ///
    /// # Errors
    /// When no element has the text.
    pub async fn by_text(&self, text: &str) -> anyhow::Result<Element> {
        let found = self
            .page
            .find_xpath(format!(
                "//*[self::button or self::a or self::summary][normalize-space()=\"{text}\"]"
            ))
            .await;
        match found {
            Ok(element) => Ok(element),
            Err(_) => anyhow::bail!("there is no {text:?} on {}", self.described().await),
        }
    }

    /// Fills in fields of the page by their names: text is inserted as if pasted, a choice is
    /// chosen by its text or value, and a box is ticked by `true`.
    ///
    /// # Errors
    /// When there is no such field or choice.
    pub async fn fill(&self, fields: &[(&str, &str)]) -> anyhow::Result<()> {
        self.fill_in("main", fields).await
    }

    /// Fills in fields of a part of the page.
    ///
    /// # Errors
    /// When there is no such field or choice.
    pub async fn fill_in(&self, part: &str, fields: &[(&str, &str)]) -> anyhow::Result<()> {
        for (name, value) in fields {
            let literals = [part, name, value].map(|text| Value::from(text).to_string()).join(", ");
            let done = self.evaluate(&format!("({FILL})({literals})")).await?;
            match done.as_str().unwrap_or_default() {
                "done" => {}
                "insert" => drop(self.page.execute(InsertTextParams::new(*value)).await?),
                problem => {
                    anyhow::bail!("{name} cannot be {value:?}: {problem}, on {}", self.described().await)
                }
            }
        }
        Ok(())
    }

    /// Chooses the file of a field.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn choose_file(&self, name: &str, file: &Path) -> anyhow::Result<()> {
        let input = self.page.find_element(format!("main input[type=file][name={name}]")).await?;
        let mut command = SetFileInputFilesParams::new(vec![file.to_string_lossy().into_owned()]);
        command.node_id = Some(input.node_id);
        self.page.execute(command).await?;
        Ok(())
    }

    /// Logs in through the page of the site. Afterwards the home page is shown.
    ///
    /// # Errors
    /// When the login does not succeed.
    pub async fn log_in(&mut self, username: &str, password: &str) -> anyhow::Result<()> {
        self.open("/login/").await?;
        self.fill(&[("username", username), ("password", password)]).await?;
        let button = self.element("main form button").await?;
        self.follow(&button).await?;
        let path = self.path().await?;
        anyhow::ensure!(path == "/", "{username} is at {path} instead of the home page");
        Ok(())
    }

    /// Returns the path and the query of the present page.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn path(&self) -> anyhow::Result<String> {
        self.text("location.pathname + location.search").await
    }

    /// Returns the text that a person sees on the page.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn visible_text(&self) -> anyhow::Result<String> {
        self.text("document.body.innerText").await
    }

    /// Returns the text of an element; empty without one.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn text_of(&self, selector: &str) -> anyhow::Result<String> {
        let selector = Value::from(selector);
        self.text(&format!("document.querySelector({selector})?.textContent.trim() ?? ''")).await
    }

    /// Evaluates an expression to a text.
    ///
    /// # Errors
    /// When it throws, or is not a text.
    pub async fn text(&self, expression: &str) -> anyhow::Result<String> {
        let value = self.evaluate(expression).await?;
        value.as_str().map(str::to_owned).with_context(|| format!("{expression} is {value}"))
    }

    /// Evaluates an expression, and waits for it if it is a promise.
    ///
    /// # Errors
    /// When it throws.
    pub async fn evaluate(&self, expression: &str) -> anyhow::Result<Value> {
        let command = EvaluateParams::builder()
            .expression(expression)
            .await_promise(true)
            .return_by_value(true)
            .build()
            .map_err(anyhow::Error::msg)?;
        let reply = self.page.execute(command).await?.result;
        if let Some(thrown) = reply.exception_details {
            let about = thrown.exception.and_then(|error| error.description).unwrap_or(thrown.text);
            anyhow::bail!("{}: {about}", expression.chars().take(200).collect::<String>());
        }
        Ok(reply.result.value.unwrap_or_default())
    }

    /// Evaluates an expression until its text is as expected. Survives navigations in between.
    ///
    /// # Errors
    /// When it is not as expected after half a minute.
    pub async fn wait_for(
        &self,
        expression: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<String> {
        let begin = Instant::now();
        loop {
            let last = self.text(expression).await;
            match last {
                Ok(text) if is_wanted(&text) => return Ok(text),
                last => anyhow::ensure!(
                    begin.elapsed() < PATIENCE,
                    "{expression} is {last:?} after {PATIENCE:?} on {}",
                    self.described().await
                ),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits for a condition of the page. Survives navigations in between.
    ///
    /// # Errors
    /// When it is not met after half a minute.
    pub async fn becomes(&self, condition: &str) -> anyhow::Result<()> {
        self.wait_for(&format!("String({condition})"), |is_met| is_met == "true").await?;
        Ok(())
    }

    /// Waits for an element. Survives navigations in between.
    ///
    /// # Errors
    /// When it does not appear.
    pub async fn element(&self, selector: &str) -> anyhow::Result<Element> {
        let begin = Instant::now();
        loop {
            match self.page.find_element(selector).await {
                Ok(element) => return Ok(element),
                Err(error) => anyhow::ensure!(
                    begin.elapsed() < PATIENCE,
                    "there is no {selector} after {PATIENCE:?} ({error}) on {}",
                    self.described().await
                ),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Returns the faults of the pages since the last call: errors of scripts, violations of the
    /// content security policy, missing files, and requests to other hosts.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn faults(&mut self) -> anyhow::Result<Vec<String>> {
        // Its answer comes after everything that the browser had to report before.
        self.evaluate("true").await?;
        Ok(self.reports.faults(&self.base))
    }

    /// Switches to a colour scheme. Colours change at once, without a transition.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn prefer(&self, scheme: Scheme) -> anyhow::Result<()> {
        let scheme = MediaFeature::new("prefers-color-scheme", scheme.as_str());
        let motion = MediaFeature::new("prefers-reduced-motion", "reduce");
        let media = SetEmulatedMediaParams {
            features: Some(vec![scheme, motion]),
            ..SetEmulatedMediaParams::default()
        };
        self.page.execute(media).await?;
        Ok(())
    }

    /// Sets the size of the window in CSS pixels. A width of 640 is that of a window of 1280 pixels
    /// at 200 %.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn resize(&self, width: i64, height: i64) -> anyhow::Result<()> {
        self.page.execute(SetDeviceMetricsOverrideParams::new(width, height, 1.0, false)).await?;
        Ok(())
    }

    /// Switches the scripts of pages that are opened from now on.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn allow_scripts(&self, is_allowed: bool) -> anyhow::Result<()> {
        self.page.execute(SetScriptExecutionDisabledParams::new(!is_allowed)).await?;
        Ok(())
    }

    /// Refuses requests of pages to addresses like this one, as a blocker does.
    ///
    /// # Errors
    /// When it is not an address, or the browser has ended.
    pub async fn block(&self, pattern: &str) -> anyhow::Result<()> {
        let pattern = BlockPattern::new(pattern, true);
        self.page.execute(SetBlockedUrLsParams { url_patterns: Some(vec![pattern]) }).await?;
        Ok(())
    }

    /// Returns how many pixels of the page are beside the window, and the widest element.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn sideways(&self) -> anyhow::Result<Option<String>> {
        let found = self.text(SIDEWAYS).await?;
        Ok(Some(found).filter(|found| !found.is_empty()))
    }

    /// Keeps a screenshot of the whole page, if a folder is named for them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn keep_picture(&self, name: &str) -> anyhow::Result<()> {
        if let Some(folder) = std::env::var_os("SLUICE_TEST_PICTURES") {
            let parameters = ScreenshotParams::builder().full_page(true).build();
            self.page.save_screenshot(parameters, PathBuf::from(folder).join(format!("{name}.png"))).await?;
        }
        Ok(())
    }

    async fn described(&self) -> String {
        let shown = "location.pathname + ' ' + document.body.innerText.slice(0, 600)";
        self.text(shown).await.unwrap_or_else(|error| error.to_string())
    }
}

const FILL: &str = "(part, name, value) => {
    const of = `${part} [name=\"${name}\"]`;
    const field = document.querySelector(`${of}:not([type=hidden])`);
    if (!field) return 'there is no such field';
    const changed = () => {
        field.dispatchEvent(new Event('input', { bubbles: true }));
        field.dispatchEvent(new Event('change', { bubbles: true }));
        return 'done';
    };
    if (field.tagName === 'SELECT') {
        const option = [...field.options].find(o => o.text.trim() === value || o.value === value);
        if (!option) return 'there is no such choice';
        option.selected = true;
        return changed();
    }
    if (field.type === 'checkbox') { field.checked = value === 'true'; return changed(); }
    if (field.type === 'radio') {
        const button = document.querySelector(`${of}[value=\"${value}\"]`);
        if (!button) return 'there is no such choice';
        button.checked = true;
        return 'done';
    }
    if (['date', 'month', 'datetime-local'].includes(field.type)) { field.value = value; return changed(); }
    field.focus();
    field.select();
    if (value === '') { field.value = ''; return changed(); }
    return document.activeElement === field ? 'insert' : 'it cannot have the focus';
}";

const SIDEWAYS: &str = "(() => {
    const root = document.documentElement;
    const excess = root.scrollWidth - root.clientWidth;
    if (excess <= 0) return '';
    const widest = [...document.body.querySelectorAll('*')]
        .filter(e => e.getBoundingClientRect().right > root.clientWidth + 1)
        .sort((a, b) => b.getBoundingClientRect().right - a.getBoundingClientRect().right)[0];
    return `${excess} pixels: ${widest?.outerHTML.slice(0, 200)}`;
})()";
