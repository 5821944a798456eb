// SPDX-License-Identifier: MPL-2.0
//! One camera's life at its server, as a pure state machine: what happened and when goes in, what is to be done comes out.
//!
//! [`task`](super::task) runs it. Nothing here waits, calls webrtcsink or the application, or reads a clock, and ending a
//! session stops its media before anything is put out, so that no one else's slowness can hold up the end of a lease.

mod audit;
mod bell;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use porthole_protocol::wire::{
    self, Announce, ClientExtension, ClientMessage, Code, EndSessionMessage, Extension, IceServer,
    IncomingMessage, OutgoingMessage, PeerMessage, PeerMessageInner, PeerRole, PeerStatus,
    SdpMessage, SessionStats, ToPeer, ToServer, ToServerExtra, ViewerStats,
};
use serde_json::Value;

use super::{
    calls::Calls,
    doors::Doors,
    drives::Drives,
    gate::Gate,
    message::{Event, Input, Media, Output, Publication, Publish, Why},
    session::Session,
    untrusted::{BadDescription, Kind, Use, without_hidden},
};
use crate::lock::lock;

/// The gate, as the link and the sink share it. Locked for as long as it takes to look something up, and never while
/// anything is sent, posted or emitted.
pub(crate) type SharedGate<M> = Arc<Mutex<Gate<M>>>;

/// The bell, as the link and the sink share it; locked as the gate is.
pub(crate) type SharedCalls = Arc<Mutex<Calls>>;

/// Where nonces come from. They must be unguessable and never repeat.
pub(crate) type NonceSource = Box<dyn FnMut() -> String + Send>;

/// Why a viewer that makes the offer has no picture.
const NO_CODEC: &str = "its own offer has none of the codecs that the camera sends";

pub(crate) struct Link<M> {
    gate: SharedGate<M>,
    calls: SharedCalls,
    /// What the camera says of itself.
    meta: Option<Value>,
    next_nonce: NonceSource,
    connected: bool,
    /// Whether webrtcsink takes sessions; until then they wait with their offers.
    ready: bool,
    waiting: HashMap<String, Option<String>>,
    busy: bool,
    /// An outage was reported, and is not over.
    reported: bool,
    drives: Drives,
    doors: Doors,
    outputs: Vec<Output>,
}

impl<M: Default> Link<M> {
    pub(crate) fn new(
        gate: SharedGate<M>,
        calls: SharedCalls,
        meta: Option<Value>,
        next_nonce: NonceSource,
    ) -> Self {
        Self {
            gate,
            calls,
            meta,
            next_nonce,
            connected: false,
            ready: false,
            waiting: HashMap::new(),
            busy: false,
            reported: false,
            drives: Drives::default(),
            doors: Doors::default(),
            outputs: Vec::new(),
        }
    }

    /// Takes in what happened at `now`, after whatever was due by then.
    pub(crate) fn handle(&mut self, input: Input, now: Instant) -> Vec<Output> {
        self.enforce(now);
        match input {
            Input::Connected => self.connected = true,
            Input::Lost(error) => self.lost(error, now),
            Input::Alive => self.gate().alive(now),
            Input::Message(text) => self.message(&text, now),
            Input::Ready(ready) => self.ready(ready),
            Input::Peer(message) => self.hear_webrtcsink(message),
            Input::Ended(session) => self.end(&session, Code::MediaFailed, "", false),
            Input::NoCodec(session) => self.end(&session, Code::OfferRefused, NO_CODEC, false),
            Input::MediaFlows(session) => self.media_flows(session),
            Input::Measured(stats) => self.tell_stats(stats),
            Input::DriverChanged(change) => self.driver_changed(change, now),
            Input::DoorAsked(asked) => self.door_asked(asked, now),
            Input::Pressed(ring_id) => self.pressed(ring_id),
            Input::HangUp => self.hang_up(),
            Input::MaxViewers(max) => self.gate().set_max_viewers(max),
            Input::Publish(publish) => self.publish(publish, now),
            Input::Heard(session) => self.publication(Publication::Heard { session }),
            Input::Closed(session) => self.closed(&session),
            Input::Busy(busy) => self.busy = busy,
            Input::Stop => self.stop(),
        }
        std::mem::take(&mut self.outputs)
    }

