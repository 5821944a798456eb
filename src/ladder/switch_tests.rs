// SPDX-License-Identifier: MPL-2.0
use super::*;
use crate::ladder::{rendition::Rendition, types::RungSpec};

const MS: u64 = 1_000_000;

fn pass(pts: u64, moved: bool) -> Verdict {
    Verdict::Pass { pts, moved }
}

fn rungs<const N: usize>() -> [RungId; N] {
    std::array::from_fn(|_| {
        RungId::new(RungSpec {
            source: 0,
            rendition: Rendition {
                width: 640,
                height: 360,
                ceiling: 600_000,
            },
        })
    })
}

fn on(rung: RungId) -> Switch {
    let mut switch = Switch::default();
    switch.want(rung);
    switch
}

/// A frame that comes when it says.
fn take(switch: &mut Switch, rung: RungId, is_key: bool, pts: u64) -> Verdict {
    switch.take(rung, is_key, pts, pts)
}

#[test]
fn the_first_frame_is_a_key_unit() {
    let [a, b] = rungs();
    let mut switch = on(a);
    assert_eq!(take(&mut switch, a, false, 0), Verdict::Drop);
    assert_eq!(take(&mut switch, b, true, 0), Verdict::Drop);
    assert_eq!(take(&mut switch, a, true, 33 * MS), pass(33 * MS, true));
    assert_eq!(take(&mut switch, a, false, 66 * MS), pass(66 * MS, false));
}

#[test]
fn the_old_rung_goes_on_until_the_new_ones_key_unit() {
    let [a, b] = rungs();
    let mut switch = on(a);
    take(&mut switch, a, true, 0);
    switch.want(b);
    assert_eq!(take(&mut switch, b, false, 33 * MS), Verdict::Drop);
    assert_eq!(take(&mut switch, a, false, 33 * MS), pass(33 * MS, false));
    assert_eq!(take(&mut switch, b, true, 66 * MS), pass(66 * MS, true));
    assert_eq!(take(&mut switch, a, false, 66 * MS), Verdict::Drop);
    assert_eq!(take(&mut switch, a, true, 99 * MS), Verdict::Drop);
}

#[test]
fn who_is_called_back_before_the_key_unit_stays_and_waits_for_none() {
    let [a, b] = rungs();
    let mut switch = on(a);
    take(&mut switch, a, true, 0);
    switch.want(b);
    assert!(switch.waits());
    switch.want(a);
    assert!(!switch.waits());
    assert_eq!(take(&mut switch, a, false, 33 * MS), pass(33 * MS, false));
    assert_eq!(take(&mut switch, b, true, 66 * MS), Verdict::Drop);
}

#[test]
fn frames_of_an_encoder_that_was_given_up_are_not_its_successors() {
    let [old, new] = rungs();
    let mut switch = on(old);
    take(&mut switch, old, true, 0);
    switch.want(new);
    assert_eq!(take(&mut switch, new, true, 33 * MS), pass(33 * MS, true));
    assert_eq!(take(&mut switch, old, false, 66 * MS), Verdict::Drop);
}

#[test]
fn a_key_unit_of_the_same_picture_follows_a_step_later() {
    let [a, b] = rungs();
    let mut switch = on(a);
    take(&mut switch, a, true, 33 * MS);
    switch.want(b);
    assert_eq!(take(&mut switch, b, true, 33 * MS), pass(34 * MS, true));
    assert_eq!(take(&mut switch, b, false, 66 * MS), pass(66 * MS, false));
}

#[test]
fn a_timestamp_that_comes_twice_costs_no_frame() {
    let [a] = rungs();
    let mut switch = on(a);
    take(&mut switch, a, true, 0);
    assert_eq!(take(&mut switch, a, false, 33 * MS), pass(33 * MS, false));
    assert_eq!(take(&mut switch, a, false, 33 * MS), pass(34 * MS, false));
    assert_eq!(take(&mut switch, a, false, 66 * MS), pass(66 * MS, false));
    assert!(!switch.waits());
}

#[test]
fn a_source_whose_time_jumps_goes_on_at_the_clocks() {
    // Seconds by which the source's time is another one after ten seconds: a seek back and forth.
    for jump in [-9_i64, 3_600] {
        let [a] = rungs();
        let mut switch = on(a);
        let mut last = None;
        for frame in 0..600_u64 {
            let now = frame * 33 * MS;
            let jumped = if frame >= 300 { jump } else { 0 };
            let time = now.saturating_add_signed(jumped * 1_000_000_000);
            let Verdict::Pass { pts, .. } = switch.take(a, frame == 0, time, now) else {
                panic!("frame {frame} was dropped");
            };
            assert!(last.is_none_or(|last| pts > last));
            assert!(pts.abs_diff(now) <= 2 * MS, "frame {frame}: {pts} at {now}");
            last = Some(pts);
        }
    }
}

