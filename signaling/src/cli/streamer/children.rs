// SPDX-License-Identifier: MPL-2.0
//! The cameras' programs: begun, begun again when they end, and ended with this one.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::join_all;
use porthole_protocol::key::CameraKey;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::cli::Failure;
use crate::shutdown::stopped;

/// From a program's end to its next begin, at first and at most: a camera that was unplugged is `portholesrc`'s affair, and what
/// makes its program end does not go away at once.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Who ran for so long did not fail at its begin.
const STEADY: Duration = Duration::from_secs(60);
/// For a program to end when it is told to: it says goodbye to its viewers.
const MAX_END: Duration = Duration::from_secs(5);

/// One camera's program.
pub(super) struct Program {
    pub(super) name: String,
    pub(super) key: CameraKey,
    /// After `gst-launch-1.0`.
    pub(super) words: Vec<String>,
    pub(super) is_debug: bool,
}

/// Keeps all programs going until `told`.
pub(super) async fn run(
    programs: &[Program],
    told: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let (stop, on_stop) = watch::channel(());
    let all = join_all(programs.iter().map(|program| program.keep(on_stop.clone())));
    let mut all = std::pin::pin!(all);
    let told = tokio::select! {
        _ = &mut all => Ok(()),
        told = told => told,
    };
    drop((stop, on_stop));
    all.await;
    told
}

/// How long to wait after so many failures in a row.
fn pause(failures: u32) -> Duration {
    let longer = 2_u32.saturating_pow(failures.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(longer).min(LONGEST_PAUSE)
}

impl Program {
    async fn keep(&self, mut stop: watch::Receiver<()>) {
        let camera = self.name.as_str();
        let mut failures = 0;
        loop {
            let begun = Instant::now();
            match self.begin() {
                Ok(child) => {
                    let Some(status) = until_end(child, &mut stop).await else {
                        return;
                    };
                    tracing::warn!(camera, %status, "the camera's program has ended");
                }
                Err(error) => tracing::error!(camera, %error, "cannot begin gst-launch-1.0"),
            }
            failures = if begun.elapsed() >= STEADY {
                1
            } else {
                failures + 1
            };
            let pause = pause(failures);
            tracing::info!(
                camera,
                seconds = pause.as_secs(),
                "it begins again after a pause"
            );
            tokio::select! {
                () = sleep(pause) => (),
                () = stopped(&mut stop) => return,
            }
        }
    }

    /// It is told to end as well when this process is killed, of which it would hear nothing otherwise.
    fn begin(&self) -> io::Result<Child> {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "INT", "gst-launch-1.0"])
            .args(&self.words)
            // Not in the arguments, which everybody on this machine can read.
            .env("PORTHOLE_CAMERA_KEY", self.key.to_string())
            .env_remove(super::TOKEN_VARIABLE)
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .kill_on_drop(true);
        if self.is_debug && std::env::var_os("GST_DEBUG").is_none() {
            command.env("GST_DEBUG", "2,porthole*:5");
        }
        command.spawn()
    }
}

/// Waits for its end; `None` if it was told to.
async fn until_end(mut child: Child, stop: &mut watch::Receiver<()>) -> Option<ExitStatus> {
    let ended = tokio::select! {
        ended = child.wait() => Some(ended),
        () = stopped(stop) => None,
    };
    if let Some(ended) = ended {
        // It fails for no child of this process.
        return ended.ok();
    }
    let pid = child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::INT);
    }
    if timeout(MAX_END, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        let pauses = [1, 2, 3, 4, 5, 6, 7, 100, u32::MAX].map(|failures| pause(failures).as_secs());
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30, 30]);
    }
}