    /// Ends what is due at `now`.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Output> {
        self.enforce(now);
        std::mem::take(&mut self.outputs)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let sessions = self.gate().next_deadline();
        let calls = self.calls().next_deadline();
        sessions.into_iter().chain(calls).min()
    }

    fn gate(&self) -> MutexGuard<'_, Gate<M>> {
        lock(&self.gate)
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        lock(&self.calls)
    }

    fn enforce(&mut self, now: Instant) {
        let due = self.gate().due(now);
        for (session, code) in due {
            self.end(&session, code, "", true);
        }
        let (is_due, over) = {
            let mut calls = self.calls();
            let is_due = calls.next_deadline().is_some_and(|at| at <= now);
            (is_due, calls.due(now))
        };
        if is_due {
            self.calls_changed(over);
            self.tell_calls();
        }
    }

    fn stop(&mut self) {
        let all: Vec<_> = self.gate().sessions().keys().cloned().collect();
        for session in all {
            self.end(&session, Code::CameraGone, "", true);
        }
        let over = self.calls().stop();
        self.calls_changed(over);
    }

    /// The other side has left, and has told nobody but this one.
    fn closed(&mut self, id: &str) {
        let Some(is_own) = self.gate().session(id).map(|session| session.is_own()) else {
            return;
        };
        if is_own {
            let detail = "the SFU has closed the connection";
            return self.end(id, Code::MediaFailed, detail, true);
        }
        self.say_ended(id, Code::ViewerLeft);
        self.end(id, Code::ViewerLeft, "", true);
    }

    fn ready(&mut self, ready: bool) {
        self.ready = ready;
        if ready {
            let waiting = std::mem::take(&mut self.waiting).into_iter();
            let start = |(session, offer)| Output::Media(Media::Start { session, offer });
            self.outputs.extend(waiting.map(start));
        }
    }

    fn media_flows(&mut self, session: String) {
        let is_own = {
            let mut gate = self.gate();
            gate.connected(&session);
            gate.is_own(&session)
        };
        if is_own {
            self.publication(Publication::Flows { session });
        }
    }

    fn publish(&mut self, publish: Publish, now: Instant) {
        match publish {
            Publish::Begin { session, user } => {
                let permissions = {
                    let mut gate = self.gate();
                    gate.admit_own(&session, &user, now).permissions.clone()
                };
                self.viewers_changed(Event::Joined {
                    session: session.clone(),
                    user,
                    permissions,
                });
                self.start(session, None);
            }
            Publish::Answer { session, sdp } => self.hear_peer(PeerMessage {
                session_id: session,
                peer_message: PeerMessageInner::Sdp(SdpMessage::Answer { sdp }),
            }),
            Publish::End {
                session,
                reason,
                detail,
            } => self.end(&session, reason, &detail, true),
            Publish::State(state) => self.event(Event::Publication(state)),
        }
    }

    /// What webrtcsink has for an SFU, which no server passes on.
    fn tell_publisher(&mut self, message: PeerMessage) {
        let session = message.session_id;
        let publication = match message.peer_message {
            PeerMessageInner::Sdp(SdpMessage::Offer { sdp }) => Publication::Offer { session, sdp },
            PeerMessageInner::Ice {
                candidate,
                sdp_m_line_index: m_line,
            } => Publication::Candidate {
                session,
                m_line,
                candidate,
            },
            // Nobody offers it anything.
            PeerMessageInner::Sdp(SdpMessage::Answer { .. }) => return,
        };
        self.publication(publication);
    }

    fn hear_webrtcsink(&mut self, message: PeerMessage) {
        let is_own = {
            let mut gate = self.gate();
            let Some(session) = gate.session(&message.session_id) else {
                return;
            };
            match &message.peer_message {
                PeerMessageInner::Sdp(SdpMessage::Offer { sdp }) => {
                    session.check.sent(Kind::Offer, sdp);
                }
                PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) => {
                    session.check.sent(Kind::Answer, sdp);
                }
                PeerMessageInner::Ice { .. } => (),
            }
            session.is_own()
        };
        if is_own {
            return self.tell_publisher(message);
        }
        self.send(ToServer::from(IncomingMessage::Peer(message)));
    }

    fn message(&mut self, text: &str, now: Instant) {
        self.gate().alive(now);
        if let Ok(extension) = serde_json::from_str::<Extension>(text) {
            return self.extension(extension, now);
        }
        match serde_json::from_str::<ToPeer>(text) {
            Ok(message) => self.peer_message(message, now),
            Err(error) => self.warn(format!("unreadable message: {error}")),
        }
    }

    fn extension(&mut self, extension: Extension, now: Instant) {
        match extension {
            Extension::GrantUpdate {
                session_id,
                grant,
                ice_servers,
                ..
            } => {
                let is_taken = grant.is_none_or(|grant| self.renew(&session_id, &grant, now));
                if is_taken {
                    self.gate().set_ice_servers(&session_id, ice_servers);
                }
            }
            Extension::GrantKeys { chain } => {
                let learned = self.gate().learn_keys(&chain);
                if let Err(error) = learned {
                    self.warn(format!("the server's new keys are not taken: {error}"));
                }
            }
            Extension::ViewerStats(stats) => self.hear_stats(stats, now),
            Extension::Ring(ring) => self.rung(ring, now),
            Extension::CameraCall { call } => self.hear_call(call, now),
            _ => (),
        }
    }

    /// The viewer's numbers are its own affair, and it gets ours in turn; no news, and nothing that is worth a wait.
    fn hear_stats(&mut self, stats: ViewerStats, now: Instant) {
        if !stats.is_sound() {
            return self.warn("a viewer's statistics have numbers that no session can have".into());
        }
        let id = stats.session_id.clone();
        let mut gate = self.gate();
        let is_due = gate
            .session(&id)
            .is_some_and(|session| session.hear_stats(stats, now));
        drop(gate);
        if is_due && self.connected && !self.busy {
            self.media(Media::Measure(id));
        }
    }

    fn tell_stats(&mut self, stats: SessionStats) {
        let runs = self.gate().session(&stats.session_id).is_some();
        if runs && stats.is_sound() {
            self.send(ClientMessage::Extension(ClientExtension::SessionStats(
                stats,
            )));
        }
    }

    fn peer_message(&mut self, ToPeer { message, extra }: ToPeer, now: Instant) {
        match message {
            OutgoingMessage::Welcome { peer_id } => self.register(peer_id, now),
            OutgoingMessage::StartSession {
                session_id, offer, ..
            } => {
                let grant = extra.grant.as_deref();
                self.admit(session_id, offer, grant, extra.ice_servers, now);
            }
            OutgoingMessage::EndSession(EndSessionMessage { session_id }) => {
                let detail = extra.detail.unwrap_or_default();
                let reason = extra.reason.unwrap_or(Code::ViewerLeft);
                if !self.gate().is_own(&session_id) {
                    self.end(&session_id, reason, &detail, true);
                }
            }
            OutgoingMessage::Peer(message) if self.gate().is_own(&message.session_id) => (),
            OutgoingMessage::Peer(message) => self.hear_peer(message),
            OutgoingMessage::Error { details } => match extra.code {
                Some(Code::Replaced) => self.replaced(now),
                _ => self.warn(format!("the server says: {details}")),
            },
            _ => (),
        }
    }

    /// What a viewer sent is untrusted, although the server passed it on, and so is an SFU: it reaches webrtcsink only if the
    /// check lets it through, and what fails ends that session alone.
    fn hear_peer(&mut self, message: PeerMessage) {
        let PeerMessage {
            session_id: session,
            peer_message,
        } = message;
        let checked = {
            let mut gate = self.gate();
            let Some(Session { check, .. }) = gate.session(&session) else {
                return;
            };
            match &peer_message {
                PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) => {
                    check.answer(sdp).map(|()| Use::Forward)
                }
                PeerMessageInner::Sdp(SdpMessage::Offer { sdp }) => {
                    check.offer(sdp).map(|()| Use::Forward)
                }
                PeerMessageInner::Ice {
                    candidate,
                    sdp_m_line_index,
                } => check.candidate(*sdp_m_line_index, candidate),
            }
        };
        match checked {
            Ok(Use::Forward) => (),
            Ok(Use::Ignore) => return,
            Err(error) => {
                let code = match error {
                    BadDescription::PictureRejected => Code::OfferRefused,
                    _ => Code::BadDescription,
                };
                return self.end(&session, code, &error.to_string(), true);
            }
        }
        match peer_message {
            PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) => {
                let sdp = without_hidden(sdp);
                self.media(Media::Answer { session, sdp });
            }
            PeerMessageInner::Ice {
                candidate,
                sdp_m_line_index: m_line,
            } => self.media(Media::Candidate {
                session,
                m_line,
                candidate,
            }),
            // An offer comes with the session's start, and webrtcsink knows no other.
            PeerMessageInner::Sdp(SdpMessage::Offer { .. }) => {
                self.end(
                    &session,
                    Code::BadDescription,
                    "an offer in mid-session",
                    true,
                );
            }
        }
    }

    /// The server welcomed us: announce the camera with a nonce for this connection, and the sessions that run.
    fn register(&mut self, peer_id: String, now: Instant) {
        let nonce = (self.next_nonce)();
        let sessions = self.gate().online(nonce.clone(), now);
        self.reported = false;
        let status = PeerStatus {
            roles: vec![PeerRole::Producer],
            meta: self.meta.clone(),
            peer_id: Some(peer_id),
        };
        let porthole = Some(Announce {
            version: wire::VERSION,
            nonce: Some(nonce),
            sessions,
            offers: false,
            door: true,
        });
        self.send(ToServer {
            message: IncomingMessage::SetPeerStatus(status),
            extra: ToServerExtra {
                porthole,
                ..ToServerExtra::default()
            },
        });
        self.drives.tell_again();
        self.tell_drives(now);
        self.tell_doors(now);
        self.calls().online(now);
        self.tell_calls();
        self.event(Event::Online);
    }

    fn admit(
        &mut self,
        id: String,
        offer: Option<String>,
        grant: Option<&str>,
        ice_servers: Vec<IceServer>,
        now: Instant,
    ) {
        let busy = self.busy;
        let admitted = self
            .gate()
            .admit(&id, grant, ice_servers, busy, now)
            .map(|session| (session.user.clone(), session.permissions.clone()));
        match admitted {
            Ok((user, permissions)) => {
                let event = Event::Joined {
                    session: id.clone(),
                    user,
                    permissions,
                };
                self.viewers_changed(event);
                self.start(id, offer);
            }
            Err(refusal) => {
                // A replay must not make the server believe that the running session ended.
                if self.gate().session(&id).is_none() {
                    self.say_ended(&id, refusal.code());
                }
                self.event(Event::Refused {
                    session: id,
                    refusal,
                });
            }
        }
        if self.gate().is_full_of_memories() {
            self.reconnect(Why::Anew, now);
        }
    }

    fn start(&mut self, id: String, offer: Option<String>) {
        if let Some(offer) = &offer {
            let checked = match self.gate().session(&id) {
                Some(session) => session.check.offer(offer),
                None => return,
            };
            if let Err(error) = checked {
                return self.end(&id, Code::BadDescription, &error.to_string(), false);
            }
        }
        let offer = offer.map(without_hidden);
        if self.ready {
            self.media(Media::Start { session: id, offer });
        } else {
            self.waiting.insert(id, offer);
        }
    }

    /// Whether the grant was good.
    fn renew(&mut self, id: &str, grant: &str, now: Instant) -> bool {
        let updated = self.gate().update(id, grant, now);
        let good = updated.is_ok();
        match updated {
            Ok(Some(ending)) => self.end(id, ending, "", true),
            Ok(None) => {
                let event = self.gate().session(id).map(|session| Event::Renewed {
                    session: id.to_owned(),
                    user: session.user.clone(),
                    permissions: session.permissions.clone(),
                    seconds: session.until.saturating_duration_since(now).as_secs(),
                });
                self.outputs.extend(event.map(Output::Event));
            }
            Err(refusal) => self.event(Event::Refused {
                session: id.to_owned(),
                refusal,
            }),
        }
        good
    }

    /// Ends a session everywhere; `media` says whether webrtcsink still has it.
    fn end(&mut self, id: &str, reason: Code, detail: &str, media: bool) {
        let Some(session) = self.gate().remove(id) else {
            return;
        };
        let waited = self.waiting.remove(id).is_some();
        if media && !waited {
            self.media(Media::End(id.to_owned()));
        }
        if session.is_own() {
            self.publication(Publication::Ended {
                session: id.to_owned(),
                detail: match detail {
                    "" => reason.to_string(),
                    detail => detail.to_owned(),
                },
            });
        } else if reason != Code::ViewerLeft {
            self.say_ended(id, reason);
        }
        self.viewers_changed(Event::Left {
            session: id.to_owned(),
            user: session.user,
            permissions: session.permissions,
            reason,
            detail: detail.to_owned(),
        });
    }

    fn say_ended(&mut self, id: &str, reason: Code) {
        let end = EndSessionMessage {
            session_id: id.to_owned(),
        };
        self.send(ToServer {
            message: IncomingMessage::EndSession(end),
            extra: ToServerExtra {
                reason: Some(reason),
                ..ToServerExtra::default()
            },
        });
    }

    fn lost(&mut self, error: String, now: Instant) {
        self.offline(now);
        self.report(error);
    }

    fn offline(&mut self, now: Instant) {
        self.connected = false;
        self.gate().offline();
        self.calls().offline(now);
    }

    fn replaced(&mut self, now: Instant) {
        self.reconnect(Why::Replaced, now);
        self.report(
            "another process uses the same camera key and took over; \
             enrol each camera with a key of its own"
                .to_owned(),
        );
    }

    fn reconnect(&mut self, why: Why, now: Instant) {
        self.offline(now);
        self.outputs.push(Output::Reconnect(why));
    }

    fn report(&mut self, error: String) {
        if !std::mem::replace(&mut self.reported, true) {
            self.event(Event::Offline { error });
        }
    }

    fn viewers_changed(&mut self, event: Event) {
        let viewers = self.gate().viewers();
        self.media(Media::Viewers(viewers));
        self.event(event);
    }

    fn event(&mut self, event: Event) {
        self.outputs.push(Output::Event(event));
    }

    fn warn(&mut self, words: String) {
        self.outputs.push(Output::Warning(words));
    }

    fn publication(&mut self, publication: Publication) {
        self.outputs.push(Output::Publication(publication));
    }

    fn media(&mut self, media: Media) {
        self.outputs.push(Output::Media(media));
    }

    fn send(&mut self, message: impl Into<ClientMessage>) {
        let message = message.into();
        if self.connected
            && let Ok(text) = serde_json::to_string(&message)
        {
            self.outputs.push(Output::Send(text));
        }
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "published_tests.rs"]
mod published_tests;

#[cfg(test)]
#[path = "bell_tests.rs"]
mod bell_tests;
