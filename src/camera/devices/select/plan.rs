// SPDX-License-Identifier: MPL-2.0
//! Which of a camera's own modes is opened, and what has to be done to its pictures. Pure: caps in, plan out.
//!
//! A larger picture goes before a faster one, a faster one before one that need not be decoded or converted: who wants it
//! faster asks for a smaller one.

use std::cmp::Reverse;

use super::mode::{self, BAYER, Coding, H264, JPEG, Mode, PROGRESSIVE, RAW, Target, Words};
use crate::camera::{
    caps::whole,
    device::Request,
    problem::{Problem, Reason},
    settings,
};

/// The raw formats that portholesrc gives, the one that costs an encoder least first. portholeoverlay takes the same.
pub(in crate::camera::devices) const FORMATS: [&str; 19] = [
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

/// What JPEG's colours are in limited range.
const JPEG_COLOURS: &str = "bt601";

/// Modes that a message lists, so that it stays readable: libcamera names hundreds of sizes.
const MAX_LISTED: usize = 12;

/// How a camera is opened and what follows behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::camera::devices) struct Plan {
    /// For a capsfilter behind the source.
    pub(in crate::camera::devices) native: gst::Caps,
    /// What has to be decoded or parsed.
    pub(in crate::camera::devices) coding: Coding,
    pub(in crate::camera::devices) convert: bool,
    pub(in crate::camera::devices) scale: bool,
    pub(in crate::camera::devices) rate: bool,
    /// Fixed: what leaves the bin.
    pub(in crate::camera::devices) output: gst::Caps,
}

impl Plan {
    /// Whether pictures of a known form may have to be made others, which is sure when they are on their way: until then their colours
    /// are open.
    pub(in crate::camera::devices) fn may_convert(&self) -> bool {
        let native = self.native.structure(0);
        let is_known = native.is_some_and(|native| native.has_field("format"));
        let converts = self.convert || self.scale || self.rate;
        self.coding == Coding::Raw && is_known && converts
    }
}

/// Decides how a camera with these modes is opened.
pub(in crate::camera::devices) fn plan(
    native: &gst::Caps,
    request: &Request,
) -> Result<Plan, Problem> {
    let target = Target::of(request);
    let coded = |coding: Coding| (coding == Coding::H264) == request.asked.encoded;
    // What a camera has put together itself is better than what its sensor sees, and costs less.
    let mut modes = mode::modes(native, target, |c| coded(c) && c != Coding::Bayer);
    if modes.is_empty() {
        modes = mode::modes(native, target, |c| coded(c) && c == Coding::Bayer);
    }
    let takes = |mode: &Mode| match mode.coding {
        Coding::Raw => takes(request, mode),
        _ => false,
    };
    let fit = |mode: &Mode| (mode.rank(target), mode.coding == Coding::Raw);
    let fittest = modes.iter().map(fit).max();
    let best = modes.iter().filter(|mode| Some(fit(mode)) == fittest);
    let best = best.max_by_key(|mode| {
        let place = FORMATS.iter().position(|format| *format == mode.format);
        (takes(mode), Reverse(place.unwrap_or(FORMATS.len())))
    });
    match best {
        Some(mode) if request.asked.encoded => encoded(mode, request),
        Some(mode) => raw(mode, request),
        None => Err(nothing(native, request.asked.encoded)),
    }
}

