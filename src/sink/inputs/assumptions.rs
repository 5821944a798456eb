// SPDX-License-Identifier: MPL-2.0
//! What is assumed of webrtcsink and webrtcbin, and looked at before the first viewer of a process is sent an offer: where it does not
//! hold, viewers would have no picture and nobody a word.
//!
//! webrtcbin is asked, once a process, by one offer that goes nowhere. That is when the first session comes: its libraries take 13 MB,
//! which a camera does without until then. The offer also says whose retransmissions (RFC 4588) webrtcbin writes by itself: those of
//! a media line's first codec alone (GStreamer 1.22), or of each (1.26). What it does not write is written by us, and what stands
//! there twice, or for a retransmission, makes Chromium refuse the offer.

use std::{
    collections::BTreeSet,
    sync::{OnceLock, mpsc},
    time::Duration,
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCRTPTransceiver, WebRTCRTPTransceiverDirection, WebRTCSessionDescription};
use gstrswebrtc::utils::Codecs;

use crate::sink::CAT;

/// Longest that webrtcbin may take for an offer without candidates. It takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The payload types of the offer that asks: of two codecs of a picture, and of a voice that is to come.
const ASKED: [(i32, &str); 2] = [(96, "H264"), (97, "VP8")];
const VOICE: i32 = 127;
const TWCC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const PROFILE: &str = "42e01f";
/// The version of gst-plugin-webrtc that is part of this plugin.
pub(super) const WEBRTCSINK: &str = "0.15.4";

/// What webrtcbin was found to do.
struct Found {
    /// It writes retransmissions of each codec.
    writes_each: bool,
    /// In words, one for each assumption that does not hold.
    differences: Vec<String>,
}

fn found() -> &'static Found {
    static FOUND: OnceLock<Found> = OnceLock::new();
    FOUND.get_or_init(|| {
        let found = ask();
        gst::debug!(
            CAT,
            "webrtcbin writes retransmissions of each codec: {}; {:?}",
            found.writes_each,
            found.differences
        );
        found
    })
}

/// Whether webrtcbin writes retransmissions for each codec. Waits for webrtcbin the first time.
pub(super) fn is_written_for_each_codec() -> bool {
    found().writes_each
}

/// What does not hold of webrtcbin. Waits for it the first time.
pub(super) fn differences() -> &'static [String] {
    &found().differences
}

/// What does not hold of the numbers that webrtcsink gives to these codecs, which are to be in their order.
pub(super) fn numbering(video_caps: &gst::Caps, names: &[&str], first: i32) -> Vec<String> {
    let given = Codecs::list_encoders_and_payloaders(video_caps.iter());
    let given: Vec<(i32, &str)> = given
        .iter()
        .map(|codec| (codec.payload().unwrap_or_default(), codec.name.as_str()))
        .collect();
    let expected: Vec<(i32, &str)> = (first..).zip(names.iter().copied()).collect();
    match given == expected {
        true => Vec::new(),
        false => vec![format!(
            "webrtcsink numbers its codecs {given:?} in place of {expected:?}"
        )],
    }
}

/// An error's words for what does not hold.
pub(super) fn in_words(differences: &[String]) -> String {
    let of = |factory: &str| {
        let factory = gst::ElementFactory::find(factory);
        let plugin = factory.and_then(|factory| factory.plugin());
        plugin.map_or_else(|| "missing".into(), |plugin| plugin.version().to_string())
    };
    format!(
        "viewers would have no picture: {}. This is {} with gst-plugin-webrtc {WEBRTCSINK} on {}, webrtcbin {} and libnice's plugin {}; install versions that go together (docs/install.md)",
        differences.join("; "),
        env!("CARGO_PKG_VERSION"),
        gst::version_string(),
        of("webrtcbin"),
        of("nicesrc"),
    )
}

/// Makes a webrtcbin and has it make an offer.
fn ask() -> Found {
    let nothing = |difference: &str| Found {
        // A viewer without retransmissions of one codec has a picture; one whose offer says them twice has none.
        writes_each: true,
        differences: vec![difference.to_owned()],
    };
    let webrtcbin = gst::ElementFactory::make("webrtcbin")
        .property_from_str("bundle-policy", "max-bundle")
        .build();
    let Ok(webrtcbin) = webrtcbin else {
        return nothing("webrtcbin cannot be made (gstreamer1.0-plugins-bad)");
    };
    let offer = offer_of(&webrtcbin, PATIENCE);
    let mut differences = of_object(&webrtcbin);
    let _ = webrtcbin.set_state(gst::State::Null);
    let Ok(offer) = offer else {
        // That of a machine which is too busy, or stood still meanwhile, is no difference.
        gst::warning!(
            CAT,
            "webrtcbin has made no offer in {PATIENCE:?}: retransmissions are left to it"
        );
        return Found {
            writes_each: true,
            differences,
        };
    };
    let text = offer.and_then(|offer| offer.sdp().as_text().ok());
    let Some(text) = text else {
        return nothing("webrtcbin makes no offer (gstreamer1.0-nice, gstreamer1.0-plugins-good)");
    };
    differences.extend(of_offer(&text));
    Found {
        writes_each: repaired(&text).contains(&ASKED[1].0),
        differences,
    }
}

