// SPDX-License-Identifier: MPL-2.0
//! Against a real server, Debian's.

use std::time::Duration;

use gst_video::VideoOrientationMethod;

use super::*;
use crate::camera::{caps, device::Asked, devices::errors};

mod broken;
mod certificates;
mod passwords;
#[path = "../../../../../tests/common/rtsp.rs"]
mod server;
mod transport;

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
        self.pull(name).caps_owned().unwrap()
    }

    fn pull(&self, name: &str) -> gst::Sample {
        let sink = self.0.by_name(name).unwrap();
        let sink = sink.downcast::<gst_app::AppSink>().unwrap();
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        sink.try_pull_sample(patience).unwrap_or_else(|| {
            let error = self
                .0
                .bus()
                .unwrap()
                .pop_filtered(&[gst::MessageType::Error]);
            panic!("no {name}: {error:?}")
        })
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

fn is_shown(camera: &RtspCamera) {
    let scene = Scene::new(camera, &request(RAW));
    assert_eq!(size(&scene.sample("video")), (320, 240));
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

fn with_sound() -> Request {
    Request {
        sound: true,
        ..request(RAW)
    }
}

#[test]
fn sound_comes_as_all_sound_of_ours_if_somebody_wants_it() {
    for codec in ["aac", "pcmu", "pcma"] {
        let server = Server::new(&["--sound", codec]);
        let scene = Scene::new(&camera(&server, "", "camera"), &with_sound());
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
fn sound_that_nobody_can_decode_is_left_out_and_the_picture_goes_on() {
    let server = Server::new(&["--sound", "other"]);
    let scene = Scene::new(&camera(&server, "", "camera"), &with_sound());
    scene.sample("video");
    let bus = scene.0.bus().unwrap();
    let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
    let said = bus.timed_pop_filtered(patience, &[gst::MessageType::Warning]);
    let said = said.expect("a warning");
    let gst::MessageView::Warning(said) = said.view() else {
        unreachable!()
    };
    let said = said.error().message().to_owned();
    assert!(said.contains("its sound is left out"), "{said}");
    // More than all that waits.
    for _ in 0..50 {
        scene.sample("video");
    }
    let error = bus.pop_filtered(&[gst::MessageType::Error]);
    assert!(error.is_none(), "{error:?}");
}

#[test]
fn the_first_picture_is_a_whole_one_however_far_key_units_are_apart() {
    // Twelve seconds, longer than other cameras may take to open.
    let server = Server::new(&["--gop", "300", "--shared"]);
    let first = Scene::new(&camera(&server, "", "camera"), &request(RAW));
    // The first of all, with the rest of which the second has nothing to begin.
    first.sample("video");
    let second = Scene::new(&camera(&server, "", "camera"), &request(RAW));
    let picture = second.pull("video");
    let info = gst_video::VideoInfo::from_caps(picture.caps().unwrap()).unwrap();
    let picture = picture.buffer().unwrap();
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(picture, &info).unwrap();
    let row = &frame.plane_data(0).unwrap()[..info.width() as usize];
    // The bars of the test picture: from nearly white to nearly black. What was begun between two key units is grey.
    assert!(row.iter().any(|luma| *luma > 160), "{row:?}");
    assert!(row.iter().any(|luma| *luma < 60), "{row:?}");
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
