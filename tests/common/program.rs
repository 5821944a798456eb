// SPDX-License-Identifier: MPL-2.0
//! A program of its own, for what cannot be tested inside of this process.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::channel,
    thread,
};

use super::{PATIENCE, step};

/// How a program ended and all that it printed.
pub struct Ended {
    pub status: ExitStatus,
    pub output: String,
}

struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Only where it has not ended by itself, which the test fails for already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    step(format_args!("the end of {command:?}"));
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = Guard(command.spawn().unwrap());
    let (sender, printed) = channel();
    let streams: [Box<dyn Read + Send>; 2] = [
        Box::new(child.0.stdout.take().unwrap()),
        Box::new(child.0.stderr.take().unwrap()),
    ];
    for mut stream in streams {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        });
    }
    let part = || {
        printed
            .recv_timeout(PATIENCE)
            .expect("the program ends by itself")
    };
    let output = part() + &part();
    let status = child.0.wait().unwrap();
    Ended { status, output }
}
