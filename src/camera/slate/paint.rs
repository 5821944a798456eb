// SPDX-License-Identifier: MPL-2.0
//! What flows while there is no picture: black with a word about why, and silence.

use gst_video::{VideoFrameRef, VideoInfo};
use porthole_painter::{
    Cover, Drawing, Hidden, Input, Isa, Look, Mask, Orientation, Patch, Rasteriser, paint,
};

use crate::frame;

/// Length of one piece of silence: five Opus frames.
pub(crate) const SILENCE: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// The height of a line is this part of the picture's.
const LINES: usize = 14;
/// Smallest and largest line, in pixels.
const LINE_PIXELS: (usize, usize) = (12, 96);

/// Two channels of two bytes each.
const SOUND_BYTES_PER_MS: usize = 48 * 2 * 2;

/// A black frame of these caps with a text in its middle, that is upright when it has been turned by `turn`; `None` for caps of
/// which no picture can be painted.
pub(crate) fn picture(caps: &gst::Caps, text: &str, turn: Orientation) -> Option<gst::Buffer> {
    let info = VideoInfo::from_caps(caps).ok()?;
    if turn == Orientation::Identity {
        return upright(&info, text);
    }
    let (width, height) = match turn.transposes() {
        true => (info.height(), info.width()),
        false => (info.width(), info.height()),
    };
    let upright_info = VideoInfo::builder(info.format(), width, height)
        .colorimetry(&info.colorimetry())
        .build()
        .ok()?;
    let source = upright(&upright_info, text)?;
    let source = VideoFrameRef::from_buffer_ref_readable(&source, &upright_info).ok()?;
    let from = frame::read(&source, frame::shape(&upright_info)?)?;
    let mut buffer = gst::Buffer::with_size(info.size()).ok()?;
    {
        let writable = buffer.get_mut()?;
        let mut frame = VideoFrameRef::from_buffer_ref_writable(writable, &info).ok()?;
        let to = frame::write(&mut frame, frame::shape(&info)?)?;
        let nothing = Drawing {
            hidden: None,
            patches: [None, None],
            clock: None,
        };
        let input = Input::Turned(&from, turn.inverse());
        paint(Isa::best(), input, &nothing, to, None)?;
    }
    Some(buffer)
}

fn upright(info: &VideoInfo, text: &str) -> Option<gst::Buffer> {
    let shape = frame::shape(info)?;
    let matrix = frame::matrix(info);
    let everything = Mask {
        corners: vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
        cover: Cover::Fill([0; 3]),
    };
    let size = (shape.height / LINES).clamp(LINE_PIXELS.0, LINE_PIXELS.1);
    let look = Look {
        size: size as f32,
        align: porthole_painter::Align::Centre,
        limit: (shape.width, shape.height),
        ..Look::default()
    };
    let mut rasteriser = Rasteriser::new();
    let (bitmap, _) = rasteriser.bitmap(text, &look);
    let middle = |whole: usize, part: usize| i32::try_from(whole.saturating_sub(part) / 2).ok();
    let at = (
        middle(shape.width, bitmap.width)?,
        middle(shape.height, bitmap.height)?,
    );
    let words = Patch::new(bitmap, at, shape, &matrix);
    let hidden = Hidden::new(&[everything], shape, &matrix);
    let drawing = Drawing {
        hidden: Some(&hidden),
        patches: [None, Some(&words)],
        clock: None,
    };
    let mut buffer = gst::Buffer::with_size(info.size()).ok()?;
    {
        let writable = buffer.get_mut()?;
        // Also what pads the rows leaves the machine.
        writable.memset(.., 0).ok()?;
        let mut frame = VideoFrameRef::from_buffer_ref_writable(writable, info).ok()?;
        paint(
            Isa::best(),
            Input::InPlace,
            &drawing,
            frame::write(&mut frame, shape)?,
            None,
        )?;
    }
    Some(buffer)
}

