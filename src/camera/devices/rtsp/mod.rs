// SPDX-License-Identifier: MPL-2.0
//! A camera in the network that speaks RTSP. Its password stays in here: no name, message or log has it.

use std::{
    fmt::{self, Debug},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use gst::{glib, prelude::*};
use url::Url;

use super::{
    elements::make,
    errors, native,
    select::plan::{self, Plan},
};
use crate::camera::{
    CAT, caps,
    device::{Device, Request, Source},
    problem::{Problem, Reason},
};

/// Milliseconds that packets wait for their order. TCP keeps it, so this only evens out a camera that sends in gusts; the
/// 2 s that rtspsrc takes by itself are for video over UDP across the internet.
const LATENCY: u32 = 100;
/// Microseconds for connecting and for each answer. A camera in the network answers in milliseconds, one that starts up in
/// a few seconds; the next try comes anyway.
const ANSWER_TIMEOUT: u64 = 5_000_000;

/// For connecting and a first key unit, which some cameras send only every ten seconds, or every twenty.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// The variable with the password of a camera whose URL names a user alone: what stands in a command line, everybody on the
/// machine can read.
const PASSWORD: &str = "PORTHOLE_RTSP_PASSWORD";

const H264: &str = "H264";

pub(super) struct RtspCamera {
    /// With the password left out.
    name: String,
    /// Without user and password.
    location: String,
    user: Option<String>,
    password: Option<String>,
}

impl Debug for RtspCamera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RtspCamera").field(&self.name).finish()
    }
}

impl RtspCamera {
    /// Whether a text names such a camera, well or badly.
    pub(super) fn is_meant(text: &str) -> bool {
        text.starts_with("rtsp:") || text.starts_with("rtsps:")
    }

    /// Reads `rtsp://[user[:password]@]host[:port]/path`; a user without a password has that of [`PASSWORD`]. The error has no
    /// part of a text that may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Self::parse_with(text, || std::env::var(PASSWORD).ok())
    }

    fn parse_with(
        text: &str,
        password_of: impl FnOnce() -> Option<String>,
    ) -> Result<Self, String> {
        const FIX: &str = "an RTSP camera is written rtsp://USER@HOST:PORT/PATH, with the password in the variable PORTHOLE_RTSP_PASSWORD, or as USER:PASSWORD with %40 for an @ and %2F for a / in it";
        let mut url = Url::parse(text).map_err(|_| FIX.to_owned())?;
        if url.host_str().is_none_or(str::is_empty)
            || !Self::is_meant(url.scheme()) && !Self::is_meant(text)
        {
            return Err(FIX.into());
        }
        let plain = |text: &str| glib::uri_unescape_string(text, None::<&str>).map(String::from);
        let user = Some(url.username())
            .filter(|user| !user.is_empty())
            .and_then(plain);
        let password = match url.password() {
            Some(password) => plain(password),
            None => user.as_ref().and_then(|_| password_of()),
        };
        let redacted = match url.password() {
            Some(_) => url.set_password(Some("***")),
            None => Ok(()),
        };
        redacted.map_err(|()| FIX.to_owned())?;
        let name = url.to_string();
        url.set_password(None).map_err(|()| FIX.to_owned())?;
        url.set_username("").map_err(|()| FIX.to_owned())?;
        Ok(Self {
            name,
            location: url.to_string(),
            user,
            password,
        })
    }

    fn source(&self) -> Result<gst::Element, Problem> {
        let source = gst::ElementFactory::make("rtspsrc")
            .property("location", &self.location)
            // UDP loses packets on the first wireless link, and needs ports that firewalls close.
            .property_from_str("protocols", "tcp")
            .property("latency", LATENCY)
            .property("tcp-timeout", ANSWER_TIMEOUT)
            .build()
            .map_err(|_| {
                let text = "rtspsrc is missing: install the package gstreamer1.0-plugins-good";
                Problem::new(Reason::Failed, text)
            })?;
        for (property, value) in [("user-id", &self.user), ("user-pw", &self.password)] {
            if let Some(value) = value {
                source.set_property(property, value);
            }
        }
        Ok(source)
    }
}

impl Device for RtspCamera {
    fn name(&self) -> &str {
        &self.name
    }

    fn open_timeout(&self) -> Duration {
        OPEN_TIMEOUT
    }

    /// It may have; only the server tells.
    fn has_sound(&self) -> bool {
        true
    }

