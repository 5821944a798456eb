// SPDX-License-Identifier: MPL-2.0
//! Tries an encoder with one black picture before anything depends on it, and keeps what came out: the caps of a codec's
//! stream, by which it is offered before any picture has come.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    time::{Duration, Instant},
};

use super::{
    codec::Codec,
    config::EncoderSetup,
    encoders::{Encoder, Order},
    message::{Message, Tell},
    outlet::Frame,
    rendition::Rendition,
    rung::{Failure, Make, Rung},
};

/// Encoders of hardware load firmware with their first picture.
const TRIAL: Duration = Duration::from_secs(3);

/// The generation of a lane's first rung, which is that of its trial.
pub(super) const OF_TRIAL: u64 = 1;

/// An encoder that failed, and the one that goes on.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) factory: &'static str,
    pub(super) failure: Failure,
    pub(super) next: Option<&'static str>,
}

/// An encoder that works, its first frame, and what failed before it.
pub(super) struct Found {
    pub(super) frame: Frame,
    pub(super) rung: Rung,
    pub(super) steps: Vec<Step>,
}

/// Tries encoders in turn until one works; those that do not are left out from now on.
pub(super) fn try_out(
    codec: Codec,
    encoders: &mut Vec<&'static Encoder>,
    renditions: &[Rendition],
    interval: u32,
    (setup, tell): (&EncoderSetup, &Tell),
) -> Result<Found, Failure> {
    let Some(size) = renditions.first().copied() else {
        return Err(Failure("there is no rendition".into()));
    };
    let mut steps: Vec<Step> = Vec::new();
    while let Some(encoder) = encoders.first().copied() {
        let order = Order {
            bitrate: size.ceiling,
            interval,
        };
        let tell = tell.clone();
        let outcome = run(
            codec,
            encoder,
            order,
            size,
            |element| setup(codec, 0, element),
            move |failure| tell(Message::Failed(codec, 0, OF_TRIAL, failure)),
        );
        match outcome {
            Ok((frame, rung)) => return Ok(Found { frame, rung, steps }),
            Err(failure) => {
                encoders.remove(0);
                steps.push(Step {
                    factory: encoder.factory,
                    failure,
                    next: encoders.first().map(|encoder| encoder.factory),
                });
            }
        }
    }
    let tried: BTreeSet<String> = (steps.into_iter())
        .map(|step| format!("{}: {}", step.factory, step.failure.0))
        .collect();
    let why = match tried.is_empty() {
        true => "no encoder is installed".to_owned(),
        false => tried.into_iter().collect::<Vec<_>>().join(", "),
    };
    Err(Failure(format!("{}: {why}", codec.name())))
}

/// A first frame by `encoder`, and the rung that made it; `on_failure` is for what happens to that afterwards.
fn run(
    codec: Codec,
    encoder: &'static Encoder,
    order: Order,
    size: Rendition,
    setup: impl FnOnce(&gst::Element),
    on_failure: impl Fn(Failure) + Send + Sync + 'static,
) -> Result<(Frame, Rung), Failure> {
    let (sender, outcome) = mpsc::sync_channel(1);
    let failed = sender.clone();
    let has_passed = Arc::new(AtomicBool::new(false));
    let passed = has_passed.clone();
    let rung = Rung::start(
        (0, codec, Some(size)),
        Make::Encode(encoder, order, None),
        Instant::now(),
        move |frame| drop(sender.try_send(Ok(frame.clone()))),
        move |failure| match passed.load(SeqCst) {
            true => on_failure(failure),
            false => drop(failed.try_send(Err(failure))),
        },
        setup,
    )?;
    if !push_black(&rung, size) {
        rung.stop();
        return Err(Failure("no memory for a picture".into()));
    }
    match outcome.recv_timeout(TRIAL) {
        Ok(Ok(frame)) => {
            has_passed.store(true, SeqCst);
            Ok((frame, rung))
        }
        Ok(Err(failure)) => {
            rung.stop();
            Err(failure)
        }
        Err(_) => {
            rung.stop();
            Err(Failure("nothing comes out of it".into()))
        }
    }
}

/// Gives an encoder a first picture; false where there is no memory for it.
pub(super) fn push_black(rung: &Rung, size: Rendition) -> bool {
    let Some((caps, picture)) = black(size) else {
        return false;
    };
    rung.source().set_caps(Some(&caps));
    let _ = rung.source().push_buffer(picture);
    true
}

fn black(size: Rendition) -> Option<(gst::Caps, gst::Buffer)> {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, size.width, size.height)
        .fps(gst::Fraction::new(30, 1))
        .build()
        .ok()?;
    let mut buffer = gst::Buffer::with_size(info.size()).ok()?;
    {
        let buffer = buffer.get_mut()?;
        buffer.set_pts(gst::ClockTime::ZERO);
        let mut map = buffer.map_writable().ok()?;
        let luma = info.offset()[1].min(map.len());
        map[..luma].fill(16);
        map[luma..].fill(128);
    }
    Some((info.to_caps().ok()?, buffer))
}
