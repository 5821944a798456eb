// SPDX-License-Identifier: MPL-2.0
//! Ten programs that speak a hundred times a second each to eight viewers, and what that does to the picture.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;
use porthole_protocol::grant::Permission::View;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    common::robot::{Guest, Program, Robot, Socket, Word},
    pause,
};

const SERVICES: usize = 10;
const RATE: u32 = 100;
const VIEWERS: usize = 8;
const TEXT: u8 = 1;
const BUNDLE: u8 = 11;
const BUNDLES: u8 = 22;
/// The gate may take a moment to let each in, and the encoder to find its rate.
const SETTLE: Duration = Duration::from_secs(3);

/// Reads, as a program has to, until then.
fn read_until(program: &mut Socket, due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        program.get_ref().set_read_timeout(Some(left)).unwrap();
        let _ = program.read();
    }
}

/// The texts of services in a message, one or many.
fn texts(word: &Word) -> Vec<&str> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    match word.kind {
        TEXT => vec![text(&word.payload)],
        BUNDLE => {
            let mut rest = &word.payload[..];
            let mut texts = Vec::new();
            while let [high, low, more @ ..] = rest {
                let (one, more) = more.split_at(u16::from_be_bytes([*high, *low]).into());
                texts.push(text(&one[4..]));
                rest = more;
            }
            texts
        }
        _ => Vec::new(),
    }
}

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next().unwrap().parse::<f64>().unwrap();
    (ticks() + ticks()) / 100.0
}

/// Of each frame at one viewer: how long ago it entered the sink, in microseconds.
fn ages_of_frames(robot: &Robot, guest: &Guest) -> Arc<Mutex<Vec<u64>>> {
    let entered = Arc::new(Mutex::new(None));
    let own = entered.clone();
    let pad = robot.scene.pad("sink", "sink");
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        *own.lock().unwrap() = Some(Instant::now());
        gst::PadProbeReturn::Ok
    });
    let ages = Arc::new(Mutex::new(Vec::new()));
    let own = ages.clone();
    let webrtcbin = &guest.viewer.webrtcbin;
    let video = webrtcbin.src_pads().into_iter().next().unwrap();
    video.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let is_last = info.buffer().is_some_and(|buffer| {
            let mut header = [0; 2];
            buffer.copy_to_slice(0, &mut header).is_ok() && header[1] & 0x80 > 0
        });
        let since: Option<Instant> = *entered.lock().unwrap();
        if let Some(since) = since.filter(|_| is_last) {
            let age = u64::try_from(since.elapsed().as_micros()).unwrap();
            own.lock().unwrap().push(age);
        }
        gst::PadProbeReturn::Ok
    });
    ages
}

/// The picture's ages and the CPU time of a window, in percent of a core.
fn window(ages: &Mutex<Vec<u64>>, time: Duration) -> (Vec<u64>, f64) {
    pause(SETTLE);
    ages.lock().unwrap().clear();
    let (start, before) = (Instant::now(), cpu());
    pause(time);
    let percent = (cpu() - before) / start.elapsed().as_secs_f64() * 100.0;
    (std::mem::take(&mut *ages.lock().unwrap()), percent)
}

pub(crate) fn measure(time: Duration) -> Value {
    let robot = Robot::of(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1 \
         ! portholesink name=sink",
    );
    let mut guests: Vec<Guest> = (0..VIEWERS)
        .map(|number| robot.guest(&format!("viewer{number}"), &[View]))
        .collect();
    for guest in &guests {
        // Or the jitter buffer of these viewers is most of what is measured.
        guest.viewer.webrtcbin.set_property("latency", 0u32);
        guest.viewer.wait_for("video", 10);
        guest.send(BUNDLES, (0, 0), b"");
    }
    let ages = ages_of_frames(&robot, &guests[0]);
    let (alone, cpu_alone) = window(&ages, time);

    let epoch = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let programs: Vec<_> = (0..SERVICES)
        .map(|number| {
            let (url, over) = (robot.url.clone(), over.clone());
            thread::spawn(move || {
                let name = format!("service{number}");
                let mut program = Program::socket(&url, &name, &[]).unwrap();
                program.get_ref().set_nodelay(true).unwrap();
                let mut due = Instant::now();
                while !over.load(Relaxed) {
                    let text = epoch.elapsed().as_micros().to_string();
                    program.send(Message::text(text)).unwrap();
                    due += Duration::from_secs(1) / RATE;
                    read_until(&mut program, due);
                }
            })
        })
        .collect();
    let readers: Vec<_> = guests
        .drain(..)
        .map(|mut guest| {
            let over = over.clone();
            thread::spawn(move || {
                let mut ages = Vec::new();
                while !over.load(Relaxed) {
                    let Some(word) = guest.next_within(Duration::from_millis(100)) else {
                        continue;
                    };
                    let now = u64::try_from(epoch.elapsed().as_micros()).unwrap();
                    for text in texts(&word) {
                        let sent: u64 = text.parse().unwrap();
                        ages.push(now - sent);
                    }
                }
                // Kept until here: a viewer that goes would be less work.
                (guest, ages)
            })
        })
        .collect();
    let (beside, cpu_beside) = window(&ages, time);
    let running = epoch.elapsed().as_secs_f64();
    over.store(true, Relaxed);
    programs.into_iter().for_each(|p| p.join().unwrap());
    let read: Vec<_> = readers.into_iter().map(|r| r.join().unwrap()).collect();
    let all: Vec<u64> = read
        .iter()
        .flat_map(|(_, ages)| ages.iter().copied())
        .collect();
    let expected = running * f64::from(RATE) * (SERVICES * VIEWERS) as f64;
    json!({
        "pictureAloneUs": alone, "pictureBesideUs": beside,
        "cpuAlonePercent": cpu_alone, "cpuBesidePercent": cpu_beside,
        "arrivedPercent": 100.0 * all.len() as f64 / expected,
        // A part is enough for its quantiles.
        "ageUs": all.iter().copied().step_by(all.len() / 20_000 + 1).collect::<Vec<_>>(),
    })
}
