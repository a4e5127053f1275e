//! Code that a buyer copies into a landing page.

use crate::config::EdgeConfig;

/// HTML of the pixel and of an order form.
#[derive(Debug, Clone)]
pub struct Snippet {
    pub pixel: String,
    pub form: String,
}

impl Snippet {
    /// Makes the snippet of a buyer, with the edge's public address.
    #[must_use]
    pub fn new(edge: &EdgeConfig, user_id: i64) -> Self {
        let user_id = user_id.to_string();
        Self::of(edge, "data-user-id", "user_id", &user_id, None)
    }

    /// Makes the snippet of a campaign. An order leads the visitor to `redirect`, if given.
    #[must_use]
    pub fn of_campaign(edge: &EdgeConfig, key: &str, redirect: Option<&str>) -> Self {
        Self::of(edge, "data-key", "k", key, redirect)
    }

    fn of(edge: &EdgeConfig, attribute: &str, parameter: &str, value: &str, redirect: Option<&str>) -> Self {
        let base = edge.public_base();
        let pixel = format!(
            "<script async src=\"{base}/s.js\" {attribute}=\"{value}\"></script>\n\
             <noscript><img src=\"{base}/p.gif?{parameter}={value}\" width=\"1\" height=\"1\" alt=\"\" referrerpolicy=\"no-referrer-when-downgrade\"></noscript>"
        );
        let redirect = redirect.map(|target| {
            let target = target.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
            format!("<input type=\"hidden\" name=\"redirect\" value=\"{target}\">\n  ")
        });
        let form = format!(
            "<form data-sluice method=\"post\" action=\"{base}/o\">\n  \
             {}<input name=\"first_name\" placeholder=\"Name\" autocomplete=\"given-name\">\n  \
             <input name=\"phone_number\" placeholder=\"Phone\" autocomplete=\"tel\" required>\n  \
             <button>Order</button>\n\
             </form>",
            redirect.unwrap_or_default(),
        );
        Self { pixel, form }
    }
}
