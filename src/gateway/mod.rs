// SPDX-License-Identifier: MPL-2.0
//! The gateway between programs on the robot and viewers (docs/gateway.md).
//!
//! - `envelope`, `words`: what a message is made of.
//! - `wheel`: who drives, and the dead man.
//! - `outbox`: what waits for one viewer.
//! - `bundle`: telemetry of many messages in few.
//! - `hub`: what is said and done, given what happens.
//!
//! These are pure. Around them:
//!
//! - `address`: where programs connect.
//! - `handle`: the way to the hub, from both sides.
//! - `door`, `program`, `queue`: the WebSocket server for programs.
//! - `channel`: a session's data channels.
//! - `task`: runs the hub.

use std::time::{Duration, Instant};

use porthole_signaling::SecretDigest;

pub(crate) mod address;
mod bundle;
pub(crate) mod channel;
#[cfg(test)]
mod dead_man_tests;
mod door;
mod envelope;
pub(crate) mod handle;
pub(crate) mod hub;
mod outbox;
mod program;
mod queue;
#[cfg(test)]
mod steering_tests;
mod task;
pub(crate) mod wheel;
mod words;

use address::Address;
pub(crate) use door::NoDoor;
pub(crate) use words::BellPush;

/// What is asked of a gateway.
pub(crate) struct Options {
    /// Where programs connect, and what they show; without it there are only the data channels.
    pub(crate) door: Option<(Address, Option<SecretDigest>)>,
    pub(crate) control_timeout: Duration,
    /// The word of the `talk` property, where there is such a pad.
    pub(crate) talk: Option<String>,
    pub(crate) on_driver: task::OnDriver,
    pub(crate) on_bell: task::OnBell,
    pub(crate) on_door: task::OnDoor,
}

/// Seconds of CLOCK_MONOTONIC, which all programs of one machine have in common.
#[allow(clippy::cast_precision_loss, reason = "microseconds of centuries fit")]
fn monotonic() -> f64 {
    gst::glib::monotonic_time() as f64 / 1e6
}

/// Runs as long as it lives.
pub(crate) struct Gateway {
    running: task::Running,
    door: Option<door::Door>,
}

impl Gateway {
    pub(crate) fn start(
        options: Options,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Self, NoDoor> {
        let config = hub::Config {
            control_timeout: options.control_timeout,
            gateway: options.door.is_some(),
            talk: options.talk,
            epoch: (Instant::now(), monotonic()),
        };
        let hooks = (options.on_driver, options.on_bell, options.on_door);
        let running = task::start(config, hooks, runtime);
        let open = |(address, token)| door::open(&address, token, running.handle.clone(), runtime);
        let door = options.door.map(open).transpose()?;
        Ok(Self { running, door })
    }

    pub(crate) fn handle(&self) -> &handle::Handle {
        &self.running.handle
    }

    /// Where programs connect, for people.
    pub(crate) fn url(&self) -> Option<&str> {
        self.door.as_ref().map(|door| door.url.as_str())
    }
}
