// SPDX-License-Identifier: MPL-2.0
//! Sends the picture on to an SFU by WHIP (RFC 9725), which has it for more viewers than this machine's uplink carries.
//!
//! The SFU is one more viewer of the ladder, on the rung that its network carries; its session is the operator's own (see
//! [`link`](super::link)), and only its offer and answer take another way than the server's.
//!
//! - `offer`: an offer and its candidates in one text, as servers want it that know no trickle.
//! - [`run`]: tries, and tries again.

use std::{fmt, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use porthole_protocol::{random_secret, wire::Code};
use porthole_signaling::whip_client::{Failure, Resource, WhipClient};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use url::{Host, Url};

use super::message::{Publication, PublicationState, Publish};
use offer::Offer;

mod offer;

/// How long candidates are waited for once there is an offer. A machine's own addresses are there at once, and a STUN server
/// answers within a second or not at all.
const GATHERING: Duration = Duration::from_secs(3);
/// From one try to the next at first.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// And at last, jitter included.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest that an SFU may ask us to wait.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);
/// What flowed for so long was a success, after which tries begin fast again.
const STABLE: Duration = Duration::from_secs(10);
/// An SFU that has sent nothing for so long is gone: who receives a picture reports on it every second or so, and by RTP's own
/// rule (RFC 3550, 6.2) at least every 7.5 s.
const SILENCE: Duration = Duration::from_secs(10);
/// How long the SFU is told of an end. Within a stopping camera's farewell.
const GOODBYE: Duration = Duration::from_millis(400);

/// Where the picture goes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) token: Option<String>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Target {
    /// Without what may be a secret: a stream's key stands in the query with some, in the path with none.
    pub(crate) fn shown(&self) -> String {
        let mut url = self.url.clone();
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.into()
    }

    /// Whether the token would go over a network as it is.
    pub(crate) fn bares_token(&self) -> bool {
        let is_here = match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.token.is_some() && self.url.scheme() != "https" && !is_here
    }

    /// In place of a viewer's name.
    fn user(&self) -> String {
        format!("whip:{}", self.url.host_str().unwrap_or_default())
    }
}

/// The ends by which the publisher and the link's task reach each other.
pub(super) struct Ends {
    /// Unbounded, because the task may not wait; a session brings some 40, mostly candidates.
    pub(super) from_link: mpsc::UnboundedReceiver<Publication>,
    pub(super) to_link: mpsc::UnboundedSender<Publish>,
}

/// Why there is no session any more.
struct Over {
    detail: String,
    retry_after: Option<Duration>,
    flowed: Option<Instant>,
}

impl From<Failure> for Over {
    fn from(failure: Failure) -> Self {
        Self {
            retry_after: failure.retry_after(),
            detail: failure.to_string(),
            flowed: None,
        }
    }
}

/// The link is gone, and with it the camera.
struct Stopped;

fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE / 2)
        .with_jitter()
        .without_max_times()
        .build()
        .map(|pause| pause.min(LONGEST_PAUSE))
}

/// Publishes until the link is gone.
pub(super) async fn run(target: Target, mut ends: Ends) {
    let publisher = match WhipClient::new(target.url.clone(), target.token.as_deref()) {
        Ok(client) => Publisher { target, client },
        Err(error) => {
            let state = PublicationState {
                state: "lost",
                url: target.shown(),
                detail: error.to_string(),
            };
            let _ = ends.to_link.send(Publish::State(state));
            return;
        }
    };
    let mut pause = pauses();
    loop {
        publisher.tell(&ends, "connecting", "");
        let Ok(over) = publisher.publish(&mut ends).await else {
            return;
        };
        publisher.tell(&ends, "lost", &over.detail);
        if over.flowed.is_some_and(|at| at.elapsed() > STABLE) {
            pause = pauses();
        }
        let next = pause.next().unwrap_or(LONGEST_PAUSE);
        let asked = over.retry_after.unwrap_or_default();
        let until = Instant::now() + next.max(asked.min(LONGEST_RETRY_AFTER));
        while let Ok(news) = timeout_at(until, ends.from_link.recv()).await {
            if news.is_none() {
                return;
            }
        }
    }
}

struct Publisher {
    target: Target,
    client: WhipClient,
}

impl Publisher {
    fn tell(&self, ends: &Ends, state: &'static str, detail: &str) {
        // It fails when the camera stops.
        let _ = ends.to_link.send(Publish::State(PublicationState {
            state,
            url: self.target.shown(),
            detail: detail.to_owned(),
        }));
    }

