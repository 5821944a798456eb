// SPDX-License-Identifier: MPL-2.0
//! Reads privacy masks from the text of a property.
//!
//! ```
//! # fn main() -> Result<(), porthole_painter::masks::MaskError> {
//! let masks = porthole_painter::masks::parse("rect 0.7 0 0.3 0.25; pixelate polygon 0.1,0.5 0.3,0.5 0.2,0.9")?;
//! assert_eq!(masks.len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! Masks are separated by `;`. Each has a cover (`fill`, which is black and the default, `fill=#RRGGBB` or `pixelate`), then
//! `rect X Y WIDTH HEIGHT` or `polygon X1 Y1 X2 Y2 X3 Y3 ...` in fractions of the turned picture. Whatever else there is
//! makes the whole text an error: a mask that is read wrongly shows what it should hide. The sides of a polygon may cross;
//! it then stands for everything they go round (the non-zero rule).
//!
//! There is no parser library here: words separated by spaces are all the syntax there is, and an error has to name one.

use super::area::{MIN_SIZE, has_area};
use crate::{Cover, Mask};

/// A longer text is a mistake, such as the content of a wrong file; 64 masks of usual size need a tenth of it.
pub const MAX_TEXT: usize = 16 * 1024;

/// Each mask costs time for each frame; a picture with more of them has little left to show.
pub const MAX_MASKS: usize = 64;

/// Enough to follow any outline drawn by hand.
pub const MAX_CORNERS: usize = 256;

/// How far a sum may exceed 1: the sum of two decimal fractions is rarely exact.
const SLACK: f64 = 1e-9;

/// Why a text does not describe masks; its text is for the person who wrote them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{place}{problem}")]
pub struct MaskError {
    place: String,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Problem {
    #[error(
        "the text of the masks has {0} bytes, and {MAX_TEXT} are allowed: leave out masks or corners"
    )]
    LongText(usize),
    #[error("there are more than {MAX_MASKS} masks: let one larger mask cover several places")]
    TooManyMasks,
    #[error(
        "there is nothing before the \";\": remove it, or write a mask such as \"rect 0.7 0 0.3 0.25\""
    )]
    Empty,
    #[error(
        "the shape is missing: write \"rect\" or \"polygon\" after the cover, as in \"pixelate rect 0.7 0 0.3 0.25\""
    )]
    NoShape,
    #[error(
        "it is not known here: a mask is \"rect\" or \"polygon\" with numbers, and before it \"fill\", \"fill=#RRGGBB\" or \
         \"pixelate\" if it is not to be black, as in \"pixelate rect 0.7 0 0.3 0.25\""
    )]
    UnknownWord,
    #[error(
        "it is no colour: write six hexadecimal digits, as in \"fill=#336699 rect 0.7 0 0.3 0.25\""
    )]
    BadColour,
    #[error(
        "it is no number but begins a mask: write \";\" between two masks, and the cover before the shape, as in \
         \"rect 0 0 0.1 0.1; pixelate rect 0.7 0 0.3 0.25\""
    )]
    NoSemicolon,
    #[error(
        "it is no number: write fractions between 0 and 1 with a point, as in \"rect 0.7 0 0.3 0.25\""
    )]
    NotANumber,
    #[error(
        "a number is missing beside the comma: a comma stands between two numbers, as in \"rect 0.7,0 0.3,0.25\""
    )]
    Comma,
    #[error(
        "it lies outside of the picture: write fractions between 0 and 1, as in \"rect 0.7 0 0.3 0.25\""
    )]
    Negative,
    #[error(
        "it lies outside of the picture: write fractions between 0 and 1, not pixels or percent, as in \
         \"rect 0.7 0 0.3 0.25\""
    )]
    AboveOne,
    #[error(
        "a rectangle has four numbers, and here are {0}: write X Y WIDTH HEIGHT, as in \"rect 0.7 0 0.3 0.25\""
    )]
    RectNumbers(usize),
    #[error(
        "the rectangle ends outside of the picture: X and WIDTH together may be 1 at most, and so may Y and HEIGHT, as in \
         \"rect 0.7 0 0.3 0.25\""
    )]
    RectOutside,
    #[error(
        "the rectangle has no area: give it a WIDTH and a HEIGHT, as in \"rect 0.7 0 0.3 0.25\""
    )]
    EmptyRect,
    #[error(
        "a polygon has two numbers for each corner, and here are {0}: one is missing or too many, {POLYGON}"
    )]
    OddNumbers(usize),
    #[error("a polygon has three corners or more, and here are {0}: add corners, {POLYGON}")]
    FewCorners(usize),
    #[error(
        "a polygon may have {MAX_CORNERS} corners, and here are {0}: leave out some, or write two masks"
    )]
    ManyCorners(usize),
    #[error("the polygon has no area: its corners must not all lie on a line, {POLYGON}")]
    EmptyPolygon,
}

const POLYGON: &str = "as in \"polygon 0.1,0.5 0.3,0.5 0.2,0.9\"";

/// A word or a comma, and the byte at which it begins.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    at: usize,
}

/// What is wrong, and with which word.
type Fault<'a> = (Problem, Word<'a>);

/// Reads the masks that `text` describes, in its order; blank text describes none.
pub fn parse(text: &str) -> Result<Vec<Mask>, MaskError> {
    let whole = |problem| MaskError {
        place: String::new(),
        problem,
    };
    if text.len() > MAX_TEXT {
        return Err(whole(Problem::LongText(text.len())));
    }
    let mut parts: Vec<&str> = text.split(';').collect();
    if parts.last().is_some_and(|last| last.trim().is_empty()) {
        parts.pop();
    }
    if parts.len() > MAX_MASKS {
        return Err(whole(Problem::TooManyMasks));
    }
    let mut at = 0;
    let mut masks = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let parsed = match words(part, at).as_slice() {
            [] => Err((
                Problem::Empty,
                Word {
                    text: ";",
                    at: at + part.len(),
                },
            )),
            [first, rest @ ..] => mask(*first, rest),
        };
        masks.push(parsed.map_err(|(problem, word)| MaskError {
            place: place(text, index + 1, word),
            problem,
        })?);
        at += part.len() + 1;
    }
    Ok(masks)
}

