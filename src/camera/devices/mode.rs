// SPDX-License-Identifier: MPL-2.0
//! Which of a camera's own modes is opened, and what has to be done to its pictures. Pure: caps in, plan out.
//!
//! A larger picture goes before a faster one, a faster one before one that need not be decoded or converted: who wants it
//! faster asks for a smaller one.

use std::{cmp::Reverse, fmt};

use super::values;
use crate::camera::{
    device::Request,
    problem::{Problem, Reason},
};

/// The raw formats that portholesrc gives, the one that costs an encoder least first. portholeoverlay takes the same.
pub(super) const FORMATS: [&str; 19] = [
    "I420",
    "NV12",
    "YV12",
    "NV21",
    "YUY2",
    "UYVY",
    "RGB",
    "BGR",
    "RGBx",
    "BGRx",
    "xRGB",
    "xBGR",
    "RGBA",
    "BGRA",
    "ARGB",
    "ABGR",
    "I420_10LE",
    "P010_10LE",
    "GRAY8",
];

pub(super) const RAW: &str = "video/x-raw";
const JPEG: &str = "image/jpeg";
const H264: &str = "video/x-h264";
const PROGRESSIVE: &str = "progressive";
/// Of two modes the larger wins, where one in the shape that is asked counts as this many times its size: of 960x720 and
/// 1024x576 the latter is meant by 1280x720, and still nobody means 160x90 in place of 640x480.
const SHAPE_WEIGHT: i64 = 2;
/// Per cent by which shapes may differ and still be the same: 864x480 passes for 16:9.
const SHAPE_TOLERANCE: i64 = 2;
/// Modes that a message lists, so that it stays readable: libcamera names hundreds of sizes.
const MAX_LISTED: usize = 12;

/// How a camera is opened and what follows behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// For a capsfilter behind the source.
    pub(super) native: gst::Caps,
    /// What has to be decoded or parsed.
    pub(super) coding: Coding,
    pub(super) convert: bool,
    pub(super) scale: bool,
    pub(super) rate: bool,
    /// Fixed: what leaves the bin.
    pub(super) output: gst::Caps,
}

/// How a camera's pictures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Raw,
    Jpeg,
    H264,
}

impl Coding {
    fn of(structure: &gst::StructureRef) -> Option<Self> {
        match structure.name().as_str() {
            RAW => Some(Self::Raw),
            JPEG => Some(Self::Jpeg),
            H264 => Some(Self::H264),
            _ => None,
        }
    }
}

/// One mode out of what a structure of caps allows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mode {
    coding: Coding,
    /// Empty unless raw.
    format: String,
    width: i32,
    height: i32,
    rate: gst::Fraction,
    square: bool,
}

/// The size and rate to come near to.
#[derive(Clone, Copy)]
struct Target {
    width: i32,
    height: i32,
    rate: gst::Fraction,
}

impl Target {
    fn of(request: &Request) -> Self {
        let asked = &request.asked;
        let settled = request.settled.as_ref().and_then(|caps| caps.structure(0));
        let size = |name, or| settled.and_then(|s| s.get(name).ok()).unwrap_or(or);
        let rate = settled.and_then(|s| s.get("framerate").ok());
        let rate = rate.filter(|rate: &gst::Fraction| rate.numer() > 0);
        Self {
            width: size("width", asked.width),
            height: size("height", asked.height),
            rate: rate.unwrap_or(asked.framerate),
        }
    }
}

/// Decides how a camera with these modes is opened.
pub(super) fn plan(native: &gst::Caps, request: &Request) -> Result<Plan, Problem> {
    let target = Target::of(request);
    let modes = modes(native, target);
    let coded = |mode: &&Mode| (mode.coding == Coding::H264) == request.asked.encoded;
    let takes = |mode: &Mode| match mode.coding {
        Coding::Raw => takes(request, mode),
        _ => false,
    };
    let best = modes.iter().filter(coded).max_by_key(|mode| {
        let place = FORMATS.iter().position(|format| *format == mode.format);
        (
            size_rank(mode, target),
            rate_rank(mode.rate, target.rate),
            mode.coding == Coding::Raw,
            takes(mode),
            Reverse(place.unwrap_or(FORMATS.len())),
        )
    });
    match best {
        Some(mode) if request.asked.encoded => encoded(mode, request),
        Some(mode) => raw(mode, request),
        None => Err(nothing(native, request.asked.encoded)),
    }
}

