// SPDX-License-Identifier: MPL-2.0
//! The web pages, embedded in the binary, and the headers that keep it safe.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use axum::routing::get;

use crate::asset::Asset;
use crate::error::Said;
use crate::files::PAGES;

/// Where programs ask: what is wrong is JSON there, whoever asks.
const FOR_PROGRAMS: [&str; 3] = ["/api", "/whep", "/ws"];

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

/// The page that someone meant who wrote its name with a slash after it or in capitals, as seen from there: a proxy may have
/// us below some folder.
pub(crate) fn meant(path: &str) -> Option<String> {
    let plain = path.trim_end_matches('/').to_ascii_lowercase();
    let name = plain.strip_prefix('/').filter(|name| !name.contains('.'))?;
    let mut pages = PAGES.iter().filter(|file| file.path != path);
    pages.find(|file| file.path == plain)?;
    let up = path.matches('/').count().saturating_sub(1);
    Some("../".repeat(up) + name)
}

/// Whether a browser asks for a page, and not a program for an answer.
pub(crate) fn is_person(request: &Request) -> bool {
    let accepts = request.headers().get(ACCEPT);
    let accepts = accepts.and_then(|value| value.to_str().ok());
    let path = request.uri().path();
    let for_programs = FOR_PROGRAMS.iter().any(|start| {
        let rest = path.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    request.method() == Method::GET
        && !for_programs
        && accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

/// What is wrong as a page, where it is a problem.
pub(crate) fn in_words(mut response: Response) -> Response {
    let Some(Said(said)) = response.extensions().get::<Said>().cloned() else {
        return response;
    };
    let plain = |text: &str| {
        let text = text.replace('&', "&amp;");
        text.replace('<', "&lt;").replace('>', "&gt;")
    };
    let mut letters = said.chars();
    let first = letters.next().map(char::to_uppercase);
    let said: String = first.into_iter().flatten().chain(letters).collect();
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"dark light\"><title>Porthole</title>\n\
         <h1>Porthole</h1>\n<p>{}.</p>\n<p><a href=\"/\">Go to the cameras</a></p>\n",
        plain(said.trim_end_matches('.'))
    );
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(CONTENT_TYPE, html);
    *response.body_mut() = Body::from(text);
    response
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
            assert!(named.len() > 2, "{path}: {named:?}");
            for name in &named {
                assert!(!file(&format!("/{name}")).content.is_empty());
            }
            named.sort_unstable();
            let count = named.len();
            named.dedup();
            assert_eq!(named.len(), count, "{path}");
        }
    }

    #[test]
    fn a_page_is_found_by_its_name_with_slashes_and_in_capitals_and_nothing_else_is() {
        for (path, expected) in [
            ("/admin/", Some("../admin")),
            ("/Admin", Some("admin")),
            ("/ADMIN//", Some("../../admin")),
            ("/admin", None),
            ("/", None),
            ("//", None),
            ("/admins", None),
            ("/Parts/Style.css", None),
            ("//evil.example/admin", None),
            ("/api/Admin", None),
        ] {
            assert_eq!(meant(path).as_deref(), expected, "{path}");
        }
    }
}
