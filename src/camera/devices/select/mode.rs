// SPDX-License-Identifier: MPL-2.0
//! The modes that a camera has, and how well each fits what is wanted. Pure.

use std::{cmp::Reverse, fmt};

use super::values;
use crate::camera::device::Request;

pub(in crate::camera::devices) const RAW: &str = "video/x-raw";
pub(in crate::camera::devices) const JPEG: &str = "image/jpeg";
pub(in crate::camera::devices) const H264: &str = "video/x-h264";
pub(in crate::camera::devices) const BAYER: &str = "video/x-bayer";
/// The patterns of sensors that bayer2rgb of every GStreamer takes.
const BAYER_FORMATS: [&str; 4] = ["bggr", "gbrg", "grbg", "rggb"];
pub(in crate::camera::devices) const PROGRESSIVE: &str = "progressive";
/// Of two modes the larger wins, where one in the shape that is asked counts as this many times its size: of 960x720 and
/// 1024x576 the latter is meant by 1280x720, and still nobody means 160x90 in place of 640x480.
const SHAPE_WEIGHT: i64 = 2;
/// Per cent by which shapes may differ and still be the same: 864x480 passes for 16:9.
const SHAPE_TOLERANCE: i64 = 2;

/// How a camera's pictures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::camera::devices) enum Coding {
    Raw,
    Jpeg,
    H264,
    /// As a sensor has it: one colour a pixel.
    Bayer,
}

impl Coding {
    fn of(structure: &gst::StructureRef) -> Option<Self> {
        match structure.name().as_str() {
            RAW => Some(Self::Raw),
            JPEG => Some(Self::Jpeg),
            H264 => Some(Self::H264),
            BAYER => Some(Self::Bayer),
            _ => None,
        }
    }
}

/// One mode out of what a structure of caps allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::camera::devices) struct Mode {
    pub(in crate::camera::devices) coding: Coding,
    /// Empty unless raw or Bayer.
    pub(in crate::camera::devices) format: String,
    /// Pixels; 0 where it is left to the camera.
    pub(in crate::camera::devices) width: i32,
    pub(in crate::camera::devices) height: i32,
    /// `None` where it is left to the camera; 0/1 is one that varies.
    pub(in crate::camera::devices) rate: Option<gst::Fraction>,
    pub(in crate::camera::devices) square: bool,
}

/// The size and rate to come near to; what is `None` is the camera's own.
#[derive(Clone, Copy)]
pub(in crate::camera::devices) struct Target {
    pub(in crate::camera::devices) width: Option<i32>,
    pub(in crate::camera::devices) height: Option<i32>,
    pub(in crate::camera::devices) rate: Option<gst::Fraction>,
}

/// Above all that a camera has.
const MOST: i32 = i32::MAX;

impl Target {
    pub(in crate::camera::devices) fn of(request: &Request) -> Self {
        let asked = &request.asked;
        let settled = request.settled.as_ref().and_then(|caps| caps.structure(0));
        let size = |name, or| settled.and_then(|s| s.get(name).ok()).unwrap_or(or);
        let rate = settled.and_then(|s| s.get("framerate").ok());
        let some_rate = |rate: &gst::Fraction| rate.numer() > 0;
        let some_size = |size: i32| (size > 0).then_some(size);
        Self {
            width: some_size(size("width", asked.width)),
            height: some_size(size("height", asked.height)),
            rate: rate
                .filter(some_rate)
                .or(Some(asked.framerate).filter(some_rate)),
        }
    }

    /// The largest size and the highest rate that may be.
    fn most(self) -> (i32, i32, gst::Fraction) {
        (
            self.width.unwrap_or(MOST),
            self.height.unwrap_or(MOST),
            self.rate.unwrap_or(gst::Fraction::from_integer(MOST)),
        )
    }
}

