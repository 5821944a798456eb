// SPDX-License-Identifier: MPL-2.0
//! Plans for cameras whose modes were recorded, in public reports, by `gst-device-monitor-1.0` and
//! `v4l2-ctl --list-formats-ext`.

use gst_video::VideoOrientationMethod;

use super::*;
use crate::camera::device::Asked;

/// What downstream takes if nobody restricts it.
const ANYTHING: &str = "video/x-raw,format={I420,NV12,YV12,NV21,YUY2,UYVY,I420_10LE,P010_10LE,RGB,BGR,RGBx,BGRx,xRGB,xBGR,RGBA,BGRA,ARGB,ABGR,GRAY8},width=[1,2147483647],height=[1,2147483647],framerate=[0/1,2147483647/1]; video/x-h264,stream-format=byte-stream,alignment=au";

/// A Raspberry Pi camera 2 by libcamera 0.0.x: sizes that it knows, then any; rates are left open.
const IMX219: &str = "video/x-raw,format=NV21,width=640,height=480; video/x-raw,format=NV21,width=1280,height=720; video/x-raw,format=NV21,width=[32,3280,2],height=[32,2464,2]; video/x-raw,format=NV12,width=640,height=480; video/x-raw,format=NV12,width=1280,height=720; video/x-raw,format=NV12,width=[32,3280,2],height=[32,2464,2]; video/x-raw,format=I420,width=[32,3280,2],height=[32,2464,2]; video/x-raw,format=YUY2,width=[32,3280,2],height=[32,2464,2]; video/x-raw,format=RGB,width=[32,3280,2],height=[32,2464,2]; video/x-bayer,format=rggb,width=3280,height=2464";

/// A camera 3 by libcamera 0.4: of each format the sizes that are common, then any; neither rates nor colours.
const IMX708: &str = "video/x-raw,format=NV21,width=640,height=480; video/x-raw,format=NV21,width=1280,height=720; video/x-raw,format=NV21,width=1920,height=1080; video/x-raw,format=NV21,width=3840,height=2160; video/x-raw,format=NV21,width=[32,4608,2],height=[32,2592,2]; video/x-raw,format=NV12,width=640,height=480; video/x-raw,format=NV12,width=1280,height=720; video/x-raw,format=NV12,width=1920,height=1080; video/x-raw,format=NV12,width=3840,height=2160; video/x-raw,format=NV12,width=[32,4608,2],height=[32,2592,2]; video/x-raw,format=YUY2,width=1280,height=720; video/x-raw,format=YUY2,width=[32,4608,2],height=[32,2592,2]; video/x-raw,format=BGRx,width=1280,height=720; video/x-raw,format=BGRx,width=[32,4608,2],height=[32,2592,2]; video/x-raw,format=RGB,width=1280,height=720; video/x-raw,format=RGB,width=[32,4608,2],height=[32,2592,2]";

/// A camera that PipeWire hands out: rates are a range.
const NODE: &str =
    "video/x-raw,format=NV12,width=[32,4608,2],height=[32,2592,2],framerate=[1/1,120/1]";

/// A Logitech C505e by v4l2: raw 720p only at 10, MJPEG at 30 per second.
const C505E: &str = "video/x-raw,format=YUY2,width=1280,height=720,pixel-aspect-ratio=1/1,framerate={(fraction)10/1,(fraction)15/2,(fraction)5/1}; video/x-raw,format=YUY2,width=960,height=540,pixel-aspect-ratio=1/1,framerate={(fraction)15/1,(fraction)10/1,(fraction)15/2,(fraction)5/1}; video/x-raw,format=YUY2,width=640,height=480,pixel-aspect-ratio=1/1,framerate={(fraction)30/1,(fraction)24/1,(fraction)20/1,(fraction)15/1,(fraction)10/1,(fraction)15/2,(fraction)5/1}; video/x-raw,format=YUY2,width=160,height=120,pixel-aspect-ratio=1/1,framerate={(fraction)30/1,(fraction)15/1}; image/jpeg,width=1280,height=720,pixel-aspect-ratio=1/1,framerate={(fraction)30/1,(fraction)24/1,(fraction)20/1,(fraction)15/1}; image/jpeg,width=640,height=480,pixel-aspect-ratio=1/1,framerate={(fraction)30/1,(fraction)24/1}";

