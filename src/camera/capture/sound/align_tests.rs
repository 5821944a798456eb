// SPDX-License-Identifier: MPL-2.0
//! Sound of a card that is simulated, in step with the clock.

use super::super::card::{BLOCK, Card};
use super::*;

/// Seconds: what is promised, which is as much as people hardly notice (ITU-R BT.1359).
const PROMISED: f64 = 0.040;
/// Seconds: what is reached where nothing is lost.
const REACHED: f64 = 0.003;
const HOUR: u64 = 3_600;

#[test]
fn an_hour_of_drift_leaves_sound_in_step() {
    for off in [100e-6, -100e-6] {
        let (mut card, mut aligner) = (Card::new(off), Aligner::default());
        let (most, end) = card.hear(&mut aligner, (0, HOUR));
        println!("{off}: {most} s at the most, {end} s in the end");
        assert!(most < PROMISED && end < REACHED, "{off}: {most} s, {end} s");
        assert!(off.abs() * HOUR as f64 > PROMISED, "nothing had to be done");
    }
}

#[test]
fn samples_and_timestamps_agree() {
    let (mut card, mut aligner) = (Card::new(-80e-6), Aligner::default());
    let mut ends = None;
    for _ in 0..3_000 {
        let (at, frames) = card.block();
        let aligned = aligner.push(at, &frames, false);
        let after = aligned.frames.len() as u64 * NANOSECONDS / u64::from(RATE);
        let in_a_row = |ends: u64| ends.abs_diff(aligned.at) <= 1;
        assert!(ends.is_none_or(in_a_row), "{ends:?}, {}", aligned.at);
        ends = Some(aligned.at + after);
    }
}

#[test]
fn a_card_that_keeps_time_is_passed_on_untouched() {
    let mut aligner = Aligner::default();
    let frames: Vec<Frame> = (0..BLOCK as i16).map(|i| [i, -i]).collect();
    let mut output = Vec::new();
    for block in 0..500_u64 {
        let aligned = aligner.push(7 + block * 10_000_000, &frames, false);
        assert_eq!(aligned.is_first, block == 0);
        output.extend(aligned.frames);
    }
    for (number, frame) in output.iter().enumerate() {
        assert_eq!(*frame, frames[number % BLOCK]);
    }
}

#[test]
fn a_first_buffer_that_was_measured_late_is_made_up_for_at_once() {
    let (mut card, mut aligner) = (Card::new(0.0), Aligner::default());
    let (at, frames) = card.block();
    aligner.push(at + 90_000_000, &frames, false);
    let (most, _) = card.hear(&mut aligner, (1, 60));
    assert!(most < REACHED, "{most} s");
}

#[test]
fn what_a_card_loses_becomes_silence() {
    for is_told in [true, false] {
        let (mut card, mut aligner) = (Card::new(50e-6), Aligner::default());
        card.hear(&mut aligner, (0, 30));
        card.lose(u64::from(RATE) / 10);
        let (at, frames) = card.block();
        let length = aligner.push(at, &frames, is_told).frames.len();
        assert_eq!(length > BLOCK * 10, is_told, "{length} frames");
        let (most, _) = card.hear(&mut aligner, (1, 60));
        assert!(most < REACHED, "told {is_told}: {most} s");
    }
}

#[test]
fn a_device_that_was_away_begins_anew_and_nothing_is_made_up_for() {
    let (mut card, mut aligner) = (Card::new(0.0), Aligner::default());
    card.hear(&mut aligner, (0, 5));
    card.lose(u64::from(RATE) * 3);
    let (at, frames) = card.block();
    let aligned = aligner.push(at, &frames, true);
    assert!(aligned.is_first && aligned.at == at);
    assert!(aligned.frames.len() <= BLOCK);
}

#[test]
fn no_buffer_is_stretched_so_that_anybody_hears_it() {
    let (mut card, mut aligner) = (Card::new(300e-6), Aligner::default());
    card.hear(&mut aligner, (0, 5));
    for _ in 0..6_000 {
        let (at, frames) = card.block();
        let length = aligner.push(at, &frames, false).frames.len();
        assert!(length.abs_diff(BLOCK) <= 2, "{length} frames");
    }
}
