// SPDX-License-Identifier: MPL-2.0
//! GObject glue between webrtcsink's `Signallable` interface and the [`link`](super::link).
//!
//! Lock order: `commands`, `certified`, `taken` and `webrtcbins` are held to look something up and for nothing else, one at a time.

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use gstrswebrtc::signaller::{Signallable, SignallableImpl};
use porthole_protocol::wire::{PeerMessage, PeerMessageInner, SdpMessage};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, mpsc::channel},
    time::Duration,
};
use tokio::sync::mpsc;

use super::{
    CAT,
    message::{Input, Media},
    offered::{self, Narrowed, Sendable, Taken},
    task::{Commands, MAX_PEER_MESSAGES},
};
use crate::{certificate, lock::lock, webrtc_stats};

/// How long a session's end is waited for before the next call. Building the media of an answer takes far less; what
/// takes longer still ends when it is done, and meanwhile the others go on.
const MAX_END: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Senders {
    vital: mpsc::UnboundedSender<Input>,
    peer: mpsc::Sender<PeerMessage>,
}

#[derive(Default)]
pub(crate) struct PortholeSignaller {
    commands: Mutex<Option<Senders>>,
    /// Sessions that show the certificate of this process.
    certified: Mutex<HashSet<String>>,
    /// What was taken from viewers' own offers, by their sessions.
    taken: Mutex<HashMap<String, Taken>>,
}

impl PortholeSignaller {
    /// The other ends of the queues to the task.
    pub(super) fn open(&self) -> Commands {
        let (vital, on_vital) = mpsc::unbounded_channel();
        let (peer, on_peer) = mpsc::channel(MAX_PEER_MESSAGES);
        *lock(&self.commands) = Some(Senders { vital, peer });
        Commands {
            vital: on_vital,
            peer: on_peer,
        }
    }

    pub(super) fn close(&self) {
        lock(&self.commands).take();
    }

    fn senders(&self) -> Option<Senders> {
        lock(&self.commands).clone()
    }

    /// Never blocks: it is called from webrtcsink's threads, partly under its locks.
    pub(super) fn vital(&self, input: Input) {
        if let Some(senders) = self.senders() {
            // It fails when the task has ended, and all sessions with it.
            let _ = senders.vital.send(input);
        }
    }

    pub(super) fn shows_certificate(&self, session: &str) {
        lock(&self.certified).insert(session.to_owned());
    }

    /// Never blocks either.
    fn peer(&self, session: &str, peer_message: PeerMessageInner) {
        let message = PeerMessage {
            session_id: session.to_owned(),
            peer_message,
        };
        if let Some(senders) = self.senders()
            && let Err(error) = senders.peer.try_send(message)
        {
            gst::warning!(CAT, imp = self, "dropped a message to the server: {error}");
        }
    }
}

impl PortholeSignaller {
    /// What is known of a session that ends.
    fn forget(&self, session: &str) {
        lock(&self.certified).remove(session);
        lock(&self.taken).remove(session);
    }

    /// As browsers say it: by an empty candidate, behind all others.
    pub(super) fn gathered(&self, session: &str) {
        let last = PeerMessageInner::Ice {
            candidate: String::new(),
            sdp_m_line_index: 0,
        };
        self.peer(session, last);
    }
}

#[glib::object_subclass]
impl ObjectSubclass for PortholeSignaller {
    const NAME: &'static str = "GstPortholeSignaller";
    type Type = super::PortholeSignaller;
    type Interfaces = (Signallable,);
}

impl ObjectImpl for PortholeSignaller {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: std::sync::LazyLock<Vec<glib::ParamSpec>> =
            std::sync::LazyLock::new(|| {
                vec![glib::ParamSpecOverride::for_interface::<Signallable>(
                    "manual-sdp-munging",
                )]
            });
        &PROPERTIES
    }

    fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
        // The interface has this one property; webrtcsink is to do the munging.
        false.to_value()
    }
}

impl SignallableImpl for PortholeSignaller {
    fn start(&self) {
        self.vital(Input::Ready(true));
    }

    fn stop(&self) {
        self.vital(Input::Ready(false));
    }

    fn send_sdp(&self, session: &str, description: &WebRTCSessionDescription) {
        let Ok(sdp) = description.sdp().as_text() else {
            gst::error!(
                CAT,
                imp = self,
                "{session}: webrtcsink made an unprintable SDP"
            );
            return;
        };
        let sdp = match lock(&self.certified).contains(session) {
            true => certificate::announced(&sdp).into_owned(),
            false => sdp,
        };
        let taken = lock(&self.taken).get(session).cloned();
        let sdp = match (description.type_(), taken) {
            (WebRTCSDPType::Offer, _) => SdpMessage::Offer { sdp },
            (_, Some(taken)) => SdpMessage::Answer {
                sdp: taken.put_back(&sdp),
            },
            _ => SdpMessage::Answer { sdp },
        };
        self.peer(session, PeerMessageInner::Sdp(sdp));
    }

    fn add_ice(&self, session: &str, candidate: &str, sdp_m_line_index: u32, _: Option<String>) {
        let candidate = candidate.to_owned();
        self.peer(
            session,
            PeerMessageInner::Ice {
                candidate,
                sdp_m_line_index,
            },
        );
    }

    fn end_session(&self, session: &str) {
        self.forget(session);
        self.vital(Input::Ended(session.to_owned()));
    }
}

