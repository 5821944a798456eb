// SPDX-License-Identifier: MPL-2.0
//! Caps on one side of the element, given those on the other.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;
use gst_video::VideoCapsBuilder;

use crate::frame::FORMATS;

/// What both pads accept. Interlaced video is refused when it arrives, since caps without the field mean progressive and
/// must stay acceptable.
pub(crate) static TEMPLATE: LazyLock<gst::Caps> = LazyLock::new(|| {
    VideoCapsBuilder::new()
        .format_list(FORMATS.map(|(format, _)| format))
        .build()
});

/// Whether fixed caps are of interlaced video.
pub(crate) fn is_interlaced(caps: &gst::CapsRef) -> bool {
    let mode = caps.structure(0).map(|s| s.get::<String>("interlace-mode"));
    matches!(mode, Some(Ok(mode)) if mode != "progressive")
}

/// The caps on the other side of the element; width and height change places if `transposes`.
pub(crate) fn transform(caps: &gst::Caps, transposes: bool) -> gst::Caps {
    let mut caps = caps.clone();
    if transposes {
        for structure in caps.make_mut().iter_mut() {
            turn(structure);
        }
    }
    caps
}

fn turn(structure: &mut gst::StructureRef) {
    let width = structure.value("width").ok().cloned();
    let height = structure.value("height").ok().cloned();
    let aspect = structure.value("pixel-aspect-ratio").ok().map(invert);
    for (name, value) in [("width", height), ("height", width)] {
        match value {
            Some(value) => structure.set_value(name, value),
            None => structure.remove_field(name),
        }
    }
    if let Some(aspect) = aspect {
        structure.set_value("pixel-aspect-ratio", aspect);
    }
}

/// A fraction, range or list of fractions with numerators and denominators swapped; anything else as it is.
fn invert(value: &glib::SendValue) -> glib::SendValue {
    if let Ok(fraction) = value.get::<gst::Fraction>() {
        return flip(fraction).to_send_value();
    }
    if let Ok(range) = value.get::<gst::FractionRange>() {
        // A fraction of zero has no inverse; the least one above it does.
        let least = gst::Fraction::new(1, i32::MAX);
        let range =
            gst::FractionRange::new(flip(range.max().max(least)), flip(range.min().max(least)));
        return range.to_send_value();
    }
    if let Ok(list) = value.get::<gst::List>() {
        return gst::List::new(list.iter().map(invert)).to_send_value();
    }
    value.clone()
}

fn flip(fraction: gst::Fraction) -> gst::Fraction {
    if fraction.numer() == 0 {
        return fraction;
    }
    gst::Fraction::new(fraction.denom(), fraction.numer())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    fn turned(caps: &str) -> gst::Caps {
        gst::init().unwrap();
        transform(&gst::Caps::from_str(caps).unwrap(), true)
    }

    fn expected(caps: &str) -> gst::Caps {
        gst::Caps::from_str(caps).unwrap()
    }

    #[test]
    fn a_quarter_turn_swaps_sizes_and_inverts_the_pixel_aspect_ratio() {
        assert_eq!(
            turned("video/x-raw,width=640,height=480,pixel-aspect-ratio=16/11"),
            expected("video/x-raw,width=480,height=640,pixel-aspect-ratio=11/16")
        );
    }

    #[test]
    fn ranges_and_lists_are_swapped_too() {
        assert_eq!(
            turned("video/x-raw,width=[1,64],height={2,4},pixel-aspect-ratio=[1/2,3/1]"),
            expected("video/x-raw,width={2,4},height=[1,64],pixel-aspect-ratio=[1/3,2/1]")
        );
        assert_eq!(
            turned("video/x-raw,pixel-aspect-ratio={1/1,4/3}"),
            expected("video/x-raw,pixel-aspect-ratio={1/1,3/4}")
        );
    }

    #[test]
    fn a_size_that_is_missing_on_one_side_is_missing_on_the_other() {
        assert_eq!(
            turned("video/x-raw,width=640"),
            expected("video/x-raw,height=640")
        );
    }

    #[test]
    fn only_an_interlaced_mode_is_interlaced() {
        gst::init().unwrap();
        for (caps, interlaced) in [
            ("video/x-raw", false),
            ("video/x-raw,interlace-mode=progressive", false),
            ("video/x-raw,interlace-mode=interleaved", true),
            ("video/x-raw,interlace-mode=mixed", true),
        ] {
            let caps = gst::Caps::from_str(caps).unwrap();
            assert_eq!(is_interlaced(&caps), interlaced, "{caps}");
        }
    }
}
