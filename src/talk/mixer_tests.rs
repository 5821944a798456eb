// SPDX-License-Identifier: MPL-2.0

use super::*;

/// As loud as may be in two voices without saturation.
const LOUD: i16 = 12_000;

fn voice_with(frames: usize) -> Voice {
    let mut voice = Voice::default();
    voice.push(vec![LOUD; frames * FRAME].into_iter());
    voice
}

fn frame<const N: usize>(voices: [(&mut Voice, bool); N]) -> [i16; FRAME] {
    let mut out = [0; FRAME];
    mix(voices.into_iter(), [0; FRAME], &mut out);
    out
}

/// The largest step between two samples: what one hears as a click.
fn step(samples: &[i16]) -> i32 {
    let steps = samples.windows(2);
    steps
        .map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs())
        .max()
        .unwrap_or_default()
}

#[test]
fn nobody_is_silence() {
    assert_eq!(frame([]), [0; FRAME]);
    let mut level = Level::default();
    level.add(&frame([]));
    assert_eq!(level.take(), None);
}

#[test]
fn a_voice_fades_in_goes_on_and_ends_in_silence_without_a_click() {
    let mut voice = voice_with(4);
    let mut all = vec![0];
    for _ in 0..6 {
        all.extend(frame([(&mut voice, true)]));
    }
    assert_eq!(all[2 * FRAME], LOUD);
    assert_eq!(all[4 * FRAME - 1], LOUD);
    assert_eq!(all[5 * FRAME..], [0; FRAME + 1]);
    assert!(step(&all) <= i32::from(LOUD) / 200, "{}", step(&all));
    assert!(voice.is_over());
}

#[test]
fn a_voice_that_is_cut_is_silent_within_the_frame_whatever_it_holds() {
    let mut voice = voice_with(10);
    frame([(&mut voice, true)]);
    let cut = frame([(&mut voice, false)]);
    assert_eq!(cut[FADE..], [0; FRAME - FADE]);
    assert!(step(&cut) <= i32::from(LOUD) / 200, "{}", step(&cut));
    assert_eq!(frame([(&mut voice, false)]), [0; FRAME]);
    assert!(voice.held() <= FIRST_HELD);
}

#[test]
fn a_voice_waits_until_it_has_enough_in_hand() {
    let mut voice = voice_with(2);
    assert_eq!(frame([(&mut voice, true)]), [0; FRAME]);
    voice.push([LOUD; FRAME].into_iter());
    assert_ne!(frame([(&mut voice, true)]), [0; FRAME]);
}

#[test]
fn the_oldest_sound_is_dropped_and_no_more_than_100_ms_is_held() {
    let mut voice = Voice::default();
    for _ in 0..3 {
        voice.push(vec![-1; MAX_HELD].into_iter());
        assert_eq!(voice.held(), MAX_HELD);
    }
    let counted: Vec<i16> = (0..480).collect();
    voice.push(counted.into_iter());
    assert_eq!(voice.held(), MAX_HELD);
    assert_eq!(voice.held.back(), Some(&479));
    voice.push(vec![5; 3 * MAX_HELD].into_iter());
    assert_eq!(voice.held(), MAX_HELD);
    assert!(voice.held.iter().all(|sample| *sample == 5));
}

#[test]
fn who_waits_begins_with_what_is_said_then() {
    let mut voice = voice_with(10);
    frame([(&mut voice, false)]);
    assert_eq!(voice.held(), FIRST_HELD);
}

#[test]
fn voices_add_up_and_saturate() {
    let mut three = [voice_with(5), voice_with(5), voice_with(5)];
    let [a, b, c] = &mut three;
    frame([(a, true), (b, true), (c, false)]);
    assert_eq!(frame([(a, true), (b, true), (c, false)])[0], 2 * LOUD);
    frame([(a, true), (b, true), (c, true)]);
    assert_eq!(frame([(a, true), (b, true), (c, true)])[0], i16::MAX);
    let mut low = Voice::default();
    low.push(vec![i16::MIN; 5 * FRAME].into_iter());
    let mut lower = Voice::default();
    lower.push(vec![i16::MIN; 5 * FRAME].into_iter());
    frame([(&mut low, true), (&mut lower, true)]);
    assert_eq!(frame([(&mut low, true), (&mut lower, true)])[0], i16::MIN);
}

#[test]
fn the_level_is_that_of_what_left() {
    let mut level = Level::default();
    level.add(&[i16::MAX; FRAME]);
    assert!(level.take().is_some_and(|db| db.abs() < 0.01));
    level.add(&[i16::MAX / 10; FRAME]);
    let db = level.take().unwrap_or_default();
    assert!((db + 20.0).abs() < 0.1, "{db}");
    assert_eq!(level.take(), None);
}
