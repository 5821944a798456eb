// SPDX-License-Identifier: MPL-2.0
//! A room with a robot's loudspeaker and its microphone, made of samples: what the one says is heard by the other, quieter, later
//! and from several walls.
//!
//! Time is the pipeline's running time, in samples of 48 kHz; so a machine that is late is late, and hears nothing else for it.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use gst::prelude::*;
use gst_base::prelude::*;
use porthole_protocol::grant::Permission::{Listen, Talk, View};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use super::{
    robot::{Robot, VIDEO},
    speech::speech,
    step,
    talker::Talker,
};

const RATE: u64 = 48_000;
/// From the loudspeaker to the microphone: drivers, and 3 m of air.
const DELAY: usize = 960;
/// What comes straight, in parts of what is said.
const DIRECT: f64 = 0.25;
/// Walls, of which the last is heard 80 ms later and 30 dB less.
const WALLS: usize = 24;
const REVERBERATION: usize = 3_840;
/// How long the microphone waits for what the loudspeaker says by then.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(20);

/// So long an echo canceller learns the room.
const LEARNS: u64 = 6 * RATE;
/// So long each part is measured.
const PART: u64 = 5 * RATE;

const MICROPHONE: &str = "audiotestsrc name=microphone is-live=true wave=silence samplesperbuffer=480 \
     ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! identity name=air";
const MOUTH: &str = "audiotestsrc name=mouth is-live=true wave=silence samplesperbuffer=480 \
     ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! identity name=lips \
     ! opusenc frame-size=20 inband-fec=true ! valve name=button ! rtpopuspay name=pay";

/// Sound by its place, in frames of 10 ms.
type Frames = BTreeMap<u64, Vec<i16>>;

#[derive(Clone, Default)]
pub struct Track(Arc<(Mutex<Frames>, Condvar)>);

impl Track {
    fn put(&self, place: u64, samples: Vec<i16>) {
        self.0.0.lock().unwrap().insert(place, samples);
        self.0.1.notify_all();
    }

    /// Silence where nothing is known.
    pub fn read(&self, range: Range<u64>) -> Vec<i16> {
        let frames = self.0.0.lock().unwrap();
        let mut all = vec![0; usize::try_from(range.end - range.start).unwrap()];
        for (place, samples) in frames.range(range.start.saturating_sub(RATE)..range.end) {
            for (at, sample) in (*place..).zip(samples) {
                if range.contains(&at) {
                    all[usize::try_from(at - range.start).unwrap()] = *sample;
                }
            }
        }
        all
    }

    pub fn end(&self) -> u64 {
        let frames = self.0.0.lock().unwrap();
        let last = frames.last_key_value();
        last.map_or(0, |(place, samples)| place + samples.len() as u64)
    }

    fn wait_for(&self, place: u64) {
        let frames = self.0.0.lock().unwrap();
        let is_short = |frames: &mut Frames| {
            let last = frames.last_key_value();
            last.is_some_and(|(at, samples)| at + (samples.len() as u64) < place)
        };
        let _ = self.0.1.wait_timeout_while(frames, PATIENCE, is_short);
    }

    /// Notes what passes `pad`.
    pub fn note(&self, pad: &gst::Pad) {
        let track = self.clone();
        each(pad, move |place, samples| {
            track.put(place, samples.to_vec());
        });
    }
}

/// Has `change` look at the mono sound that passes `pad`, each piece with its place.
pub fn each(pad: &gst::Pad, mut change: impl FnMut(u64, &mut [i16]) + Send + 'static) {
    let change = Mutex::new(move |place, samples: &mut [i16]| change(place, samples));
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let segment = pad.sticky_event::<gst::event::Segment>(0).unwrap();
        let segment = segment.segment().downcast_ref::<gst::ClockTime>().unwrap();
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data
            && let Some(time) = segment.to_running_time(buffer.pts())
        {
            let place = (time.nseconds() * 48 + 500_000) / 1_000_000;
            let buffer = buffer.make_mut();
            // Elements leave what is marked as silence as it is.
            buffer.unset_flags(gst::BufferFlags::GAP);
            let mut map = buffer.map_writable().unwrap();
            let samples = map.chunks_exact(2);
            let mut samples: Vec<i16> = samples.map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
            (change.lock().unwrap())(place, &mut samples);
            for (bytes, sample) in map.chunks_exact_mut(2).zip(samples) {
                bytes.copy_from_slice(&sample.to_le_bytes());
            }
        }
        gst::PadProbeReturn::Ok
    });
}

