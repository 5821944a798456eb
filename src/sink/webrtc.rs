// SPDX-License-Identifier: MPL-2.0
//! The webrtcsink inside, and living beside a stock one.
//!
//! webrtcsink is linked into this plugin. GObject knows a type name once in a process, so if the stock
//! plugin (`librswebrtc.so`) is loaded as well, whichever comes second cannot register its types. We
//! therefore register ours only when the first portholesink starts, and look before we do.

use gst::{glib, prelude::*};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use once_cell::sync::OnceCell;

use super::settings::Settings;
use crate::signaller::PortholeSignaller;

/// Types that webrtcsink registers, of which the stock plugin registers at least one when it is loaded.
const TYPES: [&str; 4] = [
    "GstRSWebRTCSignallableIface",
    "GstBaseWebRTCSink",
    "GstWebRTCSinkPad",
    "GstRSWebRTCSignallerRole",
];

/// Another webrtcsink is in the process.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the stock webrtcsink plugin (librswebrtc.so) is loaded in this process, and portholesink cannot \
     run beside it. Use portholesink in a process of its own, or remove the stock plugin from \
     GST_PLUGIN_PATH. portholesrc and portholeoverlay work all the same"
)]
pub(crate) struct Conflict;

static OURS: OnceCell<()> = OnceCell::new();

/// Warns once if portholesink will not be able to run in this process.
pub(crate) fn check() -> Result<(), Conflict> {
    let taken = OURS.get().is_none() && TYPES.iter().any(|n| glib::Type::from_name(*n).is_some());
    if taken {
        glib::g_warning!("porthole", "{Conflict}");
        return Err(Conflict);
    }
    Ok(())
}

/// Claims webrtcsink's types for this plugin, and makes sure that there is congestion control.
pub(crate) fn claim() -> Result<(), Conflict> {
    OURS.get_or_try_init(|| {
        check()?;
        BaseWebRTCSink::ensure_type();
        // Without rtpgccbwe webrtcsink would do no congestion control and say nothing.
        if gst::ElementFactory::find("rtpgccbwe").is_none()
            && let Err(error) = gstrsrtp::plugin_register_static()
        {
            glib::g_warning!(
                "porthole",
                "no congestion control: cannot register rtpgccbwe: {error}"
            );
        }
        Ok(())
    })
    .copied()
}

/// What reaches the sink's video pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Raw,
    Encoded,
}

/// Codecs offered for raw video when nobody asked for others: every browser has one of them, and a
/// short list keeps the search for encoders at start short.
const RAW_CODECS: &str = "video/x-vp8; video/x-h264";

/// A webrtcsink for the signaller, not yet in a bin. Call [`claim`] first.
pub(crate) fn make(
    signaller: &PortholeSignaller,
    settings: &Settings,
    input: Input,
) -> BaseWebRTCSink {
    let sink = BaseWebRTCSink::with_signaller(signaller.as_signallable());
    sink.set_property("stun-server", settings.stun_server.as_deref());
    let codecs = match (&settings.video_caps, input) {
        (Some(caps), _) => Some(caps.clone()),
        (None, Input::Raw) => RAW_CODECS.parse::<gst::Caps>().ok(),
        (None, Input::Encoded) => None,
    };
    if let Some(codecs) = codecs {
        sink.set_property("video-caps", codecs);
    }
    if input == Input::Encoded {
        // webrtcsink divides the FEC share by its number of encoders, and here it has none.
        sink.set_property("do-fec", false);
    }
    sink
}
