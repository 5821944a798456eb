// SPDX-License-Identifier: MPL-2.0
//! Makes the ladders of what comes in, on a thread of its own: encoders are tried there, which takes seconds where one hangs, and
//! who comes or goes meanwhile waits for none of that.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use super::{
    codec::Codec,
    codec_ladder::CodecLadder,
    message::{Message, Notifier},
    rungs::Surroundings,
    types::{Bitrates, Config, Frame, Input, Step},
};
use crate::worker::{self, Worker};

struct Order {
    number: u64,
    config: Config,
    input: Input,
    around: Surroundings,
}

/// A ladder for each codec that this machine can make of the input.
pub(super) struct Built {
    number: u64,
    pub(super) ladders: Vec<(Codec, CodecLadder)>,
    /// A first frame of each, as far as there is one.
    pub(super) ready: Vec<(Codec, Frame)>,
    /// Encoders that failed, and codecs of which none is left.
    pub(super) steps: Vec<Step>,
    pub(super) failures: Vec<String>,
    /// As they were when it began.
    pub(super) bitrates: Bitrates,
}

pub(super) struct Builder {
    worker: Worker<Order>,
    newest: Arc<AtomicU64>,
    /// Orders that have not been answered.
    open: u64,
}

impl Builder {
    /// Each order is answered by a message.
    pub(super) fn start(notify: Notifier) -> io::Result<Self> {
        let newest = Arc::<AtomicU64>::default();
        let wanted = newest.clone();
        let (worker, _) = worker::spawn("porthole-trial", move |order: Order| {
            let built = match order.number == wanted.load(SeqCst) {
                true => build(order),
                false => Built::nothing(&order),
            };
            notify(Message::Built(Box::new(built)));
        })?;
        Ok(Self {
            worker,
            newest,
            open: 0,
        })
    }

    /// What was ordered before is not wanted any more.
    pub(super) fn order(&mut self, config: &Config, input: &Input, around: Surroundings) {
        self.open += 1;
        self.worker.push(Order {
            number: self.newest.fetch_add(1, SeqCst) + 1,
            config: config.clone(),
            input: input.clone(),
            around,
        });
    }

    /// Notes an answer; whether it is the one that is wanted.
    pub(super) fn answered(&mut self, built: &Built) -> bool {
        self.open = self.open.saturating_sub(1);
        built.number == self.newest.load(SeqCst)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.open > 0
    }
}

impl Built {
    fn nothing(order: &Order) -> Self {
        Self {
            number: order.number,
            ladders: Vec::new(),
            ready: Vec::new(),
            steps: Vec::new(),
            failures: Vec::new(),
            bitrates: order.config.bitrates,
        }
    }
}

fn build(order: Order) -> Built {
    let mut built = Built::nothing(&order);
    let codecs = match &order.input {
        Input::Raw { .. } => order.config.codecs.clone(),
        Input::Encoded(codec, _) => vec![*codec],
    };
    for codec in codecs {
        match CodecLadder::new(codec, &order.config, &order.input, order.around.clone()) {
            Ok((ladder, first, steps)) => {
                built.steps.extend(steps);
                built.ready.extend(first.map(|frame| (codec, frame)));
                built.ladders.push((codec, ladder));
            }
            Err(failure) => built.failures.push(failure.0),
        }
    }
    built
}
