// SPDX-License-Identifier: MPL-2.0
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::{fs, path::Path};

use super::{BadDescription, Check, Kind, MAX_CANDIDATES, OwnOffer, Use, without_hidden};

fn recorded(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/descriptions");
    fs::read_to_string(folder.join(file)).unwrap()
}

/// Names of all recordings, which are pairs `NAME.offer.sdp` and `NAME.answer.sdp`.
fn recordings() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/descriptions");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            Some(name.strip_suffix(".offer.sdp")?.to_owned())
        })
        .collect();
    names.sort();
    names
}

/// A session in which the camera has offered what it offered in `recording`.
fn offered(recording: &str) -> Check {
    let mut check = Check::new();
    check.sent(Kind::Offer, &recorded(&format!("{recording}.offer.sdp")));
    check
}

/// The recorded answer with `from` replaced by `to`, checked.
fn answer(recording: &str, from: &str, to: &str) -> Result<(), BadDescription> {
    let text = recorded(&format!("{recording}.answer.sdp"));
    assert!(text.contains(from), "{recording} has no {from:?}:\n{text}");
    offered(recording).answer(&text.replace(from, to))
}

/// The recorded offer of a viewer with `from` replaced by `to`, checked.
fn offer(recording: &str, from: &str, to: &str) -> Result<(), BadDescription> {
    let text = recorded(&format!("{recording}.offer.sdp"));
    assert!(text.contains(from), "{recording} has no {from:?}:\n{text}");
    Check::new().offer(&text.replace(from, to))
}

/// A picture alone, a picture and sound.
const VP8: &str = "chromium-vp8";
const H264: &str = "chromium-h264";
const SOUND: &str = "chromium-vp8-audio";
const OFFERS: &str = "chromium-offers-vp8-audio";

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, BadDescription>, problem: &str) {
    let error = result.expect_err(problem).to_string();
    assert!(error.contains(problem), "{error:?}, not {problem:?}");
}

#[test]
fn what_real_clients_say_passes() {
    let names = recordings();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        let passed = if name.contains("-offers-") {
            Check::new().offer(&recorded(&format!("{name}.offer.sdp")))
        } else {
            offered(&name).answer(&recorded(&format!("{name}.answer.sdp")))
        };
        if name.starts_with("firefox-h264") && name.ends_with("rejected") {
            assert_eq!(passed, Err(BadDescription::PictureRejected), "{name}");
        } else {
            assert_eq!(passed, Ok(()), "{name}");
        }
    }
}

#[test]
fn real_candidates_pass() {
    for candidate in recorded("candidates.txt").lines() {
        let used = if candidate.contains(".local") {
            Use::Ignore
        } else {
            Use::Forward
        };
        assert_eq!(
            offered(VP8).candidate(0, candidate),
            Ok(used),
            "{candidate}"
        );
    }
}

#[test]
fn line_ends_without_carriage_returns_pass() {
    assert_eq!(answer(SOUND, "\r\n", "\n"), Ok(()));
}

#[test]
fn a_payload_type_without_rtpmap_is_refused() {
    refused(answer(VP8, "a=rtpmap:96 VP8/90000\r\n", ""), "no rtpmap");
    refused(
        answer(VP8, "a=rtpmap:96 VP8/90000", "a=rtpmap:96"),
        "without a payload type",
    );
    refused(
        answer(VP8, "a=rtpmap:96 ", "a=rtpmap:+96 "),
        "without a payload type",
    );
    refused(
        answer(VP8, "a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8"),
        "rtpmap that is none",
    );
    refused(answer(VP8, "VP8/90000", "VP8/0"), "rtpmap that is none");
    refused(
        answer(VP8, "VP8/90000", "VP8/4294967386"),
        "rtpmap that is none",
    );
    refused(offer(OFFERS, "a=rtpmap:96 VP8/90000\r\n", ""), "no rtpmap");
    // A static type needs none by the standard; webrtcsink needs it.
    refused(offer(OFFERS, "a=rtpmap:0 PCMU/8000\r\n", ""), "no rtpmap");
}

