// SPDX-License-Identifier: MPL-2.0
//! The plugin's tokio runtimes, shared by all elements of the process: one for everything, and one for gateways alone.

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

/// Two, so that one task that takes its time does not hold up all others: the sinks' links, the embedded server and the leases
/// share them. What blocks runs elsewhere.
const WORKER_THREADS: usize = 2;

static RUNTIME: OnceCell<Runtime> = OnceCell::new();
static GATEWAY: OnceCell<Runtime> = OnceCell::new();

/// The runtime, made at first use. Fails where the process may start no more threads.
pub(crate) fn handle() -> std::io::Result<Handle> {
    of(&RUNTIME, WORKER_THREADS, "porthole")
}

/// That of gateways, so that no page, log-in or link holds up a robot's stop. One thread: the hub, the programs' sockets and what
/// passes between them wake nobody else.
pub(crate) fn gateway() -> std::io::Result<Handle> {
    of(&GATEWAY, 1, "porthole-robot")
}

fn of(runtime: &'static OnceCell<Runtime>, threads: usize, name: &str) -> std::io::Result<Handle> {
    runtime
        .get_or_try_init(|| {
            Builder::new_multi_thread()
                .worker_threads(threads)
                .thread_name(name)
                .enable_all()
                .build()
        })
        .map(|runtime| runtime.handle().clone())
}
