// SPDX-License-Identifier: MPL-2.0
//! Tells the bus and the application how the camera is, on a thread of its own: a handler of the application's may block, and holds
//! up nothing but further news.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};

use super::state::Status;
use crate::{
    camera::{CAT, PortholeSrc, output::Streams},
    lock::lock,
    worker::{self, Ending, Worker},
};

/// Post that wait for an application; more are left out.
const MAX_WAITING: usize = 64;
/// The same warning is given once in this time.
const WARNING_PERIOD: Duration = Duration::from_secs(60);
/// Warnings that are told apart.
const MAX_WARNINGS: usize = 32;

/// How old what the camera gives is.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::camera) struct Latency {
    pub(super) video: gst::ClockTime,
    /// How long a picture lasts.
    pub(super) period: gst::ClockTime,
    /// Of sound that does not come with the pictures.
    pub(super) sound: Option<gst::ClockTime>,
}

enum Post {
    Message(gst::Structure),
    Warning(String),
    Error(String),
    Latency(Latency),
    Mode,
}

/// The way to the thread.
pub(in crate::camera) struct BusPoster {
    worker: Worker<Post>,
    mode: Arc<Mutex<Option<gst::Caps>>>,
    warned: Mutex<BTreeMap<String, Instant>>,
}

impl BusPoster {
    /// Starts the thread. `mode` is what the property `current-mode` shows.
    pub(in crate::camera) fn start(
        element: glib::WeakRef<PortholeSrc>,
        streams: Arc<Streams>,
        mode: Arc<Mutex<Option<gst::Caps>>>,
    ) -> io::Result<(Self, Ending)> {
        let (worker, ending) = worker::spawn("portholesrc-bus", move |news| {
            if let Some(element) = element.upgrade() {
                tell(&element, &streams, news);
            }
        })?;
        let bus = Self {
            worker,
            mode,
            warned: Mutex::default(),
        };
        Ok((bus, ending))
    }

    fn push(&self, news: Post) {
        if self.worker.backlog() < MAX_WAITING {
            self.worker.push(news);
        } else {
            gst::warning!(
                CAT,
                "a handler of the bus does not return; news are left out"
            );
        }
    }

    pub(in crate::camera) fn announce(
        &self,
        status: Status,
        device: &str,
        mode: Option<&gst::Caps>,
    ) {
        let reason = match status {
            Status::Lost(reason) => Some(reason.code()),
            _ => None,
        };
        let structure = gst::Structure::builder("porthole/camera")
            .field("state", status.name())
            .field("device", device)
            .field_if_some("reason", reason)
            .field_if_some("mode", mode)
            .build();
        self.push(Post::Message(structure));
    }

    pub(in crate::camera) fn warn(&self, text: String) {
        let now = Instant::now();
        {
            let mut warned = lock(&self.warned);
            warned.retain(|_, at| now.saturating_duration_since(*at) < WARNING_PERIOD);
            if warned.len() >= MAX_WARNINGS || warned.contains_key(&text) {
                return;
            }
            warned.insert(text.clone(), now);
        }
        self.push(Post::Warning(text));
    }

    /// Ends the stream: for what no waiting mends.
    pub(in crate::camera) fn fail(&self, text: String) {
        self.push(Post::Error(text));
    }

    pub(in crate::camera) fn set_latency(&self, latency: Latency) {
        self.push(Post::Latency(latency));
    }

    pub(in crate::camera) fn set_mode(&self, mode: Option<gst::Caps>) {
        let mut now = lock(&self.mode);
        if *now == mode {
            return;
        }
        *now = mode;
        drop(now);
        self.push(Post::Mode);
    }
}

fn tell(element: &PortholeSrc, streams: &Streams, news: Post) {
    match news {
        Post::Message(structure) => {
            let message = gst::message::Element::builder(structure)
                .src(element)
                .build();
            let _ = element.post_message(message);
        }
        Post::Warning(text) => {
            gst::element_warning!(element, gst::ResourceError::Failed, ("{text}"));
        }
        Post::Error(text) => {
            gst::element_error!(element, gst::StreamError::Format, ("{text}"));
        }
        Post::Latency(Latency {
            video,
            period,
            sound,
        }) => {
            streams.video.set_latency(video, period);
            if let Some(audio) = streams.audio() {
                audio.set_latency(sound.unwrap_or(video), period);
            }
        }
        Post::Mode => element.notify("current-mode"),
    }
}
