// SPDX-License-Identifier: MPL-2.0
//! One media line with its attributes.

use std::collections::BTreeMap;

use sdp_types::Attribute;

use super::{
    BadDescription, Kind,
    candidate::{self, is_ice_char},
    codec::{self, Codec, Extensions},
    is_name, number,
};

/// Payload types of one media line: Chromium's offer has 45.
const MAX_FORMATS: usize = 96;
/// Chromium's offer has 220 for a picture.
const MAX_ATTRIBUTES: usize = 512;
const MAX_MID_BYTES: usize = 32;
/// Lines about sources: two for each of three sources are usual, and webrtcbin keeps a table of them.
const MAX_SSRC_LINES: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaKind {
    Audio,
    Video,
    Data,
}

impl MediaKind {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "audio" => Some(Self::Audio),
            "video" => Some(Self::Video),
            "application" => Some(Self::Data),
            _ => None,
        }
    }
}

/// Which way media goes, seen by whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Direction {
    pub(super) sends: bool,
    pub(super) receives: bool,
}

impl Direction {
    /// The one that is given; webrtcbin takes none of several.
    pub(super) fn of(attributes: &[Attribute]) -> Result<Option<Self>, &'static str> {
        let named = |name: &str| {
            let (sends, receives) = match name {
                "sendrecv" => (true, true),
                "sendonly" => (true, false),
                "recvonly" => (false, true),
                "inactive" => (false, false),
                _ => return None,
            };
            Some(Self { sends, receives })
        };
        let mut found = attributes.iter().filter_map(|a| named(&a.attribute));
        let first = found.next();
        if found.next().is_some() {
            return Err("more than one direction");
        }
        Ok(first)
    }
}

/// What DTLS and ICE need, of a media line or of the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Transport {
    /// ufrag and pwd.
    ice: Option<(String, String)>,
    /// All that there are, in one text.
    fingerprint: Option<String>,
    pub(super) setup: Option<String>,
}

impl Transport {
    pub(super) fn of(attributes: &[Attribute], kind: Kind) -> Result<Self, &'static str> {
        let ufrag = one(attributes, "ice-ufrag", "more than one ice-ufrag")?;
        let pwd = one(attributes, "ice-pwd", "more than one ice-pwd")?;
        let is_credential = |text: &str, shortest| {
            (shortest..=256).contains(&text.len()) && text.bytes().all(is_ice_char)
        };
        let ice = match (ufrag, pwd) {
            (None, None) => None,
            (Some(ufrag), Some(pwd)) if is_credential(ufrag, 4) && is_credential(pwd, 22) => {
                Some((ufrag.to_owned(), pwd.to_owned()))
            }
            _ => return Err("ice-ufrag and ice-pwd are not a pair, or too short or too long"),
        };
        let fingerprint = fingerprints(attributes)?;
        let setup = one(attributes, "setup", "more than one setup")?;
        let known: &[&str] = match kind {
            Kind::Offer => &["actpass", "active", "passive"],
            Kind::Answer => &["active", "passive"],
        };
        if setup.is_some_and(|value| !known.contains(&value)) {
            return Err("setup is none that fits");
        }
        Ok(Self {
            ice,
            fingerprint,
            setup: setup.map(str::to_owned),
        })
    }

    /// The two together; webrtcbin refuses a fingerprint in both places and takes credentials from either.
    fn with(self, session: &Self) -> Result<Self, &'static str> {
        if self.ice.is_some() && session.ice.is_some() {
            return Err("ICE credentials of its own and of the session");
        }
        if self.fingerprint.is_some() && session.fingerprint.is_some() {
            return Err("a fingerprint of its own and of the session");
        }
        let together = Self {
            ice: self.ice.or_else(|| session.ice.clone()),
            fingerprint: self.fingerprint.or_else(|| session.fingerprint.clone()),
            setup: self.setup,
        };
        if together.ice.is_none() {
            return Err("no ice-ufrag and ice-pwd");
        }
        if together.fingerprint.is_none() {
            return Err("no fingerprint");
        }
        if together.setup.is_none() {
            return Err("no setup");
        }
        Ok(together)
    }
}

