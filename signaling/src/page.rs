// SPDX-License-Identifier: MPL-2.0
//! The web pages, embedded in the binary, and the headers that keep it safe.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;

use crate::asset::Asset;

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

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const MANIFEST: &str = "application/manifest+json";
const SVG: &str = "image/svg+xml";
const PNG: &str = "image/png";

/// The files of the pages, as (path, content type, text).
const FILES: [(&str, &str, &str); 67] = [
    ("/", HTML, include_str!("../web/index.html")),
    ("/admin", HTML, include_str!("../web/admin.html")),
    ("/calls", HTML, include_str!("../web/calls.html")),
    (
        "/manifest.webmanifest",
        MANIFEST,
        include_str!("../web/manifest.webmanifest"),
    ),
    (
        "/service-worker.js",
        SCRIPT,
        include_str!("../web/service-worker.js"),
    ),
    (
        "/icons/icon.svg",
        SVG,
        include_str!("../web/icons/icon.svg"),
    ),
    ("/style.css", CSS, include_str!("../web/style.css")),
    ("/admin.css", CSS, include_str!("../web/admin.css")),
    ("/access.js", SCRIPT, include_str!("../web/access.js")),
    ("/agenda.js", SCRIPT, include_str!("../web/agenda.js")),
    ("/api.js", SCRIPT, include_str!("../web/api.js")),
    ("/app.js", SCRIPT, include_str!("../web/app.js")),
    ("/bell.js", SCRIPT, include_str!("../web/bell.js")),
    (
        "/call-panel.js",
        SCRIPT,
        include_str!("../web/call-panel.js"),
    ),
    ("/calls.js", SCRIPT, include_str!("../web/calls.js")),
    ("/bookings.js", SCRIPT, include_str!("../web/bookings.js")),
    ("/ceremony.js", SCRIPT, include_str!("../web/ceremony.js")),
    ("/commands.js", SCRIPT, include_str!("../web/commands.js")),
    ("/controls.js", SCRIPT, include_str!("../web/controls.js")),
    ("/dom.js", SCRIPT, include_str!("../web/dom.js")),
    ("/door.js", SCRIPT, include_str!("../web/door.js")),
    ("/drive.js", SCRIPT, include_str!("../web/drive.js")),
    (
        "/drive-panel.js",
        SCRIPT,
        include_str!("../web/drive-panel.js"),
    ),
    ("/envelope.js", SCRIPT, include_str!("../web/envelope.js")),
    ("/gateway.js", SCRIPT, include_str!("../web/gateway.js")),
    (
        "/gateway-rules.js",
        SCRIPT,
        include_str!("../web/gateway-rules.js"),
    ),
    (
        "/gateway-words.js",
        SCRIPT,
        include_str!("../web/gateway-words.js"),
    ),
    ("/history.js", SCRIPT, include_str!("../web/history.js")),
    (
        "/history-page.js",
        SCRIPT,
        include_str!("../web/history-page.js"),
    ),
    (
        "/latency-clock.js",
        SCRIPT,
        include_str!("../web/latency-clock.js"),
    ),
    ("/media.js", SCRIPT, include_str!("../web/media.js")),
    (
        "/microphone.js",
        SCRIPT,
        include_str!("../web/microphone.js"),
    ),
    ("/page.js", SCRIPT, include_str!("../web/page.js")),
    ("/passkeys.js", SCRIPT, include_str!("../web/passkeys.js")),
    ("/password.js", SCRIPT, include_str!("../web/password.js")),
    ("/picture.js", SCRIPT, include_str!("../web/picture.js")),
    (
        "/porthole-client.js",
        SCRIPT,
        include_str!("../web/porthole-client.js"),
    ),
    ("/push.js", SCRIPT, include_str!("../web/push.js")),
    (
        "/push-panel.js",
        SCRIPT,
        include_str!("../web/push-panel.js"),
    ),
    ("/rules.js", SCRIPT, include_str!("../web/rules.js")),
    (
        "/second-factor.js",
        SCRIPT,
        include_str!("../web/second-factor.js"),
    ),
    ("/service.js", SCRIPT, include_str!("../web/service.js")),
    ("/session.js", SCRIPT, include_str!("../web/session.js")),
    ("/sign-in.js", SCRIPT, include_str!("../web/sign-in.js")),
    (
        "/sign-in-form.js",
        SCRIPT,
        include_str!("../web/sign-in-form.js"),
    ),
    (
        "/statistics.js",
        SCRIPT,
        include_str!("../web/statistics.js"),
    ),
    (
        "/statistics-panel.js",
        SCRIPT,
        include_str!("../web/statistics-panel.js"),
    ),
    ("/steering.js", SCRIPT, include_str!("../web/steering.js")),
    (
        "/steering-state.js",
        SCRIPT,
        include_str!("../web/steering-state.js"),
    ),
    (
        "/talk-panel.js",
        SCRIPT,
        include_str!("../web/talk-panel.js"),
    ),
    ("/telemetry.js", SCRIPT, include_str!("../web/telemetry.js")),
    (
        "/telemetry-panel.js",
        SCRIPT,
        include_str!("../web/telemetry-panel.js"),
    ),
    ("/two-ways.js", SCRIPT, include_str!("../web/two-ways.js")),
    ("/when.js", SCRIPT, include_str!("../web/when.js")),
    (
        "/admin/audit.js",
        SCRIPT,
        include_str!("../web/admin/audit.js"),
    ),
    (
        "/admin/booking-form.js",
        SCRIPT,
        include_str!("../web/admin/booking-form.js"),
    ),
    (
        "/admin/bookings.js",
        SCRIPT,
        include_str!("../web/admin/bookings.js"),
    ),
    (
        "/admin/calendar.js",
        SCRIPT,
        include_str!("../web/admin/calendar.js"),
    ),
    (
        "/admin/cameras.js",
        SCRIPT,
        include_str!("../web/admin/cameras.js"),
    ),
    (
        "/admin/directory.js",
        SCRIPT,
        include_str!("../web/admin/directory.js"),
    ),
    (
        "/admin/drag.js",
        SCRIPT,
        include_str!("../web/admin/drag.js"),
    ),
    (
        "/admin/forms.js",
        SCRIPT,
        include_str!("../web/admin/forms.js"),
    ),
    (
        "/admin/main.js",
        SCRIPT,
        include_str!("../web/admin/main.js"),
    ),
    (
        "/admin/recurrence.js",
        SCRIPT,
        include_str!("../web/admin/recurrence.js"),
    ),
    (
        "/admin/shares.js",
        SCRIPT,
        include_str!("../web/admin/shares.js"),
    ),
    (
        "/admin/users.js",
        SCRIPT,
        include_str!("../web/admin/users.js"),
    ),
    (
        "/admin/words.js",
        SCRIPT,
        include_str!("../web/admin/words.js"),
    ),
];

/// The page as a telephone keeps it among its apps; `web/icons/icon.svg` is what they are made from.
const ICONS: [(&str, &[u8]); 2] = [
    (
        "/icons/icon-192.png",
        include_bytes!("../web/icons/icon-192.png"),
    ),
    (
        "/icons/icon-512.png",
        include_bytes!("../web/icons/icon-512.png"),
    ),
];

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let texts = FILES.map(|(path, content_type, text)| (path, content_type, text.as_bytes()));
    let icons = ICONS.map(|(path, content)| (path, PNG, content));
    texts
        .into_iter()
        .chain(icons)
        .fold(Router::new(), |router, (path, content_type, content)| {
            let asset = Arc::new(Asset::new(content_type, content));
            router.route(
                path,
                get(async move |request: HeaderMap| asset.answer(&request)),
            )
        })
}
