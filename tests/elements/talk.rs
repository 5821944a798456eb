// SPDX-License-Identifier: MPL-2.0
//! Talk, from a viewer's encoder to the robot's loudspeaker: a real sender, heard at the pad `talk`.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::common::{
    Scene,
    server::{FakeServer, viewer_left},
    talker::{Ear, Exchange, Heard, Talker, tone},
    viewer::talk_line,
};
use gst::{glib, prelude::*};
use porthole_protocol::grant::Permission::{self, Control, Listen, Talk, View};

/// Multiples of the frames' rate, so that each is told from the other.
const LOW: u32 = 400;
const HIGH: u32 = 1000;
/// Long enough for a test.
const LEASE: u32 = 600;
/// How long sound may go on that is not permitted any more. That what is taken is silent in the very next frame of 10 ms is
/// proven under a clock of its own in src/talk/stage_tests.rs; here is the whole road, on threads.
const LATE: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// So many times it is taken, of which so many may be later than that, on a machine that others use too.
const TAKEN: u32 = 40;
const MOST_LATE: usize = 2;
/// Nothing is ever as late as this.
const NEVER: gst::ClockTime = gst::ClockTime::from_seconds(1);
const MAY: &[Permission] = &[View, Talk];

/// A robot with a camera, and an ear at its loudspeaker.
struct Robot {
    /// Goes first: the camera breaks off its connection.
    exchange: Exchange,
    server: FakeServer,
    scene: Scene,
    ear: Ear,
}

impl Robot {
    fn new(properties: &str) -> Self {
        Self::with(properties, "")
    }

    fn with(properties: &str, more: &str) -> Self {
        let server = FakeServer::start();
        let scene = Scene::new(&format!(
            "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1 \
             ! portholesink name=sink {properties} \
             sink.talk ! appsink name=ear sync=false async=false {more}"
        ));
        let key = server.key().to_string();
        scene.element("sink").set_property("camera-key", key);
        let ear = Ear::at(&scene);
        scene.set(gst::State::Playing);
        let exchange = Exchange::new(server.camera());
        Self {
            server,
            scene,
            exchange,
            ear,
        }
    }

    fn join(&self, session: &str, may: &[Permission], lease: u32, voice: &str) -> Talker {
        let user = format!("user-{session}");
        let who = (session, &*user);
        Talker::join(&self.server, &self.exchange, who, (may, lease), voice)
    }

    /// Gives a session other permissions.
    fn update(&self, session: &str, seq: u32, may: &[Permission]) {
        let nonce = self.exchange.call(|connection, _| connection.nonce.clone());
        let grant = self.server.signed(&nonce, session, |grant| {
            grant.perms = may.to_vec();
            grant.seq = seq;
        });
        let session = session.to_owned();
        self.exchange
            .call(move |connection, _| connection.update(&session, grant));
    }

    fn leave(&self, session: &str) {
        let left = viewer_left(session);
        self.exchange
            .call(move |connection, _| connection.send(&left));
    }

    fn now(&self) -> gst::ClockTime {
        self.scene.pipeline.current_running_time().unwrap()
    }

    /// Waits until it is said that these sessions speak and these wait.
    fn hear_of(&mut self, speaker: &str) -> gst::Structure {
        self.scene.hear("porthole/talk", "session", speaker)
    }
}

/// Running time from `since` on at which the tone was heard last.
fn last(heard: &[Heard], since: gst::ClockTime) -> Option<gst::ClockTime> {
    let loud = heard.iter().filter(|frame| !frame.is_silent());
    loud.map(|frame| frame.at).filter(|at| *at > since).max()
}

/// Sound is made and heard in real time: one scene after the other.
fn in_real_time(scene: impl FnOnce()) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    scene();
}

#[test]
fn what_a_viewer_says_leaves_by_talk_between_silence_and_silence() {
    in_real_time(|| {
        let mut robot = Robot::new("");
        let talker = robot.join("a", MAY, LEASE, &tone(LOW));
        talker.press(false);
        robot.ear.wait_for_silence();
        talker.press(true);
        robot.ear.wait_for_tone(LOW);
        let said = robot.hear_of("a");
        assert_eq!(said.get::<String>("user").unwrap(), "user-a");
        assert_says(&robot.ear.frames(50), LOW, HIGH);
        talker.press(false);
        robot.ear.wait_for_silence();
        assert_eq!(robot.hear_of("").get::<String>("user").unwrap(), "");
        robot.ear.assert_steady();
    });
}

