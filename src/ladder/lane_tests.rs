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
    codec::Codec,
    config::{Config, EncoderSetup, Input},
    lane::Lane,
    rendition::{Rendition, Renditions},
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

#[test]
fn who_comes_while_the_encoder_starts_for_them_waits_for_no_earlier_key_unit() {
    gst::init().expect("GStreamer is installed");
    let config = Config {
        codecs: vec![Codec::Vp8],
        renditions: Renditions::Auto,
        bitrate: Some(1_000_000),
        min_bitrate: 50_000,
        max_bitrate: 10_000_000,
        keyframe_interval: 0,
    };
    let input = Input::Raw {
        width: 320,
        height: 240,
        rate: 30,
        download: None,
    };
    let sizes = vec![Rendition {
        width: 320,
        height: 240,
        ceiling: 1_000_000,
    }];
    let asked = Arc::<AtomicUsize>::default();
    let setup = counted(&asked);
    let (mut lane, ..) = Lane::new(Codec::Vp8, sizes, &config, &input, setup, Arc::new(|_| ()))
        .expect("vp8enc is installed");
    let much_later = Instant::now() + Duration::from_secs(60);
    lane.tick(much_later, false);
    assert!(
        lane.is_idle(),
        "nobody came, so that the encoder is stopped"
    );

    lane.expect(much_later);
    let before = asked.load(SeqCst);
    let millis = |millis| much_later + Duration::from_millis(millis);
    lane.want_key(0, millis(40));
    assert_eq!(asked.load(SeqCst), before + 1, "at once");
    lane.want_key(0, millis(60));
    assert_eq!(asked.load(SeqCst), before + 1, "one for all");
    for rung in lane.into_rungs() {
        rung.stop();
    }
}
