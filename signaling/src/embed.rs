// SPDX-License-Identifier: MPL-2.0
//! Pages of other sites that show our cameras: which ones the configuration names, and what these may read. Pure.
//!
//! Such a page shows a token of its own and nothing else: a cookie never counts there, whatever the browser sends. It may read
//! the scripts of the pages and `/api/config`; all else is for our own pages, whoever shows a token.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::{Origin, Url};

/// All of them stand in a header of each page.
const MAX_ORIGINS: usize = 32;
/// How long a browser keeps in mind that it may ask, in seconds.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("600");
/// What such a page asks before it connects.
const CONFIG: &str = "/api/config";
/// The page that may stand in a frame: that of viewers, and never that of administrators.
const FRAMED: &str = "/";
/// What a page's policy says of frames where nothing is configured.
pub(crate) const NO_FRAMES: &str = "frame-ancestors 'none'";
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// The subprotocol that is agreed on with who shows a token in another one, since a browser's WebSocket sets no header, and an
/// address stands in the logs of proxies. As in `client/bearer.js`.
const PROTOCOL: HeaderValue = HeaderValue::from_static("porthole");
const BEARER: &str = "porthole.bearer.";

/// Which pages.
#[derive(Debug)]
pub(crate) struct Embed {
    origins: BTreeSet<String>,
    /// The policy of the page that may stand in their frames.
    policy: HeaderValue,
}

/// What a request has to do with them.
#[derive(Debug, Default)]
pub(crate) struct Visit {
    /// Of the page that asks, if it is one of them.
    origin: Option<HeaderValue>,
    /// Whether they may read the answer.
    is_shared: bool,
    /// Whether the answer may stand in their frames.
    is_framed: bool,
    /// Whether a browser asks whether it may ask.
    is_question: bool,
}

/// Whether a script of the pages may be there: below the API, what is asked for may have any name.
fn is_script(path: &str) -> bool {
    path.ends_with(".js") && !path.starts_with("/api/")
}

/// Whether `text` names one site as browsers write it, or what is wrong with it.
pub(crate) fn check_origin(text: &str) -> Result<(), String> {
    if text.contains('*') {
        return Err(format!(
            "\"{text}\" would let any site show your cameras: name each one, as https://www.example.org"
        ));
    }
    let origin = text.parse::<Url>().ok().map(|url| url.origin());
    let is_one = origin.is_some_and(|origin| {
        matches!(&origin, Origin::Tuple(scheme, ..) if matches!(scheme.as_str(), "http" | "https"))
            && origin.ascii_serialization() == text
    });
    match is_one {
        true => Ok(()),
        false => Err(format!(
            "\"{text}\" is no origin: write scheme, host and port as browsers do, such as https://www.example.org or \
             http://192.168.1.9:8080, without a / at the end"
        )),
    }
}

impl Embed {
    /// `None` if there are none. `policy` is what the page says where there are none.
    pub(crate) fn new(origins: &[String], policy: &str) -> Result<Option<Self>, String> {
        if origins.is_empty() {
            return Ok(None);
        }
        if origins.len() > MAX_ORIGINS {
            return Err(format!("name at most {MAX_ORIGINS} origins"));
        }
        origins.iter().try_for_each(|text| check_origin(text))?;
        let ancestors = origins.join(" ");
        let policy = policy.replace(NO_FRAMES, &format!("frame-ancestors {ancestors}"));
        let policy = HeaderValue::try_from(policy).map_err(|e| e.to_string())?;
        let origins = origins.iter().cloned().collect();
        Ok(Some(Self { origins, policy }))
    }

    /// Whether a page of them sent the request.
    pub(crate) fn is_named(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(header::ORIGIN).iter();
        let origin = sent.next().filter(|_| sent.next().is_none());
        let origin = origin.and_then(|origin| origin.to_str().ok());
        origin.is_some_and(|origin| self.origins.contains(origin))
    }

