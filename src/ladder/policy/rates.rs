// SPDX-License-Identifier: MPL-2.0
//! Shares of bitrates that cannot overflow, and what a ladder may be.

use super::size::{Size, percent};

/// A ladder with more rungs costs more encoders than it saves viewers' bits.
pub(super) const MOST_RUNGS: usize = 8;

/// How a ladder is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Bit/s of each rung, best first, strictly falling, 1..=8 of them. What does not fall is left out.
    pub(crate) ceilings: Vec<u32>,
    /// The picture of each, where that is known: as many, or none.
    pub(crate) sizes: Vec<Size>,
    /// No encoder is set lower than this many bit/s.
    pub(crate) min_bitrate: u32,
}

impl Config {
    /// The same, in order, whatever was asked for.
    pub(super) fn sane(mut self) -> Self {
        if self.sizes.len() != self.ceilings.len() {
            self.sizes.clear();
        }
        let mut last = None;
        let falls: Vec<bool> = (self.ceilings.iter())
            .map(|&ceiling| {
                let falls = ceiling > 0 && last.is_none_or(|last| ceiling < last);
                if falls {
                    last = Some(ceiling);
                }
                falls
            })
            .collect();
        let (mut of_ceilings, mut of_sizes) = (falls.iter(), falls.iter());
        (self.ceilings).retain(|_| of_ceilings.next().is_some_and(|falls| *falls));
        (self.sizes).retain(|_| of_sizes.next().is_some_and(|falls| *falls));
        self.ceilings.truncate(MOST_RUNGS);
        self.sizes.truncate(MOST_RUNGS);
        if self.ceilings.is_empty() {
            self.ceilings.push(self.min_bitrate.max(1));
        }
        let lowest = self.ceilings[self.last()];
        self.min_bitrate = self.min_bitrate.clamp(1, lowest);
        self
    }

    pub(super) fn last(&self) -> usize {
        self.ceilings.len().saturating_sub(1)
    }

    /// Below this the rung underneath shows as much with fewer pixels.
    pub(super) fn floor(&self, rung: usize) -> u32 {
        self.ceilings.get(rung + 1).copied().unwrap_or(0)
    }

    pub(super) fn clamp(&self, rung: usize, bitrate: u32) -> u32 {
        bitrate.clamp(self.min_bitrate, self.ceilings[rung])
    }
}

/// Of a link's estimate this much is video. The rest is for sound, for retransmissions, and for encoders, which miss their
/// target by some per cent.
const MEDIA: u32 = 95;

/// The video that an estimate carries.
pub(super) fn media_in(estimate: u32) -> u32 {
    percent(estimate, MEDIA)
}

/// The estimate that carries so much video.
pub(super) fn estimate_for(media: u32) -> u32 {
    let estimate = (u64::from(media) * 100).div_ceil(u64::from(MEDIA));
    u32::try_from(estimate).unwrap_or(u32::MAX)
}
