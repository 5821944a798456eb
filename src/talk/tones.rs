// SPDX-License-Identifier: MPL-2.0
//! What whoever rings a doorbell hears: that it rings, that somebody comes, that nobody does. Short tones of their own, mixed
//! beside the person's voice. Pure.

use std::f32::consts::TAU;

use super::mixer::{FRAME, RATE, Sum};
use crate::calling::Cue;

/// A fifth of what there is: two that overlap are half as loud as can be, and leave the other half to a voice.
const LOUDNESS: f32 = 6_500.0;
/// A tone comes and goes within 10 ms, which is heard as no click.
const EDGE: usize = RATE / 100;

/// One sound of a melody, in samples.
#[derive(Clone, Copy, Debug)]
struct Note {
    from: usize,
    length: usize,
    hertz: f32,
    /// Whether it fades as a struck bell does.
    is_struck: bool,
}

/// The notes of a cue, and the length after which they come again from `repeat` on, if they do.
struct Melody {
    notes: &'static [Note],
    length: usize,
    repeat: Option<usize>,
}

const fn ms(time: usize) -> usize {
    time * RATE / 1_000
}

const fn note(from: usize, length: usize, hertz: f32) -> Note {
    Note {
        from: ms(from),
        length: ms(length),
        hertz,
        is_struck: false,
    }
}

const fn struck(from: usize, length: usize, hertz: f32) -> Note {
    Note {
        is_struck: true,
        ..note(from, length, hertz)
    }
}

/// Ding-dong once, since the button was felt; then as a telephone says that it rings (ITU-T E.180: 425 Hz, 1 s in 5 s).
const RINGING: Melody = Melody {
    notes: &[
        struck(0, 700, 660.0),
        struck(400, 1_000, 520.0),
        note(2_000, 1_000, 425.0),
    ],
    length: ms(6_500),
    repeat: Some(ms(1_500)),
};
/// Upwards.
const COMING: Melody = Melody {
    notes: &[
        note(0, 120, 520.0),
        note(140, 120, 660.0),
        note(280, 240, 780.0),
    ],
    length: ms(540),
    repeat: None,
};
/// Downwards, twice.
const NOBODY: Melody = Melody {
    notes: &[
        note(0, 250, 520.0),
        note(270, 450, 350.0),
        note(1_000, 250, 520.0),
        note(1_270, 450, 350.0),
    ],
    length: ms(1_740),
    repeat: None,
};

impl Cue {
    fn melody(self) -> Option<&'static Melody> {
        match self {
            Self::Ringing => Some(&RINGING),
            Self::Coming => Some(&COMING),
            Self::Nobody => Some(&NOBODY),
            Self::Silence => None,
        }
    }
}

/// Plays one melody at a time. One that gives way fades out, beside the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Player {
    now: Option<(Cue, usize)>,
    /// Gives way, with what is left of the way to silence.
    before: Option<(Cue, usize, usize)>,
}

impl Player {
    pub(super) fn play(&mut self, cue: Cue) {
        self.before = self.now.map(|(before, at)| (before, at, EDGE));
        self.now = cue.melody().map(|_| (cue, 0));
    }

    /// The next 10 ms, if anything sounds or is about to.
    pub(super) fn frame(&mut self) -> Option<[Sum; FRAME]> {
        if self.now.is_none() && self.before.is_none() {
            return None;
        }
        let mut sums = [0; FRAME];
        for sum in &mut sums {
            let mut sample = 0.0;
            if let Some((cue, at)) = &mut self.now {
                sample += step(*cue, at).unwrap_or_default();
                self.now = self.now.filter(|(cue, at)| !is_over(*cue, *at));
            }
            if let Some((cue, at, left)) = &mut self.before {
                *left -= 1;
                sample += step(*cue, at).unwrap_or_default() * share(*left, EDGE);
                self.before = self.before.filter(|(.., left)| *left > 0);
            }
            *sum = whole(sample * LOUDNESS);
        }
        Some(sums)
    }
}

fn is_over(cue: Cue, at: usize) -> bool {
    cue.melody().is_none_or(|melody| at >= melody.length)
}

/// The sample at this place, from -1 to 1, and the next place.
fn step(cue: Cue, at: &mut usize) -> Option<f32> {
    let melody = cue.melody()?;
    let sample = melody.notes.iter().map(|note| note.sample(*at)).sum();
    *at += 1;
    if let Some(repeat) = melody.repeat.filter(|_| *at >= melody.length) {
        *at = repeat;
    }
    Some(sample)
}

