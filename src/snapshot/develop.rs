// SPDX-License-Identifier: MPL-2.0
//! Makes a JPEG of a picture, by a pipeline that lives for it alone. Blocks, for a bounded time.

use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_video::VideoInfo;

use super::{
    NoPicture,
    fit::{self, MAX_BYTES, MAX_TRIES, Try},
    shutter::Exposure,
};

/// For one JPEG; the slowest machine takes a tenth of it.
const ENCODING: gst::ClockTime = gst::ClockTime::from_seconds(2);
/// How often a decoder is looked at while it is fed.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(5);

/// A picture as it came, or as it was encoded by somebody else.
#[derive(Clone, Debug)]
pub(crate) struct Film {
    pub(crate) caps: gst::Caps,
    pub(crate) buffer: gst::Buffer,
}

impl Film {
    pub(crate) fn is_raw(&self) -> bool {
        let structure = self.caps.structure(0);
        structure.is_some_and(|structure| structure.name() == "video/x-raw")
    }

    /// As it is shown: its pixels may not be square.
    fn size(&self) -> Option<(u32, u32)> {
        let structure = self.caps.structure(0)?;
        let edge = |name| u32::try_from(structure.get::<i32>(name).ok()?).ok();
        let (width, height) = (edge("width")?, edge("height")?);
        let square = gst::Fraction::new(1, 1);
        let pixel = structure.get::<gst::Fraction>("pixel-aspect-ratio");
        let pixel = pixel.unwrap_or(square);
        let (numer, denom) = (pixel.numer().max(1), pixel.denom().max(1));
        let wide = i64::from(width) * i64::from(numer) / i64::from(denom);
        Some((u32::try_from(wide).ok()?, height))
    }
}

/// A pipeline that is stopped when it is let go of.
struct Lab {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    sink: gst_app::AppSink,
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Lab {
    fn new(description: &str, from: &gst::Caps) -> Result<Self, NoPicture> {
        let missing = |what: &dyn std::fmt::Display| NoPicture::Missing(what.to_string());
        let mut context = gst::ParseContext::new();
        let flags = gst::ParseFlags::FATAL_ERRORS;
        let parsed = gst::parse::launch_full(description, Some(&mut context), flags);
        let parsed = parsed.map_err(|error| match context.missing_elements().first() {
            Some(element) => missing(element),
            None => NoPicture::Unfit(error.to_string()),
        })?;
        let unfit = || NoPicture::Unfit("no pipeline".to_owned());
        let pipeline = parsed.downcast::<gst::Pipeline>().map_err(|_| unfit())?;
        let part = |name| pipeline.by_name(name).ok_or_else(unfit);
        let source = part("in")?.downcast::<gst_app::AppSrc>();
        let sink = part("out")?.downcast::<gst_app::AppSink>();
        let (source, sink) = (source.map_err(|_| unfit())?, sink.map_err(|_| unfit())?);
        source.set_caps(Some(from));
        let lab = Self {
            pipeline,
            source,
            sink,
        };
        if lab.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(lab.failure());
        }
        Ok(lab)
    }

    /// What the pipeline says of why it does not go on.
    fn failure(&self) -> NoPicture {
        let error = self.pipeline.bus().and_then(|bus| {
            let message = bus.pop_filtered(&[gst::MessageType::Error])?;
            match message.view() {
                gst::MessageView::Error(error) => Some(error.error().to_string()),
                _ => None,
            }
        });
        NoPicture::Unfit(error.unwrap_or_else(|| "it takes too long".to_owned()))
    }
}

const SOURCE: &str = "appsrc name=in format=time max-bytes=0";
const SINK: &str = "appsink name=out sync=false max-buffers=1 drop=true";

/// Decodes the first picture that can be: from the next key unit on.
pub(super) fn decode(
    first: Film,
    exposure: &mut Exposure,
    until: Instant,
    wait: Duration,
) -> Result<Film, NoPicture> {
    let late = NoPicture::TooLate(wait);
    let mut film = first;
    while film.buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
        film = exposure.next(until).ok_or(late.clone())?;
    }
    let description = format!("{SOURCE} ! decodebin ! {SINK} caps=video/x-raw");
    let lab = Lab::new(&description, &film.caps)?;
    loop {
        if lab.source.push_buffer(film.buffer).is_err() {
            return Err(lab.failure());
        }
        if let Some(sample) = lab.sink.try_pull_sample(LOOK) {
            let (Some(caps), Some(buffer)) = (sample.caps_owned(), sample.buffer_owned()) else {
                return Err(lab.failure());
            };
            return Ok(Film { caps, buffer });
        }
        match exposure.next(until) {
            Some(next) => film = next,
            // A decoder holds frames back until it knows that no other comes before them.
            None => {
                let _ = lab.source.end_of_stream();
                let sample = lab
                    .sink
                    .try_pull_sample(ENCODING)
                    .ok_or_else(|| lab.failure())?;
                let (Some(caps), Some(buffer)) = (sample.caps_owned(), sample.buffer_owned())
                else {
                    return Err(late);
                };
                return Ok(Film { caps, buffer });
            }
        }
    }
}

/// A JPEG that fits, by as few tries as it takes.
pub(super) fn jpeg(
    film: &Film,
    max_width: u32,
    download: Option<&str>,
) -> Result<Vec<u8>, NoPicture> {
    let is_known = download.is_some() || VideoInfo::from_caps(&film.caps).is_ok();
    let size = film.size().filter(|_| is_known);
    let size = size.ok_or_else(|| NoPicture::Unfit(film.caps.to_string()))?;
    let mut next = Some(fit::first(size, max_width));
    for _ in 0..MAX_TRIES {
        let Some(tried) = next else { break };
        let bytes = encode(film, tried, download)?;
        if bytes.len() <= MAX_BYTES {
            return Ok(bytes);
        }
        next = fit::next(tried, bytes.len());
    }
    Err(NoPicture::TooLarge)
}

fn encode(film: &Film, tried: Try, download: Option<&str>) -> Result<Vec<u8>, NoPicture> {
    let Try {
        width,
        height,
        quality,
    } = tried;
    let download = download.map_or_else(String::new, |element| format!("! {element} "));
    let description = format!(
        "{SOURCE} {download}! videoconvertscale \
         ! video/x-raw,format=I420,width={width},height={height},pixel-aspect-ratio=1/1 \
         ! jpegenc quality={quality} ! {SINK}"
    );
    let lab = Lab::new(&description, &film.caps)?;
    let mut buffer = film.buffer.copy();
    buffer.make_mut().set_pts(gst::ClockTime::ZERO);
    let is_pushed = lab.source.push_buffer(buffer).is_ok() && lab.source.end_of_stream().is_ok();
    let sample = is_pushed
        .then(|| lab.sink.try_pull_sample(ENCODING))
        .flatten();
    let sample = sample.ok_or_else(|| lab.failure())?;
    let map = sample
        .buffer()
        .and_then(|buffer| buffer.map_readable().ok());
    match map {
        Some(map) => Ok(map.to_vec()),
        None => Err(lab.failure()),
    }
}

#[cfg(test)]
#[path = "develop_tests.rs"]
mod tests;
