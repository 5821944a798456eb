// SPDX-License-Identifier: MPL-2.0
//! The image on the picture.

use super::*;

/// A file that is removed again, with an opaque red image.
struct ImageFile(std::path::PathBuf);

impl ImageFile {
    fn new(name: &str, width: u32, height: u32) -> Self {
        init();
        let path = std::env::temp_dir().join(format!(
            "porthole-overlay-{}-{name}.png",
            std::process::id()
        ));
        let line = format!(
            "videotestsrc num-buffers=1 pattern=red ! video/x-raw,format=RGB,width={width},height={height} ! pngenc \
             ! filesink location={}",
            path.display()
        );
        let pipeline = gst::parse::launch(&line).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let bus = pipeline.bus().unwrap();
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(30), &[gst::MessageType::Eos])
            .unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        Self(path)
    }

    fn property(&self) -> String {
        format!("image={}", self.0.display())
    }
}

impl Drop for ImageFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn an_image_is_scaled_and_laid_in_its_corner() {
    let file = ImageFile::new("corner", 64, 32);
    let caps = caps("I420", 640, 480);
    let mut harness = overlay(
        &format!("{} image-size=0.1 margin=0", file.property()),
        &caps,
    );
    let planes = pass(&mut harness, grey_frame(&caps, 90));
    // 48 rows, and twice as wide; red has the luma 81.
    assert_eq!(changed(&planes[0], 640, 90), Some((544, 0, 639, 47)));
    assert!(planes[0].iter().all(|luma| [81, 90].contains(luma)));
}

#[test]
fn an_image_with_half_opacity_is_half_seen() {
    let file = ImageFile::new("opacity", 32, 32);
    let caps = caps("GRAY8", 320, 240);
    let mut harness = overlay(
        &format!("{} image-opacity=0.5 image-position=left", file.property()),
        &caps,
    );
    let planes = pass(&mut harness, grey_frame(&caps, 191));
    // Grey video has the full range: its red is 76.
    let middle = 133;
    assert!(
        planes[0]
            .iter()
            .all(|luma| *luma == 191 || luma.abs_diff(middle) <= 1)
    );
    assert!(planes[0].iter().any(|luma| *luma != 191));
}

#[test]
fn an_image_that_cannot_be_read_refuses_to_start_and_says_where_it_looked() {
    let text = refusal("image", "/nowhere/logo.png");
    assert!(
        text.contains("image") && text.contains("/nowhere/logo.png"),
        "{text}"
    );
}

#[test]
fn an_image_that_cannot_be_read_while_playing_is_warned_of_and_the_old_one_stays() {
    let file = ImageFile::new("stays", 32, 32);
    let caps = caps("I420", 320, 240);
    let bus = gst::Bus::new();
    let mut harness = overlay(&file.property(), &caps);
    let before = pass(&mut harness, grey_frame(&caps, 90));
    let element = element(&harness);
    element.set_bus(Some(&bus));
    element.set_property("image", "/nowhere/logo.png");
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_some());
    assert!(pass(&mut harness, grey_frame(&caps, 90)) == before);
    element.set_property("image", None::<&str>);
    assert_eq!(
        changed(&pass(&mut harness, grey_frame(&caps, 90))[0], 320, 90),
        None
    );
}
