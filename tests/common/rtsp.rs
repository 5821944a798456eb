// SPDX-License-Identifier: MPL-2.0
//! An RTSP server of Debian's that plays a camera: a process of its own, which ends with the test.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]
#![allow(dead_code, reason = "each test file takes the words it needs")]
#![allow(
    unreachable_pub,
    reason = "the module is private to each test file that includes it"
)]

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
};

pub struct Server {
    process: Child,
    /// Closed, it ends the server.
    input: Option<ChildStdin>,
    pub port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.process.wait();
    }
}

impl Server {
    /// See `rtsp_server.py` for the options.
    pub fn new(options: &[&str]) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/rtsp_server.py");
        // Debian's own Python, which has Debian's bindings.
        let mut process = Command::new("/usr/bin/python3")
            .arg(program)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("port ").unwrap().parse().unwrap();
        Self {
            process,
            input,
            port,
        }
    }

    /// Ends it as a camera does that loses its power: nothing is said to anybody any more.
    pub fn kill(mut self) -> u16 {
        self.process.kill().unwrap();
        self.port
    }

    /// `user` is empty or ends in an @.
    pub fn address(&self, user: &str, path: &str) -> String {
        format!("rtsp://{user}127.0.0.1:{}/{path}", self.port)
    }
}
