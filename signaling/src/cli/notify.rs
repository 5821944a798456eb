// SPDX-License-Identifier: MPL-2.0
//! What a service manager is told of a server that it runs (sd_notify(3)): that it is ready, reads its configuration
//! again or ends, and, where it has a watchdog, again and again that the server still does its work.

use std::env;
use std::ffi::{OsStr, OsString};
use std::future::pending;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{MissedTickBehavior, interval};

/// Signs of life in the time after which the watchdog bites: one may be lost or late.
const SIGNS_PER_PERIOD: u32 = 3;

/// The way to the service manager. Without one, nothing is told.
pub(super) struct ServiceManager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that started this process.
    pub(super) fn of_this_process() -> Self {
        let socket = env::var_os("NOTIFY_SOCKET").map(|address| (connected(&address), address));
        let socket = socket.and_then(|(socket, address)| match socket {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(?address, %error, "the service manager cannot be told that this server is ready");
                None
            }
        });
        let watchdog = watchdog(
            env::var_os("WATCHDOG_USEC"),
            env::var_os("WATCHDOG_PID"),
            std::process::id(),
        );
        Self { socket, watchdog }
    }

    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}\n"));
    }

    /// [`Self::ready`] has to follow.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\n"));
    }

    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\n");
    }

    /// Gives a sign of life whenever `answers` says in time that there is one, for ever.
    pub(super) async fn feed_watchdog(&self, answers: impl AsyncFn(Duration) -> bool) {
        let Some(period) = self.watchdog else {
            return pending().await;
        };
        let period = period / SIGNS_PER_PERIOD;
        let mut times = interval(period);
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            times.tick().await;
            match answers(period).await {
                true => self.tell("WATCHDOG=1\n"),
                false => tracing::error!("the hub does not answer: the watchdog is not told of it"),
            }
        }
    }

    fn tell(&self, what: &str) {
        let Some(socket) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send(what.as_bytes()) {
            tracing::warn!(what, %error, "the service manager was not told");
        }
    }
}

/// It is never waited for.
fn connected(address: &OsStr) -> io::Result<UnixDatagram> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

/// After how long without a sign of life this process is taken for dead.
fn watchdog(micros: Option<OsString>, of: Option<OsString>, own: u32) -> Option<Duration> {
    let number = |text: OsString| text.to_str()?.parse::<u64>().ok();
    let is_ours = of.is_none_or(|id| number(id) == Some(own.into()));
    let micros = micros
        .and_then(number)
        .filter(|micros| is_ours && *micros > 0)?;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use tokio::sync::Notify;

    use super::*;

    /// The address without a name in the file system that the kernel chooses, as NOTIFY_SOCKET has it.
    fn service_manager() -> (UnixDatagram, OsString) {
        let nameless = SocketAddr::from_abstract_name(format!("porthole-{}", uuid::Uuid::new_v4()));
        let socket = UnixDatagram::bind_addr(&nameless.unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let name = [b"@", address.as_abstract_name().unwrap()].concat();
        (socket, OsStr::from_bytes(&name).to_owned())
    }

    fn told(socket: &UnixDatagram) -> Option<String> {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_watchdog_is_fed_by_answers_alone() {
        let (socket, address) = service_manager();
        let manager = ServiceManager {
            socket: Some(connected(&address).unwrap()),
            watchdog: Some(Duration::from_millis(3)),
        };
        let (asked, stands_still) = (Rc::new(Cell::new(0)), Rc::new(Notify::new()));
        let feeding = manager.feed_watchdog(async |_| {
            asked.set(asked.get() + 1);
            match asked.get() {
                1 | 3 => true,
                2 => false,
                _ => {
                    stands_still.notify_one();
                    pending().await
                }
            }
        });
        tokio::select! {
            () = feeding => unreachable!("it goes on for ever"),
            () = stands_still.notified() => (),
        }
        let signs = std::iter::from_fn(|| told(&socket));
        assert_eq!(signs.collect::<Vec<_>>(), ["WATCHDOG=1\n", "WATCHDOG=1\n"]);
    }

    #[test]
    fn without_a_service_manager_nothing_is_told() {
        let nobody = ServiceManager {
            socket: None,
            watchdog: None,
        };
        nobody.ready("");
        nobody.stopping();
    }

    #[test]
    fn the_watchdog_is_this_process_own() {
        let watchdog = |micros: &str, id: Option<&str>| {
            watchdog(Some(micros.into()), id.map(OsString::from), 7)
        };
        assert_eq!(watchdog("3000000", None), Some(Duration::from_secs(3)));
        assert_eq!(watchdog("3000000", Some("7")), Some(Duration::from_secs(3)));
        assert_eq!(watchdog("3000000", Some("8")), None);
        assert_eq!(watchdog("0", None), None);
        assert_eq!(watchdog("soon", None), None);
    }
}