    /// Only its pictures tell, so it is played until the first one's caps are there.
    fn look(&self, request: &Request) -> Result<Option<gst::Caps>, Problem> {
        let source = self.build(request)?;
        let pipeline = gst::Pipeline::new();
        let seen = watch(&pipeline, &source).map_err(|error| {
            let _ = source.bin.set_state(gst::State::Null);
            Problem::new(Reason::Failed, error.to_string())
        })?;
        let _ = pipeline.set_state(gst::State::Playing);
        let first = seen.recv_timeout(OPEN_TIMEOUT);
        let _ = pipeline.set_state(gst::State::Null);
        let stalled = || Problem::new(Reason::Stalled, "its server sends no picture: check it");
        first.unwrap_or_else(|_| Err(stalled())).map(Some)
    }

    fn build(&self, request: &Request) -> Result<Source, Problem> {
        let source = self.source()?;
        let bin = bin(&source, request);
        Ok(Source {
            bin: bin.map_err(|error| Problem::new(Reason::Failed, error.to_string()))?,
            paced: false,
            device: self.name.clone(),
            warning: None,
            microphone: None,
            path: None,
            handles: Box::new(()),
        })
    }
}

/// Tells the caps of a source's first picture, or why there is none.
fn watch(
    pipeline: &gst::Pipeline,
    source: &Source,
) -> Result<Receiver<Result<gst::Caps, Problem>>, glib::BoolError> {
    let missing = || glib::bool_error!("no pad");
    let (sender, seen) = channel();
    let sink = gst::ElementFactory::make("fakesink").property("async", false);
    let sink = sink.build()?;
    pipeline.add_many([source.bin.upcast_ref(), &sink])?;
    source.bin.link(&sink)?;
    let pad = sink.static_pad("sink").ok_or_else(missing)?;
    let first = sender.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        if let Some(caps) = pad.current_caps() {
            let _ = first.send(Ok(caps));
        }
        gst::PadProbeReturn::Remove
    });
    let bus = pipeline.bus().ok_or_else(missing)?;
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            let problem = errors::problem(&error.error(), error.debug().as_deref(), None);
            let _ = sender.send(Err(problem));
        }
        gst::BusSyncReply::Drop
    });
    Ok(seen)
}

/// What a server offers of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Video,
    Sound,
}

fn media(caps: &gst::CapsRef) -> Option<Media> {
    match caps.structure(0)?.get::<&str>("media").ok()? {
        "video" => Some(Media::Video),
        "audio" => Some(Media::Sound),
        _ => None,
    }
}

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
        !taken.swap(true, Ordering::Relaxed)
    }
}

