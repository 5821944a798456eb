// SPDX-License-Identifier: MPL-2.0
//! The bell, as the sink's application and its parts have it: the action signals `ring`, `hang-up` and `snapshot`; and what
//! follows from a press and a call, which waits neither for the application nor for a picture.

use std::{sync::Arc, time::Duration};

use gst::{glib, prelude::*, subclass::prelude::*};
use porthole_protocol::key::CameraKey;
use tokio::{
    sync::{
        Semaphore,
        broadcast::{Receiver, error::RecvError},
    },
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};

use super::{
    CAT,
    imp::PortholeSink,
    inputs::{pads, video},
};
use crate::{
    calling::{BellEvent, Call, CallEnd, CallState, Cue, OwnReason, Reason, cue},
    gateway::{handle::Handle, hub::Input},
    lock::lock,
    signaller::{calls::KEEP, link::SharedCalls, upload},
    snapshot::NoPicture,
};

/// How long `snapshot` waits for the next picture: a camera that somebody watches has one in a moment.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(2);
/// The same at a press, which opens the camera: a slow one takes so long, and whoever rang still stands there.
const PRESS_WAIT: Duration = Duration::from_secs(8);
/// Of the one camera one picture is taken at a time.
const ONE: usize = 1;

/// Whom the bell's events concern besides the application.
pub(super) struct Attendant {
    pub(super) sink: glib::WeakRef<super::PortholeSink>,
    pub(super) key: CameraKey,
    pub(super) calls: SharedCalls,
    pub(super) events: Receiver<BellEvent>,
    /// Where programs are told, if there is a way to them.
    pub(super) hub: Option<Handle>,
}

/// Runs until the bell is gone.
pub(super) async fn attend(mut attendant: Attendant) {
    let camera = Arc::new(Semaphore::new(ONE));
    let mut picture: Option<JoinHandle<()>> = None;
    let mut last: Option<(String, CallState)> = None;
    loop {
        match attendant.events.recv().await {
            Ok(BellEvent::Rung { ring_id }) => {
                let next = tokio::spawn(attendant.picture(&camera, ring_id));
                // The call that it was for is over, or this would be no new press.
                if let Some(before) = picture.replace(next) {
                    before.abort();
                }
            }
            Ok(BellEvent::Call(call)) => {
                let before = last.take_if(|(ring_id, _)| *ring_id == call.ring_id);
                attendant.play(cue(before.map(|(_, state)| state), &call));
                last = Some((call.ring_id.clone(), call.state));
                if let Some(hub) = &attendant.hub {
                    hub.notify(Input::Call(call));
                }
            }
            // The next one says how it stands.
            Err(RecvError::Lagged(_)) => (),
            Err(RecvError::Closed) => break,
        }
    }
    if let Some(picture) = picture {
        picture.abort();
    }
}

impl Attendant {
    fn play(&self, cue: Option<Cue>) {
        let (Some(sink), Some(cue)) = (self.sink.upgrade(), cue) else {
            return;
        };
        let imp = sink.imp();
        let is_on = imp.settings().ring_tones;
        imp.talk.cue(if is_on { cue } else { Cue::Silence });
    }

    /// Takes the picture of a press, and brings it to the server if a call comes of it. Nobody sees it before: until the server
    /// has said that the press rings somebody, nobody may see the camera on its account.
    fn picture(
        &self,
        camera: &Arc<Semaphore>,
        ring_id: String,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (sink, key) = (self.sink.clone(), self.key.clone());
        let (calls, mut events) = (self.calls.clone(), self.events.resubscribe());
        let camera = camera.clone();
        async move {
            let Ok(permit) = camera.acquire_owned().await else {
                return;
            };
            let taken = spawn_blocking(move || {
                let _permit = permit;
                let sink = sink.upgrade()?;
                let taken = sink.imp().picture(0, PRESS_WAIT);
                if let Err(error) = &taken {
                    gst::warning!(CAT, obj = sink, "no picture of who rang: {error}");
                }
                taken.ok()
            });
            let Ok(Some(jpeg)) = taken.await else { return };
            let taken_up = timeout(KEEP, is_taken_up(&calls, &ring_id, &mut events)).await;
            if taken_up != Ok(true) {
                return;
            }
            let is_wanted = || lock(&calls).runs_for(&ring_id);
            match upload::snapshot(&key, &ring_id, jpeg, is_wanted).await {
                Ok(()) => gst::debug!(CAT, "the server has the picture of {ring_id}"),
                Err(error) => gst::warning!(CAT, "the picture of who rang: {error}"),
            }
        }
    }
}

/// Waits until the call of a press runs. False if it is over before.
async fn is_taken_up(calls: &SharedCalls, ring_id: &str, events: &mut Receiver<BellEvent>) -> bool {
    loop {
        if lock(calls).runs_for(ring_id) {
            return true;
        }
        if !lock(calls).is_open(ring_id) {
            return false;
        }
        if matches!(events.recv().await, Err(RecvError::Closed)) {
            return false;
        }
    }
}