/// [`SILENCE`] in the form of all sound that leaves portholesrc.
pub(crate) fn silence() -> Option<gst::Buffer> {
    let mut buffer =
        gst::Buffer::with_size(SOUND_BYTES_PER_MS * SILENCE.mseconds() as usize).ok()?;
    let writable = buffer.get_mut()?;
    writable.memset(.., 0).ok()?;
    writable.set_duration(SILENCE);
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use gst_video::prelude::*;

    use super::*;

    fn caps(format: &str, (width, height): (i32, i32)) -> gst::Caps {
        gst::init().unwrap();
        format!("video/x-raw,format={format},width={width},height={height},framerate=30/1")
            .parse()
            .unwrap()
    }

    fn bytes(buffer: &gst::Buffer) -> Vec<u8> {
        buffer.map_readable().unwrap().to_vec()
    }

    #[test]
    fn it_is_black_in_every_format_that_is_painted_and_in_odd_sizes() {
        for (format, _) in frame::FORMATS {
            let format = format.to_str();
            let buffer = picture(&caps(format, (33, 17)), "", Orientation::Identity);
            assert!(buffer.is_some(), "{format}");
        }
        for format in ["I420", "NV12"] {
            let buffer = picture(&caps(format, (33, 17)), "", Orientation::Identity).unwrap();
            let bytes = bytes(&buffer);
            assert_eq!((bytes[0], bytes[17 * 36 - 1]), (16, 0), "{format}");
        }
    }

    #[test]
    fn it_is_written_as_the_picture_is() {
        for (colorimetry, black) in [("bt601", 16), ("bt709", 16), ("1:4:0:0", 0)] {
            let mut caps = caps("I420", (64, 48));
            caps.make_mut().set("colorimetry", colorimetry);
            let slate = picture(&caps, "", Orientation::Identity).unwrap();
            assert_eq!(bytes(&slate)[0], black, "{colorimetry}");
        }
    }

    #[test]
    fn it_says_why() {
        let caps = caps("I420", (640, 480));
        let of = |text| bytes(&picture(&caps, text, Orientation::Identity).unwrap());
        let white = |bytes: &[u8]| bytes[..640 * 480].iter().filter(|v| **v > 200).count();
        assert_eq!(white(&of("")), 0);
        assert!(white(&of("The camera is in use")) > 500);
        assert_ne!(of("The camera is in use"), of("The camera has gone"));
    }

    #[test]
    fn a_slate_that_is_turned_later_is_upright_then() {
        let turns = |turn: Orientation, size: (i32, i32)| {
            let caps = caps("GRAY8", size);
            let info = VideoInfo::from_caps(&caps).unwrap();
            let slate = picture(&caps, "Why", turn).unwrap();
            let slate = VideoFrameRef::from_buffer_ref_readable(&slate, &info).unwrap();
            let upright_caps = super::tests::caps("GRAY8", (320, 240));
            let info = VideoInfo::from_caps(&upright_caps).unwrap();
            let mut turned = gst::Buffer::with_size(info.size()).unwrap();
            {
                let writable = turned.get_mut().unwrap();
                let mut to = VideoFrameRef::from_buffer_ref_writable(writable, &info).unwrap();
                let from = frame::read(&slate, frame::shape(slate.info()).unwrap()).unwrap();
                let nothing = Drawing {
                    hidden: None,
                    patches: [None, None],
                    clock: None,
                };
                let to = frame::write(&mut to, frame::shape(&info).unwrap()).unwrap();
                paint(Isa::best(), Input::Turned(&from, turn), &nothing, to, None).unwrap();
            }
            assert_eq!(
                bytes(&turned),
                bytes(&picture(&upright_caps, "Why", Orientation::Identity).unwrap()),
                "{turn:?}"
            );
        };
        for turn in Orientation::ALL {
            let size = if turn.transposes() {
                (240, 320)
            } else {
                (320, 240)
            };
            if turn != Orientation::Identity {
                turns(turn, size);
            }
        }
    }

    #[test]
    fn there_is_none_of_encoded_video() {
        gst::init().unwrap();
        let caps = "video/x-h264,width=640,height=480".parse().unwrap();
        assert_eq!(picture(&caps, "", Orientation::Identity), None);
    }

    #[test]
    fn silence_is_as_long_as_it_says() {
        gst::init().unwrap();
        let buffer = silence().unwrap();
        assert_eq!(buffer.size(), 48_000 / 10 * 4);
        assert!(buffer.map_readable().unwrap().iter().all(|byte| *byte == 0));
    }
}
