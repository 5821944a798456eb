// SPDX-License-Identifier: MPL-2.0
//! The video codecs that viewers can be sent. Pure but for the caps.

/// A video codec, in the order in which `codec=auto` prefers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Codec {
    H264,
    Vp8,
    Vp9,
    Av1,
    H265,
}

impl Codec {
    pub(crate) const ALL: [Self; 5] = [Self::H264, Self::Vp8, Self::Vp9, Self::Av1, Self::H265];

    /// As the property `codec` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::Av1 => "av1",
            Self::H265 => "h265",
        }
    }

    /// The name of its caps.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::H264 => "video/x-h264",
            Self::Vp8 => "video/x-vp8",
            Self::Vp9 => "video/x-vp9",
            Self::Av1 => "video/x-av1",
            Self::H265 => "video/x-h265",
        }
    }

    pub(crate) fn of_caps(caps: &gst::CapsRef) -> Option<Self> {
        let name = caps.structure(0)?.name().as_str();
        Self::ALL.into_iter().find(|c| c.media_type() == name)
    }

    /// The `encoding-name` of RTP.
    pub(crate) fn encoding_name(self) -> &'static str {
        match self {
            Self::H264 => "H264",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
            Self::H265 => "H265",
        }
    }

    /// The element that finds frames and headers in its stream, and the form that payloaders want.
    pub(crate) fn parser(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::H264 => Some((
                "h264parse",
                "video/x-h264,stream-format=byte-stream,alignment=au",
            )),
            Self::H265 => Some((
                "h265parse",
                "video/x-h265,stream-format=byte-stream,alignment=au",
            )),
            Self::Vp9 => Some(("vp9parse", "video/x-vp9")),
            Self::Av1 => Some((
                "av1parse",
                "video/x-av1,stream-format=obu-stream,alignment=tu",
            )),
            Self::Vp8 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_codec_is_found_by_its_caps() {
        gst::init().expect("GStreamer is installed");
        for codec in Codec::ALL {
            let caps = gst::Caps::new_empty_simple(codec.media_type());
            assert_eq!(Codec::of_caps(&caps), Some(codec));
        }
        let raw = gst::Caps::new_empty_simple("video/x-raw");
        assert_eq!(Codec::of_caps(&raw), None);
    }
}