#[derive(Clone, Default)]
pub struct Room {
    /// What the loudspeaker says, when it does.
    pub said: Track,
    /// What of it the microphone hears.
    pub echo: Track,
    /// What a person in the room says.
    pub near: Arc<Mutex<Vec<i16>>>,
    pub spoken: Track,
}

impl Room {
    /// Between the sink `loudspeaker` and what leaves `microphone`, which is silence.
    pub fn new(loudspeaker: &gst::Element, microphone: &gst::Pad) -> Self {
        let room = Self::default();
        let loudspeaker: gst_base::BaseSink = loudspeaker.clone().downcast().unwrap();
        let said = room.said.clone();
        let sink = loudspeaker.static_pad("sink").unwrap();
        each(&sink, move |place, samples| {
            // When it is played, which is what the sink waits for next.
            let latency = loudspeaker.latency().nseconds() * 48 / 1_000_000;
            said.put(place + latency, samples.to_vec());
        });
        let (own, walls) = (room.clone(), walls());
        each(microphone, move |place, samples| {
            own.hear(&walls, place, samples)
        });
        room
    }

    #[allow(clippy::cast_possible_truncation, reason = "samples are within i16")]
    fn hear(&self, walls: &[(usize, f64)], place: u64, samples: &mut [i16]) {
        let before = (DELAY + REVERBERATION) as u64;
        let Some(from) = place.checked_sub(before) else {
            return;
        };
        let end = place + samples.len() as u64;
        self.said.wait_for(end - DELAY as u64);
        let said = self.said.read(from..end);
        let echo: Vec<i16> = (0..samples.len())
            .map(|i| {
                let at = i + DELAY + REVERBERATION;
                let parts = walls
                    .iter()
                    .map(|(late, part)| f64::from(said[at - late]) * part);
                parts.sum::<f64>() as i16
            })
            .collect();
        let near = {
            let mut near = self.near.lock().unwrap();
            let count = samples.len().min(near.len());
            let mut next: Vec<i16> = near.drain(..count).collect();
            next.resize(samples.len(), 0);
            next
        };
        for ((sample, echo), near) in samples.iter_mut().zip(&echo).zip(&near) {
            *sample = echo.saturating_add(*near);
        }
        self.echo.put(place, echo);
        self.spoken.put(place, near);
    }
}

/// How late each comes, in samples, and how loud.
fn walls() -> Vec<(usize, f64)> {
    let mut rng = StdRng::seed_from_u64(3);
    let mut walls = vec![(DELAY, DIRECT)];
    walls.extend((0..WALLS).map(|_| {
        let late = rng.random_range(1..REVERBERATION);
        let part = DIRECT * 10_f64.powf(-1.5 * late as f64 / REVERBERATION as f64);
        (
            DELAY + late,
            0.5 * part * if rng.random_bool(0.5) { 1.0 } else { -1.0 },
        )
    }));
    walls
}

fn energy(samples: &[i16]) -> f64 {
    samples
        .iter()
        .map(|sample| f64::from(*sample).powi(2))
        .sum()
}

/// How much less is left of what there was, in dB.
fn loss(was: &[i16], is: &[i16]) -> f64 {
    10.0 * (energy(was) / energy(is).max(1.0)).log10()
}

/// How loud `part` is in `whole`, in dB of what it was, wherever in the next 40 ms it comes best.
fn gain(part: &[i16], whole: &[i16]) -> f64 {
    let late = (0..1_920).step_by(4);
    let shares = late.map(|late| {
        let product = part
            .iter()
            .zip(&whole[late..])
            .map(|(a, b)| f64::from(*a) * f64::from(*b));
        product.sum::<f64>().abs() / energy(part)
    });
    20.0 * shares.fold(1e-6, f64::max).log10()
}

