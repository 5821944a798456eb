// SPDX-License-Identifier: MPL-2.0
//! What `portholesink` makes of what comes in: each way to feed it ends in an offer to a viewer, or in an error that says
//! what to do.

use std::{path::PathBuf, sync::mpsc::channel, thread, time::Instant};

use crate::common::{
    PATIENCE, Scene, init, patience_left,
    server::{Connection, FakeServer, viewer_left},
    viewer::Viewer,
};
use gst::prelude::*;
use porthole_protocol::grant::Permission;

/// A small live video that costs next to nothing.
const VIDEO: &str = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1";
const VP8: &str = "vp8enc deadline=1 keyframe-max-dist=10";
const H264: &str = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 \
                    ! video/x-h264,profile=constrained-baseline";
const SOUND: &str = "audiotestsrc is-live=true";

/// A camera at its server, playing `description`, in which the sink is called `sink`.
struct Camera {
    server: FakeServer,
    scene: Scene,
    connection: Connection,
}

impl Camera {
    fn playing(description: &str) -> Self {
        Self::playing_after(description, |_| ())
    }

    /// Does something to the pipeline before it plays.
    fn playing_after(description: &str, prepare: impl FnOnce(&Scene)) -> Self {
        let server = FakeServer::start();
        let scene = Scene::new(description);
        let key = server.key().to_string();
        scene.element("sink").set_property("camera-key", key);
        prepare(&scene);
        scene.set(gst::State::Playing);
        let connection = server.camera();
        Self {
            server,
            scene,
            connection,
        }
    }

    fn request(&mut self, session: &str) {
        let grant = self.server.grant(&self.connection, session, |grant| {
            grant.perms = vec![Permission::View, Permission::Listen];
        });
        self.connection.start_session(session, Some(grant));
    }

    fn offer(&mut self, session: &str) -> String {
        self.request(session);
        self.connection.offer_of(session)
    }

    #[track_caller]
    fn assert_offers_what_it_encodes(&mut self) {
        let offer = self.offer("s");
        for codec in ["VP8/90000", "H264/90000"] {
            assert!(offer.contains(codec), "{codec} in {offer}");
        }
        for codec in ["VP9/90000", "H265/90000", "AV1/90000"] {
            assert!(!offer.contains(codec), "{codec} in {offer}");
        }
        assert!(offer.contains("ulpfec/90000"), "{offer}");
    }

    #[track_caller]
    fn assert_offers_what_comes_in(&mut self, codec: &str) {
        let offer = self.offer("s");
        for other in ["VP8/90000", "H264/90000", "VP9/90000"] {
            assert_eq!(offer.contains(other), other == codec, "{other} in {offer}");
        }
        assert!(offer.contains("ulpfec/90000"), "{offer}");
    }

    /// Adds a running source and links it to `pad` of the sink.
    fn link(&self, description: &str, pad: &gst::Pad) -> gst::Element {
        // The last must be an element: a filter of caps alone has no pad yet.
        let description = format!("{description} ! identity");
        let bin = gst::parse::bin_from_description(&description, true).unwrap();
        self.scene.pipeline.add(&bin).unwrap();
        let source = bin.static_pad("src").unwrap();
        source.link(pad).unwrap();
        bin.sync_state_with_parent().unwrap();
        bin.upcast()
    }

    fn request_audio(&self) -> gst::Pad {
        let sink = self.scene.element("sink");
        sink.request_pad_simple("audio").unwrap()
    }

    /// Waits until the sink has handled a buffer of both pads, which is when sound has begun.
    fn wait_for_sound(&self) {
        wait_for_buffers(&self.scene.pad("sink", "sink"), 2);
        wait_for_buffers(&self.scene.pad("sink", "audio"), 2);
    }
}

fn wait_for_buffers(pad: &gst::Pad, count: u32) {
    let (sender, buffers) = channel();
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    let probe = pad.add_probe(kinds, move |_, _| {
        let _ = sender.send(());
        gst::PadProbeReturn::Ok
    });
    for _ in 0..count {
        buffers.recv_timeout(PATIENCE).unwrap();
    }
    pad.remove_probe(probe.unwrap());
}

