// SPDX-License-Identifier: MPL-2.0
//! What a `portholesink` is between READY and NULL: how it is built, started and stopped.

use std::{sync::Arc, time::Duration};

use gst::{prelude::*, subclass::prelude::*};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use porthole_signaling::FIRST_ADMINISTRATOR;

use super::{
    doorbell,
    embedded::Embedded,
    imp::{About, PortholeSink},
    inputs::pads,
    registration::Registration,
    report,
    session::{
        self, Sessions,
        data::{self, Data, Task},
    },
    settings::Settings,
    webrtc,
};
use crate::{
    certificate::{self, Preparation},
    clock::Stopwatch,
    gateway::{self, BellPush, Gateway},
    heap,
    ladder::{self, Feed, Hooks, Ladder, rendition::MAX_RENDITIONS},
    lock::lock,
    runtime,
    signaller::{
        self, Asked, Bell, Options, PortholeSignaller, Run, offered::Sendable, whip::Target,
    },
    worker,
};

/// Changes of rungs that wait for an application that takes its time; whoever is that late learns of them from `stats`.
const MAX_MOVES: usize = 256;
/// How long a stopping sink waits for webrtcsink to end its sessions, and for the application to take in the last events.
pub(super) const LAST_EVENTS: Duration = Duration::from_millis(500);

/// What exists between READY and NULL.
pub(super) struct State {
    pub(super) run: Arc<Run>,
    pub(super) sessions: Sessions,
    pub(super) bell: Bell,
    pub(super) clock: Stopwatch,
    pub(super) webrtcsink: BaseWebRTCSink,
    _talk_shown: Option<Task>,
    /// Programs and viewers meet there as long as it is here.
    _gateway: Option<Gateway>,
    /// Keeps the camera on the page of the server in this process.
    _embedded: Option<Embedded>,
    _dtls: Preparation,
}