/// A Logitech C920 of those that make H.264.
const C920: &str = "video/x-raw,format=YUY2,width=640,height=480,framerate={(fraction)30/1,(fraction)24/1}; video/x-raw,format=YUY2,width=1920,height=1080,framerate=5/1; video/x-h264,stream-format=byte-stream,alignment=au,width=640,height=480,framerate={(fraction)30/1,(fraction)24/1}; video/x-h264,stream-format=byte-stream,alignment=au,width=1280,height=720,framerate={(fraction)30/1,(fraction)24/1}; video/x-h264,stream-format=byte-stream,alignment=au,width=1920,height=1080,framerate={(fraction)30/1,(fraction)24/1}; image/jpeg,width=1280,height=720,framerate={(fraction)30/1}";

fn caps(text: &str) -> gst::Caps {
    gst::init().unwrap();
    text.parse().unwrap()
}

fn asking(width: i32, height: i32, rate: i32) -> Request {
    Request {
        asked: Asked {
            width,
            height,
            framerate: gst::Fraction::from_integer(rate),
            format: None,
            encoded: false,
        },
        allowed: caps(ANYTHING),
        settled: None,
        sound: false,
        controls: None,
        direction: VideoOrientationMethod::Identity,
    }
}

fn planned(native: &str, request: &Request) -> Plan {
    plan(&caps(native), request).unwrap()
}

/// Asserts fields of caps: `format=NV12,width=640`.
fn has(caps: &gst::Caps, fields: &str) {
    let wanted: gst::Caps = format!("{},{fields}", caps.structure(0).unwrap().name())
        .parse()
        .unwrap();
    assert!(caps.is_subset(&wanted), "{caps} is not {wanted}");
}

fn is_untouched(plan: &Plan) -> bool {
    !plan.convert && !plan.scale && !plan.rate
}

#[test]
fn a_pi_camera_gives_what_is_asked_in_the_format_that_costs_least() {
    for (native, format) in [(IMX219, "I420"), (IMX708, "NV12")] {
        let plan = planned(native, &asking(1280, 720, 30));
        has(
            &plan.native,
            &format!("format={format},width=1280,height=720,framerate=30/1"),
        );
        has(
            &plan.output,
            &format!(
                "format={format},width=1280,height=720,framerate=30/1,interlace-mode=progressive"
            ),
        );
        assert!(is_untouched(&plan) && plan.output.is_fixed(), "{plan:?}");
    }
}

#[test]
fn a_pi_camera_that_is_asked_for_more_than_it_has_keeps_the_shape() {
    let plan = planned(IMX708, &asking(8000, 4500, 200));
    has(&plan.output, "width=4608,height=2592,framerate=200/1");
    let plan = planned(NODE, &asking(8000, 4500, 200));
    has(&plan.output, "width=4608,height=2592,framerate=120/1");
    let plan = planned(IMX219, &asking(3840, 2160, 30));
    has(&plan.output, "width=3280,height=1844,framerate=30/1");
}

#[test]
fn what_is_left_to_the_camera_is_its_largest_size_and_its_highest_rate() {
    for (native, asked, found) in [
        (C505E, (0, 0, 0), "width=1280,height=720,framerate=30/1"),
        (C505E, (0, 480, 0), "width=640,height=480,framerate=30/1"),
        (C505E, (0, 0, 15), "width=1280,height=720,framerate=15/1"),
        (NODE, (0, 0, 0), "width=4608,height=2592,framerate=120/1"),
    ] {
        let plan = planned(native, &asking(asked.0, asked.1, asked.2));
        has(&plan.output, found);
    }
}

#[test]
fn a_rate_that_is_left_to_a_camera_that_names_none_is_left_open() {
    let plan = planned(IMX708, &asking(1280, 720, 0));
    has(&plan.native, "width=1280,height=720");
    let structure = plan.native.structure(0).unwrap();
    assert!(!structure.has_field("framerate"), "{plan:?}");
}