impl Mode {
    /// The higher the better. A larger picture goes before a faster one.
    pub(in crate::camera::devices) fn rank(&self, target: Target) -> impl Ord + use<> {
        let (_, _, most) = target.most();
        let rate = self.rate.unwrap_or(most);
        (
            size_rank((self.width, self.height), target),
            rate_rank(rate, most),
        )
    }
}

/// Whether it has a mode that can be shown at all.
pub(in crate::camera::devices) fn is_usable(native: &gst::Caps) -> bool {
    let mut all = native.iter_with_features();
    native.is_any() || all.any(|(s, features)| is_plain(s, features) && Coding::of(s).is_some())
}

/// A mode, or modes that differ in what is a range, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::camera::devices) struct Words {
    /// Such as `NV12`, `MJPEG` or `H.264`.
    pub(in crate::camera::devices) coding: String,
    /// Such as `1280x720` or `32-3280x32-2464`; empty if it is left open, as the rate may be.
    pub(in crate::camera::devices) size: String,
    /// Frames per second, such as `30` or `7.5-30`.
    pub(in crate::camera::devices) rate: String,
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.coding)?;
        if !self.size.is_empty() {
            write!(f, " {}", self.size)?;
        }
        if !self.rate.is_empty() {
            write!(f, " {} fps", self.rate)?;
        }
        Ok(())
    }
}

/// The modes that can be shown.
pub(in crate::camera::devices) fn words(native: &gst::Caps) -> Vec<Words> {
    let of = |structure: &gst::StructureRef| {
        let field = |name| structure.value(name).map(values::words).ok();
        let size = field("width").zip(field("height"));
        let words = |coding: &str| Words {
            coding: coding.to_owned(),
            size: size
                .as_ref()
                .map_or_else(String::new, |(width, height)| format!("{width}x{height}")),
            rate: field("framerate").unwrap_or_default(),
        };
        match Coding::of(structure) {
            Some(Coding::Raw) => {
                let formats = structure
                    .value("format")
                    .map(values::texts)
                    .unwrap_or_default();
                formats.iter().map(|format| words(format)).collect()
            }
            Some(Coding::Jpeg) => vec![words("MJPEG")],
            Some(Coding::H264) => vec![words("H.264")],
            Some(Coding::Bayer) => vec![words("Bayer")],
            None => Vec::new(),
        }
    };
    let all = native.iter_with_features();
    let plain = all.filter(|(structure, features)| is_plain(structure, features));
    plain.flat_map(|(structure, _)| of(structure)).collect()
}

/// Whether fixed caps are of raw video in the memory of the processor.
pub(in crate::camera::devices) fn is_plain_raw(caps: &gst::CapsRef) -> bool {
    let mut all = caps.iter_with_features();
    all.all(|(structure, features)| structure.name() == RAW && is_plain(structure, features))
}

/// In the memory of the processor, and not interlaced.
fn is_plain(structure: &gst::StructureRef, features: &gst::CapsFeaturesRef) -> bool {
    let plain =
        features.is_any() || features.is_equal(gst::CAPS_FEATURES_MEMORY_SYSTEM_MEMORY.as_ref());
    let interlaced = structure.value("interlace-mode").is_ok_and(|value| {
        let modes = values::texts(value);
        !modes.iter().any(|mode| mode == PROGRESSIVE)
    });
    plain && !interlaced
}

/// The modes of the size that fits best, of those that are written in a way that `takes` names. A driver may name hundreds, and to look at
/// all of each would hold the first picture up.
pub(in crate::camera::devices) fn modes(
    native: &gst::Caps,
    target: Target,
    takes: impl Fn(Coding) -> bool,
) -> Vec<Mode> {
    let all = native.iter_with_features().filter(|(structure, features)| {
        Coding::of(structure).is_some_and(&takes) && is_plain(structure, features)
    });
    let ranked = all.filter_map(|(structure, _)| {
        let sizes = sizes(structure, target).into_iter();
        let best = sizes.map(|size| size_rank(size, target)).max()?;
        Some((best, structure))
    });
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_by_key(|(rank, _)| Reverse(*rank));
    let mut groups = ranked.chunk_by(|one, other| one.0 == other.0);
    // What has that size may have no rate or format that can be shown.
    let modes = groups.find_map(|group| {
        let modes = group
            .iter()
            .flat_map(|(_, structure)| modes_of(structure, target));
        let modes: Vec<Mode> = modes.collect();
        (!modes.is_empty()).then_some(modes)
    });
    modes.unwrap_or_default()
}

