// SPDX-License-Identifier: MPL-2.0
//! Payload types, their formats, and header extensions of one media line.

use std::collections::BTreeMap;

use sdp_types::Attribute;

use super::{BadDescription, is_name, number};

/// Header extensions of one media line; Chromium's offer has 11.
const MAX_EXTENSIONS: usize = 32;
/// Longest name of a header extension; the usual ones have 73 bytes.
const MAX_EXTENSION_BYTES: usize = 256;
/// Payload types with one encoding (retransmission aside): webrtcsink runs an encoder for each that a consumer offers
/// until one fits. Chromium's offer has 9 of H.264.
const MAX_SAME_ENCODING: usize = 16;
/// Formats' parameters; Chromium sends three, H.265 has about 20.
const MAX_PARAMETERS: usize = 32;

/// Parameters that become fields of caps with a meaning, or with a type, of their own.
const RESERVED: [&str; 10] = [
    "level",
    "media",
    "payload",
    "clock-rate",
    "encoding-name",
    "encoding-params",
    "ssrc",
    "timestamp-offset",
    "seqnum-offset",
    "npt-start",
];
/// What other lines of a description become in the same caps: a different value for one field, and the caps are empty,
/// which webrtcsink does not expect.
const RESERVED_PREFIXES: [&str; 5] = ["a-", "extmap-", "rid-", "rtcp-fb-", "ssrc-"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Codec {
    /// In upper case.
    pub(super) encoding: String,
    clock: u32,
    channels: Option<u16>,
}

impl Codec {
    /// "VP8/90000", "opus/48000/2"
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let encoding = parts.next().filter(|name| is_name(name, 32))?;
        // GStreamer keeps a rate in a signed 32-bit number.
        let clock = number(parts.next()?).filter(|clock| (1..=10_000_000).contains(clock))?;
        let channels = match parts.next() {
            Some(channels) => Some(number(channels).filter(|count| (1..=255).contains(count))?),
            None => None,
        };
        parts.next().is_none().then(|| Self {
            encoding: encoding.to_ascii_uppercase(),
            clock,
            channels,
        })
    }

    /// The same to a decoder: one channel need not be written.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.encoding == other.encoding
            && self.clock == other.clock
            && self.channels.unwrap_or(1) == other.channels.unwrap_or(1)
    }
}

/// All `rtpmap` lines that can be read; of several for one payload type the first, as GStreamer takes it.
pub(super) fn own(attributes: &[Attribute]) -> BTreeMap<u8, Codec> {
    let mut codecs = BTreeMap::new();
    for (payload, rest) in values(attributes, "rtpmap") {
        if let (Some(payload), Some(codec)) = (payload, Codec::parse(rest)) {
            codecs.entry(payload).or_insert(codec);
        }
    }
    codecs
}

/// What is said of what will be sent, for each payload type: the parameters that begin with `sprop-`.
pub(super) fn sent(attributes: &[Attribute]) -> BTreeMap<u8, BTreeMap<String, String>> {
    let mut all: BTreeMap<u8, BTreeMap<String, String>> = BTreeMap::new();
    for (payload, rest) in values(attributes, "fmtp") {
        let Some(payload) = payload else { continue };
        for pair in rest.split(';') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, "1"));
            let name = name.trim().to_ascii_lowercase();
            if name.starts_with("sprop-") {
                let parameters = all.entry(payload).or_default();
                parameters.insert(name, value.trim().to_owned());
            }
        }
    }
    all
}

/// The codecs of a viewer's media line, if all that it says of them is in order.
pub(super) fn read(
    index: usize,
    attributes: &[Attribute],
    session: &[Attribute],
) -> Result<BTreeMap<u8, Codec>, BadDescription> {
    let bad = |payload, what| BadDescription::Payload(index, payload, what);
    let nameless = BadDescription::Media(index, "a line without a payload type");
    let mut codecs = BTreeMap::new();
    for (payload, rest) in values(attributes, "rtpmap") {
        let payload = payload.ok_or(nameless)?;
        let codec = Codec::parse(rest).ok_or(bad(payload, "an rtpmap that is none"))?;
        if codecs.insert(payload, codec).is_some() {
            return Err(bad(payload, "more than one rtpmap"));
        }
    }
    for codec in codecs.values() {
        let same = codecs.values().filter(|c| c.encoding == codec.encoding);
        if codec.encoding != "RTX" && same.count() > MAX_SAME_ENCODING {
            return Err(BadDescription::Media(index, "one encoding too often"));
        }
    }
    let mut seen = Vec::new();
    for (payload, rest) in values(attributes, "fmtp") {
        let payload = payload.ok_or(nameless)?;
        if seen.contains(&payload) {
            return Err(bad(payload, "more than one fmtp"));
        }
        seen.push(payload);
        let encoding = codecs.get(&payload).map(|codec| codec.encoding.as_str());
        let parameters = Parameters { encoding };
        let names = parameters.check(rest).map_err(|what| bad(payload, what))?;
        // Attributes that begin with "x-" become fields under their own names.
        let is_attribute = |name: &str| {
            let mut all = attributes.iter().chain(session);
            all.any(|attribute| attribute.attribute == name)
        };
        if names.iter().any(|name| is_attribute(name)) {
            return Err(bad(payload, "a parameter that is an attribute, too"));
        }
    }
    feedback(attributes).map_err(|what| BadDescription::Media(index, what))?;
    Ok(codecs)
}

