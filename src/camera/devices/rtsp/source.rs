// SPDX-License-Identifier: MPL-2.0
//! The bin of a camera in the network: `rtspsrc`, which of its server's streams are taken, and what becomes of its errors.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use gst::{glib, prelude::*};

use super::{
    bin::FilterBin,
    streams::{self, Media, fail, media},
    tls::Trust,
    url::Transport,
};
use crate::camera::{
    device::Request,
    devices::{elements::make, native},
    problem::{Problem, Reason},
};

/// Milliseconds that packets wait for their order. TCP keeps it, so this only evens out a camera that sends in gusts; the
/// 2 s that rtspsrc takes by itself are for video over UDP across the internet.
const LATENCY: u32 = 100;
/// Microseconds for connecting and for each answer. A camera in the network answers in milliseconds, one that starts up in
/// a few seconds; the next try comes anyway.
const ANSWER_TIMEOUT: u64 = 5_000_000;

/// Nanoseconds by which the server's reports may move the picture against the sound, in all and at each picture. The two begin
/// closer together than that; what wants more is a clock that was set, and would have the picture stand, or be late, for as long.
const MAX_SHIFT: i64 = 500_000_000;
const MAX_SHIFT_STEP: u64 = 2_000_000;

const TCP: &str = "tcp";
const UDP: &str = "udp+udp-mcast";

/// Which streams have been taken: the first of each kind.
#[derive(Debug, Default)]
struct Taken {
    video: AtomicBool,
    sound: AtomicBool,
}

impl Taken {
    fn first(&self, media: Media) -> bool {
        let taken = match media {
            Media::Video => &self.video,
            Media::Sound => &self.sound,
        };
        !taken.swap(true, Relaxed)
    }
}

/// The streams are added once the server has named them; the pad `video` is there before. `wants_udp` is learned from an opening for
/// the next.
pub(super) fn bin(
    location: &str,
    transport: Transport,
    trust: &Trust,
    wants_udp: &Arc<AtomicBool>,
    request: &Request,
) -> Result<gst::Bin, Problem> {
    let source = source(location, transport, wants_udp.load(Relaxed))?;
    let taken = Arc::new(Taken::default());
    let refused = wants_udp.clone();
    let (weak, video) = (source.downgrade(), taken.clone());
    let bin = FilterBin::new(move |bin, message| {
        if !is_without_streams(&message, weak.upgrade().as_ref()) {
            return Some(message);
        }
        let text = match (video.video.load(Relaxed), transport) {
            (false, _) => NO_VIDEO,
            // The other way round as well, should its server have learned meanwhile.
            (true, Transport::Any) if refused.fetch_not(Relaxed) => NEITHER,
            (true, Transport::Any) => NO_TCP,
            (true, Transport::Udp) => NO_UDP,
            (true, Transport::Tcp | Transport::Tls) => TCP_REFUSED,
        };
        Some(error(bin, text))
    })
    .upcast::<gst::Bin>();
    let failed = |error: glib::BoolError| Problem::new(Reason::Failed, error.to_string());
    connect(&bin, &source, taken, request).map_err(failed)?;
    if transport == Transport::Tls {
        trust.ask_for(&source, &bin)?;
    }
    Ok(bin)
}

const NO_VIDEO: &str = "its server offers no video: check the path behind the host";
const NO_TCP: &str = "its server does not send in the connection, so it is asked to send over UDP now; \
                      camera=rtspu://... does so at once";
const NO_UDP: &str = "its server does not send over UDP: set camera=rtsp://...";
const NEITHER: &str = "its server sends neither in the connection nor over UDP: look for how it sends, or for another path, in its settings";
const TCP_REFUSED: &str =
    "its server does not send in the connection: set camera=rtspu://... for UDP";

/// Whether rtspsrc has no stream left: its server refused each way that it was offered, or has no stream that is wanted.
fn is_without_streams(message: &gst::Message, source: Option<&gst::Element>) -> bool {
    let gst::MessageView::Error(error) = message.view() else {
        return false;
    };
    error.error().matches(gst::StreamError::CodecNotFound)
        && message.src() == source.map(|source| source.upcast_ref())
}

fn error(bin: &FilterBin, text: &str) -> gst::Message {
    gst::message::Error::builder(gst::ResourceError::Settings, text)
        .src(bin)
        .build()
}

fn source(location: &str, transport: Transport, wants_udp: bool) -> Result<gst::Element, Problem> {
    let protocols = match transport {
        Transport::Udp => UDP,
        Transport::Any if wants_udp => UDP,
        // UDP loses packets on the first wireless link, and needs ports that firewalls close.
        Transport::Any | Transport::Tcp | Transport::Tls => TCP,
    };
    gst::ElementFactory::make("rtspsrc")
        .property("location", location)
        .property_from_str("protocols", protocols)
        .property("latency", LATENCY)
        .property("tcp-timeout", ANSWER_TIMEOUT)
        .property("max-ts-offset", MAX_SHIFT)
        .property("max-ts-offset-adjustment", MAX_SHIFT_STEP)
        .build()
        .map_err(|_| {
            let text = "rtspsrc is missing: install the package gstreamer1.0-plugins-good";
            Problem::new(Reason::Failed, text)
        })
}

fn connect(
    bin: &gst::Bin,
    source: &gst::Element,
    taken: Arc<Taken>,
    request: &Request,
) -> Result<(), glib::BoolError> {
    let last = make("capsfilter")?;
    bin.add_many([source, &last])?;
    let pad = last
        .static_pad("src")
        .ok_or_else(|| glib::bool_error!("no source pad"))?;
    bin.add_pad(&native::ghost(&pad, "video")?)?;
    tell_of_the_end(bin, &pad);

    let sound = request.sound;
    source.connect("select-stream", false, move |values| {
        let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
        let wanted = match caps.and_then(|caps| media(&caps)) {
            Some(Media::Video) => taken.first(Media::Video),
            Some(Media::Sound) => sound && taken.first(Media::Sound),
            None => false,
        };
        Some(wanted.to_value())
    });
    let (weak, request) = (bin.downgrade(), request.clone());
    let has_video = Arc::new(AtomicBool::new(false));
    let found = has_video.clone();
    source.connect_pad_added(move |_, pad| {
        let Some(bin) = weak.upgrade() else {
            return;
        };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let media = media(&caps);
        if media == Some(Media::Video) {
            found.store(true, Relaxed);
        }
        if let Err(error) = streams::add(&bin, pad, media, &caps, &last, &request) {
            fail(&bin, &error.to_string());
        }
    });
    let weak = bin.downgrade();
    source.connect_no_more_pads(move |_| {
        if let Some(bin) = weak.upgrade()
            && !has_video.load(Relaxed)
        {
            fail(&bin, NO_VIDEO);
        }
    });
    Ok(())
}

/// A live camera has no end: where its server closes the connection it has gone.
fn tell_of_the_end(bin: &gst::Bin, pad: &gst::Pad) {
    let weak = bin.downgrade();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let is_end = matches!(&info.data, Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos);
        if !is_end {
            return gst::PadProbeReturn::Ok;
        }
        if let Some(bin) = weak.upgrade() {
            gst::element_error!(bin, gst::ResourceError::Read, ("its server has closed the connection"), ["closed the connection"]);
        }
        gst::PadProbeReturn::Handled
    });
}
