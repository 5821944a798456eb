// SPDX-License-Identifier: MPL-2.0
//! An open camera: a pipeline of its own, on a thread of its own that may be left to itself, since any call to a driver may
//! block for ever. All that it says carries its generation.

mod command;
mod microphone;
mod pipeline;
mod retry;
mod sound;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc::{Sender, channel},
    },
    thread,
};

pub(crate) use command::{Command, Listening, Run};
use pipeline::Context;

use super::{
    device::{Device, Request},
    event::{Event, Inbox, Report},
};

/// The way to a capture's thread. Dropping it closes the camera.
#[derive(Debug)]
pub(crate) struct Capture {
    commands: Sender<Command>,
    /// So that a device that is slow to open is not started after all.
    is_closed: Arc<AtomicBool>,
}

impl Capture {
    /// Opens the camera.
    pub(crate) fn open(
        generation: u64,
        device: Arc<dyn Device>,
        request: Request,
        listening: Listening,
        run: &Run,
    ) -> std::io::Result<Self> {
        let (commands, receiver) = channel();
        let context = Context::new(generation, run, commands.clone(), listening.device);
        context.listen(listening.is_wanted);
        let is_closed = context.is_closed.clone();
        let ended = Ended::new(generation, run);
        spawn(move || {
            let _ended = ended;
            context.run(device.as_ref(), &request, &receiver);
        })?;
        Ok(Self {
            commands,
            is_closed,
        })
    }

    /// Looks for the camera's mode without capturing, on a thread that may be left to itself as well.
    pub(crate) fn look(
        generation: u64,
        device: Arc<dyn Device>,
        request: Request,
        run: &Run,
    ) -> std::io::Result<()> {
        let inbox = run.inbox.clone();
        let ended = Ended::new(generation, run);
        spawn(move || {
            let _ended = ended;
            match device.look(&request) {
                Ok(Some(mode)) => inbox.send(Event::Capture(generation, Report::Mode(mode))),
                Ok(None) => (),
                Err(problem) => inbox.send(Event::Capture(generation, Report::Failed(problem))),
            }
        })
    }

    /// One that is over needs to hear nothing.
    pub(crate) fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.is_closed.store(true, SeqCst);
        self.tell(Command::Close);
    }
}

pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new()
        .name("portholesrc-dev".into())
        .spawn(work)
        .map(drop)
}

/// Says that the thread is done, also when it panicked.
struct Ended {
    generation: u64,
    inbox: Inbox,
    running: Arc<AtomicUsize>,
}

impl Ended {
    fn new(generation: u64, run: &Run) -> Self {
        run.running.fetch_add(1, SeqCst);
        Self {
            generation,
            inbox: run.inbox.clone(),
            running: run.running.clone(),
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.running.fetch_sub(1, SeqCst);
        self.inbox
            .send(Event::Capture(self.generation, Report::Ended));
    }
}
