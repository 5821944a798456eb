// SPDX-License-Identifier: MPL-2.0
//! The end of the server as its tasks see it: a `watch` channel whose sender is dropped.

use tokio::sync::watch;

/// Waits for the shutdown.
pub(crate) async fn stopped(stop: &mut watch::Receiver<()>) {
    while stop.changed().await.is_ok() {}
}