#[derive(Debug)]
pub(super) struct Media {
    pub(super) kind: MediaKind,
    /// Port 0, which in an answer says no; in an offer it may say "only inside of the bundle".
    pub(super) port_is_zero: bool,
    pub(super) bundle_only: bool,
    pub(super) mid: String,
    pub(super) transport: Transport,
    pub(super) direction: Option<Direction>,
    pub(super) codecs: BTreeMap<u8, Codec>,
    /// What its `fmtp` lines say of what is sent.
    pub(super) sent: BTreeMap<u8, BTreeMap<String, String>>,
    /// In the order of the media line.
    pub(super) formats: Vec<u8>,
    pub(super) extensions: Extensions,
    pub(super) candidates: usize,
}

impl Media {
    pub(super) fn read(
        index: usize,
        media: &sdp_types::Media,
        session: &Transport,
        session_attributes: &[Attribute],
        described: Kind,
    ) -> Result<Self, BadDescription> {
        let bad = |what| BadDescription::Media(index, what);
        let attributes = &media.attributes;
        if attributes.len() > MAX_ATTRIBUTES {
            return Err(bad("too many attributes"));
        }
        let kind = MediaKind::of(&media.media).ok_or(bad("neither audio, video nor data"))?;
        if media.num_ports.is_some() {
            return Err(bad("a number of ports"));
        }
        let transport = Transport::of(attributes, described)
            .and_then(|own| own.with(session))
            .map_err(bad)?;
        let mid = one(attributes, "mid", "more than one mid").map_err(bad)?;
        let mid = mid
            .filter(|mid| is_name(mid, MAX_MID_BYTES))
            .ok_or(bad("no mid, or one that is no name"))?;
        let direction = Direction::of(attributes).map_err(bad)?;
        let mut read = Self {
            kind,
            port_is_zero: media.port == 0,
            bundle_only: attributes.iter().any(|a| a.attribute == "bundle-only"),
            mid: mid.to_owned(),
            transport,
            direction,
            codecs: BTreeMap::new(),
            sent: codec::sent(attributes),
            formats: Vec::new(),
            extensions: Extensions::default(),
            candidates: 0,
        };
        for attribute in attributes.iter().filter(|a| a.attribute == "candidate") {
            candidate::check(attribute.value.as_deref().unwrap_or_default())?;
            read.candidates += 1;
        }
        match kind {
            MediaKind::Data => data(media).map_err(bad)?,
            MediaKind::Audio | MediaKind::Video => {
                read.sound_or_picture(index, media, session_attributes)?;
            }
        }
        Ok(read)
    }

    fn sound_or_picture(
        &mut self,
        index: usize,
        media: &sdp_types::Media,
        session_attributes: &[Attribute],
    ) -> Result<(), BadDescription> {
        let bad = |what| BadDescription::Media(index, what);
        if media.proto != "UDP/TLS/RTP/SAVPF" {
            return Err(bad("a protocol other than UDP/TLS/RTP/SAVPF"));
        }
        if !self.port_is_zero && self.direction.is_none() {
            return Err(bad("no direction"));
        }
        if !media.attributes.iter().any(|a| a.attribute == "rtcp-mux") {
            return Err(bad("no rtcp-mux"));
        }
        for format in media.fmt.split(' ') {
            let payload = number::<u8>(format).filter(|payload| *payload < 128);
            let payload = payload.ok_or(bad("a payload type that is not 0 to 127"))?;
            if self.formats.contains(&payload) || self.formats.len() == MAX_FORMATS {
                return Err(bad("a payload type twice, or too many"));
            }
            self.formats.push(payload);
        }
        self.codecs = codec::read(index, &media.attributes, session_attributes)?;
        for payload in &self.formats {
            if !self.codecs.contains_key(payload) {
                return Err(BadDescription::Payload(index, *payload, "no rtpmap"));
            }
        }
        self.extensions = Extensions::of(&media.attributes).map_err(bad)?;
        sources(&media.attributes).map_err(bad)
    }
}

