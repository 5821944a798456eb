// SPDX-License-Identifier: MPL-2.0
//! What WHEP does with descriptions: candidates into an answer, and out of a fragment (RFC 8840). Pure.
//!
//! Nothing of an offer is judged here: the camera does that.

/// What is kept of a viewer's offer, to understand its fragments.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Of each media line, in their order.
    mids: Vec<Option<String>>,
    ufrags: Vec<String>,
}

/// What a fragment says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Each with the number of its media line; an empty one says that no more will come.
    pub(super) candidates: Vec<(u32, String)>,
    /// It names the ICE session of the offer.
    pub(super) names_session: bool,
}

/// Why a fragment is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadFragment {
    /// It begins another ICE session.
    Restart,
    NoSuchMedia,
    NoFragment,
}

/// Lines without their ends, of either kind.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.trim_end_matches('\r'))
}

impl Outline {
    pub(super) fn of(offer: &str) -> Self {
        let mut outline = Self::default();
        for line in lines(offer) {
            if line.starts_with("m=") {
                outline.mids.push(None);
            } else if let Some(mid) = line.strip_prefix("a=mid:") {
                if let Some(last) = outline.mids.last_mut() {
                    *last = Some(mid.to_owned());
                }
            } else if let Some(ufrag) = line.strip_prefix("a=ice-ufrag:") {
                outline.ufrags.push(ufrag.to_owned());
            }
        }
        outline
    }

    fn line_of(&self, mid: &str) -> Option<u32> {
        let found = |of: &Option<String>| of.as_deref() == Some(mid);
        let place = self.mids.iter().position(found)?;
        u32::try_from(place).ok()
    }

    /// Reads a fragment. What stands before its first media line is about the first of the offer.
    pub(super) fn read(&self, fragment: &str) -> Result<Fragment, BadFragment> {
        let mut read = Fragment::default();
        let mut m_line = 0;
        let mut ended = Vec::new();
        for line in lines(fragment) {
            if let Some(ufrag) = line.strip_prefix("a=ice-ufrag:") {
                if !self.ufrags.iter().any(|known| known == ufrag) {
                    return Err(BadFragment::Restart);
                }
                read.names_session = true;
            } else if let Some(mid) = line.strip_prefix("a=mid:") {
                m_line = self.line_of(mid).ok_or(BadFragment::NoSuchMedia)?;
            } else if let Some(candidate) = line.strip_prefix("a=") {
                if candidate.starts_with("candidate:") {
                    read.candidates.push((m_line, candidate.to_owned()));
                } else if candidate == "end-of-candidates" {
                    ended.push((m_line, String::new()));
                }
            } else if !line.is_empty() && !line.starts_with("m=") {
                return Err(BadFragment::NoFragment);
            }
        }
        read.candidates.append(&mut ended);
        Ok(read)
    }
}

/// What of a media line is about its transport.
const OF_TRANSPORT: [&str; 4] = ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:"];
const FINGERPRINT: &str = "a=fingerprint:";

/// An offer in which all media lines name the one transport that they will share: that of the first of its bundle (RFC 8843,
/// 7.2.1). aiortc, whose media lines have one each until it is answered, and a fingerprint of each kind, would be refused by
/// cameras: webrtcbin knows one transport, and one fingerprint. One without a bundle stays as it is.
pub(super) fn bundled(offer: &str) -> String {
    let Some(shared) = shared_transport(offer) else {
        return offer.to_owned();
    };
    let mut whole = String::with_capacity(offer.len());
    let (mut m_line, mut written) = (None, Vec::new());
    let mut is_elsewhere = false;
    for line in lines(offer) {
        if line.starts_with("m=") {
            m_line = Some(m_line.map_or(0_usize, |before| before + 1));
            written.clear();
            // Its candidates lead to a transport that is never used.
            let own = section(offer, m_line).find(|line| line.starts_with(OF_TRANSPORT[0]));
            is_elsewhere = own.is_some_and(|own| shared[0].is_some_and(|first| first != own));
        }
        let of = OF_TRANSPORT.iter().position(|name| line.starts_with(name));
        let line = match of {
            Some(name) if m_line.is_some() && shared[name].is_some() => {
                if written.contains(&name) {
                    continue;
                }
                written.push(name);
                shared[name].unwrap_or(line)
            }
            _ => line,
        };
        let is_candidate = line.starts_with("a=candidate:") || line == "a=end-of-candidates";
        if !(is_elsewhere && is_candidate) {
            whole.push_str(line);
            whole.push_str("\r\n");
        }
    }
    whole
}

/// The lines of one media line, or of the session.
fn section(text: &str, m_line: Option<usize>) -> impl Iterator<Item = &str> {
    let mut at = None;
    lines(text).filter(move |line| {
        if line.starts_with("m=") {
            at = Some(at.map_or(0_usize, |before| before + 1));
        }
        at == m_line
    })
}

/// What the first media line says of its transport, if there is a bundle.
fn shared_transport(offer: &str) -> Option<[Option<&str>; 4]> {
    let mut session = section(offer, None);
    session.find(|line| line.starts_with("a=group:BUNDLE "))?;
    let of = |name: &str| section(offer, Some(0)).find(|line| line.starts_with(name));
    let mut shared = OF_TRANSPORT.map(of);
    let known = section(offer, Some(0)).find(|line| {
        let hash = line.strip_prefix(FINGERPRINT);
        hash.is_some_and(|hash| hash.to_ascii_lowercase().starts_with("sha-256 "))
    });
    shared[2] = known.or(shared[2]);
    Some(shared)
}

