//! What a buyer copies into a landing page.

use crate::config::EdgeConfig;

/// The pixel's snippet and an order form, ready to copy.
#[derive(Debug, Clone)]
pub struct Snippet {
    pub pixel: String,
    pub form: String,
}

impl Snippet {
    /// Of a buyer, by the edge's public address.
    #[must_use]
    pub fn new(edge: &EdgeConfig, user_id: i64) -> Self {
        let base = edge.public_base();
        let pixel = format!(
            "<script async src=\"{base}/s.js\" data-user-id=\"{user_id}\"></script>\n\
             <noscript><img src=\"{base}/p.gif?user_id={user_id}\" width=\"1\" height=\"1\" alt=\"\"></noscript>"
        );
        let form = format!(
            "<form data-sluice method=\"post\" action=\"{base}/o\">\n  \
             <input name=\"first_name\" placeholder=\"Name\" autocomplete=\"given-name\">\n  \
             <input name=\"phone_number\" placeholder=\"Phone\" autocomplete=\"tel\" required>\n  \
             <button>Order</button>\n\
             </form>"
        );
        Self { pixel, form }
    }
}
