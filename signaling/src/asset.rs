// SPDX-License-Identifier: MPL-2.0
//! Files of the pages as browsers want them: compressed once, and sent again only when they are other ones.

use std::borrow::Cow;
use std::io::Read as _;
use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use flate2::read::GzDecoder;

/// Hexadecimal digits by which two texts are told apart.
const ETAG_DIGITS: usize = 32;

/// A file in the binary, as `build.rs` puts it there.
pub(crate) struct File {
    pub(crate) path: &'static str,
    /// Its content type.
    pub(crate) kind: &'static str,
    /// Whether `content` is gzip (RFC 1952), where that is smaller.
    pub(crate) is_compressed: bool,
    pub(crate) content: &'static [u8],
}

impl File {
    /// As it was before it was compressed.
    pub(crate) fn plain(&self) -> Cow<'static, [u8]> {
        if !self.is_compressed {
            return Cow::Borrowed(self.content);
        }
        let mut plain = Vec::new();
        // It was written by us, and is whole.
        let _ = GzDecoder::new(self.content).read_to_end(&mut plain);
        Cow::Owned(plain)
    }
}

/// A file that is sent as it is.
pub(crate) struct Asset {
    file: &'static File,
    /// Made when it is asked for the first time.
    etag: OnceLock<Option<HeaderValue>>,
}

impl Asset {
    pub(crate) fn new(file: &'static File) -> Self {
        let etag = OnceLock::new();
        Self { file, etag }
    }

    /// What a request with these headers is answered with.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response {
        let file = self.file;
        let etag = self.etag.get_or_init(|| etag(file.content));
        let kind = (CONTENT_TYPE, file.kind);
        let mut answer = match etag {
            Some(etag) if has(request, etag) => StatusCode::NOT_MODIFIED.into_response(),
            _ if file.is_compressed && takes_gzip(request) => {
                ([(CONTENT_ENCODING, "gzip"), kind], file.content).into_response()
            }
            // Browsers take gzip; what does not is seldom, and may wait the fraction of a millisecond.
            _ => ([kind], Bytes::from(file.plain().into_owned())).into_response(),
        };
        let headers = answer.headers_mut();
        // A page of the last version must not talk to this one: it is asked for each time, and seldom sent.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(etag) = etag {
            headers.insert(ETAG, etag.clone());
        }
        answer
    }
}

fn etag(content: &[u8]) -> Option<HeaderValue> {
    let digest = digest(&SHA256, content);
    let mut digest: String = (digest.as_ref().iter().map(|byte| format!("{byte:02x}"))).collect();
    digest.truncate(ETAG_DIGITS);
    // Weak, since it is the same for both encodings (RFC 9110, 8.8.1).
    HeaderValue::try_from(format!("W/\"{digest}\"")).ok()
}

/// Whether the browser has this file already.
fn has(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(etag) = etag.to_str().map(opaque) else {
        return false;
    };
    list(request, &IF_NONE_MATCH).any(|known| known.trim() == "*" || opaque(known) == etag)
}

/// Whether it says that it takes gzip, and not that it does not.
fn takes_gzip(request: &HeaderMap) -> bool {
    list(request, &ACCEPT_ENCODING).any(|coding| {
        let (name, rest) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = rest.trim().strip_prefix("q=");
        let is_refused = weight.is_some_and(|q| q.trim().parse().is_ok_and(|q: f32| q <= 0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(','))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{DOCS, PAGES};
    use crate::strip;

    fn text(content: &'static [u8]) -> &'static File {
        Box::leak(Box::new(File {
            path: "/text",
            kind: "text/plain",
            is_compressed: false,
            content,
        }))
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn gzip_is_for_who_takes_it() {
        for (said, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(
                takes_gzip(&headers(&[(ACCEPT_ENCODING, said)])),
                takes,
                "{said}"
            );
        }
    }

    #[test]
    fn a_script_is_embedded_compressed_and_whole() {
        let text = strip::script(include_str!("../web/service-worker.js"));
        let is_it = |file: &&File| file.path == "/service-worker.js";
        let file = PAGES.iter().find(is_it).unwrap();
        assert!(file.is_compressed && file.content.len() * 2 < text.len());
        assert_eq!(file.plain(), text.as_bytes());
        let answer = Asset::new(file).answer(&headers(&[(ACCEPT_ENCODING, "gzip")]));
        assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
        let answer = Asset::new(file).answer(&HeaderMap::new());
        assert_eq!(answer.headers().get(CONTENT_ENCODING), None);
    }

    #[test]
    fn all_that_a_page_asks_for_is_there_and_what_tests_it_is_not() {
        let has = |path: &str| PAGES.iter().any(|file| file.path == path);
        for path in [
            "/",
            "/admin",
            "/calls",
            "/service-worker.js",
            "/icons/icon-512.png",
        ] {
            assert!(has(path), "{path}");
        }
        assert!(
            PAGES
                .iter()
                .all(|file| !file.path.contains(".mjs") && !file.path.contains(".html"))
        );
        assert!(DOCS.iter().any(|file| file.path == "/api/docs"));
    }

    #[test]
    fn who_has_the_text_is_not_sent_it_again() {
        let asset = Asset::new(text(b"a"));
        let first = asset.answer(&HeaderMap::new());
        let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
        for known in [&etag[..], &etag[2..], &format!("\"x\", {etag}"), "*"] {
            let again = asset.answer(&headers(&[(IF_NONE_MATCH, known)]));
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers()[ETAG], etag);
        }
        let other = Asset::new(text(b"b"));
        let again = other.answer(&headers(&[(IF_NONE_MATCH, &etag)]));
        assert_eq!(again.status(), StatusCode::OK);
    }
}
