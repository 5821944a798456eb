// SPDX-License-Identifier: MPL-2.0
//! `portholesink`: GObject glue.
//!
//! Lock order: `settings`, then `state`, `about`, the gate of `Sessions`. Each is held to read or write a value and never
//! while anything is pushed, posted, emitted or sent to another element.

use std::{
    sync::{Arc, LazyLock, Mutex, OnceLock},
    time::{Duration, Instant},
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;

use super::{
    embedded::{self, Embedded},
    pads, report,
    session::{self, Sessions},
    settings::{PROPERTIES, Settings},
    stats, webrtc,
};
use crate::{
    clock::Stopwatch,
    events::demand::Demand,
    lock::lock,
    runtime,
    signaller::{self, Options, Run, link::Event},
};

/// How long a stopping sink waits for the application to take in the last news.
const LAST_NEWS: Duration = Duration::from_millis(500);

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "portholesink",
        gst::DebugColorFlags::empty(),
        Some("Porthole's sink: the gate"),
    )
});

/// What exists between READY and NULL.
struct State {
    run: Arc<Run>,
    sessions: Sessions,
    clock: Stopwatch,
    webrtcsink: BaseWebRTCSink,
    /// Keeps the camera on the page of the server in this process.
    _embedded: Option<Embedded>,
}

/// What is told of the camera; there before the link starts, which tells it.
#[derive(Clone, Default)]
struct About {
    camera_name: String,
    url: String,
    server: &'static str,
}

#[derive(Default)]
pub struct PortholeSink {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    about: Mutex<About>,
    video: OnceLock<gst::GhostPad>,
    audio: Mutex<Option<gst::GhostPad>>,
}

impl PortholeSink {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let setting = |error: &dyn std::fmt::Display| {
            gst::error_msg!(gst::ResourceError::Settings, ("{error}"))
        };
        let settings = lock(&self.settings).clone();
        webrtc::claim().map_err(|e| gst::error_msg!(gst::LibraryError::Init, ("{e}")))?;
        settings.check_stun().map_err(|e| setting(&e))?;
        let runtime = runtime::handle().map_err(|e| {
            gst::error_msg!(
                gst::ResourceError::NoSpaceLeft,
                ("cannot start threads: {e}")
            )
        })?;

        let (key, embedded) = match settings.key().map_err(|e| setting(&e))? {
            Some(_) if settings.open_access => {
                return Err(gst::error_msg!(
                    gst::ResourceError::Settings,
                    ("open-access=true is for the server in this process and does not go with a camera key; drop one of the two")
                ));
            }
            Some(key) => (key, None),
            None => {
                let listen = settings.listen().map_err(|e| setting(&e))?;
                let wish = embedded::Wish {
                    listen,
                    open_access: settings.open_access,
                    stun_server: settings.stun_server.as_deref(),
                    camera_name: &settings.name(),
                };
                let embedded = embedded::join(&wish, &runtime)
                    .map_err(|e| gst::error_msg!(gst::ResourceError::OpenRead, ("{e}")))?;
                (embedded.key.clone(), Some(embedded))
            }
        };