/// The value of an attribute that may be there once.
pub(super) fn one<'a>(
    attributes: &'a [Attribute],
    name: &str,
    several: &'static str,
) -> Result<Option<&'a str>, &'static str> {
    let mut found = attributes.iter().filter(|a| a.attribute == name);
    let first = found
        .next()
        .map(|attribute| attribute.value.as_deref().unwrap_or_default());
    if found.next().is_some() {
        return Err(several);
    }
    Ok(first)
}

/// One certificate by one hash, or by each of several (RFC 8122, 5), as aiortc has it.
fn fingerprints(attributes: &[Attribute]) -> Result<Option<String>, &'static str> {
    let mut hashes: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    for attribute in attributes.iter().filter(|a| a.attribute == "fingerprint") {
        let value = attribute.value.as_deref().unwrap_or_default();
        let hash = hash_of_fingerprint(value)
            .ok_or("the fingerprint is not one of SHA-256, SHA-384 or SHA-512")?;
        if hashes.contains(&hash) {
            return Err("more than one fingerprint by the same hash");
        }
        hashes.push(hash);
        all.push(value);
    }
    Ok((!all.is_empty()).then(|| all.join(" ")))
}

fn hash_of_fingerprint(value: &str) -> Option<&'static str> {
    let (hash, digest) = value.split_once(' ')?;
    let hashes = [("sha-256", 32), ("sha-384", 48), ("sha-512", 64)];
    let (hash, bytes) = hashes
        .into_iter()
        .find(|(name, _)| hash.eq_ignore_ascii_case(name))?;
    let is_byte = |pair: &str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
    (digest.split(':').count() == bytes && digest.split(':').all(is_byte)).then_some(hash)
}

/// Data channels. A source in such a media line would make webrtcbin look for its transceiver, which there is not.
fn data(media: &sdp_types::Media) -> Result<(), &'static str> {
    let attributes = &media.attributes;
    if !["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"].contains(&media.proto.as_str())
        || media.fmt != "webrtc-datachannel"
    {
        return Err("an application other than webrtc-datachannel");
    }
    let port = one(attributes, "sctp-port", "more than one sctp-port")?;
    let port = port.and_then(number::<u16>);
    if port.is_none_or(|port| port == 0) {
        return Err("no sctp-port, or none that is a port");
    }
    let size = one(
        attributes,
        "max-message-size",
        "more than one max-message-size",
    )?;
    if size.is_some_and(|size| number::<u32>(size).is_none()) {
        return Err("max-message-size is no 32-bit number");
    }
    let misplaced = ["ssrc", "ssrc-group", "rtpmap", "fmtp", "extmap", "rtcp-fb"];
    if attributes
        .iter()
        .any(|a| misplaced.contains(&a.attribute.as_str()))
    {
        return Err("an attribute of sound or picture");
    }
    Ok(())
}

/// `ssrc` and `ssrc-group` lines.
fn sources(attributes: &[Attribute]) -> Result<(), &'static str> {
    let mut count = 0;
    for attribute in attributes {
        let value = attribute.value.as_deref().unwrap_or_default();
        let fits = match attribute.attribute.as_str() {
            "ssrc" => value.split_once(' ').is_some_and(|(source, rest)| {
                let name = rest.split(':').next().unwrap_or_default();
                number::<u32>(source).is_some() && is_name(name, 32)
            }),
            "ssrc-group" => {
                let mut words = value.split(' ');
                words.next().is_some_and(|name| is_name(name, 32))
                    && words.all(|source| number::<u32>(source).is_some())
            }
            _ => continue,
        };
        count += 1;
        if !fits || count > MAX_SSRC_LINES {
            return Err("a source that is none, or too many");
        }
    }
    Ok(())
}
