// SPDX-License-Identifier: MPL-2.0
//! What a viewer sends is checked here before webrtcsink sees it. Pure: no gst, no input or output.
//!
//! webrtcsink and webrtcbin unwrap and assert on what a peer may write into a description, which ends the whole process
//! (docs/upstream.md lists the places). So nothing passes that they were not made for: limits first, then the grammar,
//! strictly, so that GStreamer's lenient parser can read nothing else into the same bytes; then the fit to the offer.
//!
//! - `sdp`: a description in text, taken apart.
//! - `media`: one m-line and its attributes.
//! - `codec`: `rtpmap`, `fmtp`, `extmap`.
//! - `fit`: an answer against the offer it answers, and what holds between m-lines.
//! - `candidate`: one ICE candidate.

mod candidate;
mod codec;
mod fit;
mod media;
mod sdp;

use super::limits::{MAX_CANDIDATE_BYTES, MAX_DESCRIPTION_BYTES};
use fit::Outline;
pub(crate) use fit::OwnOffer;

/// Candidates of one session between two offers of the camera, those inside of descriptions included. A computer with
/// eight addresses sends 32; the ICE agent pairs each with all of its own.
pub(crate) const MAX_CANDIDATES: usize = 64;

/// Why something that a viewer sent goes no further. The text is for the operator and holds none of the viewer's words;
/// the viewer gets `Code::BadDescription`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadDescription {
    #[error("the description has {0} bytes, more than {MAX_DESCRIPTION_BYTES}")]
    TooLarge(usize),
    #[error("the candidate has {0} bytes, more than {MAX_CANDIDATE_BYTES}")]
    CandidateTooLarge(usize),
    #[error("more than {MAX_CANDIDATES} candidates")]
    TooManyCandidates,
    #[error("an offer can only be the first description of a session")]
    LateOffer,
    #[error("an answer, but no offer waits for one")]
    UnaskedAnswer,
    #[error("line {0} of the description: {1}")]
    Line(usize, &'static str),
    #[error("the description is no SDP")]
    Unreadable,
    #[error("the description's session part: {0}")]
    Session(&'static str),
    #[error("media line {0} of the description: {1}")]
    Media(usize, &'static str),
    #[error("media line {0} of the description, payload type {1}: {2}")]
    Payload(usize, u8, &'static str),
    #[error("candidate: {0}")]
    Candidate(&'static str),
    #[error("it rejects the picture: it takes none of the codecs that are offered")]
    PictureRejected,
    #[error("a candidate for media line {0}, which the session does not have")]
    NoSuchMedia(u32),
}

/// Who made a description that is sent to a viewer, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Offer,
    Answer,
}

/// What becomes of a candidate that is well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Forward,
    /// A browser that hides its address behind a `.local` name means no harm, but looking the name up keeps the session's
    /// ICE agent beyond its end, and ends the process (docs/upstream.md). The camera learns the address from the
    /// browser's own connectivity checks.
    Ignore,
}

/// A description that has passed, without what webrtcsink must not see: candidates that are ignored, and the parameters of
/// AV1, which browsers write and upstream takes for H.264's (docs/upstream.md). Nothing here depends on those.
pub(crate) fn without_hidden(description: String) -> String {
    let av1: Vec<&str> = (description.lines())
        .filter_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(' '))
        .filter(|(_, codec)| codec.to_ascii_uppercase().starts_with("AV1/"))
        .map(|(payload, _)| payload)
        .collect();
    let is_hidden = |line: &str| {
        let candidate = line.strip_prefix("a=candidate:");
        let of = line
            .strip_prefix("a=fmtp:")
            .and_then(|rest| rest.split_once(' '));
        candidate.is_some_and(candidate::is_hidden)
            || of.is_some_and(|(payload, _)| av1.contains(&payload))
    };
    if !description.lines().any(is_hidden) {
        return description;
    }
    let lines = description.split_inclusive('\n');
    lines.filter(|line| !is_hidden(line)).collect()
}

/// What one session's viewer may send, given what the camera sent it. One for each session.
#[derive(Debug, Default)]
pub(crate) struct Check {
    /// The camera's offer that waits for an answer.
    open: Option<Outline>,
    /// Whether either side has described the session yet.
    begun: bool,
    /// The viewer's offer, if it made one.
    own_offer: Option<OwnOffer>,
    /// Media lines of the newest description.
    media: usize,
    candidates: usize,
}

impl Check {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The camera's own description goes out: an answer must fit this offer. A later offer takes its place.
    pub(crate) fn sent(&mut self, kind: Kind, description: &str) {
        if kind == Kind::Offer {
            let outline = Outline::of_own(description);
            self.media = outline.media.len();
            self.open = Some(outline);
            self.begun = true;
            // With a new offer the viewer may gather anew.
            self.candidates = 0;
        }
    }

    /// What a viewer that offers itself has offered.
    pub(crate) fn own_offer(&self) -> Option<OwnOffer> {
        self.own_offer
    }

    /// A viewer that makes the offer itself.
    pub(crate) fn offer(&mut self, description: &str) -> Result<(), BadDescription> {
        if self.begun {
            return Err(BadDescription::LateOffer);
        }
        let session = sdp::read(description, Kind::Offer)?;
        let own = fit::offer(&session)?;
        self.count(session.candidates())?;
        self.own_offer = Some(own);
        self.media = session.media.len();
        self.begun = true;
        Ok(())
    }

    /// A viewer's answer; one for each offer of the camera.
    pub(crate) fn answer(&mut self, description: &str) -> Result<(), BadDescription> {
        let offer = self.open.as_ref().ok_or(BadDescription::UnaskedAnswer)?;
        if sdp::is_short(description) && fit::rejects_picture(description, offer) {
            return Err(BadDescription::PictureRejected);
        }
        let session = sdp::read(description, Kind::Answer)?;
        fit::answer(&session, offer)?;
        self.count(session.candidates())?;
        self.open = None;
        Ok(())
    }

    /// One candidate; an empty one says that no more will come.
    pub(crate) fn candidate(&mut self, m_line: u32, text: &str) -> Result<Use, BadDescription> {
        if usize::try_from(m_line).map_or(true, |index| index >= self.media) {
            return Err(BadDescription::NoSuchMedia(m_line));
        }
        self.count(1)?;
        if text.is_empty() {
            return Ok(Use::Forward);
        }
        let candidate = text
            .strip_prefix("candidate:")
            .ok_or(BadDescription::Candidate("no \"candidate:\" in front"))?;
        candidate::check(candidate)?;
        Ok(if candidate::is_hidden(candidate) {
            Use::Ignore
        } else {
            Use::Forward
        })
    }

    fn count(&mut self, more: usize) -> Result<(), BadDescription> {
        self.candidates = self.candidates.saturating_add(more);
        if self.candidates > MAX_CANDIDATES {
            return Err(BadDescription::TooManyCandidates);
        }
        Ok(())
    }
}

/// One or more of the characters of an SDP token that occur in names, so that both parsers end it in the same place.
fn is_name(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.len() <= longest
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
}

/// A decimal number written in the one usual way: GStreamer's `atoi` reads " +096" as 96, too.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let usual =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if usual { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