/// A plan for a source that says nothing of its modes before it runs: everything is converted.
pub(in crate::camera::devices) fn blind(request: &Request) -> Result<Plan, Problem> {
    let target = Target::of(request);
    let mode = Mode {
        coding: Coding::Raw,
        format: request.asked.format.clone().unwrap_or_default(),
        width: target.width.unwrap_or(settings::WIDTH),
        height: target.height.unwrap_or(settings::HEIGHT),
        rate: target.rate.or(Some(settings::FRAMERATE)),
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

/// A plan for a source that runs and has these caps, whatever it was asked for: they are kept unless somebody insists on others.
pub(in crate::camera::devices) fn running(
    caps: &gst::Caps,
    request: &Request,
) -> Result<Plan, Problem> {
    // As before, to the letter: what could convert its colours has nothing to do.
    if let Some(settled) = &request.settled
        && mode::is_plain_raw(caps)
        && *settled == whole(caps)
    {
        return Ok(Plan {
            native: caps.clone(),
            coding: Coding::Raw,
            convert: false,
            scale: false,
            rate: false,
            output: settled.clone(),
        });
    }
    let mut request = request.clone();
    if let Some(structure) = caps.structure(0) {
        let asked = &mut request.asked;
        asked.width = structure.get("width").unwrap_or(asked.width);
        asked.height = structure.get("height").unwrap_or(asked.height);
        asked.framerate = structure.get("framerate").unwrap_or(asked.framerate);
    }
    plan(caps, &request)
}

/// The native caps of a plan, and then the same at any rate, for a source whose rates nobody knows.
pub(in crate::camera::devices) fn at_any_rate(native: &gst::Caps) -> gst::Caps {
    let mut caps = native.clone();
    for structure in native.iter() {
        let mut structure = structure.to_owned();
        structure.remove_field("framerate");
        caps.make_mut().append_structure(structure);
    }
    caps
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
        .field_if("width", mode.width, mode.width > 0)
        .field_if("height", mode.height, mode.height > 0)
        .field_if_some("framerate", mode.rate)
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
        Coding::Bayer => BAYER,
    };
    let builder = gst::Caps::builder(name)
        .field_if("width", mode.width, mode.width > 0)
        .field_if("height", mode.height, mode.height > 0)
        .field_if_some("framerate", mode.rate);
    let has_format = !mode.format.is_empty();
    builder.field_if("format", &mode.format, has_format).build()
}

/// What has to be done to a mode's pictures so that they leave raw, as downstream takes them.
fn raw(mode: &Mode, request: &Request) -> Result<Plan, Problem> {
    let output = match (&request.settled, mode.coding) {
        (Some(settled), _) => settled.clone(),
        (None, Coding::Jpeg) => limited(free_output(mode, request)?, request),
        (None, _) => free_output(mode, request)?,
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
        rate: structure.get::<gst::Fraction>("framerate").ok() != mode.rate,
        output,
    })
}

/// JPEG uses the whole range of each channel, which VP8 cannot say and decoders therefore do not expect: black would be crushed, and
/// white too. Its matrix stays, since all that say which one it is say it.
fn limited(mut output: gst::Caps, request: &Request) -> gst::Caps {
    let format = output
        .structure(0)
        .and_then(|s| s.get::<&str>("format").ok());
    let format = format.map(gst_video::VideoFormat::from_string);
    let is_yuv =
        format.is_some_and(|format| gst_video::VideoFormatInfo::from_format(format).is_yuv());
    if !is_yuv {
        return output;
    }
    let mut caps = output.clone();
    caps.make_mut().set("colorimetry", JPEG_COLOURS);
    if request.allowed.can_intersect(&caps) {
        output = caps;
    }
    output
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
    let rate = mode.rate.unwrap_or(settings::FRAMERATE);
    structure.fixate_field_nearest_fraction("framerate", rate);
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
        .field_if("width", mode.width, mode.width > 0)
        .field_if("height", mode.height, mode.height > 0)
        .field_if_some("framerate", mode.rate)
        .build();
    if !request.allowed.can_intersect(&output) {
        let text = "what is behind portholesrc takes no H.264 of this size: leave out encoded=true, or portholeoverlay";
        return Err(Problem::new(Reason::Failed, text));
    }
    // In another size than before as well, which cannot be made of it: a key unit with its headers is all that a decoder needs.
    let settled = request.settled.as_ref();
    let settled = settled.filter(|settled| settled.can_intersect(&output));
    Ok(Plan {
        native: native_caps(mode),
        coding: Coding::H264,
        convert: false,
        scale: false,
        rate: false,
        output: settled.map_or(output.clone(), any_profile),
    })
}

/// The same H.264 in whichever profile and level it comes back: a key unit with its headers is all that a decoder needs.
fn any_profile(settled: &gst::Caps) -> gst::Caps {
    let mut caps = settled.clone();
    for structure in caps.make_mut().iter_mut() {
        structure.remove_fields(["profile", "level"]);
    }
    caps
}

fn nothing(native: &gst::Caps, encoded: bool) -> Problem {
    let mut there: Vec<String> = mode::words(native).iter().map(Words::to_string).collect();
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
#[path = "plan_tests.rs"]
mod tests;
