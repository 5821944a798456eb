// SPDX-License-Identifier: MPL-2.0
//! How large and how good a JPEG may be so that it fits. Pure.

use porthole_protocol::ring::MAX_SNAPSHOT_BYTES;

/// What a server takes, and a telephone.
pub(crate) const MAX_BYTES: usize = MAX_SNAPSHOT_BYTES;
/// Where nothing else is asked: a telephone's screen.
pub(crate) const WIDTH: u32 = 1280;
/// Below this nobody is known again.
const LEAST_WIDTH: u32 = 160;
/// Qualities that are tried at one size, the best first: below the last a smaller picture shows more.
const QUALITIES: [i32; 3] = [80, 60, 40];
/// More tries than any picture needs, of which each costs time.
pub(crate) const MAX_TRIES: usize = 8;

/// One try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Try {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) quality: i32,
}

/// The first try, for a picture that is shown with this size; `max_width` of 0 asks for no limit of one's own.
pub(crate) fn first((width, height): (u32, u32), max_width: u32) -> Try {
    let most = if max_width == 0 { WIDTH } else { max_width };
    let (width, height) = scaled((width, height), most.max(LEAST_WIDTH).min(width));
    Try {
        width,
        height,
        quality: QUALITIES[0],
    }
}

/// What to try when that had so many bytes; `None` if nothing is left to try.
pub(crate) fn next(tried: Try, bytes: usize) -> Option<Try> {
    let is_far = bytes > 3 * MAX_BYTES;
    let lower = QUALITIES
        .into_iter()
        .find(|quality| *quality < tried.quality);
    if let Some(quality) = lower.filter(|_| !is_far) {
        return Some(Try { quality, ..tried });
    }
    let smaller = if is_far {
        tried.width / 2
    } else {
        tried.width * 3 / 4
    };
    if smaller < LEAST_WIDTH {
        return None;
    }
    let (width, height) = scaled((tried.width, tried.height), smaller);
    Some(Try {
        width,
        height,
        quality: QUALITIES[QUALITIES.len() / 2],
    })
}

/// The same shape at this width, in even numbers.
fn scaled((width, height): (u32, u32), to: u32) -> (u32, u32) {
    let even = |edge: u64| u32::try_from(edge.next_multiple_of(2)).unwrap_or(2).max(2);
    let high = u64::from(height) * u64::from(to) / u64::from(width.max(1));
    (even(to.into()), even(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_as_wide_as_it_is_asked_for_and_never_wider_than_it_came() {
        let size = |size, most| {
            let first = first(size, most);
            (first.width, first.height)
        };
        assert_eq!(size((1920, 1080), 0), (1280, 720));
        assert_eq!(size((1920, 1080), 640), (640, 360));
        assert_eq!(size((640, 480), 4000), (640, 480));
        assert_eq!(size((1080, 1920), 0), (1080, 1920));
        assert_eq!(size((1920, 1080), 1), (160, 90));
        assert_eq!(size((64, 64), 1), (64, 64));
        assert_eq!(size((0, 0), 0), (2, 2));
    }

    #[test]
    fn what_is_too_large_gets_worse_and_then_smaller_and_the_tries_have_an_end() {
        let mut tried = first((1920, 1080), 0);
        let mut tries = 1;
        while let Some(next) = next(tried, MAX_BYTES + 1) {
            assert!(next.quality < tried.quality || next.width < tried.width);
            (tried, tries) = (next, tries + 1);
        }
        assert!(tried.width < 2 * LEAST_WIDTH, "{tried:?}");
        assert!(tries < 100);
        // What is far too large does not go by steps.
        let far = next(first((1920, 1080), 0), 10 * MAX_BYTES).unwrap();
        assert_eq!((far.width, far.height), (640, 360));
    }
}