impl PortholeSink {
    pub(super) fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings.now();
        let mode = settings
            .talk()
            .map_err(|error| gst::error_msg!(gst::ResourceError::Settings, ("{error}")))?;
        self.talk.set_mode(mode);
        self.load_sounds(&settings);
        let whip = settings
            .whip()
            .map_err(|error| gst::error_msg!(gst::ResourceError::Settings, ("{error}")))?;
        if whip.as_ref().is_some_and(Target::bares_token) {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                ("whip: the token of whip-token-file goes to {whip:?} in clear; give an https:// address")
            );
        }
        heap::keep_small();
        webrtc::claim().map_err(|e| gst::error_msg!(gst::LibraryError::Init, ("{e}")))?;
        let runtime = runtime::handle().map_err(no_threads)?;
        let registration = Registration::find(&settings, &self.token, &runtime)?;
        *lock(&self.about) = About {
            camera_name: registration.camera_name().to_owned(),
            url: registration.key.url.to_string(),
            server: "connecting",
        };
        self.announce(&registration, &settings);
        let Registration {
            key,
            name,
            embedded,
        } = registration;
        let options = Options {
            key,
            name,
            orphan_timeout: settings.orphan_timeout(),
            whip,
        };
        let sessions = signaller::gate(&options, settings.max_viewers());
        let clock = Stopwatch::start();
        let bell = Bell::default();
        let bell_events = bell.events.subscribe();
        let key = options.key.clone();
        let run = self
            .run(options, &runtime, (&sessions, &bell), clock)
            .map_err(no_threads)?;
        let gateway = self.gateway(&settings, &run, (&bell, clock))?;
        runtime.spawn(doorbell::attend(doorbell::Attendant {
            sink: self.obj().downgrade(),
            key,
            calls: bell.calls.clone(),
            events: bell_events,
            hub: gateway.as_ref().map(|gateway| gateway.handle().clone()),
        }));
        let ladder = self.ladder(&settings)?;
        let show_talk =
            |gateway: &Gateway| data::show_talk(&self.talk, gateway.handle().clone(), &runtime);
        let talk_shown = gateway.as_ref().map(show_talk);
        let data = gateway.as_ref().map(|gateway| Data {
            hub: gateway.handle().clone(),
            clock,
        });
        let webrtcsink = self.build(&run, &sessions, &settings, ladder, data)?;
        *lock(&self.state) = Some(State {
            run: Arc::new(run),
            sessions,
            bell,
            clock,
            webrtcsink,
            _talk_shown: talk_shown,
            _gateway: gateway,
            _embedded: embedded,
            _dtls: certificate::prepare(),
        });
        Ok(())
    }

    fn run(
        &self,
        options: Options,
        runtime: &tokio::runtime::Handle,
        (sessions, bell): (&Sessions, &Bell),
        clock: Stopwatch,
    ) -> std::io::Result<Run> {
        let (for_demand, for_events) = (self.obj().downgrade(), self.obj().downgrade());
        let (measured, calls) = (sessions.clone(), bell.calls.clone());
        let inputs = Arc::downgrade(&self.inputs);
        let on_viewers = move |viewers| {
            if let Some(sink) = for_demand.upgrade() {
                let is_called = lock(&calls).wants_picture();
                sink.imp().demand(viewers, is_called);
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
            (sessions.clone(), bell.clone()),
            clock,
            Asked {
                on_viewers,
                measure: move |signaller: &PortholeSignaller, id: &str| {
                    session::measure(signaller, &measured, id)
                },
                sendable: move || {
                    let inputs = inputs.upgrade();
                    inputs.map_or_else(Sendable::default, |inputs| inputs.offered().sendable())
                },
            },
            on_event,
        )
    }

    /// Lets programs and viewers meet, if anything asks for it.
    fn gateway(
        &self,
        settings: &Settings,
        run: &Run,
        (bell, clock): (&Bell, Stopwatch),
    ) -> Result<Option<Gateway>, gst::ErrorMessage> {
        let bad = |e| gst::error_msg!(gst::ResourceError::Settings, ("{e}"));
        let door = settings.gateway().map_err(bad)?;
        let talk = (self.talk.is_open()).then(|| settings.talk.clone());
        if door.is_none() && talk.is_none() {
            return Ok(None);
        }
        let options = gateway::Options {
            door,
            control_timeout: settings.control_timeout(),
            talk,
            on_driver: {
                let signaller = run.signaller.downgrade();
                Box::new(move |change| {
                    if let Some(signaller) = signaller.upgrade() {
                        signaller.driver_changed(change);
                    }
                })
            },
            on_door: {
                let signaller = run.signaller.downgrade();
                Box::new(move |asked| {
                    if let Some(signaller) = signaller.upgrade() {
                        signaller.door_asked(asked);
                    }
                })
            },
            on_bell: {
                // Not the bell's own way to those who hear it, which is to end with the run.
                let (signaller, calls) = (run.signaller.downgrade(), bell.calls.clone());
                Box::new(move |push| {
                    if let Some(signaller) = signaller.upgrade() {
                        match push {
                            BellPush::Ring => drop(signaller.ring(&calls, clock.now())),
                            BellPush::HangUp => signaller.hang_up(),
                        }
                    }
                })
            },
        };
        let own = runtime::gateway().map_err(no_threads)?;
        let gateway = Gateway::start(options, &own)
            .map_err(|e| gst::error_msg!(gst::ResourceError::OpenRead, ("{e}")))?;
        if let Some(url) = gateway.url() {
            if settings.print_link {
                eprintln!("porthole: programs connect to {url}SERVICE");
            }
            self.post(report::gateway(url));
        }
        Ok(Some(gateway))
    }

    fn ladder(&self, settings: &Settings) -> Result<Arc<Ladder>, gst::ErrorMessage> {
        let bad = |e| gst::error_msg!(gst::ResourceError::Settings, ("{e}"));
        let config = settings.ladder().map_err(bad)?;
        let (for_events, for_setup) = (self.obj().downgrade(), self.obj().downgrade());
        let (inputs, offering) = (Arc::downgrade(&self.inputs), Arc::downgrade(&self.inputs));
        // It ends with the ladder, which alone has the way in.
        let (bus, _) = worker::spawn("porthole-ladder-bus", move |event| {
            if let Some(sink) = for_events.upgrade() {
                sink.imp().ladder_changed(event);
            }
        })
        .map_err(no_threads)?;
        let hooks = Hooks {
            events: Box::new(move |event| match event {
                // Not later than the ladder's end: what webrtcsink begins after its own end it never stops.
                ladder::Event::Ready(codecs) => {
                    if let Some(inputs) = offering.upgrade() {
                        inputs.offer(codecs);
                    }
                }
                ladder::Event::Moved { .. } if bus.backlog() >= MAX_MOVES => (),
                event => bus.push(event),
            }),
            encoder_setup: Arc::new(move |codec, rung, encoder| {
                if let Some(sink) = for_setup.upgrade() {
                    let rung = u32::try_from(rung).unwrap_or(u32::MAX);
                    sink.emit_by_name::<()>("encoder-setup", &[&codec.name(), &rung, encoder]);
                }
            }),
            want_key: Arc::new(move |pad| {
                if let Some(inputs) = inputs.upgrade() {
                    inputs.want_key(&pads::video_name(pad));
                }
            }),
        };
        let feeds = (0..MAX_RENDITIONS).map(|_| Feed::default()).collect();
        let ladder = Ladder::start(config, feeds, hooks).map_err(no_threads)?;
        Ok(Arc::new(ladder))
    }

    /// Puts a webrtcsink into the bin, behind our pads.
    fn build(
        &self,
        run: &Run,
        sessions: &Sessions,
        settings: &Settings,
        ladder: Arc<Ladder>,
        data: Option<Data>,
    ) -> Result<BaseWebRTCSink, gst::ErrorMessage> {
        let webrtcsink = webrtc::make(&run.signaller, settings);
        let broken =
            || gst::error_msg!(gst::CoreError::Pad, ("cannot put webrtcsink into the bin"));
        self.obj().add(&webrtcsink).map_err(|_| broken())?;
        // The pad of sound follows with its first buffer.
        let Some(target) = webrtcsink.request_pad_simple("video_%u") else {
            self.take_out(&webrtcsink);
            return Err(broken());
        };
        session::filter_streams(&webrtcsink, sessions, &self.inputs);
        session::guard(&run.signaller, sessions, &self.inputs, &self.talk, data);
        let signallable = run.signaller.as_signallable();
        let wanted = (
            settings.renditions.parse().unwrap_or_default(),
            settings.bitrate(),
        );
        (self.inputs).begin((&webrtcsink, target), signallable, ladder, wanted);
        Ok(webrtcsink)
    }

    /// Prints the links where a person sees them, and puts them on the bus for programs.
    fn announce(&self, registration: &Registration, settings: &Settings) {
        let Some(links) = registration.links() else {
            return;
        };
        if settings.open_access {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                ("open-access=true: everyone who can reach this address can watch, without a token")
            );
        }
        for link in links.iter().filter(|_| settings.print_link) {
            eprintln!("porthole: watch at {link}");
        }
        if let Some(password) = registration.password().filter(|_| settings.print_link) {
            eprintln!(
                "porthole: log in as {FIRST_ADMINISTRATOR}; the password, shown this once: {password}"
            );
        }
        self.post(report::listening(links));
    }

    pub(super) fn stop(&self) {
        let Some(state) = lock(&self.state).take() else {
            return;
        };
        state.run.close();
        self.take_out(&state.webrtcsink);
        self.watched.set(false);
        lock(&self.about).server = "stopped";
        state.run.finish(LAST_EVENTS);
    }

    /// Takes webrtcsink out of the bin again, at whatever point it has come to.
    fn take_out(&self, webrtcsink: &BaseWebRTCSink) {
        self.inputs.end();
        if let Some(audio) = lock(&self.audio).clone() {
            // A ghost pad without a target is fine: it has been one before.
            let _ = audio.set_target(None::<&gst::Pad>);
        }
        let _ = webrtcsink.set_state(gst::State::Null);
        let _ = self.obj().remove(webrtcsink);
        webrtc::let_go(webrtcsink.clone());
    }
}

fn no_threads(error: std::io::Error) -> gst::ErrorMessage {
    gst::error_msg!(
        gst::ResourceError::NoSpaceLeft,
        ("cannot start threads: {error}")
    )
}
