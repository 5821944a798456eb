// SPDX-License-Identifier: MPL-2.0
//! The web pages, embedded in the binary, and the headers that keep it safe.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;

use crate::asset::Asset;
use crate::files::PAGES;

/// On every answer. `'self'` in `connect-src` covers WebSockets to the same host and port (CSP 3,
/// "match url to expression").
pub(crate) const SECURITY_HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    // The address of the page may hold a token.
    ("referrer-policy", "no-referrer"),
    (
        "permissions-policy",
        "camera=(), microphone=(self), geolocation=(), display-capture=(), payment=(), usb=(), serial=()",
    ),
];

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    PAGES.iter().fold(Router::new(), |router, file| {
        let asset = Arc::new(Asset::new(file));
        router.route(
            file.path,
            get(async move |request: HeaderMap| asset.answer(&request)),
        )
    })
}
