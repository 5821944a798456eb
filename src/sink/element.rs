// SPDX-License-Identifier: MPL-2.0
//! `portholesink` as an element: its pads, and what it does when its state changes.

use std::sync::{LazyLock, atomic::Ordering::Relaxed};

use gst::{prelude::*, subclass::prelude::*};

use super::{CAT, imp::PortholeSink, inputs::pads, run::LAST_EVENTS};
use crate::{ladder::rendition::MAX_RENDITIONS, lock::lock};

impl ElementImpl for PortholeSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Porthole sink",
                "Sink/Network/WebRTC",
                "Shows a camera in browsers to those who may look, and to nobody else",
                "The Porthole developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        &pads::TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        if template.name_template() == pads::RENDITION {
            return self.request_rendition(name);
        }
        if template.name_template() == pads::TALK {
            return self.request_talk();
        }
        if lock(&self.audio).is_some() {
            gst::warning!(CAT, imp = self, "there is one audio pad, and it is taken");
            return None;
        }
        let pad = self.ghost(pads::AUDIO)?;
        // A running element takes only pads that are running as well; parents activate the others.
        if self.obj().current_state() > gst::State::Ready {
            pad.set_active(true).ok()?;
        }
        self.obj().add_pad(&pad).ok()?;
        *lock(&self.audio) = Some(pad.clone());
        self.inputs.has_sound_pad.store(true, Relaxed);
        self.warn_of_late_sound();
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        if pads::is_video(&pad.name()) {
            self.release_rendition(pad);
            return;
        }
        if pad.name() == pads::TALK {
            self.release_talk();
            return;
        }
        let audio = lock(&self.audio).take();
        self.inputs.has_sound_pad.store(false, Relaxed);
        // After this no buffer is on its way through the pad.
        let _ = pad.set_active(false);
        if let Some(audio) = audio {
            self.inputs.detach_sound(&audio);
        }
        let _ = self.obj().remove_pad(pad);
    }

    /// A seek is for what is before this sink: what webrtcsink has for sinks knows none, and the whole would be refused.
    fn send_event(&self, event: gst::Event) -> bool {
        if !matches!(event.view(), gst::EventView::Seek(_)) {
            return self.parent_send_event(event);
        }
        let pads = self.obj().sink_pads();
        let linked = pads.iter().filter(|pad| pad.is_linked());
        let taken = linked.filter(|pad| pad.push_event(event.clone()));
        taken.count() > 0
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        use gst::StateChange as T;
        if transition == T::NullToReady && self.video.get().is_none() {
            gst::element_imp_error!(
                self,
                gst::CoreError::Pad,
                (
                    "portholesink was made without its pad {}; its plugin and GStreamer do not fit together: install both again",
                    pads::VIDEO
                )
            );
            return Err(gst::StateChangeError);
        }
        if transition == T::ReadyToPaused {
            self.is_closing.store(false, Relaxed);
        }
        if transition == T::ReadyToPaused
            && let Err(error) = self.start()
        {
            self.stop();
            self.post_error_message(error);
            return Err(gst::StateChangeError);
        }
        if transition == T::PausedToPlaying {
            // Upstream is at least PAUSED by now and hears it before the camera starts.
            self.demand(self.viewer_count(), self.is_called());
        }
        if transition == T::PausedToReady {
            // While upstream still listens: what the link says of the ends comes too late for it.
            self.is_closing.store(true, Relaxed);
            self.demand(0, false);
        }
        let closing = matches!(transition, T::PausedToReady | T::ReadyToNull);
        if closing && let Some(run) = self.current_run() {
            run.close();
            // webrtcsink must not end what it is still building, nor begin anything when it has ended.
            run.finish_media(LAST_EVENTS);
            self.inputs.settle();
        }
        let result = self.parent_change_state(transition);
        if closing || (result.is_err() && transition == T::ReadyToPaused) {
            self.stop();
        }
        result
    }
}

impl PortholeSink {
    /// webrtcsink looks for a stream that is added to a session in the media line for talk, if there is one.
    fn warn_of_late_sound(&self) {
        let viewers = self.viewer_count();
        if self.talk.is_open() && viewers > 0 {
            gst::element_imp_warning!(
                self,
                gst::CoreError::Negotiation,
                (
                    "pad {}: the {viewers} who watch already hear this sound when they come again (reload the page)",
                    pads::AUDIO
                )
            );
        }
    }

    /// A pad for one more rendition that comes in encoded.
    fn request_rendition(&self, name: Option<&str>) -> Option<gst::Pad> {
        let taken: Vec<_> = lock(&self.renditions)
            .iter()
            .map(|pad| pad.name())
            .collect();
        let is_free = |number: &usize| !taken.iter().any(|name| *name == pads::video_name(*number));
        let asked = name.and_then(|name| name.strip_prefix("video_")?.parse::<usize>().ok());
        let number = match asked {
            Some(number) => Some(number).filter(is_free),
            None => (1..).find(is_free),
        };
        let Some(number) = number.filter(|number| (1..MAX_RENDITIONS).contains(number)) else {
            gst::warning!(
                CAT,
                imp = self,
                "pads for renditions are video_1 to video_{}, each once",
                MAX_RENDITIONS - 1
            );
            return None;
        };
        let pad = self.video_pad(number)?;
        if self.obj().current_state() > gst::State::Ready {
            pad.set_active(true).ok()?;
        }
        self.obj().add_pad(&pad).ok()?;
        lock(&self.renditions).push(pad.clone());
        Some(pad.upcast())
    }

    fn release_rendition(&self, pad: &gst::Pad) {
        lock(&self.renditions).retain(|other| other.upcast_ref::<gst::Pad>() != pad);
        let _ = pad.set_active(false);
        self.inputs.take_away(&pad.name(), self.obj().upcast_ref());
        let _ = self.obj().remove_pad(pad);
    }
}

impl BinImpl for PortholeSink {}
