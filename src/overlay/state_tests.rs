// SPDX-License-Identifier: MPL-2.0

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use gst_video::VideoFormat;

use super::*;

fn info(width: u32, height: u32) -> VideoInfo {
    gst::init().unwrap();
    VideoInfo::builder(VideoFormat::I420, width, height)
        .build()
        .unwrap()
}

/// A state with a mask over the left half, for pictures that keep their size of 64 by 48.
fn masked() -> State {
    let info = info(64, 48);
    let mut settings = Settings::default();
    settings.masks.value = porthole_painter::masks::parse("rect 0 0 0.5 1")
        .unwrap()
        .into();
    let mut state = State::new(Arc::new(settings), Timestamp::UNIX_EPOCH);
    state.set_format(Format::new(&info, &info).unwrap());
    state
}

/// The luma of a grey frame painted in place.
fn painted(state: &mut State) -> Vec<u8> {
    let info = info(64, 48);
    let mut buffer = gst::Buffer::from_mut_slice(vec![90_u8; info.size()]);
    let mut frame =
        VideoFrameRef::from_buffer_ref_writable(buffer.get_mut().unwrap(), &info).unwrap();
    state
        .paint(None, &mut frame, &Learned::default(), Timestamp::UNIX_EPOCH)
        .unwrap();
    frame.plane_data(0).unwrap().to_vec()
}

#[test]
fn an_orientation_that_does_not_fit_yet_leaves_the_last_one() {
    let mut state = masked();
    assert_eq!(state.settle(Orientation::Half), Orientation::Half);
    assert_eq!(state.settle(Orientation::Right90), Orientation::Half);
    assert_eq!(
        state.settle(Orientation::MirrorVertical),
        Orientation::MirrorVertical
    );
}

#[test]
fn a_mask_hides_all_of_a_frame_whose_orientation_nobody_asked_for() {
    let mut state = masked();
    assert!(painted(&mut state).contains(&90));
    // Neither what is wanted nor what was in effect leads from one size to the other.
    state.orientation = Orientation::Left90;
    // However often it is settled: what fits is not what was asked for.
    for _ in 0..2 {
        assert_eq!(state.settle(Orientation::Right90), Orientation::Identity);
    }
    assert!(painted(&mut state).iter().all(|luma| *luma == 16));
    state.settle(Orientation::Identity);
    assert!(painted(&mut state).contains(&90));
}
