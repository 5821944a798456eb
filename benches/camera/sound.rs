// SPDX-License-Identifier: MPL-2.0
//! What keeps sound in step with the pictures, for an hour of a simulated clock. The very files of `portholesrc`, which know of no
//! GStreamer.

#[allow(
    dead_code,
    unused_imports,
    reason = "a part of it serves portholesrc and tests alone"
)]
#[path = "../../src/camera/capture/sound/align.rs"]
mod align;
#[allow(dead_code, reason = "a part of it serves tests alone")]
#[path = "../../src/camera/capture/sound/card.rs"]
mod card;
#[path = "../../src/camera/capture/sound/drift.rs"]
mod drift;
#[allow(dead_code, reason = "a part of it serves tests alone")]
#[path = "../../src/camera/capture/sound/resample.rs"]
mod resample;

/// By how much a sound card's crystal is off, both ways.
const DRIFT: [f64; 2] = [100e-6, -100e-6];
const HOUR_SECONDS: u64 = 3_600;

/// Milliseconds by which sound is out of step in the end.
pub(crate) fn out_of_step_after_an_hour() -> Vec<f64> {
    eprintln!("camera: an hour of drift");
    let out_of_step = |off: &f64| {
        let mut aligner = align::Aligner::default();
        let (_, end) = card::Card::new(*off).hear(&mut aligner, (0, HOUR_SECONDS));
        end * 1e3
    };
    DRIFT.iter().map(out_of_step).collect()
}
