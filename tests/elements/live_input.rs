// SPDX-License-Identifier: MPL-2.0
//! Input as it really comes: times that jump, stand still and repeat, pauses, sizes that change, key units that do not come. A
//! viewer goes on seeing, or the bus says within seconds what is wrong.

mod viewers;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use crate::common::{
    Scene,
    frames::{longest_gap, worst_drift},
    server::{Connection, FakeServer},
    viewer::Viewer,
};
use gst::{ClockTime, prelude::*};

/// A small live video that costs next to nothing, of twenty pictures a second.
const VIDEO: &str = "videotestsrc name=source is-live=true pattern=ball \
                     ! capsfilter name=size caps=video/x-raw,width=160,height=120,framerate=20/1";
const RAW: &str = "";
const VP8: &str = "! vp8enc name=encoder deadline=1 keyframe-max-dist=40";
const H264: &str = "! x264enc name=encoder tune=zerolatency speed-preset=ultrafast key-int-max=40 \
                    ! video/x-h264,profile=constrained-baseline";
/// Nothing that goes wrong is silent for longer.
const TOLD: Duration = Duration::from_secs(5);
/// A picture that stands for so long is seen to stand. A loaded machine is slow.
const SEEN: Duration = Duration::from_secs(1);
/// What timestamps may differ from the clock by from one frame to the next: more, and a receiver takes it for the network's.
const DRIFT: f64 = 0.4;

/// A camera at its server, playing.
struct Live {
    server: FakeServer,
    scene: Scene,
    connection: Connection,
}

impl Live {
    /// What comes in leaves `tap` first; `prepare` does something to the pipeline before it plays.
    fn playing(source: &str, properties: &str, prepare: impl FnOnce(&Scene)) -> Self {
        Self::of(
            &format!("{source} ! identity name=tap ! portholesink name=sink {properties}"),
            prepare,
        )
    }

    fn of(description: &str, prepare: impl FnOnce(&Scene)) -> Self {
        let server = FakeServer::start();
        let scene = Scene::new(description);
        let key = server.key().to_string();
        scene.element("sink").set_property("camera-key", key);
        prepare(&scene);
        scene.set(gst::State::Playing);
        let connection = server.camera();
        Self {
            server,
            scene,
            connection,
        }
    }

    fn request(&mut self, session: &str) {
        let grant = self.server.grant(&self.connection, session, |_| ());
        self.connection.start_session(session, Some(grant));
    }

    /// A viewer who sees something.
    #[track_caller]
    fn watch(&mut self, session: &str) -> Viewer {
        self.request(session);
        Viewer::watch(&mut self.connection, session)
    }
}

/// Buffers that leave `tap` say to be of other times: `of` has the number of each and its own.
fn retime(scene: &Scene, of: impl Fn(u64, ClockTime) -> ClockTime + Send + Sync + 'static) {
    let number = AtomicU64::new(0);
    scene
        .pad("tap", "src")
        .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer_mut()
                && let Some(pts) = buffer.pts()
            {
                let pts = of(number.fetch_add(1, SeqCst), pts);
                let buffer = buffer.make_mut();
                buffer.set_pts(pts);
                buffer.set_dts(ClockTime::NONE);
            }
            gst::PadProbeReturn::Ok
        });
}

/// Counts the requests for key units that arrive at `tap`.
fn key_requests(scene: &Scene) -> Arc<AtomicUsize> {
    let count = Arc::<AtomicUsize>::default();
    let counted = count.clone();
    scene
        .pad("tap", "src")
        .add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            if let Some(event) = info.event()
                && gst_video::ForceKeyUnitEvent::is(event)
            {
                counted.fetch_add(1, SeqCst);
            }
            gst::PadProbeReturn::Ok
        });
    count
}

#[test]
fn a_source_whose_time_jumps_back_a_minute_is_shown_all_the_time() {
    for encoder in [RAW, VP8, H264] {
        let has_jumped = Arc::<AtomicBool>::default();
        let jumped = has_jumped.clone();
        let mut live = Live::playing(&format!("{VIDEO} {encoder}"), "", |scene| {
            retime(scene, move |_, pts| match jumped.load(SeqCst) {
                true => pts,
                false => pts + ClockTime::from_seconds(60),
            });
        });
        let viewer = live.watch("s");
        viewer.frames.next(10);
        has_jumped.store(true, SeqCst);
        let frames = viewer.frames.next(40);
        let (gap, drift) = (longest_gap(&frames), worst_drift(&frames));
        assert!(gap < SEEN && drift < DRIFT, "{encoder}: {gap:?} {drift}");
    }
}

#[test]
fn timestamps_that_come_twice_cost_no_frame() {
    for encoder in [RAW, VP8, H264] {
        let mut live = Live::playing(&format!("{VIDEO} {encoder}"), "", |scene| {
            retime(scene, |number, pts| match number % 2 {
                0 => pts,
                // As the one before.
                _ => pts.saturating_sub(ClockTime::from_mseconds(50)),
            });
        });
        let requests = key_requests(&live.scene);
        let viewer = live.watch("s");
        viewer.frames.next(10);
        let (before, start) = (requests.load(SeqCst), Instant::now());
        viewer.frames.next(60);
        let rate = 60.0 / start.elapsed().as_secs_f64();
        let asked = requests.load(SeqCst) - before;
        assert!(rate > 12.0, "{encoder}: {rate} frames a second");
        assert!(asked <= 1, "{encoder}: {asked} key units were asked for");
    }
}

