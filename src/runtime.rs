// SPDX-License-Identifier: MPL-2.0
//! The plugin's one tokio runtime, shared by all elements of the process.

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

/// One thread for the sinks' links and one for the embedded server, so that a session's start,
/// which builds a pipeline, does not hold up the page.
const WORKER_THREADS: usize = 2;

static RUNTIME: OnceCell<Runtime> = OnceCell::new();

/// The runtime, made at first use. Fails where the process may start no more threads.
pub(crate) fn handle() -> std::io::Result<Handle> {
    RUNTIME
        .get_or_try_init(|| {
            Builder::new_multi_thread()
                .worker_threads(WORKER_THREADS)
                .thread_name("porthole")
                .enable_all()
                .build()
        })
        .map(|runtime| runtime.handle().clone())
}
