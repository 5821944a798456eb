// SPDX-License-Identifier: MPL-2.0
//! Which rung a picture needs that is shown in some size: more pixels than the screen has cost the network what nobody sees.

/// A picture that is shown larger than its rung by up to so many per cent stays there: a window that is resized by some pixels
/// changes nothing.
const STAYS: u32 = 110;

/// Of a picture, in pixels. Nothing is seen of one that is 0 wide or high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Size {
    fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether it has a pixel for each of those in which all of it is shown. One of the edges tells: a picture stands in its frame
    /// with bars at two sides.
    fn is_enough_for(self, shown: Self, share: u32) -> bool {
        percent(self.width, share) >= shown.width || percent(self.height, share) >= shown.height
    }
}

/// The rung of the fewest pixels that are enough for a picture shown in this size, the best of those with as many; the best of all
/// where none has enough, or their sizes are not known. `before` is the one that was enough so far.
pub(super) fn needed(sizes: &[Size], shown: Size, before: Option<usize>) -> usize {
    let enough = sizes.iter().enumerate();
    let enough = enough.filter(|(_, size)| size.is_enough_for(shown, 100));
    let smallest = enough.min_by_key(|(_, size)| size.pixels());
    let needed = smallest.map_or(0, |(rung, _)| rung);
    match before.and_then(|before| Some((before, sizes.get(before)?))) {
        Some((before, size)) if before > needed && size.is_enough_for(shown, STAYS) => before,
        _ => needed,
    }
}

/// So many hundredths of a bitrate, or of a length.
pub(super) fn percent(whole: u32, share: u32) -> u32 {
    let part = u64::from(whole) * u64::from(share) / 100;
    u32::try_from(part).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    const LADDER: [Size; 3] = [size(1280, 720), size(640, 360), size(320, 180)];

    #[test]
    fn the_smallest_rung_is_enough_that_is_as_large_as_the_picture_is_shown() {
        for (shown, rung) in [
            (size(0, 0), 2),
            (size(1, 1), 2),
            (size(320, 180), 2),
            (size(321, 181), 1),
            (size(640, 360), 1),
            (size(641, 361), 0),
            (size(1280, 720), 0),
            (size(u32::MAX, u32::MAX), 0),
            // In a frame of another form it stands with bars.
            (size(320, 2000), 2),
            (size(2000, 360), 1),
            (size(0, 2000), 2),
        ] {
            assert_eq!(needed(&LADDER, shown, None), rung, "{shown:?}");
        }
    }

    #[test]
    fn some_pixels_more_or_less_change_nothing() {
        for width in 320..=352 {
            let shown = size(width, width * 9 / 16);
            assert_eq!(needed(&LADDER, shown, Some(2)), 2, "{width}");
        }
        assert_eq!(needed(&LADDER, size(360, 202), Some(2)), 1);
        // Down it goes only where the smaller one has every pixel, so that between the two nothing goes to and fro.
        assert_eq!(needed(&LADDER, size(330, 186), Some(1)), 1);
        assert_eq!(needed(&LADDER, size(320, 180), Some(1)), 2);
        assert_eq!(needed(&LADDER, size(330, 186), Some(9)), 1);
    }

    #[test]
    fn of_rungs_of_one_size_the_best_is_had_and_of_unknown_ones_all() {
        let same = [size(1280, 720), size(1280, 720), size(640, 360)];
        assert_eq!(needed(&same, size(1000, 562), None), 0);
        assert_eq!(needed(&same, size(600, 338), None), 2);
        // Whoever gave a better rung fewer pixels meant it.
        let odd = [size(640, 360), size(1280, 720)];
        assert_eq!(needed(&odd, size(600, 338), None), 0);
        assert_eq!(needed(&odd, size(1280, 720), None), 1);
        assert_eq!(needed(&[], size(10, 10), Some(0)), 0);
    }
}
