// SPDX-License-Identifier: MPL-2.0
//! The decisions one by one, and then with a device that does what it likes, in virtual time, for thousands of seeds.

use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use super::*;

const LIMITS: Limits = Limits {
    idle_timeout: Duration::from_secs(5),
    stall_timeout: Duration::from_secs(2),
    open_timeout: Duration::from_secs(10),
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A control that is wanted, and open in its first capture.
fn opening(now: Instant) -> State {
    let mut control = State::new(0);
    control.want(true, now);
    assert_eq!(control.act(&LIMITS, true, now), Some(Action::Open(1)));
    control
}

fn live(now: Instant) -> State {
    let mut control = opening(now);
    control.hear(1, Input::FirstFrame, now);
    assert_eq!(control.status(), Status::Live);
    control
}

#[test]
fn it_opens_when_it_is_wanted_and_not_before() {
    let now = Instant::now();
    let mut control = State::new(0);
    assert_eq!(control.act(&LIMITS, true, now), None);
    control.want(true, now);
    assert_eq!(control.act(&LIMITS, true, now), Some(Action::Open(1)));
    assert_eq!(control.act(&LIMITS, true, now), None);
}

#[test]
fn it_closes_a_while_after_the_last_viewer() {
    let start = Instant::now();
    let mut control = live(start);
    control.want(false, start);
    // Said again, it does not put off the end.
    control.want(false, start + ms(4000));
    control.pulse(start + ms(4900));
    assert_eq!(control.act(&LIMITS, true, start + ms(4900)), None);
    assert_eq!(control.wake_at(&LIMITS), Some(start + ms(5000)));
    let end = start + ms(5000);
    assert_eq!(control.act(&LIMITS, true, end), Some(Action::Close(1)));
    assert_eq!(control.status(), Status::Closing);
    control.hear(1, Input::Ended, end);
    assert_eq!(control.status(), Status::Closed);
}

#[test]
fn a_password_that_is_refused_is_tried_at_long_intervals_whoever_comes_and_goes() {
    let mut now = Instant::now();
    let mut control = opening(now);
    let (mut tries, mut generation) = (1, 1);
    let start = now;
    control.hear(generation, Input::Failed(Reason::Refused), now);
    while now < start + Duration::from_secs(3600) {
        match control.act(&LIMITS, true, now) {
            Some(Action::Open(opened)) => {
                (tries, generation) = (tries + 1, opened);
                control.hear(generation, Input::Failed(Reason::Refused), now);
            }
            Some(Action::Close(_)) => control.hear(generation, Input::Ended, now),
            Some(Action::Abandon(_)) => panic!("it ended"),
            None => {
                // Viewers come and leave all the time.
                let second = now.saturating_duration_since(start).as_secs();
                control.want(second % 20 < 10, now);
                let wake = control.wake_at(&LIMITS);
                assert!(wake.is_none_or(|wake| wake > now), "it does not rest");
                now += ms(500);
            }
        }
    }
    // Half a minute, one, two, four, eight and then ten.
    assert!((8..=11).contains(&tries), "{tries}");
    now += Duration::from_secs(600);
    control.want(true, now);
    assert!(matches!(
        control.act(&LIMITS, true, now),
        Some(Action::Open(_))
    ));
    control.hear(control.generation(), Input::FirstFrame, now);
    control.hear(control.generation(), Input::Failed(Reason::Gone), now);
    assert!(matches!(
        control.act(&LIMITS, true, now),
        Some(Action::Close(_))
    ));
    control.hear(control.generation(), Input::Ended, now);
    let back = now + LAST_RETRY;
    assert!(
        matches!(control.act(&LIMITS, true, back), Some(Action::Open(_))),
        "another fault is another matter"
    );
}

#[test]
fn a_password_that_is_refused_to_a_look_is_not_tried_for_the_first_viewer() {
    let start = Instant::now();
    let mut state = State::new(0);
    state.refuse(start);
    assert_eq!(state.status(), Status::Lost(Reason::Refused));
    state.want(true, start);
    assert_eq!(state.act(&LIMITS, true, start), None);
    let again = start + FIRST_REFUSED_RETRY;
    assert_eq!(state.wake_at(&LIMITS), Some(again));
    assert_eq!(state.act(&LIMITS, true, again), Some(Action::Open(1)));
    // Refused again, and then changed.
    state.hear(1, Input::Failed(Reason::Refused), again);
    assert_eq!(state.act(&LIMITS, true, again), Some(Action::Close(1)));
    state.forgive(again);
    state.hear(1, Input::Ended, again);
    assert_eq!(state.act(&LIMITS, true, again), None);
    state.forgive(again);
    assert_eq!(state.act(&LIMITS, true, again), Some(Action::Open(2)));
    // A new run is a new try: somebody may have changed it.
    let mut state = State::new(1);
    state.want(true, start);
    assert_eq!(state.act(&LIMITS, true, start), Some(Action::Open(2)));
}

#[test]
fn a_viewer_who_is_back_in_time_keeps_it_open() {
    let start = Instant::now();
    let mut control = live(start);
    control.want(false, start);
    control.want(true, start + ms(2000));
    let late = start + ms(60_000);
    control.pulse(late);
    assert_eq!(control.act(&LIMITS, true, late), None);
}

#[test]
fn one_who_comes_while_it_closes_has_it_opened_when_it_is_closed() {
    let start = Instant::now();
    let mut control = live(start);
    control.want(false, start);
    let end = start + ms(5000);
    control.pulse(end);
    assert_eq!(control.act(&LIMITS, true, end), Some(Action::Close(1)));
    control.want(true, end);
    assert_eq!(
        control.act(&LIMITS, true, end),
        None,
        "the device is not free"
    );
    control.hear(1, Input::Ended, end);
    assert_eq!(control.act(&LIMITS, true, end), Some(Action::Open(2)));
}

#[test]
fn what_fails_is_closed_and_tried_again_later_and_later_but_not_too_late() {
    let mut now = Instant::now();
    let mut control = State::new(0);
    control.want(true, now);
    for (generation, wait) in [(1, 250), (2, 500), (3, 1000), (4, 1000), (5, 1000)] {
        assert_eq!(
            control.act(&LIMITS, true, now),
            Some(Action::Open(generation))
        );
        control.hear(generation, Input::Failed(Reason::Busy), now);
        assert_eq!(control.status(), Status::Lost(Reason::Busy));
        assert_eq!(
            control.act(&LIMITS, true, now),
            Some(Action::Close(generation))
        );
        control.hear(generation, Input::Ended, now);
        assert_eq!(control.act(&LIMITS, true, now), None);
        assert_eq!(control.wake_at(&LIMITS), Some(now + ms(wait)));
        now += ms(wait);
    }
}

#[test]
fn a_camera_that_gives_no_pictures_is_stalled() {
    let start = Instant::now();
    let mut control = live(start);
    control.pulse(start + ms(500));
    assert_eq!(control.act(&LIMITS, true, start + ms(2400)), None);
    let late = start + ms(2500);
    assert_eq!(control.act(&LIMITS, true, late), Some(Action::Close(1)));
    assert_eq!(control.status(), Status::Lost(Reason::Stalled));
}

#[test]
fn one_that_never_gives_the_first_is_stalled_as_well() {
    let start = Instant::now();
    let mut control = opening(start);
    let late = start + LIMITS.open_timeout;
    assert_eq!(control.wake_at(&LIMITS), Some(late));
    assert_eq!(control.act(&LIMITS, true, late), Some(Action::Close(1)));
    assert_eq!(control.status(), Status::Lost(Reason::Stalled));
}

#[test]
fn a_capture_that_does_not_end_is_left_to_itself_and_its_late_news_count_for_nothing() {
    let start = Instant::now();
    let mut control = opening(start);
    control.hear(1, Input::Failed(Reason::Failed), start);
    assert_eq!(control.act(&LIMITS, true, start), Some(Action::Close(1)));
    let late = start + CLOSE_PATIENCE;
    assert_eq!(control.act(&LIMITS, true, late), Some(Action::Abandon(1)));
    assert_eq!(
        control.act(&LIMITS, false, late + ms(9000)),
        None,
        "too many of them"
    );
    assert_eq!(
        control.act(&LIMITS, true, late + ms(9000)),
        Some(Action::Open(2))
    );
    control.hear(1, Input::FirstFrame, late + ms(9001));
    control.hear(1, Input::Failed(Reason::Gone), late + ms(9001));
    control.hear(1, Input::Ended, late + ms(9001));
    assert_eq!(control.act(&LIMITS, true, late + ms(9001)), None);
}

#[test]
fn a_capture_that_ends_by_itself_is_a_failure_and_not_the_end() {
    let start = Instant::now();
    let mut control = live(start);
    control.hear(1, Input::Ended, start);
    assert_eq!(control.status(), Status::Lost(Reason::Failed));
    assert_eq!(
        control.act(&LIMITS, true, start + ms(250)),
        Some(Action::Open(2))
    );
}

#[test]
fn a_camera_that_is_lost_and_that_nobody_wants_any_more_rests() {
    let start = Instant::now();
    let mut control = opening(start);
    control.hear(1, Input::Failed(Reason::Missing), start);
    assert_eq!(control.act(&LIMITS, true, start), Some(Action::Close(1)));
    control.hear(1, Input::Ended, start);
    control.want(false, start);
    assert_eq!(control.act(&LIMITS, true, start + ms(5000)), None);
    assert_eq!(control.status(), Status::Closed);
    assert_eq!(control.wake_at(&LIMITS), None);
}

/// A device with a will of its own.
struct Simulation {
    rng: StdRng,
    now: Instant,
    control: State,
    /// Sessions that have not ended, and whether they were abandoned.
    captures: Vec<(u64, bool)>,
    /// What happens at which time.
    coming: Vec<(Instant, u64, Input)>,
    works: bool,
    works_since: Instant,
    unwanted_since: Option<Instant>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let now = Instant::now();
        Self {
            rng: StdRng::seed_from_u64(seed),
            now,
            control: State::new(0),
            captures: Vec::new(),
            coming: Vec::new(),
            works: true,
            works_since: now,
            unwanted_since: Some(now),
        }
    }

    fn after(&mut self, most: u64) -> Instant {
        self.now + ms(self.rng.random_range(0..=most))
    }

    fn open(&mut self, generation: u64) {
        let open = self.captures.iter().filter(|(_, abandoned)| !abandoned);
        assert_eq!(open.count(), 0, "one at a time");
        self.captures.push((generation, false));
        let at = self.after(if self.works { 300 } else { 3000 });
        let news = match (self.works, self.rng.random_range(0..4)) {
            (true, _) => Input::FirstFrame,
            (false, 0) => return,
            (false, _) => Input::Failed(Reason::Busy),
        };
        self.coming.push((at, generation, news));
    }

    fn close(&mut self, generation: u64) {
        // A driver may hang for a while.
        let hangs = !self.works && self.rng.random_range(0..3) == 0;
        let at = self.after(if hangs { 30_000 } else { 200 });
        self.coming.push((at, generation, Input::Ended));
    }

    fn act(&mut self) {
        while let Some(action) = self.control.act(&LIMITS, self.captures.len() < 4, self.now) {
            match action {
                Action::Open(generation) => self.open(generation),
                Action::Close(generation) => self.close(generation),
                Action::Abandon(generation) => {
                    let capture = self.captures.iter_mut().find(|(of, _)| *of == generation);
                    capture.expect("it is open").1 = true;
                }
            }
        }
    }

    fn step(&mut self) {
        self.now += ms(self.rng.random_range(1..400));
        if self.rng.random_range(0..40) == 0 {
            self.works = !self.works;
            self.works_since = self.now;
        }
        if self.rng.random_range(0..30) == 0 {
            let wanted = self.unwanted_since.is_some();
            self.unwanted_since = (!wanted).then_some(self.now);
            self.control.want(wanted, self.now);
        }
        self.coming.sort_by_key(|(at, ..)| *at);
        while self.coming.first().is_some_and(|(at, ..)| *at <= self.now) {
            let (_, generation, news) = self.coming.remove(0);
            if news == Input::Ended {
                self.captures.retain(|(of, _)| *of != generation);
            }
            self.control.hear(generation, news, self.now);
            self.act();
        }
        if self.works {
            self.control.pulse(self.now);
        }
        self.act();
        self.check();
    }

    fn check(&self) {
        let long_since = |since: Instant, grace: Duration| since + grace + ms(800) < self.now;
        let status = self.control.status();
        let grace = LIMITS.idle_timeout + CLOSE_PATIENCE;
        if self
            .unwanted_since
            .is_some_and(|since| long_since(since, grace))
        {
            assert_eq!(status, Status::Closed, "nobody wants it");
        }
        let grace = LIMITS.open_timeout + CLOSE_PATIENCE + LAST_RETRY;
        if self.works && long_since(self.works_since, grace) && self.unwanted_since.is_none() {
            assert_ne!(status, Status::Closed, "somebody wants it");
        }
        assert!(self.captures.len() <= 4, "{} captures", self.captures.len());
    }
}

