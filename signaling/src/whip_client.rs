// SPDX-License-Identifier: MPL-2.0
//! The client's side of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep), which differ in who sends: an offer goes out by HTTP, an
//! answer comes back, and with it the resource that ends the session. Bounded times, bounded answers, and words for whoever set it
//! up.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT,
};
use axum::http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use porthole_protocol::limits::MAX_DESCRIPTION_BYTES;
use tokio::time::timeout;
use url::Url;

use crate::http_client::{HttpClient, Reach, http_client, innermost};

/// For one request in all. An SFU answers at once, or has another one started first.
const TIMEOUT: Duration = Duration::from_secs(10);
/// RFC 9725, 4.5: a balancer sends on by 307. More than these go in circles.
const MAX_REDIRECTS: usize = 3;
/// Of a refusal's text so much is shown.
const MAX_WORDS: usize = 200;
const SDP: &str = "application/sdp";

/// Why there is no session at the SFU. In words for the operator, without its credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There are none to trust.
    #[error("cannot read the system's certificates: {0}")]
    Roots(String),
    /// It can be shown to nobody.
    #[error("the token has a character that no HTTP header can carry")]
    Token,
    /// No connection, or none that lasted.
    #[error("cannot reach the SFU: {0}; is it running, and is its address right?")]
    Unreachable(String),
    /// Nobody waits for longer.
    #[error("the SFU has not answered within {TIMEOUT:?}")]
    TooLate,
    /// 401 or 403.
    #[error("the SFU refuses the credential (HTTP {0}): look at the token that it is shown")]
    Credential(u16),
    /// 404 or 405.
    #[error("the SFU knows no such address (HTTP {0}): look at the path")]
    NoSuchEndpoint(u16),
    /// 503, and how long to wait.
    #[error("the SFU has no room now (HTTP 503)")]
    Busy(Option<Duration>),
    /// Any other status, and what it says.
    #[error("the SFU refuses the offer (HTTP {0}): {1}")]
    Refused(u16, String),
    /// An answer of another type.
    #[error(
        "the SFU answers with {0}, which is no session description: is this the address of a WHIP or WHEP endpoint?"
    )]
    NotSdp(String),
    /// Too long, or cut off.
    #[error("the SFU's answer is no text of at most {MAX_DESCRIPTION_BYTES} bytes")]
    Answer,
    /// 307 and 308 without an end.
    #[error(
        "the SFU sends on from one address to another more than {MAX_REDIRECTS} times, or to one that is none"
    )]
    Redirects,
}

impl Failure {
    /// How long the SFU asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy(after) => *after,
            _ => None,
        }
    }
}

/// A session at the SFU.
#[derive(Debug)]
pub struct Created {
    /// The answer, unchecked.
    pub answer: String,
    /// What ends it. None from a server that does not say; it has to notice by itself.
    pub resource: Option<Resource>,
}

/// What a session is called at the SFU. Whoever knows it can end it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource(Url);

impl Resource {
    /// One that was kept.
    pub fn parse(text: &str) -> Option<Self> {
        Url::parse(text).ok().map(Self)
    }

    /// As it is kept.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// One endpoint.
pub struct WhipClient {
    http: HttpClient,
    url: Url,
    authorization: Option<HeaderValue>,
}

impl WhipClient {
    /// For this endpoint, which wants such a bearer token.
    pub fn new(url: Url, token: Option<&str>) -> Result<Self, Failure> {
        let http = http_client(Reach::Configured, |_| ());
        let http = http.map_err(|error| Failure::Roots(error.to_string()))?;
        let bearer = |token: &str| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let authorization = match token {
            Some(token) => Some(bearer(token).ok_or(Failure::Token)?),
            None => None,
        };
        Ok(Self {
            http,
            url,
            authorization,
        })
    }

    /// Offers a session.
    pub async fn create(&self, offer: String) -> Result<Created, Failure> {
        self.create_at(&self.url, offer).await
    }

    /// Offers one at another of its addresses.
    pub async fn create_at(&self, url: &Url, offer: String) -> Result<Created, Failure> {
        let offer = Bytes::from(offer);
        let create = async {
            let mut url = url.clone();
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
    pub async fn delete(&self, resource: Resource) -> Result<(), Failure> {
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
        let request = (request.body(Body::from(body))).map_err(|error| unreachable(&error))?;
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
    let bytes = to_bytes(Body::new(answer.into_body()), MAX_DESCRIPTION_BYTES).await;
    String::from_utf8(bytes.ok()?.into()).ok()
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
