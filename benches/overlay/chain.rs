// SPDX-License-Identifier: MPL-2.0
//! A chain of elements that this thread feeds, and the frames to feed it with.

use gst::prelude::*;
use gst_video::VideoInfo;

use crate::Failure;

/// Frames in flight, as many as a camera's driver usually has.
pub(crate) const FRAMES: usize = 4;

/// Hands out the same few frames again and again, with nobody else holding them, so that elements may draw on them.
pub(crate) struct Feed {
    pub(crate) info: VideoInfo,
    pub(crate) caps: gst::Caps,
    pool: gst::BufferPool,
    time: gst::ClockTime,
    duration: gst::ClockTime,
}

impl Feed {
    pub(crate) fn new(format: &str, (width, height): (u32, u32)) -> Result<Self, Failure> {
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", format)
            .field("width", width as i32)
            .field("height", height as i32)
            .field("framerate", gst::Fraction::new(30, 1))
            .build();
        let info = VideoInfo::from_caps(&caps)?;
        let pool: gst::BufferPool = gst_video::VideoBufferPool::new().upcast();
        let mut config = pool.config();
        let size = u32::try_from(info.size())?;
        config.set_params(Some(&caps), size, FRAMES as u32, FRAMES as u32);
        pool.set_config(config)?;
        pool.set_active(true)?;
        let feed = Self {
            info,
            caps,
            pool,
            time: gst::ClockTime::ZERO,
            duration: gst::ClockTime::SECOND / 30,
        };
        feed.fill()?;
        Ok(feed)
    }

    /// Draws something into all frames, so that their memory is really there.
    fn fill(&self) -> Result<(), Failure> {
        let all: Result<Vec<_>, _> = (0..FRAMES)
            .map(|_| self.pool.acquire_buffer(None))
            .collect();
        for mut buffer in all? {
            let buffer = buffer
                .get_mut()
                .ok_or("somebody holds a frame of the pool")?;
            for (i, byte) in buffer.map_writable()?.iter_mut().enumerate() {
                *byte = (i * 31) as u8;
            }
        }
        Ok(())
    }

    /// The next frame.
    pub(crate) fn take(&mut self) -> Result<gst::Buffer, Failure> {
        let mut buffer = self.pool.acquire_buffer(None)?;
        let frame = buffer
            .get_mut()
            .ok_or("somebody holds a frame of the pool")?;
        frame.set_pts(self.time);
        frame.set_duration(self.duration);
        self.time += self.duration;
        Ok(buffer)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // A pool that is active keeps its memory.
        let _ = self.pool.set_active(false);
    }
}

/// Elements that run, with a pad of our own before them and a sink that drops all frames after them.
pub(crate) struct Chain {
    name: String,
    pipeline: gst::Pipeline,
    source: gst::Pad,
    sink: gst::Element,
}

impl Chain {
    /// `elements` as gst-launch-1.0 takes them; none is a sink alone.
    pub(crate) fn new(elements: &[&str], feed: &Feed) -> Result<Self, Failure> {
        let elements: Result<Vec<_>, _> = elements.iter().map(|e| gst::parse::launch(e)).collect();
        let elements = elements?;
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", false)
            .property("async", false)
            .property("enable-last-sample", false)
            .build()?;
        let pipeline = gst::Pipeline::new();
        pipeline.add_many(elements.iter().chain([&sink]))?;
        gst::Element::link_many(elements.iter().chain([&sink]))?;
        let first = elements.first().unwrap_or(&sink);
        // The stock overlays have a pad for text as well.
        let entry = ["sink", "video_sink"]
            .iter()
            .find_map(|name| first.static_pad(name));
        let entry = entry.ok_or("the first element has no pad for video")?;
        let source = gst::Pad::new(gst::PadDirection::Src);
        source.set_active(true)?;
        source.link(&entry)?;
        pipeline.set_state(gst::State::Playing)?;
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        source.push_event(gst::event::StreamStart::new("bench"));
        source.push_event(gst::event::Caps::new(&feed.caps));
        source.push_event(gst::event::Segment::new(&segment));
        let names: Vec<_> = elements.iter().map(|e| e.name().to_string()).collect();
        Ok(Self {
            name: names.join(" ! "),
            pipeline,
            source,
            sink,
        })
    }

    /// Pushes the next frame and comes back when the sink has dropped it.
    pub(crate) fn push(&self, feed: &mut Feed) -> Result<(), Failure> {
        match self.source.push(feed.take()?) {
            Ok(_) => Ok(()),
            Err(flow) => Err(format!("{}: {flow}", self.name).into()),
        }
    }

    /// Makes sure that there is work to measure: frames do not leave as they came.
    pub(crate) fn check(&self, feed: &mut Feed) -> Result<(), Failure> {
        let frame = feed.take()?;
        let before = frame.map_readable()?.to_vec();
        self.sink.set_property("enable-last-sample", true);
        self.source.push(frame)?;
        let sample: Option<gst::Sample> = self.sink.property("last-sample");
        self.sink.set_property("enable-last-sample", false);
        let after = sample.as_ref().and_then(|sample| sample.buffer());
        let after = after.ok_or("no frame arrived")?.map_readable()?;
        if after.len() != before.len() || *after == *before {
            return Err(format!("{} does not do its work", self.name).into());
        }
        Ok(())
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