/// The payload type in front of each such line, and what follows it.
fn values<'a>(
    attributes: &'a [Attribute],
    name: &'a str,
) -> impl Iterator<Item = (Option<u8>, &'a str)> {
    attributes
        .iter()
        .filter(move |attribute| attribute.attribute == name)
        .map(|attribute| {
            let value = attribute.value.as_deref().unwrap_or_default();
            let (payload, rest) = value.split_once(' ').unwrap_or_default();
            (number(payload).filter(|payload| *payload < 128), rest)
        })
}

struct Parameters<'a> {
    encoding: Option<&'a str>,
}

impl Parameters<'_> {
    /// Reads "name=value;name" as GStreamer does; gives the names.
    fn check(&self, text: &str) -> Result<Vec<String>, &'static str> {
        let mut names = Vec::new();
        for pair in text.split(';') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, "1"));
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            if name.is_empty() && value == "1" {
                // A semicolon at the end.
                continue;
            }
            // "111/111" and "0-15" are usual.
            if !name.split('/').all(|part| is_name(part, 64)) {
                return Err("a parameter whose name is none");
            }
            if names.contains(&name) || names.len() == MAX_PARAMETERS {
                return Err("a parameter twice, or too many");
            }
            let reserved = RESERVED.contains(&name.as_str())
                || RESERVED_PREFIXES.iter().any(|p| name.starts_with(p));
            if reserved || !self.fits(&name, value) {
                return Err("a parameter that is not one of the codec, or its value");
            }
            names.push(name);
        }
        Ok(names)
    }

    /// webrtcsink looks these up in tables of H.264 and does not expect to find nothing, whatever the codec.
    fn fits(&self, name: &str, value: &str) -> bool {
        match name {
            "profile-level-id" => self.encoding == Some("H264") && is_h264_profile(value),
            // Browsers write AV1's; it is taken out before webrtcsink sees it.
            "profile" => self.encoding == Some("AV1") && number::<u8>(value).is_some(),
            "apt" => number::<u8>(value).is_some_and(|payload| payload < 128),
            _ => true,
        }
    }
}

/// Whether GStreamer's name for the profile, and for the level, is one that webrtcsink knows.
fn is_h264_profile(value: &str) -> bool {
    if value.len() != 6 || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return false;
    }
    let Ok(id) = u32::from_str_radix(value, 16) else {
        return false;
    };
    let [_, profile, constraints, level] = id.to_be_bytes();
    let is_set = |constraint: u8| constraints & (0x80 >> constraint) != 0;
    let known_profile = match profile {
        66 | 77 => true,
        // Progressive High is not known; Constrained High is.
        100 => !is_set(4) || is_set(5),
        110 => !is_set(3) && !is_set(4),
        122 | 244 => !is_set(3),
        _ => false,
    };
    let levels = [
        9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62,
    ];
    known_profile && levels.contains(&level)
}

/// `rtcp-fb` lines: a payload type or `*`, and words, which become a name.
fn feedback(attributes: &[Attribute]) -> Result<(), &'static str> {
    for attribute in attributes.iter().filter(|a| a.attribute == "rtcp-fb") {
        let value = attribute.value.as_deref().unwrap_or_default();
        let fits = value.split_once(' ').is_some_and(|(payload, words)| {
            (payload == "*" || number::<u8>(payload).is_some())
                && words.len() <= 64
                && words.split(' ').all(|word| is_name(word, 32))
        });
        if !fits {
            return Err("an rtcp-fb that is none");
        }
    }
    Ok(())
}

/// The name of the header extension behind each id.
#[derive(Debug, Default)]
pub(super) struct Extensions(pub(super) BTreeMap<u16, String>);

impl Extensions {
    pub(super) fn of(attributes: &[Attribute]) -> Result<Self, &'static str> {
        let mut found = BTreeMap::new();
        for attribute in attributes.iter().filter(|a| a.attribute == "extmap") {
            let value = attribute.value.as_deref().unwrap_or_default();
            let (id, name) = Self::one(value).ok_or("an extmap that is none")?;
            if found.insert(id, name).is_some() || found.len() > MAX_EXTENSIONS {
                return Err("an extmap id twice, or too many");
            }
        }
        Ok(Self(found))
    }

    /// Those that can be read.
    pub(super) fn own(attributes: &[Attribute]) -> Self {
        let lines = attributes.iter().filter(|a| a.attribute == "extmap");
        Self(
            lines
                .filter_map(|line| Self::one(line.value.as_deref()?))
                .collect(),
        )
    }

    /// "4/recvonly urn:of-it and attributes"
    fn one(value: &str) -> Option<(u16, String)> {
        let mut words = value.split(' ');
        let id = words.next()?;
        let (id, direction) = id.split_once('/').unwrap_or((id, "sendrecv"));
        // 15 means "stop" in a packet with one-byte headers, and 256 means other things in others.
        let id = number::<u16>(id).filter(|id| (1..=255).contains(id) && *id != 15)?;
        let is_direction = ["sendrecv", "sendonly", "recvonly", "inactive"].contains(&direction);
        let name = words.next()?;
        let is_uri = (1..=MAX_EXTENSION_BYTES).contains(&name.len());
        (is_direction && is_uri).then(|| (id, name.to_owned()))
    }
}
