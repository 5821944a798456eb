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

#[path = "../../src/sink/session/app_sources.rs"]
mod app_sources;
mod mutate;
#[path = "../../src/signaller/untrusted/mod.rs"]
#[allow(dead_code, reason = "the plugin uses what is not used here")]
mod untrusted;
mod webrtcsink;

use std::{
    collections::VecDeque,
    env, fs,
    net::IpAddr,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use untrusted::{Check, Kind, Use, without_hidden};
use webrtcsink::Fed;

/// Descriptions that pass the check and are fed, seven answers for each offer; more with `PORTHOLE_DESCRIPTIONS` and
/// `scripts/soak`.
const DESCRIPTIONS: u64 = 1000;
/// Those of one process.
const BATCH: u64 = 100;
/// Processes at a time.
const PARALLEL: usize = 2;
/// Sessions that run at a time in one process, so that what was answered is also played.
const RUNNING: usize = 4;
/// Candidates of one session, at most.
const CANDIDATES: usize = 4;
/// The exit code of a child whose webrtcsink has locked itself.
const LOCKED: i32 = 75;
/// Longest time that one description may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
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

/// A candidate that browsers send, and that webrtcbin looks up.
const NAME: &str = "candidate:1 1 udp 2113937151 x.local 9 typ host";

fn recorded(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/descriptions");
    fs::read_to_string(folder.join(file)).unwrap()
}

/// This program again, for one task: how it ended, and what it said.
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
    (output.status.code(), said.concat())
}

/// The children's work; does nothing by itself.
#[test]
fn a_webrtcsink_in_a_process_of_its_own() {
    let Ok(task) = env::var(TASK) else { return };
    watch();
    let words: Vec<&str> = task.split(' ').collect();
    match words[..] {
        // A batch again: PORTHOLE_FEED="answers vp8 100001 100" cargo test ...
        ["answers", codec, seed, count] => {
            answers(codec, seed.parse().unwrap(), count.parse().unwrap())
        }
        ["offers", codec, seed, count] => {
            offers(codec, seed.parse().unwrap(), count.parse().unwrap())
        }
        ["name"] => name(),
        ["fatal", name] => fatal(name, false),
        ["checked", name] => fatal(name, true),
        _ => panic!("{task}: no such task"),
    }
}

static PROGRESS: Mutex<Option<Sender<()>>> = Mutex::new(None);

/// Ends this process if no description is done with for too long: the thread that feeds may be locked, too.
fn watch() {
    let (sender, progress) = channel();
    *PROGRESS.lock().unwrap() = Some(sender);
    thread::spawn(move || {
        loop {
            if progress.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                locked();
            }
        }
    });
}

fn locked() -> ! {
    println!("webrtcsink has locked itself");
    std::process::exit(LOCKED);
}

/// Says what is fed next: the last of these lines is where a dead child stopped.
fn feeding(what: &str) {
    println!("feeding {what}");
    if let Some(progress) = &*PROGRESS.lock().unwrap() {
        let _ = progress.send(());
    }
}

#[test]
fn webrtcsink_lives_through_everything_that_passes() {
    let wanted = env::var("PORTHOLE_DESCRIPTIONS").map_or(DESCRIPTIONS, |n| n.parse().unwrap());
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let batch = next.fetch_add(1, SeqCst);
            let left = BATCH.min(wanted.saturating_sub(batch * BATCH));
            if left == 0 {
                return;
            }
            let what = if batch % 8 == 7 { "offers" } else { "answers" };
            let codec = ["vp8", "h264"][usize::from(what == "answers" && batch % 2 == 1)];
            let task = format!("{what} {codec} {} {left}", 1 + batch * 100_000);
            let (code, said) = child(&task);
            assert_eq!(code, Some(0), "{TASK}=\"{task}\":\n{said}");
        }
    };
    thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(work);
        }
    });
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
    let (code, said) = child("name");
    assert_eq!(code, None, "names are harmless by now:\n{said}");
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

/// Seeds, one after the other.
struct Seeds {
    next: u64,
    refused: u64,
}

impl Seeds {
    /// The next description made of one of `bases` that passes, as it is handed on.
    fn passing(&mut self, bases: &[String], mut passes: impl FnMut(&str) -> bool) -> (u64, String) {
        loop {
            let seed = self.next;
            self.next += 1;
            let mut dice = mutate::Dice(seed);
            let base = dice.pick(bases);
            let text = mutate::mutate(base, &mut dice);
            if text.lines().all(stays_here) && passes(&text) {
                return (seed, without_hidden(text));
            }
            self.refused += 1;
        }
    }
}

