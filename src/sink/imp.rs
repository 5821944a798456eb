// SPDX-License-Identifier: MPL-2.0
//! `portholesink`: GObject glue.
//!
//! Lock order: `state`, `audio`, `talk_branch`, `about`, the gate of `Sessions`, the calls of `Bell`. Each is held to read or write a
//! value and never while anything is pushed, posted, emitted or sent to another element.

use std::{
    sync::{Arc, LazyLock, Mutex, OnceLock, atomic::AtomicBool},
    time::Instant,
};

use gst::{glib, prelude::*, subclass::prelude::*};

use super::{
    CAT, doorbell,
    embedded::Token,
    inputs::{Inputs, pads},
    report,
    run::State,
    session::{Sessions, stats},
    settings::{self, Settings},
    talk,
};
use crate::{
    heap,
    lock::lock,
    properties::Snapshot,
    signaller::{Bell, Run},
    snapshot::Photographer,
    talk::{Mode, Talk},
};

/// The property that is declared by hand.
const STATS: &str = "stats";

/// What is told of the camera; there before the link starts, which tells it.
#[derive(Clone, Default)]
pub(super) struct About {
    pub(super) camera_name: String,
    pub(super) url: String,
    pub(super) server: &'static str,
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
    #[property(name = "upnp", type = bool, member = upnp, get, set, mutable_ready, nick = "UPnP",
        blurb = "Ask the router for ports by UPnP, so that viewers outside this network may need no TURN server. If not set, nothing \
                 is asked of any router")]
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
        blurb = "Sizes of the picture, each encoded once for all who watch it and only while somebody does: auto (what \
                 comes in, its half, and so on down to about 200 kbit/s), or WIDTHxHEIGHT@BITRATE separated by commas, the best first, as in \
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
    #[property(name = "start-bitrate", type = u32, member = start_bitrate, get, set = Self::set_start_bitrate, mutable_playing,
        minimum = settings::LEAST_START_BITRATE, maximum = settings::MOST_START_BITRATE, default_value = settings::START_BITRATE,
        nick = "Start bitrate",
        blurb = "Bits each second, 30000 to 50000000, that a new viewer's network is thought to carry until it has shown what it \
                 does; less where the networks of all who watch, or did until a minute ago, carry less")]
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
    pub(super) settings: Snapshot<Settings>,
    pub(super) state: Mutex<Option<State>>,
    pub(super) about: Mutex<About>,
    pub(super) video: OnceLock<gst::GhostPad>,
    pub(super) audio: Mutex<Option<gst::GhostPad>>,
    /// Further renditions that come in encoded.
    pub(super) renditions: Mutex<Vec<gst::GhostPad>>,
    /// Lives as long as the element, and so does a link.
    pub(super) token: Token,
    pub(super) inputs: Arc<Inputs>,
    pub(super) talk: Talk,
    pub(super) talk_branch: Mutex<Option<talk::TalkBranch>>,
    pub(super) photographer: Photographer,
    pub(super) has_warned_of_offer: AtomicBool,
    /// Nobody watches from here on, whatever is still told of those who did.
    pub(super) is_closing: AtomicBool,
    pub(super) watched: heap::Watched,
}

impl PortholeSink {
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

    fn set_start_bitrate(&self, bitrate: u32) {
        self.settings
            .change(|settings| settings.start_bitrate = bitrate);
        self.tell_bitrates();
    }

    fn tell_bitrates(&self) {
        let settings = self.settings.now();
        if let Some(ladder) = self.inputs.ladder.get() {
            ladder.set_bitrates(settings.bitrates());
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