#[test]
fn whatever_the_device_does_one_capture_is_open_at_a_time_and_none_when_nobody_wants_it() {
    for seed in 0..3000 {
        let run = || {
            let mut simulation = Simulation::new(seed);
            (0..400).for_each(|_| simulation.step());
        };
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn a_camera_that_works_again_is_back_within_two_seconds() {
    for seed in 0..500 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut now = Instant::now();
        let mut control = State::new(0);
        control.want(true, now);
        // It is away for a while.
        let back = now + ms(rng.random_range(0..60_000));
        let mut closing = None;
        let live_at = loop {
            match control.act(&LIMITS, true, now) {
                Some(Action::Open(generation)) if now >= back => {
                    control.hear(generation, Input::FirstFrame, now);
                    break now;
                }
                Some(Action::Open(generation)) => {
                    control.hear(generation, Input::Failed(Reason::Missing), now);
                }
                Some(Action::Close(generation)) => closing = Some(generation),
                Some(Action::Abandon(_)) => panic!("it ends at once"),
                None => match closing.take() {
                    Some(generation) => control.hear(generation, Input::Ended, now),
                    None => now = control.wake_at(&LIMITS).expect("it goes on trying"),
                },
            }
        };
        assert!(
            live_at < back + ms(2000),
            "seed {seed}: {:?}",
            live_at - back
        );
    }
}
