// SPDX-License-Identifier: MPL-2.0
//! Bins around sources that play cameras.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use gst_video::VideoOrientationMethod;

use super::{super::select::mode, *};
use crate::camera::{caps::whole, device::Asked};

/// A loaded machine is slow, a broken program is slower.
const PATIENCE: Duration = Duration::from_secs(60);

/// A camera that some elements play.
#[derive(Debug)]
struct Played(&'static str);

impl Kind for Played {
    fn element(&self) -> Result<gst::Element, Problem> {
        gst::init().unwrap();
        let bin = gst::parse::bin_from_description_with_name_full(
            self.0,
            true,
            "camera",
            None,
            gst::ParseFlags::NO_SINGLE_ELEMENT_BINS,
        );
        Ok(bin.unwrap().upcast())
    }
}

/// A camera that tells no rates, and gives its own whatever it is asked for, as libcamera's do.
#[derive(Debug)]
struct Adjusting {
    camera: &'static str,
    modes: &'static str,
}

impl Kind for Adjusting {
    fn element(&self) -> Result<gst::Element, Problem> {
        Played(self.camera).element()
    }

    fn caps(&self) -> Option<gst::Caps> {
        self.modes.parse().ok()
    }

    fn adjusts(&self) -> bool {
        true
    }
}

const HALF: Adjusting = Adjusting {
    camera: "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! identity",
    modes: "video/x-raw,format=I420,width=320,height=240",
};

fn request(allowed: &str) -> Request {
    gst::init().unwrap();
    Request {
        asked: Asked {
            width: 320,
            height: 240,
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

/// A pipeline behind a camera, stopped when the test is over.
struct Scene {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Scene {
    fn new(camera: &dyn Kind, request: &Request) -> Self {
        let source = build(camera, request, "camera".into()).unwrap();
        let pipeline = gst::Pipeline::new();
        let sink = gst_app::AppSink::builder()
            .sync(false)
            .max_buffers(4)
            .build();
        pipeline
            .add_many([source.bin.upcast_ref::<gst::Element>(), sink.upcast_ref()])
            .unwrap();
        source.bin.link(&sink).unwrap();
        Self { pipeline, sink }
    }

    fn play(&self) {
        self.pipeline.set_state(gst::State::Playing).unwrap();
    }

    fn warning(&self) -> String {
        let bus = self.pipeline.bus().unwrap();
        let warning = bus.pop_filtered(&[gst::MessageType::Warning]).unwrap();
        let gst::MessageView::Warning(warning) = warning.view() else {
            panic!("{warning:?}")
        };
        warning.error().message().to_owned()
    }

    fn sample(&self) -> gst::Sample {
        let sample = self
            .sink
            .try_pull_sample(gst::ClockTime::try_from(PATIENCE).unwrap());
        sample.unwrap_or_else(|| {
            let error = self
                .pipeline
                .bus()
                .unwrap()
                .pop_filtered(&[gst::MessageType::Error]);
            panic!("no picture: {error:?}")
        })
    }
}

const RAW: &str = "video/x-raw,format={I420,NV12}";

#[test]
fn a_raw_camera_gives_what_a_look_has_foreseen() {
    let camera = Played("videotestsrc is-live=true");
    let request = request(RAW);
    let foreseen = look(&camera, &request).unwrap();
    let scene = Scene::new(&camera, &request);
    scene.play();
    let caps = scene.sample().caps_owned().unwrap();
    assert!(caps.is_subset(&foreseen), "{caps} is not {foreseen}");
}

#[test]
fn a_camera_that_gives_another_rate_than_it_was_asked_for_is_shown_and_says_so() {
    let scene = Scene::new(&HALF, &request(RAW));
    scene.play();
    let caps = scene.sample().caps_owned().unwrap();
    let rate = caps.structure(0).unwrap().get::<gst::Fraction>("framerate");
    assert_eq!(rate, Ok(gst::Fraction::from_integer(15)));
    assert_eq!(
        scene.warning(),
        "in 320x240 it gives 15 pictures a second, not the 30 that were asked: set framerate=15/1, or another size"
    );
}

#[test]
fn another_rate_and_size_than_it_gives_are_made_where_somebody_insists_on_them() {
    for allowed in [
        "video/x-raw,format=I420,width=160,height=120,framerate=30/1",
        "video/x-raw,format=NV12,width=320,height=240,framerate=15/1",
    ] {
        let scene = Scene::new(&HALF, &request(allowed));
        scene.play();
        let caps = scene.sample().caps_owned().unwrap();
        let allowed: gst::Caps = allowed.parse().unwrap();
        assert!(caps.is_subset(&allowed), "{caps}");
    }
}

#[test]
fn a_camera_gives_the_caps_that_are_settled() {
    let settled = "video/x-raw,format=NV12,width=160,height=90,framerate=10/1,interlace-mode=progressive,pixel-aspect-ratio=1/1,colorimetry=bt601,multiview-mode=mono";
    let mut request = request(RAW);
    request.settled = Some(settled.parse().unwrap());
    let camera = Played(
        "videotestsrc is-live=true ! video/x-raw,format=YUY2,width=320,height=240,framerate=15/1 ! identity",
    );
    let scene = Scene::new(&camera, &request);
    scene.play();
    let caps = scene.sample().caps_owned().unwrap();
    assert!(caps.is_subset(request.settled.as_ref().unwrap()), "{caps}");
}

#[test]
fn caps_that_are_settled_cost_no_copy_where_the_camera_means_the_same() {
    const SHORT: &str = "video/x-raw,format=I420,width=320,height=240,framerate=30/1";
    gst::init().unwrap();
    let mut request = request(RAW);
    request.settled = Some(whole(&SHORT.parse().unwrap()));
    let camera = Played(
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! capssetter replace=true join=false caps=video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! identity",
    );
    let scene = Scene::new(&camera, &request);
    let made = scene
        .pipeline
        .by_name("camera")
        .unwrap()
        .static_pad("src")
        .unwrap();
    let (sender, addresses) = std::sync::mpsc::channel();
    made.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let memory = info.buffer().unwrap().peek_memory(0).as_ptr() as usize;
        let _ = sender.send(memory);
        gst::PadProbeReturn::Ok
    });
    scene.play();
    let sample = scene.sample();
    assert_eq!(sample.caps_owned(), request.settled);
    let memory = sample.buffer().unwrap().peek_memory(0).as_ptr() as usize;
    assert_eq!(addresses.recv().unwrap(), memory);
}

#[test]
fn a_camera_that_comes_back_is_negotiated_with_once() {
    gst::init().unwrap();
    for size in ["width=320,height=240", "width=160,height=120"] {
        let mut request = request(RAW);
        let settled = format!("video/x-raw,format=I420,{size},framerate=30/1");
        request.settled = Some(whole(&settled.parse().unwrap()));
        let camera = Played(
            "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! identity",
        );
        let scene = Scene::new(&camera, &request);
        let camera = scene.pipeline.by_name("camera").unwrap();
        let made = camera.static_pad("src").unwrap();
        let (sender, asked) = std::sync::mpsc::channel();
        made.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            if let Some(gst::PadProbeData::Event(event)) = &info.data
                && event.type_() == gst::EventType::Reconfigure
            {
                let _ = sender.send(());
            }
            gst::PadProbeReturn::Ok
        });
        scene.play();
        for _ in 0..5 {
            scene.sample();
        }
        assert_eq!(asked.try_iter().count(), 0, "{size}");
    }
}

#[test]
fn mjpeg_is_decoded_and_outlives_damaged_frames() {
    let camera =
        Played("videotestsrc is-live=true ! video/x-raw,format=I420,framerate=30/1 ! jpegenc");
    let scene = Scene::new(&camera, &request(RAW));
    let encoded = scene
        .pipeline
        .by_name("camera")
        .unwrap()
        .static_pad("src")
        .unwrap();
    let count = AtomicU32::new(0);
    encoded.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && count.fetch_add(1, Ordering::Relaxed) % 3 == 1
        {
            let mut map = buffer.make_mut().map_writable().unwrap();
            let damaged = map.len() / 4;
            map[damaged..].fill(0x5a);
        }
        gst::PadProbeReturn::Ok
    });
    scene.play();
    for _ in 0..20 {
        let sample = scene.sample();
        assert_eq!(
            sample.caps().unwrap().structure(0).unwrap().name(),
            mode::RAW
        );
    }
}