#[test]
fn a_camera_that_adjusts_is_asked_for_a_rate_and_may_give_another_in_the_same_size() {
    let plan = planned(IMX708, &asking(4608, 2592, 30));
    let wide = at_any_rate(&plan.native);
    let first: gst::Caps = wide.structure(0).unwrap().to_owned().into();
    has(&first, "width=4608,height=2592,framerate=30/1");
    let given = caps("video/x-raw,format=NV12,width=4608,height=2592,framerate=14/1");
    assert!(given.is_subset(&wide), "{wide}");
    let smaller = caps("video/x-raw,format=NV12,width=640,height=480,framerate=30/1");
    assert!(!smaller.can_intersect(&wide), "{wide}");
}

#[test]
fn a_camera_that_runs_is_taken_as_it_is_unless_somebody_insists() {
    let given = "video/x-raw,format=NV12,width=640,height=480,framerate=14/1";
    let plan = running(&caps(given), &asking(1280, 720, 30)).unwrap();
    has(&plan.output, "width=640,height=480,framerate=14/1");
    assert!(is_untouched(&plan), "{plan:?}");
    let mut request = asking(1280, 720, 30);
    request.allowed = caps("video/x-raw,format=I420,width=320,height=240,framerate=10/1");
    let plan = running(&caps(given), &request).unwrap();
    has(&plan.output, "width=320,height=240,framerate=10/1");
    assert!(plan.convert && plan.scale && plan.rate, "{plan:?}");
}

#[test]
fn what_comes_back_as_it_was_is_not_converted_and_in_other_colours_it_is() {
    let native = "video/x-raw,format=I420,width=640,height=480,framerate=15/1";
    let given = format!("{native},colorimetry=bt709");
    let mut request = asking(640, 480, 15);
    request.settled = Some(whole(&caps(&given)));
    assert!(planned(native, &request).may_convert());
    assert!(is_untouched(&running(&caps(&given), &request).unwrap()));
    let other = format!("{native},colorimetry=bt601");
    let plan = running(&caps(&other), &request).unwrap();
    assert!(
        plan.convert && plan.output == whole(&caps(&given)),
        "{plan:?}"
    );
    assert!(!planned("image/jpeg,width=640,height=480,framerate=15/1", &request).may_convert());
}

#[test]
fn a_rate_that_varies_is_handed_on_as_it_is() {
    let native = "video/x-raw,format=I420,width=640,height=480,framerate=0/1";
    for rate in [0, 30] {
        let plan = planned(native, &asking(640, 480, rate));
        has(&plan.native, "framerate=0/1");
        has(&plan.output, "framerate=0/1");
        assert!(is_untouched(&plan) && plan.output.is_fixed(), "{plan:?}");
    }
}

#[test]
fn mjpeg_is_decoded_where_raw_is_too_slow() {
    let plan = planned(C505E, &asking(1280, 720, 30));
    assert_eq!(plan.coding, Coding::Jpeg);
    assert_eq!(
        plan.native,
        caps("image/jpeg,width=1280,height=720,framerate=30/1")
    );
    has(
        &plan.output,
        "format=I420,width=1280,height=720,framerate=30/1,pixel-aspect-ratio=1/1",
    );
    assert!(plan.convert && !plan.scale && !plan.rate, "{plan:?}");
}

#[test]
fn raw_goes_before_mjpeg_where_it_is_fast_enough() {
    for (width, height, rate) in [(1280, 720, 10), (640, 480, 30), (700, 500, 60)] {
        let plan = planned(C505E, &asking(width, height, rate));
        assert_eq!(plan.coding, Coding::Raw, "{plan:?}");
        assert!(is_untouched(&plan), "{plan:?}");
    }
}

#[test]
fn a_rate_is_never_above_what_is_asked_unless_all_are() {
    has(
        &planned(C505E, &asking(640, 480, 22)).native,
        "framerate=20/1",
    );
    has(
        &planned(C505E, &asking(640, 480, 1)).native,
        "framerate=5/1",
    );
}

#[test]
fn the_smallest_is_taken_if_all_are_larger_and_nothing_is_scaled() {
    let plan = planned(C505E, &asking(100, 100, 30));
    has(&plan.output, "width=160,height=120,framerate=30/1");
    assert!(is_untouched(&plan));
}

#[test]
fn the_shape_that_is_asked_goes_before_a_few_more_pixels_but_not_before_many() {
    let near = "video/x-raw,format=I420,width=960,height=720,framerate=30/1; video/x-raw,format=I420,width=1024,height=576,framerate=30/1";
    has(
        &planned(near, &asking(1280, 720, 30)).output,
        "width=1024,height=576",
    );
    let far = "video/x-raw,format=I420,width=640,height=480,framerate=30/1; video/x-raw,format=I420,width=160,height=90,framerate=30/1";
    has(
        &planned(far, &asking(1280, 720, 30)).output,
        "width=640,height=480",
    );
}

