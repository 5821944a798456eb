// SPDX-License-Identifier: MPL-2.0
use super::*;

#[test]
fn what_is_installed_takes_every_setting_of_its_line() {
    gst::init().expect("GStreamer is installed");
    let order = Order {
        bitrate: 777_000,
        interval: 123,
    };
    let mut tried = 0;
    for encoder in Codec::ALL.into_iter().flat_map(installed) {
        let Some(element) = encoder.make(order) else {
            panic!("{} cannot be made", encoder.factory);
        };
        if encoder.is_v4l2() {
            continue;
        }
        for (name, value) in encoder.settings {
            let spec = element.find_property(name);
            let spec = spec.unwrap_or_else(|| panic!("{} has no {name}", encoder.factory));
            let wanted = gst::glib::Value::deserialize_with_pspec(value, &spec)
                .unwrap_or_else(|_| panic!("{} has no {name}={value}", encoder.factory));
            let got = element.property_value(name);
            let text = |value: &gst::glib::Value| format!("{value:?}");
            assert_eq!(text(&got), text(&wanted), "{} {name}", encoder.factory);
        }
        let (name, unit) = encoder.bitrate;
        let got = format!("{:?}", element.property_value(name));
        let wanted = if unit == Bits { "777000" } else { "777" };
        assert!(got.contains(wanted), "{} {name}: {got}", encoder.factory);
        tried += 1;
    }
    assert!(tried >= 3, "openh264enc, x264enc and vp8enc are installed");
}

#[test]
fn a_number_beyond_what_a_property_takes_is_the_last_that_it_does() {
    gst::init().expect("GStreamer is installed");
    let element = gst::ElementFactory::make("x264enc").build();
    let element = element.expect("x264enc is installed");
    // As key-int-max of vah264enc, which ends at 1,024.
    set_number(&element, "rc-lookahead", 1 << 20);
    assert_eq!(element.property::<i32>("rc-lookahead"), 250);
    set_number(&element, "bitrate", 0);
    assert_eq!(element.property::<u32>("bitrate"), 1);
}

#[test]
fn each_codec_has_an_encoder_and_each_encoder_one_line() {
    for codec in Codec::ALL {
        assert!(ENCODERS.iter().any(|e| e.codec == codec));
    }
    for (i, encoder) in ENCODERS.iter().enumerate() {
        let rest = &ENCODERS[i + 1..];
        assert!(rest.iter().all(|e| e.factory != encoder.factory));
    }
}
