// SPDX-License-Identifier: MPL-2.0
//! The stream of sound at webrtcsink: begun, bounded, ended.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use gst::prelude::*;
use gstrswebrtc::signaller::SignallableExt;

use super::{Inputs, ghost::refuse, pads::BadInput, sound::Sound};
use crate::{lock::lock, runtime, sink::webrtc};

/// How long webrtcsink may look at sound. Nobody is let in meanwhile, so sound that stops at once is taken away from it
/// again; a loaded machine takes about a second.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(10);

impl Inputs {
    /// Whether nobody needs sound encoded: webrtcsink has looked at it, and nobody is there.
    pub(super) fn is_idle(&self) -> bool {
        if self.has_viewers.load(Relaxed) {
            return false;
        }
        let sound = lock(&self.sound).clone();
        let Some(sound) = sound.filter(Sound::is_encoded_here) else {
            return false;
        };
        let running = lock(&self.running);
        running
            .as_ref()
            .is_some_and(|running| running.discovery.is_done(&sound.stream.name()))
    }

    /// Begins the stream of sound at webrtcsink, if it is known what the picture is.
    pub(super) fn attach_sound(
        self: &Arc<Self>,
        pad: &gst::GhostPad,
    ) -> Result<bool, gst::FlowError> {
        let (webrtcsink, signallable, discovery) = {
            let running = lock(&self.running);
            match running.as_ref() {
                Some(running) if running.is_begun => (
                    running.webrtcsink.clone(),
                    running.signallable.clone(),
                    running.discovery.clone(),
                ),
                _ => return Ok(false),
            }
        };
        let is_late = discovery.is_done(webrtc::VIDEO);
        if is_late {
            signallable.stop();
        }
        let caps = pad.current_caps();
        let attached = webrtcsink
            .request_pad_simple("audio_%u")
            .and_then(|target| {
                if is_late {
                    discovery.hold(&target.name(), &signallable);
                }
                Sound::attach(pad, target, caps.as_ref()?)
            });
        let Some(sound) = attached else {
            discovery.release();
            if is_late {
                signallable.start();
            }
            refuse(pad, &BadInput::Full(pad.name().into()));
            return Err(gst::FlowError::Error);
        };
        self.bound_discovery(pad, &sound.stream.name());
        *lock(&self.sound) = Some(sound);
        self.show_picture();
        Ok(true)
    }

    /// Takes the stream of sound away again if webrtcsink cannot find out about it, since it stopped at once.
    fn bound_discovery(self: &Arc<Self>, pad: &gst::GhostPad, stream: &str) {
        let Ok(runtime) = runtime::handle() else {
            return;
        };
        let (inputs, pad) = (Arc::downgrade(self), pad.downgrade());
        let stream = stream.to_owned();
        runtime.spawn(async move {
            tokio::time::sleep(DISCOVERY_TIMEOUT).await;
            // webrtcsink may block, and the runtime's own threads enforce leases.
            tokio::task::spawn_blocking(move || {
                if let (Some(inputs), Some(pad)) = (inputs.upgrade(), pad.upgrade()) {
                    inputs.give_up(&pad, &stream);
                }
            });
        });
    }

    fn give_up(&self, pad: &gst::GhostPad, stream: &str) {
        let is_same = lock(&self.sound)
            .as_ref()
            .is_some_and(|sound| sound.stream.name() == stream);
        let is_done = lock(&self.running)
            .as_ref()
            .is_none_or(|running| running.discovery.is_done(stream));
        if is_same && !is_done {
            if let Some(element) = pad.parent_element() {
                gst::element_warning!(
                    element,
                    gst::StreamError::CodecNotFound,
                    (
                        "pad {}: too little sound comes in to find out what it is; viewers have none until more comes",
                        pad.name()
                    )
                );
            }
            self.detach_sound(pad);
        }
    }

    /// Turns the sound down while viewers talk.
    pub(in crate::sink) fn duck(&self, is_ducked: bool) {
        let sound = lock(&self.sound).clone();
        if let Some(sound) = sound {
            sound.duck(is_ducked);
        }
    }

    /// Ends the stream of sound at webrtcsink. No buffer is on its way.
    pub(in crate::sink) fn detach_sound(&self, pad: &gst::GhostPad) {
        let Some(sound) = lock(&self.sound).take() else {
            return;
        };
        let _ = pad.set_target(None::<&gst::Pad>);
        sound.detach();
        let target = sound.stream;
        let (webrtcsink, signallable, discovery) = {
            let running = lock(&self.running);
            let Some(running) = running.as_ref() else {
                return;
            };
            (
                running.webrtcsink.clone(),
                running.signallable.clone(),
                running.discovery.clone(),
            )
        };
        webrtcsink.release_request_pad(&target);
        webrtc::clear_away(&webrtcsink, &target);
        discovery.forget();
        if discovery.is_done(webrtc::VIDEO) {
            // Whether webrtcsink waited for this stream, or we for it: nobody does now.
            signallable.start();
        }
    }
}
