// SPDX-License-Identifier: MPL-2.0
//! The way to the hub, from both sides.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use tokio::sync::mpsc;

use super::{
    hub::{Input, ProgramId},
    outbox::QueuedMessage,
    queue::Queue,
    wheel::ViewerId,
};

/// Messages of programs that wait for the hub; then programs wait.
const MAX_FROM_PROGRAMS: usize = 64;

/// One viewer's end of the gateway.
pub(super) trait ViewerChannel: Send + Sync {
    fn viewer(&self) -> ViewerId;
    fn has_room(&self) -> bool;
    fn send(&self, message: &QueuedMessage);
    fn close(&self);
}

/// What comes to the task from viewers' side. What waits is bounded for each viewer, by its channels.
pub(super) enum FromViewer {
    /// A channel is open; what goes to the viewer goes through this.
    Open(Arc<dyn ViewerChannel>, Input),
    /// There is room again.
    Writable(ViewerId),
    Input(Input),
}

pub(super) enum FromProgram {
    Here(ProgramId, String, Arc<Queue>),
    Gone(ProgramId),
    Input(Input),
}

/// The way to the hub.
#[derive(Clone)]
pub(crate) struct Handle {
    viewers: mpsc::UnboundedSender<FromViewer>,
    answers: mpsc::UnboundedSender<Input>,
    programs: mpsc::Sender<FromProgram>,
    next: Arc<AtomicU32>,
}

impl Handle {
    pub(super) fn next_viewer(&self) -> ViewerId {
        self.next.fetch_add(1, Relaxed)
    }

    /// Never waits. After the end it goes nowhere.
    pub(super) fn viewer(&self, message: FromViewer) {
        let _ = self.viewers.send(message);
    }

    /// Whether nothing that is said here is heard any more.
    pub(crate) fn is_over(&self) -> bool {
        self.viewers.is_closed()
    }

    pub(crate) fn notify(&self, input: Input) {
        self.viewer(FromViewer::Input(input));
    }

    /// What became of a command. Never waits: of each program there are only so many.
    pub(super) fn answer(&self, input: Input) {
        let _ = self.answers.send(input);
    }

    pub(super) async fn program(&self, input: Input) {
        let _ = self.programs.send(FromProgram::Input(input)).await;
    }

    pub(super) async fn program_here(&self, id: ProgramId, name: String, queue: Arc<Queue>) {
        let here = FromProgram::Here(id, name, queue);
        let _ = self.programs.send(here).await;
    }

    pub(super) async fn program_gone(&self, id: ProgramId) {
        let _ = self.programs.send(FromProgram::Gone(id)).await;
    }
}

/// Where the task takes from.
pub(super) struct Receivers {
    pub(super) viewers: mpsc::UnboundedReceiver<FromViewer>,
    pub(super) answers: mpsc::UnboundedReceiver<Input>,
    pub(super) programs: mpsc::Receiver<FromProgram>,
}

impl Handle {
    pub(super) fn new() -> (Self, Receivers) {
        let (to_viewers, viewers) = mpsc::unbounded_channel();
        let (to_answers, answers) = mpsc::unbounded_channel();
        let (to_programs, programs) = mpsc::channel(MAX_FROM_PROGRAMS);
        let handle = Self {
            viewers: to_viewers,
            answers: to_answers,
            programs: to_programs,
            next: Arc::new(AtomicU32::new(1)),
        };
        let receivers = Receivers {
            viewers,
            answers,
            programs,
        };
        (handle, receivers)
    }
}
