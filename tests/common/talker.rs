// SPDX-License-Identifier: MPL-2.0
//! Viewers who speak, several at one camera, and an ear at the robot.

use std::{
    collections::BTreeMap,
    f64::consts::TAU,
    sync::{
        Arc, Mutex,
        mpsc::{Sender, TryRecvError, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use gst::prelude::*;
use porthole_protocol::{grant::Permission, wire::IncomingMessage};

use super::{
    PATIENCE, Scene,
    server::{Connection, FakeServer},
    step,
    viewer::{Viewer, hear},
};

/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(2);
/// Frames of the pad `talk` each second, and samples in one.
const FRAMES: f64 = 100.0;
const SAMPLES: usize = 480;

/// The element that answers for a session, and its voice.
type Party = (gst::Element, Option<gst::Element>);
type Call = Box<dyn FnOnce(&mut Connection, &mut BTreeMap<String, Party>) + Send>;

/// A camera's connection that several viewers share.
pub struct Exchange {
    calls: Option<Sender<Call>>,
    thread: Option<JoinHandle<()>>,
}

impl Exchange {
    pub fn new(mut connection: Connection) -> Self {
        let (calls, called) = channel::<Call>();
        let thread = thread::spawn(move || {
            let mut parties = BTreeMap::new();
            loop {
                match called.try_recv() {
                    Ok(call) => call(&mut connection, &mut parties),
                    Err(TryRecvError::Empty) => (),
                    Err(TryRecvError::Disconnected) => return,
                }
                let Some(received) = connection.receive_within(LOOK) else {
                    continue;
                };
                let IncomingMessage::Peer(peer) = &received.message else {
                    continue;
                };
                let session = peer.session_id.clone();
                if let Some((webrtcbin, voice)) = parties.get(&session) {
                    let voice = voice.as_ref();
                    hear(
                        webrtcbin,
                        voice,
                        &mut connection,
                        &session,
                        received.message,
                    );
                }
            }
        });
        Self {
            calls: Some(calls),
            thread: Some(thread),
        }
    }

    /// Does something with the connection.
    pub fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &mut BTreeMap<String, Party>) -> T + Send + 'static,
    ) -> T {
        let (sender, result) = channel();
        let call: Call = Box::new(move |connection, parties| {
            sender.send(work(connection, parties)).unwrap();
        });
        self.calls.as_ref().unwrap().send(call).unwrap();
        result.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.calls.take();
        if let Some(thread) = self.thread.take() {
            // One that failed has said so.
            let _ = thread.join();
        }
    }
}

/// A viewer with a voice.
pub struct Talker {
    pub viewer: Viewer,
    pub voice: gst::Element,
}

/// A voice that says a tone of so many hertz, half as loud as can be.
pub fn tone(hertz: u32) -> String {
    format!(
        "audiotestsrc is-live=true freq={hertz} volume=0.5 samplesperbuffer=480 \
         ! audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=20 inband-fec=true \
         ! valve name=button ! rtpopuspay name=pay"
    )
}

impl Talker {
    /// Takes part in `session` on these terms, until video comes. `voice` is as [`tone`] makes it.
    #[track_caller]
    pub fn join(
        server: &FakeServer,
        exchange: &Exchange,
        (session, user): (&str, &str),
        (permissions, lease): (&[Permission], u32),
        voice: &str,
    ) -> Self {
        let viewer = Viewer::new();
        let voice = gst::parse::bin_from_description(voice, true).unwrap();
        let voice: gst::Element = voice.upcast();
        let party = (viewer.webrtcbin.clone(), Some(voice.clone()));
        let nonce = exchange.call(|connection, _| connection.nonce.clone());
        let grant = server.signed(&nonce, session, |grant| {
            user.clone_into(&mut grant.sub);
            grant.perms = permissions.to_vec();
            grant.lease = lease;
        });
        let session = session.to_owned();
        exchange.call(move |connection, parties| {
            parties.insert(session.clone(), party);
            connection.start_session(&session, Some(grant));
        });
        viewer.wait_for("video", 1);
        Self { viewer, voice }
    }

    /// Presses the button to speak, or lets go of it.
    pub fn press(&self, is_pressed: bool) {
        let bin = self.voice.downcast_ref::<gst::Bin>().unwrap();
        let button = bin.by_name("button").unwrap();
        button.set_property("drop", !is_pressed);
    }

    pub fn payloader(&self) -> gst::Element {
        let bin = self.voice.downcast_ref::<gst::Bin>().unwrap();
        bin.by_name("pay").unwrap()
    }
}

/// 10 ms of what the robot says.
#[derive(Clone, Debug)]
pub struct Heard {
    pub pts: gst::ClockTime,
    /// Running time of the pipeline when it came.
    pub at: gst::ClockTime,
    /// Whether it says of itself that something was left out before it.
    is_jump: bool,
    samples: Vec<i16>,
}

impl Heard {
    /// Amplitude of a tone of a multiple of 100 Hz, in parts of full scale.
    pub fn tone(&self, hertz: u32) -> f64 {
        let step = TAU * f64::from(hertz) / FRAMES / SAMPLES as f64;
        let (mut sin, mut cos) = (0.0, 0.0);
        for (i, sample) in self.samples.iter().enumerate() {
            let angle = step * i as f64;
            sin += f64::from(*sample) * angle.sin();
            cos += f64::from(*sample) * angle.cos();
        }
        2.0 * sin.hypot(cos) / SAMPLES as f64 / 32_768.0
    }

    pub fn is_silent(&self) -> bool {
        self.samples.iter().all(|sample| *sample == 0)
    }
}

/// What leaves by the pad `talk` of the element `sink`, through an appsink `ear`.
#[derive(Clone)]
pub struct Ear(Arc<Mutex<Vec<Heard>>>);

impl Ear {
    pub fn at(scene: &Scene) -> Self {
        let ear = Self(Arc::default());
        let (own, pipeline) = (ear.clone(), scene.pipeline.downgrade());
        let appsink: gst_app::AppSink = scene.element("ear").downcast().unwrap();
        let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |appsink| {
            let sample = appsink.pull_sample().unwrap();
            let caps = sample.caps().unwrap().to_string();
            assert_eq!(caps.replace(' ', ""), CAPS);
            let buffer = sample.buffer().unwrap();
            assert_eq!(buffer.duration(), Some(gst::ClockTime::from_mseconds(10)));
            let map = buffer.map_readable().unwrap();
            let samples = map.chunks_exact(2);
            let samples: Vec<i16> = samples.map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
            assert_eq!(samples.len(), SAMPLES);
            if let Some(at) = pipeline.upgrade().and_then(|p| p.current_running_time()) {
                let heard = Heard {
                    pts: buffer.pts().unwrap(),
                    at,
                    is_jump: buffer.flags().contains(gst::BufferFlags::DISCONT),
                    samples,
                };
                own.0.lock().unwrap().push(heard);
            }
            Ok(gst::FlowSuccess::Ok)
        });
        appsink.set_callbacks(callbacks.build());
        ear
    }

    pub fn all(&self) -> Vec<Heard> {
        self.0.lock().unwrap().clone()
    }

    /// What has come from now on when `enough` says so of it.
    #[track_caller]
    pub fn listen(&self, what: &str, enough: impl Fn(&[Heard]) -> bool) -> Vec<Heard> {
        step(what);
        let from = self.0.lock().unwrap().len();
        let start = Instant::now();
        loop {
            let heard = self.0.lock().unwrap()[from..].to_vec();
            if enough(&heard) {
                return heard;
            }
            assert!(start.elapsed() < PATIENCE, "{what} was not heard");
            thread::park_timeout(LOOK);
        }
    }

    /// Waits for so many frames.
    #[track_caller]
    pub fn frames(&self, count: usize) -> Vec<Heard> {
        self.listen("anything", |heard| heard.len() >= count)
    }

    /// Waits until a tone has been heard for 100 ms without a gap.
    #[track_caller]
    pub fn wait_for_tone(&self, hertz: u32) {
        self.listen(&format!("{hertz} Hz"), |heard| {
            heard
                .windows(10)
                .any(|frames| frames.iter().all(|frame| frame.tone(hertz) > 0.3))
        });
    }

    /// Waits until for 200 ms nothing has been heard.
    #[track_caller]
    pub fn wait_for_silence(&self) {
        self.listen("silence", |heard| {
            heard.len() > 20 && heard.iter().rev().take(20).all(Heard::is_silent)
        });
    }

    /// Each frame begins where the last one ended, but for what a machine that stood still could not say in time: that is said
    /// of the next frame, is on the grid, and is little.
    #[track_caller]
    pub fn assert_steady(&self) {
        let all = self.all();
        let mut missing = 0;
        for pair in all.windows(2) {
            let step = pair[1].pts.checked_sub(pair[0].pts);
            let step = step.expect("time goes on").mseconds();
            assert_eq!(step % 10, 0, "{} is off the grid", pair[1].pts);
            assert!(step >= 10, "{} comes twice", pair[1].pts);
            assert!(step == 10 || pair[1].is_jump, "{} is a jump", pair[1].pts);
            missing += step / 10 - 1;
        }
        let most = all.len() as u64 / 20;
        assert!(missing <= most, "{missing} frames of {} miss", all.len());
    }
}

/// What the pad `talk` gives, always.
pub const CAPS: &str =
    "audio/x-raw,format=(string)S16LE,layout=(string)interleaved,rate=(int)48000,channels=(int)1";
