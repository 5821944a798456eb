// SPDX-License-Identifier: MPL-2.0
//! What is seen in a picture: colour bars, and the time code that vivid writes into it.

use std::fmt;

use gst_video::{VideoConverter, VideoFrameRef, VideoInfo, prelude::*};

/// How far from what the camera saw a channel may be.
const TOLERANCE: u8 = 6;
/// Bars of three quarters of full intensity, from the left to the right.
const BARS: [[u8; 3]; 8] = [
    [191, 191, 191],
    [191, 191, 0],
    [0, 191, 191],
    [0, 191, 0],
    [191, 0, 191],
    [191, 0, 0],
    [0, 0, 191],
    [0, 0, 0],
];
/// Where vivid writes, in pixels, after a blank.
const CODE: (usize, usize) = (24, 16);
/// A letter of the kernel's font 8x16.
const LETTER: (usize, usize) = (8, 16);
/// Between the dark ground of the letters and the letters.
const MIDDLE: u8 = 128;
/// The middle rows of the digits in that font, which tell them apart.
const DIGITS: [[u8; 10]; 10] = [
    [0x38, 0x6c, 0xc6, 0xc6, 0xd6, 0xd6, 0xc6, 0xc6, 0x6c, 0x38],
    [0x18, 0x38, 0x78, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x7e],
    [0x7c, 0xc6, 0x06, 0x0c, 0x18, 0x30, 0x60, 0xc0, 0xc6, 0xfe],
    [0x7c, 0xc6, 0x06, 0x06, 0x3c, 0x06, 0x06, 0x06, 0xc6, 0x7c],
    [0x0c, 0x1c, 0x3c, 0x6c, 0xcc, 0xfe, 0x0c, 0x0c, 0x0c, 0x1e],
    [0xfe, 0xc0, 0xc0, 0xc0, 0xfc, 0x06, 0x06, 0x06, 0xc6, 0x7c],
    [0x38, 0x60, 0xc0, 0xc0, 0xfc, 0xc6, 0xc6, 0xc6, 0xc6, 0x7c],
    [0xfe, 0xc6, 0x06, 0x06, 0x0c, 0x18, 0x30, 0x30, 0x30, 0x30],
    [0x7c, 0xc6, 0xc6, 0xc6, 0x7c, 0xc6, 0xc6, 0xc6, 0xc6, 0x7c],
    [0x7c, 0xc6, 0xc6, 0xc6, 0x7e, 0x06, 0x06, 0x06, 0x0c, 0x78],
];
const FIRST_ROW: usize = 2;
/// `hh:mm:ss:mmm`.
const CODE_LETTERS: usize = 12;

fn is_close(seen: [u8; 3], meant: [u8; 3]) -> bool {
    let mut channels = seen.iter().zip(meant);
    channels.all(|(seen, meant)| seen.abs_diff(meant) <= TOLERANCE)
}

pub(crate) struct Picture(pub(crate) gst::Sample);

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colours: Vec<[u8; 3]> = self.bars();
        f.debug_struct("Picture")
            .field("caps", &self.0.caps().map(ToString::to_string))
            .field("pts", &self.pts())
            .field("bars", &colours)
            .finish()
    }
}

impl Picture {
    pub(crate) fn info(&self) -> VideoInfo {
        VideoInfo::from_caps(self.0.caps().unwrap()).unwrap()
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        (self.info().width(), self.info().height())
    }

    pub(crate) fn pts(&self) -> gst::ClockTime {
        self.0.buffer().unwrap().pts().unwrap()
    }

    /// The colours of a row low in the picture, where nothing is written; `seen` says what its numbers mean.
    fn row(&self, seen: &VideoInfo) -> Vec<[u8; 3]> {
        let info = VideoInfo::builder(gst_video::VideoFormat::Rgb, seen.width(), seen.height());
        let info = info.fps(seen.fps()).build().unwrap();
        let mut rgb = gst::Buffer::with_size(info.size()).unwrap();
        let buffer = rgb.get_mut().unwrap();
        let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, &info).unwrap();
        let from = self.0.buffer().unwrap();
        let from = VideoFrameRef::from_buffer_ref_readable(from, seen).unwrap();
        let converter = VideoConverter::new(seen, &info, None).unwrap();
        converter.frame_ref(&from, &mut frame);
        let stride = frame.plane_stride()[0] as usize;
        let data = frame.plane_data(0).unwrap();
        let (width, height) = (info.width() as usize, info.height() as usize);
        let row = &data[height * 9 / 10 * stride..][..3 * width];
        row.chunks_exact(3)
            .map(|colour| [colour[0], colour[1], colour[2]])
            .collect()
    }

    /// The colours in the middle of each bar.
    pub(crate) fn bars(&self) -> Vec<[u8; 3]> {
        let row = self.row(&self.info());
        (0..BARS.len())
            .map(|bar| row[row.len() * (2 * bar + 1) / (2 * BARS.len())])
            .collect()
    }

    /// Whether these are vivid's bars, each channel as the camera saw it.
    pub(crate) fn is_bars(&self) -> bool {
        let close = |(seen, meant): (&[u8; 3], &[u8; 3])| is_close(*seen, *meant);
        self.bars().iter().zip(&BARS).all(close)
    }

    /// Whether these are libcamera's bars, which have full intensity and wander to the left.
    pub(crate) fn is_wandering_bars(&self) -> bool {
        // libcamera 0.4 makes them by BT.601, and says BT.709 (docs/upstream.md).
        let mut caps = self.0.caps_owned().unwrap();
        caps.make_mut().set("colorimetry", "bt601");
        let row = self.row(&VideoInfo::from_caps(&caps).unwrap());
        let width = row.len() / BARS.len();
        let full = BARS.map(|bar| bar.map(|channel| if channel > 0 { 255 } else { 0 }));
        let at = |shift: usize| {
            (0..BARS.len()).all(|bar| is_close(row[(shift + bar * width) % row.len()], full[bar]))
        };
        (0..row.len()).any(at)
    }

    /// Brightness of the white bar, from 0 to 255.
    pub(crate) fn white(&self) -> u8 {
        self.bars()[0][1]
    }

    /// The time that stands in the picture, which is a luma plane first.
    pub(crate) fn time_code(&self) -> Option<gst::ClockTime> {
        let info = self.info();
        let buffer = self.0.buffer().unwrap();
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).unwrap();
        let (data, stride) = (
            frame.plane_data(0).unwrap(),
            frame.plane_stride()[0] as usize,
        );
        let rows = |letter: usize| {
            let row = |y: usize| {
                let at = (CODE.1 + y) * stride + CODE.0 + letter * LETTER.0;
                let bits = data[at..at + LETTER.0].iter();
                bits.fold(0_u8, |bits, luma| bits << 1 | u8::from(*luma > MIDDLE))
            };
            (0..LETTER.1).map(row).collect::<Vec<u8>>()
        };
        let digit = |letter: usize| {
            let rows = rows(letter);
            let rows = &rows[FIRST_ROW..FIRST_ROW + 10];
            let found = DIGITS.iter().position(|digit| digit == rows);
            if found.is_none() {
                println!("letter {letter}: {rows:02x?}");
            }
            found.map(|digit| digit as u64)
        };
        let number = |letters: std::ops::Range<usize>| {
            letters
                .map(digit)
                .try_fold(0, |number, digit| Some(10 * number + digit?))
        };
        let (hours, minutes, seconds) = (number(0..2)?, number(3..5)?, number(6..8)?);
        let milliseconds = number(9..CODE_LETTERS)?;
        let all = ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
        Some(gst::ClockTime::from_mseconds(all))
    }
}
