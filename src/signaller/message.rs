// SPDX-License-Identifier: MPL-2.0
//! What the [`link`](super::link) is told, and what it says: each thing that happens, and each that is to be done.

use std::time::Duration;

use porthole_protocol::{
    grant::Permission,
    wire::{Code, PeerMessage, SessionStats},
};

use super::gate::Refusal;
use crate::{calling::BellEvent, driving::DriverChange, opening::DoorAsked};

/// What happens.
#[derive(Debug)]
pub(crate) enum Input {
    /// A connection stands, though nobody has been welcomed on it.
    Connected,
    /// There is no connection, and why. Comes for each failed try and each lost connection.
    Lost(String),
    /// The server showed that it is there: a ping, a pong, or a message that follows.
    Alive,
    Message(String),
    /// webrtcsink can (or can no longer) take sessions.
    Ready(bool),
    /// A session's description or candidate for its viewer, from webrtcsink.
    Peer(PeerMessage),
    /// webrtcsink ended the session by itself.
    Ended(String),
    /// The viewer's own offer has none of the codecs that the camera sends: webrtcsink has not been told of the session.
    NoCodec(String),
    /// Media of the session flows.
    MediaFlows(String),
    /// What [`Media::Measure`] asked for.
    Measured(SessionStats),
    DriverChanged(DriverChange),
    DoorAsked(DoorAsked),
    /// The button was pressed: a new press, which the table of calls has.
    Pressed(String),
    /// Whoever stands at the door hangs up.
    HangUp,
    MaxViewers(usize),
    /// From the publisher.
    Publish(Publish),
    /// The other side of the operator's own session has sent something; comes once a second at most.
    Heard(String),
    /// The other side of a session has closed its connection.
    Closed(String),
    /// Whether webrtcsink or the application are behind by more than they may be.
    Busy(bool),
    /// The camera stops.
    Stop,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Output {
    /// To the server.
    Send(String),
    /// Give the connection up and make a new one.
    Reconnect(Why),
    /// To the publisher.
    Publication(Publication),
    /// To webrtcsink.
    Media(Media),
    /// To the application.
    Event(Event),
    /// To the application, and before to all who wait for nobody: programs, the loudspeaker, and who takes the picture.
    Bell(BellEvent),
    /// To the log.
    Warning(String),
}

/// Why a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It should be back at once.
    Anew,
    /// Another camera with the same key took over: two that fight must not do so all the time.
    Replaced,
}

/// What the publisher asks for, which sends the picture on to an SFU (see [`whip`](super::whip)). It names a session that is the
/// operator's own: without a viewer, a grant or a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Publish {
    Begin {
        session: String,
        /// In place of a viewer's name.
        user: String,
    },
    Answer {
        session: String,
        sdp: String,
    },
    /// No more of this session.
    End {
        session: String,
        reason: Code,
        detail: String,
    },
    /// How it stands, for the application.
    State(PublicationState),
}

/// What the publisher hears of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Publication {
    Offer {
        session: String,
        sdp: String,
    },
    /// An empty one is the last.
    Candidate {
        session: String,
        m_line: u32,
        candidate: String,
    },
    Flows {
        session: String,
    },
    /// Its SFU is there.
    Heard {
        session: String,
    },
    Ended {
        session: String,
        detail: String,
    },
}

/// How it stands with the SFU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicationState {
    /// `connecting`, `live`, `lost` or `stopped`.
    pub(crate) state: &'static str,
    pub(crate) url: String,
    /// Why it is lost.
    pub(crate) detail: String,
}

/// What webrtcsink is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// So many watch: the camera opens and closes by it.
    Viewers(usize),
    /// `offer` is the consumer's, if it made one.
    Start {
        session: String,
        offer: Option<String>,
    },
    End(String),
    Answer {
        session: String,
        sdp: String,
    },
    Candidate {
        session: String,
        m_line: u32,
        candidate: String,
    },
    /// Say what is sent in the session now, for its viewer.
    Measure(String),
}

/// What the application hears of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Online,
    /// Comes once for each outage.
    Offline {
        error: String,
    },
    Joined {
        session: String,
        user: String,
        permissions: Vec<Permission>,
    },
    /// The terms of a running session changed.
    Renewed {
        session: String,
        user: String,
        permissions: Vec<Permission>,
        /// Of the new lease.
        seconds: u64,
    },
    Left {
        session: String,
        user: String,
        permissions: Vec<Permission>,
        reason: Code,
        /// More than the code says, for the operator.
        detail: String,
    },
    Refused {
        session: String,
        refusal: Refusal,
    },
    Publication(PublicationState),
    Bell(BellEvent),
    /// Somebody wanted the door open.
    Door(DoorAsked),
    /// Another one drives, or nobody.
    Driver {
        change: DriverChange,
        /// How long the one before did.
        lasted: Duration,
    },
}
