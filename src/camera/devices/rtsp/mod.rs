// SPDX-License-Identifier: MPL-2.0
//! A camera in the network that speaks RTSP. Its password stays in here: no name, message or log has it.
//!
//! `url` reads its address, `tls` says whose certificate is trusted, `source` makes the bin, `streams` is what stands behind each
//! stream that the server names.

mod bin;
mod source;
mod streams;
mod tls;
mod url;

use std::{
    fmt::{self, Debug},
    fs::File,
    io::Read as _,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::AtomicBool,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use gst::{glib, prelude::*};

use super::errors;
use crate::{
    camera::{
        device::{Device, Request, Source},
        problem::{Problem, Reason},
    },
    lock::lock,
};
use tls::Trust;
use url::Address;

/// For connecting and a first key unit, which some cameras send only every ten seconds, or every twenty.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// The variable with the password of a camera whose URL names a user alone: what stands in a command line, everybody on the
/// machine can read.
const PASSWORD: &str = "PORTHOLE_RTSP_PASSWORD";
/// The variable with the name of a file with it, which is read at each opening.
const PASSWORD_FILE: &str = "PORTHOLE_RTSP_PASSWORD_FILE";
/// Bytes of that file, the first line of which is the password.
const MAX_PASSWORD: u64 = 1024;

pub(super) struct RtspCamera {
    address: Address,
    trust: Trust,
    password_file: Option<PathBuf>,
    /// What the file held at the last opening.
    tried: Mutex<Option<Vec<u8>>>,
    /// Whether its server has refused to send in the connection.
    wants_udp: Arc<AtomicBool>,
}

impl Debug for RtspCamera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RtspCamera")
            .field(&self.address.name)
            .finish()
    }
}

impl RtspCamera {
    /// Reads an address, and what is kept outside of it. The error has no part of a text that may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Self::parse_with(text, |name| std::env::var(name).ok())
    }

    fn parse_with(text: &str, value_of: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        Ok(Self {
            address: Address::parse(text, || value_of(PASSWORD))?,
            password_file: value_of(PASSWORD_FILE).map(PathBuf::from),
            tried: Mutex::default(),
            trust: Trust::read(value_of)?,
            wants_udp: Arc::default(),
        })
    }

    /// The password that is in the file now; none if it is not needed, or cannot be read.
    fn kept_password(&self) -> Option<Vec<u8>> {
        let path = self.password_file.as_ref();
        let file = File::open(path.filter(|_| self.address.lacks_password())?);
        let mut bytes = Vec::new();
        file.ok()?.take(MAX_PASSWORD).read_to_end(&mut bytes).ok()?;
        let mut lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
        // An empty one is about to be written.
        lines
            .next()
            .filter(|line| !line.is_empty())
            .map(<[u8]>::to_vec)
    }

    /// Whether a text names such a camera, well or badly.
    pub(super) fn is_meant(text: &str) -> bool {
        url::is_meant(text)
    }

    /// An address as it may be shown.
    pub(super) fn without_password(text: &str) -> String {
        Address::parse(text, || None).map_or_else(|_| "rtsp://***".into(), |address| address.name)
    }
}

impl Device for RtspCamera {
    fn name(&self) -> &str {
        &self.address.name
    }

    fn open_timeout(&self) -> Duration {
        OPEN_TIMEOUT
    }

    /// It may have; only the server tells.
    fn has_sound(&self) -> bool {
        true
    }

    /// Only its pictures tell, so it is played until the first one's caps are there.
    fn look(&self, request: &Request) -> Result<Option<gst::Caps>, Problem> {
        let request = Request {
            sound: false,
            ..request.clone()
        };
        let source = self.build(&request)?;
        let pipeline = gst::Pipeline::new();
        let seen = watch(&pipeline, &source).map_err(|error| {
            let _ = source.bin.set_state(gst::State::Null);
            Problem::new(Reason::Failed, error.to_string())
        })?;
        let _ = pipeline.set_state(gst::State::Playing);
        let first = seen.recv_timeout(OPEN_TIMEOUT);
        let _ = pipeline.set_state(gst::State::Null);
        let stalled = || Problem::new(Reason::Stalled, "its server sends no picture: check it");
        first.unwrap_or_else(|_| Err(stalled())).map(Some)
    }

    fn is_let_in_anew(&self) -> bool {
        self.kept_password() != *lock(&self.tried)
    }

    fn build(&self, request: &Request) -> Result<Source, Problem> {
        let password = self.kept_password();
        let location = self.address.location(password.as_deref());
        *lock(&self.tried) = password;
        let transport = self.address.transport;
        Ok(Source {
            bin: source::bin(&location, transport, &self.trust, &self.wants_udp, request)?,
            paced: false,
            device: self.address.name.clone(),
            warning: None,
            microphone: None,
            path: None,
            handles: Box::new(()),
        })
    }
}

/// Tells the caps of a source's first picture, or why there is none.
fn watch(
    pipeline: &gst::Pipeline,
    source: &Source,
) -> Result<Receiver<Result<gst::Caps, Problem>>, glib::BoolError> {
    let missing = || glib::bool_error!("no pad");
    let (sender, seen) = channel();
    let sink = gst::ElementFactory::make("fakesink").property("async", false);
    let sink = sink.build()?;
    pipeline.add_many([source.bin.upcast_ref(), &sink])?;
    source.bin.link(&sink)?;
    let pad = sink.static_pad("sink").ok_or_else(missing)?;
    let first = sender.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        if let Some(caps) = pad.current_caps() {
            let _ = first.send(Ok(caps));
        }
        gst::PadProbeReturn::Remove
    });
    let bus = pipeline.bus().ok_or_else(missing)?;
    bus.set_sync_handler(move |_, message| {
        if let gst::MessageView::Error(error) = message.view() {
            let problem = errors::problem(&error.error(), error.debug().as_deref(), None);
            let _ = sender.send(Err(problem));
        }
        gst::BusSyncReply::Drop
    });
    Ok(seen)
}

#[cfg(test)]
mod tests;