/// Plays `description` beside and lets what comes of it out of the appsrc `source` of `scene`, which has no caps of its own.
fn feed(scene: &Scene, description: &str) -> Scene {
    feed_with(scene, description, gst_app::AppSrc::push_sample)
}

fn feed_with(
    scene: &Scene,
    description: &str,
    push: impl Fn(&gst_app::AppSrc, &gst::Sample) -> Result<gst::FlowSuccess, gst::FlowError>
    + Send
    + 'static,
) -> Scene {
    let source = scene
        .element("source")
        .downcast::<gst_app::AppSrc>()
        .unwrap();
    let other = Scene::new(&format!("{description} ! appsink name=out"));
    let out = other.element("out").downcast::<gst_app::AppSink>().unwrap();
    out.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |out| {
                let sample = out.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                push(&source, &sample)
            })
            .build(),
    );
    other.set(gst::State::Playing);
    other
}

const APPSRC: &str =
    "appsrc name=source is-live=true format=time do-timestamp=true ! portholesink name=sink";

fn clip() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clips/car-detection.mp4")
}

#[test]
fn a_source_that_is_linked_while_playing_is_shown() {
    for (encoder, codec) in [("", None), (VP8, Some("VP8/90000"))] {
        let mut camera = Camera::playing("portholesink name=sink");
        let encoder = match encoder {
            "" => String::new(),
            encoder => format!("! {encoder}"),
        };
        camera.link(
            &format!("{VIDEO} {encoder}"),
            &camera.scene.pad("sink", "sink"),
        );
        match codec {
            None => camera.assert_offers_what_it_encodes(),
            Some(codec) => camera.assert_offers_what_comes_in(codec),
        }
    }
}

#[test]
fn a_source_that_could_give_jpeg_as_well_gives_raw_video() {
    init();
    camera_double::register();
    let mut camera = Camera::playing("testcamera ! portholesink name=sink");
    camera.assert_offers_what_it_encodes();
}

#[test]
fn an_appsrc_without_caps_is_taken_for_what_it_gives_later() {
    let table = [
        (VIDEO.to_owned(), None),
        (format!("{VIDEO} ! {VP8}"), Some("VP8/90000")),
        (format!("{VIDEO} ! {H264}"), Some("H264/90000")),
    ];
    for (description, codec) in table {
        let mut camera = Camera::playing(APPSRC);
        let _other = feed(&camera.scene, &description);
        match codec {
            None => camera.assert_offers_what_it_encodes(),
            Some(codec) => camera.assert_offers_what_comes_in(codec),
        }
    }
}

#[test]
fn decoded_pictures_and_sound_of_a_file_are_shown_though_their_pads_appear_late() {
    let mut camera = Camera::playing(&format!(
        "uridecodebin uri=file://{} name=file  file. ! queue ! portholesink name=sink  \
         file. ! queue ! audioconvert ! sink.audio",
        clip().display()
    ));
    camera.wait_for_sound();
    camera.assert_offers_what_it_encodes();
    // webrtcsink may still be looking at the sound, and viewers who come meanwhile get it later.
    let begun = Instant::now();
    for number in 0.. {
        let session = format!("t{number}");
        if camera.offer(&session).contains("m=audio") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "no sound is offered");
        camera.connection.send(&viewer_left(&session));
    }
}

#[test]
fn the_streams_of_a_demuxer_are_shown_though_their_pads_appear_late() {
    let mut camera = Camera::playing(&format!(
        "filesrc location={} ! qtdemux name=file  file.video_0 ! queue ! portholesink name=sink  \
         file.audio_0 ! queue ! decodebin ! audioconvert ! sink.audio",
        clip().display()
    ));
    camera.wait_for_sound();
    camera.assert_offers_what_comes_in("H264/90000");
    assert!(camera.offer("t").contains("m=audio"));
}

