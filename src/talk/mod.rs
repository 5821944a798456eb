// SPDX-License-Identifier: MPL-2.0
//! Talk: what viewers say leaves the sink by its pad `talk`.
//!
//! Pure:
//! - [`floor`]: who is heard.
//! - [`mixer`]: the sound of those, in frames of 10 ms.
//! - [`tones`]: what whoever rings a doorbell hears besides.
//!
//! Around them:
//! - [`stage`]: the two together, for all sessions of a sink, and what is told of them.
//! - [`sounds`]: a user's own in place of those, read and decoded.
//! - [`voice`]: receives one session's sound and decodes it.
//! - [`pump`]: the live source behind the pad, which takes a frame every 10 ms.

use std::{io, sync::Arc};

use gst::prelude::*;
use tokio::sync::watch;

pub(crate) mod floor;
mod format;
mod mixer;
mod pump;
pub(crate) mod sounds;
mod stage;
mod tones;
pub(crate) mod voice;

pub(crate) use floor::Mode;
pub(crate) use format::caps;
pub(crate) use pump::stop;
pub(crate) use stage::{Hooks, May, Report};

use stage::Stage;

use crate::calling::Cue;

/// Talk of one sink, whether it has the pad or not. A handle: clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Talk(Arc<Stage>);

impl Talk {
    /// The source of the pad; with it there is somebody to talk to. What happens is told to `hooks`, on a thread of its own.
    pub(crate) fn open(&self, hooks: Hooks) -> io::Result<gst::Element> {
        self.0.open(hooks)?;
        Ok(pump::Pump::new(&self.0).upcast())
    }

    /// The pad is gone.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    /// Whether there is a pad.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_open()
    }

    /// Ends what is said so far.
    pub(crate) fn set_mode(&self, mode: Mode) {
        self.0.set_mode(mode);
    }

    /// What a doorbell's visitor hears from now on, where there is a pad.
    pub(crate) fn cue(&self, cue: Cue) {
        self.0.cue(cue);
    }

    /// Another run begins: the built-in tones sound until [`Self::set_sound`]. Returns the run's number.
    pub(crate) fn forget_sounds(&self) -> u64 {
        self.0.forget_sounds()
    }

    /// A cue sounds like this, in this run.
    pub(crate) fn set_sound(&self, run: u64, cue: Cue, sound: sounds::Sound) {
        self.0.set_sound(run, cue, sound);
    }

    /// Who is heard, from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Report> {
        self.0.subscribe()
    }
}
