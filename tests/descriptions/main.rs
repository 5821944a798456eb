// SPDX-License-Identifier: MPL-2.0
//! Everything that the check of descriptions lets through leaves webrtcsink alive, and what it keeps out does not.
//!
//! A webrtcsink that panics in a callback takes its process down, so each runs in a process of its own: this test
//! program again, told by the environment what to feed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a test that fails"
)]

use porthole_protocol::limits;

mod mutate;
#[path = "../../src/signaller/untrusted/mod.rs"]
#[allow(dead_code, reason = "the plugin uses what is not used here")]
mod untrusted;
mod webrtcsink;

use std::{env, fs, path::Path, process::Command};

use untrusted::{Check, Kind};
use webrtcsink::{Event, Fed};

/// Descriptions that pass the check, fed to one webrtcsink.
const ANSWERS: u64 = 25;
const OFFERS: u64 = 10;
/// Processes with other seeds, for each kind.
const CHILDREN: u64 = 4;
/// The exit code of a child whose webrtcsink has locked itself, for which no description is needed (docs/upstream.md).
const LOCKED: i32 = 75;
/// Sessions at a time. webrtcsink polls the statistics of each ten times a second.
const PARALLEL: usize = 1;
/// Says what to feed, in a child.
const TASK: &str = "PORTHOLE_FEED";

/// What reaches one of webrtcsink's unwraps or one of webrtcbin's assertions: name, codec, what to replace, by what.
/// Each is a case of docs/upstream.md.
const FATAL: &[(&str, &str, &str, &str)] = &[
    ("no-rtpmap", "vp8", "a=rtpmap:96 VP8/90000\r\n", ""),
    (
        "profile",
        "vp8",
        "a=rtpmap:96 ",
        "a=fmtp:96 profile=x\r\na=rtpmap:96 ",
    ),
    (
        "level",
        "vp8",
        "a=rtpmap:96 ",
        "a=fmtp:96 level=x\r\na=rtpmap:96 ",
    ),
    (
        "av1-profile",
        "vp8",
        "a=rtpmap:96 ",
        "a=fmtp:96 profile=0\r\na=rtpmap:96 ",
    ),
    (
        "h264-extended",
        "h264",
        "profile-level-id=42e01f",
        "profile-level-id=58e01f",
    ),
    (
        "h264-unknown",
        "h264",
        "profile-level-id=42e01f",
        "profile-level-id=ff001f",
    ),
    (
        "h264-level",
        "h264",
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "packetization-mode=1;profile-level-id=42e046",
    ),
    (
        "contradiction",
        "vp8",
        "a=rtpmap:96 ",
        "a=fmtp:96 a-mid=x\r\na=rtpmap:96 ",
    ),
];

fn recorded(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/descriptions");
    fs::read_to_string(folder.join(file)).unwrap()
}

/// This program again, for one task: how it ended, and the end of what it said.
fn child(task: &str) -> (Option<i32>, String) {
    let output = Command::new(env::current_exe().unwrap())
        .args([
            "a_webrtcsink_in_a_process_of_its_own",
            "--exact",
            "--nocapture",
        ])
        .env(TASK, task)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|s| String::from_utf8_lossy(&s).into_owned());
    let lines: Vec<String> = said
        .iter()
        .flat_map(|stream| {
            stream
                .lines()
                .rev()
                .take(30)
                .map(str::to_owned)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
        })
        .collect();
    (output.status.code(), lines.join("\n"))
}

/// The children's work; does nothing by itself.
#[test]
fn a_webrtcsink_in_a_process_of_its_own() {
    let Ok(task) = env::var(TASK) else { return };
    let words: Vec<&str> = task.split(' ').collect();
    match words[..] {
        // A batch again: PORTHOLE_FEED="answers vp8 100001" cargo test ...
        ["answers", codec, seed] => answers(codec, seed.parse().unwrap()),
        ["offers", codec, seed] => offers(codec, seed.parse().unwrap()),
        ["local"] => local(),
        ["fatal", name] => fatal(name, false),
        ["checked", name] => fatal(name, true),
        _ => panic!("{task}: no such task"),
    }
}

#[test]
fn webrtcsink_lives_through_every_answer_that_passes() {
    live_through("answers");
}

#[test]
fn webrtcsink_lives_through_every_offer_that_passes() {
    live_through("offers");
}

fn live_through(what: &str) {
    let mut finished = 0;
    for (codec, batch) in ["vp8", "h264"]
        .into_iter()
        .flat_map(|c| (0..CHILDREN).map(move |b| (c, b)))
    {
        let (code, said) = child(&format!("{what} {codec} {}", 1 + batch * 100_000));
        assert!(
            [Some(0), Some(LOCKED)].contains(&code),
            "{code:?}, {codec}:\n{said}"
        );
        finished += u64::from(code == Some(0));
    }
    assert!(
        finished > CHILDREN,
        "only {finished} of {} came to an end",
        2 * CHILDREN
    );
}

/// The positive control: without the check these end the process.
#[test]
fn what_the_check_keeps_out_ends_webrtcsinks_process() {
    for (name, ..) in FATAL {
        let (code, said) = child(&format!("fatal {name}"));
        // No code is an end by a signal.
        assert_eq!(code, None, "{name} is harmless by now:\n{said}");
        let (code, said) = child(&format!("checked {name}"));
        assert_eq!(code, Some(0), "{name}:\n{said}");
    }
}

