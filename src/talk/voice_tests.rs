// SPDX-License-Identifier: MPL-2.0
//! What is decoded where packets are lost, without a network and faster than it is said.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use super::{
    super::mixer::{FRAME, RATE},
    *,
};

#[path = "../../tests/common/speech.rs"]
mod speech;

/// A packet of Opus: 20 ms.
const PACKET: usize = 2 * FRAME;
const PERIOD: gst::ClockTime = gst::ClockTime::from_mseconds(20);
/// Two frames of sound are compared with this much of a shift: a pitch that is made up begins where it likes.
const MAX_SHIFT: usize = RATE / 400;
/// Speech is louder than this, in parts of full scale.
const SPEECH: f64 = 0.01;

#[test]
fn a_flood_is_held_to_the_rate_and_speech_passes_whole() {
    let start = Instant::now();
    let mut gauge = Gauge::new(start);
    let flood = (0..100_000_u64).map(|i| start + Duration::from_micros(50 * i));
    let passed = flood.filter(|now| gauge.passes(*now)).count();
    let most = MAX_BURST + 5 * MAX_RATE;
    assert!(passed <= most as usize + 1, "{passed}");
    let start = start + Duration::from_secs(10);
    let mut gauge = Gauge::new(start);
    let speech = (0..1000_u64).map(|i| start + Duration::from_millis(10 * i));
    assert_eq!(speech.filter(|now| gauge.passes(*now)).count(), 1000);
}

/// As a browser sends it (32 kbit/s, mono, in-band FEC), when it has heard of so many percent of losses.
fn packets(speech: &[i16], percent: u32) -> Vec<gst::Buffer> {
    let pipeline = gst::parse::launch(&format!(
        "appsrc name=in format=time caps={} ! opusenc frame-size=20 bitrate=32000 audio-type=voice inband-fec=true \
         packet-loss-percentage={percent} ! rtpopuspay pt={PAYLOAD} ! appsink name=out sync=false",
        super::super::format::caps().to_string().replace(' ', "")
    ));
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    let source = pipeline
        .by_name("in")
        .unwrap()
        .downcast::<gst_app::AppSrc>()
        .unwrap();
    let sink = pipeline
        .by_name("out")
        .unwrap()
        .downcast::<gst_app::AppSink>()
        .unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let bytes: Vec<u8> = speech
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
    source.push_buffer(buffer).unwrap();
    source.end_of_stream().unwrap();
    let packets = std::iter::from_fn(|| sink.pull_sample().ok()?.buffer_owned()).collect();
    pipeline.set_state(gst::State::Null).unwrap();
    packets
}

