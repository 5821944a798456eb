// SPDX-License-Identifier: MPL-2.0
//! A real webrtcsink with a picture and sound, fed by a signaller that is this test.

use std::{
    cell::Cell,
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use gstrswebrtc::{
    signaller::{Signallable, SignallableImpl},
    webrtcsink::BaseWebRTCSink,
};

use crate::{app_sources, untrusted::Kind};

/// Longest wait for webrtcsink to do anything on a loaded machine; where it has locked itself it never does.
const PATIENCE: Duration = Duration::from_secs(60);
/// webrtcsink puts its streams into an order of its own each time; the recordings have the picture first.
const TRIES: usize = 40;

pub(crate) enum Event {
    /// webrtcsink is ready for sessions.
    Ready,
    /// It sends a description.
    Described(String, Kind, String),
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
            self.tell(Event::Ready);
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
    webrtcbins: Arc<Mutex<HashMap<String, glib::WeakRef<gst::Element>>>>,
    count: Cell<usize>,
    /// Sessions that webrtcsink has ended by itself after it had described itself in them.
    given_up: Cell<usize>,
}

impl Fed {
    /// A camera whose offers are `as_wanted`.
    pub(crate) fn offering(codec: &str, as_wanted: impl Fn(&str) -> bool) -> Self {
        gst::init().unwrap();
        gstrsrtp::plugin_register_static().unwrap();
        for _ in 0..TRIES {
            let fed = Self::new(codec);
            let session = fed.start(None);
            let (_, offer) = fed.description(&session).expect("an offer");
            fed.end(&session);
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
        *signaller.imp().events.lock().unwrap() = Some(sender);
        let sink = BaseWebRTCSink::with_signaller(signaller.clone().upcast());
        sink.set_property("stun-server", None::<&str>);
        let codec = format!("video/x-{codec}").parse::<gst::Caps>().unwrap();
        sink.set_property("video-caps", codec);
        sink.connect("request-encoded-filter", false, |args| {
            let session = args[1].get::<Option<String>>().unwrap();
            Some(session.map(|_| keeper()).to_value())
        });
        let webrtcbins: Arc<Mutex<HashMap<_, _>>> = Arc::default();
        let known = webrtcbins.clone();
        signaller.connect("webrtcbin-ready", false, move |args| {
            let session = args[1].get::<String>().unwrap();
            let webrtcbin = args[2].get::<gst::Element>().unwrap();
            // As portholesink does, so that what is wrong here is of what is fed.
            app_sources::work_in_time(&webrtcbin);
            known.lock().unwrap().insert(session, webrtcbin.downgrade());
            None
        });
        let pipeline = gst::parse::launch(
            "videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=2/1 ! queue name=picture \
             audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! queue name=sound",
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
            webrtcbins,
            count: Cell::new(0),
            given_up: Cell::new(0),
        };
        while !matches!(fed.events.recv_timeout(PATIENCE).unwrap(), Event::Ready) {}
        fed
    }

    /// A session starts, with the viewer's offer if it makes one.
    pub(crate) fn start(&self, offer: Option<&str>) -> String {
        let session = format!("session-{}", self.count.get());
        self.count.set(self.count.get() + 1);
        let offer = offer.map(|text| description(WebRTCSDPType::Offer, text));
        self.signaller
            .emit_by_name::<()>("session-requested", &[&session, &session, &offer]);
        session
    }

    /// What webrtcsink says of itself in this session; `None` if it gives the session up.
    pub(crate) fn description(&self, wanted: &str) -> Option<(Kind, String)> {
        loop {
            match self.events.recv_timeout(PATIENCE) {
                Ok(Event::Described(session, kind, text)) if session == wanted => {
                    return Some((kind, text));
                }
                Ok(Event::Ended(session)) if session == wanted => return None,
                Ok(event) => self.note(&event),
                Err(_) => crate::locked(),
            }
        }
    }

    fn note(&self, event: &Event) {
        if matches!(event, Event::Ended(_)) {
            self.given_up.set(self.given_up.get() + 1);
        }
    }

    /// How many sessions webrtcsink has ended by itself after it had described itself in them.
    pub(crate) fn given_up(&self) -> usize {
        self.events.try_iter().for_each(|event| self.note(&event));
        self.given_up.get()
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

    /// Returns when all is done that the session was told.
    pub(crate) fn settle(&self, session: &str) {
        self.afterwards(session, || ());
    }

    /// Ends a session when that is done, as the signaller does; at any other time webrtcsink may lock itself.
    pub(crate) fn end(&self, session: &str) {
        let (signaller, id) = (self.signaller.clone(), session.to_owned());
        self.afterwards(session, move || {
            signaller.emit_by_name::<bool>("session-ended", &[&id]);
        });
        self.webrtcbins.lock().unwrap().remove(session);
    }

    /// Does something on the thread on which the session's webrtcbin and webrtcsink do all that the session is told.
    fn afterwards(&self, session: &str, work: impl FnOnce() + Send + 'static) {
        let webrtcbins = self.webrtcbins.lock().unwrap();
        let webrtcbin = webrtcbins.get(session).and_then(glib::WeakRef::upgrade);
        drop(webrtcbins);
        let Some(webrtcbin) = webrtcbin else {
            return work();
        };
        let (done, is_done) = channel();
        let promise = gst::Promise::with_change_func(move |_| {
            work();
            let _ = done.send(());
        });
        webrtcbin.emit_by_name::<()>("get-stats", &[&None::<gst::Pad>, &promise]);
        drop(webrtcbin);
        let waited = is_done.recv_timeout(PATIENCE);
        assert_ne!(
            waited,
            Err(RecvTimeoutError::Timeout),
            "webrtcsink is locked"
        );
    }

    /// Ends what runs and stops.
    pub(crate) fn stop_after(&self, running: VecDeque<String>) {
        running.iter().for_each(|session| self.end(session));
        self.stop();
    }

    /// Returns when webrtcsink has done with all sessions.
    fn stop(&self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Stands before each payloader as portholesink's own filter does: what goes wrong behind it stays there.
fn keeper() -> gst::Element {
    gst::ElementFactory::make("errorignore")
        .property("ignore-notlinked", true)
        .property_from_str("convert-to", "ok")
        .build()
        .unwrap()
}

fn description(kind: WebRTCSDPType, text: &str) -> WebRTCSessionDescription {
    let sdp = gst_sdp::SDPMessage::parse_buffer(text.as_bytes()).unwrap();
    WebRTCSessionDescription::new(kind, sdp)
}
