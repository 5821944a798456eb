// SPDX-License-Identifier: MPL-2.0
//! A video file as a camera, played at its own rate again and again.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

use gst::{glib, prelude::*};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{
    elements::{chain, expose, make},
    errors::{self, DeviceError},
};
use crate::camera::{
    CAT,
    caps::{self, h264, whole},
    device::{Device, Request, Source},
    problem::{Problem, Reason},
};

/// How long the first picture of a file may take to be decoded when it is only looked at.
const LOOK: gst::ClockTime = gst::ClockTime::from_seconds(5);

#[derive(Debug)]
pub(super) struct FileCamera {
    /// As the user wrote it.
    name: String,
    uri: String,
    path: PathBuf,
}

impl FileCamera {
    /// Reads `file:///PATH`. Whether a file is there shows when it is opened. A `#` or `?` is part of the path: there is nothing that
    /// could follow one.
    pub(super) fn parse(text: &str) -> Result<Self, DeviceError> {
        let relative = || DeviceError::Relative(text.to_owned());
        let path = text
            .strip_prefix("file://")
            .filter(|path| path.starts_with('/'));
        let path: Vec<u8> = percent_decode_str(path.ok_or_else(relative)?).collect();
        let path = PathBuf::from(OsString::from_vec(path));
        let uri = Url::from_file_path(&path).map_err(|()| relative())?;
        Ok(Self {
            name: text.to_owned(),
            uri: uri.into(),
            path,
        })
    }

    fn check(&self) -> Result<(), Problem> {
        let is_file = std::fs::File::open(&self.path)
            .and_then(|file| file.metadata())
            .map(|metadata| metadata.is_file());
        match is_file {
            Ok(true) => Ok(()),
            Ok(false) => Err(Problem::new(
                Reason::Missing,
                "it is no file; check the path",
            )),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Err(
                Problem::new(Reason::Denied, "it may not be read; check its permissions"),
            ),
            Err(_) => Err(Problem::new(
                Reason::Missing,
                "there is no such file; check the path",
            )),
        }
    }

    fn bin(&self, request: &Request) -> Result<gst::Bin, glib::BoolError> {
        let bin = gst::Bin::new();
        let encoded = request.asked.encoded;
        let decoder = gst::ElementFactory::make("uridecodebin")
            .property("uri", &self.uri)
            .build()?;
        let filter = make("capsfilter")?;
        let first = if encoded {
            decoder.set_property("caps", all_but_h264_decoded());
            let parser = gst::ElementFactory::make("h264parse")
                .property("config-interval", -1_i32)
                .build()?;
            filter.set_property("caps", h264());
            chain(&bin, &[&parser, &filter])?;
            parser
        } else {
            // Idle where nothing is asked of them; a telephone's film may be turned.
            let (convert, rate) = (make("videoconvert")?, make("videorate")?);
            let upright = gst::ElementFactory::make("videoflip")
                .property_from_str("video-direction", "auto")
                .build()?;
            let scale = gst::ElementFactory::make("videoscale")
                .property("add-borders", true)
                .build()?;
            filter.set_property("caps", raw(request));
            chain(&bin, &[&convert, &upright, &scale, &rate, &filter])?;
            convert
        };
        bin.add(&decoder)?;
        expose(&bin, &filter, "video")?;
        let video = first
            .static_pad("sink")
            .ok_or_else(|| glib::bool_error!("no sink pad"))?;

        let (weak, sound) = (bin.downgrade(), request.sound);
        let video_pad = video.clone();
        decoder.connect_pad_added(move |_, pad| {
            let Some(bin) = weak.upgrade() else {
                return;
            };
            if let Err(error) = add_stream(&bin, pad, &video_pad, sound) {
                gst::warning!(CAT, obj = bin, "a stream is left out: {error}");
            }
        });
        decoder.connect_no_more_pads(move |decoder| {
            if !video.is_linked() {
                gst::element_error!(decoder, gst::StreamError::TypeNotFound, ("it has no video"));
            }
        });
        Ok(bin)
    }
}

