//! A notice such as "Saved." for the page that is opened next. It travels in a cookie that lives
//! for some seconds, so that no address contains it.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const COOKIE_NAME: &str = "sluice_notice";
const MAX_CHARS: usize = 300;

/// Sends the browser to a page, which shows the notice.
#[must_use]
pub fn redirect(target: &str, notice: &str) -> Response {
    let notice: String = notice.chars().take(MAX_CHARS).collect();
    let text = URL_SAFE_NO_PAD.encode(notice);
    let mut response = Redirect::to(target).into_response();
    set(&mut response, &format!("{COOKIE_NAME}={text}; Path=/; Max-Age=30; HttpOnly; SameSite=Lax"));
    response
}

/// Returns the notice that a request carries.
#[must_use]
pub fn read(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let text = cookies
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))?;
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    Some(text.chars().take(MAX_CHARS).collect()).filter(|text: &String| !text.is_empty())
}

/// Removes the notice after it was shown.
pub fn clear(response: &mut Response) {
    set(response, &format!("{COOKIE_NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"));
}

fn set(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_back() {
        let response = redirect("/teams/7/", "Deleted team Ümläut; \"x\".");
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let headers =
            HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(format!("a=b; {cookie}")).unwrap())]);
        assert_eq!(read(&headers).as_deref(), Some("Deleted team Ümläut; \"x\"."));
        assert_eq!(read(&HeaderMap::new()), None);
        let garbage = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("sluice_notice=%%%"))]);
        assert_eq!(read(&garbage), None);
    }
}
