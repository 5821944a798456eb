// SPDX-License-Identifier: MPL-2.0
//! CPU time of this process, in turns, in microseconds.

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gst::buffer::{MappedBuffer, Writable};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::Failure;
use crate::cases::{CASES, TEXT};
use crate::chain::{Chain, FRAMES, Feed};

/// CPU time that one chain gets in one turn: hundreds of frames where they are cheap.
const TURN: Duration = Duration::from_millis(10);

/// An element that turns fills two frames in turns, as its pool has two; so does a plain copy.
const COPIES: usize = 2;

/// Changes of the text that are measured: after these, each digit has been drawn before.
const CHANGES: usize = 14;

/// Long enough before the full second to be on time, and long enough after it.
const AROUND: Duration = Duration::from_millis(30);

const PER_SECOND: usize = 1_000_000;

/// What this process has used so far.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * PER_SECOND as f64
}

/// The mean of a turn. `frames` handles [`FRAMES`] of them.
fn turn(mut frames: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    // Brings code and frames into the cache.
    frames()?;
    let start = used();
    let mut count = 0;
    loop {
        frames()?;
        count += FRAMES;
        let time = used() - start;
        if time >= TURN {
            return Ok(microseconds(time) / count as f64);
        }
    }
}

fn turn_of(chain: &Chain, feed: &mut Feed) -> Result<f64, Failure> {
    turn(|| (0..FRAMES).try_for_each(|_| chain.push(feed)))
}

fn turn_of_memcpy(
    feed: &mut Feed,
    to: &mut [MappedBuffer<Writable>; COPIES],
) -> Result<f64, Failure> {
    let frames: Result<Vec<_>, Failure> = (0..FRAMES)
        .map(|_| {
            Ok(feed
                .take()?
                .into_mapped_buffer_readable()
                .map_err(|_| "a frame cannot be read")?)
        })
        .collect();
    let frames = frames?;
    turn(|| {
        for (i, frame) in frames.iter().enumerate() {
            black_box(to[i % COPIES].as_mut_slice()).copy_from_slice(black_box(frame.as_slice()));
        }
        Ok(())
    })
}

/// All cases in frames of one format and size, in turns: with `memcpy` and the chain that has nothing but a sink.
pub(crate) fn frames(format: &str, size: (u32, u32), rounds: usize) -> Result<Value, Failure> {
    let mut feed = Feed::new(format, size)?;
    let mut targets = [frame(&feed)?, frame(&feed)?];
    let empty = Chain::new(&[], &feed)?;
    let mut pairs = Vec::new();
    for case in &CASES {
        let pair = [
            Chain::new(case.ours, &feed)?,
            Chain::new(case.stock, &feed)?,
        ];
        for chain in &pair {
            chain.check(&mut feed)?;
        }
        pairs.push((pair, [Vec::new(), Vec::new()]));
    }
    let (mut memcpy, mut baseline) = (Vec::new(), Vec::new());
    for _ in 0..=rounds {
        memcpy.push(turn_of_memcpy(&mut feed, &mut targets)?);
        baseline.push(turn_of(&empty, &mut feed)?);
        for (pair, times) in &mut pairs {
            for (chain, times) in pair.iter().zip(times) {
                times.push(turn_of(chain, &mut feed)?);
            }
        }
    }
    // In the first round the chains allocate their memory.
    let mut lists: Vec<_> = pairs.iter_mut().flat_map(|(_, times)| times).collect();
    lists.extend([&mut memcpy, &mut baseline]);
    for times in lists {
        times.remove(0);
    }
    let cases: Vec<_> = CASES
        .iter()
        .zip(pairs)
        .map(
            |(case, (_, [ours, stock]))| json!({ "name": case.name, "ours": ours, "stock": stock }),
        )
        .collect();
    let (width, height) = size;
    Ok(json!({
        "format": format, "width": width, "height": height, "memcpy": memcpy, "baseline": baseline, "cases": cases,
    }))
}

/// Memory for a frame, outside the feed's pool.
fn frame(feed: &Feed) -> Result<MappedBuffer<Writable>, Failure> {
    let buffer = gst::Buffer::with_size(feed.info.size())?;
    Ok(buffer
        .into_mapped_buffer_writable()
        .map_err(|_| "a frame cannot be written")?)
}

/// What a frame costs in addition when the second has changed, and the text with it.
pub(crate) fn text_changes() -> Result<Value, Failure> {
    let (format, (width, height)) = ("I420", (1280, 720));
    let mut feed = Feed::new(format, (width, height))?;
    let chains = [
        Chain::new(TEXT.ours, &feed)?,
        Chain::new(TEXT.stock, &feed)?,
    ];
    let mut extra = [Vec::new(), Vec::new()];
    for _ in 0..CHANGES {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let change = Duration::from_secs((now + AROUND).as_secs() + 1);
        std::thread::sleep((change - AROUND).saturating_sub(now));
        let mut times = [(); 2].map(|()| (Vec::new(), Vec::new()));
        while SystemTime::now().duration_since(UNIX_EPOCH)? < change + AROUND {
            for (chain, (before, after)) in chains.iter().zip(&mut times) {
                let start = used();
                chain.push(&mut feed)?;
                let time = microseconds(used() - start);
                let changed = SystemTime::now().duration_since(UNIX_EPOCH)? >= change;
                if changed { after } else { before }.push(time);
            }
        }
        for (extra, (before, after)) in extra.iter_mut().zip(&mut times) {
            before.sort_by(f64::total_cmp);
            // On a busy machine the sleep may have lasted beyond the change.
            let usual = before.get(before.len() / 2);
            // The stock clock reads a coarse time, so that its text changes some milliseconds late.
            let changing = after.iter().copied().max_by(f64::total_cmp);
            if let (Some(usual), Some(changing)) = (usual, changing) {
                extra.push(changing - usual);
            }
        }
    }
    let [ours, stock] = extra;
    if ours.is_empty() || stock.is_empty() {
        return Err("the machine is too busy to be on time for a full second".into());
    }
    Ok(json!({ "textChange": {
        "name": TEXT.name, "format": format, "size": format!("{width}x{height}"), "ours": ours, "stock": stock,
    }}))
}