/// A plan for a source that says nothing of its modes before it runs: everything is converted.
pub(super) fn blind(request: &Request) -> Result<Plan, Problem> {
    let target = Target::of(request);
    let mode = Mode {
        coding: Coding::Raw,
        format: request.asked.format.clone().unwrap_or_default(),
        width: target.width,
        height: target.height,
        rate: target.rate,
        square: false,
    };
    Ok(Plan {
        native: gst::Caps::new_empty_simple(RAW),
        convert: true,
        scale: true,
        rate: true,
        ..raw(&mode, request)?
    })
}

/// Whether it has a mode that can be shown at all.
pub(super) fn is_usable(native: &gst::Caps) -> bool {
    let mut all = native.iter_with_features();
    native.is_any() || all.any(|(s, features)| is_plain(s, features) && Coding::of(s).is_some())
}

/// A mode, or modes that differ in what is a range, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// Such as `NV12`, `MJPEG` or `H.264`.
    pub(super) coding: String,
    /// Such as `1280x720` or `32-3280x32-2464`; empty if it is left open, as the rate may be.
    pub(super) size: String,
    /// Frames per second, such as `30` or `7.5-30`.
    pub(super) rate: String,
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
pub(super) fn words(native: &gst::Caps) -> Vec<Words> {
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
            None => Vec::new(),
        }
    };
    let all = native.iter_with_features();
    let plain = all.filter(|(structure, features)| is_plain(structure, features));
    plain.flat_map(|(structure, _)| of(structure)).collect()
}