impl Note {
    fn sample(&self, at: usize) -> f32 {
        let Some(at) = at.checked_sub(self.from).filter(|at| *at < self.length) else {
            return 0.0;
        };
        let left = self.length - at;
        let edge = share(at.min(left).min(EDGE), EDGE);
        let body = match self.is_struck {
            true => share(left, self.length).powi(2),
            false => 1.0,
        };
        (TAU * self.hertz * share(at, RATE)).sin() * edge * body
    }
}

#[allow(clippy::cast_precision_loss, reason = "seconds of samples are few")]
fn share(part: usize, whole: usize) -> f32 {
    part as f32 / whole as f32
}

#[allow(clippy::cast_possible_truncation, reason = "it is a sample's size")]
fn whole(sample: f32) -> Sum {
    sample as Sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many ms of what a player says.
    fn played(player: &mut Player, time: usize) -> Vec<Sum> {
        (0..time / 10)
            .flat_map(|_| player.frame().unwrap_or([0; FRAME]))
            .collect()
    }

    /// How much of a tone is in it, in parts of the full loudness.
    fn tone(samples: &[Sum], hertz: f32) -> f32 {
        let (mut sin, mut cos) = (0.0, 0.0);
        for (i, sample) in samples.iter().enumerate() {
            let angle = TAU * hertz * share(i, RATE);
            sin += *sample as f32 * angle.sin();
            cos += *sample as f32 * angle.cos();
        }
        2.0 * sin.hypot(cos) / samples.len() as f32 / LOUDNESS
    }

    fn is_silent(samples: &[Sum]) -> bool {
        samples.iter().all(|sample| *sample == 0)
    }

    #[test]
    fn nothing_sounds_until_somebody_rings() {
        assert!(Player::default().frame().is_none());
    }

    #[test]
    fn it_rings_for_as_long_as_nothing_else_is_said() {
        let mut player = Player::default();
        player.play(Cue::Ringing);
        let begin = played(&mut player, 2_000);
        assert!(tone(&begin[..ms(300)], 660.0) > 0.4);
        for round in 0..20 {
            let ring = played(&mut player, 1_000);
            assert!(tone(&ring, 425.0) > 0.9, "round {round}");
            let pause = played(&mut player, 4_000);
            assert!(is_silent(&pause[ms(20)..]), "round {round}");
        }
    }

    #[test]
    fn the_others_sound_once() {
        for (cue, hertz) in [(Cue::Coming, 780.0), (Cue::Nobody, 350.0)] {
            let mut player = Player::default();
            player.play(cue);
            let all = played(&mut player, 2_000);
            let loudest = all.chunks(ms(100)).map(|part| tone(part, hertz));
            assert!(loudest.fold(0.0, f32::max) > 0.8, "{cue:?}");
            assert!(player.frame().is_none(), "{cue:?}");
        }
    }

    #[test]
    fn one_gives_way_to_the_next_without_a_click() {
        let mut player = Player::default();
        player.play(Cue::Ringing);
        let before = played(&mut player, 2_500);
        player.play(Cue::Silence);
        let after = played(&mut player, 20);
        assert!(is_silent(&after[ms(10)..]));
        let all: Vec<Sum> = before.into_iter().chain(after).collect();
        let steepest = all.windows(2).map(|pair| (pair[1] - pair[0]).abs()).max();
        // The steepest place of the highest tone, and no more.
        let bound = whole(TAU * 660.0 / share(RATE, 1) * LOUDNESS) * 2;
        assert!(steepest <= Some(bound), "{steepest:?} of {bound}");
    }

    #[test]
    fn no_cue_in_any_order_is_louder_than_fits_beside_a_voice() {
        let cues = [Cue::Ringing, Cue::Coming, Cue::Nobody, Cue::Silence];
        let mut player = Player::default();
        for n in 0..1_000_usize {
            player.play(cues[n * 7 % 11 % cues.len()]);
            let all = played(&mut player, 10 * (n % 50));
            let most = all
                .iter()
                .map(|sample| sample.abs())
                .max()
                .unwrap_or_default();
            assert!(most <= Sum::from(i16::MAX / 2), "{most}");
        }
    }
}