/// What a file's pictures are converted to: what they were before, or what decoders give and encoders take.
fn raw(request: &Request) -> gst::Caps {
    if let Some(settled) = &request.settled {
        return settled.clone();
    }
    let allowed = |formats: &[&str]| {
        let caps = gst::Caps::builder("video/x-raw").field("format", gst::List::new(formats));
        request.allowed.intersect(&caps.build())
    };
    let asked = request.asked.format.as_deref();
    let preferred = allowed(&[asked.unwrap_or("I420"), asked.unwrap_or("NV12")]);
    match preferred.is_empty() {
        true => request
            .allowed
            .intersect(&gst::Caps::new_empty_simple("video/x-raw")),
        false => preferred,
    }
}

/// Where a decoder stops: at H.264, and at whatever is raw.
fn all_but_h264_decoded() -> gst::Caps {
    let mut caps = gst::Caps::new_empty_simple("video/x-h264");
    caps.merge(gst::Caps::new_empty_simple("audio/x-raw"));
    caps
}

fn link(pad: &gst::Pad, to: &gst::Pad) -> Result<(), glib::BoolError> {
    pad.link(to)
        .map(|_| ())
        .map_err(|error| glib::bool_error!("{error}"))
}

/// Takes the first video and the first sound.
pub(super) fn add_stream(
    bin: &gst::Bin,
    pad: &gst::Pad,
    video: &gst::Pad,
    sound: bool,
) -> Result<(), glib::BoolError> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps
        .structure(0)
        .map(|s| s.name().to_string())
        .unwrap_or_default();
    if name.starts_with("video/") && !video.is_linked() {
        return link(pad, video);
    }
    if name.starts_with("audio/") && sound && bin.static_pad("audio").is_none() {
        return add_sound(bin, pad);
    }
    Ok(())
}

/// The branch of the sound is added only when there is some: an outlet without data would hold the start.
fn add_sound(bin: &gst::Bin, pad: &gst::Pad) -> Result<(), glib::BoolError> {
    let (queue, convert) = (make("queue")?, make("audioconvert")?);
    let (resample, filter) = (make("audioresample")?, make("capsfilter")?);
    filter.set_property("caps", caps::sound());
    let all = [&queue, &convert, &resample, &filter];
    chain(bin, &all)?;
    // From the end on, so that nothing comes to what is not ready.
    expose(bin, &filter, "audio")?;
    for element in all.iter().rev() {
        element.sync_state_with_parent()?;
    }
    let sink = queue
        .static_pad("sink")
        .ok_or_else(|| glib::bool_error!("no sink pad"))?;
    link(pad, &sink)
}

impl Device for FileCamera {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_sound(&self) -> bool {
        true
    }

    /// Only the file itself knows: its first picture is decoded and not shown.
    fn look(&self, request: &Request) -> Result<Option<gst::Caps>, Problem> {
        let request = Request {
            sound: false,
            ..request.clone()
        };
        let source = self.build(&request)?;
        let failed = |error: glib::BoolError| Problem::new(Reason::Failed, error.to_string());
        let pipeline = gst::Pipeline::new();
        let sink = gst::ElementFactory::make("fakesink")
            .build()
            .map_err(failed)?;
        pipeline
            .add_many([source.bin.upcast_ref(), &sink])
            .map_err(failed)?;
        source
            .bin
            .link_pads(Some("video"), &sink, Some("sink"))
            .map_err(failed)?;
        let _ = pipeline.set_state(gst::State::Paused);
        let message = pipeline.bus().and_then(|bus| {
            let kinds = [gst::MessageType::AsyncDone, gst::MessageType::Error];
            bus.timed_pop_filtered(LOOK, &kinds)
        });
        let caps = sink.static_pad("sink").and_then(|pad| pad.current_caps());
        let _ = pipeline.set_state(gst::State::Null);
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => Err(errors::problem(
                &error.error(),
                error.debug().as_deref(),
                Some(&self.path),
            )),
            Some(_) => Ok(caps.map(|caps| whole(&caps))),
            None => Err(Problem::new(
                Reason::Stalled,
                "its first picture does not come",
            )),
        }
    }

    fn build(&self, request: &Request) -> Result<Source, Problem> {
        self.check()?;
        let bin = self
            .bin(request)
            .map_err(|error| Problem::new(Reason::Failed, error.to_string()))?;
        Ok(Source {
            bin,
            paced: true,
            device: self.name.clone(),
            warning: None,
            microphone: None,
            path: Some(self.path.clone()),
            handles: Box::new(()),
        })
    }
}
