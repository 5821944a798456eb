// SPDX-License-Identifier: MPL-2.0
//! Files of the pages as browsers want them: compressed once, and sent again only when they are other ones.

use std::io::Write as _;
use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Hexadecimal digits by which two texts are told apart.
const ETAG_DIGITS: usize = 32;
/// Shorter texts would not fit into fewer packets.
const MIN_COMPRESSED: usize = 1024;

/// A file that is sent as it is.
pub(crate) struct Asset {
    kind: &'static str,
    content: &'static [u8],
    made: OnceLock<Made>,
}

/// What is made of a file when it is asked for the first time.
struct Made {
    etag: Option<HeaderValue>,
    gzip: Option<Bytes>,
}

impl Asset {
    pub(crate) fn new(kind: &'static str, content: &'static [u8]) -> Self {
        let made = OnceLock::new();
        Self {
            kind,
            content,
            made,
        }
    }

    /// What a request with these headers is answered with.
    pub(crate) fn answer(&self, request: &HeaderMap) -> Response {
        let made = self.made.get_or_init(|| Made::of(self.content));
        let mut answer = match &made.etag {
            Some(etag) if has(request, etag) => StatusCode::NOT_MODIFIED.into_response(),
            _ => match made.gzip.as_ref().filter(|_| takes_gzip(request)) {
                Some(gzip) => {
                    let encoding = [(CONTENT_ENCODING, "gzip"), (CONTENT_TYPE, self.kind)];
                    (encoding, gzip.clone()).into_response()
                }
                None => ([(CONTENT_TYPE, self.kind)], self.content).into_response(),
            },
        };
        let headers = answer.headers_mut();
        // A page of the last version must not talk to this one: it is asked for each time, and seldom sent.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(etag) = &made.etag {
            headers.insert(ETAG, etag.clone());
        }
        answer
    }
}

impl Made {
    fn of(content: &[u8]) -> Self {
        let digest = digest(&SHA256, content);
        let mut digest: String =
            (digest.as_ref().iter().map(|byte| format!("{byte:02x}"))).collect();
        digest.truncate(ETAG_DIGITS);
        // Weak, since it is the same for both encodings (RFC 9110, 8.8.1).
        let etag = HeaderValue::try_from(format!("W/\"{digest}\"")).ok();
        let gzip = (content.len() >= MIN_COMPRESSED)
            .then(|| compressed(content))
            .flatten();
        Self { etag, gzip }
    }
}

/// Nothing where it would not get smaller, as pictures do not.
fn compressed(content: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).ok()?;
    let bytes = encoder.finish().ok()?;
    (bytes.len() < content.len()).then(|| bytes.into())
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
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

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
        let text = include_str!("../web/porthole-client.js");
        let made = Made::of(text.as_bytes());
        let (gzip, mut read) = (made.gzip.unwrap(), String::new());
        assert!(gzip.len() * 2 < text.len());
        GzDecoder::new(&gzip[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
    }

    #[test]
    fn who_has_the_text_is_not_sent_it_again() {
        let asset = Asset::new("text/plain", b"a");
        let first = asset.answer(&HeaderMap::new());
        let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
        for known in [&etag[..], &etag[2..], &format!("\"x\", {etag}"), "*"] {
            let again = asset.answer(&headers(&[(IF_NONE_MATCH, known)]));
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers()[ETAG], etag);
        }
        let other = Asset::new("text/plain", b"b");
        let again = other.answer(&headers(&[(IF_NONE_MATCH, &etag)]));
        assert_eq!(again.status(), StatusCode::OK);
    }
}
