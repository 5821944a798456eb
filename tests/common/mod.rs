// SPDX-License-Identifier: MPL-2.0
//! The vocabulary of the element tests: a scene (a pipeline and what its bus says), a folder, a port.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]
#![allow(dead_code, reason = "each test file takes the words it needs")]
#![allow(
    unreachable_pub,
    reason = "the module is private to each test file that includes it"
)]

pub mod enrolled;
pub mod eye;
pub mod fake;
pub mod frames;
pub mod launch;
pub mod program;
pub mod robot;
pub mod room;
pub mod server;
pub mod speech;
pub mod talker;
pub mod viewer;

use std::{
    fmt, fs,
    net::{SocketAddr, TcpListener},
    panic::Location,
    path::{Path, PathBuf},
    process,
    sync::{
        LazyLock, Once,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use gst::{MessageType, MessageView, prelude::*};

/// Longest wait for anything: a loaded machine is slow, a broken program is slower.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Says what is waited for next. A test that fails shows it; one that hangs is ended by the runner (.config/nextest.toml), and
/// the last of these lines is where it stood.
#[track_caller]
pub fn step(what: impl fmt::Display) {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let (after, place) = (START.elapsed().as_secs_f64(), Location::caller());
    println!("{after:8.3} s  {place}: waits for {what}");
}

pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstporthole::plugin_register_static().unwrap();
    });
}

/// What portholesink says to those before it, here `sink`: whether somebody watches.
pub fn demand(sink: &gst::Element, active: bool) {
    let structure = gst::Structure::builder("porthole/demand")
        .field("viewers", u32::from(active))
        .field("active", active)
        .field("camera", "Front")
        .field("sink", sink.path_string().as_str())
        .build();
    let event = gst::event::CustomUpstream::new(structure);
    let pad = sink.static_pad("sink").unwrap();
    assert!(pad.push_event(event));
}

/// What is left of [`PATIENCE`] since `start`.
pub fn patience_left(start: Instant) -> gst::ClockTime {
    let left = PATIENCE.saturating_sub(start.elapsed());
    gst::ClockTime::try_from(left).unwrap()
}

/// What the process holds.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub threads: usize,
    pub descriptors: usize,
    pub mb: f64,
}

pub fn held() -> Held {
    let count = |folder: &str| fs::read_dir(folder).unwrap().count();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = kib.unwrap().trim().trim_end_matches(" kB");
    Held {
        threads: count("/proc/self/task"),
        descriptors: count("/proc/self/fd"),
        mb: kib.parse::<f64>().unwrap() * 1024.0 / 1e6,
    }
}

