// SPDX-License-Identifier: MPL-2.0
//! What is seen in a picture: colour bars, and the time code that vivid writes into it.

use std::fmt;

use gst_video::{VideoFrameRef, VideoInfo, prelude::*};

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
const DIGITS: [[u8; 10]; 10] = [[0; 10]; 10];
const FIRST_ROW: usize = 2;
/// `hh:mm:ss:mmm`.
const CODE_LETTERS: usize = 12;

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

    /// The colours in the middle of each bar, low in the picture where nothing is written.
    pub(crate) fn bars(&self) -> Vec<[u8; 3]> {
        let caps: gst::Caps = "video/x-raw,format=RGB".parse().unwrap();
        let patience = gst::ClockTime::from_seconds(60);
        let rgb = gst_video::convert_sample(&self.0, &caps, Some(patience)).unwrap();
        let info = VideoInfo::from_caps(rgb.caps().unwrap()).unwrap();
        let frame = VideoFrameRef::from_buffer_ref_readable(rgb.buffer().unwrap(), &info).unwrap();
        let (data, stride) = (
            frame.plane_data(0).unwrap(),
            frame.plane_stride()[0] as usize,
        );
        let (width, height) = (info.width() as usize, info.height() as usize);
        let colour = |bar: usize| {
            let (x, y) = (width * (2 * bar + 1) / 16, height * 9 / 10);
            let at = y * stride + 3 * x;
            [data[at], data[at + 1], data[at + 2]]
        };
        (0..BARS.len()).map(colour).collect()
    }

    /// Whether these are colour bars, each channel as the camera saw it.
    pub(crate) fn is_bars(&self) -> bool {
        self.bars().iter().zip(BARS).all(|(seen, meant)| {
            seen.iter()
                .zip(meant)
                .all(|(seen, meant)| seen.abs_diff(meant) <= TOLERANCE)
        })
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
