// SPDX-License-Identifier: MPL-2.0
//! A viewer's own offer, narrowed to what the camera sends before webrtcsink sees it. Pure.
//!
//! webrtcsink answers with H.264 only where the viewer lists the very profile that comes in; where it finds nothing to send, its
//! answer says yes to what the viewer lists first, and sends nothing. Browsers list few profiles and decode the others as well,
//! so of those a viewer lists the one that suits best is left, without its name; the answer gets it back.

use std::borrow::Cow;

use crate::h264::ProfileLevel;

const H264: &str = "H264";
const PICTURE: &str = "m=video ";

/// The codecs that a camera sends, by their names in RTP; of H.264 what the stream is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sendable(Vec<(&'static str, Option<ProfileLevel>)>);

impl Sendable {
    pub(crate) fn new(
        codecs: impl IntoIterator<Item = (&'static str, Option<ProfileLevel>)>,
    ) -> Self {
        Self(codecs.into_iter().collect())
    }

    /// What the stream of H.264 is, if there is one.
    fn h264(&self) -> Option<ProfileLevel> {
        let found = self.0.iter().find(|(name, _)| *name == H264)?;
        Some(found.1.unwrap_or_default())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(own, _)| *own == name)
    }
}

/// An offer as webrtcsink is to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Narrowed {
    pub(crate) offer: String,
    /// What was taken from it.
    pub(crate) taken: Option<Taken>,
}

/// The parameters of a payload type, as its viewer has written them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    payload: String,
    parameters: String,
}

/// `None` if the viewer lists nothing that the camera sends. The offer has been checked.
pub(crate) fn narrow(offer: &str, sendable: &Sendable) -> Option<Narrowed> {
    let as_it_is = || Narrowed {
        offer: offer.to_owned(),
        taken: None,
    };
    let Some(picture) = Picture::of(offer).filter(|picture| !picture.is_inactive()) else {
        return Some(as_it_is());
    };
    let best = sendable.h264().and_then(|stream| picture.best(stream));
    let has_other = picture
        .formats()
        .filter_map(|payload| picture.encoding(payload))
        .any(|name| name != H264 && sendable.has(&name));
    if best.is_none() && !has_other {
        return None;
    }
    if !sendable.has(H264) {
        return Some(as_it_is());
    }
    let dropped = picture.other_than(best);
    let mut taken = None;
    let lines = offer.split_inclusive('\n').enumerate();
    let narrowed = lines.map(|(index, line)| {
        if !picture.has(index) {
            return Cow::Borrowed(line);
        }
        if line.starts_with(PICTURE) {
            return Cow::Owned(without(line, &dropped));
        }
        match of_payload(line) {
            Some((_, payload, _)) if dropped.contains(&payload) => Cow::Borrowed(""),
            Some(("fmtp", payload, parameters)) if Some(payload) == best => {
                taken = Some(Taken {
                    payload: payload.to_owned(),
                    parameters: parameters.to_owned(),
                });
                Cow::Owned(nameless(line, payload, parameters))
            }
            _ => Cow::Borrowed(line),
        }
    });
    let offer = narrowed.collect();
    Some(Narrowed { offer, taken })
}

impl Taken {
    /// The answer with what was taken from the offer.
    pub(crate) fn put_back(&self, answer: &str) -> String {
        let lines = answer
            .split_inclusive('\n')
            .map(|line| match of_payload(line) {
                Some(("fmtp", payload, _)) if payload == self.payload => {
                    let end = &line[line.trim_end().len()..];
                    Cow::Owned(format!("a=fmtp:{payload} {}{end}", self.parameters))
                }
                _ => Cow::Borrowed(line),
            });
        lines.collect()
    }
}

/// The media line of an offer for the picture, with its attributes.
struct Picture<'a> {
    first: usize,
    lines: Vec<&'a str>,
}

impl<'a> Picture<'a> {
    fn of(offer: &'a str) -> Option<Self> {
        let all: Vec<&str> = offer.lines().collect();
        let first = all.iter().position(|line| line.starts_with(PICTURE))?;
        let rest = &all[first + 1..];
        let length = rest
            .iter()
            .take_while(|line| !line.starts_with("m="))
            .count();
        Some(Self {
            first,
            lines: all[first..=first + length].to_vec(),
        })
    }

    /// Whether it has the line with this number.
    fn has(&self, index: usize) -> bool {
        (self.first..self.first + self.lines.len()).contains(&index)
    }