/// A pipeline, stopped when the test is over.
pub struct Scene {
    pub pipeline: gst::Pipeline,
    bus: gst::Bus,
    /// Warnings that came while something else was waited for.
    warnings: Vec<String>,
    /// Structures of element messages that came so far, in order.
    said: Vec<gst::Structure>,
    /// Those of them that [`Self::hear`] has not returned.
    unheard: Vec<gst::Structure>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Scene {
    pub fn new(description: &str) -> Self {
        init();
        let parsed = gst::parse::launch(description).unwrap();
        // A single element is parsed to itself.
        let pipeline = parsed.downcast().unwrap_or_else(|element| {
            let pipeline = gst::Pipeline::new();
            pipeline.add(&element).unwrap();
            pipeline
        });
        let bus = pipeline.bus().unwrap();
        Self {
            pipeline,
            bus,
            warnings: Vec::new(),
            said: Vec::new(),
            unheard: Vec::new(),
        }
    }

    pub fn playing(description: &str) -> Self {
        let scene = Self::new(description);
        scene.set(gst::State::Playing);
        scene
    }

    #[track_caller]
    pub fn set(&self, state: gst::State) {
        step(format_args!("{state:?}"));
        self.pipeline.set_state(state).unwrap();
    }

    pub fn element(&self, name: &str) -> gst::Element {
        self.pipeline.by_name(name).unwrap()
    }

    pub fn pad(&self, element: &str, pad: &str) -> gst::Pad {
        self.element(element).static_pad(pad).unwrap()
    }

    fn next(&mut self, wait: gst::ClockTime) -> Option<gst::Message> {
        let kinds = [
            MessageType::Error,
            MessageType::Warning,
            MessageType::Element,
        ];
        // A timed pop whose time is over at once returns nothing, whatever there is.
        let message = match wait {
            gst::ClockTime::ZERO => self.bus.pop_filtered(&kinds),
            wait => self.bus.timed_pop_filtered(wait, &kinds),
        }?;
        match message.view() {
            MessageView::Warning(warning) => self.warnings.push(warning.error().to_string()),
            MessageView::Element(element) => {
                let structure = element.structure().map(ToOwned::to_owned);
                self.said.extend(structure.clone());
                self.unheard.extend(structure);
            }
            _ => (),
        }
        Some(message)
    }

    /// Waits for a message `name` in which `field` is `value`. Each is heard once.
    #[track_caller]
    pub fn hear(&mut self, name: &str, field: &str, value: &str) -> gst::Structure {
        step(format_args!("{name} with {field}={value}"));
        let fits = |said: &gst::Structure| {
            said.name() == name && said.get::<String>(field).is_ok_and(|v| v == value)
        };
        let start = Instant::now();
        loop {
            if let Some(place) = self.unheard.iter().position(fits) {
                return self.unheard.remove(place);
            }
            let Some(message) = self.next(patience_left(start)) else {
                break;
            };
            if let MessageView::Error(error) = message.view() {
                panic!("{error:?} in place of {name} with {field}={value}");
            }
        }
        panic!(
            "no {name} with {field}={value}; there was {:#?}, {:?}",
            self.said, self.warnings
        );
    }

    /// Forgets all that was said so far, where it is much.
    pub fn forget(&mut self) {
        self.said.clear();
        self.unheard.clear();
        self.warnings.clear();
    }

    /// Reads what is on the bus and returns all warnings so far.
    pub fn warnings(&mut self) -> &[String] {
        while self.next(gst::ClockTime::ZERO).is_some() {}
        &self.warnings
    }

    /// Waits for a warning that contains `part`.
    #[track_caller]
    pub fn warned(&mut self, part: &str) {
        step(format_args!("a warning with {part}"));
        let start = Instant::now();
        while !self.warnings.iter().any(|warning| warning.contains(part)) {
            let message = self.next(patience_left(start));
            assert!(message.is_some(), "{part} in none of {:?}", self.warnings);
        }
    }

    /// All structures `name` so far.
    pub fn all_said(&mut self, name: &str) -> Vec<gst::Structure> {
        while self.next(gst::ClockTime::ZERO).is_some() {}
        let named = self.said.iter().filter(|s| s.name() == name);
        named.cloned().collect()
    }

    /// Tries to play, waits for an error, stops everything and returns all errors.
    pub fn errors_of_playing(&mut self) -> Vec<String> {
        let _ = self.pipeline.set_state(gst::State::Playing);
        let mut errors = Vec::new();
        let start = Instant::now();
        while errors.is_empty() {
            let message = self.next(patience_left(start)).expect("there is an error");
            errors.extend(error_text(&message));
        }
        // READY ends all threads and, unlike NULL, leaves on the bus what they had to say.
        let _ = self.pipeline.set_state(gst::State::Ready);
        while let Some(message) = self.next(gst::ClockTime::ZERO) {
            errors.extend(error_text(&message));
        }
        errors
    }

    /// There is one error, and it holds `part`.
    #[track_caller]
    pub fn assert_fails_once_naming(&mut self, part: &str) {
        let errors = self.errors_of_playing();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        assert!(errors[0].contains(part), "{part} in {:?}", errors[0]);
    }
}

fn error_text(message: &gst::Message) -> Option<String> {
    match message.view() {
        MessageView::Error(error) => Some(error.error().to_string()),
        _ => None,
    }
}

/// A folder of this test's own, gone when the test is over.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{count}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An address with a port that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
