// SPDX-License-Identifier: MPL-2.0
//! Sound on its way to webrtcsink: encoded once for all who listen. Opus passes as it is.

use gst::prelude::*;

use super::pads::Kind;

/// Packets of 20 ms (RFC 7587, 4.2), with what repairs the loss of one in the next (in-band FEC), made for this share of
/// losses; DTX, which stops sending in silence, stays off.
const ENCODER: &str = "audioconvert ! volume name=duck ! audioresample ! \
    opusenc frame-size=20 inband-fec=true packet-loss-percentage=10 dtx=false audio-type=generic";

/// 20 dB less: what the loudspeaker says is hardly heard, and that somebody is there still is.
const DUCKED: f64 = 0.1;

/// One stream of sound at webrtcsink.
#[derive(Clone, Debug)]
pub(super) struct Sound {
    /// webrtcsink's pad.
    pub(super) stream: gst::Pad,
    encoder: Option<gst::Element>,
}

impl Sound {
    /// Makes the way from our pad to webrtcsink's, and leads our pad there.
    pub(super) fn attach(pad: &gst::GhostPad, stream: gst::Pad, kind: Kind) -> Option<Self> {
        let encoder = match kind {
            Kind::Encoded => None,
            Kind::Raw => Some(encoder(pad, &stream)?),
        };
        let target = match &encoder {
            Some(encoder) => encoder.static_pad("sink")?,
            None => stream.clone(),
        };
        pad.set_target(Some(&target)).ok()?;
        Some(Self { stream, encoder })
    }

    /// Whether what comes in is encoded here, which nobody need do for nobody.
    pub(super) fn is_encoded_here(&self) -> bool {
        self.encoder.is_some()
    }

    /// Turns the sound down, or up again. Opus that comes in encoded stays as it is.
    pub(super) fn duck(&self, is_ducked: bool) {
        let bin = self
            .encoder
            .as_ref()
            .and_then(|e| e.downcast_ref::<gst::Bin>());
        if let Some(volume) = bin.and_then(|bin| bin.by_name("duck")) {
            volume.set_property("volume", if is_ducked { DUCKED } else { 1.0 });
        }
    }

    /// Takes our part of the way out again. No buffer is on it.
    pub(super) fn detach(&self) {
        let Some(encoder) = &self.encoder else { return };
        encoder.set_locked_state(true);
        let _ = encoder.set_state(gst::State::Null);
        let bin = encoder
            .parent()
            .and_then(|parent| parent.downcast::<gst::Bin>().ok());
        if let Some(bin) = bin {
            let _ = bin.remove(encoder);
        }
    }
}

fn encoder(pad: &gst::GhostPad, stream: &gst::Pad) -> Option<gst::Element> {
    let bin = pad.parent_element()?.downcast::<gst::Bin>().ok()?;
    let encoder = gst::parse::bin_from_description(ENCODER, true).ok()?;
    let encoder = encoder.upcast::<gst::Element>();
    bin.add(&encoder).ok()?;
    let is_linked = (encoder.static_pad("src")).is_some_and(|src| src.link(stream).is_ok());
    if !is_linked || encoder.sync_state_with_parent().is_err() {
        let _ = encoder.set_state(gst::State::Null);
        let _ = bin.remove(&encoder);
        return None;
    }
    Some(encoder)
}