/// The streams are added once the server has named them; the pad `video` is there before.
fn bin(source: &gst::Element, request: &Request) -> Result<gst::Bin, glib::BoolError> {
    let bin = gst::Bin::new();
    let last = make("capsfilter")?;
    bin.add_many([source, &last])?;
    let pad = last
        .static_pad("src")
        .ok_or_else(|| glib::bool_error!("no source pad"))?;
    bin.add_pad(&native::ghost(&pad, "video")?)?;
    tell_of_the_end(&bin, &pad);

    let (sound, encoded) = (request.sound, request.asked.encoded);
    let selected = Arc::new(Taken::default());
    source.connect("select-stream", false, move |values| {
        let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
        let wanted = match caps.and_then(|caps| media(&caps)) {
            Some(Media::Video) => selected.first(Media::Video),
            Some(Media::Sound) => sound && selected.first(Media::Sound),
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
        let added = match media(&caps) {
            Some(Media::Video) => {
                found.store(true, Ordering::Relaxed);
                match encoded {
                    true => add_encoded(&bin, pad, &caps, &last, &request),
                    false => add_decoder(&bin, pad, Media::Video, Some(&last), &request),
                }
            }
            Some(Media::Sound) => add_decoder(&bin, pad, Media::Sound, None, &request),
            None => Ok(()),
        };
        if let Err(error) = added {
            fail(&bin, &error.to_string());
        }
    });
    let weak = bin.downgrade();
    source.connect_no_more_pads(move |_| {
        if let Some(bin) = weak.upgrade()
            && !has_video.load(Ordering::Relaxed)
        {
            fail(
                &bin,
                "its server offers no video: check the path behind the host",
            );
        }
    });
    Ok(bin)
}

/// Says on the bus why there is no picture.
fn fail(bin: &gst::Bin, why: &str) {
    gst::element_error!(bin, gst::ResourceError::Settings, ("{why}"));
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

fn add(bin: &gst::Bin, elements: &[gst::Element]) -> Result<(), glib::BoolError> {
    bin.add_many(elements)?;
    gst::Element::link_many(elements)?;
    // From the last to the first, so that nothing comes to an element that is not ready yet.
    elements
        .iter()
        .rev()
        .try_for_each(|element| element.sync_state_with_parent())
}

fn link(pad: &gst::Pad, to: &gst::Element) -> Result<(), glib::BoolError> {
    let sink = to
        .static_pad("sink")
        .ok_or_else(|| glib::bool_error!("no sink pad"))?;
    pad.link(&sink)
        .map(|_| ())
        .map_err(|error| glib::bool_error!("{error}"))
}

/// What the server sends, unpacked and passed on.
fn add_encoded(
    bin: &gst::Bin,
    pad: &gst::Pad,
    caps: &gst::CapsRef,
    last: &gst::Element,
    request: &Request,
) -> Result<(), glib::BoolError> {
    let coding = caps
        .structure(0)
        .and_then(|s| s.get::<String>("encoding-name").ok());
    let coding = coding.unwrap_or_default();
    if coding != H264 {
        return Err(glib::bool_error!(
            "its server sends {coding}, not H.264: leave out encoded=true"
        ));
    }
    let settled = request.settled.as_ref().and_then(|caps| caps.structure(0));
    let size = |name| settled.and_then(|structure| structure.get::<i32>(name).ok());
    let caps = gst::Caps::builder("video/x-h264")
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .field_if_some("width", size("width"))
        .field_if_some("height", size("height"));
    last.set_property("caps", caps.build());
    let chain = [make("rtph264depay")?, native::h264_parser()?];
    add(bin, &chain)?;
    chain[1].link(last)?;
    link(pad, &chain[0])
}

/// Decodes a stream; what follows is added when its format is known.
fn add_decoder(
    bin: &gst::Bin,
    pad: &gst::Pad,
    media: Media,
    last: Option<&gst::Element>,
    request: &Request,
) -> Result<(), glib::BoolError> {
    let decoder = make("decodebin")?;
    let (weak, last, request) = (bin.downgrade(), last.cloned(), request.clone());
    decoder.connect_pad_added(move |_, pad| {
        let Some(bin) = weak.upgrade() else {
            return;
        };
        let added = match (media, &last) {
            (Media::Video, Some(last)) => add_video(&bin, pad, last, &request),
            _ => add_sound(&bin, pad),
        };
        if let Err(error) = added {
            match media {
                Media::Video => fail(&bin, &error.to_string()),
                Media::Sound => gst::warning!(CAT, obj = bin, "the sound is left out: {error}"),
            }
        }
    });
    add(bin, std::slice::from_ref(&decoder))?;
    link(pad, &decoder)
}

fn add_video(
    bin: &gst::Bin,
    pad: &gst::Pad,
    last: &gst::Element,
    request: &Request,
) -> Result<(), glib::BoolError> {
    let caps = pad
        .current_caps()
        .ok_or_else(|| glib::bool_error!("its video has no caps"))?;
    let plan = plan(&caps, request).map_err(|problem| glib::bool_error!("{problem}"))?;
    last.set_property("caps", &plan.output);
    native::complete(pad);
    let mut chain = Vec::new();
    if is_interlaced(&caps) {
        let progressive =
            gst::ElementFactory::make("deinterlace").property_from_str("fields", "top");
        chain.push(progressive.build()?);
    }
    chain.extend(native::conversions(&plan)?);
    add(bin, &chain)?;
    if let Some(end) = chain.last() {
        end.link(last)?;
    }
    link(pad, chain.first().unwrap_or(last))
}

fn is_interlaced(caps: &gst::CapsRef) -> bool {
    let mode = caps
        .structure(0)
        .and_then(|s| s.get::<String>("interlace-mode").ok());
    mode.is_some_and(|mode| mode != "progressive")
}

/// What is done to video in these caps. It has but one mode, which is kept unless somebody insists on another.
fn plan(caps: &gst::Caps, request: &Request) -> Result<Plan, Problem> {
    let mut caps = caps.clone();
    for structure in caps.make_mut().iter_mut() {
        structure.remove_field("interlace-mode");
    }
    Ok(Plan {
        // A server may change its size at any time; until then these two do nothing.
        convert: true,
        scale: true,
        ..plan::running(&caps, request)?
    })
}

fn add_sound(bin: &gst::Bin, pad: &gst::Pad) -> Result<(), glib::BoolError> {
    let filter = gst::ElementFactory::make("capsfilter").property("caps", caps::sound());
    let chain = [
        make("audioconvert")?,
        make("audioresample")?,
        filter.build()?,
    ];
    add(bin, &chain)?;
    let end = chain[2]
        .static_pad("src")
        .ok_or_else(|| glib::bool_error!("no source pad"))?;
    let ghost = native::ghost(&end, "audio")?;
    ghost.set_active(true)?;
    bin.add_pad(&ghost)?;
    link(pad, &chain[0])
}

#[cfg(test)]
mod tests;
