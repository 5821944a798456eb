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
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

pub struct Server {
    process: Child,
    /// Closed, it ends the server.
    input: Option<ChildStdin>,
    said: Receiver<String>,
    host: &'static str,
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
        Self::on("127.0.0.1", options)
    }

    /// On this address, which stands in brackets if it is one of IPv6.
    pub fn on(host: &'static str, options: &[&str]) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/rtsp_server.py");
        // Debian's own Python, which has Debian's bindings.
        let mut process = Command::new("/usr/bin/python3")
            .arg(program)
            .args(["--address", host.trim_matches(['[', ']'])])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, said) = channel();
        thread::spawn(move || {
            // Nobody listens when the test is over.
            let told =
                |line: std::io::Result<String>| line.is_ok_and(|line| sender.send(line).is_ok());
            output.lines().all(told)
        });
        let line = said.recv().expect("a server that listens");
        let port = line.strip_prefix("port ").unwrap().parse().unwrap();
        Self {
            process,
            input,
            said,
            host,
            port,
        }
    }

    /// Ends it as a camera does that loses its power: nothing is said to anybody any more.
    pub fn kill(mut self) -> u16 {
        self.process.kill().unwrap();
        self.port
    }

    /// The requests with a user and a password that came since this was asked last.
    pub fn tries(&mut self) -> Vec<String> {
        // What it said before may still be on its way.
        writeln!(self.input.as_mut().unwrap()).unwrap();
        let is_try = |line: &String| line != "asked";
        self.said.iter().take_while(is_try).collect()
    }

    /// `user` is empty or ends in an @.
    pub fn address(&self, user: &str, path: &str) -> String {
        self.address_in("rtsp", user, path)
    }

    pub fn address_in(&self, scheme: &str, user: &str, path: &str) -> String {
        format!("{scheme}://{user}{}:{}/{path}", self.host, self.port)
    }
}