/// The source of what a decoder takes, in one thread.
fn source(sink: &gst::Pad) -> gst::Pad {
    let source = gst::Pad::builder(gst::PadDirection::Src).build();
    source.set_active(true).unwrap();
    source.link(sink).unwrap();
    assert!(source.push_event(gst::event::StreamStart::new("voice")));
    let caps = opus(PAYLOAD);
    assert!(source.push_event(gst::event::Caps::new(&caps)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(source.push_event(gst::event::Segment::new(&segment)));
    source
}

fn lost_event(packet: usize, duration: gst::ClockTime) -> gst::Event {
    let structure = gst::Structure::builder(LOST)
        .field("seqnum", u32::try_from(packet).unwrap())
        .field("timestamp", (PERIOD * packet as u64).nseconds())
        .field("duration", duration.nseconds())
        .field("retry", 0_u32)
        .build();
    gst::event::CustomDownstream::new(structure)
}

/// What the robot hears where these packets are lost, with FEC or without.
fn decoded(packets: &[gst::Buffer], lost: &[bool], has_fec: bool) -> Vec<i16> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let own = heard.clone();
    let decoder = decoder(move |sample| {
        let map = sample.buffer().unwrap().map_readable().unwrap();
        let samples = map
            .chunks_exact(2)
            .map(|b| i16::from_le_bytes([b[0], b[1]]));
        lock(&own).extend(samples);
    })
    .unwrap();
    let bin = decoder.downcast_ref::<gst::Bin>().unwrap();
    let opusdec = bin.iterate_all_by_element_factory_name("opusdec");
    let opusdec = opusdec.into_iter().next().unwrap().unwrap();
    assert!(opusdec.property::<bool>("use-inband-fec") && opusdec.property::<bool>("plc"));
    opusdec.set_property("use-inband-fec", has_fec);
    decoder.set_state(gst::State::Playing).unwrap();
    let source = source(&decoder.static_pad("sink").unwrap());
    for (i, (packet, is_lost)) in packets.iter().zip(lost).enumerate() {
        if *is_lost {
            assert!(source.push_event(lost_event(i, PERIOD)));
        } else {
            source.push(packet.clone()).unwrap();
        }
    }
    decoder.set_state(gst::State::Null).unwrap();
    lock(&heard).clone()
}

/// Which of so many packets are lost: this share, in runs that are this long on average.
fn losses(count: usize, share: f64, run: f64, seed: u64) -> Vec<bool> {
    let mut rng = StdRng::seed_from_u64(seed);
    // Each packet alone where runs are of one: then the state is forgotten at once.
    let (ends, begins) = match run {
        run if run > 1.0 => (1.0 / run, share / (1.0 - share) / run),
        _ => (1.0 - share, share),
    };
    let mut is_lost = false;
    let next = |i| {
        is_lost = match is_lost {
            true => !rng.random_bool(ends),
            false => rng.random_bool(begins),
        };
        // The first is what a decoder begins with.
        is_lost && i > 0
    };
    (0..count).map(next).collect()
}

/// What is heard in place of speech that was lost.
#[derive(Debug, Default)]
struct Kept {
    /// The share of its energy, no more of any 10 ms than there was.
    energy: f64,
    /// How like it is: the correlation with what was said, 0 to 1.
    likeness: f64,
    /// The share of 10 ms in which there is silence (30 dB less).
    silence: f64,
}

fn energy(samples: &[i16]) -> f64 {
    samples
        .iter()
        .map(|sample| f64::from(*sample).powi(2))
        .sum()
}

impl Kept {
    fn of(said: &[i16], heard: &[i16], lost: &[bool]) -> Self {
        let mut kept = Self::default();
        let (mut all, mut frames) = (0.0, 0.0);
        let packets = said.chunks_exact(PACKET).zip(lost).enumerate();
        for (i, (was, _)) in packets.filter(|(_, (_, lost))| **lost) {
            let from = i * PACKET;
            let level = (energy(was) / PACKET as f64).sqrt() / 32_768.0;
            // A frame at the end has nothing after it to be looked for in.
            if level < SPEECH || from + PACKET + MAX_SHIFT > heard.len() {
                continue;
            }
            for half in [0, FRAME] {
                let (was, is) = (
                    energy(&was[half..half + FRAME]),
                    energy(&heard[from + half..][..FRAME]),
                );
                all += was;
                frames += 1.0;
                kept.energy += is.min(was);
                kept.silence += if is < was / 1000.0 { 1.0 } else { 0.0 };
            }
            let shifts = (from - MAX_SHIFT..=from + MAX_SHIFT).step_by(3);
            let like = shifts.map(|at| {
                let is = &heard[at..at + PACKET];
                let product = was
                    .iter()
                    .zip(is)
                    .map(|(a, b)| f64::from(*a) * f64::from(*b));
                product.sum::<f64>() / (energy(was) * energy(is)).sqrt().max(1.0)
            });
            kept.likeness += like.fold(0.0, f64::max) * energy(was);
        }
        assert!(frames > 20.0, "{frames} frames of speech were lost");
        Self {
            energy: kept.energy / all,
            likeness: kept.likeness / all,
            silence: kept.silence / frames,
        }
    }
}

#[test]
fn of_speech_that_is_lost_most_is_repaired_and_the_rest_concealed() {
    gst::init().unwrap();
    let speech = speech::speech(60, 1);
    println!("| losses | runs of | FEC and PLC: energy, likeness, silence | PLC alone |");
    for percent in [2, 5, 10] {
        let packets = packets(&speech, percent);
        let none = vec![false; packets.len()];
        let said = decoded(&packets, &none, true);
        for run in [1.0, 3.0] {
            let lost = losses(packets.len(), f64::from(percent) / 100.0, run, 7);
            let [both, plc] = [true, false]
                .map(|has_fec| Kept::of(&said, &decoded(&packets, &lost, has_fec), &lost));
            let cells = |kept: &Kept| {
                format!(
                    "{:.2}, {:.2}, {:.2}",
                    kept.energy, kept.likeness, kept.silence
                )
            };
            println!(
                "| {percent} % | {run} | {} | {} |",
                cells(&both),
                cells(&plc)
            );
            let is_kept = match run {
                run if run > 1.0 => both.energy > 0.3 && both.likeness > 0.7 && both.silence < 0.4,
                // More than concealment alone is worth.
                _ => both.energy > 0.8 && both.likeness > 0.95 && both.silence < 0.02,
            };
            assert!(is_kept && both.likeness > plc.likeness, "{both:?}, {plc:?}");
        }
    }
}

#[test]
fn gaps_are_told_while_they_are_short_and_permitted_and_not_too_many() {
    gst::init().unwrap();
    let permitted = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let own = permitted.clone();
    let incoming = Arc::new(Incoming {
        stage: Arc::default(),
        id: "a".into(),
        may: Arc::new(move || own.load(Relaxed)),
        gauge: Mutex::new(Gauge::new(Instant::now())),
        stream: AtomicU32::new(0),
    });
    let told = Arc::new(AtomicU32::new(0));
    let count = told.clone();
    let sink = gst::Pad::builder(gst::PadDirection::Sink)
        .event_function(move |_, _, event| {
            count.fetch_add(u32::from(lost(&event).is_some()), Relaxed);
            true
        })
        .build();
    sink.set_active(true).unwrap();
    let source = source(&sink);
    incoming.guard(&source);
    let tell = |duration| {
        source.push_event(lost_event(1, duration));
        told.swap(0, Relaxed)
    };
    assert_eq!(tell(PERIOD), 1);
    assert_eq!(tell(MAX_CONCEALED), 1);
    // A viewer who leaves out a minute's worth of numbers, again and again.
    assert_eq!(tell(60 * gst::ClockTime::SECOND), 0);
    assert_eq!(tell(gst::ClockTime::MAX), 0);
    permitted.store(false, Relaxed);
    assert_eq!(tell(PERIOD), 0);
    permitted.store(true, Relaxed);
    let start = Instant::now();
    let flood: u32 = (0..10_000).map(|_| tell(PERIOD)).sum();
    let seconds = u32::try_from(start.elapsed().as_secs()).unwrap() + 1;
    assert!(flood <= MAX_BURST + seconds * MAX_RATE, "{flood}");
    assert!(
        source.push_event(gst::event::Gap::builder(gst::ClockTime::ZERO).build()),
        "others pass"
    );
}