#[test]
fn a_format_that_downstream_takes_goes_before_one_to_be_converted() {
    let mut request = asking(640, 480, 30);
    request.allowed = caps("video/x-raw,format=YUY2");
    let plan = planned(
        "video/x-raw,format={I420,YUY2},width=640,height=480,framerate=30/1",
        &request,
    );
    has(&plan.native, "format=YUY2");
    assert!(is_untouched(&plan));
    let plan = planned(
        "video/x-raw,format={NV16},width=640,height=480,framerate=30/1",
        &request,
    );
    has(&plan.output, "format=YUY2");
    assert!(plan.convert && !plan.scale && !plan.rate);
}

#[test]
fn the_format_that_is_asked_is_given_and_converted_if_need_be() {
    let mut request = asking(1280, 720, 30);
    request.asked.format = Some("YUY2".into());
    assert!(is_untouched(&planned(IMX219, &request)));
    request.asked.format = Some("NV21".into());
    let plan = planned(C505E, &request);
    has(&plan.output, "format=NV21");
    assert!(plan.convert);
}

#[test]
fn a_format_that_nobody_gives_is_a_problem_that_lists_those_there_are() {
    let mut request = asking(1280, 720, 30);
    request.asked.format = Some("NV99".into());
    let problem = plan(&caps(IMX219), &request).unwrap_err();
    assert!(
        problem.text.contains("NV99") && problem.text.contains("I420, NV12"),
        "{problem}"
    );
}

#[test]
fn a_size_that_downstream_insists_on_is_scaled_in_shape() {
    let mut request = asking(1280, 720, 30);
    request.allowed = caps("video/x-raw,format=I420,width=320");
    let plan = planned(C505E, &request);
    has(&plan.output, "width=320,height=180,framerate=30/1");
    assert!(plan.scale && !plan.rate);
}

#[test]
fn a_rate_that_downstream_insists_on_is_made() {
    let mut request = asking(1280, 720, 30);
    request.allowed = caps("video/x-raw,format=I420,framerate=25/1");
    let plan = planned(C505E, &request);
    has(&plan.output, "width=1280,height=720,framerate=25/1");
    assert!(plan.rate && !plan.scale);
}

#[test]
fn caps_that_are_settled_are_kept_whatever_camera_comes() {
    let mut request = asking(640, 480, 30);
    let settled = caps(
        "video/x-raw,format=NV12,width=1280,height=720,framerate=30/1,interlace-mode=progressive,colorimetry=bt709",
    );
    request.settled = Some(settled.clone());
    let plan = planned(C505E, &request);
    assert_eq!((&plan.output, plan.coding), (&settled, Coding::Jpeg));
    assert!(plan.convert && !plan.scale && !plan.rate, "{plan:?}");
    let plan = planned(
        "video/x-raw,format=YUY2,width=640,height=480,framerate=15/1",
        &request,
    );
    assert_eq!(plan.output, settled);
    assert!(plan.convert && plan.scale && plan.rate, "{plan:?}");
}

#[test]
fn a_camera_that_makes_h264_is_passed_through_when_asked() {
    let mut request = asking(1280, 720, 30);
    request.asked.encoded = true;
    let plan = planned(C920, &request);
    assert_eq!(
        plan.native,
        caps("video/x-h264,width=1280,height=720,framerate=30/1")
    );
    assert_eq!(
        plan.output,
        caps(
            "video/x-h264,stream-format=byte-stream,alignment=au,width=1280,height=720,framerate=30/1"
        )
    );
}

#[test]
fn a_camera_that_comes_back_with_another_profile_or_in_another_size_is_shown() {
    let mut request = asking(1280, 720, 30);
    request.asked.encoded = true;
    // The second is one that it has not.
    for (before, now) in [
        ("width=1280,height=720", "width=1280,height=720"),
        ("width=320,height=240", "width=640,height=480"),
    ] {
        let settled = "video/x-h264,stream-format=byte-stream,alignment=au,framerate=30/1";
        request.settled = Some(caps(&format!(
            "{settled},{before},profile=high,level=(string)3.1"
        )));
        let plan = planned(C920, &request);
        let comes = caps(&format!("{settled},{now},profile=main,level=(string)4"));
        assert!(comes.is_subset(&plan.output), "{}", plan.output);
    }
}

