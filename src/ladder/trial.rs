// SPDX-License-Identifier: MPL-2.0
//! Tries an encoder with black pictures before anything depends on it, and keeps what came out: the caps of a codec's
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
    encoders::{Encoder, Order},
    message::{Message, Notifier},
    rung::{Hooks, Rung},
    runner::Make,
    types::{EncoderSetup, Failure, Frame, RungId, RungSpec, Step},
};

/// Encoders of hardware load firmware with their first picture.
const TRIAL: Duration = Duration::from_secs(3);

/// An encoder that holds a few pictures back gives the first when more come: one each time that this has passed.
const NEXT_PICTURE: Duration = Duration::from_millis(50);

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
    spec: RungSpec,
    interval: u32,
    (setup, notify): (&EncoderSetup, &Notifier),
) -> Result<Found, Failure> {
    let mut steps: Vec<Step> = Vec::new();
    while let Some(encoder) = encoders.first().copied() {
        let order = Order {
            bitrate: spec.rendition.ceiling,
            interval,
        };
        let (id, setup, notify) = (RungId::new(spec), setup.clone(), notify.clone());
        let outcome = run(
            codec,
            encoder,
            order,
            id,
            move |element| setup(codec, 0, element),
            move |failure| notify(Message::Failed(codec, id, failure)),
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
    id: RungId,
    on_encoder: impl FnOnce(&gst::Element) + Send + 'static,
    on_failure: impl Fn(Failure) + Send + Sync + 'static,
) -> Result<(Frame, Rung), Failure> {
    let (sender, outcome) = mpsc::sync_channel(1);
    let failed = sender.clone();
    let has_passed = Arc::new(AtomicBool::new(false));
    let passed = has_passed.clone();
    let hooks = Hooks {
        on_frame: Box::new(move |frame| drop(sender.try_send(Ok(frame.clone())))),
        on_failure: Box::new(move |failure| match passed.load(SeqCst) {
            true => on_failure(failure),
            false => drop(failed.try_send(Err(failure))),
        }),
        on_encoder: Box::new(on_encoder),
    };
    let make = Make::Encode(encoder, order, None);
    let rung = Rung::start(id, codec, make, Instant::now(), hooks)?;
    match first_frame(&rung, &outcome) {
        Ok(frame) => {
            has_passed.store(true, SeqCst);
            Ok((frame, rung))
        }
        Err(failure) => {
            rung.stop();
            Err(failure)
        }
    }
}

/// What comes out of it when pictures go in.
fn first_frame(
    rung: &Rung,
    outcome: &mpsc::Receiver<Result<Frame, Failure>>,
) -> Result<Frame, Failure> {
    let begun = Instant::now();
    for number in 0.. {
        rung.push_black(number);
        match outcome.recv_timeout(NEXT_PICTURE) {
            Ok(outcome) => return outcome,
            Err(_) if begun.elapsed() < TRIAL => (),
            Err(_) => break,
        }
    }
    Err(Failure("nothing comes out of it".into()))
}