    /// One session, from its offer to its end.
    async fn publish(&self, ends: &mut Ends) -> Result<Over, Stopped> {
        let session = format!("whip-{}", random_secret());
        let _ = ends.to_link.send(Publish::Begin {
            session: session.clone(),
            user: self.target.user(),
        });
        let offer = match offered(ends, &session, GATHERING).await? {
            Ok(offer) => offer,
            Err(over) => return Ok(over),
        };
        let created = tokio::select! {
            created = self.client.create(offer) => created,
            over = ended(ends, &session) => return over,
        };
        let created = match created {
            Ok(created) => created,
            Err(failure) => {
                let over = Over::from(failure);
                end(ends, &session, Code::MediaFailed, &over.detail);
                return Ok(over);
            }
        };
        let _ = ends.to_link.send(Publish::Answer {
            session: session.clone(),
            sdp: created.answer,
        });
        let over = self.flow(ends, &session, SILENCE).await;
        self.goodbye(created.resource).await;
        over
    }

    /// Until its end.
    async fn flow(
        &self,
        ends: &mut Ends,
        session: &str,
        silence: Duration,
    ) -> Result<Over, Stopped> {
        let mut flowed: Option<Instant> = None;
        let mut heard = Instant::now();
        loop {
            // The link ends by itself what never flows.
            let until = flowed.map(|_| heard + silence);
            let news = tokio::select! {
                news = next(ends, session) => news?,
                () = wait(until) => {
                    let detail = format!("nothing has come from the SFU for {silence:?}");
                    end(ends, session, Code::MediaFailed, &detail);
                    return Ok(Over { detail, retry_after: None, flowed });
                }
            };
            match news {
                Publication::Heard { .. } => heard = Instant::now(),
                Publication::Flows { .. } => {
                    heard = Instant::now();
                    flowed = Some(heard);
                    self.tell(ends, "live", "");
                }
                Publication::Ended { detail, .. } => {
                    return Ok(Over {
                        detail,
                        retry_after: None,
                        flowed,
                    });
                }
                // It knows no trickle: what comes late is left out.
                Publication::Candidate { .. } | Publication::Offer { .. } => (),
            }
        }
    }

    async fn goodbye(&self, resource: Option<Resource>) {
        if let Some(resource) = resource {
            // An SFU that does not hear of it notices that nothing comes.
            let _ = timeout(GOODBYE, self.client.delete(resource)).await;
        }
    }
}

fn end(ends: &Ends, session: &str, reason: Code, detail: &str) {
    let _ = ends.to_link.send(Publish::End {
        session: session.to_owned(),
        reason,
        detail: detail.to_owned(),
    });
}

/// What is next of this session; of an earlier one nothing counts any more.
async fn next(ends: &mut Ends, session: &str) -> Result<Publication, Stopped> {
    loop {
        let news = ends.from_link.recv().await.ok_or(Stopped)?;
        let of = match &news {
            Publication::Offer { session, .. }
            | Publication::Candidate { session, .. }
            | Publication::Flows { session }
            | Publication::Heard { session }
            | Publication::Ended { session, .. } => session,
        };
        if of == session {
            return Ok(news);
        }
    }
}

/// Waits for the session's end, whatever else comes.
async fn ended(ends: &mut Ends, session: &str) -> Result<Over, Stopped> {
    loop {
        if let Publication::Ended { detail, .. } = next(ends, session).await? {
            return Ok(Over {
                detail,
                retry_after: None,
                flowed: None,
            });
        }
    }
}

/// Waits for the offer, and then `gathering` for its candidates.
async fn offered(
    ends: &mut Ends,
    session: &str,
    gathering: Duration,
) -> Result<Result<String, Over>, Stopped> {
    let mut offer = Offer::default();
    // The link ends what has no offer in time.
    let mut until = None;
    loop {
        let news = tokio::select! {
            news = next(ends, session) => news?,
            () = wait(until) => return Ok(Ok(offer.text())),
        };
        match news {
            Publication::Offer { sdp, .. } => {
                offer.describe(sdp);
                until = Some(Instant::now() + gathering);
            }
            Publication::Candidate {
                m_line, candidate, ..
            } => {
                if offer.add(m_line, &candidate) {
                    return Ok(Ok(offer.text()));
                }
            }
            Publication::Ended { detail, .. } => {
                return Ok(Err(Over {
                    detail,
                    retry_after: None,
                    flowed: None,
                }));
            }
            Publication::Flows { .. } | Publication::Heard { .. } => (),
        }
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