        // With a key, the server knows the camera's name, and only the user may overrule it.
        let name = match embedded {
            Some(_) => Some(settings.name()),
            None => settings.given_name().map(str::to_owned),
        };
        let camera_name = name.clone().unwrap_or_else(|| key.id.clone());
        let options = Options {
            key: key.clone(),
            name,
            orphan_timeout: settings.orphan_timeout(),
        };
        *lock(&self.about) = About {
            camera_name,
            url: key.url.to_string(),
            server: "connecting",
        };
        let links = embedded
            .as_ref()
            .and_then(|embedded| embedded.links.as_deref());
        self.announce(links, settings.open_access);
        let sessions = signaller::gate(&options, settings.max_viewers());
        let clock = Stopwatch::start();
        let run = self.run(options, &runtime, &sessions, clock).map_err(|e| {
            gst::error_msg!(
                gst::ResourceError::NoSpaceLeft,
                ("cannot start threads: {e}")
            )
        })?;
        let webrtcsink = self.build(&run, &sessions, &settings)?;
        *lock(&self.state) = Some(State {
            run: Arc::new(run),
            sessions,
            clock,
            webrtcsink,
            _embedded: embedded,
        });
        Ok(())
    }

    fn run(
        &self,
        options: Options,
        runtime: &tokio::runtime::Handle,
        sessions: &Sessions,
        clock: Stopwatch,
    ) -> std::io::Result<Run> {
        let (for_demand, for_events) = (self.obj().downgrade(), self.obj().downgrade());
        let on_viewers = move |viewers| {
            if let Some(sink) = for_demand.upgrade() {
                sink.imp().demand(viewers);
            }
        };
        let on_event = move |event| {
            if let Some(sink) = for_events.upgrade() {
                sink.imp().observe(&event);
            }
        };
        Run::start(
            options,
            runtime,
            sessions.clone(),
            clock,
            on_viewers,
            on_event,
        )
    }

    /// Puts a webrtcsink into the bin, behind our pads.
    fn build(
        &self,
        run: &Run,
        sessions: &Sessions,
        settings: &Settings,
    ) -> Result<BaseWebRTCSink, gst::ErrorMessage> {
        let broken =
            || gst::error_msg!(gst::CoreError::Pad, ("cannot put webrtcsink into the bin"));
        let video = self.video.get().ok_or_else(broken)?;
        let webrtcsink = webrtc::make(&run.signaller, settings, pads::input(video));
        self.obj().add(&webrtcsink).map_err(|_| broken())?;

        let audio = lock(&self.audio).clone();
        for (ghost, template) in [(Some(video), "video_%u"), (audio.as_ref(), "audio_%u")] {
            let Some(ghost) = ghost else { continue };
            let target = webrtcsink.request_pad_simple(template).ok_or_else(broken)?;
            ghost.set_target(Some(&target)).map_err(|_| broken())?;
        }
        session::filter(&webrtcsink, sessions);
        session::guard(&run.signaller, sessions);
        Ok(webrtcsink)
    }

    /// Prints the links where a person sees them, and puts them on the bus for programs.
    fn announce(&self, links: Option<&[String]>, open_access: bool) {
        let Some(links) = links else { return };
        if open_access {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                ("open-access=true: everyone who can reach this address can watch, without a token")
            );
        }
        for link in links {
            eprintln!("porthole: watch at {link}");
        }
        let structure = gst::Structure::builder("porthole/server")
            .field("state", "listening")
            .field("url", links.first().map_or("", String::as_str))
            .field("links", gst::Array::new(links))
            .build();
        self.post(structure);
    }

    fn stop(&self) {
        let Some(state) = lock(&self.state).take() else {
            return;
        };
        state.run.close();
        let audio = lock(&self.audio).clone();
        for ghost in self.video.get().into_iter().chain(audio.as_ref()) {
            // A ghost pad without a target is fine: it has been one before.
            let _ = ghost.set_target(None::<&gst::Pad>);
        }
        let _ = state.webrtcsink.set_state(gst::State::Null);
        let _ = self.obj().remove(&state.webrtcsink);
        lock(&self.about).server = "stopped";
        state.run.finish(LAST_NEWS);
    }

    /// Tells the application, from a thread on which it may take its time.
    fn observe(&self, event: &Event) {
        match event {
            Event::Online => self.server_changed("online", None),
            Event::Offline { error } => self.server_changed("offline", Some(error)),
            Event::Joined { .. } | Event::Left { .. } => self.obj().notify("viewers"),
            Event::Refused { session, refusal } => {
                gst::warning!(CAT, imp = self, "refused session {session}: {refusal}");
            }
            Event::Renewed { .. } => (),
        }
        let Some(message) = report::message(event) else {
            return;
        };
        if let Some((name, arguments)) = report::signal(&message) {
            self.obj().emit_by_name_with_values(name, &arguments);
        }
        self.post(message);
    }

    fn server_changed(&self, server: &'static str, error: Option<&str>) {
        let url = {
            let mut about = lock(&self.about);
            about.server = server;
            about.url.clone()
        };
        if let Some(error) = error {
            // Not an error: a camera may start before its server, and goes on trying.
            gst::element_imp_warning!(self, gst::ResourceError::OpenReadWrite, ("{url}: {error}"));
        }
        self.post(
            gst::Structure::builder("porthole/server")
                .field("state", server)
                .field("url", url)
                .field("detail", error.unwrap_or_default())
                .build(),
        );
    }

    fn current_demand(&self, viewers: usize) -> gst::Event {
        let camera = lock(&self.about).camera_name.clone();
        let viewers = u32::try_from(viewers).unwrap_or(u32::MAX);
        Demand {
            viewers,
            active: viewers > 0,
            camera: Some(camera),
            sink: Some(self.obj().path_string().into()),
        }
        .event()
    }

    fn demand(&self, viewers: usize) {
        let event = self.current_demand(viewers);
        let audio = lock(&self.audio).clone();
        for pad in self.video.get().into_iter().chain(audio.as_ref()) {
            // Where nothing upstream knows the event, it is refused, and that is fine.
            let _ = pad.push_event(event.clone());
        }
    }

    fn current_run(&self) -> Option<Arc<Run>> {
        lock(&self.state).as_ref().map(|state| state.run.clone())
    }

    fn sessions(&self) -> Option<Sessions> {
        lock(&self.state)
            .as_ref()
            .map(|state| state.sessions.clone())
    }

    fn viewer_count(&self) -> usize {
        self.sessions()
            .map_or(0, |sessions| lock(&sessions).viewers())
    }

    fn post(&self, structure: gst::Structure) {
        let message = gst::message::Element::builder(structure)
            .src(&*self.obj())
            .build();
        let _ = self.obj().post_message(message);
    }

    fn ghost(&self, name: &str) -> Option<gst::GhostPad> {
        let template = self.obj().pad_template(name)?;
        let sink = self.obj().downgrade();
        Some(pads::ghost(&template, move |pad| {
            let Some(sink) = sink.upgrade() else { return };
            let _ = pad.push_event(sink.imp().current_demand(sink.imp().viewer_count()));
        }))
    }

    fn stats(&self) -> gst::Structure {
        let About { url, server, .. } = lock(&self.about).clone();
        let state = lock(&self.state).as_ref().map(|state| {
            let State {
                sessions,
                clock,
                webrtcsink,
                ..
            } = state;
            (sessions.clone(), *clock, webrtcsink.clone())
        });
        let Some((sessions, clock, webrtcsink)) = state else {
            return stats::structure(None, server, &url, Instant::now());
        };
        let mut all = stats::structure(Some(&lock(&sessions)), server, &url, clock.now());
        stats::add_webrtc(&mut all, &webrtcsink.property::<gst::Structure>("stats"));
        all
    }
}

