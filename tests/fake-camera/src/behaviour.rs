// SPDX-License-Identifier: MPL-2.0
//! What a camera's file says. Pure.
//!
//! Words and `KEY=VALUE`s, at most one word, separated by blanks or line ends:
//!
//! | text | what the camera does |
//! |---|---|
//! | nothing, or `ok` | gives pictures |
//! | `busy` | another program has it: it opens, and does not start, as with v4l2src |
//! | `denied` | it may not be opened |
//! | `stall` | it opens, starts and gives no pictures |
//! | `error` | its driver reports an error in place of the next picture |
//! | `eos` | its stream ends in place of the next picture |
//! | `damaged` | its JPEG pictures cannot be decoded; of no effect on raw ones |
//! | `stuck=ready\|start\|create\|stop\|null` | that call hangs, and cannot be interrupted, until the file says otherwise; `stuck` is `stuck=start` |
//! | `slow=MILLISECONDS` | it opens that late |
//! | `size=WIDTHxHEIGHT` | it has modes of that size alone from now on, also if it is running |
//! | `modes=usb` | it has the modes of a USB camera, with JPEG for high rates |
//! | `modes=libcamera` | as those of libcamera: it names no rates, gives what it can in place of what it is asked for (15 pictures a second at most, 640x480 and 1280x720), and has four buffers, each of which it awaits until all of its memory is back |
//! | `modes=thermal` | it has 16 bits of grey in 160x120 |
//! | `modes=bayer` | it gives what its sensor sees, which is red |
//! | `chart=bt601\|bt709\|full` | it sees a chart of colours, and writes it so (JPEG always has the range `full`) |
//! | `flash` | its picture is white for a tenth of each second, and its microphone beeps |
//! | `mic` | it has a microphone |

use std::{str::FromStr, time::Duration};

use crate::chart::Colours;

/// What a camera does now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// How it fails.
    pub fault: Option<Fault>,
    /// How long it takes to open.
    pub slow: Duration,
    /// Its one size, where it has but one.
    pub size: Option<(u32, u32)>,
    /// What it can do.
    pub modes: Modes,
    /// Whether it sees a chart, and how it writes that.
    pub chart: Option<Colours>,
    pub flash: bool,
    pub microphone: bool,
}

/// What a camera can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Modes {
    /// Raw pictures in three sizes.
    #[default]
    Usual,
    /// Few raw ones, and JPEG.
    Usb,
    /// As near to what is asked as it can, from four buffers.
    Libcamera,
    /// 16 bits of grey.
    Thermal,
    /// A sensor's own.
    Bayer,
}

/// How a camera fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another program has it.
    Busy,
    /// It may not be opened.
    Denied,
    /// No pictures come.
    Stall,
    /// Its driver reports an error.
    Error,
    /// Its stream ends.
    Eos,
    /// Its pictures cannot be decoded.
    Damaged,
    /// A call into its driver does not return.
    Stuck(Call),
}

/// A call into a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// From NULL to READY, in which the device is opened.
    Ready,
    /// From READY to PAUSED.
    Start,
    /// For the next picture.
    Create,
    /// From PAUSED to READY.
    Stop,
    /// From READY to NULL, in which the device is closed.
    Null,
}

impl FromStr for Behaviour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut behaviour = Self::default();
        for part in text.split_whitespace() {
            let wrong = || format!("{part}: no fake camera does that");
            match part.split_once('=').unwrap_or((part, "")) {
                ("ok", "") => (),
                ("slow", value) => {
                    let milliseconds = value.parse().map_err(|_| wrong())?;
                    behaviour.slow = Duration::from_millis(milliseconds);
                }
                ("size", value) => behaviour.size = Some(size(value).ok_or_else(wrong)?),
                ("modes", value) => behaviour.modes = modes(value).ok_or_else(wrong)?,
                ("chart", value) => behaviour.chart = Some(colours(value).ok_or_else(wrong)?),
                ("flash", "") => behaviour.flash = true,
                ("mic", "") => behaviour.microphone = true,
                (word, value) => behaviour.fault = Some(fault(word, value).ok_or_else(wrong)?),
            }
        }
        Ok(behaviour)
    }
}

fn colours(word: &str) -> Option<Colours> {
    Some(match word {
        "bt601" => Colours::Bt601,
        "bt709" => Colours::Bt709,
        "full" => Colours::Full,
        _ => return None,
    })
}

fn fault(word: &str, value: &str) -> Option<Fault> {
    Some(match (word, value) {
        ("busy", "") => Fault::Busy,
        ("denied", "") => Fault::Denied,
        ("stall", "") => Fault::Stall,
        ("error", "") => Fault::Error,
        ("eos", "") => Fault::Eos,
        ("damaged", "") => Fault::Damaged,
        ("stuck", "ready") => Fault::Stuck(Call::Ready),
        ("stuck", "start" | "") => Fault::Stuck(Call::Start),
        ("stuck", "create") => Fault::Stuck(Call::Create),
        ("stuck", "stop") => Fault::Stuck(Call::Stop),
        ("stuck", "null") => Fault::Stuck(Call::Null),
        _ => return None,
    })
}

fn modes(value: &str) -> Option<Modes> {
    Some(match value {
        "usb" => Modes::Usb,
        "libcamera" => Modes::Libcamera,
        "thermal" => Modes::Thermal,
        "bayer" => Modes::Bayer,
        _ => return None,
    })
}

/// Of both formats only even sizes are made, and none that would take long.
fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| {
        let side = text.parse().ok()?;
        (matches!(side, 64..=4096) && side % 2 == 0).then_some(side)
    };
    Some((side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_of_which_nothing_is_said_works() {
        for text in ["", "\n", "ok", "ok\n"] {
            assert_eq!(text.parse(), Ok(Behaviour::default()), "{text:?}");
        }
    }

    #[test]
    fn keys_and_a_word_may_stand_together() {
        let expected = Behaviour {
            fault: Some(Fault::Stuck(Call::Stop)),
            slow: Duration::from_millis(300),
            size: Some((640, 480)),
            modes: Modes::Usb,
            chart: Some(Colours::Bt709),
            flash: true,
            microphone: true,
        };
        let text = "slow=300\nsize=640x480 modes=usb mic\nstuck=stop flash chart=bt709\n";
        assert_eq!(text.parse(), Ok(expected));
    }

    #[test]
    fn a_typing_error_is_none_that_passes_in_silence() {
        for text in [
            "bussy",
            "busy=yes",
            "slow",
            "slow=soon",
            "size=640",
            "size=641x480",
            "stuck=open",
            "modes=film",
            "chart=bt2020",
            "flash=often",
        ] {
            let error = text.parse::<Behaviour>().unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }
}
