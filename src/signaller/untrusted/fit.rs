// SPDX-License-Identifier: MPL-2.0
//! An answer against its offer, and a viewer's offer against what webrtcsink makes of one.

use std::collections::BTreeMap;

use super::{
    BadDescription,
    codec::{self, Codec, Extensions},
    media::{Direction, Media, MediaKind, one},
    number,
    sdp::{Session, bundle},
};

/// What the camera offered. It was made here: what cannot be read is left out, and so cannot be answered.
#[derive(Debug)]
pub(super) struct Outline {
    bundle: Vec<String>,
    pub(super) media: Vec<Offered>,
}

#[derive(Debug)]
pub(super) struct Offered {
    kind: Option<MediaKind>,
    mid: String,
    direction: Direction,
    formats: Vec<u8>,
    codecs: BTreeMap<u8, Codec>,
    sent: BTreeMap<u8, BTreeMap<String, String>>,
    extensions: Extensions,
}

impl Outline {
    pub(super) fn of_own(text: &str) -> Self {
        let Ok(parsed) = sdp_types::Session::parse(text.as_bytes()) else {
            return Self {
                bundle: Vec::new(),
                media: Vec::new(),
            };
        };
        let offered = |media: &sdp_types::Media| {
            let attributes = &media.attributes;
            let both = Direction {
                sends: true,
                receives: true,
            };
            Offered {
                kind: MediaKind::of(&media.media),
                mid: one(attributes, "mid", "")
                    .ok()
                    .flatten()
                    .unwrap_or_default()
                    .to_owned(),
                direction: Direction::of(attributes).ok().flatten().unwrap_or(both),
                formats: media.fmt.split(' ').filter_map(number).collect(),
                codecs: codec::own(attributes),
                sent: codec::sent(attributes),
                extensions: Extensions::own(attributes),
            }
        };
        Self {
            bundle: bundle(&parsed.attributes).unwrap_or_default(),
            media: parsed.medias.iter().map(offered).collect(),
        }
    }
}

/// Whether it says no to a picture that is offered. Browsers leave out what else a media line has to have then, so this is looked
/// for before anything else.
pub(super) fn rejects_picture(text: &str, offer: &Outline) -> bool {
    let Ok(parsed) = sdp_types::Session::parse(text.as_bytes()) else {
        return false;
    };
    let mut pairs = parsed.medias.iter().zip(&offer.media);
    pairs.any(|(media, offered)| {
        let is_picture = offered.kind == Some(MediaKind::Video) && offered.direction.sends;
        is_picture && media.media == "video" && media.port == 0
    })
}

pub(super) fn answer(session: &Session, offer: &Outline) -> Result<(), BadDescription> {
    if session.media.len() != offer.media.len() {
        return Err(BadDescription::Session(
            "not as many media lines as the offer has",
        ));
    }
    one_transport(session)?;
    for (index, (media, offered)) in session.media.iter().zip(&offer.media).enumerate() {
        answered(index, media, offered)?;
    }
    answered_bundle(session, offer)
}

fn answered(index: usize, media: &Media, offered: &Offered) -> Result<(), BadDescription> {
    let bad = |what| Err(BadDescription::Media(index, what));
    if offered.kind != Some(media.kind) {
        return bad("of another kind than in the offer");
    }
    if offered.mid != media.mid {
        return bad("another mid than in the offer");
    }
    if let Some(direction) = media.direction
        && media.kind != MediaKind::Data
        && (direction.sends && !offered.direction.receives
            || direction.receives && !offered.direction.sends)
    {
        return bad("a direction that the offer does not allow");
    }
    for payload in &media.formats {
        let bad = |what| Err(BadDescription::Payload(index, *payload, what));
        match (media.codecs.get(payload), offered.codecs.get(payload)) {
            (Some(codec), Some(of_offer)) if offered.formats.contains(payload) => {
                if !codec.is_same(of_offer) {
                    return bad("another codec than in the offer");
                }
            }
            _ => return bad("not in the offer"),
        }
        // The payloader would not agree, and the session would fail while webrtcsink builds it, which locks it.
        let offered = offered.sent.get(payload);
        let is_offered = |(name, value): (&String, &String)| {
            offered.and_then(|parameters| parameters.get(name)) == Some(value)
        };
        let sent = media.sent.get(payload);
        if !sent.is_none_or(|parameters| parameters.iter().all(is_offered)) {
            return bad("another sprop parameter than in the offer");
        }
    }
    let is_offered = |(id, name): (&u16, &String)| offered.extensions.0.get(id) == Some(name);
    if !media.extensions.0.iter().all(is_offered) {
        return bad("a header extension that was not offered");
    }
    Ok(())
}

