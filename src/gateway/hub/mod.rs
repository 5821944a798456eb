// SPDX-License-Identifier: MPL-2.0
//! The gateway as a pure state machine: what viewers and programs say and when goes in, what they are told comes out.
//!
//! `task` runs it. Here stands what goes in and comes out; what is done is in the files beside it, and `notify` says how things
//! stand. Nothing here waits or reads a clock. Viewers and programs are numbers, never used twice.

mod commands;
mod door;
mod driver;
mod lease;
mod notify;
mod programs;
mod steering;
mod stop;
mod viewers;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::value::RawValue;

use super::{
    bundle::Bundler,
    envelope::Mark,
    outbox::QueuedMessage,
    wheel::{Reason, ViewerId, Wheel},
    words::{BellPush, Description, Refusal},
};
use crate::{
    bucket::Bucket,
    calling::Call,
    driving::DriverChange,
    opening::{DoorAsked, DoorRight},
};
use driver::LastDriver;

/// Services a camera has known, those that are gone included: their numbers are one byte, and a list of more is no help.
pub(crate) const MAX_SERVICES: usize = 64;

pub(crate) type ProgramId = u32;

/// What passes untouched between programs and viewers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

/// What a viewer may do, as the session's grant says now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) view: bool,
    pub(crate) talk: bool,
    pub(crate) control: bool,
    /// Whether a booking gives the control: who has booked goes before who merely may.
    pub(crate) booked: bool,
    pub(crate) door: DoorRight,
}

/// By which a command is answered when its program has got it, or will not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) viewer: ViewerId,
    pub(crate) mark: Mark,
    pub(crate) kind: TicketKind,
}

/// Of what a ticket is; each is answered in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TicketKind {
    Command,
    /// A steering state.
    State,
    /// That the door opens.
    Door,
}

/// What a driver sent to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) payload: Payload,
    pub(crate) ticket: Ticket,
    /// From then on it is stale, and not delivered.
    pub(crate) due: Instant,
    /// Newer steering takes its place.
    pub(crate) steers: bool,
}

/// Who is heard at the robot, by session.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TalkState {
    pub(crate) speakers: Vec<String>,
    pub(crate) waiting: Vec<String>,
    /// dBFS.
    pub(crate) level: Option<f32>,
}

/// What happens.
#[derive(Debug)]
pub(crate) enum Input {
    /// A viewer's channel is open.
    Joined {
        viewer: ViewerId,
        session: String,
        user: String,
        rights: Rights,
    },
    Rights(ViewerId, Rights),
    /// A guest is called otherwise now.
    Named(ViewerId, String),
    Left(ViewerId, Reason),
    /// A message of a viewer, that came at `at`.
    Message {
        viewer: ViewerId,
        at: Instant,
        message: Vec<u8>,
    },
    /// A viewer says more than is taken.
    Excess(ViewerId, Mark),
    /// A program connected as this service, of which there is no other.
    ProgramJoined(ProgramId, String),
    ProgramLeft(ProgramId),
    ProgramMessage(ProgramId, Payload),
    Delivered(Ticket),
    Undelivered(Ticket, Refusal),
    /// So many messages of the service gave way at a viewer.
    Lost(u8, u32),
    Talk(TalkState),
    /// What has become of somebody's ring.
    Call(Call),
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Output {
    Viewer(ViewerId, QueuedMessage),
    /// Text for a program, before all commands that wait.
    Event(ProgramId, String),
    /// As an event; a newer one takes the place of one that waits.
    Alive(ProgramId, String),
    /// From then on commands are held, unless another such word or a recall comes before: the driver has not been heard for long.
    Hold(ProgramId, Instant),
    Command(ProgramId, Command),
    /// Whether this program acknowledges commands by a word of its own.
    Acknowledges(ProgramId, bool),
    /// Commands that wait for this program are not delivered.
    Recall(ProgramId),
    /// For the program at the door, before all commands that wait.
    Open(ProgramId, Command),
    /// If it waits for this program, it is not delivered.
    RecallDoor(ProgramId),
    /// For the application and the server: somebody wanted the door open.
    Door(DoorAsked),
    /// For the application and the server.
    Driver(DriverChange),
    /// A program has pressed the bell, or hung up.
    Bell(BellPush),
}

/// What does not change while the camera runs.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) control_timeout: Duration,
    /// Whether programs can connect.
    pub(crate) gateway: bool,
    /// The word of the `talk` property, where there is such a pad.
    pub(crate) talk: Option<String>,
    /// One moment in time, and the same in seconds of CLOCK_MONOTONIC.
    pub(crate) epoch: (Instant, f64),
}