#[test]
fn a_flushing_seek_freezes_nobody() {
    for encoder in [RAW, VP8, H264] {
        let source = VIDEO.replace("is-live=true ", "");
        let mut live = Live::playing(&format!("{source} {encoder}"), "", |_| ());
        let viewer = live.watch("s");
        viewer.frames.next(80);
        let pipeline = &live.scene.pipeline;
        pipeline
            .seek_simple(gst::SeekFlags::FLUSH, ClockTime::ZERO)
            .unwrap();
        viewer.frames.next(2);
        let frames = viewer.frames.next(40);
        let gap = longest_gap(&frames);
        assert!(gap < SEEN, "{encoder}: {gap:?}");
        let drift = worst_drift(&frames);
        assert!(drift < DRIFT, "{encoder}: {drift}");
    }
}

#[test]
fn after_three_seconds_of_pause_timestamps_are_where_the_clock_is() {
    const PAUSE: Duration = Duration::from_secs(3);
    for encoder in [RAW, VP8, H264] {
        let mut live = Live::playing(&format!("{VIDEO} {encoder}"), "", |_| ());
        let viewer = live.watch("s");
        viewer.frames.next(10);
        let start = Instant::now();
        live.scene.set(gst::State::Paused);
        // Nothing is waited for but that time passes.
        while start.elapsed() < PAUSE {
            std::thread::park_timeout(PAUSE - start.elapsed().min(PAUSE));
        }
        live.scene.set(gst::State::Playing);
        viewer.frames.next(40);
        let frames = viewer.frames.since(start);
        let gap = longest_gap(&frames);
        assert!(gap < PAUSE + SEEN, "{encoder}: {gap:?}");
        // From the last before the pause on.
        let all = viewer.frames.all();
        let from = all.len() - frames.len();
        let drift = worst_drift(&all[from.saturating_sub(1)..]);
        assert!(drift < DRIFT, "{encoder}: {drift}");
    }
}

#[test]
fn a_camera_that_stops_and_starts_again_is_shown_again() {
    for encoder in [RAW, VP8, H264] {
        let mut live = Live::playing(&format!("{VIDEO} {encoder}"), "", |_| ());
        let viewer = live.watch("before");
        viewer.frames.next(10);
        live.scene.set(gst::State::Null);
        drop(viewer);
        live.scene.set(gst::State::Playing);
        live.connection = live.server.camera();
        let viewer = live.watch("after");
        let frames = viewer.frames.next(40);
        assert!(longest_gap(&frames) < SEEN, "{encoder}");
    }
}

#[test]
fn b_frames_are_named_within_seconds_and_what_comes_is_shown() {
    let encoder = "x264enc b-adapt=false bframes=2 key-int-max=40 speed-preset=veryfast rc-lookahead=5 \
                   ! video/x-h264,profile=main";
    let mut live = Live::playing(&format!("{VIDEO} ! {encoder}"), "", |_| ());
    let requests = key_requests(&live.scene);
    let viewer = live.watch("s");
    viewer.frames.next(5);
    let (before, start) = (requests.load(SeqCst), Instant::now());
    live.scene.warned("B-frames");
    assert!(start.elapsed() < TOLD, "{:?}", start.elapsed());
    let (start, frames) = (Instant::now(), viewer.frames.next(60));
    let rate = frames.len() as f64 / start.elapsed().as_secs_f64();
    assert!(rate > 12.0, "{rate} frames a second");
    let asked = requests.load(SeqCst) - before;
    assert!(asked <= 2, "{asked} key units were asked for");
}

#[test]
fn a_stream_without_key_units_is_named_within_seconds() {
    let encoder = "x264enc tune=zerolatency intra-refresh=true key-int-max=40 speed-preset=ultrafast \
                   ! video/x-h264,profile=constrained-baseline";
    let live = Live::playing(&format!("{VIDEO} ! {encoder}"), "", |scene| {
        // The first of all comes before anybody can take it, or it is as if it did not.
        drop_key_units(scene, &Arc::new(AtomicBool::new(true)));
    });
    let (mut scene, start) = (live.scene, Instant::now());
    scene.warned("no key unit");
    assert!(start.elapsed() < TOLD, "{:?}", start.elapsed());
}

/// From when `is_so` on, none leaves `tap`.
fn drop_key_units(scene: &Scene, is_so: &Arc<AtomicBool>) {
    let is_so = is_so.clone();
    scene
        .pad("tap", "src")
        .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let is_key = info
                .buffer()
                .is_some_and(|buffer| !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT));
            match is_key && is_so.load(SeqCst) {
                true => gst::PadProbeReturn::Handled,
                false => gst::PadProbeReturn::Ok,
            }
        });
}

