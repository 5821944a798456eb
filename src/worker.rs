// SPDX-License-Identifier: MPL-2.0
//! A thread that does one thing after the other, for calls that may block: webrtcsink's and the application's.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use crate::lock::lock;

/// The way to the thread. Dropping it lets the thread do what is queued, and end.
pub(crate) struct Worker<T> {
    /// Unbounded, since whoever queues may neither wait nor lose anything; the callers bound what they queue by
    /// [`Self::backlog`].
    sender: Sender<T>,
    backlog: Arc<AtomicUsize>,
}

/// Outlives the way in: waits for the thread's end, and can make it skip what is left.
pub(crate) struct Ending {
    over: Arc<AtomicBool>,
    /// Nothing ever comes: it is closed when the thread ends.
    open: Mutex<Receiver<()>>,
    thread: ThreadId,
}

/// Starts a thread that hands each item to `work`. Fails where the process may start no more threads.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    mut work: impl FnMut(T) + Send + 'static,
) -> io::Result<(Worker<T>, Ending)> {
    let (sender, items) = channel();
    let (alive, open) = channel::<()>();
    let backlog = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let thread = {
        let (backlog, over) = (backlog.clone(), over.clone());
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _alive = alive;
                for item in items {
                    if !over.load(SeqCst) {
                        work(item);
                    }
                    backlog.fetch_sub(1, SeqCst);
                }
            })?
    };
    let ending = Ending {
        over,
        open: Mutex::new(open),
        thread: thread.thread().id(),
    };
    Ok((Worker { sender, backlog }, ending))
}

impl<T> Worker<T> {
    pub(crate) fn push(&self, item: T) {
        self.backlog.fetch_add(1, SeqCst);
        // The thread ends only after this sender.
        let _ = self.sender.send(item);
    }

    /// Items that are queued or being worked on.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.load(SeqCst)
    }
}

impl Ending {
    /// Whether this is that thread itself, which cannot wait for itself.
    pub(crate) fn is_here(&self) -> bool {
        thread::current().id() == self.thread
    }

    /// Waits for the thread to end, at most so long, and not at all on that thread itself; what it has not begun by then
    /// it never will.
    pub(crate) fn finish(&self, wait: Duration) {
        if !self.is_here()
            && lock(&self.open).recv_timeout(wait) == Err(RecvTimeoutError::Disconnected)
        {
            return;
        }
        self.over.store(true, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_works_in_order_and_ends_when_it_is_let_go_of() {
        let (sender, done) = channel();
        let (worker, ending) = spawn("test", move |n: u32| sender.send(n).unwrap()).unwrap();
        (0..3).for_each(|n| worker.push(n));
        drop(worker);
        ending.finish(Duration::from_secs(60));
        assert_eq!(done.iter().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn one_that_blocks_is_not_waited_for_and_does_nothing_more() {
        let (release, blocked) = channel::<()>();
        let (begun, has_begun) = channel();
        let (worker, ending) = spawn("test", move |n: u32| {
            begun.send(n).unwrap();
            let _ = blocked.recv();
        })
        .unwrap();
        (0..2).for_each(|n| worker.push(n));
        assert_eq!(has_begun.recv(), Ok(0));
        assert_eq!(worker.backlog(), 2);
        drop(worker);
        ending.finish(Duration::ZERO);
        drop(release);
        assert!(has_begun.recv().is_err(), "it ended without a second item");
    }
}