    /// What a request is to them.
    pub(crate) fn visit(&self, method: &Method, path: &str, headers: &HeaderMap) -> Visit {
        let origin = headers.get(header::ORIGIN);
        let wanted = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        Visit {
            origin: origin.filter(|_| self.is_named(headers)).cloned(),
            is_shared: path == CONFIG || is_script(path),
            is_framed: path == FRAMED,
            is_question: method == Method::OPTIONS && wanted,
        }
    }

    /// Says to the browser what they may do with an answer.
    pub(crate) fn mark(&self, visit: Visit, headers: &mut HeaderMap) {
        if visit.is_framed {
            headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        }
        let policy = match visit.is_shared {
            true => "cross-origin",
            false => "same-origin",
        };
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static(policy));
        if !visit.is_shared {
            return;
        }
        // Also where it is not one of them: a cache must not hand on the answer for another.
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        let is_question = visit.is_question();
        let Some(origin) = visit.origin else {
            return;
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if is_question {
            let (ways, names) = ("GET", "authorization");
            for (name, value) in [
                (header::ACCESS_CONTROL_ALLOW_METHODS, ways),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, names),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
        }
    }
}

impl Visit {
    /// Whether it is the question before a request that one of them may send.
    pub(crate) fn is_question(&self) -> bool {
        self.is_question && self.is_shared && self.origin.is_some()
    }

    /// Whether a page of them sent the request.
    pub(crate) fn is_named(&self) -> bool {
        self.origin.is_some()
    }
}

/// Makes a bearer token of the one that is shown as a subprotocol, if there is one and no other.
pub(crate) fn take_token(headers: &mut HeaderMap) -> bool {
    if headers.contains_key(header::AUTHORIZATION) {
        return false;
    }
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let names = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let token = names
        .map(str::trim)
        .find_map(|name| name.strip_prefix(BEARER))
        .and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
    let Some(mut token) = token else {
        return false;
    };
    token.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, token);
    headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    true
}