/// webrtcbin goes on with the transport of the first media line in the offer's group and can move to no other.
fn answered_bundle(session: &Session, offer: &Outline) -> Result<(), BadDescription> {
    let mut accepted = session.media.iter().filter(|media| !media.port_is_zero);
    if session.bundle.is_empty() {
        return match (offer.bundle.len(), accepted.next()) {
            (0 | 1, _) | (_, None) => Ok(()),
            _ => Err(BadDescription::Session("no BUNDLE group")),
        };
    }
    if session.bundle.first() != offer.bundle.first() {
        return Err(BadDescription::Session(
            "the BUNDLE group does not begin as the offer's",
        ));
    }
    let mut rest = offer.bundle.iter();
    if !session.bundle.iter().all(|mid| rest.any(|m| m == mid)) {
        return Err(BadDescription::Session(
            "the BUNDLE group is not a part of the offer's",
        ));
    }
    if !accepted.all(|media| session.bundle.contains(&media.mid)) {
        return Err(BadDescription::Session(
            "a media line that is not in the BUNDLE group",
        ));
    }
    Ok(())
}

/// What a viewer's own offer has beside picture and sound from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnOffer {
    /// The payload type of Opus by which the viewer would speak.
    pub(crate) voice: Option<u8>,
    /// A media line for data channels.
    pub(crate) data: bool,
}

/// webrtcsink pairs its streams with media lines by counting those for sound and picture, and keeps one codec for each
/// payload type.
pub(super) fn offer(session: &Session) -> Result<OwnOffer, BadDescription> {
    one_transport(session)?;
    let mids: Vec<&String> = session.media.iter().map(|media| &media.mid).collect();
    if mids
        .iter()
        .enumerate()
        .any(|(i, mid)| mids[..i].contains(mid))
    {
        return Err(BadDescription::Session("one mid twice"));
    }
    let grouped = session.bundle.iter().eq(mids);
    if !grouped && (session.media.len() > 1 || !session.bundle.is_empty()) {
        return Err(BadDescription::Session(
            "the BUNDLE group is not all media lines in their order",
        ));
    }
    let mut own = OwnOffer::default();
    let mut kinds = Vec::new();
    let mut codecs = BTreeMap::new();
    let mut extensions = BTreeMap::new();
    for (index, media) in session.media.iter().enumerate() {
        let bad = |what| Err(BadDescription::Media(index, what));
        if kinds.contains(&media.kind) {
            return bad("the second of its kind");
        }
        if kinds.contains(&MediaKind::Data) {
            return bad("after that for data, which must be the last");
        }
        if media.port_is_zero && (index == 0 || !media.bundle_only) {
            return bad("rejected by who offers it");
        }
        let way = media.direction;
        match media.kind {
            MediaKind::Data => own.data = true,
            // A viewer who speaks also hears.
            MediaKind::Audio if way.is_some_and(|way| way.receives) => {
                let speaks = way.is_some_and(|way| way.sends);
                own.voice = opus(media).filter(|_| speaks);
            }
            _ if way.is_none_or(|way| way.sends) => {
                return bad("a viewer's offer must be recvonly, or sendrecv for sound");
            }
            _ => (),
        }
        kinds.push(media.kind);
        for payload in &media.formats {
            if codecs.insert(*payload, index).is_some() {
                return bad("a payload type of another media line");
            }
        }
        for (id, name) in &media.extensions.0 {
            if extensions
                .insert(*id, name)
                .is_some_and(|other| other != name)
            {
                return bad("a header extension's id that means another elsewhere");
            }
        }
    }
    if kinds.first().is_none_or(|kind| *kind == MediaKind::Data) {
        return Err(BadDescription::Session("neither sound nor picture"));
    }
    Ok(own)
}

fn opus(media: &Media) -> Option<u8> {
    let is_opus = |payload: &&u8| {
        let codec = media.codecs.get(payload);
        codec.is_some_and(|codec| codec.encoding == "OPUS")
    };
    media.formats.iter().find(is_opus).copied()
}

/// All media lines go one way, also those that are rejected: webrtcbin takes the credentials of the last.
fn one_transport(session: &Session) -> Result<(), BadDescription> {
    let mut pairs = session.media.windows(2).enumerate();
    let differs = pairs.find(|(_, pair)| pair[0].transport != pair[1].transport);
    differs.map_or(Ok(()), |(index, _)| {
        Err(BadDescription::Media(
            index + 1,
            "ICE credentials, fingerprint or setup differ from the line before",
        ))
    })
}