#[test]
fn an_unasked_codec_is_refused() {
    refused(answer(VP8, "VP8/90000", "H264/90000"), "another codec");
    refused(answer(VP8, "VP8/90000", "VP8/48000"), "another codec");
    refused(answer(SOUND, "OPUS/48000/2", "OPUS/48000"), "another codec");
    let text = recorded("chromium-vp8.answer.sdp").replace("SAVPF 96", "SAVPF 120 96");
    refused(offered(VP8).answer(&text), "no rtpmap");
    let text = text.replace("a=rtpmap:96", "a=rtpmap:120 VP9/90000\r\na=rtpmap:96");
    refused(offered(VP8).answer(&text), "not in the offer");
}

#[test]
fn a_payload_type_is_a_number_below_128() {
    for format in ["128", "256", "-1", "096", "+96", "x", "96.0"] {
        let result = answer(VP8, "SAVPF 96", &format!("SAVPF {format}"));
        refused(result, "not 0 to 127");
    }
    refused(answer(VP8, "SAVPF 96", "SAVPF 96 96"), "twice");
    refused(answer(VP8, "SAVPF 96", "SAVPF  96"), "blanks");
}

#[test]
fn an_h264_profile_that_webrtcsink_does_not_know_is_refused() {
    let with = |id: &str| {
        answer(
            H264,
            "profile-level-id=42e01f",
            &format!("profile-level-id={id}"),
        )
    };
    for id in [
        "42e01f", "42001f", "4d001f", "64001f", "640c1f", "6e001f", "7a001f", "F4001F", "42e00b",
    ] {
        assert_eq!(with(id), Ok(()), "{id}");
    }
    // Extended, Progressive High, an intra profile, Scalable, none; a level that is none.
    for id in [
        "58e01f", "64081f", "7a101f", "53001f", "ff001f", "42e046", "42e000", "42e0", "0x42e01f",
        "",
    ] {
        refused(with(id), "not one of the codec");
    }
}

#[test]
fn parameters_that_would_be_looked_up_in_tables_are_refused_for_all_codecs() {
    for parameter in [
        "profile=main",
        "PROFILE=0",
        "level=3.1",
        "profile-level-id=58e01f",
        "profile-level-id=42e01f",
    ] {
        let line = format!("a=fmtp:96 {parameter}\r\na=rtpmap:96");
        refused(answer(VP8, "a=rtpmap:96", &line), "not one of the codec");
    }
    refused(
        answer(
            H264,
            "packetization-mode=1",
            "packetization-mode=1;profile=main",
        ),
        "not one",
    );
}

#[test]
fn a_parameter_that_contradicts_another_line_is_refused() {
    for parameter in [
        "a-mid=other",
        "extmap-1=x",
        "ssrc-1-cname=x",
        "rtcp-fb-nack=x",
        "ssrc=1",
        "seqnum-offset=1",
    ] {
        let line = format!("a=fmtp:96 {parameter}\r\na=rtpmap:96");
        refused(answer(VP8, "a=rtpmap:96", &line), "not one of the codec");
    }
    let both = "a=x-flag:one\r\na=fmtp:96 x-flag=two\r\na=rtpmap:96";
    refused(answer(VP8, "a=rtpmap:96", both), "an attribute, too");
    let session = "a=x-flag:one\r\na=group:BUNDLE";
    let text = recorded("chromium-vp8.answer.sdp")
        .replace("a=group:BUNDLE", session)
        .replace("a=rtpmap:96", "a=fmtp:96 x-flag=two\r\na=rtpmap:96");
    refused(offered(VP8).answer(&text), "an attribute, too");
    assert_eq!(
        answer(
            VP8,
            "a=rtpmap:96",
            "a=fmtp:96 x-google-start-bitrate=800\r\na=rtpmap:96"
        ),
        Ok(())
    );
}

#[test]
fn keys_and_layers_are_refused() {
    for line in [
        "key-mgmt:mikey AAAA",
        "crypto:1 AES",
        "rid:1 recv",
        "simulcast:recv 1",
    ] {
        let media = format!("a={line}\r\na=rtpmap:96");
        refused(answer(VP8, "a=rtpmap:96", &media), "keys or layers");
        let session = format!("a={line}\r\na=group");
        refused(answer(VP8, "a=group", &session), "keys or layers");
    }
    refused(answer(VP8, "c=IN", "k=clear:x\r\nc=IN"), "does not use");
}