/// Its offer, if it makes one; an error if it does not say in time.
fn offer_of(
    webrtcbin: &gst::Element,
    patience: Duration,
) -> Result<Option<WebRTCSessionDescription>, mpsc::RecvTimeoutError> {
    if webrtcbin.set_state(gst::State::Ready).is_err() {
        return Ok(None);
    }
    let codecs: gst::Caps = ASKED
        .into_iter()
        .map(|(payload, name)| {
            let mut codec = gst::Structure::builder("application/x-rtp")
                .field("media", "video")
                .field("encoding-name", name)
                .field("clock-rate", 90_000i32)
                .field("payload", payload)
                .field("extmap-1", TWCC)
                .field("ssrc", 1u32)
                .build();
            if name == "H264" {
                codec.set("packetization-mode", "1");
                codec.set("profile-level-id", PROFILE);
            }
            codec
        })
        .collect();
    let voice = gst::Caps::builder("application/x-rtp")
        .field("media", "audio")
        .field("encoding-name", "OPUS")
        .field("clock-rate", 48_000i32)
        .field("payload", VOICE)
        .build();
    let add = |direction: WebRTCRTPTransceiverDirection, caps: &gst::Caps| {
        webrtcbin
            .emit_by_name::<Option<WebRTCRTPTransceiver>>("add-transceiver", &[&direction, caps])
    };
    let Some(picture) = add(WebRTCRTPTransceiverDirection::Sendonly, &codecs) else {
        return Ok(None);
    };
    picture.set_property("do-nack", true);
    if add(WebRTCRTPTransceiverDirection::Recvonly, &voice).is_none() {
        return Ok(None);
    }
    let (answer, answered) = mpsc::sync_channel(1);
    let promise = gst::Promise::with_change_func(move |reply| {
        let offer = reply.ok().flatten();
        let offer = offer.and_then(|reply| reply.get::<WebRTCSessionDescription>("offer").ok());
        let _ = answer.send(offer);
    });
    webrtcbin.emit_by_name::<()>("create-offer", &[&None::<gst::Structure>, &promise]);
    answered.recv_timeout(patience)
}

/// What is reached inside of it by name.
fn of_object(webrtcbin: &gst::Element) -> Vec<String> {
    let mut missing = Vec::new();
    let mut need = |is_there: bool, what: &str| {
        if !is_there {
            missing.push(format!("webrtcbin has no {what}"));
        }
    };
    let rtpbin = webrtcbin
        .downcast_ref::<gst::Bin>()
        .and_then(|bin| bin.by_name("rtpbin"));
    let has = |object: Option<&glib::Object>, name: &str| {
        object.is_some_and(|object| object.find_property(name).is_some())
    };
    for name in ["max-streams", "do-lost"] {
        let rtpbin = rtpbin.as_ref().map(|rtpbin| rtpbin.upcast_ref());
        need(has(rtpbin, name), &format!("rtpbin with {name}"));
    }
    let object = |of: &glib::Object, name: &str| {
        let spec = of.find_property(name)?;
        let is_object = spec.value_type().is_a(glib::Object::static_type());
        is_object.then(|| of.property::<Option<glib::Object>>(name))?
    };
    let ice = object(webrtcbin.upcast_ref(), "ice-agent");
    let agent = ice.and_then(|ice| object(&ice, "agent"));
    // Else routers are asked for ports.
    need(has(agent.as_ref(), "upnp"), "agent of libnice with upnp");
    let signal = |name: &str| glib::subclass::SignalId::lookup(name, webrtcbin.type_()).is_some();
    for name in ["request-aux-sender", "get-stats"] {
        need(signal(name), &format!("signal {name}"));
    }
    missing
}

/// What an offer of [`ASKED`] and [`VOICE`] has to say and does not. Pure.
fn of_offer(text: &str) -> Vec<String> {
    let mut differences = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            differences.push(format!("webrtcbin's offer has not {what}"));
        }
    };
    let mut media = text.split("\r\nm=").skip(1);
    let (picture, voice) = (media.next().unwrap_or(""), media.next().unwrap_or(""));
    let has = |media: &str, line: &str| media.lines().any(|own| own == line);
    let formats = |media: &str| -> Vec<String> {
        let line = media.lines().next().unwrap_or_default();
        line.split(' ').skip(3).map(str::to_owned).collect()
    };
    let listed = formats(picture);
    let asked: Vec<String> = ASKED
        .iter()
        .map(|(payload, _)| payload.to_string())
        .collect();
    expect(
        picture.starts_with("video ") && listed.starts_with(&asked),
        "the picture's codecs first, in their order",
    );
    for (payload, name) in ASKED {
        let line = format!("a=rtpmap:{payload} {name}/90000");
        expect(has(picture, &line), &line);
    }
    let profile = picture
        .lines()
        .find(|line| line.starts_with(&format!("a=fmtp:{} ", ASKED[0].0)));
    let says = |parameter: &str| profile.is_some_and(|line| line.contains(parameter));
    expect(
        says(&format!("profile-level-id={PROFILE}")) && says("packetization-mode=1"),
        "the parameters of H.264",
    );
    let twcc = format!("a=extmap:1 {TWCC}");
    expect(has(picture, &twcc), &twcc);
    expect(has(picture, "a=sendonly"), "a=sendonly for the picture");
    expect(
        voice.starts_with("audio ") && formats(voice) == [VOICE.to_string()],
        "a line for the voice with its payload type alone",
    );
    expect(has(voice, "a=recvonly"), "a=recvonly for the voice");
    let of_picture = repaired(picture);
    let once: BTreeSet<i32> = of_picture.iter().copied().collect();
    expect(
        once.contains(&ASKED[0].0) && once.len() == of_picture.len(),
        "retransmissions of the first codec, and none twice",
    );
    differences
}

