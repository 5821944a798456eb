// SPDX-License-Identifier: MPL-2.0
//! The webrtcsink inside, and living beside a stock one.
//!
//! webrtcsink is linked into this plugin. GObject knows a type name once in a process, so if the stock
//! plugin (`librswebrtc.so`) is loaded as well, whichever comes second cannot register its types. We
//! therefore register ours only when the first portholesink starts, and look before we do.

use std::time::Duration;

use gst::{glib, prelude::*};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use once_cell::sync::OnceCell;

use super::{ice, settings::Settings};
use crate::{runtime, signaller::PortholeSignaller};

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

/// webrtcsink's first, and our only, video pad.
pub(crate) const VIDEO: &str = "video_0";

/// A webrtcsink for the signaller, not yet in a bin. Call [`claim`] first.
pub(crate) fn make(signaller: &PortholeSignaller, settings: &Settings) -> BaseWebRTCSink {
    let sink = BaseWebRTCSink::with_signaller(signaller.as_signallable());
    sink.set_property("stun-server", settings.stun_server.as_deref());
    // The ladder has its own (see `pacer`).
    sink.set_property_from_str("congestion-control", "disabled");
    let upnp = settings.upnp;
    // Before it gathers candidates.
    sink.connect("consumer-added", false, move |args| {
        let webrtcbin = args.get(2)?.get::<gst::Element>().ok()?;
        ice::use_upnp(&webrtcbin, upnp);
        None
    });
    sink
}

/// Takes away what webrtcsink leaves of a pad that it released: the pad itself and the two elements behind it, for whose end
/// of stream the whole pipeline would wait.
pub(crate) fn clear_away(sink: &BaseWebRTCSink, pad: &gst::Pad) {
    let inner = pad
        .downcast_ref::<gst::GhostPad>()
        .and_then(GhostPadExt::target);
    let clocksync = inner.and_then(|pad| pad.parent_element());
    let source = clocksync.as_ref().and_then(|e| e.static_pad("src"));
    let appsink = source
        .and_then(|pad| pad.peer())
        .and_then(|pad| pad.parent_element());
    let _ = pad.set_active(false);
    let _ = sink.remove_pad(pad);
    for element in clocksync.into_iter().chain(appsink) {
        // Locked, so that a change of webrtcsink's state meanwhile does not start it again.
        element.set_locked_state(true);
        let _ = element.set_state(gst::State::Null);
        let _ = sink.remove(&element);
    }
}

/// By then no session of a webrtcsink that was stopped is left on any thread.
const LAST_SESSIONS: Duration = Duration::from_secs(10);

/// Lets go of a webrtcsink that was stopped, and not at once: its handlers on the webrtcbins of its sessions go with it, and
/// GObject aborts the process when at that moment a webrtcbin goes on another thread (docs/upstream.md).
pub(crate) fn let_go(webrtcsink: BaseWebRTCSink) {
    if let Ok(runtime) = runtime::handle() {
        runtime.spawn(async move {
            tokio::time::sleep(LAST_SESSIONS).await;
            // It may block, and the runtime's own threads enforce leases.
            tokio::task::spawn_blocking(move || drop(webrtcsink));
        });
    }
}
