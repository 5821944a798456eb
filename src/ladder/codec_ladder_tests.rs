// SPDX-License-Identifier: MPL-2.0
//! The rungs of one codec with a real encoder, under the test's clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{
    allocation::RungTable as _,
    codec::Codec,
    codec_ladder::CodecLadder,
    encoders,
    message::Message,
    outlet::Outlet,
    rungs::Surroundings,
    types::{Bitrates, Config, EncoderSetup, Failure, Frame, Input},
};

/// A loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// Counts the key units that encoders are asked for.
fn counted(asked: &Arc<AtomicUsize>) -> EncoderSetup {
    let asked = asked.clone();
    Arc::new(move |_, _, encoder: &gst::Element| {
        let asked = asked.clone();
        let pad = encoder.static_pad("src").expect("an encoder's pad");
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            if let Some(event) = info.event()
                && gst_video::UpstreamForceKeyUnitEvent::parse(event).is_ok()
            {
                asked.fetch_add(1, SeqCst);
            }
            gst::PadProbeReturn::Ok
        });
    })
}

/// One rung of VP8, in a ladder that is asked for nothing.
fn ladder(asked: &Arc<AtomicUsize>) -> CodecLadder {
    notifying(asked, |_| ())
}

fn notifying(
    asked: &Arc<AtomicUsize>,
    notify: impl Fn(Message) + Send + Sync + 'static,
) -> CodecLadder {
    gst::init().expect("GStreamer is installed");
    let config = Config {
        codecs: vec![Codec::Vp8],
        renditions: "320x240@1M".parse().expect("a rendition"),
        bitrates: Bitrates {
            best: Some(1_000_000),
            min: 50_000,
            max: 10_000_000,
            start: 2_048_000,
        },
        keyframe_interval: 0,
    };
    let input = Input::Raw {
        width: 320,
        height: 240,
        rate: 30,
        download: None,
    };
    let around = Surroundings {
        setup: counted(asked),
        notify: Arc::new(notify),
        want_key: Arc::new(|_| ()),
    };
    let made = CodecLadder::new(Codec::Vp8, &config, &input, around);
    made.expect("vp8enc is installed").0
}

#[test]
fn who_comes_while_the_encoder_starts_for_them_waits_for_no_earlier_key_unit() {
    let asked = Arc::<AtomicUsize>::default();
    let mut ladder = ladder(&asked);
    let much_later = Instant::now() + Duration::from_secs(60);
    ladder.rungs.tick(much_later, false);
    assert!(
        ladder.rungs.is_idle(),
        "nobody came, so that the encoder is stopped"
    );

    let before = asked.load(SeqCst);
    ladder.rungs.expect(much_later);
    let begun = Instant::now();
    while asked.load(SeqCst) == before {
        assert!(begun.elapsed() < PATIENCE, "it begins with a key unit");
        thread::yield_now();
    }
    let millis = |millis| much_later + Duration::from_millis(millis);
    let rung = ladder.rungs.id(0).expect("it runs");
    // At once, and one for all.
    ladder.rungs.want_key(rung, millis(40));
    ladder.rungs.want_key(rung, millis(60));
    let (stopped, all_stopped) = mpsc::channel::<()>();
    (ladder.into_running()).for_each(|rung| rung.stop_then(stopped.clone()));
    drop(stopped);
    let _ = all_stopped.recv_timeout(PATIENCE);
    assert_eq!(asked.load(SeqCst), before + 2);
}

#[test]
fn when_the_next_encoder_fails_as_well_both_are_told_of_and_that_none_is_left() {
    let (told, failures) = mpsc::channel();
    let mut ladder = notifying(&Arc::default(), move |message| {
        if let Message::Failed(_, rung, failure) = message {
            let _ = told.send((rung, failure));
        }
    });
    let now = Instant::now();
    ladder.rungs.activate(0, 1_000_000, now);
    ladder.rungs.set_next_encoder(&encoders::MISSING);
    let rung = ladder.rungs.id(0).expect("it runs");
    let mut steps = ladder
        .rungs
        .failed(rung, Failure("made to fail".into()), now);
    let (rung, failure) = failures.recv_timeout(PATIENCE).expect("the next fails");
    steps.extend(ladder.rungs.failed(rung, failure, now));
    let told: Vec<_> = steps.iter().map(|step| (step.factory, step.next)).collect();
    assert_eq!(
        told,
        [
            ("vp8enc", Some("no-such-encoder")),
            ("no-such-encoder", None)
        ]
    );
    assert_eq!(ladder.rungs.id(0), None);
    ladder.into_running().for_each(super::rung::Rung::stop);
}

#[test]
fn a_rung_that_is_given_up_shows_nobody_anything_from_then_on() {
    let mut ladder = ladder(&Arc::default());
    let now = Instant::now();
    ladder.rungs.activate(0, 1_000_000, now);
    let rung = ladder.into_running().next().expect("it runs");
    let outlet = Arc::new(Outlet::new(|_| ()));
    outlet.flush(false);
    outlet.open(now);
    outlet.want(rung.id, now);
    let frame = Frame {
        buffer: gst::Buffer::new(),
        caps: gst::Caps::new_empty_simple("video/x-vp8"),
        rung: rung.id,
        is_key: true,
        time: gst::ClockTime::ZERO,
        shift: 0,
    };
    let viewers = rung.viewers.clone();
    viewers.add(1, &outlet);
    viewers.offer(&frame, now);
    assert!(outlet.try_next(now).is_some());
    rung.stop();
    viewers.offer(&frame, now);
    assert!(outlet.try_next(now).is_none());
}