#[test]
fn media_lines_are_those_of_the_offer() {
    refused(answer(SOUND, "m=audio", "m=video"), "another kind");
    refused(answer(SOUND, "a=mid:audio1", "a=mid:other"), "another mid");
    refused(answer(SOUND, "a=mid:audio1\r\n", ""), "no mid");
    refused(
        answer(SOUND, "a=mid:audio1", "a=mid:audio1\r\na=mid:audio1"),
        "more than one mid",
    );
    refused(answer(SOUND, "m=audio", "m=text"), "neither");
    let sound = recorded(&format!("{SOUND}.answer.sdp"));
    refused(offered(VP8).answer(&sound), "not as many");
    let picture = recorded(&format!("{VP8}.answer.sdp"));
    refused(offered(SOUND).answer(&picture), "not as many");
}

#[test]
fn directions_fit() {
    assert_eq!(answer(VP8, "a=recvonly", "a=inactive"), Ok(()));
    for direction in ["sendonly", "sendrecv"] {
        refused(
            answer(VP8, "a=recvonly", &format!("a={direction}")),
            "direction",
        );
    }
    refused(answer(VP8, "a=recvonly\r\n", ""), "no direction");
    refused(
        answer(VP8, "a=recvonly", "a=recvonly\r\na=inactive"),
        "more than one",
    );
    refused(offer(OFFERS, "a=recvonly", "a=sendrecv"), "recvonly");
}

#[test]
fn a_viewers_offer_may_have_its_voice_beside_the_sound_it_hears_and_data_channels() {
    let text = recorded(&format!("{OFFERS}.offer.sdp"));
    let asked = |text: &str| {
        let mut check = Check::new();
        check.offer(text).map(|()| check.own_offer())
    };
    let own = |voice, data| Ok(Some(OwnOffer { voice, data }));
    assert_eq!(asked(&text), own(None, true));
    let audio = text.find("m=audio").unwrap();
    let (before, sound) = text.split_at(audio);
    let with = |way| format!("{before}{}", sound.replacen("a=recvonly", way, 1));
    assert_eq!(asked(&with("a=sendrecv")), own(Some(111), true));
    assert_eq!(asked(&with("a=inactive")), own(None, true));
    refused(asked(&with("a=sendonly")).map(|_| ()), "recvonly");
    let no_opus = with("a=sendrecv").replace("opus/48000/2", "L16/48000/2");
    assert_eq!(asked(&no_opus), own(None, true));
    let data = text.find("m=application").unwrap();
    let without = text[..data].replace("BUNDLE 0 1 2", "BUNDLE 0 1");
    assert_eq!(asked(&without), own(None, false));
    assert_eq!(offered(VP8).own_offer(), None);
}

#[test]
fn a_media_line_may_be_rejected_but_not_the_first_alone() {
    assert_eq!(answer(SOUND, "m=audio 9", "m=audio 0"), Ok(()));
    let text = recorded(&format!("{SOUND}.answer.sdp"));
    let out_of_the_group = text
        .replace("m=audio 9", "m=audio 0")
        .replace("video0 audio1", "video0");
    assert_eq!(offered(SOUND).answer(&out_of_the_group), Ok(()));
    let tag_moves = text
        .replace("m=video 9", "m=video 0")
        .replace("video0 audio1", "audio1");
    refused(offered(SOUND).answer(&tag_moves), "rejects the picture");
    refused(
        offered(SOUND).answer(&text.replace("video0 audio1", "video0")),
        "not in the BUNDLE",
    );
}

#[test]
fn the_bundle_is_the_offers() {
    refused(
        answer(SOUND, "BUNDLE video0 audio1", "BUNDLE audio1 video0"),
        "does not begin",
    );
    refused(
        answer(SOUND, "BUNDLE video0 audio1", "BUNDLE video0 video0 audio1"),
        "not a part",
    );
    refused(
        answer(SOUND, "BUNDLE video0 audio1", "BUNDLE video0 audio1 other"),
        "not a part",
    );
    refused(
        answer(SOUND, "BUNDLE video0 audio1", "LS video0 audio1"),
        "other than BUNDLE",
    );
    refused(
        answer(SOUND, "a=group:BUNDLE video0 audio1\r\n", ""),
        "no BUNDLE",
    );
    refused(
        answer(SOUND, "a=group:", "a=group:BUNDLE video0\r\na=group:"),
        "more than one group",
    );
    assert_eq!(answer(VP8, "a=group:BUNDLE video0\r\n", ""), Ok(()));
}

