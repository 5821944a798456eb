// SPDX-License-Identifier: MPL-2.0
//! What the pacer reads of an RTP packet. Pure but for the buffer.

/// The part of a packet's header (RFC 3550, 5.1) by which it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) ssrc: u32,
    pub(super) seqnum: u16,
    pub(super) bytes: usize,
}

impl Packet {
    pub(super) fn of(buffer: &gst::BufferRef) -> Option<Self> {
        let header: [u8; 12] = bytes(buffer, 0)?;
        let [_, _, high, low, .., a, b, c, d] = header;
        Some(Self {
            ssrc: u32::from_be_bytes([a, b, c, d]),
            seqnum: u16::from_be_bytes([high, low]),
            bytes: buffer.size(),
        })
    }
}

/// The sequence number of the packet that a retransmission repeats (RFC 4588, 4): it stands before the payload.
pub(super) fn original(retransmission: &gst::BufferRef) -> Option<u16> {
    let [first] = bytes(retransmission, 0)?;
    let sources = usize::from(first & 0x0f) * 4;
    let mut at = 12 + sources;
    if first & 0x10 != 0 {
        let words = u16::from_be_bytes(bytes(retransmission, at + 2)?);
        at += 4 + usize::from(words) * 4;
    }
    Some(u16::from_be_bytes(bytes(retransmission, at)?))
}

/// Bytes of a packet, as far as it has them: the bindings' `copy_to_slice` panics where it has fewer.
fn bytes<const N: usize>(packet: &gst::BufferRef, at: usize) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let end = at.checked_add(N)?;
    if packet.size() < end {
        return None;
    }
    packet.copy_to_slice(at, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_original_are_read_past_sources_and_extensions() {
        gst::init().expect("GStreamer is installed");
        let mut header = vec![0; 40];
        header[0] = 0x91;
        header[2..4].copy_from_slice(&[1, 2]);
        header[8..12].copy_from_slice(&[0, 0, 0, 7]);
        // One source, then an extension of one word.
        header[19] = 1;
        header[24..26].copy_from_slice(&[3, 4]);
        let packet = gst::Buffer::from_slice(header);
        let expected = Packet {
            ssrc: 7,
            seqnum: 0x0102,
            bytes: 40,
        };
        assert_eq!(Packet::of(&packet), Some(expected));
        assert_eq!(original(&packet), Some(0x0304));
    }

    #[test]
    fn a_packet_that_is_cut_short_is_no_harm() {
        gst::init().expect("GStreamer is installed");
        for length in 0..40 {
            let packet = gst::Buffer::from_slice(vec![0xff; length]);
            assert_eq!(original(&packet), None);
            assert_eq!(Packet::of(&packet).is_some(), length >= 12);
        }
    }
}
