// SPDX-License-Identifier: MPL-2.0
//! The rungs of one codec with a real encoder, under the test's clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{
    allocation::RungTable as _,
    codec::Codec,
    codec_ladder::CodecLadder,
    encoders,
    rungs::Surroundings,
    types::{Bitrates, Config, EncoderSetup, Failure, Input},
};

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
        notify: Arc::new(|_| ()),
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

    ladder.rungs.expect(much_later);
    let before = asked.load(SeqCst);
    let millis = |millis| much_later + Duration::from_millis(millis);
    let rung = ladder.rungs.id(0).expect("it runs");
    ladder.rungs.want_key(rung, millis(40));
    assert_eq!(asked.load(SeqCst), before + 1, "at once");
    ladder.rungs.want_key(rung, millis(60));
    assert_eq!(asked.load(SeqCst), before + 1, "one for all");
    ladder.into_running().for_each(super::rung::Rung::stop);
}

#[test]
fn when_the_next_encoder_fails_as_well_both_are_told_of_and_that_none_is_left() {
    let mut ladder = ladder(&Arc::default());
    let now = Instant::now();
    ladder.rungs.activate(0, 1_000_000, now);
    ladder.rungs.set_next_encoder(&encoders::MISSING);
    let rung = ladder.rungs.id(0).expect("it runs");
    let failure = Failure("made to fail".into());
    let steps = ladder.rungs.failed(rung, failure, now);
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
