// SPDX-License-Identifier: MPL-2.0
//! Whether encoded frames come in another order than they are shown in, as with B-frames: browsers show such a stream as a
//! slideshow. Pure.

/// A source that jumps back by more shows another part of something, in order.
const JUMP: u64 = 1_000_000_000;
/// So many frames, and it is no single timestamp that was wrong.
const MANY: u32 = 10;

#[derive(Debug, Default)]
pub(crate) struct Order {
    latest: Option<u64>,
    early: u32,
}

impl Order {
    /// A frame that is shown at `pts`, in nanoseconds; whether it is the one by which the order is known to be another.
    pub(crate) fn note(&mut self, pts: u64) -> bool {
        let latest = self.latest.unwrap_or(pts);
        let is_early = pts < latest && latest - pts < JUMP;
        self.latest = match is_early {
            true => Some(latest),
            false => Some(pts),
        };
        if is_early {
            self.early = self.early.saturating_add(1);
        }
        is_early && self.early == MANY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it is told of in a hundred frames.
    fn told(pts: impl Fn(u64) -> u64) -> usize {
        let mut order = Order::default();
        (0..100)
            .filter(|frame| order.note(pts(*frame) * 33_000_000))
            .count()
    }

    #[test]
    fn b_frames_are_seen_once_and_nothing_else_is_taken_for_them() {
        assert_eq!(told(|frame| frame), 0);
        assert_eq!(told(|frame| frame / 2), 0);
        // One B-frame between two others: 0 2 1 4 3 ...
        assert_eq!(
            told(|frame| if frame % 2 == 0 { frame } else { frame + 2 }),
            1
        );
        // A film of a second and a half, again and again.
        assert_eq!(told(|frame| frame % 45), 0);
        assert_eq!(told(|frame| if frame == 50 { 45 } else { frame }), 0);
    }
}
