// SPDX-License-Identifier: MPL-2.0
//! How soon a slate comes and how soon the picture is back, counted: of many unpluggings hardly one may be late.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{BACK, SLATE, Stage};

/// Cameras side by side, as one that is back is looked for once a second only.
const CAMERAS: [&str; 8] = [
    "p-one", "p-two", "p-three", "p-four", "p-five", "p-six", "p-seven", "p-eight",
];
/// Times that each is unplugged.
const ROUNDS: usize = 5;
/// Of all, so many may be later than promised, on a machine that others use too.
const MOST_LATE: usize = 1;

#[test]
fn of_forty_cameras_unplugged_at_most_one_is_late_with_its_slate_or_its_picture() {
    let stages = CAMERAS.map(|name| Stage::live(name, ""));
    let mut times: Vec<(Duration, Duration)> = Vec::new();
    thread::scope(|scope| {
        let threads: Vec<_> = stages
            .iter()
            .map(|stage| scope.spawn(|| (0..ROUNDS).map(|_| cycle(stage)).collect::<Vec<_>>()))
            .collect();
        for thread in threads {
            times.extend(thread.join().unwrap());
        }
    });
    let (mut slates, mut backs): (Vec<_>, Vec<_>) = times.into_iter().unzip();
    assert_few_late("slate", &mut slates, SLATE);
    assert_few_late("picture", &mut backs, BACK);
    stages.into_iter().for_each(Stage::end);
}

/// One unplugging, and how long slate and picture took.
fn cycle(stage: &Stage) -> (Duration, Duration) {
    let since = |start: Instant, live: bool| {
        let seen = stage.eye.wait(start, "the other", |seen| seen.live == live);
        seen.at - start
    };
    let slate = since(stage.unplug(), false);
    let back = since(stage.set("ok"), true);
    (slate, back)
}

#[track_caller]
fn assert_few_late(what: &str, times: &mut [Duration], most: Duration) {
    times.sort();
    let late = times.iter().filter(|time| **time > most).count();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{what}: half within {median:?}, all within {longest:?}; {late} of {} after more than {most:?}",
        times.len()
    );
    assert!(late <= MOST_LATE, "{what}: {times:?}");
}