#[test]
fn a_viewer_who_waits_for_a_key_unit_in_vain_is_told_of_within_seconds() {
    let dropped = Arc::<AtomicBool>::default();
    let mut live = Live::playing(&format!("{VIDEO} {VP8}"), "", |scene| {
        drop_key_units(scene, &dropped);
    });
    let first = live.watch("first");
    first.frames.next(10);
    dropped.store(true, SeqCst);
    live.request("second");
    let Live {
        server,
        mut scene,
        connection,
    } = live;
    let _second = Viewer::of("second", connection);
    let start = Instant::now();
    scene.warned("no key unit");
    // The session has to connect first.
    assert!(start.elapsed() < TOLD + SEEN, "{:?}", start.elapsed());
    drop((server, first));
}

#[test]
fn a_rate_that_is_not_known_or_varies_is_shown_as_it_comes() {
    let unknown = "video/x-raw,format=I420 ! capssetter join=true caps=video/x-raw,framerate=0/1";
    let varies = "identity drop-probability=0.6";
    for change in [unknown, varies] {
        for encoder in [RAW, VP8, H264] {
            let mut live = Live::playing(&format!("{VIDEO} ! {change} {encoder}"), "", |_| ());
            let viewer = live.watch("s");
            viewer.frames.next(2);
            let frames = viewer.frames.next(20);
            let (gap, drift) = (longest_gap(&frames), worst_drift(&frames));
            // Sixty per cent of the pictures are left out by chance.
            assert!(gap < 2 * SEEN, "{change} {encoder}: {gap:?}");
            assert!(drift < DRIFT, "{change} {encoder}: {drift}");
        }
    }
}

#[test]
fn whoever_comes_in_the_middle_of_a_long_gop_sees_at_once() {
    for encoder in [VP8, H264] {
        let encoder = encoder.replace("=40", "=100000");
        let mut live = Live::playing(&format!("{VIDEO} {encoder}"), "", |_| ());
        live.watch("first").frames.next(40);
        let second = live.watch("second");
        second.frames.next(10);
    }
}

#[test]
fn a_viewer_goes_on_watching_when_the_size_of_what_comes_in_changes() {
    for encoder in [RAW, VP8] {
        let mut live = Live::playing(&format!("{VIDEO} {encoder}"), "codec=vp8", |_| ());
        let viewer = live.watch("s");
        viewer.frames.next(10);
        let filter = live.scene.element("size");
        for (width, height) in [(320, 240), (96, 64), (160, 120)] {
            let caps = gst::Caps::builder("video/x-raw")
                .field("width", width)
                .field("height", height)
                .field("framerate", gst::Fraction::new(20, 1))
                .build();
            let start = Instant::now();
            filter.set_property("caps", caps);
            let size = (width as u16, height as u16);
            let found = viewer.frames.wait_for_size(size);
            // Encoders are tried anew.
            let took = found.at - start;
            assert!(took < TOLD, "{encoder} {size:?}: {took:?}");
            let frames = viewer.frames.next(20);
            assert!(longest_gap(&frames) < SEEN, "{encoder} {size:?}");
        }
    }
}

/// Two renditions that come in encoded by these pads.
fn renditions(pads: [&str; 2]) -> String {
    let source = |pad: &str, width: u32, height: u32, bitrate: u32| {
        format!(
            "videotestsrc is-live=true ! video/x-raw,width={width},height={height},framerate=20/1 \
             ! vp8enc deadline=1 keyframe-max-dist=40 target-bitrate={bitrate} ! queue name=of_{pad} ! sink.{pad} "
        )
    };
    let sources = [
        source(pads[0], 320, 240, 300_000),
        source(pads[1], 160, 120, 100_000),
    ];
    format!(
        "portholesink name=sink renditions=pads {}",
        sources.concat()
    )
}

#[test]
fn encoded_renditions_come_by_any_pads_and_one_is_taken_away_while_it_is_watched() {
    for pads in [["sink", "video_1"], ["video_2", "video_5"]] {
        let mut live = Live::of(&renditions(pads), |_| ());
        let viewer = live.watch("s");
        viewer.frames.wait_for_size((320, 240));
        if pads[0] == "sink" {
            continue;
        }
        let sink = live.scene.element("sink");
        let (queue, pad) = (
            live.scene.element(&format!("of_{}", pads[0])),
            live.scene.pad("sink", pads[0]),
        );
        let source = queue.static_pad("src").unwrap();
        source.unlink(&pad).unwrap();
        sink.release_request_pad(&pad);
        viewer.frames.wait_for_size((160, 120));
        let frames = viewer.frames.next(20);
        assert!(longest_gap(&frames) < SEEN);
    }
}

#[test]
fn sound_alone_is_told_of_within_seconds() {
    let live = Live::of(
        "portholesink name=sink audiotestsrc is-live=true ! sink.audio",
        |_| (),
    );
    let (mut scene, start) = (live.scene, Instant::now());
    scene.warned("no picture");
    assert!(start.elapsed() < TOLD, "{:?}", start.elapsed());
}
