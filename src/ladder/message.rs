// SPDX-License-Identifier: MPL-2.0
//! What the driver hears, and what it has of each viewer.
//!
//! Lock: `stats`, held to read or write a value.

use std::sync::{Arc, Mutex, mpsc::Sender};

use super::{
    Path,
    codec::Codec,
    config::Input,
    outlet::{Frame, Outlet, Wants},
    rung::Failure,
};

pub(super) enum Message {
    Input(Input),
    /// Somebody is about to join.
    Expect,
    Join(u64, Member),
    Leave(u64),
    Wants(u64, Wants),
    Failed(Codec, usize, u64, Failure),
    Bitrates {
        bitrate: Option<u32>,
        min: u32,
        max: u32,
    },
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
    pub(super) stats: Arc<Mutex<ViewerStats>>,
}

pub(super) type Tell = Arc<dyn Fn(Message) + Send + Sync>;

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
