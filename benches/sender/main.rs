// SPDX-License-Identifier: MPL-2.0
//! What `scripts/bench viewers --only sender` measures in one process: how long `portholesink` takes with a frame, from the buffer at
//! its pad to its last packet at the socket, less what the encoder takes. Viewers are webrtcbins that count packets.
//!
//! A line of JSON goes to stdout, for each number of viewers the milliseconds of all frames of all of them, before the encoder and behind it;
//! progress goes to stderr.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::{
    collections::{BTreeMap, VecDeque},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;

use common::{Scene, server::FakeServer, viewer::Viewer};

/// Of these only the sink is measured. The pattern is cheap, and moves.
const CAMERA: &str = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1 \
    ! portholesink name=sink codec=h264";
/// Until rates have settled.
const SETTLE: Duration = Duration::from_secs(6);
const MEASURE: Duration = Duration::from_secs(10);
/// Of the frames that come in, so many are followed to the end.
const LEAST: f64 = 0.8;

/// What ends the benchmark, as a sentence.
type Failure = Box<dyn std::error::Error>;

/// When frames passed, by their timestamps.
#[derive(Default)]
struct Times {
    arrived: BTreeMap<u64, Instant>,
    encoding: VecDeque<(u64, Instant)>,
    /// When the encoder began and ended.
    encoded: BTreeMap<u64, (Instant, Instant)>,
    /// Of each session, when the last packet left.
    left: Vec<BTreeMap<u64, Instant>>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Times>>);

impl Shared {
    fn with<T>(&self, change: impl FnOnce(&mut Times) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("bench sender: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<serde_json::Value, Failure> {
    let counts = [1, 8];
    let all = counts.map(|viewers| Ok::<_, Failure>((viewers.to_string(), measure(viewers)?)));
    let all: Result<serde_json::Map<_, _>, Failure> = all
        .into_iter()
        .map(|samples| samples.map(|(viewers, samples)| (viewers, serde_json::json!(samples))))
        .collect();
    Ok(all?.into())
}

/// Calls `seen` with the timestamp of each buffer that passes `pad`.
fn watch(pad: &gst::Pad, seen: impl Fn(u64) + Send + Sync + 'static) {
    let data = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(data, move |_, info| {
        let of = |buffer: &gst::BufferRef| buffer.pts().map_or(0, gst::ClockTime::nseconds);
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => seen(of(buffer)),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().map(of).for_each(&seen),
            _ => (),
        }
        gst::PadProbeReturn::Ok
    });
}

fn measure(viewers: usize) -> Result<Vec<[f64; 2]>, Failure> {
    let server = FakeServer::start();
    let scene = Scene::new(CAMERA);
    let sink = scene.element("sink");
    sink.set_property("camera-key", server.key().to_string());
    let times = Shared::default();
    let pad = sink.static_pad("sink").ok_or("portholesink has no pad")?;
    let of = times.clone();
    watch(&pad, move |pts| {
        of.with(|times| times.arrived.insert(pts, Instant::now()));
    });
    let of = times.clone();
    sink.connect("encoder-setup", false, move |args| {
        let encoder = args.get(3)?.get::<gst::Element>().ok()?;
        time_encoder(&encoder, &of);
        None
    });
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    let webrtcsink = sink
        .downcast_ref::<gst::Bin>()
        .and_then(|bin| {
            bin.iterate_elements()
                .into_iter()
                .flatten()
                .find(|e| e.has_property("congestion-control"))
        })
        .ok_or("portholesink has no webrtcsink")?;
    let of = times.clone();
    webrtcsink.connect("consumer-added", false, move |args| {
        let webrtcbin = args.get(2)?.get::<gst::Bin>().ok()?;
        time_socket(&webrtcbin, &of);
        None
    });
    let mut all = Vec::new();
    for viewer in 0..viewers {
        let session = format!("s{viewer}");
        let grant = server.grant(&connection, &session, |_| ());
        connection.start_session(&session, Some(grant));
        all.push(Viewer::watch(&mut connection, &session));
    }
    eprintln!("bench sender: {viewers} viewers");
    thread::sleep(SETTLE);
    times.with(|times| {
        times.arrived.clear();
        times.encoded.clear();
        times.left.iter_mut().for_each(BTreeMap::clear);
    });
    thread::sleep(MEASURE);
    let (samples, frames) = times.with(|times| (samples(times), times.arrived.len()));
    drop(all);
    let expected = (frames * viewers) as f64 * LEAST;
    if (samples.len() as f64) < expected {
        return Err(format!(
            "{} of {} frames were followed",
            samples.len(),
            frames * viewers
        )
        .into());
    }
    Ok(samples)
}

fn time_encoder(encoder: &gst::Element, times: &Shared) {
    if let Some(pad) = encoder.static_pad("sink") {
        let of = times.clone();
        watch(&pad, move |pts| {
            of.with(|times| times.encoding.push_back((pts, Instant::now())));
        });
    }
    if let Some(pad) = encoder.static_pad("src") {
        let of = times.clone();
        // Encoders for live pictures keep none back, and some of them count from elsewhere.
        watch(&pad, move |_| {
            of.with(|times| {
                if let Some((pts, began)) = times.encoding.pop_front() {
                    times.encoded.insert(pts, (began, Instant::now()));
                }
            });
        });
    }
}

fn time_socket(webrtcbin: &gst::Bin, times: &Shared) {
    let session = times.with(|times| {
        times.left.push(BTreeMap::new());
        times.left.len() - 1
    });
    let times = times.clone();
    webrtcbin.connect_deep_element_added(move |_, _, element| {
        let is_socket = element
            .factory()
            .is_some_and(|factory| factory.name() == "nicesink");
        if let Some(pad) = element.static_pad("sink").filter(|_| is_socket) {
            let of = times.clone();
            watch(&pad, move |pts| {
                of.with(|times| times.left[session].insert(pts, Instant::now()));
            });
        }
    });
}

/// Milliseconds of each frame of each session: before the encoder, and behind it.
fn samples(times: &Times) -> Vec<[f64; 2]> {
    let ms = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64() * 1_000.;
    let of = |(pts, left): (&u64, &Instant)| {
        let arrived = *times.arrived.get(pts)?;
        let (began, ended) = *times.encoded.get(pts)?;
        Some([ms(arrived, began), ms(ended, *left)])
    };
    times.left.iter().flatten().filter_map(of).collect()
}
