// SPDX-License-Identifier: MPL-2.0
//! Renditions: what the user asked for in words, and what is made of a camera's size. Pure.

use std::{fmt, str::FromStr};

use super::policy::Size;

/// More rungs than this nobody tells apart.
pub(crate) const MAX_RENDITIONS: usize = 8;
/// The smallest edge that encoders take and anybody looks at.
const MIN_EDGE: u32 = 16;
const MAX_EDGE: u32 = 16_384;
const MIN_BITRATE: u32 = 10_000;
/// Bits each second of 1280x720 if nobody says otherwise.
pub(crate) const BITRATE_720P: u32 = 2_000_000;
/// A smaller picture gets more bits for each pixel: with a quarter of the pixels, three tenths of the bits.
const QUARTER_SHARE: f64 = 0.3;
/// Below this many lines a picture is not made smaller once more.
const MIN_LINES: u32 = 120;
/// `auto` halves the picture until its rung costs no more: what a bad mobile network carries.
const LOWEST_CEILING: u32 = 200_000;
/// A rung that may not cost more than the one above it costs so many per cent of that.
const STEP_DOWN_PERCENT: u64 = 60;

/// One size of the picture, and the most that it may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rendition {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bits each second.
    pub(crate) ceiling: u32,
}

impl fmt::Display for Rendition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}@{}k", self.width, self.height, self.ceiling / 1000)
    }
}

/// What the property `renditions` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Renditions {
    /// From the input's size.
    #[default]
    Auto,
    /// One for each video pad, as they come in: encoded by someone else.
    Pads,
    /// Best first.
    Given(Vec<Rendition>),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRenditions {
    #[error(
        "\"{0}\" is no rendition; give WIDTHxHEIGHT@BITRATE, separated by commas, as in 1280x720@2000k,640x360@600k"
    )]
    Form(String),
    #[error("{0}: width and height must be even and between {MIN_EDGE} and {MAX_EDGE}")]
    Size(String),
    #[error("{0}: the bitrate must be at least 10k")]
    Bitrate(String),
    #[error(
        "{1} does not come after {0}: give the best rendition first, each with a lower bitrate than the one before"
    )]
    Order(String, String),
    #[error("more than {MAX_RENDITIONS} renditions")]
    TooMany,
}

impl FromStr for Renditions {
    type Err = BadRenditions;

    fn from_str(text: &str) -> Result<Self, BadRenditions> {
        match text.trim() {
            "" | "auto" => return Ok(Self::Auto),
            "pads" => return Ok(Self::Pads),
            _ => (),
        }
        let list = text.split(',').map(|one| rendition(one.trim()));
        let list = list.collect::<Result<Vec<_>, _>>()?;
        if list.len() > MAX_RENDITIONS {
            return Err(BadRenditions::TooMany);
        }
        for pair in list.windows(2) {
            if pair[1].ceiling >= pair[0].ceiling {
                return Err(BadRenditions::Order(
                    pair[0].to_string(),
                    pair[1].to_string(),
                ));
            }
        }
        Ok(Self::Given(list))
    }
}

fn rendition(text: &str) -> Result<Rendition, BadRenditions> {
    let form = || BadRenditions::Form(text.into());
    let (size, rate) = text.split_once('@').ok_or_else(form)?;
    let (width, height) = size.split_once('x').ok_or_else(form)?;
    let width = width.parse().map_err(|_| form())?;
    let height = height.parse().map_err(|_| form())?;
    let fits = |edge: u32| (MIN_EDGE..=MAX_EDGE).contains(&edge) && edge.is_multiple_of(2);
    if !fits(width) || !fits(height) {
        return Err(BadRenditions::Size(text.into()));
    }
    let ceiling = bits(rate).ok_or_else(form)?;
    if ceiling < MIN_BITRATE {
        return Err(BadRenditions::Bitrate(text.into()));
    }
    Ok(Rendition {
        width,
        height,
        ceiling,
    })
}

/// "2000k", "2M", "1.5M", "600000"
fn bits(text: &str) -> Option<u32> {
    let (number, factor) = match text.char_indices().last()? {
        (end, 'k') => (&text[..end], 1e3),
        (end, 'M') => (&text[..end], 1e6),
        _ => (text, 1.),
    };
    let is_number = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let bits = number.parse::<f64>().ok().filter(|_| is_number)? * factor;
    (bits <= f64::from(u32::MAX)).then_some(bits as u32)
}

/// Bits each second for a picture of this size: 720p as given, others by their number of pixels, growing slower than it.
pub(crate) fn ceiling(width: u32, height: u32, of_720p: u32) -> u32 {
    let pixels = f64::from(width) * f64::from(height) / (1280. * 720.);
    // So that a quarter of the pixels has QUARTER_SHARE of the bits.
    let exponent = QUARTER_SHARE.ln() / 0.25_f64.ln();
    let bits = f64::from(of_720p) * pixels.powf(exponent);
    bits.clamp(f64::from(MIN_BITRATE), f64::from(u32::MAX)) as u32
}