/// webrtcsink, seen from the link: what it is told goes out as signals of the signaller. Lives on a thread of its own,
/// since webrtcsink builds and takes down pipelines in these calls.
pub(super) struct Webrtcsink<F, G, S> {
    signaller: glib::WeakRef<super::PortholeSignaller>,
    webrtcbins: Arc<Mutex<HashMap<String, glib::WeakRef<gst::Element>>>>,
    asked: super::Asked<F, G, S>,
}

/// `None` for an SDP that cannot be parsed.
fn description(kind: WebRTCSDPType, sdp: &str) -> Option<WebRTCSessionDescription> {
    let sdp = gst_sdp::SDPMessage::parse_buffer(sdp.as_bytes()).ok()?;
    Some(WebRTCSessionDescription::new(kind, sdp))
}

impl<F, G, S> Webrtcsink<F, G, S>
where
    F: Fn(usize),
    G: Fn(&super::PortholeSignaller, &str),
    S: Fn() -> Sendable,
{
    pub(super) fn new(signaller: &super::PortholeSignaller, asked: super::Asked<F, G, S>) -> Self {
        let webrtcbins: Arc<Mutex<HashMap<String, glib::WeakRef<gst::Element>>>> = Arc::default();
        let known = webrtcbins.clone();
        signaller.connect("webrtcbin-ready", false, move |args| {
            let session = args.get(1)?.get::<String>().ok()?;
            let webrtcbin = args.get(2)?.get::<gst::Element>().ok()?;
            let mut known = lock(&known);
            // Those that webrtcsink gave up by itself.
            known.retain(|_, webrtcbin| webrtcbin.upgrade().is_some());
            known.insert(session, webrtcbin.downgrade());
            None
        });
        Self {
            signaller: signaller.downgrade(),
            webrtcbins,
            asked,
        }
    }

    pub(super) fn call(&self, call: Media) {
        let Some(signaller) = self.signaller.upgrade() else {
            return;
        };
        match call {
            Media::Viewers(count) => (self.asked.on_viewers)(count),
            Media::Start { session, offer } => self.start(&signaller, session, offer.as_deref()),
            Media::End(session) => self.end(&signaller, session),
            Media::Measure(session) => (self.asked.measure)(&signaller, &session),
            Media::Answer { session, sdp } => {
                if !answer(&signaller, &session, &sdp) {
                    gst::warning!(CAT, obj = signaller, "{session}: unreadable answer");
                    self.end(&signaller, session.clone());
                    signaller.imp().vital(Input::Ended(session));
                }
            }
            Media::Candidate {
                session,
                m_line,
                candidate,
            } => {
                let mid: Option<String> = None;
                signaller.emit_by_name::<()>("handle-ice", &[&session, &m_line, &mid, &candidate]);
            }
        }
    }

    fn start(&self, signaller: &super::PortholeSignaller, session: String, offer: Option<&str>) {
        let Some(offer) = offer else {
            return start(signaller, &session, None);
        };
        match offered::narrow(offer, &(self.asked.sendable)()) {
            Some(Narrowed { offer, taken }) => {
                if let Some(taken) = taken {
                    lock(&signaller.imp().taken).insert(session.clone(), taken);
                }
                start(signaller, &session, Some(&offer));
            }
            None => signaller.imp().vital(Input::NoCodec(session)),
        }
    }

    /// webrtcbin has one thread for all it does, on which webrtcsink also builds what an answer asks for. A session that
    /// ended meanwhile would make that thread wait for its own end, with webrtcsink's lock held for ever
    /// (docs/upstream.md). So the end is one more thing for that thread, which then builds nothing.
    fn end(&self, signaller: &super::PortholeSignaller, session: String) {
        let webrtcbin = lock(&self.webrtcbins).remove(&session);
        let Some(webrtcbin) = webrtcbin.and_then(|webrtcbin| webrtcbin.upgrade()) else {
            return end(signaller, &session);
        };
        let (over, is_over) = channel();
        let promise = gst::Promise::with_change_func({
            let signaller = signaller.clone();
            // A webrtcbin that is closed answers as well.
            move |_| {
                end(&signaller, &session);
                let _ = over.send(());
            }
        });
        // Of all it can be asked for, this changes nothing.
        webrtc_stats::ask(&webrtcbin, &promise);
        drop(webrtcbin);
        if is_over.recv_timeout(MAX_END).is_err() {
            gst::warning!(CAT, obj = signaller, "a session takes long to end");
        }
    }
}

fn start(signaller: &super::PortholeSignaller, session: &str, offer: Option<&str>) {
    let offer = match offer.map(|sdp| description(WebRTCSDPType::Offer, sdp)) {
        Some(None) => {
            gst::warning!(CAT, obj = signaller, "{session}: unreadable offer");
            signaller.imp().vital(Input::Ended(session.to_owned()));
            return;
        }
        offer => offer.flatten(),
    };
    // The session stands for its viewer, so that webrtcsink's signals lead back to the grant.
    signaller.emit_by_name::<()>("session-requested", &[&session, &session, &offer]);
}

fn end(signaller: &super::PortholeSignaller, session: &str) {
    signaller.imp().forget(session);
    signaller.emit_by_name::<bool>("session-ended", &[&session]);
}

/// False if it cannot be parsed.
fn answer(signaller: &super::PortholeSignaller, session: &str, sdp: &str) -> bool {
    let answer = description(WebRTCSDPType::Answer, sdp);
    if let Some(answer) = &answer {
        signaller.emit_by_name::<()>("session-description", &[&session, answer]);
    }
    answer.is_some()
}
