// SPDX-License-Identifier: MPL-2.0

use super::*;

/// One picture of a test pattern, as raw video or as what `encoder` makes of it.
fn film(caps: &str, pattern: &str, encoder: &str) -> Film {
    gst::init().unwrap();
    let description = format!(
        "videotestsrc num-buffers=1 pattern={pattern} ! {caps} {encoder} ! appsink name=out sync=false"
    );
    let pipeline = gst::parse::launch(&description).unwrap();
    let pipeline = pipeline.downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("out").unwrap();
    let sink = sink.downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let sample = sink.pull_sample().unwrap();
    let film = Film {
        caps: sample.caps_owned().unwrap(),
        buffer: sample.buffer_owned().unwrap(),
    };
    pipeline.set_state(gst::State::Null).unwrap();
    film
}

/// Width and height in a JPEG's frame header (ITU-T T.81, B.2.2).
fn size(jpeg: &[u8]) -> (u32, u32) {
    assert_eq!(&jpeg[..2], [0xff, 0xd8], "it begins as a JPEG does");
    let mut at = 2;
    loop {
        let length = u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]);
        if matches!(jpeg[at + 1], 0xc0..=0xc2) {
            let edge = |at: usize| u32::from(u16::from_be_bytes([jpeg[at], jpeg[at + 1]]));
            return (edge(at + 7), edge(at + 5));
        }
        at += 2 + usize::from(length);
    }
}

#[test]
fn a_picture_of_any_format_becomes_a_jpeg_of_its_size() {
    for format in ["I420", "NV12", "YUY2", "BGRx", "RGB", "GRAY8"] {
        let caps = format!("video/x-raw,format={format},width=640,height=360");
        let jpeg = jpeg(&film(&caps, "smpte", ""), 0, None).unwrap();
        assert_eq!(size(&jpeg), (640, 360), "{format}");
    }
}

#[test]
fn the_busiest_picture_fits() {
    let film = film("video/x-raw,format=I420,width=1920,height=1080", "snow", "");
    let jpeg = jpeg(&film, 0, None).unwrap();
    assert!(jpeg.len() <= MAX_BYTES, "{}", jpeg.len());
    assert!(size(&jpeg).0 >= 320, "{:?}", size(&jpeg));
}

#[test]
fn it_is_no_wider_than_asked_for_and_shown_as_its_pixels_are() {
    let wide = film("video/x-raw,width=1280,height=720", "smpte", "");
    assert_eq!(size(&jpeg(&wide, 320, None).unwrap()), (320, 180));
    let anamorphic = film(
        "video/x-raw,width=720,height=576,pixel-aspect-ratio=16/15",
        "smpte",
        "",
    );
    assert_eq!(size(&jpeg(&anamorphic, 0, None).unwrap()), (768, 576));
}

#[test]
fn what_is_missing_is_named_and_what_is_no_picture_is_none() {
    let film = film("video/x-raw,width=64,height=64", "smpte", "");
    let error = jpeg(&film, 0, Some("cudadownload-of-nobody")).unwrap_err();
    assert!(matches!(error, NoPicture::Missing(_)), "{error}");
    let nothing = Film {
        caps: "video/x-raw,format=NONSENSE,width=64,height=64"
            .parse()
            .unwrap(),
        buffer: film.buffer.clone(),
    };
    assert!(matches!(jpeg(&nothing, 0, None), Err(NoPicture::Unfit(_))));
    // The caps promise more than there is.
    let short = Film {
        caps: "video/x-raw,format=I420,width=640,height=360,framerate=30/1"
            .parse()
            .unwrap(),
        buffer: gst::Buffer::with_size(16).unwrap(),
    };
    assert!(matches!(jpeg(&short, 0, None), Err(NoPicture::Unfit(_))));
}