#[glib::object_subclass]
impl ObjectSubclass for PortholeSink {
    const NAME: &'static str = "GstPortholeSink";
    type Type = super::PortholeSink;
    type ParentType = gst::Bin;
}

impl ObjectImpl for PortholeSink {
    fn properties() -> &'static [glib::ParamSpec] {
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let max_viewers = {
            let mut settings = lock(&self.settings);
            settings.set(pspec.name(), value);
            settings.max_viewers()
        };
        if pspec.name() == "max-viewers"
            && let Some(run) = self.current_run()
        {
            run.signaller.set_max_viewers(max_viewers);
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "viewers" => u32::try_from(self.viewer_count())
                .unwrap_or(u32::MAX)
                .to_value(),
            "stats" => self.stats().to_value(),
            name => {
                let value = lock(&self.settings).get(name);
                value.unwrap_or_else(|| pspec.default_value().clone())
            }
        }
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(report::signals);
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        obj.set_suppressed_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
        obj.set_element_flags(gst::ElementFlags::SINK);
        if let Some(pad) = self.ghost(pads::VIDEO)
            && obj.add_pad(&pad).is_ok()
        {
            let _ = self.video.set(pad);
        }
    }
}

impl GstObjectImpl for PortholeSink {}

impl ElementImpl for PortholeSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Porthole sink",
                "Sink/Network/WebRTC",
                "Shows a camera in browsers to those who may look, and to nobody else",
                "The Porthole developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        &pads::TEMPLATES
    }

    fn request_new_pad(
        &self,
        _template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        if lock(&self.state).is_some() || lock(&self.audio).is_some() {
            gst::warning!(CAT, imp = self, "one audio pad, and only before PAUSED");
            return None;
        }
        let pad = self.ghost(pads::AUDIO)?;
        self.obj().add_pad(&pad).ok()?;
        *lock(&self.audio) = Some(pad.clone());
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        lock(&self.audio).take();
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        use gst::StateChange as T;
        if transition == T::ReadyToPaused
            && let Err(error) = self.start()
        {
            self.stop();
            self.post_error_message(error);
            return Err(gst::StateChangeError);
        }
        if transition == T::PausedToPlaying {
            // Upstream is at least PAUSED by now and hears it before the camera starts.
            self.demand(self.viewer_count());
        }
        let closing = matches!(transition, T::PausedToReady | T::ReadyToNull);
        if closing && let Some(run) = self.current_run() {
            run.close();
            // Upstream still runs, and hears that nobody will watch any more.
            self.demand(0);
        }
        let result = self.parent_change_state(transition);
        if closing || (result.is_err() && transition == T::ReadyToPaused) {
            self.stop();
        }
        result
    }
}

impl BinImpl for PortholeSink {}