impl PortholeSink {
    /// Presses the bell. Without an id where there is no link to a server.
    pub(super) fn ring(&self) -> Option<String> {
        let (bell, now) = self.bell()?;
        let run = self.current_run()?;
        Some(run.signaller.ring(&bell.calls, now).ring_id)
    }

    fn hang_up(&self) -> bool {
        let wants = self.is_called();
        if let Some(run) = self.current_run().filter(|_| wants) {
            run.signaller.hang_up();
        }
        wants
    }

    /// Whether the camera is to be open for whoever may answer.
    pub(super) fn is_called(&self) -> bool {
        let bell = self.bell();
        bell.is_some_and(|(bell, _)| lock(&bell.calls).wants_picture())
    }

    /// Whether there is somebody who may see the camera now.
    fn may_be_seen(&self) -> bool {
        let is_called = |(bell, _): (crate::signaller::Bell, _)| lock(&bell.calls).runs();
        self.viewer_count() > 0 || self.bell().is_some_and(is_called)
    }

    /// Waits for a picture, and makes a JPEG of it.
    fn picture(&self, max_width: u32, wait: Duration) -> Result<Vec<u8>, NoPicture> {
        let ladder = self.inputs.ladder.get();
        let feed = ladder.as_ref().and_then(|ladder| ladder.feeds().first());
        let shutter = feed.map(|feed| feed.shutter.clone());
        // While it starts and when it stops.
        let shutter = shutter.ok_or(NoPicture::TooLate(Duration::ZERO))?;
        // What may take seconds must not keep the ladder.
        drop(ladder);
        let want_key = || self.inputs.want_key(pads::VIDEO);
        (self.photographer).take(&shutter, (max_width, wait), video::download, want_key)
    }

    /// What the application gets: nothing while nobody may see the camera.
    fn snapshot(&self, max_width: u32) -> Option<glib::Bytes> {
        if !self.may_be_seen() {
            gst::info!(
                CAT,
                imp = self,
                "no snapshot: nobody may see the camera now"
            );
            return None;
        }
        match self.picture(max_width, SNAPSHOT_WAIT) {
            // The last one may have gone while the picture was waited for.
            Ok(jpeg) => self.may_be_seen().then(|| glib::Bytes::from_owned(jpeg)),
            Err(error @ NoPicture::TooLate(_)) => {
                gst::warning!(CAT, imp = self, "no snapshot: {error}");
                None
            }
            Err(error) => {
                let words = format!("no snapshot: {error}");
                gst::element_imp_warning!(self, gst::StreamError::Encode, ("{words}"));
                None
            }
        }
    }

    /// Says aloud that a press has reached nobody, which whoever set the doorbell up has to know.
    pub(super) fn bell_rang(&self, event: &BellEvent) {
        let BellEvent::Call(Call { id, reason, .. }) = event else {
            return;
        };
        let why = match reason {
            Some(Reason::Camera(OwnReason::ServerGone)) if id.is_empty() => {
                "the server was not reached in time, or knows no calls"
            }
            Some(Reason::Server(CallEnd::Nobody)) => {
                "the server has nobody whom this camera may ring"
            }
            _ => return,
        };
        gst::element_imp_warning!(self, gst::ResourceError::OpenWrite, ("rang nobody: {why}"));
    }
}

/// The signals by which the application asks for something.
pub(super) fn actions() -> [glib::subclass::Signal; 3] {
    let sink = |args: &[glib::Value]| args.first()?.get::<super::PortholeSink>().ok();
    // The id of the ring; empty, with a warning on the bus, where it cannot ring.
    let ring = glib::subclass::Signal::builder("ring")
        .return_type::<String>()
        .action()
        .class_handler(move |args| {
            let sink = sink(args)?;
            let id = sink.imp().ring();
            if id.is_none() {
                gst::element_warning!(
                    sink,
                    gst::CoreError::StateChange,
                    ("ring: the camera is not running; play the pipeline first")
                );
            }
            Some(id.unwrap_or_default().to_value())
        });
    // Whether there was something to end.
    let hang_up = glib::subclass::Signal::builder("hang-up")
        .return_type::<bool>()
        .action()
        .class_handler(move |args| Some(sink(args)?.imp().hang_up().to_value()));
    // Argument: the most width, 0 for 1280. Waits for a picture, so not to be called where one passes.
    let snapshot = glib::subclass::Signal::builder("snapshot")
        .param_types([u32::static_type()])
        .return_type::<Option<glib::Bytes>>()
        .action()
        .class_handler(move |args| {
            let max_width = args.get(1)?.get::<u32>().ok()?;
            Some(sink(args)?.imp().snapshot(max_width).to_value())
        });
    [ring.build(), hang_up.build(), snapshot.build()]
}
