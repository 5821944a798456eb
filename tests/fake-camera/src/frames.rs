// SPDX-License-Identifier: MPL-2.0
//! Where a running camera's frames come from, and when the next one is due.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_video::{VideoFormat, VideoFrameRef, VideoInfo, VideoOrientationMethod};

use crate::{
    behaviour::Modes,
    few::Home,
    picture::{self, Look},
    stamp,
};

/// JPEG pictures that take turns: to make one takes longer than a frame may.
const JPEGS: u64 = 2;

/// Frames that a sensor gives as before after it is told to turn.
const TURN_LAG: usize = 2;

enum Frames {
    Raw {
        info: VideoInfo,
        buffers: Buffers,
    },
    /// Made before.
    Made {
        pictures: Vec<gst::Buffer>,
        damaged: gst::Buffer,
    },
}

/// Where the memory of raw frames comes from.
enum Buffers {
    Many(gst::BufferPool),
    Few(Arc<Home>),
}

pub(crate) struct Stream {
    frames: Frames,
    size: (u32, u32),
    rate: gst::Fraction,
    pub(crate) period: Duration,
    pub(crate) due: Instant,
    pub(crate) number: u64,
    /// How the next frames are turned, whatever is wanted by now.
    turns: VecDeque<VideoOrientationMethod>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Frames::Raw {
            buffers: Buffers::Many(pool),
            ..
        } = &self.frames
        {
            let _ = pool.set_active(false);
        }
    }
}

impl Stream {
    pub(crate) fn new(
        caps: &gst::Caps,
        modes: Modes,
        number: u64,
        look: impl Fn(u64) -> Look,
    ) -> Option<Self> {
        let structure = caps.structure(0)?;
        let side = |name| u32::try_from(structure.get::<i32>(name).ok()?).ok();
        let (width, height) = (side("width")?, side("height")?);
        let rate = structure.get::<gst::Fraction>("framerate").ok()?;
        let frames = match (structure.name().as_str(), modes) {
            ("image/jpeg", _) => {
                let picture = |number| picture::jpeg(width, height, look(number));
                Frames::made((0..JPEGS).filter_map(picture).collect())
            }
            ("video/x-bayer", _) => Frames::made(vec![picture::bayer(width, height)]),
            (_, Modes::Thermal) => Frames::made(vec![picture::thermal(width, height)]),
            _ => {
                let info = VideoInfo::from_caps(caps).ok()?;
                let buffers = match modes {
                    Modes::Libcamera => Buffers::Few(Home::new(info.size())),
                    _ => Buffers::Many(pool(caps, info.size())?),
                };
                Frames::Raw { info, buffers }
            }
        };
        Some(Self {
            frames,
            size: (width, height),
            rate,
            period: Duration::from_secs_f64(
                f64::from(rate.denom()) / f64::from(rate.numer().max(1)),
            ),
            due: Instant::now(),
            number,
            turns: VecDeque::new(),
        })
    }

    /// Format, size and rate of raw frames.
    pub(crate) fn raw(&self) -> Option<(VideoFormat, (u32, u32), gst::Fraction)> {
        match &self.frames {
            Frames::Raw { info, .. } => Some((info.format(), self.size, self.rate)),
            Frames::Made { .. } => None,
        }
    }

    /// Whether one is left for the next frame.
    pub(crate) fn has_buffer(&self) -> bool {
        match &self.frames {
            Frames::Raw {
                buffers: Buffers::Few(home),
                ..
            } => !home.is_empty(),
            _ => true,
        }
    }

    /// The next frame, without its time.
    pub(crate) fn next(
        &mut self,
        damaged: bool,
        look: impl Fn(u64) -> Look,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let number = self.number;
        self.number += 1;
        self.due = (self.due + self.period).max(Instant::now());
        let mut buffer = match &self.frames {
            Frames::Raw { info, buffers } => {
                let mut buffer = match buffers {
                    Buffers::Many(pool) => pool.acquire_buffer(None)?,
                    Buffers::Few(home) => home.buffer().ok_or(gst::FlowError::Error)?,
                };
                let writable = buffer.get_mut().ok_or(gst::FlowError::Error)?;
                let frame = VideoFrameRef::from_buffer_ref_writable(writable, info);
                let mut frame = frame.map_err(|_| gst::FlowError::Error)?;
                let look = late(&mut self.turns, look(number));
                picture::paint_frame(&mut frame, look).ok_or(gst::FlowError::Error)?;
                drop(frame);
                buffer
            }
            Frames::Made { damaged: bad, .. } if damaged => bad.copy(),
            Frames::Made { pictures, .. } => {
                let place = number.checked_rem(pictures.len() as u64).unwrap_or(0);
                let picture = pictures.get(place as usize);
                picture.ok_or(gst::FlowError::Error)?.copy()
            }
        };
        let writable = buffer.make_mut();
        writable.set_duration(gst::ClockTime::try_from(self.period).ok());
        stamp::stamp(writable, number);
        Ok(buffer)
    }
}

/// A sensor turns some frames after it was told, but for the first.
fn late(turns: &mut VecDeque<VideoOrientationMethod>, wanted: Look) -> Look {
    if turns.is_empty() {
        turns.resize(TURN_LAG, wanted.direction);
    }
    turns.push_back(wanted.direction);
    let direction = turns.pop_front().unwrap_or(wanted.direction);
    Look {
        direction,
        ..wanted
    }
}

impl Frames {
    fn made(pictures: Vec<Vec<u8>>) -> Self {
        Self::Made {
            pictures: pictures.into_iter().map(gst::Buffer::from_slice).collect(),
            damaged: gst::Buffer::from_slice(picture::damaged()),
        }
    }
}

fn pool(caps: &gst::Caps, size: usize) -> Option<gst::BufferPool> {
    let pool = gst_video::VideoBufferPool::new();
    let mut config = pool.config();
    config.set_params(Some(caps), size as u32, 0, 0);
    pool.set_config(config).ok()?;
    pool.set_active(true).ok()?;
    Some(pool.upcast())
}
