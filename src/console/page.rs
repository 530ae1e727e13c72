//! The page itself: a few files in the binary, the same for everybody.

use crate::model::Language;
use axum::Router;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;

const HTML: &str = include_str!("page/console.html");
const STYLE: &str = include_str!("page/console.css");
const SCRIPT: &str = include_str!("page/console.js");
const SCREENS: &str = include_str!("page/screens.js");
const OPERATIONS: &str = include_str!("page/operations.js");
const WORDS: &str = include_str!("page/words.js");
const ICON: &str = include_str!("page/icon.svg");

/// Nothing from elsewhere, nothing written into the page, nothing around it; markup is never made from text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// The page at `/console`, which is nobody's until somebody signs in.
pub fn page() -> Router {
    const SCRIPTS: &str = "text/javascript; charset=utf-8";
    Router::new()
        .route("/console", get(html))
        .route("/console/console.css", get(async || file(STYLE, "text/css; charset=utf-8")))
        .route("/console/console.js", get(async || file(SCRIPT, SCRIPTS)))
        .route("/console/screens.js", get(async || file(SCREENS, SCRIPTS)))
        .route("/console/operations.js", get(async || file(OPERATIONS, SCRIPTS)))
        .route("/console/words.js", get(async || file(WORDS, SCRIPTS)))
        .route("/console/icon.svg", get(async || file(ICON, "image/svg+xml")))
}

async fn html(headers: HeaderMap) -> Response {
    let language = language(&headers);
    let html = HTML.replacen("lang=\"en\"", &format!("lang=\"{language}\""), 1);
    let mut response = file_of(html.into(), "text/html; charset=utf-8");
    let headers = response.headers_mut();
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language));
    headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
    response
}

/// The first language of the reader's that the page is written in.
fn language(headers: &HeaderMap) -> &'static str {
    let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    wanted.and_then(Language::of_header).unwrap_or_default().code()
}

fn file(text: &'static str, media_type: &'static str) -> Response {
    file_of(text.into(), media_type)
}

fn file_of(body: Body, media_type: &'static str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_chooses_the_language() {
        for (header, wanted) in [("fr, en;q=0.2, ES;q=0.3", "es"), ("de", "en"), (";;,q=", "en")] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(header));
            assert_eq!(language(&headers), wanted, "{header}");
        }
        assert_eq!(language(&HeaderMap::new()), "en");
    }

    /// The content security policy forbids both; a page that has one is a page that does not work.
    #[test]
    fn the_page_has_no_script_and_no_style_of_its_own() {
        assert_eq!(
            HTML.matches("<script").count(),
            HTML.matches("<script src=\"/console/").count()
        );
        for written in ["<style", " style=", " onclick=", "javascript:", "http://", "https://"] {
            assert!(!HTML.contains(written), "{written}");
        }
        for making in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            for script in [SCRIPT, SCREENS, OPERATIONS, WORDS] {
                assert!(!script.contains(making), "{making}");
            }
        }
        assert!(HTML.contains("lang=\"en\""));
    }
}