/// What is measured, in dB.
#[derive(Debug)]
pub struct Measured {
    /// By how much less there is of a viewer's words in what viewers hear than in the room.
    pub echo: f64,
    /// How loud somebody in the room is to viewers, while a viewer speaks.
    pub near: f64,
}

/// A viewer speaks all the time, first alone, then at the same time as somebody in the room. `out` is where viewers hear.
fn measure(description: &str, learns: u64, out: impl Fn(&Robot) -> gst::Pad) -> Measured {
    let robot = Robot::of(&format!("{VIDEO} ! {description}"));
    let air = robot.scene.pad("air", "src");
    let room = Room::new(&robot.scene.element("loudspeaker"), &air);
    let heard = Track::default();
    heard.note(&out(&robot));
    let may = (&[View, Listen, Talk][..], 600);
    let talker = Talker::join(&robot.server, &robot.exchange, ("s", "ann"), may, MOUTH);
    talker.viewer.wait_for("audio", 10);
    let far = speech(60, 11);
    let mut words = far.into_iter();
    let lips = talker
        .voice
        .downcast_ref::<gst::Bin>()
        .unwrap()
        .by_name("lips");
    each(
        &lips.unwrap().static_pad("src").unwrap(),
        move |_, samples| {
            for (sample, word) in samples.iter_mut().zip(words.by_ref()) {
                *sample = word;
            }
        },
    );
    let reach = |place| {
        step(format_args!("{} s of sound", place / RATE));
        while heard.end() < place {
            thread::park_timeout(LOOK);
        }
    };
    let start = room.echo.end() + RATE;
    let alone = start + learns..start + learns + PART;
    reach(alone.end);
    room.near
        .lock()
        .unwrap()
        .extend(speech(20, 23).iter().map(|sample| sample / 4));
    let both = alone.end + RATE..alone.end + RATE + PART;
    reach(both.end + RATE);
    // What passes on is up to two frames late.
    let late = 2 * 480;
    let echo = loss(
        &room.echo.read(alone.clone()),
        &heard.read(alone.start + late..alone.end + late),
    );
    let near = gain(
        &room.spoken.read(both.clone()),
        &heard.read(both.start..both.end + 4 * 480),
    );
    let loop_loss = loss(&room.said.read(alone.clone()), &room.echo.read(alone));
    println!("the room takes {loop_loss:.1} dB; echo {echo:.1} dB less; who is near {near:.1} dB");
    Measured { echo, near }
}

/// As in pipelines/50-talk, with a loudspeaker that plays so many milliseconds later: 200 is what alsasink holds. For a quicker one the
/// microphone is held back, as docs/sink.md has it.
pub fn cancelled(milliseconds: u64) -> Measured {
    let hold = match milliseconds < 200 {
        true => {
            "queue min-threshold-time=60000000 max-size-time=0 max-size-buffers=0 max-size-bytes=0 !"
        }
        false => "",
    };
    let description = format!(
        "portholesink name=sink  {MICROPHONE} ! {hold} audioconvert ! audioresample \
         ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! webrtcdsp name=dsp probe=speaker ! sink.audio  \
         sink.talk ! webrtcechoprobe name=speaker ! audioconvert ! audioresample \
         ! fakesink name=loudspeaker sync=true processing-deadline={}",
        milliseconds * 1_000_000
    );
    measure(&description, LEARNS, |robot| robot.scene.pad("dsp", "src"))
}

/// As in pipelines/51-doorbell.
pub fn half_duplex() -> Measured {
    let description = format!(
        "portholesink name=sink talk-ducks=true  {MICROPHONE} ! audioconvert ! sink.audio  \
         sink.talk ! audioconvert ! audioresample ! fakesink name=loudspeaker sync=true"
    );
    measure(&description, 0, |robot| {
        let sink = robot.scene.element("sink").downcast::<gst::Bin>().unwrap();
        let find = || {
            sink.iterate_all_by_element_factory_name("volume")
                .into_iter()
                .next()
        };
        step("the way of the sound");
        loop {
            if let Some(Ok(volume)) = find() {
                return volume.static_pad("src").unwrap();
            }
            thread::park_timeout(LOOK);
        }
    })
}