/// Agrees on the subprotocol without the token: a browser ends a connection on which none of its own was chosen.
pub(crate) fn agree(headers: &mut HeaderMap) {
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embed(origins: &[&str]) -> Result<Option<Embed>, String> {
        let origins: Vec<_> = origins.iter().map(|text| (*text).to_owned()).collect();
        Embed::new(&origins, "default-src 'none'; frame-ancestors 'none'")
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn an_origin_is_one_site_and_written_as_browsers_write_it() {
        for fine in [
            "https://www.example.org",
            "http://127.0.0.1:3000",
            "https://[2001:db8::1]:8443",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(check_origin(fine), Ok(()), "{fine}");
        }
        for bad in [
            "https://www.example.org/",
            "https://www.example.org:443",
            "https://WWW.example.org",
            "https://bücher.example",
            "www.example.org",
            "null",
            "file:///x",
            "ftp://www.example.org",
            "https://u@www.example.org",
            "https://www.example.org/a",
            "https://www.example.org?x",
            "",
        ] {
            let error = check_origin(bad).unwrap_err();
            assert!(error.contains("is no origin"), "{bad}: {error}");
        }
        for any in ["*", "https://*.example.org"] {
            assert!(check_origin(any).unwrap_err().contains("name each one"));
        }
        assert!(embed(&[]).unwrap().is_none());
        assert!(embed(&["https://a.example"; MAX_ORIGINS + 1]).is_err());
    }

    #[test]
    fn an_origin_is_named_whole_once_or_not_at_all() {
        let embed = embed(&["https://www.example.org", "http://127.0.0.1:3000"]);
        let embed = embed.unwrap().unwrap();
        let named = |origin: &str| embed.is_named(&headers(&[("origin", origin)]));
        assert!(named("https://www.example.org") && named("http://127.0.0.1:3000"));
        for other in [
            "null",
            "",
            "*",
            "http://www.example.org",
            "https://www.example.org:443",
            "https://www.example.org:8443",
            "https://www.example.org.evil.example",
            "https://evil-www.example.org",
            "https://evil.example/https://www.example.org",
            "https://www.example.org@evil.example",
            "https://www.example.org https://evil.example",
            "HTTPS://WWW.EXAMPLE.ORG",
            "https://www.example.org/",
            "https://www.example.org.",
            "http://127.0.0.1:30000",
            "http://localhost:3000",
        ] {
            assert!(!named(other), "{other}");
        }
        let two = [
            ("origin", "https://www.example.org"),
            ("origin", "https://evil.example"),
        ];
        assert!(!embed.is_named(&headers(&two)));
        assert!(!embed.is_named(&HeaderMap::new()));
    }

    #[test]
    fn what_a_named_page_may_read_is_little_and_never_with_a_cookie() {
        let embed = embed(&["https://www.example.org"]).unwrap().unwrap();
        let origin = headers(&[("origin", "https://www.example.org")]);
        let marked = |path: &str, asked: &HeaderMap| {
            let mut answer = HeaderMap::new();
            embed.mark(embed.visit(&Method::GET, path, asked), &mut answer);
            answer
        };
        for path in ["/api/config", "/embed/porthole-camera.js"] {
            let answer = marked(path, &origin);
            assert_eq!(
                answer[header::ACCESS_CONTROL_ALLOW_ORIGIN],
                "https://www.example.org"
            );
            assert_eq!(
                answer.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS),
                None,
                "{path}"
            );
            assert_eq!(answer[RESOURCE_POLICY], "cross-origin");
            let other = marked(path, &headers(&[("origin", "https://evil.example")]));
            assert_eq!(other.get(header::ACCESS_CONTROL_ALLOW_ORIGIN), None);
            assert_eq!(other[header::VARY], "origin", "{path}");
        }
        for path in ["/", "/admin", "/api/me", "/api/users/x.js", "/metrics"] {
            let answer = marked(path, &origin);
            assert_eq!(answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN), None);
            assert_eq!(answer[RESOURCE_POLICY], "same-origin", "{path}");
        }
    }

    #[test]
    fn the_viewers_page_may_stand_in_a_frame_of_theirs_and_no_other() {
        let embed = embed(&["https://a.example", "https://b.example"]);
        let embed = embed.unwrap().unwrap();
        let policy = |path: &str| {
            let mut answer = HeaderMap::new();
            embed.mark(
                embed.visit(&Method::GET, path, &HeaderMap::new()),
                &mut answer,
            );
            answer.get(header::CONTENT_SECURITY_POLICY).cloned()
        };
        let own = "default-src 'none'; frame-ancestors https://a.example https://b.example";
        assert_eq!(policy("/").unwrap(), own);
        for path in ["/admin", "/calls", "/api/docs", "/api/config"] {
            assert_eq!(policy(path), None, "{path}");
        }
    }

    #[test]
    fn a_token_may_be_a_subprotocol_and_is_read_once() {
        let taken = |pairs: &[(&'static str, &str)]| {
            let mut headers = headers(pairs);
            let taken = take_token(&mut headers);
            let token = headers.get(header::AUTHORIZATION);
            (
                taken,
                token.map(|token| token.to_str().unwrap().to_owned()),
                headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL),
            )
        };
        let shown = ("sec-websocket-protocol", "porthole, porthole.bearer.a.b-c");
        assert_eq!(taken(&[shown]), (true, Some("Bearer a.b-c".into()), false));
        let other = ("authorization", "Bearer x");
        assert_eq!(
            taken(&[shown, other]),
            (false, Some("Bearer x".into()), true)
        );
        let none = ("sec-websocket-protocol", "porthole, chat");
        assert_eq!(taken(&[none]), (false, None, true));
        assert_eq!(taken(&[]), (false, None, false));
    }
}