#[test]
fn video_in_any_memory_that_webrtcsink_knows_links_before_and_while_playing() {
    const FEATURES: [&str; 6] = [
        "memory:CUDAMemory",
        "memory:GLMemory",
        "memory:NVMM",
        "memory:D3D11Memory",
        "memory:VAMemory",
        "memory:DMABuf",
    ];
    let camera = Camera::playing("portholesink name=sink");
    let pad = camera.scene.pad("sink", "sink");
    for feature in FEATURES {
        let text =
            format!("video/x-raw({feature}),format=NV12,width=160,height=120,framerate=10/1");
        let caps: gst::Caps = text.parse().unwrap();
        assert!(pad.query_accept_caps(&caps), "{feature}");
        assert!(
            pad.query_caps(Some(&caps)).can_intersect(&caps),
            "{feature}"
        );
        let filter = gst::ElementFactory::make("capsfilter")
            .property("caps", &caps)
            .build()
            .unwrap();
        let idle = gst::ElementFactory::make("portholesink").build().unwrap();
        let bin = gst::Bin::new();
        bin.add_many([&filter, &idle]).unwrap();
        filter.link_pads(Some("src"), &idle, Some("sink")).unwrap();
    }
}

#[test]
fn dmabuf_video_is_shown() {
    let mut camera = Camera::playing_after(
        &format!("{VIDEO} ! identity name=tap ! portholesink name=sink"),
        |scene| {
            let tap = scene.pad("tap", "src");
            // What a driver says of buffers that it shares; to readers that map them they are like any other.
            tap.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
                if let Some(event) = info.event()
                    && let gst::EventView::Caps(caps) = event.view()
                    && caps
                        .caps()
                        .features(0)
                        .is_some_and(|f| !f.contains("memory:DMABuf"))
                {
                    let features = gst::CapsFeatures::new(["memory:DMABuf"]);
                    let mut caps = caps.caps_owned();
                    caps.make_mut().set_features(0, Some(features));
                    info.data = Some(gst::PadProbeData::Event(gst::event::Caps::new(&caps)));
                }
                gst::PadProbeReturn::Ok
            });
        },
    );
    camera.assert_offers_what_it_encodes();
    let caps = camera.scene.pad("sink", "sink").current_caps().unwrap();
    assert!(caps.features(0).unwrap().contains("memory:DMABuf"));
}

#[test]
fn jpeg_is_refused_by_the_name_of_the_pad_and_what_to_do() {
    let mut scene = Scene::new(&format!("{APPSRC} listen=127.0.0.1:0"));
    let _other = feed(&scene, &format!("{VIDEO} ! jpegenc"));
    let errors = scene.errors_of_playing();
    assert!(errors[0].contains("pad sink"), "{errors:?}");
    assert!(errors[0].contains("jpegdec"), "{errors:?}");
}

#[test]
fn a_picture_that_ends_while_the_pipeline_stops_does_not_hold_it_up() {
    let scene = Scene::playing(&format!("{APPSRC} listen=127.0.0.1:0"));
    let sink = scene.element("sink").downcast::<gst::Bin>().unwrap();
    let webrtcsink = sink
        .iterate_sinks()
        .into_iter()
        .flatten()
        .find(|child| child.type_().name().contains("WebRTCSink"))
        .unwrap();
    // So far the stop has come when the end arrives.
    webrtcsink.set_state(gst::State::Paused).unwrap();
    let (sender, ended) = channel();
    let pad = scene.pad("sink", "sink");
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if info.event().map(|event| event.type_()) == Some(gst::EventType::Eos) {
            let _ = sender.send(());
        }
        gst::PadProbeReturn::Ok
    });
    let source = scene.element("source");
    let source = source.downcast::<gst_app::AppSrc>().unwrap();
    source.end_of_stream().unwrap();
    ended.recv_timeout(PATIENCE).unwrap();
    let (sender, stopped) = channel();
    let pipeline = scene.pipeline.clone();
    thread::spawn(move || sender.send(pipeline.set_state(gst::State::Null)));
    stopped.recv_timeout(PATIENCE).unwrap().unwrap();
}

