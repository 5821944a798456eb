// SPDX-License-Identifier: MPL-2.0
//! What the driver is told, what it has of each viewer, and what it tells the sink.
//!
//! Lock: `stats`, held to read or write a value.

use std::sync::{Arc, Mutex, mpsc::Sender};

use super::{
    Path,
    builder::Built,
    codec::Codec,
    outlet::{Outlet, OutletEvent},
    policy::Size,
    rendition::Rendition,
    types::{Bitrates, EncoderSetup, Failure, Frame, Input, RungId, SourceKeyRequest},
};

pub(super) enum Message {
    Input(Input),
    /// Somebody is about to join.
    Expect,
    Join(u64, Member),
    Leave(u64),
    /// In which size a viewer shows its picture.
    Resize(u64, Option<Size>),
    Outlet(u64, OutletEvent),
    Failed(Codec, RungId, Failure),
    Bitrates(Bitrates),
    /// What was ordered when the input was set.
    Built(Box<Built>),
    /// A first frame of what comes in encoded.
    First(Codec, Frame),
    Tick,
    /// Dropped when all has stopped.
    End(Sender<()>),
}

/// A viewer, as the driver has it.
pub(super) struct Member {
    pub(super) session: String,
    pub(super) codec: Codec,
    pub(super) outlet: Arc<Outlet>,
    pub(super) path: Option<Arc<dyn Path>>,
    pub(super) size: Option<Size>,
    pub(super) stats: Arc<Mutex<ViewerStats>>,
}

pub(super) type Notifier = Arc<dyn Fn(Message) + Send + Sync>;

/// What the sink is told. From the driver's thread.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The codecs that can be offered, best first, each with a first frame of its stream.
    Ready(Vec<(Codec, Frame)>),
    Moved {
        session: String,
        /// 0 is the best.
        rung: usize,
        rendition: Rendition,
    },
    /// An encoder has failed; another one goes on, or none is left.
    Encoder {
        factory: &'static str,
        failure: String,
        next: Option<&'static str>,
    },
    /// Nothing here encodes any of the codecs that were asked for.
    NoEncoder(String),
    /// This machine is too slow to encode the rendition, which nobody is shown for a while.
    Overloaded(Codec, Rendition),
    /// It is tried again.
    Relieved(Codec, Rendition),
    /// What comes in encoded by this pad has had no key unit for so long that somebody has to be told.
    NoKeyUnit(usize),
    /// What comes in encoded by this pad has B-frames.
    OutOfOrder(usize),
    /// What comes in encoded by this pad cannot be read, and why; it is tried again and again.
    Unreadable(usize, String),
}

/// How the ladder reaches what is around it.
pub(crate) struct Hooks {
    /// Called on the ladder's thread; must not block.
    pub(crate) events: Box<dyn Fn(Event) + Send>,
    /// For those who want an encoder set up in their own way, who may take their time: called on its rung's own thread.
    pub(crate) encoder_setup: EncoderSetup,
    /// The same where frames come in encoded.
    pub(crate) want_key: SourceKeyRequest,
}

/// One viewer's figures, in bits each second where they are rates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ViewerStats {
    /// 0 is the best.
    pub(crate) rung: usize,
    pub(crate) rungs: usize,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) estimate: u32,
    pub(crate) sent: u32,
    pub(crate) loss: f32,
    pub(crate) frames: u64,
    pub(crate) dropped: u64,
}
