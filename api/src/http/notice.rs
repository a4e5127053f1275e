//! A notice such as "Saved." for the page that is opened next, with a button that undoes the change
//! if there is one. It travels in a cookie that lives for some seconds, so no address contains it.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const COOKIE_NAME: &str = "sluice_notice";
const MAX_CHARS: usize = 300;

/// The notice about the change before a page was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub text: String,
    /// The path of a form that undoes it.
    pub undo: Option<String>,
}

/// Sends the browser to a page, which shows the notice.
#[must_use]
pub fn redirect(target: &str, notice: &str) -> Response {
    redirect_with_undo(target, notice, None)
}

/// Sends the browser to a page, which shows the notice. With a path it has the button *Undo*.
#[must_use]
pub fn redirect_with_undo(target: &str, notice: &str, undo: Option<&str>) -> Response {
    let notice: String = notice.chars().filter(|c| *c != '\n').take(MAX_CHARS).collect();
    let text = match undo {
        Some(path) => URL_SAFE_NO_PAD.encode(format!("{notice}\n{path}")),
        None => URL_SAFE_NO_PAD.encode(notice),
    };
    let mut response = Redirect::to(target).into_response();
    set(&mut response, &format!("{COOKIE_NAME}={text}; Path=/; Max-Age=30; HttpOnly; SameSite=Lax"));
    response
}

/// Returns the notice that a request carries.
#[must_use]
pub fn read(headers: &HeaderMap) -> Option<Notice> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let carried = cookies
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))?;
    let carried = String::from_utf8(URL_SAFE_NO_PAD.decode(carried).ok()?).ok()?;
    let (text, undo) = carried.split_once('\n').unwrap_or((&carried, ""));
    let text: String = text.chars().take(MAX_CHARS).collect();
    let undo = is_undo(undo).then(|| undo.to_owned());
    (!text.is_empty()).then_some(Notice { text, undo })
}

/// Whether a path undoes something. Another site of the same domain can set cookies, and must not
/// choose what the button does.
fn is_undo(path: &str) -> bool {
    path.starts_with('/')
        && path.ends_with("/restore/")
        && !path.contains("//")
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-".contains(&byte))
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

    fn sent(cookie: &str) -> Option<Notice> {
        read(&HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(format!("a=b; {cookie}")).unwrap())]))
    }

    fn sent_back(response: &Response) -> Option<Notice> {
        sent(response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap())
    }

    #[test]
    fn a_notice_is_read_back() {
        let text = "Deleted team Ümläut; \"x\".".to_owned();
        let plain = redirect("/teams/", &text);
        assert_eq!(sent_back(&plain), Some(Notice { text: text.clone(), undo: None }));
        let undone = redirect_with_undo("/teams/", &text, Some("/teams/7/restore/"));
        assert_eq!(sent_back(&undone), Some(Notice { text, undo: Some("/teams/7/restore/".to_owned()) }));
        assert_eq!(read(&HeaderMap::new()), None);
        assert_eq!(sent("sluice_notice=%%%"), None);
    }

    #[test]
    fn a_forged_notice_undoes_nothing() {
        let forged = [
            "https://evil.example/restore/",
            "//evil.example/restore/",
            "/teams/7/delete/",
            "/a?b=/restore/",
        ];
        for undo in forged {
            let notice = sent_back(&redirect_with_undo("/", "Deleted.", Some(undo))).unwrap();
            assert_eq!(notice.undo, None, "{undo}");
        }
    }
}
