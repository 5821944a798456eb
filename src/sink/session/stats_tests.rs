// SPDX-License-Identifier: MPL-2.0
use super::*;

fn outbound(bitrate: u64) -> gst::Structure {
    counted(bitrate, 0, 0.0)
}

/// `at` in ms.
fn counted(bitrate: u64, bytes: u64, at: f64) -> gst::Structure {
    let source = gst::Structure::builder("application/x-rtp-source-stats");
    gst::Structure::builder("outbound")
        .field("type", WebRTCStatsType::OutboundRtp)
        .field("bytes-sent", bytes)
        .field("timestamp", at)
        .field(
            "gst-rtpsource-stats",
            source.field("bitrate", bitrate).build(),
        )
        .build()
}

fn remote(loss: f64, rtt: f64) -> gst::Structure {
    gst::Structure::builder("remote")
        .field("type", WebRTCStatsType::RemoteInboundRtp)
        .field("fraction-lost", loss)
        .field("round-trip-time", rtt)
        .build()
}

fn of(entries: &[gst::Structure]) -> ViewerStats {
    next(&SentRate::default(), entries)
}

fn next(rate: &SentRate, entries: &[gst::Structure]) -> ViewerStats {
    let mut webrtc = gst::Structure::new_empty("application/x-webrtc-stats");
    for (n, entry) in entries.iter().enumerate() {
        webrtc.set(format!("entry-{n}"), entry);
    }
    webrtc.set("something", 7);
    of_webrtcbin(&webrtc, rate)
}

#[test]
fn picture_and_sound_are_sent_together_and_the_worst_of_them_counts() {
    gst::init().unwrap();
    let stats = of(&[
        outbound(800_000),
        outbound(60_000),
        remote(0.1, 0.030),
        remote(0.0, 0.050),
    ]);
    assert_eq!(stats.sent, 860_000);
    assert_eq!(stats.loss, 0.1);
    assert_eq!(stats.rtt, Some(Duration::from_millis(50)));
    assert_eq!((stats.rung, stats.rungs, stats.estimate), (0, 0, 0));
}

#[test]
fn the_bitrate_is_that_since_the_last_look_and_nobody_looks_too_closely() {
    gst::init().unwrap();
    let rate = SentRate::default();
    let sent = |bytes, at| next(&rate, &[counted(7, bytes, at), counted(7, 0, at)]).sent;
    assert_eq!(
        sent(1000, 5000.0),
        14,
        "GStreamer's own, as long as there is nothing else"
    );
    assert_eq!(sent(26_000, 7000.0), 100_000);
    assert_eq!(sent(900_000, 7500.0), 100_000);
    assert_eq!(sent(126_000, 9000.0), 400_000);
    assert_eq!(sent(0, 11_000.0), 0);
}

#[test]
fn whatever_was_measured_the_other_end_takes_it() {
    gst::init().unwrap();
    let odd = [0.0, -1.0, 1e300, f64::NAN, f64::INFINITY];
    for loss in odd {
        for rtt in odd {
            for number in [0, u64::MAX] {
                let rate = SentRate::default();
                for at in [1.0, 5000.0, rtt, 1e9] {
                    let entries = [
                        counted(number, number, at),
                        counted(number, number, at),
                        remote(loss, rtt),
                    ];
                    let stats = next(&rate, &entries).on_the_wire("s");
                    assert!(stats.is_sound(), "{stats:?}");
                }
            }
        }
    }
    let large = ViewerStats {
        rung: u32::MAX,
        rungs: u32::MAX,
        width: u32::MAX,
        height: u32::MAX,
        rtt: Some(Duration::MAX),
        ..ViewerStats::default()
    };
    assert!(large.on_the_wire("s").is_sound());
}

#[test]
fn nothing_is_said_of_what_is_not_known() {
    gst::init().unwrap();
    let mut stats = gst::Structure::new_empty("porthole-stats");
    stats.set("session-s", gst::Structure::new_empty("porthole-session"));
    let read = |stats: &gst::Structure| stats.get::<gst::Structure>("session-s").unwrap();
    let add = |stats: &mut gst::Structure, sent: &ViewerStats| {
        let mut session = read(stats);
        set_sent(&mut session, sent);
        stats.set("session-s", session);
    };
    add(&mut stats, &ViewerStats::default());
    for field in ["rung", "rungs", "width", "height", "estimate", "rtt"] {
        assert!(!read(&stats).has_field(field), "{field}");
    }
    let known = ViewerStats {
        rung: 1,
        rungs: 3,
        width: 640,
        height: 360,
        estimate: 900_000,
        sent: 700_000,
        loss: 0.5,
        rtt: Some(Duration::from_millis(250)),
    };
    add(&mut stats, &known);
    let session = read(&stats);
    assert_eq!(session.get::<u32>("rung"), Ok(1));
    assert_eq!(session.get::<u32>("rungs"), Ok(3));
    assert_eq!(session.get::<u32>("height"), Ok(360));
    assert_eq!(session.get::<u32>("estimate"), Ok(900_000));
    assert_eq!(session.get::<u32>("sent-bitrate"), Ok(700_000));
    assert_eq!(session.get::<f64>("loss"), Ok(0.5));
    assert_eq!(session.get::<f64>("rtt"), Ok(0.25));
}