/// Splits at white space and around commas.
fn words(part: &str, at: usize) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut begin = 0;
    let ends = part
        .char_indices()
        .filter(|(_, c)| *c == ',' || c.is_whitespace());
    for (end, c) in ends.map(|(i, c)| (i, Some(c))).chain([(part.len(), None)]) {
        if begin < end {
            words.push(Word {
                text: &part[begin..end],
                at: at + begin,
            });
        }
        if c == Some(',') {
            words.push(Word {
                text: ",",
                at: at + end,
            });
        }
        begin = end + c.map_or(0, char::len_utf8);
    }
    words
}

fn mask<'a>(first: Word<'a>, rest: &[Word<'a>]) -> Result<Mask, Fault<'a>> {
    let Some(cover) = cover(first)? else {
        return Ok(Mask {
            corners: shape(first, rest)?,
            cover: Cover::Fill([0; 3]),
        });
    };
    match rest {
        [] => Err((Problem::NoShape, first)),
        [second, rest @ ..] => Ok(Mask {
            corners: shape(*second, rest)?,
            cover,
        }),
    }
}

/// The cover that `word` names, or nothing if it is something else.
fn cover(word: Word<'_>) -> Result<Option<Cover>, Fault<'_>> {
    match word.text {
        "fill" => Ok(Some(Cover::Fill([0; 3]))),
        "pixelate" => Ok(Some(Cover::Pixelate)),
        text => match text.strip_prefix("fill=") {
            Some(value) => match colour(value) {
                Some(colour) => Ok(Some(Cover::Fill(colour))),
                None => Err((Problem::BadColour, word)),
            },
            None => Ok(None),
        },
    }
}

fn colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#')?;
    // The conversion below would accept a sign.
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([red, green, blue])
}

fn shape<'a>(name: Word<'a>, rest: &[Word<'a>]) -> Result<Vec<(f64, f64)>, Fault<'a>> {
    let corners = match name.text {
        "rect" => rect(&numbers(name, rest)?),
        "polygon" => polygon(&numbers(name, rest)?),
        _ => Err(Problem::UnknownWord),
    };
    corners.map_err(|problem| (problem, name))
}

fn numbers<'a>(name: Word<'a>, words: &[Word<'a>]) -> Result<Vec<f64>, Fault<'a>> {
    let mut numbers = Vec::new();
    let mut before = name;
    for word in words {
        if word.text != "," {
            numbers.push(number(*word)?);
        } else if before.text == "," || before.at == name.at {
            return Err((Problem::Comma, *word));
        }
        before = *word;
    }
    if before.text == "," {
        return Err((Problem::Comma, before));
    }
    Ok(numbers)
}

fn number(word: Word<'_>) -> Result<f64, Fault<'_>> {
    let problem = match word.text.parse::<f64>() {
        Ok(number) if (0.0..=1.0).contains(&number) => return Ok(number),
        Ok(number) if number > 1.0 && number.is_finite() => Problem::AboveOne,
        Ok(number) if number < 0.0 && number.is_finite() => Problem::Negative,
        _ if word.text.ends_with('%') => Problem::AboveOne,
        _ if begins_a_mask(word.text) => Problem::NoSemicolon,
        _ => Problem::NotANumber,
    };
    Err((problem, word))
}

fn begins_a_mask(word: &str) -> bool {
    matches!(word, "rect" | "polygon" | "fill" | "pixelate") || word.starts_with("fill=")
}

fn rect(numbers: &[f64]) -> Result<Vec<(f64, f64)>, Problem> {
    let [x, y, width, height] = *numbers else {
        return Err(Problem::RectNumbers(numbers.len()));
    };
    let (right, bottom) = (x + width, y + height);
    if width < MIN_SIZE || height < MIN_SIZE {
        return Err(Problem::EmptyRect);
    }
    if right > 1.0 + SLACK || bottom > 1.0 + SLACK {
        return Err(Problem::RectOutside);
    }
    let (right, bottom) = (right.min(1.0), bottom.min(1.0));
    Ok(vec![(x, y), (right, y), (right, bottom), (x, bottom)])
}

fn polygon(numbers: &[f64]) -> Result<Vec<(f64, f64)>, Problem> {
    let (pairs, odd) = numbers.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(Problem::OddNumbers(numbers.len()));
    }
    match pairs.len() {
        0..=2 => return Err(Problem::FewCorners(pairs.len())),
        count if count > MAX_CORNERS => return Err(Problem::ManyCorners(count)),
        _ => {}
    }
    let corners: Vec<(f64, f64)> = pairs.iter().map(|[x, y]| (*x, *y)).collect();
    if has_area(&corners) {
        Ok(corners)
    } else {
        Err(Problem::EmptyPolygon)
    }
}

/// Says where the fault is. The word is cut and escaped, for the sentence ends up in logs.
fn place(text: &str, mask: usize, word: Word<'_>) -> String {
    const SHOWN: usize = 32;
    let shown: String = word.text.chars().take(SHOWN).collect();
    let more = if shown.len() < word.text.len() {
        "..."
    } else {
        ""
    };
    let character = text[..word.at].chars().count() + 1;
    format!("mask {mask}, {shown:?}{more} at character {character}: ")
}

#[cfg(test)]
#[path = "masks_tests.rs"]
mod tests;