/// Whether a line is no candidate, or one to which a test may send.
fn stays_here(line: &str) -> bool {
    let Some((_, candidate)) = line.split_once("candidate:") else {
        return true;
    };
    match candidate.split(' ').nth(4).map(str::parse) {
        Some(Ok(IpAddr::V4(v4))) => v4.is_loopback() || v4.octets().starts_with(&[192, 0, 2]),
        Some(Ok(IpAddr::V6(v6))) => {
            v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
        _ => true,
    }
}

/// Candidates that pass, as a session may get them.
fn candidates(check: &mut Check, recordings: &str, dice: &mut mutate::Dice) -> Vec<(u32, String)> {
    let lines: Vec<&str> = recordings.lines().collect();
    let mut passed = Vec::new();
    for _ in 0..dice.below(CANDIDATES + 1) {
        let m_line = u32::try_from(dice.below(2)).unwrap();
        let line = format!("{}\r\n", dice.pick(&lines));
        let line = mutate::mutate(&line, dice);
        let line = line.trim_end();
        if check.candidate(m_line, line) == Ok(Use::Forward) && stays_here(line) {
            passed.push((m_line, line.to_owned()));
        }
    }
    passed
}

/// The sessions that run; the oldest ends when there are too many.
fn keep(fed: &Fed, running: &mut VecDeque<String>, session: String) {
    running.push_back(session);
    if running.len() > RUNNING {
        fed.end(&running.pop_front().unwrap());
    }
}

/// Feeds mutated answers, each to a session of its own; the camera lives if this returns.
fn answers(codec: &str, first: u64, count: u64) {
    let fed = Fed::offering(codec, |offer| !bases(codec, offer).is_empty());
    let recordings = recorded("candidates.txt");
    let mut running = VecDeque::new();
    let mut seeds = Seeds {
        next: first,
        refused: 0,
    };
    for _ in 0..count {
        let session = fed.start(None);
        let (_, offer) = fed.description(&session).expect("an offer");
        let mut check = Check::new();
        check.sent(Kind::Offer, &offer);
        let (seed, text) =
            seeds.passing(&bases(codec, &offer), |text| check.answer(text) == Ok(()));
        feeding(&format!("answers {codec} {seed}"));
        let mut dice = mutate::Dice(!seed);
        let candidates = candidates(&mut check, &recordings, &mut dice);
        let early = dice.below(candidates.len() + 1);
        for (m_line, candidate) in &candidates[..early] {
            fed.candidate(&session, *m_line, candidate);
        }
        fed.answer(&session, &text);
        for (m_line, candidate) in &candidates[early..] {
            fed.candidate(&session, *m_line, candidate);
        }
        // Half of them are gone before they are answered.
        if dice.below(2) == 0 {
            fed.end(&session);
        } else {
            fed.settle(&session);
            keep(&fed, &mut running, session);
        }
    }
    fed.stop_after(running);
    println!("{count} answers passed, {} were refused", seeds.refused);
}

/// Feeds mutated offers, each to a session of its own.
fn offers(codec: &str, first: u64, count: u64) {
    let fed = Fed::offering(codec, |_| true);
    let bases: Vec<String> = ["chromium-offers", "firefox-offers"]
        .iter()
        .flat_map(|client| {
            ["vp8-audio", "vp8", "all-audio"].map(|with| format!("{client}-{with}.offer.sdp"))
        })
        .map(|file| recorded(&file))
        .collect();
    let recordings = recorded("candidates.txt");
    let mut running = VecDeque::new();
    let mut seeds = Seeds {
        next: first,
        refused: 0,
    };
    for _ in 0..count {
        let mut check = Check::new();
        let (seed, text) = seeds.passing(&bases, |text| check.offer(text) == Ok(()));
        feeding(&format!("offers {codec} {seed}"));
        let mut dice = mutate::Dice(!seed);
        let session = fed.start(Some(&text));
        for (m_line, candidate) in candidates(&mut check, &recordings, &mut dice) {
            fed.candidate(&session, m_line, &candidate);
        }
        // It gives up those that ask for nothing that it has.
        if fed.description(&session).is_some() {
            fed.settle(&session);
            keep(&fed, &mut running, session);
        }
    }
    assert_eq!(fed.given_up(), 0, "sessions that were answered have ended");
    fed.stop_after(running);
    println!("{count} offers passed, {} were refused", seeds.refused);
}

/// Sessions whose viewers send a name in the place of an address, and leave.
fn name() {
    let fed = Fed::offering("vp8", |offer| !bases("vp8", offer).is_empty());
    for round in 0..50 {
        feeding(&format!("name {round}"));
        let session = fed.start(None);
        let (_, offer) = fed.description(&session).expect("an offer");
        fed.answer(&session, &bases("vp8", &offer)[0]);
        fed.candidate(&session, 0, NAME);
        fed.end(&session);
    }
    fed.stop_after([].into());
}

/// Feeds one of [`FATAL`], with the check in between or without.
fn fatal(name: &str, checked: bool) {
    let (_, codec, from, to) = FATAL.iter().find(|(known, ..)| *known == name).unwrap();
    let fed = Fed::offering(codec, |offer| !bases(codec, offer).is_empty());
    let session = fed.start(None);
    let (_, offer) = fed.description(&session).expect("an offer");
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
    } else {
        fed.answer(&session, &text);
        fed.settle(&session);
    }
}