#[test]
fn what_jpeg_writes_in_full_range_leaves_in_the_range_that_decoders_expect() {
    // The test picture writes luma of 235 and 16, whatever range it is told, and jpegenc leaves that as it is.
    const WHITE: &str = "videotestsrc is-live=true pattern=white ! video/x-raw,format=I420,framerate=30/1,colorimetry=1:4:0:0 ! jpegenc quality=95";
    const BLACK: &str = "videotestsrc is-live=true pattern=black ! video/x-raw,format=I420,framerate=30/1,colorimetry=1:4:0:0 ! jpegenc quality=95";
    for (camera, luma) in [(WHITE, 218), (BLACK, 30)] {
        let scene = Scene::new(&Played(camera), &request(RAW));
        scene.play();
        let sample = scene.sample();
        let info = gst_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
        let range = info.colorimetry().range();
        assert_eq!(range, gst_video::VideoColorRange::Range16_235);
        let map = sample.buffer().unwrap().map_readable().unwrap();
        assert!(map[1000].abs_diff(luma) <= 2, "{camera}: {}", map[1000]);
    }
}

#[test]
fn h264_of_a_camera_is_passed_on_by_access_units() {
    let mut request = request("video/x-h264,stream-format=byte-stream,alignment=au");
    request.asked.encoded = true;
    let camera = Played(
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast ! video/x-h264,stream-format=avc ! identity",
    );
    let foreseen = look(&camera, &request);
    let scene = Scene::new(&camera, &request);
    scene.play();
    let caps = scene.sample().caps_owned().unwrap();
    assert!(caps.is_subset(&foreseen.unwrap()), "{caps}");
}

#[test]
fn a_camera_that_cannot_be_opened_says_why() {
    let camera = Played("v4l2src device=/dev/video99");
    let problem = look(&camera, &request(RAW)).unwrap_err();
    assert_eq!(problem.reason, Reason::Missing);
}

#[test]
fn jpeg_of_a_camera_that_adjusts_is_decoded() {
    let camera = Adjusting {
        camera: "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! jpegenc ! identity",
        modes: "image/jpeg,width=320,height=240",
    };
    let scene = Scene::new(&camera, &request(RAW));
    scene.play();
    let caps = scene.sample().caps_owned().unwrap();
    let wanted: gst::Caps = "video/x-raw,format=I420,width=320,height=240,framerate=15/1"
        .parse()
        .unwrap();
    assert!(caps.is_subset(&wanted), "{caps}");
}
