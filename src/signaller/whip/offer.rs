// SPDX-License-Identifier: MPL-2.0
//! An offer and its candidates in one text. Pure.

/// More than a machine with eight addresses gathers for eight media lines.
const MAX_CANDIDATES: usize = 128;

/// An offer that is being gathered for.
#[derive(Debug, Default)]
pub(super) struct Offer {
    sdp: String,
    candidates: Vec<(usize, String)>,
    is_complete: bool,
}

impl Offer {
    pub(super) fn describe(&mut self, sdp: String) {
        self.sdp = sdp;
    }

    /// Takes a candidate in, an empty one as the last. Whether all is there now.
    pub(super) fn add(&mut self, m_line: u32, candidate: &str) -> bool {
        let candidate = candidate.strip_prefix("a=").unwrap_or(candidate);
        if candidate.is_empty() {
            self.is_complete = true;
        } else if self.candidates.len() < MAX_CANDIDATES {
            let m_line = usize::try_from(m_line).unwrap_or(usize::MAX);
            self.candidates.push((m_line, candidate.to_owned()));
        }
        self.is_complete && !self.sdp.is_empty()
    }

    /// The description with each candidate at the end of its media line's part (RFC 8839, 5.1). Those that the description
    /// has already are not repeated.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.sdp.len() + 128 * self.candidates.len());
        let mut part: Option<usize> = None;
        for line in self.sdp.lines() {
            if line.starts_with("m=") {
                self.close(&mut text, part);
                part = Some(part.map_or(0, |part| part + 1));
            }
            text.push_str(line);
            text.push_str("\r\n");
        }
        self.close(&mut text, part);
        text
    }

    fn close(&self, text: &mut String, part: Option<usize>) {
        let Some(part) = part else { return };
        let of_part = self.candidates.iter().filter(|(m_line, _)| *m_line == part);
        let mut any = false;
        for (_, candidate) in of_part {
            any = true;
            if !self.sdp.contains(candidate.as_str()) {
                text.push_str("a=");
                text.push_str(candidate);
                text.push_str("\r\n");
            }
        }
        if any && self.is_complete && !self.sdp.contains("a=end-of-candidates") {
            text.push_str("a=end-of-candidates\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:1\r\n";

    #[test]
    fn candidates_stand_at_the_end_of_their_media_lines() {
        let mut offer = Offer::default();
        // Gathering may be faster than the description's way.
        assert!(!offer.add(0, "candidate:1 1 UDP 1 192.0.2.1 1 typ host"));
        offer.describe(SDP.to_owned());
        assert!(!offer.add(1, "candidate:2 1 UDP 1 192.0.2.1 2 typ host"));
        assert!(!offer.add(9, "candidate:3 1 UDP 1 192.0.2.1 3 typ host"));
        assert!(offer.add(0, ""));
        let expected = "v=0\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n\
             a=candidate:1 1 UDP 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:1\r\n\
             a=candidate:2 1 UDP 1 192.0.2.1 2 typ host\r\na=end-of-candidates\r\n";
        assert_eq!(offer.text(), expected);
    }

    #[test]
    fn what_the_description_has_is_not_repeated_and_there_is_an_end_to_what_is_taken() {
        let mut offer = Offer::default();
        let known = "candidate:1 1 UDP 1 192.0.2.1 1 typ host";
        offer.describe(format!("{SDP}a={known}\r\n"));
        offer.add(1, known);
        assert_eq!(offer.text().matches(known).count(), 1);
        for port in 0..1000 {
            offer.add(0, &format!("candidate:9 1 UDP 1 192.0.2.1 {port} typ host"));
        }
        assert_eq!(
            offer.text().matches("candidate:9").count(),
            MAX_CANDIDATES - 1
        );
    }
}
