// SPDX-License-Identifier: MPL-2.0
//! Our pads: what comes in is judged when its caps come, before anything behind the pad hears of it.

use std::{sync::Arc, time::Instant};

use gst::prelude::*;

use super::{
    Inputs, layout,
    pads::{self, BadInput, Kind},
    sound::Sound,
    video,
};
use crate::lock::lock;

impl Inputs {
    /// A ghost pad without a target.
    pub(in crate::sink) fn ghost(
        self: &Arc<Self>,
        template: &gst::PadTemplate,
        name: &str,
    ) -> gst::GhostPad {
        let [first, second, third, fourth] = std::array::from_fn(|_| self.clone());
        let pad = gst::GhostPad::builder_from_template(template)
            .name(name)
            .event_function(move |pad, _, event| first.event(pad, event))
            .query_function(move |pad, parent, query| {
                answer(pad, query) || gst::Pad::query_default(pad, parent, query)
            })
            .chain_function(move |pad, _, buffer| second.chain(pad, buffer))
            .chain_list_function(move |pad, _, list| {
                // One by one: webrtcsink looks at what comes in, and at no lists.
                list.iter_owned()
                    .try_fold(gst::FlowSuccess::Ok, |_, buffer| third.chain(pad, buffer))
            })
            .build();
        // A probe sees caps before the core refuses those that the pad does not take, which it does without a word.
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            if let Some(event) = info.event() {
                fourth.look_at(pad.upcast_ref(), event);
            }
            gst::PadProbeReturn::Ok
        });
        pad
    }

    fn look_at(&self, pad: &gst::Pad, event: &gst::EventRef) {
        match event.view() {
            // Something new may stand upstream that has not heard who watches.
            gst::EventView::StreamStart(_) => {
                self.tell_demand(pad);
            }
            gst::EventView::Caps(event) => {
                if let Err(error) = pads::kind(&pad.name(), event.caps()) {
                    refuse(pad, &error);
                }
            }
            _ => (),
        }
    }

    fn event(&self, pad: &gst::GhostPad, event: gst::Event) -> bool {
        let parent = pad.parent();
        let gst::EventView::Caps(caps) = event.view() else {
            return gst::Pad::event_default(pad, parent.as_ref(), event);
        };
        let caps = caps.caps_owned();
        let Ok(kind) = pads::kind(&pad.name(), &caps) else {
            return false;
        };
        let before = pad.target().and_then(|target| target.current_caps());
        let is_video = pads::is_video(&pad.name());
        if is_video && !self.judge(pad, kind, &caps, before.as_ref()) {
            return false;
        }
        let branch = lock(&self.branches).get(pad.name().as_str()).cloned();
        if let Some(branch) = branch {
            branch.keep_time(pad.upcast_ref());
        }
        let sound = lock(&self.sound).clone().filter(|_| !is_video);
        let is_encoded_here = sound.as_ref().is_some_and(Sound::is_encoded_here);
        if let Some(sound) = sound {
            sound.follow(before.as_ref(), &caps);
        }
        let said = match pads::is_dmabuf(&caps) {
            true => Some(pads::mapped(&caps)),
            false => layout::placeless(&caps),
        };
        let event = match said {
            Some(caps) => gst::event::Caps::builder(&caps)
                .seqnum(event.seqnum())
                .build(),
            None => event,
        };
        if gst::Pad::event_default(pad, parent.as_ref(), event) {
            if let Some(sound) = lock(&self.sound).as_mut().filter(|_| !is_video) {
                sound.mend();
            }
            return true;
        }
        // A webrtcsink that is being stopped has forgotten its caps and refuses them for that reason.
        if !is_video
            && !is_encoded_here
            && let Some(before) = before
            && pad.target().is_some_and(|target| target.has_current_caps())
        {
            let (old, new) = (before.to_string(), caps.to_string());
            let pad_name = pad.name().into();
            refuse(
                pad,
                &BadInput::Changed {
                    pad: pad_name,
                    old,
                    new,
                },
            );
            return false;
        }
        // The picture goes on without it.
        let is_fault = !is_video && is_encoded_here && !is_flushing(pad);
        if is_fault {
            self.note_fault(pad, &caps, gst::FlowError::NotNegotiated);
        }
        is_fault
    }

    /// Tells the ladder what the video is; refuses what viewers cannot follow.
    fn judge(
        &self,
        pad: &gst::GhostPad,
        kind: Kind,
        caps: &gst::Caps,
        before: Option<&gst::Caps>,
    ) -> bool {
        let name = pad.name();
        let Some(number) = pads::video_number(&name) else {
            return false;
        };
        let input = {
            let mut running = lock(&self.running);
            let Some(running) = running.as_mut() else {
                return true;
            };
            let is_other = |before: &gst::Caps| {
                let name = |caps: &gst::CapsRef| caps.structure(0).map(|s| s.name().to_owned());
                name(before) != name(caps)
            };
            if running.video.is_some_and(|was| was != kind) || before.is_some_and(is_other) {
                Err(BadInput::Changed {
                    pad: name.into(),
                    old: before.map_or_else(String::new, ToString::to_string),
                    new: caps.to_string(),
                })
            } else {
                running.video = Some(kind);
                running.caps.insert(number, caps.clone());
                let input = video::input(&running.caps, &running.renditions, running.bitrate);
                if let Ok(input) = &input {
                    running.input.clone_from(input);
                }
                input.map_err(|error| BadInput::Ladder(error.to_string()))
            }
        };
        match input {
            Ok(input) => {
                if let (Some(ladder), Some(input)) = (self.ladder.get(), input) {
                    ladder.set_input(input);
                }
                true
            }
            Err(error) => {
                refuse(pad, &error);
                false
            }
        }
    }

    /// Says that viewers wait for a picture, where none comes.
    fn note_sound(&self, pad: &gst::GhostPad) {
        let is_alone = {
            let mut running = lock(&self.running);
            running.as_mut().is_some_and(|running| {
                let has_picture = !running.caps.is_empty();
                running.lonely.note(has_picture, Instant::now())
            })
        };
        if is_alone && let Some(element) = pad.parent_element() {
            gst::element_warning!(
                element,
                gst::StreamError::WrongType,
                (
                    "pad {}: sound comes in and no picture, for which viewers wait; lead a picture to pad {} (videotestsrc pattern=black is-live=true, where there is none)",
                    pad.name(),
                    pads::VIDEO
                )
            );
        }
    }

    fn chain(
        self: &Arc<Self>,
        pad: &gst::GhostPad,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if !pad.has_current_caps() {
            refuse(pad, &BadInput::Untyped(pad.name().into()));
            return Err(gst::FlowError::NotNegotiated);
        }
        if !pads::is_video(&pad.name()) {
            self.note_sound(pad);
        }
        if pad.target().is_none() && (pads::is_video(&pad.name()) || !self.attach_sound(pad)?) {
            return Ok(gst::FlowSuccess::Ok);
        }
        let is_sound = !pads::is_video(&pad.name());
        if is_sound && (self.is_idle() || self.is_faulty()) {
            return Ok(gst::FlowSuccess::Ok);
        }
        match gst::ProxyPad::chain_default(pad, pad.parent().as_ref(), buffer) {
            // The picture goes on without it.
            Err(error) if is_sound && is_fault(error) => {
                let caps = pad.current_caps();
                let caps = caps.unwrap_or_else(gst::Caps::new_any);
                self.note_fault(pad, &caps, error);
                Ok(gst::FlowSuccess::Ok)
            }
            result => result,
        }
    }

    fn is_faulty(&self) -> bool {
        lock(&self.sound).as_ref().is_some_and(Sound::is_faulty)
    }

    /// Says, once for each stream of sound, that viewers have none.
    fn note_fault(&self, pad: &gst::GhostPad, caps: &gst::CapsRef, error: gst::FlowError) {
        let is_first = lock(&self.sound).as_mut().is_some_and(Sound::note_fault);
        if is_first && let Some(element) = pad.parent_element() {
            gst::element_warning!(
                element,
                gst::StreamError::Encode,
                (
                    "pad {}: {caps} cannot be encoded ({error}), and viewers have no sound; put audioconvert ! audio/x-raw,channels=2 before portholesink",
                    pad.name()
                )
            );
        }
    }
}

