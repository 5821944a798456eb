// SPDX-License-Identifier: MPL-2.0
//! The web pages, embedded in the binary, and the headers that keep it safe.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;

use crate::asset::Asset;
use crate::files::PAGES;

/// On every answer, as one of [`SECURITY_HEADERS`]. `'self'` in `connect-src` covers WebSockets to the same host and port (CSP 3,
/// "match url to expression").
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// On every answer that has none of its own.
pub(crate) const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("content-security-policy", POLICY),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a browser fetches before the viewer's page is there: a second on a slow mobile network.
    const MAX_SHELL: usize = 80 * 1024;
    const MODULES: &str = "<link rel=\"modulepreload\" href=\"";

    /// What stands between the quotes after each of these.
    fn after<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
        let parts = text.split(before).skip(1);
        parts.filter_map(|part| part.split('"').next()).collect()
    }

    fn file(path: &str) -> &'static crate::asset::File {
        let file = PAGES.iter().find(|file| file.path == path);
        file.unwrap_or_else(|| panic!("there is no {path}"))
    }

    fn text(path: &str) -> String {
        String::from_utf8(file(path).plain().into_owned()).unwrap()
    }

    #[test]
    fn the_viewers_page_with_all_that_it_begins_with_is_small() {
        let text = text("/");
        let kinds = [
            MODULES,
            "<link rel=\"stylesheet\" href=\"",
            "<script type=\"module\" src=\"",
            "<script src=\"",
        ];
        let names = kinds.iter().flat_map(|kind| after(&text, kind));
        let paths = names.map(|name| format!("/{name}")).chain(["/".into()]);
        let mut sizes: Vec<_> = paths
            .map(|path| (file(&path).content.len(), path))
            .collect();
        let sum: usize = sizes.iter().map(|(size, _)| size).sum();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let count = sizes.len();
        sizes.truncate(10);
        let words = format!("{sum} bytes in {count} files, the largest: {sizes:?}");
        println!("{words}");
        assert!(sum <= MAX_SHELL, "{words}");
    }

    #[test]
    fn each_page_names_its_modules_once_and_those_are_there() {
        for path in ["/", "/admin", "/calls"] {
            let text = text(path);
            let mut named = after(&text, MODULES);
            assert!(named.len() > 5, "{path}: {named:?}");
            for name in &named {
                assert!(!file(&format!("/{name}")).content.is_empty());
            }
            named.sort_unstable();
            let count = named.len();
            named.dedup();
            assert_eq!(named.len(), count, "{path}");
        }
    }
}
