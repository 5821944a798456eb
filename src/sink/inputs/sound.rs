// SPDX-License-Identifier: MPL-2.0
//! Sound on its way to webrtcsink: encoded once for all who listen. Opus that browsers take passes as it is.

use gst::prelude::*;

use super::layout::{self, Form, Layout};

/// Opus that browsers do not take is decoded first.
const DECODER: &str = "opusdec ! ";

/// Packets of 20 ms (RFC 7587, 4.2), with what repairs the loss of one in the next (in-band FEC), made for this share of
/// losses; DTX, which stops sending in silence, stays off.
const ENCODER: &str = "audioconvert name=mix ! audioresample ! capsfilter name=form ! volume name=duck ! \
    opusenc frame-size=20 inband-fec=true packet-loss-percentage=10 dtx=false audio-type=generic";

/// 20 dB less: what the loudspeaker says is hardly heard, and that somebody is there still is.
const DUCKED: f64 = 0.1;

/// One stream of sound at webrtcsink.
#[derive(Clone, Debug)]
pub(super) struct Sound {
    /// webrtcsink's pad.
    pub(super) stream: gst::Pad,
    encoder: Option<Encoder>,
    is_faulty: bool,
}

#[derive(Clone, Debug)]
struct Encoder {
    bin: gst::Bin,
    form: Form,
}

impl Sound {
    /// Makes the way from our pad to webrtcsink's for sound of these caps, and leads our pad there.
    pub(super) fn attach(
        pad: &gst::GhostPad,
        stream: gst::Pad,
        caps: &gst::CapsRef,
    ) -> Option<Self> {
        let encoder = match layout::passes(caps) {
            true => None,
            false => Some(Encoder::add(pad, &stream, caps)?),
        };
        let target = match &encoder {
            Some(encoder) => encoder.bin.static_pad("sink")?,
            None => stream.clone(),
        };
        pad.set_target(Some(&target)).ok()?;
        Some(Self {
            stream,
            encoder,
            is_faulty: false,
        })
    }

    /// It could not be passed on; whether that is new.
    pub(super) fn note_fault(&mut self) -> bool {
        !std::mem::replace(&mut self.is_faulty, true)
    }

    pub(super) fn is_faulty(&self) -> bool {
        self.is_faulty
    }

    /// Caps have come that it takes.
    pub(super) fn mend(&mut self) {
        self.is_faulty = false;
    }

    /// Whether what comes in is encoded here, which nobody need do for nobody.
    pub(super) fn is_encoded_here(&self) -> bool {
        self.encoder.is_some()
    }

    /// Gets ready for raw sound in another layout, which is about to come. No buffer is on its way.
    pub(super) fn follow(&self, before: Option<&gst::Caps>, caps: &gst::CapsRef) {
        let layout = Layout::of(caps);
        let is_other = before.is_none_or(|before| Layout::of(before) != layout);
        if let (Some(encoder), Some(layout)) = (&self.encoder, layout)
            && is_other
            && encoder.mix(layout).is_none()
        {
            gst::warning!(gst::CAT_RUST, obj = self.stream, "{layout:?} is not mixed");
        }
    }

    /// Turns the sound down, or up again. Opus that passes stays as it is.
    pub(super) fn duck(&self, is_ducked: bool) {
        let bin = self.encoder.as_ref().map(|encoder| &encoder.bin);
        if let Some(volume) = bin.and_then(|bin| bin.by_name("duck")) {
            volume.set_property("volume", if is_ducked { DUCKED } else { 1.0 });
        }
    }

    /// Takes our part of the way out again. No buffer is on it.
    pub(super) fn detach(&self) {
        let Some(Encoder { bin, .. }) = &self.encoder else {
            return;
        };
        bin.set_locked_state(true);
        let _ = bin.set_state(gst::State::Null);
        let parent = bin.parent();
        if let Some(parent) = parent.and_then(|parent| parent.downcast::<gst::Bin>().ok()) {
            let _ = parent.remove(bin);
        }
    }
}

impl Encoder {
    fn add(pad: &gst::GhostPad, stream: &gst::Pad, caps: &gst::CapsRef) -> Option<Self> {
        let parent = pad.parent_element()?.downcast::<gst::Bin>().ok()?;
        let decoder = if layout::is_opus(caps) { DECODER } else { "" };
        let (layout, form) = (Layout::of(caps)?, Form::of(caps)?);
        let bin = gst::parse::bin_from_description(&format!("{decoder}{ENCODER}"), true).ok()?;
        bin.by_name("form")?.set_property("caps", form.caps());
        if let Some(matrix) = layout.mix_matrix(form) {
            bin.by_name("mix")?.set_property("mix-matrix", matrix);
        }
        parent.add(&bin).ok()?;
        let is_linked = (bin.static_pad("src")).is_some_and(|src| src.link(stream).is_ok());
        if !is_linked || bin.sync_state_with_parent().is_err() {
            let _ = bin.set_state(gst::State::Null);
            let _ = parent.remove(&bin);
            return None;
        }
        Some(Self { bin, form })
    }

    /// Puts another audioconvert in the place of the one there is, whose matrix cannot be taken from it again.
    fn mix(&self, layout: Layout) -> Option<()> {
        let sink = self.bin.static_pad("sink")?;
        let ghost = sink.downcast::<gst::GhostPad>().ok()?;
        let old = self.bin.by_name("mix")?;
        // Behind a decoder, which says by itself what comes out of it, there is nothing to follow.
        let first = ghost.target()?.parent_element()?;
        let next = old.static_pad("src")?.peer().filter(|_| first == old)?;
        let mix = gst::ElementFactory::make("audioconvert").name("mix");
        let mix = mix.build().ok()?;
        if let Some(matrix) = layout.mix_matrix(self.form) {
            mix.set_property("mix-matrix", matrix);
        }
        ghost.set_target(None::<&gst::Pad>).ok()?;
        let _ = old.set_state(gst::State::Null);
        self.bin.remove(&old).ok()?;
        self.bin.add(&mix).ok()?;
        mix.static_pad("src")?.link(&next).ok()?;
        mix.sync_state_with_parent().ok()?;
        ghost.set_target(Some(&mix.static_pad("sink")?)).ok()
    }
}

#[cfg(test)]
#[path = "sound_tests.rs"]
mod tests;
