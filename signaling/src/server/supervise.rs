// SPDX-License-Identifier: MPL-2.0
//! The tasks without which a server is none. One that panics is not missed in silence: it would answer revocations that
//! nobody carries out.

use tokio::runtime::Handle;
use tokio::sync::watch;

/// The first of them that is lost.
#[derive(Debug)]
pub(super) struct Lost(watch::Sender<Option<&'static str>>);

impl Default for Lost {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Lost {
    /// Runs a task that is called so.
    pub(super) fn supervise(
        &self,
        runtime: &Handle,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = runtime.spawn(task);
        let lost = self.0.clone();
        runtime.spawn(async move {
            // One that was cancelled went with its runtime.
            if task.await.is_err_and(|error| error.is_panic()) {
                tracing::error!(task = name, "lost: the server cannot go on");
                lost.send_replace(Some(name));
            }
        });
    }

    /// Waits until one is lost.
    pub(super) async fn any(&self) -> &'static str {
        let mut lost = self.0.subscribe();
        // There is a sender: this one.
        let name = lost
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|name| *name);
        name.unwrap_or("a task")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_named_and_one_that_ends_is_not() {
        let lost = Lost::default();
        let runtime = Handle::current();
        lost.supervise(&runtime, "journal", async {});
        lost.supervise(&runtime, "hub", async { panic!("planted") });
        assert_eq!(lost.any().await, "hub");
    }
}