fn modes_of(structure: &gst::StructureRef, target: Target) -> Vec<Mode> {
    let Some(coding) = Coding::of(structure) else {
        return Vec::new();
    };
    let formats = match (coding, structure.value("format")) {
        (Coding::Raw, Ok(value)) => values::texts(value),
        (Coding::Bayer, Ok(value)) => {
            let mut patterns = values::texts(value);
            patterns.retain(|pattern| BAYER_FORMATS.contains(&pattern.as_str()));
            patterns
        }
        (Coding::Raw | Coding::Bayer, Err(_)) => return Vec::new(),
        _ => vec![String::new()],
    };
    let rate = match structure.value("framerate") {
        Ok(value) => match values::rate(value, target.most().2) {
            Some(rate) => Some(rate),
            None => return Vec::new(),
        },
        // libcamera leaves it out, and comes as near to what is asked as it can.
        Err(_) => target.rate,
    };
    let mut modes = Vec::new();
    for (width, height) in sizes(structure, target) {
        for format in &formats {
            modes.push(Mode {
                coding,
                format: format.clone(),
                width,
                height,
                rate,
                square: structure.get("pixel-aspect-ratio") == Ok(gst::Fraction::from_integer(1)),
            });
        }
    }
    modes
}

/// The sizes that come into question: the nearest in each direction, and those in the shape that is asked.
fn sizes(structure: &gst::StructureRef, target: Target) -> Vec<(i32, i32)> {
    let pick = |name, wanted: Option<i32>| match structure.value(name) {
        Ok(value) => values::size(value, wanted.unwrap_or(MOST)),
        Err(_) => Some(wanted.unwrap_or(0)),
    };
    let shaped = |known: i32, of: i32, to: i32| {
        let size = i64::from(known) * i64::from(to) / i64::from(of.max(1));
        i32::try_from(size).unwrap_or(i32::MAX)
    };
    let (width, height) = (pick("width", target.width), pick("height", target.height));
    let Some((width, height)) = width.zip(height) else {
        return Vec::new();
    };
    let mut sizes = vec![(width, height)];
    if let Some((across, down)) = target.width.zip(target.height) {
        let lower = pick("height", Some(shaped(width, across, down)));
        let narrower = pick("width", Some(shaped(height, down, across)));
        sizes.extend(lower.map(|height| (width, height)));
        sizes.extend(narrower.map(|width| (width, height)));
    }
    sizes
}

/// The higher the better: what fits by its size and shape, what is too large by being small.
fn size_rank(size: (i32, i32), target: Target) -> (bool, i64) {
    let (width, height) = (i64::from(size.0), i64::from(size.1));
    let area = width * height;
    let (across, down, _) = target.most();
    if size.0 > across || size.1 > down {
        return (false, -area);
    }
    let shape = width * i64::from(down);
    let difference = (shape - height * i64::from(across)).abs();
    let is_shaped = target.width.is_some() && target.height.is_some();
    match is_shaped && difference * 100 <= shape * SHAPE_TOLERANCE {
        true => (true, area * SHAPE_WEIGHT),
        false => (true, area),
    }
}

/// The higher the better: at or below what is wanted by being high, above by being low.
fn rate_rank(rate: gst::Fraction, wanted: gst::Fraction) -> (bool, gst::Fraction) {
    match rate <= wanted {
        true => (true, rate),
        false => (false, gst::Fraction::new(-rate.numer(), rate.denom())),
    }
}