#[test]
fn after_a_pause_time_has_gone_on() {
    let [a] = rungs();
    let mut switch = on(a);
    switch.take(a, true, 0, 0);
    switch.take(a, false, 33 * MS, 33 * MS);
    // Three seconds in which the pipeline's own time stood still.
    let after = switch.take(a, false, 66 * MS, 3_066 * MS);
    assert_eq!(after, pass(3_066 * MS, false));
}

#[test]
fn after_a_pause_of_a_moment_time_is_where_the_clock_is_within_two_seconds() {
    let [a] = rungs();
    let mut switch = on(a);
    let mut off = 0;
    for frame in 0..150_u64 {
        let time = frame * 33 * MS;
        let paused = if frame >= 50 { 600 * MS } else { 0 };
        let Verdict::Pass { pts, .. } = switch.take(a, frame == 0, time, time + paused) else {
            panic!("frame {frame} was dropped");
        };
        off = pts.abs_diff(time + paused);
        assert!(frame < 50 + 60 || off < 50 * MS, "{off} at {frame}");
    }
    assert!(off < 50 * MS, "{off}");
}

#[test]
fn pictures_that_come_late_by_turns_keep_their_times() {
    let [a] = rungs();
    let mut switch = on(a);
    for frame in 0..300_u64 {
        let time = frame * 33 * MS;
        // Seven of ten wait for the eighth, as behind a camera's radio.
        let late = 300 * MS - frame % 10 * 33 * MS;
        let Verdict::Pass { pts, .. } = switch.take(a, frame == 0, time, time + late) else {
            panic!("frame {frame} was dropped");
        };
        assert!(pts.abs_diff(time) < 20 * MS, "{pts} at {frame}");
    }
}

#[test]
fn a_clock_that_is_a_little_faster_is_followed_without_a_jump() {
    let [a] = rungs();
    let mut switch = on(a);
    let mut last = 0;
    // Two hours at 300 millionths: two seconds in all.
    for frame in 0..216_000_u64 {
        let now = frame * 33_333_333;
        let time = now + now / 10_000 * 3;
        let Verdict::Pass { pts, .. } = switch.take(a, frame == 0, time, now) else {
            panic!("frame {frame} was dropped");
        };
        assert!(
            frame == 0 || pts - last < 40 * MS,
            "{} at {frame}",
            pts - last
        );
        last = pts;
    }
}

#[test]
fn no_time_is_too_large() {
    let [a] = rungs();
    let mut switch = on(a);
    for (time, now) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX), (0, 0)] {
        assert!(matches!(
            switch.take(a, true, time, now),
            Verdict::Pass { .. }
        ));
    }
}

#[test]
fn after_a_loss_nothing_passes_before_a_key_unit_of_either_rung() {
    let [a] = rungs();
    let mut switch = on(a);
    take(&mut switch, a, true, 0);
    switch.lose();
    assert!(switch.waits());
    assert_eq!(take(&mut switch, a, false, 33 * MS), Verdict::Drop);
    assert_eq!(take(&mut switch, a, true, 66 * MS), pass(66 * MS, false));
    assert!(!switch.waits());
}

#[test]
fn whatever_comes_timestamps_rise_and_each_delta_unit_has_all_before_it() {
    for seed in 0..2_000u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let all: [RungId; 3] = rungs();
        let mut switch = on(all[0]);
        let (mut last, mut shown): (Option<u64>, Option<(RungId, u64)>) = (None, None);
        for tick in 0..200u64 {
            match next(12) {
                0 => switch.want(all[next(3) as usize]),
                1 => {
                    switch.lose();
                    shown = None;
                }
                _ => (),
            }
            for rung in all {
                let key = next(9) == 0;
                let now = tick * 33 * MS;
                let Verdict::Pass { pts, .. } = switch.take(rung, key, now + next(50) * MS, now)
                else {
                    // A delta unit that did not pass breaks the chain of its rung.
                    shown = shown.filter(|(of, _)| *of != rung);
                    continue;
                };
                assert!(last.is_none_or(|last| pts > last), "seed {seed}");
                assert!(key || shown == Some((rung, tick - 1)), "seed {seed}");
                last = Some(pts);
                shown = Some((rung, tick));
            }
        }
    }
}
