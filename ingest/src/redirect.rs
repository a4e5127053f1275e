//! Decides where a customer is sent after an order form: to the site that posted it, and to no
//! other. Pure.
//!
//! Invariant: the returned address has the origin of the posting page, as a browser would read it,
//! and contains no credentials.

use http::header::{HeaderMap, HeaderName, ORIGIN, REFERER};
use url::Url;

/// Returns the requested address as an absolute one; `None` if it is not on the site that posted
/// (by `Origin`, else by `Referer`). A relative address is resolved against the posting page.
#[must_use]
pub fn target(wish: &str, headers: &HeaderMap) -> Option<String> {
    let referer = read_url(headers, &REFERER);
    let site = if headers.contains_key(ORIGIN) { read_url(headers, &ORIGIN)? } else { referer.clone()? };
    let page = referer.filter(|page| page.origin() == site.origin()).unwrap_or_else(|| site.clone());
    let target = page.join(wish.trim()).ok()?;
    let is_same_site = matches!(target.scheme(), "http" | "https")
        && target.origin() == site.origin()
        && target.username().is_empty()
        && target.password().is_none();
    is_same_site.then(|| target.into())
}

fn read_url(headers: &HeaderMap, name: &HeaderName) -> Option<Url> {
    Url::parse(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: (HeaderName, &str) = (REFERER, "https://shop.example/landing/one?x=1");
    const SITE: (HeaderName, &str) = (ORIGIN, "https://shop.example");

    fn go(wish: &str, headers: &[(HeaderName, &str)]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        target(wish, &headers)
    }

    #[test]
    fn the_posting_site_is_gone_to() {
        let thanks = Some("https://shop.example/thanks?a=1".to_owned());
        for wish in
            ["https://shop.example/thanks?a=1", "/thanks?a=1", "../thanks?a=1", "//shop.example/thanks?a=1"]
        {
            assert_eq!(go(wish, &[SITE, PAGE]), thanks, "{wish}");
            assert_eq!(go(wish, &[PAGE]), thanks, "{wish}");
        }
        assert_eq!(go("/thanks?a=1", &[SITE]), thanks);
        assert_eq!(go("HTTPS://SHOP.EXAMPLE:443/thanks?a=1", &[SITE]), thanks);
    }

    #[test]
    fn no_other_is() {
        for wish in [
            "https://evil.example/",
            "http://shop.example/",
            "https://shop.example:8443/",
            "https://shop.example.evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:\\\\evil.example",
            "/\t/evil.example",
            "\u{1}//evil.example",
            "https://shop.example@evil.example/",
            "https://user:pass@shop.example/",
            "https://user@shop.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://",
        ] {
            assert_eq!(go(wish, &[SITE, PAGE]), None, "{wish}");
        }
    }

    #[test]
    fn without_a_known_site_nobody_is_sent_anywhere() {
        assert_eq!(go("/thanks", &[]), None);
        assert_eq!(go("https://shop.example/", &[(ORIGIN, "null"), PAGE]), None);
        assert_eq!(go("https://shop.example/", &[(ORIGIN, "https://evil.example"), PAGE]), None);
        assert_eq!(go("https://shop.example/", &[(REFERER, "nonsense")]), None);
    }

    #[test]
    fn what_goes_into_the_header_is_plain() {
        let target = go("/thänks\r\nSet-Cookie: a=b", &[SITE]).unwrap();
        assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{target}");
    }
}