fn is_flushing(pad: &gst::GhostPad) -> bool {
    let target = pad.target();
    target.is_none_or(|target| target.pad_flags().contains(gst::PadFlags::FLUSHING))
}

/// Whether it is more than the end of a stream.
fn is_fault(error: gst::FlowError) -> bool {
    use gst::FlowError as E;
    !matches!(error, E::Flushing | E::Eos)
}

pub(super) fn refuse(pad: &impl IsA<gst::Object>, error: &BadInput) {
    let parent = pad.as_ref().parent();
    if let Some(element) = parent.and_then(|parent| parent.downcast::<gst::Element>().ok()) {
        gst::element_error!(element, gst::StreamError::WrongType, ("{error}"));
    }
}

/// Answers for DMABuf video, which webrtcsink behind the pad knows nothing of, and for raw sound, which is mixed here: what mixes it
/// now would speak of one layout alone.
fn answer(pad: &gst::GhostPad, query: &mut gst::QueryRef) -> bool {
    let current = pad.current_caps();
    match query.view_mut() {
        gst::QueryViewMut::Caps(query) => {
            let caps = match current {
                None => pad.pad_template_caps(),
                Some(current) if pads::is_dmabuf(&current) => current,
                Some(current) if layout::is_raw(&current) => pads::raw_sound(),
                Some(_) => return false,
            };
            let caps = match query.filter_owned() {
                Some(filter) => filter.intersect_with_mode(&caps, gst::CapsIntersectMode::First),
                None => caps,
            };
            query.set_result(&caps);
            true
        }
        gst::QueryViewMut::AcceptCaps(query)
            if pads::is_dmabuf(query.caps()) || layout::is_raw(query.caps()) =>
        {
            let is_taken = query.caps().is_subset(&pad.pad_template_caps());
            query.set_result(is_taken);
            true
        }
        _ => false,
    }
}
