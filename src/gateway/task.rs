// SPDX-License-Identifier: MPL-2.0
//! Runs the hub: one task takes in what happens, in the order in which it came, and hands out what follows. It waits for
//! nobody: viewers have an outbox and programs a queue.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    time::sleep_until,
};

use super::{
    handle::{FromProgram, FromViewer, Handle, Receivers, ViewerChannel},
    hub::{Config, Hub, Input, Output, ProgramId, Rights},
    outbox::Outbox,
    queue::{Close, Queue},
    wheel::{Reason, ViewerId},
    words::{BellPush, Refusal},
};
use crate::{driving::DriverChange, opening::DoorAsked};

/// Messages of viewers in a row, before programs are heard again.
const MAX_IN_A_ROW: usize = 64;
/// Viewers of whom something is known before their channels are open.
const MAX_EARLY: usize = 1024;

/// Hears who drives. It may not wait.
pub(crate) type OnDriver = Box<dyn Fn(DriverChange) + Send>;

/// Hears what a program does at the bell. It may not wait either.
pub(crate) type OnBell = Box<dyn Fn(BellPush) + Send>;

/// Hears who wanted the door open. Nor may it.
pub(crate) type OnDoor = Box<dyn Fn(DoorAsked) + Send>;

/// Dropping it ends the task.
pub(crate) struct Running {
    pub(crate) handle: Handle,
    _stop: oneshot::Sender<()>,
}

/// Starts the task.
pub(crate) fn start(
    config: Config,
    (on_driver, on_bell, on_door): (OnDriver, OnBell, OnDoor),
    runtime: &tokio::runtime::Handle,
) -> Running {
    let (handle, receivers) = Handle::new();
    let (stop, stopped) = oneshot::channel();
    let task = Task {
        hub: Hub::new(config),
        channels: HashMap::new(),
        queues: HashMap::new(),
        early: BTreeMap::new(),
        on_driver,
        on_bell,
        on_door,
    };
    runtime.spawn(task.run(receivers, stopped));
    Running {
        handle,
        _stop: stop,
    }
}

struct Task {
    hub: Hub,
    channels: HashMap<ViewerId, (Arc<dyn ViewerChannel>, Outbox)>,
    queues: HashMap<ProgramId, Arc<Queue>>,
    /// What was said of viewers whose channels are not open yet.
    early: BTreeMap<ViewerId, Early>,
    on_driver: OnDriver,
    on_bell: OnBell,
    on_door: OnDoor,
}

enum Early {
    Rights(Rights),
    Gone,
}

