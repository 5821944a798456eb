// SPDX-License-Identifier: MPL-2.0
//! From a viewer's mouth to the robot's loudspeaker.

use gst::prelude::*;
use porthole_protocol::grant::Permission::{Talk, View};

use crate::common::{
    robot::{Robot, VIDEO},
    talker::{Ear, Talker, tone},
};

const HERTZ: u32 = 400;

/// Milliseconds from the pressing of the button to the first sound at the end of the pad `talk`.
pub(crate) fn measure(trials: usize) -> Vec<f64> {
    let robot = Robot::of(&format!(
        "{VIDEO} ! portholesink name=sink  sink.talk ! appsink name=ear sync=false"
    ));
    let ear = Ear::at(&robot.scene);
    let talker = Talker::join(
        &robot.server,
        &robot.exchange,
        ("s", "ann"),
        (&[View, Talk], 600),
        &tone(HERTZ),
    );
    ear.wait_for_tone(HERTZ);
    (0..trials)
        .map(|_| {
            talker.press(false);
            ear.wait_for_silence();
            let pressed = robot.scene.pipeline.current_running_time().unwrap();
            talker.press(true);
            let heard = ear.listen("a tone", |heard| heard.iter().any(|f| !f.is_silent()));
            let first = heard.iter().find(|frame| !frame.is_silent()).unwrap();
            (first.at.nseconds() - pressed.nseconds()) as f64 / 1e6
        })
        .collect()
}