    fn is_inactive(&self) -> bool {
        self.lines.contains(&"a=inactive")
    }

    fn formats(&self) -> impl Iterator<Item = &'a str> {
        // "m=video 9 UDP/TLS/RTP/SAVPF" comes before them.
        self.lines[0].split(' ').skip(3)
    }

    fn attribute(&self, name: &str, payload: &str) -> Option<&'a str> {
        let attributes = self.lines.iter().filter_map(|line| of_payload(line));
        let mut found = attributes.filter(|(own, of, _)| *own == name && *of == payload);
        found.next().map(|(.., value)| value)
    }

    fn encoding(&self, payload: &str) -> Option<String> {
        let (name, _) = self.attribute("rtpmap", payload)?.split_once('/')?;
        Some(name.to_ascii_uppercase())
    }

    /// The payload type by which the viewer takes this stream best, of those that packets may be cut for.
    fn best(&self, stream: ProfileLevel) -> Option<&'a str> {
        let ranked = self.formats().enumerate().filter_map(|(place, payload)| {
            if self.encoding(payload).as_deref() != Some(H264) {
                return None;
            }
            let parameters = self.attribute("fmtp", payload);
            let of = |name| parameters.and_then(|parameters| parameter(parameters, name));
            // Whoever says nothing is no browser, and takes what comes.
            let is_cut = parameters.is_none() || of("packetization-mode") == Some("1");
            let listed = match of("profile-level-id") {
                Some(id) => Some(ProfileLevel::parse(id)?),
                None => None,
            };
            let rank = stream.rank(listed).filter(|_| is_cut)?;
            Some((rank, place, payload))
        });
        ranked.min().map(|(.., payload)| payload)
    }

    /// The payload types of H.264 that are not this one, and of what repairs them.
    fn other_than(&self, best: Option<&str>) -> Vec<&'a str> {
        let is_h264 = |payload: &&str| self.encoding(payload).as_deref() == Some(H264);
        let mut dropped: Vec<&str> = self.formats().filter(is_h264).collect();
        dropped.retain(|payload| Some(*payload) != best);
        let repairs = self.formats().filter(|payload| {
            let parameters = self.attribute("fmtp", payload).unwrap_or_default();
            parameter(parameters, "apt").is_some_and(|of| dropped.contains(&of))
        });
        let repairs: Vec<&str> = repairs.collect();
        dropped.into_iter().chain(repairs).collect()
    }
}

/// "a=fmtp:96 apt=97" in three parts.
fn of_payload(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.strip_prefix("a=")?.split_once(':')?;
    let (payload, value) = rest.trim_end().split_once(' ')?;
    ["rtpmap", "fmtp", "rtcp-fb"]
        .contains(&name)
        .then_some((name, payload, value))
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let pairs = parameters
        .split(';')
        .filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(own, _)| own.trim().eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim())
}

/// A media line without these payload types.
fn without(line: &str, dropped: &[&str]) -> String {
    let (kept, end) = line.split_at(line.trim_end().len());
    let words = kept.split(' ').enumerate();
    let words = words.filter(|(place, word)| *place < 3 || !dropped.contains(word));
    let words: Vec<&str> = words.map(|(_, word)| word).collect();
    format!("{}{end}", words.join(" "))
}

