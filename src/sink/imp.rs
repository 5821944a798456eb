// SPDX-License-Identifier: MPL-2.0
//! `portholesink`: GObject glue.
//!
//! Lock order: `state`, `audio`, `talk_way`, `about`, the gate of `Sessions`, the calls of `Bell`. Each is held to read or write a
//! value and never while anything is pushed, posted, emitted or sent to another element.

use std::{
    sync::{
        Arc, LazyLock, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use porthole_protocol::wire::Code;
use porthole_signaling::FIRST_ADMINISTRATOR;

use super::{
    carrier::Offered,
    data::{self, Data},
    doorbell,
    embedded::{Embedded, Token},
    input::Inputs,
    pads,
    registration::Registration,
    report,
    session::{self, Sessions},
    settings::{self, Settings},
    stats, talk, webrtc,
};
use crate::{
    certificate::{self, Preparation},
    clock::Stopwatch,
    events::demand::Demand,
    gateway::{self, BellPush, Gateway},
    heap,
    ladder::{Feed, Hooks, Ladder, News, rendition::MAX_RENDITIONS},
    lock::lock,
    properties::Snapshot,
    runtime,
    signaller::{
        self, Bell, Options, Run,
        message::{Event, PublicationState},
        whip::Target,
    },
    snapshot::Photographer,
    talk::{Mode, Talk},
};

/// How long a stopping sink waits for webrtcsink to end its sessions, and for the application to take in the last news.
pub(super) const LAST_NEWS: Duration = Duration::from_millis(500);

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "portholesink",
        gst::DebugColorFlags::empty(),
        Some("Porthole's sink: the gate"),
    )
});

/// The property that is declared by hand.
const STATS: &str = "stats";

/// What exists between READY and NULL.
struct State {
    run: Arc<Run>,
    sessions: Sessions,
    bell: Bell,
    clock: Stopwatch,
    webrtcsink: BaseWebRTCSink,
    /// Programs and viewers meet there as long as it is here.
    _gateway: Option<Gateway>,
    /// Keeps the camera on the page of the server in this process.
    _embedded: Option<Embedded>,
    _dtls: Preparation,
}

/// What is told of the camera; there before the link starts, which tells it.
#[derive(Clone, Default)]
struct About {
    camera_name: String,
    url: String,
    server: &'static str,
}