/// Whether fixed caps are of raw video in the memory of the processor.
pub(super) fn is_plain_raw(caps: &gst::CapsRef) -> bool {
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

fn modes(native: &gst::Caps, target: Target) -> Vec<Mode> {
    let all = native.iter_with_features();
    let plain = all.filter(|(structure, features)| is_plain(structure, features));
    plain
        .flat_map(|(structure, _)| modes_of(structure, target))
        .collect()
}

fn modes_of(structure: &gst::StructureRef, target: Target) -> Vec<Mode> {
    let Some(coding) = Coding::of(structure) else {
        return Vec::new();
    };
    let formats = match (coding, structure.value("format")) {
        (Coding::Raw, Ok(value)) => values::texts(value),
        (Coding::Raw, Err(_)) => return Vec::new(),
        _ => vec![String::new()],
    };
    let rate = match structure.value("framerate") {
        Ok(value) => values::rate(value, target.rate),
        // Old libcamera leaves it out, and takes what is asked.
        Err(_) => Some(target.rate),
    };
    let Some(rate) = rate else {
        return Vec::new();
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
    let pick = |name, wanted: i32| match structure.value(name) {
        Ok(value) => values::size(value, wanted),
        Err(_) => Some(wanted),
    };
    let shaped = |known: i32, of: i32, to: i32| {
        let size = i64::from(known) * i64::from(to) / i64::from(of.max(1));
        i32::try_from(size).unwrap_or(i32::MAX)
    };
    let (width, height) = (pick("width", target.width), pick("height", target.height));
    let Some((width, height)) = width.zip(height) else {
        return Vec::new();
    };
    let lower = pick("height", shaped(width, target.width, target.height));
    let narrower = pick("width", shaped(height, target.height, target.width));
    [
        Some((width, height)),
        lower.map(|height| (width, height)),
        narrower.map(|width| (width, height)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The higher the better: what fits by its size and shape, what is too large by being small.
fn size_rank(mode: &Mode, target: Target) -> (bool, i64) {
    let (width, height) = (i64::from(mode.width), i64::from(mode.height));
    let area = width * height;
    if mode.width > target.width || mode.height > target.height {
        return (false, -area);
    }
    let shape = width * i64::from(target.height);
    let difference = (shape - height * i64::from(target.width)).abs();
    match difference * 100 <= shape * SHAPE_TOLERANCE {
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

/// Whether downstream, or what has been settled, takes this raw mode as it is.
fn takes(request: &Request, mode: &Mode) -> bool {
    let caps = output_caps(&mode.format, mode);
    let settled = request.settled.as_ref();
    request
        .asked
        .format
        .as_ref()
        .is_none_or(|format| *format == mode.format)
        && FORMATS.contains(&mode.format.as_str())
        && request.allowed.can_intersect(&caps)
        && settled.is_none_or(|settled| settled.can_intersect(&caps))
}

fn output_caps(format: &str, mode: &Mode) -> gst::Caps {
    let builder = gst::Caps::builder(RAW)
        .field("format", format)
        .field("width", mode.width)
        .field("height", mode.height)
        .field("framerate", mode.rate)
        .field("interlace-mode", PROGRESSIVE);
    let square = gst::Fraction::from_integer(1);
    builder
        .field_if("pixel-aspect-ratio", square, mode.square)
        .build()
}

fn native_caps(mode: &Mode) -> gst::Caps {
    let name = match mode.coding {
        Coding::Raw => RAW,
        Coding::Jpeg => JPEG,
        Coding::H264 => H264,
    };
    let builder = gst::Caps::builder(name)
        .field("width", mode.width)
        .field("height", mode.height)
        .field("framerate", mode.rate);
    let raw = mode.coding == Coding::Raw;
    builder.field_if("format", &mode.format, raw).build()
}

/// What has to be done to a mode's pictures so that they leave raw, as downstream takes them.
fn raw(mode: &Mode, request: &Request) -> Result<Plan, Problem> {
    let output = match &request.settled {
        Some(settled) => settled.clone(),
        None => free_output(mode, request)?,
    };
    let structure = output.structure(0);
    let structure = structure.ok_or_else(|| Problem::new(Reason::Failed, "its caps are empty"))?;
    let is = |name, size: i32| structure.get::<i32>(name) == Ok(size);
    let may_stretch = !mode.square && structure.has_field("pixel-aspect-ratio");
    let same_format = structure.get::<&str>("format") == Ok(mode.format.as_str());
    // Colours, for example: only the running camera says what it has of those, and equal caps cost videoconvert nothing.
    let ours = [
        "format",
        "width",
        "height",
        "framerate",
        "interlace-mode",
        "pixel-aspect-ratio",
    ];
    let more = structure
        .fields()
        .any(|field| !ours.contains(&field.as_str()));
    Ok(Plan {
        native: native_caps(mode),
        coding: mode.coding,
        convert: more || !same_format,
        scale: may_stretch || !is("width", mode.width) || !is("height", mode.height),
        rate: structure.get::<gst::Fraction>("framerate") != Ok(mode.rate),
        output,
    })
}

/// Fixed caps that downstream takes and that are as near to the mode as it lets.
fn free_output(mode: &Mode, request: &Request) -> Result<gst::Caps, Problem> {
    let wanted = match (&request.asked.format, mode.coding) {
        (Some(format), _) => format.as_str(),
        (None, Coding::Raw) => mode.format.as_str(),
        // What jpegdec makes of nearly all of them.
        _ => FORMATS[0],
    };
    let mut formats: Vec<&str> = Vec::new();
    if FORMATS.contains(&wanted) {
        formats.push(wanted);
    }
    if request.asked.format.is_none() {
        formats.extend(FORMATS.iter().filter(|format| **format != wanted));
    }
    if let Some(format) = &request.asked.format
        && formats.is_empty()
    {
        let text = format!(
            "format={format} is none that portholesrc gives: set one of {}",
            FORMATS.join(", ")
        );
        return Err(Problem::new(Reason::Failed, text));
    }
    // Its own size and rate if downstream takes them in any format, for a conversion costs less than a scaling.
    for format in &formats {
        let caps = output_caps(format, mode);
        if request.allowed.can_intersect(&caps) {
            return Ok(caps);
        }
    }
    formats
        .iter()
        .find_map(|format| fixated(format, mode, request))
        .ok_or_else(|| {
            let allowed = &request.allowed;
            let text = format!(
                "what is behind portholesrc takes none of its formats ({}), only {allowed}",
                formats.join(", ")
            );
            Problem::new(Reason::Failed, text)
        })
}

fn fixated(format: &str, mode: &Mode, request: &Request) -> Option<gst::Caps> {
    let any = gst::Caps::builder(RAW)
        .field("format", format)
        .field("width", gst::IntRange::new(1, i32::MAX))
        .field("height", gst::IntRange::new(1, i32::MAX))
        .field(
            "framerate",
            gst::FractionRange::new(gst::Fraction::new(0, 1), gst::Fraction::new(i32::MAX, 1)),
        )
        .field("interlace-mode", PROGRESSIVE)
        .build();
    let mut caps = request.allowed.intersect(&any);
    if caps.is_empty() {
        return None;
    }
    caps.truncate();
    let structure = caps.make_mut().structure_mut(0)?;
    let (width, height) = (mode.width.max(1), mode.height.max(1));
    let scaled = |size: i32, to: i32, of: i32| {
        i32::try_from(i64::from(size) * i64::from(to) / i64::from(of))
            .unwrap_or(i32::MAX)
            .max(1)
    };
    // Where one side is given, the other follows, so that the picture keeps its shape.
    match structure.get::<i32>("height") {
        Ok(given) => structure.fixate_field_nearest_int("width", scaled(width, given, height)),
        Err(_) => {
            structure.fixate_field_nearest_int("width", width);
            let given = structure.get("width").unwrap_or(width);
            structure.fixate_field_nearest_int("height", scaled(height, given, width))
        }
    };
    structure.fixate_field_nearest_fraction("framerate", mode.rate);
    if structure.has_field("pixel-aspect-ratio") {
        structure
            .fixate_field_nearest_fraction("pixel-aspect-ratio", gst::Fraction::from_integer(1));
    }
    caps.fixate();
    Some(caps)
}

fn encoded(mode: &Mode, request: &Request) -> Result<Plan, Problem> {
    let output = gst::Caps::builder(H264)
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .field("width", mode.width)
        .field("height", mode.height)
        .field("framerate", mode.rate)
        .build();
    let failed = |text: String| Err(Problem::new(Reason::Failed, text));
    if !request.allowed.can_intersect(&output) {
        return failed("what is behind portholesrc takes no H.264 of this size: leave out encoded=true, or portholeoverlay".into());
    }
    if let Some(settled) = &request.settled
        && !settled.can_intersect(&output)
    {
        return failed(format!(
            "it has no H.264 in {settled} any more, which cannot be made from another size: leave out encoded=true"
        ));
    }
    Ok(Plan {
        native: native_caps(mode),
        coding: Coding::H264,
        convert: false,
        scale: false,
        rate: false,
        output: request.settled.clone().unwrap_or(output),
    })
}

fn nothing(native: &gst::Caps, encoded: bool) -> Problem {
    let mut there: Vec<String> = words(native).iter().map(Words::to_string).collect();
    let left_out = there.len().saturating_sub(MAX_LISTED);
    there.truncate(MAX_LISTED);
    let mut there = there.join(", ");
    if left_out > 0 {
        there.push_str(&format!(" and {left_out} more"));
    }
    if there.is_empty() {
        there = "nothing that portholesrc can show".into();
    }
    let fix = match encoded {
        true => "it makes no H.264: leave out encoded=true",
        false => {
            "it has no raw video and no MJPEG: set encoded=true if it makes H.264, or take another camera"
        }
    };
    Problem::new(Reason::Failed, format!("{fix}; it has {there}"))
}

#[cfg(test)]
#[path = "mode_tests.rs"]
mod tests;
