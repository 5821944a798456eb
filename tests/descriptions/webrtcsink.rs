// SPDX-License-Identifier: MPL-2.0
//! A real webrtcsink with a picture and sound, fed by a signaller that is this test.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use gstrswebrtc::{
    signaller::{Signallable, SignallableImpl},
    webrtcsink::BaseWebRTCSink,
};

use crate::untrusted::Kind;

/// Longest wait for webrtcsink to do anything.
const PATIENCE: Duration = Duration::from_secs(15);
/// webrtcsink puts its streams into an order of its own each time; the recordings have the picture first.
const TRIES: usize = 40;

pub(crate) enum Event {
    /// webrtcsink sends a description.
    Described(String, Kind, String),
    /// It has taken the answer apart, and builds the session of it.
    SetUp(String),
    /// It gave the session up.
    Ended(String),
}

mod imp {
    use super::*;

    #[derive(Default)]
    pub(crate) struct TestSignaller {
        pub(super) events: Mutex<Option<Sender<Event>>>,
    }

    impl TestSignaller {
        fn tell(&self, event: Event) {
            if let Some(events) = &*self.events.lock().unwrap() {
                let _ = events.send(event);
            }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for TestSignaller {
        const NAME: &'static str = "PortholeTestSignaller";
        type Type = super::TestSignaller;
        type Interfaces = (Signallable,);
    }

    impl ObjectImpl for TestSignaller {
        fn properties() -> &'static [glib::ParamSpec] {
            static PROPERTIES: std::sync::LazyLock<Vec<glib::ParamSpec>> =
                std::sync::LazyLock::new(|| {
                    vec![glib::ParamSpecOverride::for_interface::<Signallable>(
                        "manual-sdp-munging",
                    )]
                });
            &PROPERTIES
        }

        fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
            false.to_value()
        }
    }

    impl SignallableImpl for TestSignaller {
        fn start(&self) {
            // The first word that webrtcsink is ready for sessions.
            self.tell(Event::SetUp(String::new()));
        }

        fn stop(&self) {}

        fn send_sdp(&self, session: &str, description: &WebRTCSessionDescription) {
            let kind = match description.type_() {
                WebRTCSDPType::Offer => Kind::Offer,
                _ => Kind::Answer,
            };
            let text = description.sdp().as_text().unwrap();
            self.tell(Event::Described(session.to_owned(), kind, text));
        }

        fn add_ice(&self, _session: &str, _candidate: &str, _m_line: u32, _mid: Option<String>) {}

        fn end_session(&self, session: &str) {
            self.tell(Event::Ended(session.to_owned()));
        }
    }
}

glib::wrapper! {
    pub(crate) struct TestSignaller(ObjectSubclass<imp::TestSignaller>) @implements Signallable;
}

pub(crate) struct Fed {
    pipeline: gst::Pipeline,
    signaller: TestSignaller,
    events: Receiver<Event>,
    running: RefCell<HashSet<String>>,
    count: Cell<usize>,
}

impl Fed {
    /// A camera whose offers are `as_wanted`.
    pub(crate) fn offering(codec: &str, as_wanted: impl Fn(&str) -> bool) -> Self {
        gst::init().unwrap();
        gstrsrtp::plugin_register_static().unwrap();
        for _ in 0..TRIES {
            let fed = Self::new(codec);
            fed.start(None);
            let offer = loop {
                match fed.event() {
                    Event::Described(session, Kind::Offer, offer) => {
                        fed.end(&session);
                        break offer;
                    }
                    Event::Ended(session) => panic!("{session} ended"),
                    _ => (),
                }
            };
            if as_wanted(&offer) {
                return fed;
            }
            fed.stop();
        }
        panic!("no camera makes offers as in the recordings");
    }

    fn new(codec: &str) -> Self {
        let (sender, events) = channel();
        let signaller: TestSignaller = glib::Object::new();
        *signaller.imp().events.lock().unwrap() = Some(sender.clone());
        let sink = BaseWebRTCSink::with_signaller(signaller.clone().upcast());
        sink.set_property("stun-server", None::<&str>);
        let codec = format!("video/x-{codec}").parse::<gst::Caps>().unwrap();
        sink.set_property("video-caps", codec);
        sink.connect("payloader-setup", false, move |args| {
            let session = args[1].get::<String>().unwrap();
            let _ = sender.send(Event::SetUp(session));
            Some(false.to_value())
        });
        let pipeline = gst::parse::launch(
            "videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=2/1 ! queue name=picture \
             audiotestsrc is-live=true ! queue name=sound",
        )
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
        pipeline.add(&sink).unwrap();
        for (from, to) in [("picture", "video_0"), ("sound", "audio_0")] {
            let queue = pipeline.by_name(from).unwrap();
            queue.link_pads(Some("src"), &sink, Some(to)).unwrap();
        }
        pipeline.set_state(gst::State::Playing).unwrap();
        let fed = Self {
            pipeline,
            signaller,
            events,
            running: RefCell::default(),
            count: Cell::new(0),
        };
        while !matches!(fed.events.recv_timeout(PATIENCE).unwrap(), Event::SetUp(id) if id.is_empty())
        {
        }
        fed
    }

    /// A session starts, with the viewer's offer if it makes one.
    pub(crate) fn start(&self, offer: Option<&str>) {
        let session = format!("session-{}", self.count.get());
        self.count.set(self.count.get() + 1);
        self.running.borrow_mut().insert(session.clone());
        let offer = offer.map(|text| description(WebRTCSDPType::Offer, text));
        self.signaller
            .emit_by_name::<()>("session-requested", &[&session, &session, &offer]);
    }

    /// The next event of a session that runs.
    pub(crate) fn event(&self) -> Event {
        loop {
            let Ok(event) = self.events.recv_timeout(PATIENCE) else {
                println!("webrtcsink has locked itself");
                std::process::exit(crate::LOCKED);
            };
            let (Event::Described(session, ..) | Event::SetUp(session) | Event::Ended(session)) =
                &event;
            if self.running.borrow().contains(session) {
                return event;
            }
        }
    }

    pub(crate) fn answer(&self, session: &str, text: &str) {
        let answer = description(WebRTCSDPType::Answer, text);
        self.signaller
            .emit_by_name::<()>("session-description", &[&session, &answer]);
    }

    pub(crate) fn candidate(&self, session: &str, m_line: u32, text: &str) {
        let mid: Option<String> = None;
        self.signaller
            .emit_by_name::<()>("handle-ice", &[&session, &m_line, &mid, &text]);
    }

    /// Ends a session; false if it has ended before.
    pub(crate) fn end(&self, session: &str) -> bool {
        let ran = self.running.borrow_mut().remove(session);
        if ran {
            self.signaller
                .emit_by_name::<bool>("session-ended", &[&session]);
        }
        ran
    }

    /// Returns when webrtcsink has done with all sessions.
    pub(crate) fn stop(&self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn description(kind: WebRTCSDPType, text: &str) -> WebRTCSessionDescription {
    let sdp = gst_sdp::SDPMessage::parse_buffer(text.as_bytes()).unwrap();
    WebRTCSessionDescription::new(kind, sdp)
}
