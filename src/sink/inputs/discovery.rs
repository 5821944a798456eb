// SPDX-License-Identifier: MPL-2.0
//! Which of its streams webrtcsink has looked at, and sessions that wait for that.
//!
//! Locks: `running` and `held`, each held to read or write a value.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, Weak},
    time::Duration,
};

use gst::prelude::*;
use gstrswebrtc::{
    signaller::{Signallable, SignallableExt},
    webrtcsink::BaseWebRTCSink,
};

use crate::{lock::lock, runtime};

/// webrtcsink notes what it found out about a stream a moment after it has dropped what it found it out with, which is
/// what we see: this much longer sessions wait.
const NOTING: Duration = Duration::from_millis(100);
/// How long a run that ends waits for webrtcsink to begin to look at the picture that it was shown: what begins after its end it never
/// stops (docs/upstream.md). It does so at once, or hours ago.
const BEGINNING: Duration = Duration::from_millis(500);

/// Which of webrtcsink's streams it has looked at. It tells nobody, so the payloaders that it does so with are watched.
#[derive(Default)]
pub(super) struct Discovery {
    /// Payloaders alive, by the name of the stream's pad.
    running: Mutex<HashMap<String, u32>>,
    /// `running` has its first.
    begins: Condvar,
    /// The stream on whose account sessions wait, and where.
    held: Mutex<Option<(String, Signallable)>>,
}

impl Discovery {
    pub(super) fn watch(webrtcsink: &BaseWebRTCSink) -> Arc<Self> {
        let discovery = Arc::new(Self::default());
        let watching = Arc::downgrade(&discovery);
        webrtcsink.connect("payloader-setup", false, move |args| {
            let session = args.get(1)?.get::<&str>().ok()?;
            let stream = args.get(2)?.get::<String>().ok()?;
            let payloader = args.get(3)?.get::<gst::Element>().ok()?;
            if session == "discovery"
                && let Some(discovery) = watching.upgrade()
            {
                *lock(&discovery.running).entry(stream.clone()).or_default() += 1;
                discovery.begins.notify_all();
                let watching = watching.clone();
                payloader.add_weak_ref_notify(move || Self::ended(&watching, &stream));
            }
            // The rest of the setting up is webrtcsink's.
            Some(false.to_value())
        });
        discovery
    }

    fn ended(discovery: &Weak<Self>, stream: &str) {
        let Some(discovery) = discovery.upgrade() else {
            return;
        };
        let left = {
            let mut running = lock(&discovery.running);
            let left = running.entry(stream.to_owned()).or_default();
            *left = left.saturating_sub(1);
            *left
        };
        let is_held = || matches!(&*lock(&discovery.held), Some((held, _)) if held == stream);
        if left == 0
            && is_held()
            && let Ok(runtime) = runtime::handle()
        {
            runtime.spawn(async move {
                tokio::time::sleep(NOTING).await;
                discovery.release();
            });
        }
    }

    /// Waits until it has begun to look at a stream.
    pub(super) fn begun(&self) {
        let running = lock(&self.running);
        drop(
            self.begins
                .wait_timeout_while(running, BEGINNING, |running| running.is_empty()),
        );
    }

    /// Whether it has begun to look at a stream, now or before.
    pub(super) fn has_begun(&self, stream: &str) -> bool {
        lock(&self.running).contains_key(stream)
    }

    pub(super) fn is_done(&self, stream: &str) -> bool {
        lock(&self.running).get(stream) == Some(&0)
    }

    /// Lets sessions wait until `stream` has been looked at.
    pub(super) fn hold(&self, stream: &str, signallable: &Signallable) {
        *lock(&self.held) = Some((stream.to_owned(), signallable.clone()));
    }

    /// Nobody waits for a stream any more, and nobody is let go of.
    pub(super) fn forget(&self) {
        lock(&self.held).take();
    }

    pub(super) fn release(&self) {
        let held = lock(&self.held).take();
        if let Some((_, signallable)) = held {
            signallable.start();
        }
    }
}