/// The answer with its candidates, each at the end of its media line, and the word that there are no more.
pub(super) fn with_candidates(answer: &str, candidates: &[(u32, String)]) -> String {
    let mut whole = String::with_capacity(answer.len() + 128 * candidates.len());
    let mut m_line: Option<u32> = None;
    let end = |whole: &mut String, m_line: Option<u32>| {
        let Some(m_line) = m_line else { return };
        let own = candidates.iter().filter(|(of, _)| *of == m_line);
        let own = own.filter(|(_, candidate)| is_one_line(candidate));
        let mut any = false;
        for (_, candidate) in own {
            whole.push_str("a=");
            whole.push_str(candidate);
            whole.push_str("\r\n");
            any = true;
        }
        if any {
            whole.push_str("a=end-of-candidates\r\n");
        }
    };
    for line in lines(answer) {
        if line.starts_with("m=") {
            end(&mut whole, m_line);
            m_line = Some(m_line.map_or(0, |before| before + 1));
        }
        whole.push_str(line);
        whole.push_str("\r\n");
    }
    end(&mut whole, m_line);
    whole
}

fn is_one_line(candidate: &str) -> bool {
    candidate.starts_with("candidate:") && !candidate.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=mid:a\r\n\
                         m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:abcd\r\na=mid:v\r\n";

    fn candidate(m_line: u32, rest: &str) -> (u32, String) {
        (m_line, format!("candidate:{rest}"))
    }

    #[test]
    fn a_fragments_candidates_belong_to_the_media_line_of_their_mid_and_the_end_comes_last() {
        let outline = Outline::of(OFFER);
        let fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:x\r\nm=video 9 RTP/AVP 0\r\na=mid:v\r\na=candidate:1\r\na=end-of-candidates\r\n\
                        a=candidate:2\r\nm=audio 9 RTP/AVP 0\r\na=mid:a\r\na=candidate:3\r\n";
        let read = outline.read(fragment).unwrap();
        assert!(read.names_session);
        let end = (1, String::new());
        let all = [candidate(1, "1"), candidate(1, "2"), candidate(0, "3"), end];
        assert_eq!(read.candidates, all);
        let bare = outline.read("a=candidate:1\n").unwrap();
        assert_eq!(bare.candidates, [candidate(0, "1")]);
        assert!(!bare.names_session);
    }

    #[test]
    fn what_begins_another_ice_session_or_is_of_no_media_line_or_no_fragment_is_refused() {
        let outline = Outline::of(OFFER);
        let restart = "a=ice-ufrag:other\r\na=ice-pwd:x\r\n";
        assert_eq!(outline.read(restart), Err(BadFragment::Restart));
        let unknown = "m=video 9 RTP/AVP 0\r\na=mid:w\r\na=candidate:1\r\n";
        assert_eq!(outline.read(unknown), Err(BadFragment::NoSuchMedia));
        for text in ["{\"candidate\":\"\"}", "hello", "\u{0}"] {
            assert_eq!(outline.read(text), Err(BadFragment::NoFragment), "{text:?}");
        }
        assert_eq!(outline.read(""), Ok(Fragment::default()));
    }

    #[test]
    fn all_media_lines_of_a_bundle_name_the_transport_of_the_first() {
        let offer = "v=0\r\na=group:BUNDLE 0 1\r\nm=video 5 X 1\r\na=candidate:1\r\na=end-of-candidates\r\na=ice-ufrag:one\r\n\
                     a=ice-pwd:p1\r\na=fingerprint:sha-384 A\r\na=fingerprint:SHA-256 B\r\na=fingerprint:sha-512 C\r\na=setup:actpass\r\n\
                     m=audio 6 X 2\r\na=candidate:2\r\na=end-of-candidates\r\na=ice-ufrag:two\r\na=ice-pwd:p2\r\na=fingerprint:sha-256 D\r\n\
                     a=setup:actpass\r\na=mid:1\r\n";
        let transport =
            "a=ice-ufrag:one\r\na=ice-pwd:p1\r\na=fingerprint:SHA-256 B\r\na=setup:actpass\r\n";
        let wanted = format!(
            "v=0\r\na=group:BUNDLE 0 1\r\nm=video 5 X 1\r\na=candidate:1\r\na=end-of-candidates\r\n{transport}\
             m=audio 6 X 2\r\n{transport}a=mid:1\r\n"
        );
        assert_eq!(bundled(offer), wanted);
        assert_eq!(bundled(&wanted), wanted);
        // One transport for all already, or none that is shared.
        let of_session = "v=0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:one\r\nm=video 5 X 1\r\nm=audio 6 X 2\r\na=candidate:2\r\n";
        assert_eq!(bundled(of_session), of_session);
        let apart = offer.replace("a=group:BUNDLE 0 1\r\n", "");
        assert_eq!(bundled(&apart), apart);
    }

    #[test]
    fn an_answer_gets_its_candidates_at_the_end_of_their_media_lines_and_no_other_lines() {
        let answer = "v=0\r\nm=audio 9 X 1\r\na=mid:a\r\nm=video 9 X 2\r\na=mid:v\r\n";
        let candidates = [
            candidate(1, "1"),
            candidate(0, "2"),
            candidate(0, "3\r\na=evil"),
            (0, "a=evil".to_owned()),
            candidate(7, "4"),
            (0, String::new()),
        ];
        let whole = with_candidates(answer, &candidates);
        let wanted = "v=0\r\nm=audio 9 X 1\r\na=mid:a\r\na=candidate:2\r\na=end-of-candidates\r\nm=video 9 X 2\r\na=mid:v\r\n\
                      a=candidate:1\r\na=end-of-candidates\r\n";
        assert_eq!(whole, wanted);
        assert_eq!(with_candidates(&answer.replace("\r\n", "\n"), &[]), answer);
    }
}