/// A line of parameters without the name of a profile; nothing where that is all.
fn nameless(line: &str, payload: &str, parameters: &str) -> String {
    let is_name = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("profile-level-id")
    };
    let kept: Vec<&str> = parameters
        .split(';')
        .filter(|pair| !is_name(pair))
        .collect();
    let end = &line[line.trim_end().len()..];
    match kept.is_empty() {
        true => String::new(),
        false => format!("a=fmtp:{payload} {}{end}", kept.join(";")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(name: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/descriptions/");
        std::fs::read_to_string(format!("{folder}{name}.offer.sdp")).expect("it is there")
    }

    fn h264(id: &str) -> Sendable {
        Sendable::new([(H264, ProfileLevel::parse(id))])
    }

    /// The payload types of the picture, and what is said of those of H.264.
    fn left(offer: &str) -> (Vec<&str>, Vec<&str>) {
        let picture = Picture::of(offer).unwrap();
        let of_h264 = |payload: &&str| picture.encoding(payload).as_deref() == Some(H264);
        let parameters = picture
            .formats()
            .filter(of_h264)
            .filter_map(|payload| picture.attribute("fmtp", payload));
        (picture.formats().collect(), parameters.collect())
    }

    #[test]
    fn of_what_chromium_lists_the_best_name_for_the_stream_is_left_without_its_name() {
        let offer = recorded("chromium-offers-h264");
        for (stream, payload, repair, own) in [
            (
                "640028",
                "116",
                "117",
                "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f",
            ),
            (
                "42c01f",
                "108",
                "109",
                "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            ),
        ] {
            let narrowed = narrow(&offer, &h264(stream)).unwrap();
            let (formats, parameters) = left(&narrowed.offer);
            assert_eq!(
                parameters,
                ["level-asymmetry-allowed=1;packetization-mode=1"]
            );
            assert!(
                formats.contains(&payload) && formats.contains(&repair),
                "{formats:?}"
            );
            // The other codecs stay, and nothing repairs what is gone.
            assert!(formats.contains(&"96"), "{formats:?}");
            for gone in [
                "102", "103", "104", "107", "114", "115", "39", "40", "41", "42", "43", "44",
            ] {
                assert!(!formats.contains(&gone), "{gone} in {formats:?}");
                assert!(
                    !narrowed.offer.contains(&format!(":{gone} ")),
                    "{gone} in {}",
                    narrowed.offer
                );
            }
            let answer =
                format!("v=0\r\na=fmtp:{payload} profile-level-id=640028\r\na=fmtp:9 x=1\r\n");
            let expected = format!("v=0\r\na=fmtp:{payload} {own}\r\na=fmtp:9 x=1\r\n");
            assert_eq!(narrowed.taken.unwrap().put_back(&answer), expected);
        }
    }

    #[test]
    fn an_offer_without_any_of_the_cameras_codecs_is_no_offer() {
        let vp8_alone = recorded("firefox-offers-vp8");
        assert_eq!(narrow(&vp8_alone, &h264("640028")), None);
        let both = Sendable::new([(H264, ProfileLevel::parse("42c01f")), ("VP8", None)]);
        let narrowed = narrow(&vp8_alone, &both).unwrap();
        assert_eq!((narrowed.offer, narrowed.taken), (vp8_alone.clone(), None));
        let h265 = Sendable::new([("H265", None)]);
        assert_eq!(narrow(&vp8_alone, &h265), None);
        // 4:2:2 is in no browser's list.
        assert_eq!(
            narrow(&recorded("chromium-offers-h264"), &h264("7a0028")),
            None
        );
    }

    #[test]
    fn an_offer_is_left_as_it_is_where_nothing_of_h264_is_sent_or_no_picture_wanted() {
        let offer = recorded("chromium-offers-h264");
        let vp8 = Sendable::new([("VP8", None)]);
        assert_eq!(narrow(&offer, &vp8).unwrap().offer, offer);
        let picture = offer.find("m=video").unwrap();
        let silent = &offer[..picture];
        assert_eq!(narrow(silent, &h264("42c01f")).unwrap().offer, silent);
        let idle = offer.replace("a=recvonly", "a=inactive");
        assert_eq!(
            narrow(&idle, &Sendable::new([("H265", None)]))
                .unwrap()
                .offer,
            idle
        );
    }

    #[test]
    fn a_player_that_says_nothing_of_profiles_takes_what_comes() {
        let offer = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=rtpmap:96 H264/90000\na=rtpmap:97 H264/90000\n\
            a=fmtp:97 packetization-mode=0;profile-level-id=42e01f\nm=audio 9 UDP/TLS/RTP/SAVPF 98\na=fmtp:98 useinbandfec=1\n";
        let narrowed = narrow(offer, &h264("640028")).unwrap();
        assert_eq!(left(&narrowed.offer).0, ["96"]);
        assert!(narrowed.offer.ends_with("a=fmtp:98 useinbandfec=1\n"));
        assert_eq!(narrowed.taken, None);
    }

    #[test]
    fn whatever_the_offers_of_real_clients_are_nothing_breaks() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/descriptions");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "sdp") {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            for id in ["42c01f", "4d0028", "640032", "f4001f"] {
                if let Some(narrowed) = narrow(&text, &h264(id)) {
                    assert!(narrowed.offer.len() <= text.len());
                    assert_eq!(
                        narrow(&narrowed.offer, &h264(id)).unwrap().offer,
                        narrowed.offer
                    );
                }
            }
        }
    }
}