#[test]
fn dtls_and_ice_are_described_once_and_well() {
    refused(answer(VP8, "a=setup:active", "a=setup:actpass"), "setup");
    refused(answer(VP8, "a=setup:active\r\n", ""), "no setup");
    refused(
        answer(VP8, "a=fingerprint:sha-256", "a=fingerprint:md5"),
        "fingerprint",
    );
    refused(
        answer(VP8, "a=fingerprint:sha-256", "a=fingerprint:sha-512"),
        "fingerprint",
    );
    refused(answer(VP8, "a=fingerprint:", "a=x:"), "no fingerprint");
    // As aiortc writes it, by each hash that there is, and twice by one.
    let further = |hash: &str, bytes: usize| {
        let digest = vec!["AB"; bytes].join(":");
        format!("a=fingerprint:{hash} {digest}\r\na=fingerprint:sha-256")
    };
    for (hash, bytes) in [("sha-384", 48), ("SHA-512", 64)] {
        let several = further(hash, bytes);
        assert_eq!(answer(VP8, "a=fingerprint:sha-256", &several), Ok(()));
    }
    refused(
        answer(VP8, "a=fingerprint:sha-256", &further("sha-256", 32)),
        "more than one fingerprint by the same hash",
    );
    refused(
        answer(VP8, "a=ice-ufrag:", "a=ice-ufrag:\r\na=x:"),
        "ice-ufrag",
    );
    refused(answer(VP8, "a=ice-ufrag:", "a=x:"), "ice-ufrag");
    refused(
        answer(VP8, "a=ice-pwd:", "a=ice-pwd:short\r\na=x:"),
        "ice-ufrag",
    );
    let long = format!("a=ice-pwd:{}\r\na=x:", "x".repeat(257));
    refused(answer(VP8, "a=ice-pwd:", &long), "ice-ufrag");
    // Twice in the session part is an assertion in webrtcbin.
    let twice =
        "a=ice-ufrag:abcd\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=group";
    refused(answer(VP8, "a=group", twice), "more than one ice-ufrag");
    let both = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=group";
    refused(
        answer(VP8, "a=group", both),
        "of its own and of the session",
    );
    // The last media line's credentials would be taken.
    let text = recorded(&format!("{SOUND}.answer.sdp"));
    let at = text.rfind("a=ice-ufrag:").unwrap() + "a=ice-ufrag:".len();
    let differs = format!("{}x{}", &text[..at], &text[at..]);
    refused(offered(SOUND).answer(&differs), "differ");
}

#[test]
fn header_extensions_are_those_of_the_offer() {
    refused(answer(VP8, "a=extmap:1 ", "a=extmap:2 "), "not offered");
    refused(
        answer(VP8, "a=extmap:1 http", "a=extmap:1 xttp"),
        "not offered",
    );
    for id in ["0", "15", "256", "x", "-1", "01"] {
        refused(
            answer(VP8, "a=extmap:1 ", &format!("a=extmap:{id} ")),
            "extmap",
        );
    }
    refused(answer(VP8, "a=extmap:1 ", "a=extmap:1/up "), "extmap");
    refused(
        answer(VP8, "a=extmap:1 ", "a=extmap:1 urn:x\r\na=extmap:1 "),
        "twice",
    );
}

#[test]
fn sources_are_numbers_and_not_in_data() {
    assert_eq!(
        answer(VP8, "a=rtpmap:96", "a=ssrc:1 cname:x\r\na=rtpmap:96"),
        Ok(())
    );
    for source in ["1", "x cname:x", "4294967296 cname:x", "1 :x"] {
        let line = format!("a=ssrc:{source}\r\na=rtpmap:96");
        refused(answer(VP8, "a=rtpmap:96", &line), "source");
    }
    let many: String = (0..40).map(|i| format!("a=ssrc:{i} cname:x\r\n")).collect();
    refused(
        answer(VP8, "a=rtpmap:96", &format!("{many}a=rtpmap:96")),
        "source",
    );
    // With RTP from it, webrtcbin looks for a transceiver that is not there.
    refused(
        offer(OFFERS, "a=sctp-port", "a=ssrc:1 cname:x\r\na=sctp-port"),
        "sound or picture",
    );
}