impl Renditions {
    /// What to make of a picture of this size. `bitrate` is what the best may cost, if the user said so.
    pub(crate) fn of(&self, width: u32, height: u32, bitrate: Option<u32>) -> Vec<Rendition> {
        let best = bitrate.unwrap_or_else(|| ceiling(width, height, BITRATE_720P));
        match self {
            Self::Given(list) => list.clone(),
            Self::Pads => vec![Rendition {
                width,
                height,
                ceiling: best,
            }],
            Self::Auto => {
                let mut list = vec![Rendition {
                    width: even(width),
                    height: even(height),
                    ceiling: best,
                }];
                while let Some(next) = list.last().and_then(Rendition::halved) {
                    if list.len() >= MAX_RENDITIONS {
                        break;
                    }
                    list.push(next);
                }
                list
            }
        }
    }

    /// What the same sizes may cost when `bitrate` is said while they run.
    pub(crate) fn again(&self, before: &[Rendition], bitrate: Option<u32>) -> Vec<Rendition> {
        let Some(first) = before.first() else {
            return Vec::new();
        };
        match self {
            Self::Given(list) if list.len() == before.len() => list.clone(),
            Self::Given(_) | Self::Pads => before.to_vec(),
            Self::Auto => {
                let of_size = || ceiling(first.width, first.height, BITRATE_720P);
                let mut ceiling = bitrate.unwrap_or_else(of_size);
                let mut next = |rendition: &Rendition| {
                    let rendition = Rendition {
                        ceiling,
                        ..*rendition
                    };
                    ceiling = quarter(ceiling);
                    rendition
                };
                before.iter().map(&mut next).collect()
            }
        }
    }
}

impl Rendition {
    pub(crate) fn size(&self) -> Size {
        Size {
            width: self.width,
            height: self.height,
        }
    }

    /// The next smaller one that is worth an encoder.
    fn halved(&self) -> Option<Self> {
        let next = Self {
            width: even(self.width / 2),
            height: even(self.height / 2),
            ceiling: quarter(self.ceiling),
        };
        let is_worth = self.ceiling > LOWEST_CEILING
            && next.width.min(next.height) >= MIN_LINES
            && next.ceiling >= MIN_BITRATE;
        is_worth.then_some(next)
    }
}

/// What a quarter of the pixels may cost.
fn quarter(ceiling: u32) -> u32 {
    (f64::from(ceiling) * QUARTER_SHARE) as u32
}

/// The same renditions, none above `max` and each below the one before: all are kept.
pub(crate) fn cap(mut list: Vec<Rendition>, max: u32) -> Vec<Rendition> {
    let mut above: Option<u32> = None;
    for rendition in &mut list {
        let own = rendition.ceiling.min(max);
        rendition.ceiling = match above {
            Some(above) if own >= above => {
                let less = u64::from(above) * STEP_DOWN_PERCENT / 100;
                u32::try_from(less).unwrap_or(own)
            }
            _ => own,
        }
        .max(1);
        above = Some(rendition.ceiling);
    }
    list
}

/// Chroma has half the samples each way.
fn even(edge: u32) -> u32 {
    (edge & !1).max(MIN_EDGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<Renditions, String> {
        text.parse().map_err(|e: BadRenditions| e.to_string())
    }

    #[test]
    fn a_list_is_read_best_first() {
        let Ok(Renditions::Given(list)) = said("1280x720@2000k, 640x360@0.6M,320x180@150000")
        else {
            panic!("refused");
        };
        let words: Vec<String> = list.iter().map(Rendition::to_string).collect();
        assert_eq!(words, ["1280x720@2000k", "640x360@600k", "320x180@150k"]);
        assert_eq!(said("auto"), Ok(Renditions::Auto));
        assert_eq!(said("pads"), Ok(Renditions::Pads));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_remedy() {
        let table = [
            ("1280x720", "WIDTHxHEIGHT@BITRATE"),
            ("1280x720@fast", "no rendition"),
            ("1280x720@1e9k", "no rendition"),
            ("1280x720@99999M", "no rendition"),
            ("1279x720@1M", "even"),
            ("0x0@1M", "even"),
            ("640x360@1k", "at least 10k"),
            ("640x360@600k,1280x720@2M", "best rendition first"),
            ("640x360@600k,640x360@600k", "best rendition first"),
            ("é@k", "no rendition"),
        ];
        for (text, words) in table {
            let error = said(text).expect_err(text);
            assert!(error.contains(words), "{text}: {error}");
        }
        let many = (0..9).map(|i| format!("640x360@{}k", 900 - i));
        assert!(said(&many.collect::<Vec<_>>().join(",")).is_err());
    }

    #[test]
    fn auto_halves_the_picture_down_to_a_bad_networks_bitrate_with_even_edges() {
        let words = |w, h, b| {
            let list = Renditions::Auto.of(w, h, b);
            list.iter().map(Rendition::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            words(1280, 720, None),
            ["1280x720@2000k", "640x360@600k", "320x180@180k"]
        );
        assert_eq!(
            words(1280, 720, Some(1_000_000)),
            ["1280x720@1000k", "640x360@300k", "320x180@90k"]
        );
        assert_eq!(words(320, 240, None).len(), 2);
        assert_eq!(
            words(3840, 2160, None).last().map(String::as_str),
            Some("240x134@109k")
        );
        assert_eq!(words(1, 1, Some(20_000)), ["16x16@20k"]);
        for (w, h) in [(641, 481), (1920, 1080), (4096, 2160), (720, 1280)] {
            let list = Renditions::Auto.of(w, h, None);
            assert!(list.iter().all(|r| r.width % 2 == 0 && r.height % 2 == 0));
            assert!(list.windows(2).all(|p| p[1].ceiling < p[0].ceiling));
        }
    }
}
