// SPDX-License-Identifier: MPL-2.0
//! Against a real server, Debian's.

use std::time::Duration;

use gst_video::VideoOrientationMethod;

use super::*;
use crate::camera::{device::Asked, devices::errors};

#[path = "../../../../tests/common/rtsp.rs"]
mod server;

use server::Server;

/// A loaded machine is slow, a broken program is slower.
const PATIENCE: Duration = Duration::from_secs(60);

fn camera(server: &Server, user: &str, path: &str) -> RtspCamera {
    RtspCamera::parse(&server.address(user, path)).unwrap()
}

/// A pipeline behind a camera, stopped when the test is over.
struct Scene(gst::Pipeline);

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}

impl Scene {
    fn new(camera: &RtspCamera, request: &Request) -> Self {
        let source = camera.build(request).unwrap();
        assert!(!format!("{camera:?} {}", source.device).contains("secret"));
        let pipeline = gst::Pipeline::new();
        let sink = appsink("video");
        pipeline.add_many([source.bin.upcast_ref(), &sink]).unwrap();
        source.bin.link_pads(Some("video"), &sink, None).unwrap();
        let weak = pipeline.downgrade();
        source.bin.connect_pad_added(move |_, pad| {
            let (pipeline, sink) = (weak.upgrade().unwrap(), appsink("audio"));
            pipeline.add(&sink).unwrap();
            sink.sync_state_with_parent().unwrap();
            pad.link(&sink.static_pad("sink").unwrap()).unwrap();
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self(pipeline)
    }

    /// Caps of the next sample.
    fn sample(&self, name: &str) -> gst::Caps {
        let sink = self.0.by_name(name).unwrap();
        let sink = sink.downcast::<gst_app::AppSink>().unwrap();
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        let sample = sink.try_pull_sample(patience).unwrap_or_else(|| {
            let error = self
                .0
                .bus()
                .unwrap()
                .pop_filtered(&[gst::MessageType::Error]);
            panic!("no {name}: {error:?}")
        });
        sample.caps().unwrap().to_owned()
    }

    fn problem(&self) -> Problem {
        let bus = self.0.bus().unwrap();
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        let message = bus.timed_pop_filtered(patience, &[gst::MessageType::Error]);
        let message = message.expect("an error");
        match message.view() {
            gst::MessageView::Error(error) => {
                assert!(!format!("{error:?}").contains("secret"));
                errors::problem(&error.error(), error.debug().as_deref(), None)
            }
            _ => unreachable!(),
        }
    }
}

fn appsink(name: &str) -> gst::Element {
    let sink = gst_app::AppSink::builder()
        .name(name)
        .sync(false)
        .max_buffers(4)
        .drop(true);
    sink.build().upcast()
}

fn request(allowed: &str) -> Request {
    gst::init().unwrap();
    Request {
        asked: Asked {
            width: 1280,
            height: 720,
            framerate: gst::Fraction::from_integer(30),
            format: None,
            encoded: false,
        },
        allowed: allowed.parse().unwrap(),
        settled: None,
        sound: false,
        controls: None,
        direction: VideoOrientationMethod::Identity,
    }
}

const RAW: &str = "video/x-raw,format={I420,NV12}";
const H264_OUT: &str = "video/x-h264,stream-format=byte-stream,alignment=au";

fn size(caps: &gst::CapsRef) -> (i32, i32) {
    let structure = caps.structure(0).unwrap();
    (
        structure.get("width").unwrap(),
        structure.get("height").unwrap(),
    )
}

#[test]
fn a_password_is_in_no_name() {
    let camera = RtspCamera::parse("rtsp://me:sec%40ret@door.local:8554/live?channel=1").unwrap();
    assert_eq!(
        camera.name(),
        "rtsp://me:***@door.local:8554/live?channel=1"
    );
    assert_eq!(camera.location, "rtsp://door.local:8554/live?channel=1");
    assert_eq!(camera.user.as_deref(), Some("me"));
    assert_eq!(camera.password.as_deref(), Some("sec@ret"));
    assert_eq!(
        format!("{camera:?}"),
        "RtspCamera(\"rtsp://me:***@door.local:8554/live?channel=1\")"
    );
}

#[test]
fn a_user_without_a_password_has_the_one_of_the_variable_and_nobody_else_has() {
    let password = |text: &str| {
        let camera = RtspCamera::parse_with(text, || Some("kept".into())).unwrap();
        assert!(!camera.name().contains("kept"));
        camera.password
    };
    assert_eq!(password("rtsp://me@door/x").as_deref(), Some("kept"));
    assert_eq!(password("rtsp://me:own@door/x").as_deref(), Some("own"));
    assert_eq!(password("rtsp://door/x"), None);
}

#[test]
fn a_text_that_is_no_address_says_how_one_is_written_and_nothing_of_the_text() {
    for text in ["rtsp:", "rtsp://", "rtsps://:secret@", "rtsp:door"] {
        let error = RtspCamera::parse(text).unwrap_err();
        assert!(
            error.contains("rtsp://USER@HOST") && !error.contains("secret"),
            "{error}"
        );
    }
    for text in ["rtsp://door", "rtsps://door:322/x", "rtsp://[::1]:8554/x"] {
        assert_eq!(RtspCamera::parse(text).unwrap().name(), text);
    }
}

#[test]
fn video_comes_in_its_own_size_decoded() {
    let server = Server::new(&[]);
    let scene = Scene::new(&camera(&server, "", "camera"), &request(RAW));
    let caps = scene.sample("video");
    assert_eq!(size(&caps), (320, 240));
    assert_eq!(caps.structure(0).unwrap().name(), "video/x-raw");
}

#[test]
fn video_comes_in_the_caps_that_are_settled() {
    let server = Server::new(&[]);
    let settled =
        "video/x-raw,format=NV12,width=640,height=360,framerate=15/1,interlace-mode=progressive";
    let mut request = request(RAW);
    request.settled = Some(settled.parse().unwrap());
    let caps = Scene::new(&camera(&server, "", "camera"), &request).sample("video");
    assert!(
        caps.is_subset(&settled.parse::<gst::Caps>().unwrap()),
        "{caps}"
    );
}

#[test]
fn h264_is_passed_through_when_asked() {
    let server = Server::new(&[]);
    let mut request = request(H264_OUT);
    request.asked.encoded = true;
    let caps = Scene::new(&camera(&server, "", "camera"), &request).sample("video");
    assert!(
        caps.is_subset(&H264_OUT.parse::<gst::Caps>().unwrap()),
        "{caps}"
    );
    assert_eq!(size(&caps), (320, 240));
}

#[test]
fn a_server_that_sends_no_h264_says_to_leave_out_encoded() {
    let server = Server::new(&["--codec", "jpeg"]);
    let mut request = request(H264_OUT);
    request.asked.encoded = true;
    let problem = Scene::new(&camera(&server, "", "camera"), &request).problem();
    assert!(
        problem
            .text
            .contains("JPEG, not H.264: leave out encoded=true"),
        "{problem}"
    );
}

#[test]
fn sound_comes_as_all_sound_of_ours_if_somebody_wants_it() {
    for codec in ["aac", "pcmu"] {
        let server = Server::new(&["--sound", codec]);
        let mut request = request(RAW);
        request.sound = true;
        let scene = Scene::new(&camera(&server, "", "camera"), &request);
        scene.sample("video");
        // The stream may be the second to be added.
        let start = std::time::Instant::now();
        while scene.0.by_name("audio").is_none() && start.elapsed() < PATIENCE {
            scene.sample("video");
        }
        assert!(scene.sample("audio").is_subset(&caps::sound()), "{codec}");
    }
}

#[test]
fn the_right_password_opens_and_a_wrong_one_is_denied() {
    let server = Server::new(&["--user", "me", "--password", "sec:ret@secret"]);
    let right = camera(&server, "me:sec%3Aret%40secret@", "camera");
    assert_eq!(
        size(&Scene::new(&right, &request(RAW)).sample("video")),
        (320, 240)
    );
    for user in ["me:secret@", ""] {
        let problem = Scene::new(&camera(&server, user, "camera"), &request(RAW)).problem();
        assert_eq!(problem.reason, Reason::Refused, "{problem}");
        assert!(
            problem.text.contains("rtsp://USER:PASSWORD@HOST"),
            "{problem}"
        );
    }
}

#[test]
fn a_path_or_a_server_that_is_not_there_is_missing() {
    let server = Server::new(&[]);
    let wrong = camera(&server, "", "other");
    assert_eq!(
        Scene::new(&wrong, &request(RAW)).problem().reason,
        Reason::Missing
    );
    let camera = camera(&server, "", "camera");
    drop(server);
    assert_eq!(
        Scene::new(&camera, &request(RAW)).problem().reason,
        Reason::Missing
    );
}

#[test]
fn a_server_that_ends_while_it_plays_has_gone() {
    let server = Server::new(&[]);
    let scene = Scene::new(&camera(&server, "", "camera"), &request(RAW));
    scene.sample("video");
    drop(server);
    assert_eq!(scene.problem().reason, Reason::Gone);
}

#[test]
fn a_camera_is_looked_at_by_playing_its_first_picture() {
    let server = Server::new(&[]);
    let mode = camera(&server, "", "camera").look(&request(RAW)).unwrap();
    assert_eq!(size(&mode.unwrap()), (320, 240));
    let missing = camera(&server, "", "other").look(&request(RAW));
    assert_eq!(missing.unwrap_err().reason, Reason::Missing);
}