#[test]
fn a_viewers_offer_is_what_webrtcsink_can_count() {
    let text = recorded(&format!("{OFFERS}.offer.sdp"));
    let video = text.find("m=video").unwrap();
    let audio = text.find("m=audio").unwrap();
    let data = text.find("m=application").unwrap();
    let (head, rest) = text.split_at(video.min(audio));
    let media = &rest[..data - head.len()];
    let data = &text[data..];
    refused(
        Check::new().offer(&format!(
            "{}{data}{media}",
            head.replace("BUNDLE 0 1 2", "BUNDLE 2 0 1")
        )),
        "must be the last",
    );
    refused(
        Check::new().offer(&format!(
            "{}{data}",
            head.replace("BUNDLE 0 1 2", "BUNDLE 2")
        )),
        "neither sound",
    );
    refused(
        Check::new().offer(&text.replace("m=audio", "m=video")),
        "second of its kind",
    );
    refused(
        Check::new().offer(&text.replace("BUNDLE 0 1 2", "BUNDLE 1 0 2")),
        "in their order",
    );
    refused(
        Check::new().offer(&text.replace("a=mid:1", "a=mid:0")),
        "one mid twice",
    );
    refused(
        Check::new().offer(&text.replace("m=video 9", "m=video 0")),
        "rejected",
    );
    refused(
        offer(OFFERS, "webrtc-datachannel", "5000"),
        "other than webrtc-datachannel",
    );
    refused(
        offer(OFFERS, "a=sctp-port:5000", "a=sctp-port:99999"),
        "sctp-port",
    );
}

#[test]
fn descriptions_come_when_they_may() {
    let text = recorded(&format!("{VP8}.answer.sdp"));
    assert_eq!(
        Check::new().answer(&text),
        Err(BadDescription::UnaskedAnswer)
    );
    let mut check = offered(VP8);
    assert_eq!(check.answer(&text), Ok(()));
    assert_eq!(check.answer(&text), Err(BadDescription::UnaskedAnswer));
    // A renegotiation asks again.
    check.sent(Kind::Offer, &recorded(&format!("{VP8}.offer.sdp")));
    assert_eq!(check.answer(&text), Ok(()));
    let own = recorded(&format!("{OFFERS}.offer.sdp"));
    assert_eq!(check.offer(&own), Err(BadDescription::LateOffer));
    let mut check = Check::new();
    assert_eq!(check.offer(&own), Ok(()));
    assert_eq!(check.offer(&own), Err(BadDescription::LateOffer));
    check.sent(Kind::Answer, &recorded(&format!("{OFFERS}.answer.sdp")));
    assert_eq!(check.answer(&text), Err(BadDescription::UnaskedAnswer));
    assert_eq!(check.candidate(2, ""), Ok(Use::Forward));
}

#[test]
fn sizes_are_bounded_before_anything_is_read() {
    let big = format!("v=0\r\n{}", "a=x\r\n".repeat(5000));
    refused(offered(VP8).answer(&big), "bytes, more than");
    refused(offered(VP8).answer(&"a\n".repeat(1025)), "a kind of line");
    refused(offered(VP8).answer(&"a=\n".repeat(1025)), "too many lines");
    refused(
        offered(VP8).answer(&format!("v=0\r\ns={}", "x".repeat(2048))),
        "too long",
    );
    refused(offered(VP8).answer(""), "a kind of line");
    for text in [
        "v=0\r\n",
        "v=0\r\n\r\n",
        "v=0\rs=-\r\n",
        "v=0\0\r\n",
        "v=\u{e9}\r\n",
        " v=0\r\n",
        "\t",
    ] {
        assert!(offered(VP8).answer(text).is_err(), "{text:?}");
        assert!(Check::new().offer(text).is_err(), "{text:?}");
    }
}