/// Recordings of `codec` that are answers to this camera, which offered `offer`.
fn bases(codec: &str, offer: &str) -> Vec<String> {
    let clients = ["page", "chromium", "firefox", "webrtcsrc"];
    let files = clients.map(|client| format!("{client}-{codec}-audio.answer.sdp"));
    let exists = |file: &&String| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/descriptions")
            .join(file)
            .exists()
    };
    let texts = files.iter().filter(exists).map(|file| recorded(file));
    texts
        .filter(|text| {
            let mut check = Check::new();
            check.sent(Kind::Offer, offer);
            check.answer(text) == Ok(())
        })
        .collect()
}

/// Feeds mutated answers until enough have passed; the camera lives if this returns.
fn answers(codec: &str, first: u64) {
    let fed = Fed::offering(codec, |offer| !bases(codec, offer).is_empty());
    let (mut seed, mut passed, mut refused) = (first, 0, 0);
    let enough = ANSWERS;
    for _ in 0..PARALLEL {
        fed.start(None);
    }
    let (mut finished, mut grown) = (0, Vec::new());
    while finished < enough {
        match fed.event() {
            Event::Described(session, Kind::Offer, offer) => {
                let bases = bases(codec, &offer);
                let mut check = Check::new();
                check.sent(Kind::Offer, &offer);
                let text = loop {
                    let mut dice = mutate::Dice(seed);
                    let base = dice.pick(&bases);
                    let text = mutate::mutate(base, &mut dice);
                    seed += 1;
                    if check.answer(&text).is_ok() {
                        break text;
                    }
                    refused += 1;
                };
                // The last of these lines is where a dead child stopped.
                println!("feeding answers {codec} {}", seed - 1);
                fed.answer(&session, &text);
                passed += 1;
            }
            Event::Described(..) => panic!("an answer to no offer"),
            Event::SetUp(session) if grown.contains(&session) => (),
            Event::SetUp(session) => {
                grown.push(session);
                finished += 1;
                fed.start(None);
            }
            Event::Ended(session) => {
                fed.end(&session);
                if !grown.contains(&session) {
                    finished += 1;
                    fed.start(None);
                }
            }
        }
    }
    println!("{passed} answers passed, {refused} were refused");
    // Sessions are not ended: that can lock webrtcsink, too.
    std::process::exit(0);
}

/// Feeds mutated offers until enough have passed.
fn offers(codec: &str, first: u64) {
    let fed = Fed::offering(codec, |_| true);
    let clients = ["chromium-offers", "firefox-offers"];
    let bases: Vec<String> = clients
        .iter()
        .flat_map(|client| {
            ["vp8-audio", "vp8", "all-audio"].map(|with| format!("{client}-{with}.offer.sdp"))
        })
        .filter(|file| {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/descriptions")
                .join(file)
                .exists()
        })
        .map(|file| recorded(&file))
        .collect();
    let (mut seed, mut refused, mut passed) = (first, 0, 0);
    let enough = OFFERS;
    let mut next = || loop {
        let mut dice = mutate::Dice(seed);
        let base = dice.pick(&bases);
        let text = mutate::mutate(base, &mut dice);
        seed += 1;
        if Check::new().offer(&text).is_ok() {
            println!("feeding offers {codec} {}", seed - 1);
            passed += 1;
            return text;
        }
        refused += 1;
    };
    for _ in 0..PARALLEL {
        fed.start(Some(&next()));
    }
    let (mut finished, mut grown) = (0, Vec::new());
    while finished < enough {
        let event = fed.event();
        let (Event::Described(session, ..) | Event::SetUp(session) | Event::Ended(session)) =
            &event;
        if !grown.contains(session) {
            grown.push(session.clone());
            finished += 1;
            fed.start(Some(&next()));
        }
        if matches!(event, Event::Ended(_)) {
            fed.end(session);
        }
    }
    println!("{passed} offers passed, {refused} were refused");
    std::process::exit(0);
}

/// Feeds one of [`FATAL`], with the check in between or without.
fn fatal(name: &str, checked: bool) {
    let (_, codec, from, to) = FATAL.iter().find(|(known, ..)| *known == name).unwrap();
    let fed = Fed::offering(codec, |offer| !bases(codec, offer).is_empty());
    fed.start(None);
    loop {
        match fed.event() {
            Event::Described(session, _, offer) => {
                let bases = bases(codec, &offer);
                let base = bases
                    .iter()
                    .find(|base| base.contains(from))
                    .expect("a recording with it");
                let text = base.replace(from, to);
                let mut check = Check::new();
                check.sent(Kind::Offer, &offer);
                if checked {
                    check.answer(&text).expect_err("refused");
                    return;
                }
                fed.answer(&session, &text);
            }
            // What follows in the same call may be what is fatal: it has time until nothing comes any more.
            Event::SetUp(_) | Event::Ended(_) => (),
        }
    }
}

/// A name that is looked up.
fn local() {
    let fed = Fed::offering("vp8", |offer| !bases("vp8", offer).is_empty());
    for round in 0..50 {
        println!("round {round}");
        fed.start(None);
        let Event::Described(session, _, offer) = fed.event() else {
            panic!()
        };
        fed.answer(&session, &bases("vp8", &offer)[0]);
        fed.candidate(
            &session,
            0,
            "candidate:1 1 udp 2113937151 x.local 9 typ host",
        );
        while !matches!(fed.event(), Event::SetUp(_)) {}
        fed.end(&session);
    }
    std::thread::sleep(std::time::Duration::from_secs(1));
}
