// SPDX-License-Identifier: MPL-2.0
//! GObject glue between webrtcsink's `Signallable` interface and the [`link`](super::link).
//!
//! Lock order: `commands` is the only lock, held to clone or take the sender and for nothing else.

use std::sync::{Mutex, PoisonError};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use gstrswebrtc::signaller::{Signallable, SignallableImpl};
use porthole_protocol::wire::{PeerMessage, PeerMessageInner, SdpMessage};
use tokio::sync::mpsc::Sender;

use super::{
    CAT,
    link::{Command, Event, Host},
};

#[derive(Default)]
pub(crate) struct PortholeSignaller {
    commands: Mutex<Option<Sender<Command>>>,
}

impl PortholeSignaller {
    pub(super) fn set_commands(&self, sender: Sender<Command>) {
        *self.commands.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    }

    pub(super) fn close(&self) {
        self.commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// Never blocks: it is called from webrtcsink's threads, partly under its locks.
    pub(super) fn command(&self, command: Command) {
        let sender = self
            .commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(sender) = sender
            && let Err(error) = sender.try_send(command)
        {
            gst::warning!(CAT, imp = self, "dropped a message to the server: {error}");
        }
    }

    fn peer(&self, session: &str, peer_message: PeerMessageInner) {
        self.command(Command::Peer(PeerMessage {
            session_id: session.to_owned(),
            peer_message,
        }));
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
        self.command(Command::Ready(true));
    }

    fn stop(&self) {
        self.command(Command::Ready(false));
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
        let sdp = match description.type_() {
            WebRTCSDPType::Offer => SdpMessage::Offer { sdp },
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
        self.command(Command::Ended(session.to_owned()));
    }
}

type Observe = dyn Fn(Event, usize) + Send + Sync;

/// webrtcsink, seen from the link: what it is told goes out as signals of the signaller.
pub(super) struct Webrtcsink {
    signaller: glib::WeakRef<super::PortholeSignaller>,
    observe: Box<Observe>,
}

impl Webrtcsink {
    pub(super) fn new(
        signaller: &super::PortholeSignaller,
        observe: impl Fn(Event, usize) + Send + Sync + 'static,
    ) -> Self {
        Self {
            signaller: signaller.downgrade(),
            observe: Box::new(observe),
        }
    }

    fn with(&self, f: impl FnOnce(&super::PortholeSignaller)) {
        if let Some(signaller) = self.signaller.upgrade() {
            f(&signaller);
        }
    }
}

/// `None` for an SDP that cannot be parsed.
fn description(kind: WebRTCSDPType, sdp: &str) -> Option<WebRTCSessionDescription> {
    let sdp = gst_sdp::SDPMessage::parse_buffer(sdp.as_bytes()).ok()?;
    Some(WebRTCSessionDescription::new(kind, sdp))
}

impl Host for Webrtcsink {
    fn start_session(&self, session: &str, offer: Option<&str>) {
        self.with(|signaller| {
            let offer = match offer.map(|sdp| description(WebRTCSDPType::Offer, sdp)) {
                Some(None) => {
                    gst::warning!(CAT, obj = signaller, "{session}: unreadable offer");
                    signaller.imp().end_session(session);
                    return;
                }
                offer => offer.flatten(),
            };
            // The session stands for its viewer, so that webrtcsink's signals lead back to the grant.
            signaller.emit_by_name::<()>("session-requested", &[&session, &session, &offer]);
        });
    }

    fn end_session(&self, session: &str) {
        self.with(|signaller| {
            signaller.emit_by_name::<bool>("session-ended", &[&session]);
        });
    }

    fn answer(&self, session: &str, sdp: &str) {
        self.with(|signaller| match description(WebRTCSDPType::Answer, sdp) {
            Some(answer) => {
                signaller.emit_by_name::<()>("session-description", &[&session, &answer]);
            }
            None => {
                gst::warning!(CAT, obj = signaller, "{session}: unreadable answer");
                signaller.emit_by_name::<bool>("session-ended", &[&session]);
                signaller.imp().end_session(session);
            }
        });
    }

    fn candidate(&self, session: &str, m_line: u32, candidate: &str) {
        self.with(|signaller| {
            let mid: Option<String> = None;
            signaller.emit_by_name::<()>("handle-ice", &[&session, &m_line, &mid, &candidate]);
        });
    }

    fn event(&self, event: Event, viewers: usize) {
        (self.observe)(event, viewers);
    }
}
