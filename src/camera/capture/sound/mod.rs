// SPDX-License-Identifier: MPL-2.0
//! Where sound leaves a capture: in step with the clock, however its own counts (`align`, which `drift` and `resample` serve).

mod align;
#[cfg(test)]
mod card;
mod drift;
mod resample;

use gst::prelude::*;

use super::command::Run;
use crate::camera::{caps, device::Timing, output::Bases};
use align::{Aligned, Aligner};
use drift::RATE;
use resample::Frame;

/// Two channels of two bytes each.
const FRAME_BYTES: usize = 4;

/// The end of a pipeline for sound in [`caps::sound`]. What comes to it goes out for the capture of this generation.
pub(super) fn outlet(
    name: &str,
    (run, generation): (&Run, u64),
    pipeline: &gst::Pipeline,
    timing: Timing,
) -> gst_app::AppSink {
    let (run, pipeline) = (run.clone(), pipeline.downgrade());
    let mut aligner = Aligner::default();
    let callbacks = gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let theirs = pipeline.upgrade().and_then(|pipeline| pipeline.base_time());
            let bases = Bases {
                ours: run.base_time,
                theirs: theirs.ok_or(gst::FlowError::Flushing)?,
            };
            let now = run.clock.time().checked_sub(run.base_time);
            if let Some((pts, buffer)) = take(&mut aligner, sample, timing, bases, now) {
                run.streams.push_audio(generation, buffer, pts);
            }
            Ok(gst::FlowSuccess::Ok)
        })
        .build();
    gst_app::AppSink::builder()
        .name(name)
        .caps(&caps::sound())
        .sync(timing == Timing::Paced)
        .enable_last_sample(false)
        .max_buffers(1)
        .callbacks(callbacks)
        .build()
}

/// What goes out, and its running time.
fn take(
    aligner: &mut Aligner,
    sample: gst::Sample,
    timing: Timing,
    bases: Bases,
    now: Option<gst::ClockTime>,
) -> Option<(gst::ClockTime, gst::Buffer)> {
    if timing == Timing::Paced {
        let pts = bases.running_time(&sample, || now)?;
        return Some((pts, sample.buffer_owned()?));
    }
    let buffer = sample.buffer()?;
    let input = frames(buffer)?;
    // It was captured when its last frame was.
    let arrival = || now?.checked_sub(duration(input.len()));
    let pts = match timing {
        Timing::Arrival => arrival()?,
        _ => bases.running_time(&sample, arrival)?,
    };
    let is_gap = buffer.flags().contains(gst::BufferFlags::DISCONT);
    let aligned = aligner.push(pts.nseconds(), &input, is_gap);
    let pts = gst::ClockTime::from_nseconds(aligned.at);
    Some((pts, written(&aligned)?))
}

fn duration(frames: usize) -> gst::ClockTime {
    gst::ClockTime::SECOND * frames as u64 / u64::from(RATE)
}

fn frames(buffer: &gst::BufferRef) -> Option<Vec<Frame>> {
    let map = buffer.map_readable().ok()?;
    let sample = |bytes: &[u8], at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let frame = |bytes: &[u8]| [sample(bytes, 0), sample(bytes, 2)];
    Some(map.chunks_exact(FRAME_BYTES).map(frame).collect())
}

fn written(aligned: &Aligned) -> Option<gst::Buffer> {
    if aligned.frames.is_empty() {
        return None;
    }
    let samples = aligned.frames.iter().flatten();
    let bytes: Vec<u8> = samples.flat_map(|sample| sample.to_le_bytes()).collect();
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let writable = buffer.get_mut()?;
    writable.set_duration(duration(aligned.frames.len()));
    if aligned.is_first {
        writable.set_flags(gst::BufferFlags::DISCONT);
    }
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASES: Bases = Bases {
        ours: gst::ClockTime::ZERO,
        theirs: gst::ClockTime::from_seconds(3),
    };

    /// A hundredth of a second, in which each sample is `value`.
    fn sample(value: i16, pts: Option<u64>) -> gst::Sample {
        gst::init().unwrap();
        let bytes: Vec<u8> = value.to_le_bytes().repeat(960);
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        let pts = pts.map(gst::ClockTime::from_mseconds);
        buffer.get_mut().unwrap().set_pts(pts);
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        gst::Sample::builder()
            .buffer(&buffer)
            .segment(&segment)
            .build()
    }

    fn times(timing: Timing) -> Vec<u64> {
        let mut aligner = Aligner::default();
        let times = (0..3).map(|number| {
            let now = gst::ClockTime::from_mseconds(4_000 + 10 * number);
            let sample = sample(7, Some(500 + 10 * number));
            let (pts, buffer) = take(&mut aligner, sample, timing, BASES, Some(now)).unwrap();
            assert!(
                frames(&buffer)
                    .unwrap()
                    .iter()
                    .all(|frame| *frame == [7, 7])
            );
            pts.mseconds()
        });
        times.collect()
    }

    #[test]
    fn a_timestamp_of_the_captures_pipeline_becomes_one_of_ours() {
        // What the resampler looks ahead is three samples of 21 microseconds.
        assert_eq!(times(Timing::Stamped), [3_500, 3_509, 3_519]);
        assert_eq!(times(Timing::Paced), [3_500, 3_510, 3_520]);
    }

    #[test]
    fn what_has_no_time_of_its_own_was_captured_before_it_came() {
        assert_eq!(times(Timing::Arrival), [3_990, 3_999, 4_009]);
        let mut aligner = Aligner::default();
        let now = Some(gst::ClockTime::from_mseconds(4_000));
        let taken = take(&mut aligner, sample(1, None), Timing::Stamped, BASES, now);
        assert_eq!(taken.unwrap().0.mseconds(), 3_990);
    }
}