#[test]
fn the_second_waits_until_the_first_stops_and_the_stream_does_not_jump() {
    in_real_time(|| {
        let mut robot = Robot::new("");
        let first = robot.join("a", MAY, LEASE, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
        let _second = robot.join("b", MAY, LEASE, &tone(HIGH));
        robot.hear_of("a");
        let said = robot.hear_of("a");
        let waiting = said.get::<gst::Array>("waiting-users").unwrap();
        let waiting: Vec<String> = waiting.iter().map(|user| user.get().unwrap()).collect();
        assert_eq!(waiting, ["user-b"]);
        assert_says(&robot.ear.frames(50), LOW, HIGH);
        first.press(false);
        robot.ear.wait_for_tone(HIGH);
        robot.hear_of("b");
        robot.ear.assert_steady();
        let both = |frame: &Heard| frame.tone(LOW) > 0.1 && frame.tone(HIGH) > 0.1;
        assert!(!robot.ear.all().iter().any(both), "one at a time");
    });
}

#[test]
fn in_a_mix_both_are_heard() {
    in_real_time(|| {
        let robot = Robot::new("talk=mix");
        let _first = robot.join("a", MAY, LEASE, &tone(LOW));
        let _second = robot.join("b", MAY, LEASE, &tone(HIGH));
        robot.ear.listen("both", |heard| {
            let both = |frame: &&Heard| frame.tone(LOW) > 0.3 && frame.tone(HIGH) > 0.3;
            heard.iter().filter(both).count() > 30
        });
        robot.ear.assert_steady();
    });
}

#[test]
fn without_the_permission_nothing_is_heard_though_the_client_sends() {
    in_real_time(|| {
        let robot = Robot::new("");
        let others = [View, Listen, Control];
        let talker = robot.join("a", &others, LEASE, &tone(LOW));
        let sent = packets_of(&talker);
        let heard = robot
            .ear
            .listen("a second", |heard| heard.len() > 100 && sent() > 50);
        assert!(heard.iter().all(Heard::is_silent));
        // Given later, it takes effect at once.
        robot.update("a", 1, MAY);
        robot.ear.wait_for_tone(LOW);
    });
}

/// All but what a busy machine was late for is this tone, as loud as it was said, and nothing of the other.
#[track_caller]
fn assert_says(heard: &[Heard], tone: u32, other: u32) {
    let whole = |frame: &&Heard| (0.4..0.6).contains(&frame.tone(tone));
    let said: Vec<_> = heard.iter().filter(whole).collect();
    assert!(
        said.len() * 5 >= heard.len() * 4,
        "{} of {} frames say it",
        said.len(),
        heard.len()
    );
    let mixed = said.iter().filter(|frame| frame.tone(other) >= 0.05);
    assert_eq!(mixed.count(), 0, "something else is heard beside it");
    // One that begins or ends within a frame has parts of all tones, but few.
    assert!(heard.iter().all(|frame| frame.tone(other) < 0.3));
}

/// Counts the packets that a talker's client sends.
fn packets_of(talker: &Talker) -> impl Fn() -> u32 + use<> {
    let payloader = talker.payloader();
    move || {
        let stats: gst::Structure = payloader.property("stats");
        let seqnum = |name| stats.get::<u32>(name).unwrap();
        seqnum("seqnum").wrapping_sub(seqnum("seqnum-offset"))
    }
}

#[test]
fn of_many_permissions_that_are_taken_few_are_heard_for_longer_than_100_ms() {
    in_real_time(|| {
        let robot = Robot::new("");
        let _talker = robot.join("a", MAY, LEASE, &tone(LOW));
        let mut cuts = Vec::new();
        for turn in 0..TAKEN {
            robot.update("a", 2 * turn + 1, MAY);
            robot.ear.wait_for_tone(LOW);
            let taken = robot.now();
            robot.update("a", 2 * turn + 2, &[View]);
            robot.ear.wait_for_silence();
            cuts.push(last(&robot.ear.all(), taken).map_or(gst::ClockTime::ZERO, |at| at - taken));
        }
        cuts.sort();
        let late = cuts.iter().filter(|cut| **cut > LATE).count();
        let (median, most) = (cuts[cuts.len() / 2], cuts[cuts.len() - 1]);
        println!("cut after {median}, at most {most}; {late} of {TAKEN} after more than {LATE}");
        assert!(late <= MOST_LATE && most < NEVER, "{cuts:?}");
    });
}

#[test]
fn the_end_of_the_lease_cuts_and_not_before() {
    in_real_time(|| {
        const SECONDS: u32 = 4;
        let robot = Robot::new("");
        let granted = robot.now();
        let _talker = robot.join("a", MAY, SECONDS, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
        robot.ear.wait_for_silence();
        let end = granted + gst::ClockTime::SECOND * u64::from(SECONDS);
        let last = last(&robot.ear.all(), granted).unwrap();
        // The grant is taken a little after it was asked for, and what was on its way by then is heard 80 ms later.
        let late = last.saturating_sub(end);
        println!("the lease cut after {late}");
        assert!(late < NEVER, "{late} late");
        assert!(last + LATE > end, "{last} is early for {end}");
    });
}

#[test]
fn a_session_that_leaves_frees_the_floor() {
    in_real_time(|| {
        let mut robot = Robot::new("");
        let _first = robot.join("a", MAY, LEASE, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
        let _second = robot.join("b", MAY, LEASE, &tone(HIGH));
        robot.hear_of("a");
        robot.leave("a");
        robot.ear.wait_for_tone(HIGH);
        robot.hear_of("b");
    });
}

#[test]
fn the_media_line_stands_in_the_first_offer_whoever_may_talk_and_only_with_the_pad() {
    in_real_time(|| {
        let robot = Robot::with("", "audiotestsrc is-live=true ! sink.audio");
        let offer = |session: &str, may: &'static [Permission]| {
            let nonce = robot
                .exchange
                .call(|connection, _| connection.nonce.clone());
            let grant = robot
                .server
                .signed(&nonce, session, |grant| grant.perms = may.to_vec());
            let session = session.to_owned();
            robot.exchange.call(move |connection, _| {
                connection.start_session(&session, Some(grant));
                connection.offer_of(&session)
            })
        };
        for (session, may) in [("a", &[View][..]), ("b", MAY)] {
            let offer = offer(session, may);
            let (_, payload) = talk_line(&offer).unwrap();
            let wanted = format!("a=rtpmap:{payload} OPUS/48000/2");
            assert!(offer.contains(&wanted), "{offer}");
            assert!(offer.contains("useinbandfec=1"), "{offer}");
            assert!(offer.contains("minptime=10"), "{offer}");
            let numbers = offer
                .lines()
                .filter_map(|line| line.strip_prefix("a=rtpmap:"));
            let with_it = numbers.filter(|line| line.starts_with(&format!("{payload} ")));
            assert_eq!(with_it.count(), 1, "its number is its own: {offer}");
        }
        let sink = robot.scene.element("sink");
        let pad = sink.static_pad("talk").unwrap();
        sink.release_request_pad(&pad);
        assert_eq!(talk_line(&offer("c", MAY)), None);
    });
}

#[test]
fn viewers_can_talk_and_listen_at_once() {
    in_real_time(|| {
        let robot = Robot::with("", "audiotestsrc is-live=true ! sink.audio");
        let talker = robot.join("a", &[View, Listen, Talk], LEASE, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
        talker.viewer.wait_for("audio", 20);
    });
}

#[test]
fn sound_of_the_robot_that_is_added_later_leaves_a_viewer_who_talks_as_it_was() {
    in_real_time(|| {
        let mut robot = Robot::new("");
        let talker = robot.join("a", &[View, Listen, Talk], LEASE, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
        add_sound(&robot.scene);
        robot.scene.warned("hear this sound when they come again");
        // Whose session began before has no line for it; who comes now has.
        let other = robot.join("b", &[View, Listen], LEASE, &tone(HIGH));
        other.viewer.wait_for("audio", 3);
        talker.viewer.wait_for("video", 5);
        robot.ear.wait_for_tone(LOW);
    });
}

#[test]
fn sound_of_the_robot_that_is_added_later_reaches_a_viewer_where_there_is_no_pad_talk() {
    in_real_time(|| {
        for properties in ["", "gateway=127.0.0.1:0"] {
            let server = FakeServer::start();
            let mut scene = Scene::new(&format!(
                "{} ! portholesink name=sink {properties}",
                crate::common::robot::VIDEO
            ));
            let key = server.key().to_string();
            scene.element("sink").set_property("camera-key", key);
            scene.set(gst::State::Playing);
            let exchange = Exchange::new(server.camera());
            let terms = (&[View, Listen][..], LEASE);
            let talker = Talker::join(&server, &exchange, ("a", "ann"), terms, &tone(LOW));
            add_sound(&scene);
            talker.viewer.wait_for("audio", 10);
            talker.viewer.wait_for("video", 5);
            assert_eq!(scene.warnings(), [""; 0]);
        }
    });
}

/// Gives the sink a pad `audio`, and sound.
fn add_sound(scene: &Scene) {
    let pad = scene.element("sink").request_pad_simple("audio").unwrap();
    let source = gst::parse::bin_from_description("audiotestsrc is-live=true", true).unwrap();
    scene.pipeline.add(&source).unwrap();
    source.static_pad("src").unwrap().link(&pad).unwrap();
    source.sync_state_with_parent().unwrap();
}

#[test]
fn the_microphone_is_turned_down_while_a_viewer_is_heard() {
    in_real_time(|| {
        let robot = Robot::with(
            "talk-ducks=true",
            "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1 ! sink.audio",
        );
        let talker = robot.join("a", MAY, LEASE, &tone(LOW));
        let microphone = || {
            let sink = robot.scene.element("sink").downcast::<gst::Bin>().unwrap();
            let volume = sink.iterate_all_by_element_factory_name("volume");
            let volume = volume.into_iter().next().unwrap().unwrap();
            volume.property::<f64>("volume")
        };
        let wait_for = |goal: f64| {
            let start = Instant::now();
            while (microphone() - goal).abs() > 1e-6 {
                assert!(
                    start.elapsed() < crate::common::PATIENCE,
                    "{}",
                    microphone()
                );
                std::thread::park_timeout(Duration::from_millis(2));
            }
        };
        wait_for(0.1);
        talker.press(false);
        wait_for(1.0);
        talker.press(true);
        wait_for(0.1);
        robot.leave("a");
        wait_for(1.0);
    });
}

#[test]
fn hostile_packets_cost_their_own_session_only() {
    in_real_time(|| {
        let robot = Robot::new("talk=mix");
        let honest = robot.join("a", MAY, LEASE, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
        // Another payload type, which was never agreed on; a video's, in a media line for sound; a hundred sources; nonsense; numbers
        // that leave out ten seconds each time.
        type Change = fn(&mut [u8], u32);
        let changes: [(&str, Change); 5] = [
            ("payload", |packet, _| packet[1] = 35),
            ("video", |packet, _| packet[1] = 96),
            ("sources", |packet, i| {
                packet[8..12].copy_from_slice(&(1000 + i % 100).to_be_bytes());
            }),
            ("nonsense", |packet, i| {
                packet[12..].fill(u8::try_from(i % 251).unwrap());
            }),
            ("gaps", |packet, i| {
                let number = u16::from_be_bytes([packet[2], packet[3]]);
                let skipped = u16::try_from(500 * i % 65_536).unwrap();
                packet[2..4].copy_from_slice(&number.wrapping_add(skipped).to_be_bytes());
                let time = u32::from_be_bytes(packet[4..8].try_into().unwrap());
                let skipped = 480_000_u32.wrapping_mul(i);
                packet[4..8].copy_from_slice(&time.wrapping_add(skipped).to_be_bytes());
            }),
        ];
        for (name, change) in changes {
            let hostile = robot.join(name, MAY, LEASE, &tone(HIGH));
            let source = hostile.payloader().static_pad("src").unwrap();
            let (sender, sent) = std::sync::mpsc::channel();
            let count = std::sync::atomic::AtomicU32::new(0);
            source.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                let i = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if let Some(gst::PadProbeData::Buffer(packet)) = &mut info.data {
                    *packet = rewritten(packet, |bytes| change(bytes, i));
                }
                let _ = sender.send(());
                gst::PadProbeReturn::Ok
            });
            for _ in 0..200 {
                sent.recv_timeout(crate::common::PATIENCE).unwrap();
            }
            assert_intact(&robot, &honest, name);
            robot.leave(name);
        }
        robot.ear.assert_steady();
    });
}

/// A copy of a packet with other bytes.
fn rewritten(buffer: &gst::BufferRef, change: impl FnOnce(&mut [u8])) -> gst::Buffer {
    let mut bytes = buffer.map_readable().unwrap().to_vec();
    change(&mut bytes);
    let mut changed = gst::Buffer::from_mut_slice(bytes);
    let writable = changed.get_mut().unwrap();
    buffer
        .copy_into(writable, gst::BUFFER_COPY_METADATA, ..)
        .unwrap();
    changed
}

/// The honest one is heard, and sees pictures.
#[track_caller]
fn assert_intact(robot: &Robot, honest: &Talker, name: &str) {
    let heard = robot.ear.frames(50);
    // Less than all of it: a busy machine may be late, and loud nonsense in a mix drowns some.
    let loud = heard.iter().filter(|frame| frame.tone(LOW) > 0.15).count();
    assert!(loud >= 15, "{name}: {loud} of 50");
    honest.viewer.wait_for("video", 3);
}

#[test]
fn the_decoder_hears_of_each_packet_that_is_lost_and_no_gap_is_left() {
    in_real_time(|| {
        let robot = Robot::new("");
        let pipelines = Arc::new(Mutex::new(Vec::new()));
        let (own, sink) = (pipelines.clone(), robot.scene.element("sink"));
        let sink = sink.downcast::<gst::Bin>().unwrap();
        let mut inner = sink.iterate_recurse().into_iter().map(Result::unwrap);
        let has_signal = |element: &gst::Element| {
            glib::subclass::SignalId::lookup("consumer-pipeline-created", element.type_()).is_some()
        };
        let webrtcsink = inner.find(has_signal).unwrap();
        webrtcsink.connect("consumer-pipeline-created", false, move |args| {
            own.lock().unwrap().push(args[2].get::<gst::Bin>().unwrap());
            None
        });
        let talker = robot.join("a", MAY, LEASE, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
        let stats = || {
            let pipeline = pipelines.lock().unwrap()[0].clone();
            let decoders = pipeline.iterate_all_by_element_factory_name("opusdec");
            let decoder = decoders.into_iter().next().unwrap().unwrap();
            decoder
                .property::<gst::Structure>("stats")
                .get::<u64>("num-gap")
                .unwrap()
        };
        let before = stats();
        // Every tenth packet, and every hundredth two.
        let (count, lost) = (AtomicU32::new(0), Arc::new(AtomicU32::new(0)));
        let own = lost.clone();
        let source = talker.payloader().static_pad("src").unwrap();
        source.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let number = count.fetch_add(1, Relaxed);
            if number % 10 == 9 || number % 100 == 8 {
                own.fetch_add(1, Relaxed);
                return gst::PadProbeReturn::Handled;
            }
            gst::PadProbeReturn::Ok
        });
        let heard = robot.ear.frames(400);
        let (told, lost) = (stats() - before, u64::from(lost.load(Relaxed)));
        println!("{told} gaps, {lost} packets lost");
        // The last may be on their way.
        assert!(told + 3 >= lost && lost > 20, "{told} of {lost}");
        assert_says(&heard, LOW, HIGH);
    });
}

#[test]
fn a_flood_is_cut_down_and_others_are_heard_as_before() {
    in_real_time(|| {
        let robot = Robot::new("talk=mix");
        let honest = robot.join("a", MAY, LEASE, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
        // 400 packets each second, each of them eight times over.
        let branches = "t. ! queue ! f. ".repeat(8);
        let flood = format!(
            "audiotestsrc is-live=true freq=1000 volume=0.2 samplesperbuffer=120 \
         ! audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=2.5 complexity=0 \
         ! rtpopuspay name=pay ! valve name=button drop=true \
         ! tee name=t  {branches} funnel name=f"
        );
        let flooder = robot.join("b", MAY, LEASE, &flood);
        let bin = flooder.voice.downcast_ref::<gst::Bin>().unwrap();
        let (sender, sent) = std::sync::mpsc::channel();
        let count = std::sync::atomic::AtomicU16::new(0);
        let source = bin.by_name("f").unwrap().static_pad("src").unwrap();
        source.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if let Some(gst::PadProbeData::Buffer(packet)) = &mut info.data {
                *packet = rewritten(packet, |bytes| {
                    bytes[2..4].copy_from_slice(&number.to_be_bytes())
                });
            }
            let _ = sender.send(());
            gst::PadProbeReturn::Ok
        });
        flooder.press(true);
        let start = Instant::now();
        for _ in 0..5000 {
            sent.recv_timeout(crate::common::PATIENCE).unwrap();
        }
        eprintln!(
            "{:.0} packets a second",
            5000.0 / start.elapsed().as_secs_f64()
        );
        assert_intact(&robot, &honest, "flood");
        robot.ear.assert_steady();
    });
}

#[test]
fn the_pad_comes_and_goes_while_playing_linked_or_not() {
    in_real_time(|| {
        let robot = Robot::new("");
        let sink = robot.scene.element("sink");
        for _ in 0..5 {
            let pad = sink.static_pad("talk").unwrap();
            sink.release_request_pad(&pad);
            assert!(sink.static_pad("talk").is_none());
            let pad = sink.request_pad_simple("talk").unwrap();
            let template = sink.pad_template("talk").unwrap();
            assert!(
                sink.request_pad(&template, None, None).is_none(),
                "there is one"
            );
            let other = robot.scene.pad("ear", "sink");
            pad.link(&other).unwrap();
            robot.ear.frames(5);
            pad.unlink(&other).unwrap();
            // Nobody listens; the source goes on all the same.
            let at = robot.now();
            while robot.now() < at + 50 * gst::ClockTime::MSECOND {
                std::thread::park_timeout(Duration::from_millis(2));
            }
            pad.link(&other).unwrap();
            robot.ear.frames(5);
        }
        let _talker = robot.join("a", MAY, LEASE, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
    });
}

#[test]
fn a_pipeline_that_pauses_or_begins_anew_goes_on_with_steady_timestamps() {
    in_real_time(|| {
        let robot = Robot::new("");
        for state in [gst::State::Paused, gst::State::Paused] {
            robot.ear.frames(10);
            robot.scene.set(state);
            robot.scene.set(gst::State::Playing);
        }
        robot.ear.frames(10);
        robot.ear.assert_steady();
        robot.scene.set(gst::State::Ready);
        robot.scene.set(gst::State::Playing);
        let again = robot.ear.frames(10);
        assert!(
            again[0].pts < 500 * gst::ClockTime::MSECOND,
            "{}",
            again[0].pts
        );
    });
}

#[test]
fn what_does_not_take_the_sound_holds_nobody_up() {
    in_real_time(|| {
        let robot = Robot::new("");
        let talker = robot.join("a", MAY, LEASE, &tone(LOW));
        robot.ear.wait_for_tone(LOW);
        let pad = robot.scene.pad("ear", "sink");
        let block = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
        let block = pad
            .add_probe(block, |_, _| gst::PadProbeReturn::Ok)
            .unwrap();
        talker.viewer.wait_for("video", 10);
        let other = robot.join("b", MAY, LEASE, &tone(HIGH));
        other.viewer.wait_for("video", 10);
        pad.remove_probe(block);
        robot.ear.wait_for_tone(LOW);
        // What was not taken in time is left out, on the same grid.
        let pts: Vec<u64> = robot
            .ear
            .all()
            .iter()
            .map(|frame| frame.pts.nseconds())
            .collect();
        assert!(pts.iter().all(|pts| pts % 10_000_000 == 0));
        assert!(pts.is_sorted());
        let sink = robot.scene.element("sink");
        let block = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
        pad.add_probe(block, |_, _| gst::PadProbeReturn::Ok)
            .unwrap();
        sink.release_request_pad(&sink.static_pad("talk").unwrap());
        other.viewer.wait_for("video", 10);
    });
}

#[test]
fn the_latency_is_one_frame() {
    in_real_time(|| {
        let robot = Robot::new("");
        let mut query = gst::query::Latency::new();
        assert!(robot.scene.pad("ear", "sink").peer_query(&mut query));
        let (is_live, min, max) = query.result();
        assert!(is_live);
        assert_eq!(min, 10 * gst::ClockTime::MSECOND);
        assert!(max.is_some_and(|max| max > min));
        for frame in robot.ear.frames(50) {
            let age = frame.at - frame.pts;
            assert!(age >= min, "{age}");
        }
    });
}

#[test]
fn a_word_that_is_none_is_an_error_that_names_the_property_and_the_fix() {
    in_real_time(|| {
        let mut scene = Scene::new("videotestsrc ! portholesink listen=127.0.0.1:0 talk=loud");
        scene.assert_fails_once_naming("talk=loud: give one");
    });
}

#[test]
fn the_end_of_the_stream_reaches_what_plays_the_sound() {
    in_real_time(|| {
        let robot = Robot::new("");
        robot.ear.frames(3);
        let ear = robot.scene.pad("ear", "sink");
        let (sender, ended) = std::sync::mpsc::channel();
        ear.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info
                .event()
                .is_some_and(|e| e.type_() == gst::EventType::Eos)
            {
                let _ = sender.send(());
            }
            gst::PadProbeReturn::Ok
        });
        assert!(robot.scene.pipeline.send_event(gst::event::Eos::new()));
        ended.recv_timeout(crate::common::PATIENCE).unwrap();
    });
}