/// The payload types for which a description has retransmissions.
fn repaired(text: &str) -> Vec<i32> {
    let parameters = text
        .lines()
        .filter_map(|line| line.strip_prefix("a=fmtp:")?.split_once(' '));
    let of = |(_, parameters): (&str, &str)| {
        let mut pairs = parameters.split(';').map(str::trim);
        pairs.find_map(|pair| pair.strip_prefix("apt=")?.parse().ok())
    };
    parameters.filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> String {
        gst::init().expect("GStreamer is installed");
        let webrtcbin = gst::ElementFactory::make("webrtcbin")
            .property_from_str("bundle-policy", "max-bundle")
            .build()
            .expect("it is installed");
        let offer = offer_of(&webrtcbin, Duration::from_secs(60))
            .expect("webrtcbin answers")
            .expect("webrtcbin makes an offer");
        let _ = webrtcbin.set_state(gst::State::Null);
        offer.sdp().as_text().expect("it is text")
    }

    #[test]
    fn what_is_assumed_of_this_webrtcbin_holds() {
        gst::init().expect("GStreamer is installed");
        assert_eq!(differences(), [""; 0]);
        assert_eq!(
            repaired(&offer()).contains(&97),
            is_written_for_each_codec()
        );
    }

    #[test]
    fn whatever_is_other_in_an_offer_is_named() {
        let offer = offer();
        assert_eq!(of_offer(&offer), [""; 0]);
        for (from, to, named) in [
            ("SAVPF 96 97", "SAVPF 97 96", "in their order"),
            (
                "a=rtpmap:97 VP8",
                "a=rtpmap:97 VP9",
                "a=rtpmap:97 VP8/90000",
            ),
            (
                "profile-level-id=42e01f",
                "profile-level-id=42001f",
                "the parameters of H.264",
            ),
            ("a=extmap:1 ", "a=extmap:2 ", "a=extmap:1"),
            ("a=sendonly", "a=sendrecv", "a=sendonly"),
            ("a=recvonly", "a=inactive", "a=recvonly"),
            ("SAVPF 127", "SAVPF 126", "for the voice"),
            ("apt=96", "apt=98", "retransmissions of the first codec"),
            (
                "a=rtcp-mux\r\n",
                "a=rtcp-mux\r\na=fmtp:120 apt=96\r\n",
                "none twice",
            ),
        ] {
            assert!(offer.contains(from), "no {from} in {offer}");
            let changed = offer.replacen(from, to, 1);
            let found = of_offer(&changed);
            assert!(
                found.iter().any(|text| text.contains(named)),
                "{from}: {found:?}"
            );
        }
        assert!(!of_offer("v=0\r\n").is_empty());
    }

    #[test]
    fn a_webrtcbin_in_which_nothing_is_found_by_name_is_told_of() {
        gst::init().expect("GStreamer is installed");
        let other = gst::Bin::new().upcast::<gst::Element>();
        let found = of_object(&other);
        for part in ["rtpbin", "upnp", "request-aux-sender"] {
            assert!(
                found.iter().any(|text| text.contains(part)),
                "{part}: {found:?}"
            );
        }
    }

    #[test]
    fn webrtcsink_numbers_codecs_in_their_order_also_one_that_comes_twice() {
        gst::init().expect("GStreamer is installed");
        let names = ["H264", "H264", "VP8"];
        let caps: gst::Caps = ["video/x-h264", "video/x-h264", "video/x-vp8"]
            .map(gst::Structure::new_empty)
            .into_iter()
            .collect();
        assert_eq!(numbering(&caps, &names, 96), [""; 0]);
        let told = numbering(&caps, &["VP8", "H264", "H264"], 96);
        assert!(told[0].contains("96, \"H264\""), "{told:?}");
    }

    #[test]
    fn an_error_names_the_versions() {
        gst::init().expect("GStreamer is installed");
        let words = in_words(&["a".into(), "b".into()]);
        assert!(words.contains("a; b."), "{words}");
        assert!(
            words.contains(&gst::version_string().to_string()),
            "{words}"
        );
        let locked = include_str!("../../../Cargo.lock");
        let expected = format!("name = \"gst-plugin-webrtc\"\nversion = \"{WEBRTCSINK}\"");
        assert!(locked.contains(&expected));
        assert!(words.contains(WEBRTCSINK), "{words}");
    }
}