#[derive(Debug)]
struct Viewer {
    session: String,
    user: String,
    rights: Rights,
    /// It understands bundles.
    bundles: bool,
    asking: Bucket,
    /// While it holds the door's button.
    nonce: Option<door::Nonce>,
    /// The number of its newest steering state, or 0.
    steered: u16,
    /// That state is of this drive, so that it may be repeated.
    is_steering: bool,
    /// What it was told last, so that it is told nothing twice.
    last_wheel: Vec<u8>,
    last_talk: Vec<u8>,
}

#[derive(Debug)]
struct Service {
    name: String,
    program: Option<ProgramId>,
    raw: Option<Box<RawValue>>,
    description: Description,
    /// Its newest message while it is here, if only that counts: for who comes later.
    newest: Option<QueuedMessage>,
    /// Not yet told to the program.
    lost: u32,
    /// Till when the program was told that it may go on; then it has stopped by itself.
    until: Option<Instant>,
    /// What its program is given of the driver's steering.
    steering: Option<steering::Steering>,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Hub {
    config: Config,
    viewers: BTreeMap<ViewerId, Viewer>,
    /// The number of a service is its place here, and one.
    services: Vec<Service>,
    wheel: Wheel,
    talk: TalkState,
    lost_due: Option<Instant>,
    /// When programs are told next that the driver is there.
    alive_due: Option<Instant>,
    /// From then on they are given nothing more of the driver's, as it was said last.
    hold: Option<Instant>,
    /// When all was stopped, while nobody has asked for the wheel since.
    stopped: Option<Instant>,
    /// Telemetry for viewers that understand bundles.
    bundler: Bundler,
    last_driver: LastDriver,
    door: door::Door,
    /// The call that runs.
    call: Option<Call>,
    outputs: Vec<Output>,
}

impl Hub {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            wheel: Wheel::new(config.control_timeout),
            config,
            viewers: BTreeMap::new(),
            services: Vec::new(),
            talk: TalkState::default(),
            lost_due: None,
            alive_due: None,
            hold: None,
            stopped: None,
            bundler: Bundler::default(),
            last_driver: LastDriver::default(),
            door: door::Door::default(),
            call: None,
            outputs: Vec::new(),
        }
    }

    /// When [`Self::tick`] will next have something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let bundle = self.bundler.deadline();
        let wheel = self.wheel.deadline();
        let door = self.door.deadline();
        let all = [wheel, self.lost_due, self.alive_due, bundle, door];
        all.into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Output> {
        self.enforce(now);
        std::mem::take(&mut self.outputs)
    }

    /// Takes in what happened, after what was due by then.
    pub(crate) fn handle(&mut self, input: Input, now: Instant) -> Vec<Output> {
        // A sign of life that waited here while the driver's time ran out came in time.
        if let Input::Message { viewer, at, .. } = &input {
            self.wheel.heard(*viewer, *at);
            self.loosen(*viewer, now);
        }
        self.enforce(now);
        match input {
            Input::Joined {
                viewer,
                session,
                user,
                rights,
            } => self.viewer_joined(viewer, Viewer::new(session, user, rights)),
            Input::Rights(viewer, rights) => self.viewer_rights(viewer, rights, now),
            Input::Named(viewer, user) => self.viewer_named(viewer, user),
            Input::Left(viewer, reason) => self.viewer_left(viewer, reason, now),
            Input::Message {
                viewer, message, ..
            } => self.viewer_message(viewer, &message, now),
            Input::Excess(viewer, mark) => self.refuse(viewer, mark, Refusal::TooMany),
            Input::ProgramJoined(program, name) => self.program_joined(program, name, now),
            Input::ProgramLeft(program) => self.program_left(program, now),
            Input::ProgramMessage(program, payload) => self.program_message(program, payload, now),
            Input::Delivered(ticket) => match ticket.kind {
                TicketKind::Command => self.delivered(ticket),
                TicketKind::State => self.state_taken(ticket),
                // Its program says itself what it did.
                TicketKind::Door => (),
            },
            Input::Undelivered(ticket, why) => match ticket.kind {
                TicketKind::Command => self.refuse(ticket.viewer, ticket.mark, why),
                TicketKind::State => self.state_missed(ticket, why),
                TicketKind::Door => self.door_missed(ticket, why),
            },
            Input::Lost(service, count) => self.lost(service, count, now),
            Input::Talk(talk) => {
                self.talk = talk;
                self.notify_talk(None);
            }
            Input::Call(call) => self.call_changed(call),
        }
        self.report_driver();
        std::mem::take(&mut self.outputs)
    }

    fn enforce(&mut self, now: Instant) {
        if let Some(released) = self.wheel.expire(now).or_else(|| self.lapse(now)) {
            self.released(released, now);
        }
        self.report_driver();
        self.renew(now);
        self.door_lapses(|_, answer_by| answer_by <= now);
        self.notify_lost(now);
        let bundles = self.bundler.tick(now);
        self.send_bundles(&bundles);
    }
}

#[cfg(test)]
mod tests;