#[derive(Default, glib::Properties)]
#[properties(wrapper_type = super::PortholeSink)]
pub struct PortholeSink {
    #[property(name = "camera-key", type = Option<String>, member = camera_key, set, nullable, mutable_ready,
        nick = "Camera key",
        blurb = "Camera key made by `porthole-signaling camera add`. Shows in the process list: prefer camera-key-file or the \
                 variable PORTHOLE_CAMERA_KEY. Without a key the server runs in this process")]
    #[property(name = "camera-key-file", type = Option<String>, member = camera_key_file, get, set, nullable, mutable_ready,
        nick = "Camera key file", blurb = "File that holds the camera key made by `porthole-signaling camera add`")]
    #[property(name = "camera-name", type = Option<String>, member = camera_name, get, set, nullable, mutable_ready,
        nick = "Camera name",
        blurb = "Name of the camera as viewers see it. If not set: with a camera key the name it was enrolled under, else the \
                 machine's host name")]
    #[property(name = "listen", type = Option<String>, get = |sink: &Self| Some(sink.settings.now().listen.clone()),
        set = Self::set_listen, nullable, mutable_ready, default_value = Some(settings::LISTEN), nick = "Listen address",
        blurb = "ADDRESS:PORT of the page and the signaling server in this process, used when there is no camera key. Port 0 \
                 takes a free one. Sinks with the same value share one page, and one link for as long as one of them lives")]
    #[property(name = "data-dir", type = Option<String>, member = data_dir, get, set, nullable, mutable_ready,
        nick = "Data directory",
        blurb = "Directory in which the server in this process keeps accounts, bookings and share links. Made if it is not \
                 there, with an administrator whose password is printed once. Without it there is one link for everyone")]
    #[property(name = "open-access", type = bool, member = open_access, get, set, mutable_ready, nick = "Open access",
        blurb = "Let everyone watch who can reach the page, without a token. Only for the server in this process")]
    #[property(name = "print-link", type = bool, member = print_link, get, set, mutable_ready, default_value = true,
        nick = "Print links",
        blurb = "Print the links to the page of this process to standard error, with the token that lets whoever has it \
                 watch. The message porthole/server on the bus carries them (url, links) in either case")]
    #[property(name = "allowed-hosts", type = Option<String>, member = allowed_hosts, get, set, nullable, mutable_ready,
        nick = "Allowed hosts",
        blurb = "Names, separated by commas, under which viewers reach the page of this process besides its addresses and the \
                 machine's own name, for example look.example.org")]
    #[property(name = "max-viewers", type = u32, member = max_viewers, get, set = Self::set_max_viewers, mutable_playing,
        minimum = 1, maximum = settings::MOST_VIEWERS, default_value = settings::MAX_VIEWERS, nick = "Most viewers",
        blurb = "Number of viewers at the same time, 1 to 64; the next one is told that the camera is full")]
    #[property(name = "stun-server", type = Option<String>, member = stun_server, get, set, nullable, mutable_ready,
        nick = "STUN server",
        blurb = "STUN server for viewers outside this network, as stun://HOST:PORT; none if not set")]
    #[property(name = "whep", type = bool, member = whep, get, set, mutable_ready, nick = "WHEP",
        blurb = "Let players that speak WHEP (Home Assistant, Frigate, go2rtc, ...) watch at /whep/CAMERA of the server in this \
                 process, with the token of the link; see docs/whep.md")]
    #[property(name = "orphan-timeout", type = u32, member = orphan_timeout, get, set, mutable_ready, minimum = 1,
        maximum = settings::LONGEST_ORPHAN_TIMEOUT, default_value = settings::ORPHAN_TIMEOUT, nick = "Orphan timeout",
        blurb = "Seconds, 1 to 86400, that running sessions go on while the signaling server is out of reach")]
    #[property(name = "codec", type = Option<String>, get = |sink: &Self| Some(sink.settings.now().codec.clone()),
        set = Self::set_codec, nullable, mutable_ready, default_value = Some(settings::AUTO), nick = "Codec",
        blurb = "Codecs that raw video is encoded with: auto, or one or more of h264, vp8, vp9, av1, h265 separated by \
                 commas, the best first. auto is h264,vp8: H.264, and VP8 for viewers without it. Only what somebody \
                 watches is encoded")]
    #[property(name = "video-caps", type = Option<gst::Caps>, member = video_caps, get, set, nullable, mutable_ready,
        nick = "Video codecs", blurb = "The same as codec, in the form that webrtcsink has it; overrules codec if set")]
    #[property(name = "renditions", type = Option<String>, get = |sink: &Self| Some(sink.settings.now().renditions.clone()),
        set = Self::set_renditions, nullable, mutable_ready, default_value = Some(settings::AUTO), nick = "Renditions",
        blurb = "Sizes of the picture, each encoded once for all who watch it and only while somebody does: auto (full, half \
                 and quarter of what comes in), or WIDTHxHEIGHT@BITRATE separated by commas, the best first, as in \
                 1280x720@2000k,640x360@600k; pads where each comes in encoded on a pad of its own (sink, video_1, ...)")]
    #[property(name = "bitrate", type = u32, member = bitrate, get, set = Self::set_bitrate, mutable_playing,
        default_value = 0, nick = "Bitrate",
        blurb = "Most bits each second of the best rendition with renditions=auto; 0 for what fits its size, 2000000 at 1280x720")]
    #[property(name = "min-bitrate", type = u32, member = min_bitrate, get, set = Self::set_min_bitrate, mutable_playing,
        minimum = 10_000, default_value = settings::MIN_BITRATE, nick = "Least bitrate",
        blurb = "Bits each second below which no encoder goes, however slow the network")]
    #[property(name = "max-bitrate", type = u32, member = max_bitrate, get, set = Self::set_max_bitrate, mutable_playing,
        minimum = 10_000, default_value = settings::MAX_BITRATE, nick = "Most bitrate",
        blurb = "Bits each second above which no encoder goes, however fast the network")]
    #[property(name = "keyframe-interval", type = u32, member = keyframe_interval, get, set, mutable_ready,
        maximum = settings::LONGEST_KEYFRAME_INTERVAL, default_value = 0, nick = "Key frame interval",
        blurb = "Seconds between key frames, 0 to 60; 0 for none but those that a viewer needs")]
    #[property(name = "gateway", type = Option<String>, member = gateway, get, set, nullable, mutable_ready, nick = "Gateway",
        blurb = "ADDRESS:PORT or unix:PATH where programs on the robot connect as to a WebSocket server, to send to viewers and \
                 to be driven, for example 127.0.0.1:8765; see docs/gateway.md. Other machines need gateway-token-file")]
    #[property(name = "gateway-token-file", type = Option<String>, member = gateway_token_file, get, set, nullable, mutable_ready,
        nick = "Gateway token file", blurb = "File whose first line is the token that programs have to show to the gateway")]
    #[property(name = "control-timeout", type = u32, member = control_timeout, get, set, mutable_ready,
        minimum = settings::SHORTEST_CONTROL_TIMEOUT, maximum = settings::LONGEST_CONTROL_TIMEOUT,
        default_value = settings::CONTROL_TIMEOUT, nick = "Control timeout",
        blurb = "Milliseconds, 100 to 10000, without a sign of life of the driver after which the robot is released")]
    #[property(name = "talk", type = Option<String>, get = |sink: &Self| Some(sink.settings.now().talk.clone()),
        set = Self::set_talk, nullable, mutable_ready, default_value = Some(Mode::ONE), nick = "Talk",
        blurb = "Who is heard at the pad talk: one (who speaks first, and the next when that one has stopped or been \
                 heard for 30 s while others waited) or mix (all)")]
    #[property(name = "talk-ducks", type = bool, member = talk_ducks, get, set, mutable_playing, nick = "Talk ducks",
        blurb = "Turn the raw sound of the pad audio down by 20 dB while a viewer is heard at the pad talk, and 300 ms longer, so \
                 that viewers do not hear themselves from the loudspeaker")]
    #[property(name = "ring-tones", type = bool, member = ring_tones, get, set, mutable_playing, default_value = true,
        nick = "Ring tones",
        blurb = "Let whoever has rung hear at the pad talk that it rings, that somebody comes, and that nobody does. Silent where \
                 nobody rings")]
    #[property(name = "ring-sound", type = Option<String>, member = ring_sound, get, set, nullable, mutable_ready, nick = "Ring sound",
        blurb = "What whoever has rung hears while it rings, in place of the built-in tone: a file in a format that GStreamer \
                 decodes, of up to 20 s, or words that espeak-ng speaks, as in say:Please wait")]
    #[property(name = "coming-sound", type = Option<String>, member = coming_sound, get, set, nullable, mutable_ready, nick = "Coming sound",
        blurb = "The same when somebody has answered, as in say:Somebody is coming")]
    #[property(name = "nobody-sound", type = Option<String>, member = nobody_sound, get, set, nullable, mutable_ready, nick = "Nobody sound",
        blurb = "The same when nobody answers, as in say:Nobody is at home")]
    #[property(name = "words-voice", type = Option<String>, member = words_voice, get, set, nullable, mutable_ready, nick = "Voice of words",
        blurb = "The voice of espeak-ng that speaks words, as espeak-ng --voices lists them, for example de; if not set, its own choice")]
    #[property(name = "whip", type = Option<String>, member = whip, get, set, nullable, mutable_ready, nick = "WHIP endpoint",
        blurb = "Address (https://...) of an SFU's WHIP endpoint that is sent the picture and the sound as well, for viewers beyond \
                 what this machine's uplink carries. Who looks there is the SFU's affair; see docs/whip.md")]
    #[property(name = "whip-token-file", type = Option<String>, member = whip_token_file, get, set, nullable, mutable_ready,
        nick = "WHIP token file", blurb = "File whose first line is the bearer token that the SFU wants")]
    #[property(name = "viewers", type = u32, get = Self::viewers, nick = "Viewers",
        blurb = "Number of viewers admitted now")]
    settings: Snapshot<Settings>,
    state: Mutex<Option<State>>,
    about: Mutex<About>,
    pub(super) video: OnceLock<gst::GhostPad>,
    pub(super) audio: Mutex<Option<gst::GhostPad>>,
    /// Further renditions that come in encoded.
    pub(super) renditions: Mutex<Vec<gst::GhostPad>>,
    /// Lives as long as the element, and so does a link.
    token: Token,
    pub(super) inputs: Arc<Inputs>,
    pub(super) talk: Talk,
    pub(super) talk_way: Mutex<Option<talk::Way>>,
    pub(super) photographer: Photographer,
    has_warned_of_offer: AtomicBool,
    watched: heap::Watched,
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
        let gateway = self.gateway(&settings, &run, (&bell, clock), &runtime)?;
        runtime.spawn(doorbell::attend(doorbell::Attendant {
            sink: self.obj().downgrade(),
            key,
            calls: bell.calls.clone(),
            events: bell_events,
            hub: gateway.as_ref().map(|gateway| gateway.handle().clone()),
        }));
        let ladder = self.ladder(&settings)?;
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
            on_viewers,
            move |signaller, id| session::measure(signaller, &measured, id),
            on_event,
        )
    }

    /// Lets programs and viewers meet, if anything asks for it.
    fn gateway(
        &self,
        settings: &Settings,
        run: &Run,
        (bell, clock): (&Bell, Stopwatch),
        runtime: &tokio::runtime::Handle,
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
        data::show_talk(&self.talk, gateway.handle().clone(), runtime);
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
        let (for_news, for_setup) = (self.obj().downgrade(), self.obj().downgrade());
        let inputs = Arc::downgrade(&self.inputs);
        let hooks = Hooks {
            news: Box::new(move |news| {
                if let Some(sink) = for_news.upgrade() {
                    sink.imp().hear(news);
                }
            }),
            encoder_setup: Arc::new(move |codec, rung, encoder| {
                if let Some(sink) = for_setup.upgrade() {
                    let rung = u32::try_from(rung).unwrap_or(u32::MAX);
                    sink.emit_by_name::<()>("encoder-setup", &[&codec.name(), &rung, encoder]);
                }
            }),
            want_key: Box::new(move |rung| {
                if let Some(inputs) = inputs.upgrade() {
                    inputs.want_key(&pads::video_name(rung));
                }
            }),
        };
        let feeds = (0..MAX_RENDITIONS).map(|_| Feed::default()).collect();
        let ladder = Ladder::start(config, feeds, hooks).map_err(|error| {
            gst::error_msg!(
                gst::ResourceError::NoSpaceLeft,
                ("cannot start threads: {error}")
            )
        })?;
        Ok(Arc::new(ladder))
    }

    /// What the ladder has to say; on its thread.
    fn hear(&self, news: News) {
        match news {
            News::Ready(codecs) => self.inputs.offer(Offered::new(codecs)),
            News::Moved {
                session,
                rung,
                rendition,
            } => self.post(report::rung(&session, rung, rendition)),
            News::Encoder {
                factory,
                failure,
                next: Some(next),
            } => gst::element_imp_warning!(
                self,
                gst::LibraryError::Encode,
                ("encoder {factory}: {failure}; {next} goes on in its place")
            ),
            News::Encoder {
                factory, failure, ..
            } => gst::element_imp_error!(
                self,
                gst::LibraryError::Encode,
                ("encoder {factory}: {failure}; there is no other for this codec, choose one with codec")
            ),
            News::NoEncoder(why) => gst::element_imp_error!(
                self,
                gst::StreamError::CodecNotFound,
                (
                    "codec={}: {why}; install its encoder, or choose another codec",
                    self.settings.now().codec
                )
            ),
        }
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
        session::filter(&webrtcsink, sessions, &self.inputs);
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
        state.run.finish(LAST_NEWS);
    }

    pub(super) fn current_run(&self) -> Option<Arc<Run>> {
        lock(&self.state).as_ref().map(|state| state.run.clone())
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        self.settings.now()
    }

    /// The bell of this run, and the time by which it goes.
    pub(super) fn bell(&self) -> Option<(Bell, Instant)> {
        let state = lock(&self.state);
        let state = state.as_ref();
        state.map(|state| (state.bell.clone(), state.clock.now()))
    }

    pub(super) fn sessions(&self) -> Option<Sessions> {
        lock(&self.state)
            .as_ref()
            .map(|state| state.sessions.clone())
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

    /// Tells the application, from a thread on which it may take its time.
    fn observe(&self, event: &Event) {
        match event {
            Event::Online => self.server_changed("online", None),
            Event::Offline { error } => self.server_changed("offline", Some(error)),
            Event::Left {
                session,
                user,
                reason: Code::OfferRefused,
                detail,
                ..
            } => {
                self.offer_refused(session, user, detail);
                self.obj().notify("viewers");
            }
            Event::Joined { .. } | Event::Left { .. } => self.obj().notify("viewers"),
            Event::Refused { session, refusal } => {
                gst::warning!(CAT, imp = self, "refused session {session}: {refusal}");
            }
            Event::Publication(state) => self.publication_changed(state),
            Event::Bell(event) => self.bell_rang(event),
            Event::Renewed { .. } | Event::Driver { .. } | Event::Door(_) => (),
        }
        let camera = lock(&self.about).camera_name.clone();
        let Some(message) = report::message(event, &camera) else {
            return;
        };
        if let Some((name, arguments)) = report::signal(&message) {
            self.obj().emit_by_name_with_values(name, &arguments);
        }
        self.post(message);
    }

    /// Said aloud once in a run: what one browser refuses, all of its kind do, and anyone can say so as often as they like.
    fn offer_refused(&self, session: &str, user: &str, detail: &str) {
        let words = format!(
            "the browser of {user} (session {session}) did not take the offer: {detail}; this is {}, and GStreamer {}",
            env!("CARGO_PKG_VERSION"),
            gst::version_string()
        );
        if self.has_warned_of_offer.swap(true, Relaxed) {
            gst::warning!(CAT, imp = self, "{words}");
        } else {
            gst::element_imp_warning!(self, gst::StreamError::Failed, ("{words}"));
        }
    }

    fn publication_changed(&self, publication: &PublicationState) {
        let PublicationState { state, url, detail } = publication;
        if !detail.is_empty() {
            // The pipeline goes on, for those who look without the SFU.
            gst::element_imp_warning!(
                self,
                gst::ResourceError::OpenWrite,
                ("whip={url}: {detail}")
            );
        }
        gst::info!(CAT, imp = self, "whip={url}: {state}");
    }

    fn server_changed(&self, server: &'static str, error: Option<&str>) {
        let (url, before) = {
            let mut about = lock(&self.about);
            let before = std::mem::replace(&mut about.server, server);
            (about.url.clone(), before)
        };
        if report::is_back(before, server) {
            // After the warnings, so that who has read those knows that they are over.
            gst::element_imp_info!(
                self,
                gst::ResourceError::OpenReadWrite,
                ("{url}: back online")
            );
        }
        if let Some(error) = error {
            // Not an error: a camera may start before its server, and goes on trying.
            gst::element_imp_warning!(self, gst::ResourceError::OpenReadWrite, ("{url}: {error}"));
        }
        self.post(report::server(server, &url, error.unwrap_or_default()));
    }

    fn current_demand(&self) -> gst::Event {
        self.demand_of(self.viewer_count(), self.is_called())
    }

    fn demand_of(&self, viewers: usize, is_called: bool) -> gst::Event {
        let camera = lock(&self.about).camera_name.clone();
        let viewers = u32::try_from(viewers).unwrap_or(u32::MAX);
        Demand {
            viewers,
            // Who answers a call is to see who rang, and not a camera that starts.
            active: viewers > 0 || is_called,
            camera: Some(camera),
            sink: Some(self.obj().path_string().into()),
        }
        .event()
    }

    pub(super) fn demand(&self, viewers: usize, is_called: bool) {
        self.inputs.has_viewers.store(viewers > 0, Relaxed);
        self.watched.set(viewers > 0);
        self.inputs.demand_changed();
        let event = self.demand_of(viewers, is_called);
        let audio = lock(&self.audio).clone();
        let further = lock(&self.renditions).clone();
        let video = self.video.get().into_iter().chain(&further);
        for pad in video.chain(audio.as_ref()) {
            // Where nothing upstream knows the event, it is refused, and that is fine.
            let _ = pad.push_event(event.clone());
        }
    }

    pub(super) fn ghost(&self, name: &str) -> Option<gst::GhostPad> {
        let template = self.obj().pad_template(name)?;
        Some(self.inputs.ghost(&template, name))
    }

    /// The video pad with this number.
    pub(super) fn video_pad(&self, number: usize) -> Option<gst::GhostPad> {
        let name = pads::video_name(number);
        let template = self.obj().pad_template(match number {
            0 => pads::VIDEO,
            _ => pads::RENDITION,
        })?;
        let obj = self.obj();
        self.inputs
            .video(&template, (&name, number), obj.upcast_ref())
    }

    fn set_codec(&self, codec: Option<String>) {
        let codec = codec.unwrap_or_else(|| settings::AUTO.into());
        self.settings.change(|settings| settings.codec = codec);
    }

    fn set_renditions(&self, renditions: Option<String>) {
        let renditions = renditions.unwrap_or_else(|| settings::AUTO.into());
        self.settings
            .change(|settings| settings.renditions = renditions);
    }

    fn set_talk(&self, talk: Option<String>) {
        let talk = talk.unwrap_or_else(|| Mode::ONE.into());
        self.settings.change(|settings| settings.talk = talk);
    }

    fn set_bitrate(&self, bitrate: u32) {
        self.settings.change(|settings| settings.bitrate = bitrate);
        self.tell_bitrates();
    }

    fn set_min_bitrate(&self, bitrate: u32) {
        self.settings
            .change(|settings| settings.min_bitrate = bitrate);
        self.tell_bitrates();
    }

    fn set_max_bitrate(&self, bitrate: u32) {
        self.settings
            .change(|settings| settings.max_bitrate = bitrate);
        self.tell_bitrates();
    }

    fn tell_bitrates(&self) {
        let settings = self.settings.now();
        if let Some(ladder) = self.inputs.ladder.get() {
            let (min, max) = (settings.min_bitrate, settings.max_bitrate);
            ladder.set_bitrates(settings.bitrate(), min.min(max), max);
        }
    }

    fn set_listen(&self, listen: Option<String>) {
        let listen = listen.unwrap_or_else(|| settings::LISTEN.into());
        self.settings.change(|settings| settings.listen = listen);
    }

    fn set_max_viewers(&self, max: u32) {
        self.settings.change(|settings| settings.max_viewers = max);
        if let Some(run) = self.current_run() {
            run.signaller
                .set_max_viewers(self.settings.now().max_viewers());
        }
    }

    fn viewers(&self) -> u32 {
        u32::try_from(self.viewer_count()).unwrap_or(u32::MAX)
    }

    pub(super) fn viewer_count(&self) -> usize {
        self.sessions()
            .map_or(0, |sessions| lock(&sessions).viewers())
    }

    pub(super) fn post(&self, structure: gst::Structure) {
        let message = gst::message::Element::builder(structure)
            .src(&*self.obj())
            .build();
        let _ = self.obj().post_message(message);
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
        let (mut all, origins) = {
            let gate = lock(&sessions);
            let all = stats::structure(Some(&gate), server, &url, clock.now());
            (all, stats::origins(&gate))
        };
        let webrtc = webrtcsink.property::<gst::Structure>("stats");
        stats::add_sent(&mut all, &webrtc, &origins);
        all
    }
}

