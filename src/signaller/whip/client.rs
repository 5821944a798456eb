// SPDX-License-Identifier: MPL-2.0
//! The HTTP side of WHIP (RFC 9725): bounded times, bounded answers, and words for whoever set it up.

use std::{io, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::crypto::aws_lc_rs;
use tokio::time::timeout;
use url::Url;

use super::Target;
use porthole_protocol::limits::MAX_DESCRIPTION_BYTES;

/// For one request in all. An SFU answers at once, or has another one started first.
const TIMEOUT: Duration = Duration::from_secs(10);
/// RFC 9725, 4.5: a balancer sends on by 307. More than these go in circles.
const MAX_REDIRECTS: usize = 3;
/// Of a refusal's text so much is shown.
const MAX_WORDS: usize = 200;
const SDP: &str = "application/sdp";

/// Why there is no session at the SFU. In words for the operator, without its credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot read the system's certificates: {0}")]
    Roots(String),
    #[error("whip-token-file: the token has a character that no HTTP header can carry")]
    Token,
    #[error("cannot reach the SFU: {0}; is it running, and is whip= right?")]
    Unreachable(String),
    #[error("the SFU has not answered within {TIMEOUT:?}")]
    TooLate,
    #[error("the SFU refuses the credential (HTTP {0}): give the right one in whip-token-file")]
    Credential(u16),
    #[error("the SFU knows no such address (HTTP {0}): look at the path of whip=")]
    NoSuchEndpoint(u16),
    #[error("the SFU has no room now (HTTP 503)")]
    Busy(Option<Duration>),
    #[error("the SFU refuses the offer (HTTP {0}): {1}")]
    Refused(u16, String),
    #[error(
        "the SFU answers with {0}, which is no session description: is whip= the address of a WHIP endpoint?"
    )]
    NotSdp(String),
    #[error("the SFU's answer is no text of at most {MAX_DESCRIPTION_BYTES} bytes")]
    Answer,
    #[error(
        "the SFU sends on from one address to another more than {MAX_REDIRECTS} times, or to one that is none"
    )]
    Redirects,
}

impl Failure {
    /// How long the SFU asks us to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy(after) => *after,
            _ => None,
        }
    }
}

/// A session at the SFU.
#[derive(Debug)]
pub(super) struct Created {
    pub(super) answer: String,
    /// What ends it. None from a server that does not say; it has to notice by itself.
    pub(super) resource: Option<Resource>,
}

/// What a session is called at the SFU. Whoever knows it can end it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource(Url);

pub(super) struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Url,
    authorization: Option<HeaderValue>,
}

impl Client {
    pub(super) fn new(target: &Target) -> Result<Self, Failure> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(aws_lc_rs::default_provider())
            .map_err(|error: io::Error| Failure::Roots(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .build();
        let bearer = |token: &String| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let authorization = match &target.token {
            Some(token) => Some(bearer(token).ok_or(Failure::Token)?),
            None => None,
        };
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            url: target.url.clone(),
            authorization,
        })
    }

    /// Offers a session.
    pub(super) async fn create(&self, offer: String) -> Result<Created, Failure> {
        let offer = Bytes::from(offer);
        let create = async {
            let mut url = self.url.clone();
            for _ in 0..=MAX_REDIRECTS {
                let answer = self.send(Method::POST, &url, offer.clone()).await?;
                match answer.status() {
                    StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
                        url = self.redirected(&url, &answer).ok_or(Failure::Redirects)?;
                    }
                    StatusCode::CREATED => return created(&url, answer).await,
                    // Not what the RFC says, and what some servers do.
                    StatusCode::OK => return created(&url, answer).await,
                    _ => return Err(refused(answer).await),
                }
            }
            Err(Failure::Redirects)
        };
        timeout(TIMEOUT, create)
            .await
            .unwrap_or(Err(Failure::TooLate))
    }

    /// Ends it.
    pub(super) async fn delete(&self, resource: Resource) -> Result<(), Failure> {
        self.send(Method::DELETE, &resource.0, Bytes::new()).await?;
        Ok(())
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        let unreachable = |error: &dyn std::error::Error| Failure::Unreachable(innermost(error));
        let is_offer = method == Method::POST;
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(USER_AGENT, concat!("porthole/", env!("CARGO_PKG_VERSION")));
        if is_offer {
            request = request.header(CONTENT_TYPE, SDP).header(ACCEPT, SDP);
        }
        // A credential is for those it was given for.
        if let Some(authorization) = &self.authorization
            && url.origin() == self.url.origin()
        {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = (request.body(Full::new(body))).map_err(|error| unreachable(&error))?;
        let answer = self.http.request(request).await;
        answer.map_err(|error| unreachable(&error))
    }

    /// Where an answer sends us: never from TLS to none.
    fn redirected(&self, from: &Url, answer: &Response<Incoming>) -> Option<Url> {
        let to = location(from, answer)?;
        let is_as_safe =
            to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http");
        is_as_safe.then_some(to)
    }
}

fn location(base: &Url, answer: &Response<Incoming>) -> Option<Url> {
    let text = answer.headers().get(LOCATION)?.to_str().ok()?;
    base.join(text).ok()
}

async fn created(url: &Url, answer: Response<Incoming>) -> Result<Created, Failure> {
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("nothing");
    if !kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(SDP))
    {
        return Err(Failure::NotSdp(shortened(kind)));
    }
    // Elsewhere it would be a stranger's word on what else we delete, with our credential.
    let resource = location(url, &answer).filter(|resource| resource.origin() == url.origin());
    let text = text(answer).await.ok_or(Failure::Answer)?;
    Ok(Created {
        answer: text,
        resource: resource.map(Resource),
    })
}

async fn refused(answer: Response<Incoming>) -> Failure {
    let status = answer.status();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::Credential(status.as_u16()),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            Failure::NoSuchEndpoint(status.as_u16())
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            let after = answer.headers().get(RETRY_AFTER);
            let seconds = after.and_then(|after| after.to_str().ok()?.trim().parse().ok());
            Failure::Busy(seconds.map(Duration::from_secs))
        }
        _ => {
            let words = text(answer).await.unwrap_or_default();
            Failure::Refused(status.as_u16(), shortened(&words))
        }
    }
}

async fn text(answer: Response<Incoming>) -> Option<String> {
    let body = Limited::new(answer.into_body(), MAX_DESCRIPTION_BYTES);
    let bytes = body.collect().await.ok()?.to_bytes();
    String::from_utf8(bytes.into()).ok()
}

/// What a stranger wrote, fit for one line of a log.
fn shortened(words: &str) -> String {
    let printable = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable
        .take(MAX_WORDS)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The cause that says most, such as "connection refused".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
