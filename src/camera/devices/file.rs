// SPDX-License-Identifier: MPL-2.0
//! A video file as a camera.

use gst::{glib, prelude::*};
use url::Url;

use super::{Device, DeviceError, chain, make};
use crate::camera::{CAT, event::Event, outlet::Outlets};

#[derive(Debug)]
pub(super) struct FileCamera(String);

impl FileCamera {
    /// Reads `file:///PATH`, and looks whether a file is there.
    pub(super) fn parse(text: &str) -> Result<Self, DeviceError> {
        let relative = || DeviceError::Relative(text.to_owned());
        if !text.starts_with("file:///") {
            return Err(relative());
        }
        let path = Url::parse(text)
            .ok()
            .and_then(|url| url.to_file_path().ok())
            .ok_or_else(relative)?;
        match std::fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => Ok(Self(text.to_owned())),
            _ => Err(DeviceError::Missing(text.to_owned())),
        }
    }
}

impl Device for FileCamera {
    fn name(&self) -> &str {
        &self.0
    }

    /// Only the file itself knows.
    fn known_mode(&self, _allowed: &gst::Caps) -> Option<gst::Caps> {
        None
    }

    fn build(&self, pipeline: &gst::Pipeline, outlets: &Outlets) -> Result<(), glib::BoolError> {
        let decoder = gst::ElementFactory::make("uridecodebin")
            .property("uri", &self.0)
            .build()?;
        pipeline.add(&decoder)?;
        let (convert, scale) = (make("videoconvert")?, make("videoscale")?);
        let sink = outlets.video(outlets.allowed(), true);
        chain(pipeline, &[&convert, &scale, sink.upcast_ref()])?;
        let video = sink_pad(&convert)?;

        let weak = pipeline.downgrade();
        let (own, video_pad) = (outlets.clone(), video.clone());
        decoder.connect_pad_added(move |_, pad| {
            let Some(pipeline) = weak.upgrade() else {
                return;
            };
            if let Err(error) = add_stream(&pipeline, pad, &video_pad, &own) {
                gst::warning!(CAT, obj = pipeline, "a stream is left out: {error}");
            }
        });
        let events = outlets.events().clone();
        decoder.connect_no_more_pads(move |_| {
            if !video.is_linked() {
                events.send(Event::Failed("it has no video".into()));
            }
        });
        Ok(())
    }
}

fn sink_pad(element: &gst::Element) -> Result<gst::Pad, glib::BoolError> {
    element
        .static_pad("sink")
        .ok_or_else(|| glib::bool_error!("no sink pad"))
}

fn link(pad: &gst::Pad, to: &gst::Pad) -> Result<(), glib::BoolError> {
    pad.link(to)
        .map(|_| ())
        .map_err(|error| glib::bool_error!("{error}"))
}

/// Takes the first video and the first sound of the file.
fn add_stream(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    video: &gst::Pad,
    outlets: &Outlets,
) -> Result<(), glib::BoolError> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps
        .structure(0)
        .map(|s| s.name().to_string())
        .unwrap_or_default();
    if name.starts_with("video/") && !video.is_linked() {
        return link(pad, video);
    }
    if name.starts_with("audio/") && !outlets.has_sound() {
        return add_sound(pipeline, pad, outlets);
    }
    Ok(())
}

/// The audio branch is added only when there is sound: an appsink without data would hold the start.
fn add_sound(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    outlets: &Outlets,
) -> Result<(), glib::BoolError> {
    let Some(sink) = outlets.audio(true) else {
        return Ok(());
    };
    let queue = make("queue")?;
    let (convert, resample) = (make("audioconvert")?, make("audioresample")?);
    let all = [&queue, &convert, &resample, sink.upcast_ref()];
    chain(pipeline, &all)?;
    for element in all {
        element.sync_state_with_parent()?;
    }
    link(pad, &sink_pad(&queue)?)?;
    outlets.sound_is_there();
    Ok(())
}