#[test]
fn a_sensor_that_makes_no_picture_itself_is_put_together_where_there_is_nothing_else() {
    let sensor = "video/x-bayer,format=rggb,width=640,height=480,framerate=30/1";
    let plan = planned(sensor, &asking(1280, 720, 30));
    assert_eq!((plan.coding, &plan.native), (Coding::Bayer, &caps(sensor)));
    has(
        &plan.output,
        "format=I420,width=640,height=480,framerate=30/1",
    );
    assert!(plan.convert && !plan.scale && !plan.rate, "{plan:?}");
    let both = format!("{sensor}; video/x-raw,format=NV12,width=320,height=240,framerate=30/1");
    assert_eq!(planned(&both, &asking(1280, 720, 30)).coding, Coding::Raw);
    let deep = sensor.replace("rggb", "rggb10le");
    assert!(plan_of(&deep).is_err());
}

fn plan_of(native: &str) -> Result<Plan, Problem> {
    plan(&caps(native), &asking(640, 480, 30))
}

#[test]
fn a_thermal_camera_of_sixteen_bits_is_converted() {
    let plan = planned(
        "video/x-raw,format=GRAY16_LE,width=160,height=120,framerate=9/1",
        &asking(1280, 720, 30),
    );
    has(&plan.native, "format=GRAY16_LE");
    has(
        &plan.output,
        "format=I420,width=160,height=120,framerate=9/1",
    );
    assert!(plan.convert, "{plan:?}");
}

#[test]
fn a_camera_without_h264_says_what_it_has_and_to_leave_out_encoded() {
    let mut request = asking(1280, 720, 30);
    request.asked.encoded = true;
    let problem = plan(&caps(C505E), &request).unwrap_err();
    assert_eq!(problem.reason, Reason::Failed);
    assert!(problem.text.contains("leave out encoded=true"), "{problem}");
    assert!(
        problem.text.contains("MJPEG 1280x720 15-30 fps"),
        "{problem}"
    );
}

#[test]
fn h264_is_refused_where_downstream_takes_only_raw() {
    let mut request = asking(1280, 720, 30);
    request.asked.encoded = true;
    request.allowed = caps("video/x-raw");
    let problem = plan(&caps(C920), &request).unwrap_err();
    assert!(problem.text.contains("leave out encoded=true"), "{problem}");
}

#[test]
fn a_camera_that_has_only_h264_says_to_set_encoded() {
    let h264 = "video/x-h264,width=640,height=480,framerate=30/1";
    let problem = plan(&caps(h264), &asking(640, 480, 30)).unwrap_err();
    assert!(problem.text.contains("set encoded=true"), "{problem}");
}

#[test]
fn what_is_interlaced_or_in_the_memory_of_a_device_is_left_out() {
    let native = "video/x-raw(format:Interlaced),format=I420,width=640,height=480,framerate=30/1; video/x-raw(memory:DMABuf),format=I420,width=640,height=480,framerate=30/1; video/x-raw,format=I420,width=640,height=480,framerate=30/1,interlace-mode=interleaved";
    assert!(!mode::is_usable(&caps(native)));
    assert!(plan(&caps(native), &asking(640, 480, 30)).is_err());
}

#[test]
fn the_formats_are_those_that_can_be_painted() {
    let painted = crate::frame::FORMATS.map(|(format, _)| format.to_str().to_string());
    assert_eq!(painted.len(), FORMATS.len());
    assert!(
        painted
            .iter()
            .all(|format| FORMATS.contains(&format.as_str())),
        "{painted:?}"
    );
}

#[test]
fn a_source_that_says_nothing_is_converted_to_what_is_asked() {
    gst::init().unwrap();
    let plan = blind(&asking(1280, 720, 30)).unwrap();
    assert!(plan.convert && plan.scale && plan.rate && plan.output.is_fixed());
    has(&plan.output, "width=1280,height=720,framerate=30/1");
}

#[path = "plan_limits_tests.rs"]
mod limits;