impl Task {
    async fn run(mut self, receivers: Receivers, mut stopped: oneshot::Receiver<()>) {
        let Receivers {
            mut viewers,
            mut answers,
            mut programs,
        } = receivers;
        let mut in_a_row = 0;
        loop {
            if in_a_row >= MAX_IN_A_ROW {
                in_a_row = 0;
                for _ in 0..MAX_IN_A_ROW {
                    let Ok(message) = programs.try_recv() else {
                        break;
                    };
                    self.handle_program(message);
                }
                if stopped.try_recv() != Err(TryRecvError::Empty) {
                    break;
                }
            }
            let deadline = self.hub.deadline();
            let due = async {
                match deadline {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            // In this order: neither a flood of programs nor the stop holds up what viewers said before.
            tokio::select! {
                biased;
                () = due => {
                    // What came in time counts, though it waits here.
                    for _ in 0..viewers.len() {
                        if let Ok(message) = viewers.try_recv() {
                            self.handle_viewer(message);
                        }
                    }
                    let outputs = self.hub.tick(Instant::now());
                    self.carry_out(outputs);
                }
                Some(answer) = answers.recv() => self.handle(answer),
                Some(message) = viewers.recv() => {
                    in_a_row += 1;
                    self.handle_viewer(message);
                }
                _ = &mut stopped => break,
                Some(message) = programs.recv() => {
                    in_a_row = 0;
                    self.handle_program(message);
                }
            }
        }
        let all: Vec<_> = self.channels.keys().copied().collect();
        for viewer in all {
            self.handle(Input::Left(viewer, Reason::Left));
        }
        for queue in self.queues.values() {
            queue.close(Close::Stopping);
        }
    }

    fn handle(&mut self, input: Input) {
        let outputs = self.hub.handle(input, Instant::now());
        self.carry_out(outputs);
    }

    fn handle_viewer(&mut self, message: FromViewer) {
        match message {
            FromViewer::Open(channel, here) => {
                let viewer = channel.viewer();
                let early = self.early.remove(&viewer);
                if let Some(Early::Gone) = early {
                    return channel.close();
                }
                self.channels.insert(viewer, (channel, Outbox::default()));
                self.handle(here);
                if let Some(Early::Rights(rights)) = early {
                    self.handle(Input::Rights(viewer, rights));
                }
            }
            FromViewer::Writable(viewer) => self.drain(viewer),
            FromViewer::Input(input) => {
                self.note_early(&input);
                if let Input::Left(viewer, _) = &input
                    && let Some((channel, _)) = self.channels.remove(viewer)
                {
                    channel.close();
                }
                self.handle(input);
            }
        }
    }

    /// Keeps what is said of a viewer before its channels are open, which it may be at any moment.
    fn note_early(&mut self, input: &Input) {
        let (viewer, early) = match input {
            Input::Left(viewer, _) => (*viewer, Early::Gone),
            Input::Rights(viewer, rights) => (*viewer, Early::Rights(*rights)),
            _ => return,
        };
        if self.channels.contains_key(&viewer) {
            return;
        }
        self.early.insert(viewer, early);
        if self.early.len() > MAX_EARLY {
            self.early.pop_first();
        }
    }

    fn handle_program(&mut self, message: FromProgram) {
        match message {
            FromProgram::Here(id, name, queue) => {
                self.queues.insert(id, queue);
                self.handle(Input::ProgramJoined(id, name));
            }
            FromProgram::Gone(id) => {
                self.queues.remove(&id);
                self.handle(Input::ProgramLeft(id));
            }
            FromProgram::Input(input) => self.handle(input),
        }
    }

    fn carry_out(&mut self, outputs: Vec<Output>) {
        let mut inputs = Vec::new();
        let mut overflown = Vec::new();
        for output in outputs {
            match output {
                Output::Viewer(viewer, message) => {
                    let Some((_, outbox)) = self.channels.get_mut(&viewer) else {
                        continue;
                    };
                    match outbox.push(message) {
                        Ok(lost) => {
                            inputs.extend(lost.into_iter().map(|service| Input::Lost(service, 1)));
                        }
                        Err(_) => overflown.push(viewer),
                    }
                    self.drain(viewer);
                }
                Output::Event(program, event) => {
                    if let Some(queue) = self.queues.get(&program) {
                        queue.event(event);
                    }
                }
                Output::Alive(program, alive) => {
                    if let Some(queue) = self.queues.get(&program) {
                        queue.alive(alive);
                    }
                }
                Output::Hold(program, at) => {
                    if let Some(queue) = self.queues.get(&program) {
                        queue.hold(at);
                    }
                }
                Output::Acknowledges(program, itself) => {
                    if let Some(queue) = self.queues.get(&program) {
                        queue.acknowledges(itself);
                    }
                }
                Output::Command(program, command) => {
                    let (queue, ticket) = (self.queues.get(&program), command.ticket);
                    let taken = queue
                        .ok_or(Refusal::ServiceGone)
                        .and_then(|queue| queue.command(command));
                    if let Err(refusal) = taken {
                        inputs.push(Input::Undelivered(ticket, refusal));
                    }
                }
                Output::Open(program, command) => {
                    let (queue, ticket) = (self.queues.get(&program), command.ticket);
                    let taken = queue
                        .ok_or(Refusal::ServiceGone)
                        .and_then(|queue| queue.open(command));
                    if let Err(refusal) = taken {
                        inputs.push(Input::Undelivered(ticket, refusal));
                    }
                }
                Output::RecallDoor(program) => {
                    let queue = self.queues.get(&program);
                    let ticket = queue.and_then(|queue| queue.recall_door());
                    let refused = |ticket| Input::Undelivered(ticket, Refusal::NotPermitted);
                    inputs.extend(ticket.map(refused));
                }
                Output::Door(asked) => (self.on_door)(asked),
                Output::Driver(change) => (self.on_driver)(change),
                Output::Bell(push) => (self.on_bell)(push),
                Output::Recall(program) => {
                    let tickets = self.queues.get(&program).map(|queue| queue.recall());
                    let released = |ticket| Input::Undelivered(ticket, Refusal::Released);
                    inputs.extend(tickets.into_iter().flatten().map(released));
                }
            }
        }
        for viewer in overflown {
            if let Some((channel, _)) = self.channels.remove(&viewer) {
                channel.close();
                inputs.push(Input::Left(viewer, Reason::Left));
            }
        }
        // What follows from these are answers and news of a viewer's end, from which nothing follows in turn.
        for input in inputs {
            self.handle(input);
        }
    }

    /// Sends to a viewer what its channels take.
    fn drain(&mut self, viewer: ViewerId) {
        let Some((channel, outbox)) = self.channels.get_mut(&viewer) else {
            return;
        };
        while channel.has_room()
            && let Some(message) = outbox.pop()
        {
            channel.send(&message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use tokio::{runtime::Builder, task::yield_now};

    use super::*;
    use crate::{
        gateway::{
            envelope::{self, Kind, Mark},
            hub::Payload,
            outbox::QueuedMessage,
        },
        lock::lock,
        opening::DoorRight,
    };

    const FLOOD: usize = 10_000;

    /// A viewer's channels that take everything, and note of what kind it was.
    #[derive(Default)]
    struct Taken(Mutex<Vec<u8>>);

    impl ViewerChannel for Taken {
        fn viewer(&self) -> ViewerId {
            1
        }

        fn has_room(&self) -> bool {
            true
        }

        fn send(&self, message: &QueuedMessage) {
            lock(&self.0).push(message.bytes[0]);
        }

        fn close(&self) {}
    }

    impl Taken {
        fn count(&self, kind: Kind) -> usize {
            let taken = lock(&self.0);
            taken.iter().filter(|taken| **taken == kind as u8).count()
        }
    }

    /// A viewer whose messages, each of which is answered, all wait when the task begins.
    fn flooded() -> (tokio::runtime::Runtime, Running, Arc<Taken>) {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let config = Config {
            control_timeout: Duration::from_millis(500),
            gateway: true,
            talk: None,
            epoch: (Instant::now(), 0.0),
        };
        let running = start(
            config,
            (Box::new(|_| ()), Box::new(|_| ()), Box::new(|_| ())),
            runtime.handle(),
        );
        let channel = Arc::new(Taken::default());
        let joined = Input::Joined {
            viewer: 1,
            session: "s".into(),
            user: "ann".into(),
            rights: Rights {
                view: true,
                talk: false,
                control: false,
                booked: false,
                door: DoorRight::No,
            },
        };
        running
            .handle
            .viewer(FromViewer::Open(channel.clone(), joined));
        for _ in 0..FLOOD {
            running.handle.notify(Input::Message {
                viewer: 1,
                at: Instant::now(),
                message: envelope::write(Kind::Ask, Mark::NONE, b""),
            });
        }
        (runtime, running, channel)
    }

    #[test]
    fn a_program_is_heard_between_the_messages_of_a_viewer_who_floods() {
        let (runtime, running, channel) = flooded();
        runtime.block_on(async {
            let queue = Arc::new(Queue::default());
            running.handle.program_here(1, "arm".into(), queue).await;
            let text = Payload::Text("1".into());
            running.handle.program(Input::ProgramMessage(1, text)).await;
            while channel.count(Kind::Text) == 0 {
                yield_now().await;
            }
        });
        let kinds = lock(&channel.0);
        let before = kinds.iter().take_while(|kind| **kind != Kind::Text as u8);
        let refused = before.filter(|kind| **kind == Kind::Refused as u8).count();
        assert!(refused <= MAX_IN_A_ROW, "{refused} came before it");
    }

    #[test]
    fn the_end_does_not_wait_for_a_viewer_who_floods() {
        let (runtime, running, channel) = flooded();
        let handle = running.handle.clone();
        drop(running);
        runtime.block_on(async {
            while !handle.is_over() {
                yield_now().await;
            }
        });
        let refused = channel.count(Kind::Refused);
        assert!(refused <= MAX_IN_A_ROW, "{refused} were answered");
    }
}