#[test]
fn data_without_caps_is_refused_by_the_name_of_the_pad_and_what_to_do() {
    let mut scene = Scene::new(&format!("{APPSRC} listen=127.0.0.1:0"));
    let source = scene
        .element("source")
        .downcast::<gst_app::AppSrc>()
        .unwrap();
    source
        .push_buffer(gst::Buffer::with_size(100).unwrap())
        .unwrap();
    let errors = scene.errors_of_playing();
    assert!(errors[0].contains("pad sink"), "{errors:?}");
    assert!(errors[0].contains("caps"), "{errors:?}");
}

#[test]
fn raw_video_that_becomes_encoded_is_an_error_that_says_what_to_do() {
    let mut camera = Camera::playing(APPSRC);
    let other = feed(&camera.scene, VIDEO);
    camera.assert_offers_what_it_encodes();
    drop(other);
    let _other = feed(&camera.scene, &format!("{VIDEO} ! {VP8}"));
    let errors = camera.scene.errors_of_playing();
    assert!(errors[0].contains("pad sink"), "{errors:?}");
    assert!(errors[0].contains("video/x-vp8"), "{errors:?}");
}

#[test]
fn sound_that_comes_before_the_picture_does_not_decide_what_the_picture_is() {
    let mut camera = Camera::playing(&format!("portholesink name=sink {SOUND} ! sink.audio"));
    wait_for_buffers(&camera.scene.pad("sink", "audio"), 3);
    camera.link(VIDEO, &camera.scene.pad("sink", "sink"));
    camera.wait_for_sound();
    camera.assert_offers_what_it_encodes();
    assert!(camera.offer("t").contains("m=audio"));
}

#[test]
fn buffers_that_come_in_lists_are_shown() {
    let mut camera = Camera::playing(APPSRC);
    let _other = feed_with(&camera.scene, VIDEO, |source, sample| {
        source.set_caps(sample.caps_owned().as_ref());
        let list: gst::BufferList = sample.buffer_owned().into_iter().collect();
        source.push_buffer_list(list)
    });
    camera.assert_offers_what_it_encodes();
}

#[test]
fn sound_is_added_and_taken_away_while_playing() {
    let mut camera = Camera::playing(&format!("{VIDEO} ! portholesink name=sink"));
    assert!(!camera.offer("before").contains("m=audio"));

    let pad = camera.request_audio();
    let source = camera.link(SOUND, &pad);
    wait_for_buffers(&pad, 2);
    assert!(camera.offer("with").contains("m=audio"));

    // The source first, or it would stumble over the pad that is missing.
    source.set_state(gst::State::Null).unwrap();
    camera
        .scene
        .pipeline
        .remove(&source.downcast::<gst::Bin>().unwrap())
        .unwrap();
    camera.scene.element("sink").release_request_pad(&pad);
    wait_for_buffers(&camera.scene.pad("sink", "sink"), 3);
    assert!(!camera.offer("after").contains("m=audio"));
    assert!(camera.scene.element("sink").static_pad("audio").is_none());

    let pad = camera.request_audio();
    camera.link(SOUND, &pad);
    wait_for_buffers(&pad, 2);
    assert!(camera.offer("again").contains("m=audio"));
}

#[test]
fn sound_that_stops_at_once_keeps_nobody_out() {
    let mut camera = Camera::playing(&format!("{VIDEO} ! portholesink name=sink"));
    camera.offer("before");
    let pad = camera.request_audio();
    let (sender, buffers) = channel();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let _ = sender.send(());
        gst::PadProbeReturn::Ok
    });
    let bin = camera.link(
        "appsrc name=tone is-live=true format=time do-timestamp=true \
         caps=audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1",
        &pad,
    );
    let tone = bin.downcast::<gst::Bin>().unwrap().by_name("tone").unwrap();
    let tone = tone.downcast::<gst_app::AppSrc>().unwrap();
    // Twice a millisecond, of which no encoder makes anything; the second comes when the first has been handled.
    for _ in 0..2 {
        let buffer = gst::Buffer::from_slice([0_u8; 96]);
        tone.push_buffer(buffer).unwrap();
        buffers.recv_timeout(PATIENCE).unwrap();
    }
    assert!(!camera.offer("s").contains("m=audio"));
    let warnings = camera.scene.warnings();
    assert!(warnings[0].contains("pad audio"), "{warnings:?}");
}

