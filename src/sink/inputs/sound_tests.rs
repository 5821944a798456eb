// SPDX-License-Identifier: MPL-2.0
//! What is heard of each channel, by a decoder in webrtcsink's place.

use super::*;

const RATE: usize = 48_000;
const LOUDNESS: f32 = 8_000.;

/// Half a second of a tone in one channel of several, the others silent; gives the peak of each channel that comes out.
fn heard(layout: &str, channels: usize, speaks: usize) -> Vec<i16> {
    gst::init().expect("GStreamer is installed");
    let caps: gst::Caps = format!(
        "audio/x-raw,format=S16LE,layout=interleaved,rate={RATE},channels={channels}{layout}"
    )
    .parse()
    .expect("these are caps");
    let pipeline = gst::Pipeline::new();
    let source = gst_app::AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .build();
    let sink = gst::Bin::new();
    let listener = gst::parse::bin_from_description(
        "opusdec ! audioconvert ! audio/x-raw,format=S16LE,layout=interleaved ! appsink name=out sync=false",
        true,
    )
    .expect("its elements are installed");
    sink.add(&listener).expect("it is empty");
    let pad = gst::GhostPad::builder(gst::PadDirection::Sink)
        .name("audio")
        .build();
    sink.add_pad(&pad).expect("it has none");
    pipeline
        .add_many([source.upcast_ref::<gst::Element>(), sink.upcast_ref()])
        .expect("it is empty");
    let stream = listener.static_pad("sink").expect("it has one");
    let sound = Sound::attach(&pad, stream, &caps).expect("it is made");
    assert!(sound.is_encoded_here());
    source.link(&sink).expect("it takes sound");
    pipeline.set_state(gst::State::Playing).expect("it plays");

    let mut samples = Vec::new();
    for time in 0..RATE / 2 {
        let angle = time as f32 * 440. * std::f32::consts::TAU / RATE as f32;
        for channel in 0..channels {
            let loud = if channel == speaks { LOUDNESS } else { 0. };
            samples.extend(((angle.sin() * loud) as i16).to_le_bytes());
        }
    }
    let mut buffer = gst::Buffer::from_slice(samples);
    buffer
        .get_mut()
        .expect("nobody else has it")
        .set_pts(gst::ClockTime::ZERO);
    source.push_buffer(buffer).expect("it runs");
    source.end_of_stream().expect("it runs");

    let out = listener.by_name("out").expect("it has one");
    let out = out.downcast::<gst_app::AppSink>().expect("an appsink");
    let mut peaks = Vec::new();
    while let Ok(sample) = out.pull_sample() {
        let caps = sample.caps().expect("it has caps");
        let channels = Layout::of(caps).expect("raw sound").channels();
        peaks.resize(channels, 0);
        let map = sample.buffer().expect("it has one").map_readable();
        let map = map.expect("it is memory");
        for (index, sample) in map.as_slice().chunks_exact(2).enumerate() {
            let loud = i16::from_le_bytes([sample[0], sample[1]]).saturating_abs();
            peaks[index % channels] = peaks[index % channels].max(loud);
        }
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
    peaks
}

/// Opus is no exact copy.
fn assert_loud(peaks: &[i16], expected: &[f32]) {
    assert_eq!(peaks.len(), expected.len(), "{peaks:?}");
    for (peak, expected) in peaks.iter().zip(expected) {
        let off = (f32::from(*peak) - expected * LOUDNESS).abs();
        assert!(off < 0.15 * LOUDNESS, "{peaks:?} for {expected:?}");
    }
}

#[test]
fn two_channels_without_places_are_left_and_right() {
    assert_loud(&heard(",channel-mask=(bitmask)0", 2, 0), &[1., 0.]);
    assert_loud(&heard(",channel-mask=(bitmask)0", 2, 1), &[0., 1.]);
}

#[test]
fn each_microphone_of_an_array_is_heard() {
    for speaks in 0..4 {
        assert_loud(&heard(",channel-mask=(bitmask)0", 4, speaks), &[0.25]);
    }
    for speaks in [0, 15] {
        let peaks = heard(",channel-mask=(bitmask)0", 16, speaks);
        assert!(peaks.len() == 1 && peaks[0] > 200, "{peaks:?}");
    }
}

#[test]
fn surround_sound_is_mixed_to_stereo_by_its_places() {
    let peaks = heard(",channel-mask=(bitmask)0x3f", 6, 0);
    assert!(
        peaks.len() == 2 && peaks[0] > 1_000 && peaks[1] < 500,
        "left: {peaks:?}"
    );
    let peaks = heard(",channel-mask=(bitmask)0x3f", 6, 2);
    assert!(
        peaks.len() == 2 && peaks[0] > 1_000 && peaks[1] > 1_000,
        "centre: {peaks:?}"
    );
}
