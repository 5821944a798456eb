// SPDX-License-Identifier: MPL-2.0
//! What a server says of a doorbell's calls, and what its camera makes of it: lines of what is said, of presses, and of time that
//! passes.
#![no_main]
#![allow(dead_code)]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use porthole_protocol::wire::Extension;

#[path = "../../src/bucket.rs"]
mod bucket;
#[path = "../../src/calling.rs"]
mod calling;
// By path, so that neither GStreamer nor TLS is linked.
#[path = "../../src/signaller/calls.rs"]
mod calls;

use calling::{Call, CallState};
use calls::Calls;

/// What is handed on of a flood at once, and in each second after that: far more than any server has to say.
const AT_ONCE: u32 = 100;
const A_SECOND: u32 = 10;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let start = Instant::now();
    let (mut now, mut calls, mut count, mut presses) = (start, Calls::default(), 0, 0);
    calls.online(now);
    for line in text.lines() {
        let news = match line {
            "press" => {
                presses += 1;
                calls.press(|| format!("press-{presses}"), now);
                Vec::new()
            }
            "hang up" => calls.hang_up().into_iter().collect(),
            "offline" => {
                calls.offline(now);
                Vec::new()
            }
            "online" => {
                calls.online(now);
                Vec::new()
            }
            "later" => {
                now += Duration::from_millis(700);
                calls.due(now)
            }
            said => match serde_json::from_str::<Extension>(said) {
                Ok(Extension::CameraCall { call }) => calls.hear(call, now).unwrap_or_default(),
                Ok(Extension::Ring(ring)) => {
                    let _ = calls.rung(&ring, now);
                    Vec::new()
                }
                _ => Vec::new(),
            },
        };
        count += news.len() as u32;
        news.iter().for_each(check);
        let _ = (calls.unsent(), calls.unsaid());
    }
    let seconds = (now - start).as_secs() as u32 + 1;
    let own = 2 * text.lines().filter(|line| ["press", "hang up", "later"].contains(line)).count() as u32;
    assert!(count <= AT_ONCE + A_SECOND * seconds + own, "{count} are handed on");
    // Whatever was said, in the end it is over.
    while let Some(at) = calls.next_deadline() {
        assert!(at > now, "it was due");
        now = at;
        calls.due(now).iter().for_each(check);
        if now > start + Duration::from_secs(3600 * 24) {
            panic!("it never ends");
        }
    }
});

/// What is handed to programs and shown to people has a bounded form.
fn check(call: &Call) {
    assert!(call.id.len() <= 36 && !call.ring_id.is_empty());
    assert!(call.by.as_ref().is_none_or(|by| by.len() <= 256 && !by.contains('\n')));
    assert_eq!(call.state == CallState::Ended, call.reason.is_some());
    assert!(calling::word(&call.state).len() > 4);
}
