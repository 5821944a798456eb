// SPDX-License-Identifier: MPL-2.0
//! Debian's nats-server, for as long as this process lives, and a way to it that can be cut.

use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use url::Url;

use crate::common::PATIENCE;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Runs it for as long as stdin is open, and takes its folder with it.
const SCRIPT: &str = r#"nats-server -c "$1/nats.conf" >/dev/null 2>"$1/log" & trap 'kill $!; rm -rf "$1"' EXIT; read -r _"#;

/// A server that asks for a name and a password.
pub(crate) struct Nats {
    pub(crate) port: u16,
    script: Child,
    open: Option<ChildStdin>,
}

impl Nats {
    pub(crate) async fn start() -> Self {
        let name = format!(
            "porthole-nats-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let conf = format!(
            "listen: 127.0.0.1:-1\nports_file_dir: \"{}\"\nauthorization {{ user: porthole, password: \"a secret\" }}\n",
            folder.display()
        );
        std::fs::write(folder.join("nats.conf"), conf).unwrap();
        let mut script = Command::new("sh")
            .args(["-c", SCRIPT, "nats"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let open = script.stdin.take();
        let begun = Instant::now();
        let port = loop {
            if let Some(port) = port_in(&folder) {
                break port;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "nats-server did not start: scripts/install test installs it"
            );
            sleep(Duration::from_millis(10)).await;
        };
        Self { port, script, open }
    }

    /// Its address.
    pub(crate) fn url(&self) -> Url {
        url_at(self.port)
    }

    /// A way to it.
    pub(crate) async fn way(&self) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url_at(listener.local_addr().unwrap().port());
        let (cut, is_cut) = watch::channel(false);
        let port = self.port;
        tokio::spawn(async move {
            while let Ok((mut own, _)) = listener.accept().await {
                let mut is_cut = is_cut.clone();
                if *is_cut.borrow() {
                    continue;
                }
                tokio::spawn(async move {
                    let Ok(mut nats) = TcpStream::connect(("127.0.0.1", port)).await else {
                        return;
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut own, &mut nats) => (),
                        _ = is_cut.wait_for(|cut| *cut) => (),
                    }
                });
            }
        });
        Way {
            url,
            cut: Arc::new(cut),
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        drop(self.open.take());
        let _ = self.script.wait();
    }
}

/// A way to a server.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) url: Url,
    cut: Arc<watch::Sender<bool>>,
}

impl Way {
    /// Cuts it, or mends it.
    pub(crate) fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }
}

fn url_at(port: u16) -> Url {
    let mut url: Url = format!("nats://127.0.0.1:{port}").parse().unwrap();
    url.set_username("porthole").unwrap();
    url.set_password(Some("a secret")).unwrap();
    url
}

/// As the server has written it down.
fn port_in(folder: &PathBuf) -> Option<u16> {
    let files = std::fs::read_dir(folder).ok()?.flatten();
    let file = files
        .map(|file| file.path())
        .find(|file| file.extension().is_some_and(|ext| ext == "ports"))?;
    let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let url: Url = ports["nats"][0].as_str()?.parse().ok()?;
    url.port()
}
