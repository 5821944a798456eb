// SPDX-License-Identifier: MPL-2.0
//! A description, from text to checked parts.

use sdp_types::Attribute;

use super::{
    BadDescription, Kind, MAX_DESCRIPTION_BYTES, is_name,
    media::{self, Media},
};

/// Chromium's offer of everything it knows has 350 lines for a picture and sound.
const MAX_LINES: usize = 1024;
/// GStreamer cuts fields off at 8 KiB; parameter sets in base64 are the longest that occur, with a few hundred bytes.
const MAX_LINE_BYTES: usize = 2048;
/// webrtcsink has one m-line for each stream and one for data channels.
const MAX_MEDIA: usize = 16;
/// Attributes that nobody here knows become field names in caps.
const MAX_ATTRIBUTE_NAME_BYTES: usize = 64;

/// Attributes that keep secrets or ask for layers; GStreamer acts on them in ways that nothing here needs.
const REFUSED: [&str; 8] = [
    "key-mgmt",
    "crypto",
    "rid",
    "simulcast",
    "framesize",
    "sctpmap",
    "ssrc-sampling",
    "control",
];

/// A description that is well formed in itself.
#[derive(Debug)]
pub(super) struct Session {
    /// The mids of the BUNDLE group; empty without one.
    pub(super) bundle: Vec<String>,
    pub(super) media: Vec<Media>,
}

impl Session {
    pub(super) fn candidates(&self) -> usize {
        self.media.iter().map(|media| media.candidates).sum()
    }
}

pub(super) fn is_short(text: &str) -> bool {
    text.len() <= MAX_DESCRIPTION_BYTES
}

pub(super) fn read(text: &str, kind: Kind) -> Result<Session, BadDescription> {
    lines(text)?;
    let parsed =
        sdp_types::Session::parse(text.as_bytes()).map_err(|_| BadDescription::Unreadable)?;
    if parsed.medias.is_empty() || parsed.medias.len() > MAX_MEDIA {
        return Err(BadDescription::Session("no media lines, or too many"));
    }
    if let Some(what) = attributes(&parsed.attributes) {
        return Err(BadDescription::Session(what));
    }
    let transport =
        media::Transport::of(&parsed.attributes, kind).map_err(BadDescription::Session)?;
    if transport.setup.is_some() {
        return Err(BadDescription::Session("setup belongs to media lines"));
    }
    let misplaced = ["extmap", "ssrc", "candidate", "mid", "rtpmap", "fmtp"];
    if parsed
        .attributes
        .iter()
        .any(|attribute| misplaced.contains(&attribute.attribute.as_str()))
    {
        return Err(BadDescription::Session(
            "an attribute that belongs to media lines",
        ));
    }
    let bundle = bundle(&parsed.attributes).map_err(BadDescription::Session)?;
    let mut session = Session {
        bundle,
        media: Vec::with_capacity(parsed.medias.len()),
    };
    for (index, media) in parsed.medias.iter().enumerate() {
        if let Some(what) = attributes(&media.attributes) {
            return Err(BadDescription::Media(index, what));
        }
        let media = Media::read(index, media, &transport, &parsed.attributes, kind)?;
        session.media.push(media);
    }
    Ok(session)
}

/// Each line is `x=` and printable ASCII; line ends are of one of the two kinds that both parsers know.
fn lines(text: &str) -> Result<(), BadDescription> {
    if !is_short(text) {
        return Err(BadDescription::TooLarge(text.len()));
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    for (index, line) in body.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let bad = |what| Err(BadDescription::Line(index + 1, what));
        if index >= MAX_LINES {
            return bad("too many lines");
        }
        if line.len() > MAX_LINE_BYTES {
            return bad("too long");
        }
        if !line
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            return bad("other than printable ASCII");
        }
        match line.as_bytes() {
            [
                b'v' | b'o' | b's' | b't' | b'c' | b'b' | b'a' | b'i',
                b'=',
                ..,
            ] => (),
            [b'm', b'=', rest @ ..] => {
                // GStreamer takes a blank at the end, or two in a row, for an empty format.
                if rest.split(|byte| *byte == b' ').any(<[u8]>::is_empty) {
                    return bad("blanks in a media line");
                }
            }
            _ => return bad("a kind of line that WebRTC does not use"),
        }
    }
    Ok(())
}

fn attributes(attributes: &[Attribute]) -> Option<&'static str> {
    for attribute in attributes {
        if !is_name(&attribute.attribute, MAX_ATTRIBUTE_NAME_BYTES) {
            return Some("an attribute whose name is none");
        }
        if REFUSED.contains(&attribute.attribute.as_str()) {
            return Some("an attribute for keys or layers, which are not used");
        }
    }
    None
}

/// The mids of the one group there may be.
pub(super) fn bundle(attributes: &[Attribute]) -> Result<Vec<String>, &'static str> {
    let mut groups = attributes
        .iter()
        .filter(|attribute| attribute.attribute == "group");
    let Some(group) = groups.next() else {
        return Ok(Vec::new());
    };
    if groups.next().is_some() {
        return Err("more than one group");
    }
    let mids = group
        .value
        .as_deref()
        .and_then(|value| value.strip_prefix("BUNDLE "))
        .ok_or("a group other than BUNDLE, or an empty one")?;
    Ok(mids.split(' ').map(str::to_owned).collect())
}
