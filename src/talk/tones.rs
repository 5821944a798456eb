// SPDX-License-Identifier: MPL-2.0
//! What whoever rings a doorbell hears: that it rings, that somebody comes, that nobody does. Short tones of their own, mixed
//! beside the person's voice. Pure.

use std::f32::consts::TAU;

use super::{
    mixer::{FRAME, RATE, Sum},
    sounds::Sound,
};
use crate::calling::Cue;

/// A fifth of what there is: two that overlap are half as loud as can be, and leave the other half to a voice.
const LOUDNESS: f32 = 6_500.0;
/// Of a user's own sound: the other half is left to a voice.
const HALF: f32 = 0.5;
/// Between two repetitions of a sound that rings.
const PAUSE: usize = ms(2_000);
/// And from one to the next at least, as a telephone's.
const PERIOD: usize = ms(5_000);
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

/// A user's own sounds, in place of the melodies of these cues.
#[derive(Clone, Debug, Default)]
pub(super) struct Sounds {
    ringing: Option<Sound>,
    coming: Option<Sound>,
    nobody: Option<Sound>,
}

impl Sounds {
    pub(super) fn set(&mut self, cue: Cue, sound: Option<Sound>) {
        match cue {
            Cue::Ringing => self.ringing = sound,
            Cue::Coming => self.coming = sound,
            Cue::Nobody => self.nobody = sound,
            Cue::Silence => (),
        }
    }

    pub(super) fn of(&self, cue: Cue) -> Option<Sound> {
        match cue {
            Cue::Ringing => self.ringing.clone(),
            Cue::Coming => self.coming.clone(),
            Cue::Nobody => self.nobody.clone(),
            Cue::Silence => None,
        }
    }
}

/// What plays, and how far it is.
#[derive(Clone, Debug)]
struct Playing {
    cue: Cue,
    sound: Option<Sound>,
    at: usize,
}

/// Plays one melody, or sound, at a time. One that gives way fades out, beside the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Player {
    now: Option<Playing>,
    /// Gives way, with what is left of the way to silence.
    before: Option<(Playing, usize)>,
}

impl Player {
    /// With a sound, that is played in place of the cue's melody.
    pub(super) fn play(&mut self, cue: Cue, sound: Option<Sound>) {
        self.before = self.now.take().map(|before| (before, EDGE));
        let at = 0;
        self.now = cue.melody().map(|_| Playing { cue, sound, at });
    }

    /// The next 10 ms, if anything sounds or is about to.
    pub(super) fn frame(&mut self) -> Option<[Sum; FRAME]> {
        if self.now.is_none() && self.before.is_none() {
            return None;
        }
        let mut sums = [0; FRAME];
        for sum in &mut sums {
            let mut sample = 0.0;
            if let Some(now) = &mut self.now {
                sample += now.step();
            }
            self.now.take_if(|now| now.is_over());
            if let Some((before, left)) = &mut self.before {
                *left -= 1;
                sample += before.step() * share(*left, EDGE);
            }
            self.before.take_if(|(_, left)| *left == 0);
            *sum = whole(sample);
        }
        Some(sums)
    }
}

impl Playing {
    fn is_over(&self) -> bool {
        let repeats = self
            .cue
            .melody()
            .is_some_and(|melody| melody.repeat.is_some());
        match &self.sound {
            Some(sound) => !repeats && self.at >= sound.len(),
            None => self
                .cue
                .melody()
                .is_none_or(|melody| self.at >= melody.length),
        }
    }

    /// The sample at this place, and on to the next.
    fn step(&mut self) -> f32 {
        let at = self.at;
        self.at += 1;
        if let Some(sound) = &self.sound {
            // What rings does so again after a pause, as long as it rings.
            if self.at >= (sound.len() + PAUSE).max(PERIOD) {
                self.at = 0;
            }
            let edge = at.min(sound.len().saturating_sub(at + 1)).min(EDGE);
            let sample = sound.get(at).copied().unwrap_or_default();
            return f32::from(sample) * HALF * share(edge, EDGE);
        }
        let Some(melody) = self.cue.melody() else {
            return 0.0;
        };
        if let Some(repeat) = melody.repeat.filter(|_| self.at >= melody.length) {
            self.at = repeat;
        }
        let sample: f32 = melody.notes.iter().map(|note| note.sample(at)).sum();
        sample * LOUDNESS
    }
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
        player.play(Cue::Ringing, None);
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
            player.play(cue, None);
            let all = played(&mut player, 2_000);
            let loudest = all.chunks(ms(100)).map(|part| tone(part, hertz));
            assert!(loudest.fold(0.0, f32::max) > 0.8, "{cue:?}");
            assert!(player.frame().is_none(), "{cue:?}");
        }
    }

    #[test]
    fn one_gives_way_to_the_next_without_a_click() {
        let mut player = Player::default();
        player.play(Cue::Ringing, None);
        let before = played(&mut player, 2_500);
        player.play(Cue::Silence, None);
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
            player.play(cues[n * 7 % 11 % cues.len()], None);
            let all = played(&mut player, 10 * (n % 50));
            let most = all
                .iter()
                .map(|sample| sample.abs())
                .max()
                .unwrap_or_default();
            assert!(most <= Sum::from(i16::MAX / 2), "{most}");
        }
    }

    fn sound(ms_long: usize, hertz: f32) -> Sound {
        let sample = |n: usize| (f32::from(i16::MAX) * (TAU * hertz * share(n, RATE)).sin()) as i16;
        (0..ms(ms_long)).map(sample).collect()
    }

    #[test]
    fn a_sound_of_ones_own_rings_again_after_a_pause_and_the_others_sound_once() {
        let mut player = Player::default();
        player.play(Cue::Ringing, Some(sound(500, 1_000.0)));
        for round in 0..5 {
            let ring = played(&mut player, 500);
            assert!(tone(&ring, 1_000.0) > 2.0, "round {round}");
            assert!(is_silent(&played(&mut player, 4_500)), "round {round}");
        }
        player.play(Cue::Ringing, Some(sound(8_000, 1_000.0)));
        played(&mut player, 8_000);
        assert!(
            is_silent(&played(&mut player, 2_000)),
            "a pause behind a long one too"
        );
        assert!(!is_silent(&played(&mut player, 100)));
        player.play(Cue::Coming, Some(sound(300, 700.0)));
        played(&mut player, 10);
        let coming = played(&mut player, 280);
        assert!(tone(&coming, 700.0) > 2.0);
        played(&mut player, 20);
        assert!(player.frame().is_none());
    }

    #[test]
    fn sounds_are_never_louder_than_fits_beside_a_voice() {
        let loud: Sound = vec![i16::MIN; ms(2_000)].into();
        let mut player = Player::default();
        let cues = [Cue::Ringing, Cue::Coming, Cue::Nobody, Cue::Silence];
        for n in 0..1_000_usize {
            let own = (n % 3 > 0).then(|| loud.clone());
            player.play(cues[n * 7 % 11 % cues.len()], own);
            let all = played(&mut player, 10 * (n % 50));
            let most = all.iter().map(|sample| sample.abs()).max();
            assert!(most.unwrap_or_default() <= 1 << 14, "{most:?}");
        }
    }
}
