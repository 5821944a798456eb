// SPDX-License-Identifier: MPL-2.0
//! The binary as a program: commands, and a server that runs.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command as AsyncCommand};
use tokio::time::timeout;

use super::common::PATIENCE;

pub const BINARY: &str = env!("CARGO_BIN_EXE_porthole-signaling");

/// A folder of this test's own, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub fn config(&self, text: &str) -> String {
        let path = self.file("p.toml");
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn run(args: &[&str]) -> Output {
    Command::new(BINARY).args(args).output().unwrap()
}

/// Runs a command that must work, and returns the only line it prints on stdout.
pub fn line_of(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    stdout.trim_end().to_owned()
}

/// Runs a command that must fail because of what was typed, and returns what it says.
pub fn complaint_of(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// A server of the binary.
pub struct Serving {
    pub child: Child,
    stderr: BufReader<tokio::process::ChildStderr>,
    pub log: String,
    pub address: SocketAddr,
}

impl Serving {
    pub async fn start(config: &str, scheme: &str) -> Self {
        Self::start_by(AsyncCommand::new(BINARY), config, scheme).await
    }

    pub async fn start_by(mut command: AsyncCommand, config: &str, scheme: &str) -> Self {
        command.args(["serve", "--config", config, "--listen", "127.0.0.1:0"]);
        Self::of(command, scheme).await
    }

    /// One on a data directory.
    pub async fn on(data: &str) -> Self {
        let mut command = AsyncCommand::new(BINARY);
        command.args(["serve", "--data-dir", data, "--listen", "127.0.0.1:0"]);
        Self::of(command, "http").await
    }

    pub async fn of(mut command: AsyncCommand, scheme: &str) -> Self {
        let mut child = command
            .env("PORTHOLE_LOG", "trace")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let prefix = format!("listening on {scheme}://");
        loop {
            let read = timeout(PATIENCE, stderr.read_line(&mut log))
                .await
                .unwrap()
                .unwrap();
            assert_ne!(read, 0, "it ended: {log}");
            if let Some(address) = log.lines().last().unwrap().strip_prefix(&prefix) {
                let address = address.parse().unwrap();
                return Self {
                    child,
                    stderr,
                    log,
                    address,
                };
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Has the server read its file again, and waits until the log has such a line.
    pub async fn reload(&mut self, line: &str) {
        let before = self.log.len();
        self.signal("-HUP");
        self.wait_from(before, line).await;
    }

    /// Waits until the log has such a line.
    pub async fn wait_for(&mut self, line: &str) {
        self.wait_from(0, line).await;
    }

    async fn wait_from(&mut self, from: usize, line: &str) {
        while !self.log[from..].contains(line) {
            let read = timeout(PATIENCE, self.stderr.read_line(&mut self.log));
            assert_ne!(read.await.unwrap().unwrap(), 0, "it ended: {}", self.log);
        }
    }

    /// Waits for the next line of the log.
    pub async fn read_on(&mut self) {
        let read = timeout(PATIENCE, self.stderr.read_line(&mut self.log));
        assert_ne!(read.await.unwrap().unwrap(), 0, "it ended: {}", self.log);
    }

    /// Ends the server as an init system does, and returns all it has logged.
    pub async fn terminate(mut self) -> String {
        self.signal("-TERM");
        timeout(PATIENCE, self.stderr.read_to_string(&mut self.log))
            .await
            .unwrap()
            .unwrap();
        assert!(self.child.wait().await.unwrap().success());
        self.log
    }
}
