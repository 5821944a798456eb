// SPDX-License-Identifier: MPL-2.0
//! The server under a service manager, which it tells how it is (sd_notify(3)).
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Stdio;

use crate::common::{PATIENCE, http};
use crate::program::{BINARY, Folder};
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A service manager's socket, and a server that it starts.
struct Service {
    socket: UnixDatagram,
    child: Child,
}

impl Service {
    fn start(folder: &Folder, config: &str, watchdog_micros: u32) -> Self {
        let path = folder.file("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let child = Command::new(BINARY)
            .args(["serve", "--config", config, "--listen", "127.0.0.1:0"])
            .env("NOTIFY_SOCKET", path)
            .env("WATCHDOG_USEC", watchdog_micros.to_string())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { socket, child }
    }

    async fn told(&self) -> String {
        let mut buffer = [0; 1024];
        let read = timeout(PATIENCE, self.socket.recv(&mut buffer));
        let length = read.await.unwrap().unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The next that is no sign of life.
    async fn told_besides(&self) -> String {
        loop {
            let told = self.told().await;
            if told != "WATCHDOG=1\n" {
                return told;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &id])
            .status();
        assert!(sent.unwrap().success());
    }
}

#[tokio::test]
async fn a_service_manager_hears_of_its_start_its_life_its_reloads_and_its_end() {
    let folder = Folder::new("service");
    let config = folder.config("");
    let mut service = Service::start(&folder, &config, 300_000);
    let ready = service.told().await;
    let address = ready
        .strip_prefix("READY=1\nSTATUS=listening on http://")
        .unwrap();
    let address: SocketAddr = address.trim_end().parse().unwrap();
    let answer = http(address, "GET /health", &[]).await;
    assert_eq!(answer.json()["status"], "ok");

    for _ in 0..3 {
        assert_eq!(service.told().await, "WATCHDOG=1\n");
    }
    service.signal("-HUP");
    let reloading = service.told_besides().await;
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reloading}"
    );
    assert_eq!(service.told_besides().await, ready);
    service.signal("-TERM");
    assert_eq!(service.told_besides().await, "STOPPING=1\n");
    assert!(service.child.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_server_that_cannot_start_never_says_that_it_is_ready() {
    let folder = Folder::new("service-broken");
    let config = folder.config("tls-cert = \"missing.pem\"\ntls-key = \"missing.pem\"\n");
    let mut service = Service::start(&folder, &config, 300_000);
    assert_eq!(service.child.wait().await.unwrap().code(), Some(2));
    let nothing = service.socket.try_recv(&mut [0; 1024]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}
