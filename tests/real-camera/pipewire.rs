// SPDX-License-Identifier: MPL-2.0
//! A camera that another program gives to PipeWire, as a desktop's are.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{PATIENCE, Stage};
use crate::common::step;

const CAMERA: &str = "porthole-test-camera";
/// How often one looks whether PipeWire answers.
const LOOK: Duration = Duration::from_millis(50);

/// A program that is ended with the test.
struct Program(Child);

impl Program {
    fn start(name: &str, arguments: &[&str]) -> Self {
        step(name);
        let mut program = Command::new(name);
        let program = program.args(arguments).stdin(Stdio::null());
        Self(
            program
                .spawn()
                .unwrap_or_else(|error| panic!("{name}: {error}")),
        )
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// PipeWire and who links its nodes.
fn desktop() -> Vec<Program> {
    let daemon = Program::start("pipewire", &[]);
    let door = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR").unwrap()).join("pipewire-0");
    let start = Instant::now();
    while fs::metadata(&door).is_err() {
        assert!(start.elapsed() < PATIENCE, "no {}", door.display());
        thread::park_timeout(LOOK);
    }
    vec![daemon, Program::start("wireplumber", &[])]
}

/// A red picture.
fn camera() -> Program {
    let pipeline = format!(
        "videotestsrc is-live=true pattern=solid-color foreground-color=0xffff0000 \
         ! video/x-raw,format=I420,width=640,height=480,framerate=15/1 \
         ! pipewiresink mode=provide stream-properties=p,media.class=Video/Source,media.role=Camera,node.name={CAMERA}"
    );
    let words: Vec<&str> = pipeline.split_whitespace().collect();
    Program::start(
        "gst-launch-1.0",
        &[["-q"].as_slice(), words.as_slice()].concat(),
    )
}

#[test]
fn it_is_shown_and_comes_back() {
    let _desktop = desktop();
    let first = camera();
    let mut stage = Stage::playing(&format!(
        "camera={CAMERA} width=640 height=480 framerate=15/1"
    ));
    let red = |stage: &Stage| {
        stage.wait("a red picture", |picture| {
            let [red, green, blue] = picture.bars()[0];
            red > 200 && green < 50 && blue < 50
        })
    };
    stage.hear("live");
    assert_eq!(red(&stage).size(), (640, 480));
    drop(first);
    stage.hear("lost");
    let _second = camera();
    stage.hear("live");
    red(&stage);
}
