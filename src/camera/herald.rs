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

use super::{CAT, PortholeSrc, control::Status, streams::Streams};
use crate::{
    lock::lock,
    worker::{self, Ending, Worker},
};

/// News that wait for an application; more are left out.
const MAX_WAITING: usize = 64;
/// The same warning is given once in this time.
const WARNING_PERIOD: Duration = Duration::from_secs(60);
/// Warnings that are told apart.
const MAX_WARNINGS: usize = 32;

enum News {
    Message(gst::Structure),
    Warning(String),
    Error(String),
    Latency(gst::ClockTime, gst::ClockTime),
    Mode,
}

/// The way to the thread.
pub(super) struct Herald {
    worker: Worker<News>,
    mode: Arc<Mutex<Option<gst::Caps>>>,
    warned: Mutex<BTreeMap<String, Instant>>,
}

impl Herald {
    /// Starts the thread. `mode` is what the property `current-mode` shows.
    pub(super) fn start(
        element: glib::WeakRef<PortholeSrc>,
        streams: Arc<Streams>,
        mode: Arc<Mutex<Option<gst::Caps>>>,
    ) -> io::Result<(Self, Ending)> {
        let (worker, ending) = worker::spawn("portholesrc-bus", move |news| {
            if let Some(element) = element.upgrade() {
                tell(&element, &streams, news);
            }
        })?;
        let herald = Self {
            worker,
            mode,
            warned: Mutex::default(),
        };
        Ok((herald, ending))
    }

    fn push(&self, news: News) {
        if self.worker.backlog() < MAX_WAITING {
            self.worker.push(news);
        } else {
            gst::warning!(
                CAT,
                "a handler of the bus does not return; news are left out"
            );
        }
    }

    pub(super) fn announce(&self, status: Status, device: &str, mode: Option<&gst::Caps>) {
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
        self.push(News::Message(structure));
    }

    pub(super) fn warn(&self, text: String) {
        let now = Instant::now();
        {
            let mut warned = lock(&self.warned);
            warned.retain(|_, at| now.saturating_duration_since(*at) < WARNING_PERIOD);
            if warned.len() >= MAX_WARNINGS || warned.contains_key(&text) {
                return;
            }
            warned.insert(text.clone(), now);
        }
        self.push(News::Warning(text));
    }

    /// Ends the stream: for what no waiting mends.
    pub(super) fn fail(&self, text: String) {
        self.push(News::Error(text));
    }

    pub(super) fn set_latency(&self, own: gst::ClockTime, period: gst::ClockTime) {
        self.push(News::Latency(own, period));
    }

    pub(super) fn set_mode(&self, mode: Option<gst::Caps>) {
        let mut now = lock(&self.mode);
        if *now == mode {
            return;
        }
        *now = mode;
        drop(now);
        self.push(News::Mode);
    }
}

fn tell(element: &PortholeSrc, streams: &Streams, news: News) {
    match news {
        News::Message(structure) => {
            let message = gst::message::Element::builder(structure)
                .src(element)
                .build();
            let _ = element.post_message(message);
        }
        News::Warning(text) => {
            gst::element_warning!(element, gst::ResourceError::Failed, ("{text}"));
        }
        News::Error(text) => {
            gst::element_error!(element, gst::StreamError::Format, ("{text}"));
        }
        News::Latency(own, period) => {
            streams.video.set_latency(own, period);
            if let Some(audio) = streams.audio() {
                audio.set_latency(own, period);
            }
        }
        News::Mode => element.notify("current-mode"),
    }
}