#[test]
fn a_viewer_who_watches_goes_on_watching_when_sound_is_added_and_taken_away() {
    let mut camera = Camera::playing(&format!("{VIDEO} ! portholesink name=sink"));
    camera.request("s");
    let Camera {
        scene,
        server,
        connection,
    } = camera;
    let viewer = Viewer::of("s", connection);
    viewer.wait_for("video", 3);

    let sink = scene.element("sink");
    let pad = sink.request_pad_simple("audio").unwrap();
    let source = gst::parse::bin_from_description(SOUND, true).unwrap();
    scene.pipeline.add(&source).unwrap();
    source.static_pad("src").unwrap().link(&pad).unwrap();
    source.sync_state_with_parent().unwrap();
    viewer.wait_for("audio", 3);

    source.set_state(gst::State::Null).unwrap();
    scene.pipeline.remove(&source).unwrap();
    sink.release_request_pad(&pad);
    viewer.wait_for("video", 20);
    assert!(sink.static_pad("audio").is_none());

    // What webrtcsink had for the sound must not keep the others from ending.
    scene.pipeline.send_event(gst::event::Eos::new());
    let bus = scene.pipeline.bus().unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = bus.timed_pop_filtered(patience_left(Instant::now()), &end);
    assert_eq!(end.unwrap().type_(), gst::MessageType::Eos);
    drop(server);
}

/// A source that offers JPEG and raw video, in this order, as USB cameras do; it has only raw video to give.
mod camera_double {
    use std::sync::LazyLock;

    use gst::{glib, prelude::*, subclass::prelude::*};
    use gst_base::{
        prelude::*,
        subclass::{base_src::CreateSuccess, prelude::*},
    };

    #[derive(Default)]
    pub struct TestCamera;

    #[glib::object_subclass]
    impl ObjectSubclass for TestCamera {
        const NAME: &'static str = "PortholeTestCamera";
        type Type = super::TestCameraElement;
        type ParentType = gst_base::PushSrc;
    }

    impl ObjectImpl for TestCamera {
        fn constructed(&self) {
            self.parent_constructed();
            self.obj().set_live(true);
            self.obj().set_format(gst::Format::Time);
            self.obj().set_do_timestamp(true);
        }
    }

    impl GstObjectImpl for TestCamera {}

    impl ElementImpl for TestCamera {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                let what = "Offers what USB cameras offer";
                gst::subclass::ElementMetadata::new("Test camera", "Source/Video", what, "Porthole")
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
                let caps = "image/jpeg,width=160,height=120,framerate=10/1; \
                            video/x-raw,format=I420,width=160,height=120,framerate=10/1"
                    .parse::<gst::Caps>()
                    .unwrap();
                let direction = gst::PadDirection::Src;
                let always = gst::PadPresence::Always;
                vec![gst::PadTemplate::new("src", direction, always, &caps).unwrap()]
            });
            &TEMPLATES
        }
    }

    impl BaseSrcImpl for TestCamera {}

    impl PushSrcImpl for TestCamera {
        fn create(
            &self,
            _buffer: Option<&mut gst::BufferRef>,
        ) -> Result<CreateSuccess, gst::FlowError> {
            // One frame in a tenth of a second, by the pipeline's clock.
            if let Some(clock) = self.obj().clock() {
                let next = clock.time() + gst::ClockTime::from_mseconds(100);
                let _ = clock.new_single_shot_id(next).wait();
            }
            let frame = gst::Buffer::with_size(160 * 120 * 3 / 2);
            frame
                .map(CreateSuccess::NewBuffer)
                .map_err(|_| gst::FlowError::Error)
        }
    }

    pub(super) fn register() {
        let _ = gst::Element::register(
            None,
            "testcamera",
            gst::Rank::NONE,
            super::TestCameraElement::static_type(),
        );
    }
}

gst::glib::wrapper! {
    pub struct TestCameraElement(ObjectSubclass<camera_double::TestCamera>) @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}
