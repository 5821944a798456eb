// SPDX-License-Identifier: MPL-2.0
//! The way to the ladder's driver, and a viewer's place.
//!
//! Locks: `stats` and `size`, each held alone, to read or write a value.

use std::{
    io,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::channel,
    },
    time::Duration,
};

use super::{
    Path,
    codec::Codec,
    driver::Driver,
    feed::Feed,
    message::{Hooks, Member, Message, Notifier, ViewerStats},
    outlet::Outlet,
    policy::Size,
    types::{Bitrates, Config, Input},
};
use crate::{
    lock::lock,
    runtime,
    worker::{self, Worker},
};

/// As often as congestion control changes its mind.
const TICK: Duration = Duration::from_millis(100);
/// A driver that is this far behind, since an encoder or the application holds it up, is not told of further ticks.
const MAX_BACKLOG: usize = 4;
/// Longest wait for the ladder's end: a trial takes up to three seconds, and a driver that hangs for longer holds up nobody.
const STOP: Duration = Duration::from_secs(5);

/// The way to the driver.
pub(crate) struct Ladder {
    worker: Arc<Worker<Message>>,
    ending: worker::Ending,
    feeds: Arc<[Feed]>,
    next: AtomicU64,
    has_ended: AtomicBool,
}

/// A viewer on the ladder; leaves it when dropped.
pub(crate) struct Viewer {
    id: u64,
    pub(crate) outlet: Arc<Outlet>,
    stats: Arc<Mutex<ViewerStats>>,
    /// What the driver was told last.
    size: Mutex<Option<Size>>,
    worker: Arc<Worker<Message>>,
}

impl Viewer {
    /// Shows its picture in this size, as far as it says.
    pub(crate) fn resize(&self, size: Option<Size>) {
        if std::mem::replace(&mut *lock(&self.size), size) != size {
            self.worker.push(Message::Resize(self.id, size));
        }
    }

    pub(crate) fn stats(&self) -> ViewerStats {
        *lock(&self.stats)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.worker.push(Message::Leave(self.id));
    }
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Viewer({})", self.id)
    }
}

impl Ladder {
    /// Starts the thread. There is one feed for each video pad there may be. Fails where the process may start no more
    /// threads.
    pub(crate) fn start(config: Config, feeds: Arc<[Feed]>, hooks: Hooks) -> io::Result<Self> {
        let own: Arc<Mutex<Option<Weak<Worker<Message>>>>> = Arc::default();
        let for_notifier = own.clone();
        let notify: Notifier = Arc::new(move |message| {
            let worker = lock(&for_notifier).as_ref().and_then(Weak::upgrade);
            if let Some(worker) = worker {
                worker.push(message);
            }
        });
        let mut driver = Driver::new(config, hooks, feeds.clone(), notify)?;
        let (worker, ending) =
            worker::spawn("porthole-ladder", move |message| driver.handle(message))?;
        let worker = Arc::new(worker);
        *lock(&own) = Some(Arc::downgrade(&worker));
        tick(Arc::downgrade(&worker))?;
        Ok(Self {
            worker,
            ending,
            feeds,
            next: AtomicU64::new(1),
            has_ended: AtomicBool::new(false),
        })
    }

    pub(crate) fn feeds(&self) -> &[Feed] {
        &self.feeds
    }

    /// What comes in has (another) form.
    pub(crate) fn set_input(&self, input: Input) {
        self.worker.push(Message::Input(input));
    }

    pub(crate) fn set_bitrates(&self, bitrates: Bitrates) {
        self.worker.push(Message::Bitrates(bitrates));
    }

    /// A viewer is about to join, with a codec that is not known yet.
    pub(crate) fn expect(&self) {
        self.worker.push(Message::Expect);
    }

    /// A viewer that takes `codec`, and shows its picture in this size, as far as it says.
    pub(crate) fn join(
        &self,
        session: &str,
        codec: Codec,
        path: Option<Arc<dyn Path>>,
        size: Option<Size>,
    ) -> Viewer {
        let id = self.next.fetch_add(1, Relaxed);
        let notifying = Arc::downgrade(&self.worker);
        let outlet = Outlet::new(move |event| {
            if let Some(worker) = notifying.upgrade() {
                worker.push(Message::Outlet(id, event));
            }
        });
        let (outlet, stats) = (Arc::new(outlet), Arc::default());
        let member = Member {
            session: session.to_owned(),
            codec,
            outlet: outlet.clone(),
            path,
            size,
            stats: Arc::clone(&stats),
        };
        self.worker.push(Message::Join(id, member));
        Viewer {
            id,
            outlet,
            stats,
            size: Mutex::new(size),
            worker: self.worker.clone(),
        }
    }

    /// Stops the rungs; viewers that are left have no picture any more. Waits until nothing here uses GStreamer any more: an
    /// application that ends GStreamer next would wait for ever for an encoder that is just being tried (docs/upstream.md).
    pub(crate) fn end(&self) {
        // Who asks again has waited before, in vain perhaps.
        if self.has_ended.swap(true, Relaxed) {
            return;
        }
        let (stopped, all_stopped) = channel();
        self.worker.push(Message::End(stopped));
        if !self.ending.is_here() {
            let _ = all_stopped.recv_timeout(STOP);
        }
    }
}

/// Tells the driver of time, for as long as there is one.
fn tick(worker: Weak<Worker<Message>>) -> io::Result<()> {
    runtime::handle()?.spawn(async move {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let Some(worker) = worker.upgrade() else {
                break;
            };
            if worker.backlog() < MAX_BACKLOG {
                worker.push(Message::Tick);
            }
        }
    });
    Ok(())
}