#[test]
fn candidates_are_parsed() {
    let whole = "candidate:1 1 udp 2113937151 192.0.2.2 54408 typ host generation 0";
    let check = |from: &str, to: &str| {
        assert!(whole.contains(from));
        offered(VP8).candidate(0, &whole.replacen(from, to, 1))
    };
    assert_eq!(check("", ""), Ok(Use::Forward));
    assert_eq!(offered(VP8).candidate(0, ""), Ok(Use::Forward));
    assert_eq!(check("192.0.2.2", "fd00::2"), Ok(Use::Forward));
    assert_eq!(
        check("generation 0", "raddr 0.0.0.0 rport 0"),
        Ok(Use::Forward)
    );
    refused(check("candidate:1", "1"), "in front");
    refused(check("candidate:1", "a=candidate:1"), "in front");
    refused(check("candidate:1", "candidate:"), "foundation");
    refused(
        check("candidate:1", &format!("candidate:{}", "1".repeat(33))),
        "foundation",
    );
    refused(check(" 1 udp", " 0 udp"), "component");
    refused(check(" 1 udp", " 257 udp"), "component");
    refused(check("udp", "sctp"), "transport");
    refused(check("2113937151", "4294967296"), "priority");
    refused(check("2113937151", "-1"), "priority");
    for address in [
        "host.example",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "a.b.local",
        ".local",
        "192.0.2.2%eth0",
    ] {
        refused(check("192.0.2.2", address), "address");
    }
    refused(check("54408", "0"), "port");
    refused(check("54408", "65536"), "port");
    refused(check("typ", "type"), "typ");
    refused(check("host", "local"), "type");
    refused(check("generation 0", "generation"), "pairs");
    refused(check("generation 0", "tcptype x"), "does not fit");
    refused(check("generation 0", "generation 0\r\na=x"), "printable");
    refused(check("generation 0", &"x".repeat(2000)), "bytes, more than");
    assert_eq!(
        offered(VP8).candidate(1, whole),
        Err(BadDescription::NoSuchMedia(1))
    );
    assert_eq!(
        offered(VP8).candidate(u32::MAX, whole),
        Err(BadDescription::NoSuchMedia(u32::MAX))
    );
    assert_eq!(
        Check::new().candidate(0, whole),
        Err(BadDescription::NoSuchMedia(0))
    );
}

#[test]
fn candidates_are_counted_also_inside_of_descriptions() {
    let whole = "candidate:1 1 udp 2113937151 192.0.2.2 54408 typ host";
    let mut check = offered(VP8);
    for _ in 0..MAX_CANDIDATES {
        assert_eq!(check.candidate(0, whole), Ok(Use::Forward));
    }
    assert_eq!(
        check.candidate(0, whole),
        Err(BadDescription::TooManyCandidates)
    );
    check.sent(Kind::Offer, &recorded(&format!("{VP8}.offer.sdp")));
    assert_eq!(check.candidate(0, whole), Ok(Use::Forward));
    let lines = |count| format!("{}a=rtpmap:96", format!("a={whole}\r\n").repeat(count));
    assert_eq!(answer(VP8, "a=rtpmap:96", &lines(MAX_CANDIDATES)), Ok(()));
    refused(
        answer(VP8, "a=rtpmap:96", &lines(MAX_CANDIDATES + 1)),
        "candidates",
    );
    refused(
        answer(VP8, "a=rtpmap:96", "a=candidate:1 1 udp\r\na=rtpmap:96"),
        "priority",
    );
}

#[test]
fn names_instead_of_addresses_go_no_further() {
    let text = recorded("page-vp8.answer.sdp");
    let hidden = "a=candidate:1 1 udp 1 x.local 9 typ host\r\n";
    let open = "a=candidate:2 1 udp 1 192.0.2.2 9 typ host\r\n";
    // Not a name, and a line that only looks like one.
    let other = "a=x-candidate:1 1 udp 1 x.local 9 typ host\r\n";
    let whole = format!("{text}{hidden}{open}{hidden}{other}");
    assert_eq!(offered(VP8).answer(&whole), Ok(()));
    assert_eq!(without_hidden(whole), format!("{text}{open}{other}"));
    assert_eq!(without_hidden(text.clone()), text);
    let ends = format!("{text}{hidden}").replace("\r\n", "\n");
    assert_eq!(without_hidden(ends), text.replace("\r\n", "\n"));
}

#[test]
fn what_the_camera_says_of_its_own_stream_is_not_contradicted() {
    let echo = "webrtcsrc-vp8-audio";
    assert_eq!(answer(echo, "sprop-stereo=1", "stereo=1"), Ok(()));
    // A name alone stands for 1.
    assert_eq!(answer(echo, "sprop-stereo=1", "sprop-stereo"), Ok(()));
    for (from, to) in [
        ("sprop-stereo=1", "sprop-stereo=0"),
        ("sprop-stereo=1", "SPROP-Stereo= 0"),
        ("sprop-maxcapturerate=48000", "sprop-maxcapturerate=16000"),
        ("sprop-stereo=1", "sprop-other=1"),
    ] {
        refused(answer(echo, from, to), "another sprop");
    }
}
