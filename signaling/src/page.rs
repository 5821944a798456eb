// SPDX-License-Identifier: MPL-2.0
//! The web page, embedded in the binary, and the headers that keep it safe.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;

/// On every answer. `'self'` in `connect-src` covers WebSockets to the same host and port (CSP 3,
/// "match url to expression").
pub(crate) const SECURITY_HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    // The address of the page may hold a token.
    ("referrer-policy", "no-referrer"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=(), serial=()",
    ),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files of the page, as (path, content type, text).
const FILES: [(&str, &str, &str); 10] = [
    ("/", HTML, include_str!("../web/index.html")),
    ("/style.css", CSS, include_str!("../web/style.css")),
    ("/app.js", SCRIPT, include_str!("../web/app.js")),
    ("/access.js", SCRIPT, include_str!("../web/access.js")),
    ("/media.js", SCRIPT, include_str!("../web/media.js")),
    ("/page.js", SCRIPT, include_str!("../web/page.js")),
    (
        "/porthole-client.js",
        SCRIPT,
        include_str!("../web/porthole-client.js"),
    ),
    ("/session.js", SCRIPT, include_str!("../web/session.js")),
    ("/rules.js", SCRIPT, include_str!("../web/rules.js")),
    (
        "/latency-clock.js",
        SCRIPT,
        include_str!("../web/latency-clock.js"),
    ),
];

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .into_iter()
        .fold(Router::new(), |router, (path, content_type, text)| {
            // `no-cache`: a page of the last version must not talk to this one.
            let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")];
            router.route(path, get(move || async move { (headers, text) }))
        })
}