fn no_threads(error: std::io::Error) -> gst::ErrorMessage {
    gst::error_msg!(
        gst::ResourceError::NoSpaceLeft,
        ("cannot start threads: {error}")
    )
}

#[glib::object_subclass]
impl ObjectSubclass for PortholeSink {
    const NAME: &'static str = "GstPortholeSink";
    type Type = super::PortholeSink;
    type ParentType = gst::Bin;
}

impl ObjectImpl for PortholeSink {
    fn properties() -> &'static [glib::ParamSpec] {
        // The derive knows no gst::Structure.
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let stats = glib::ParamSpecBoxed::builder::<gst::Structure>(STATS)
                .nick("Statistics")
                .blurb("Viewers, refusals, the state of the server, and for each session its user, permissions, seconds watched and left, what is sent to it, what its viewer says it has seen of that, and webrtcsink's statistics")
                .read_only()
                .build();
            let derived = PortholeSink::derived_properties();
            derived.iter().cloned().chain([stats]).collect()
        });
        &PROPERTIES
    }

    fn set_property(&self, id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.derived_set_property(id, value, pspec);
    }

    fn property(&self, id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            STATS => self.stats().to_value(),
            _ => self.derived_property(id, pspec),
        }
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            let actions = doorbell::actions();
            report::signals().into_iter().chain(actions).collect()
        });
        &SIGNALS
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        obj.set_suppressed_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
        obj.set_element_flags(gst::ElementFlags::SINK);
        let sink = obj.downgrade();
        self.inputs
            .set_demand(move || Some(sink.upgrade()?.imp().current_demand()));
        match self.video_pad(0) {
            Some(pad) if obj.add_pad(&pad).is_ok() => {
                let _ = self.video.set(pad);
            }
            // READY is refused then.
            _ => gst::error!(CAT, imp = self, "made without its pad {}", pads::VIDEO),
        }
    }
}

impl GstObjectImpl for PortholeSink {}
