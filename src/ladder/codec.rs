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

/// H.264 that Safari, iOS and Firefox take: constrained baseline, level 3.1 (RFC 6184, RFC 7742).
const H264_PROFILE_LEVEL: &str = "42c01f";

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

    /// What an offer says of the codec beside its name; of H.264 for a stream whose caps are `stream`.
    pub(crate) fn offer_fields(self, stream: Option<&gst::CapsRef>) -> Vec<(&'static str, String)> {
        match self {
            Self::H264 => vec![
                ("packetization-mode", "1".into()),
                (
                    "profile-level-id",
                    stream
                        .and_then(h264_profile_level)
                        .unwrap_or_else(|| H264_PROFILE_LEVEL.into()),
                ),
                ("level-asymmetry-allowed", "1".into()),
            ],
            _ => Vec::new(),
        }
    }
}

/// The `profile-level-id` (RFC 6184, 8.1) of a stream whose caps name its profile. Its level is at least 3.1: browsers take
/// an offer for more than they are sent, and refuse none for it.
fn h264_profile_level(caps: &gst::CapsRef) -> Option<String> {
    let structure = caps.structure(0)?;
    let profile = match structure.get::<&str>("profile").ok()? {
        "constrained-baseline" => "42c0",
        "baseline" => "4200",
        "main" => "4d00",
        "constrained-high" => "640c",
        "high" => "6400",
        _ => return None,
    };
    let level = structure.get::<&str>("level").ok();
    let level = level.and_then(|level| level.parse::<f32>().ok());
    // Level 3.1 is the number 31.
    let level = level
        .map_or(31, |level| (level * 10.).round() as u8)
        .max(31);
    Some(format!("{profile}{level:02x}"))
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

    #[test]
    fn an_offer_of_h264_says_what_browsers_take_and_what_the_stream_is() {
        gst::init().expect("GStreamer is installed");
        let id = |caps: &str| {
            let caps: gst::Caps = caps.parse().expect("these are caps");
            Codec::H264.offer_fields(Some(&caps))[1].1.clone()
        };
        assert_eq!(id("video/x-h264"), "42c01f");
        assert_eq!(
            id("video/x-h264,profile=constrained-baseline,level=(string)1"),
            "42c01f"
        );
        assert_eq!(id("video/x-h264,profile=high,level=(string)4"), "640028");
        assert_eq!(id("video/x-h264,profile=main,level=(string)3.1"), "4d001f");
        assert_eq!(id("video/x-h264,profile=cavlc-4:4:4-intra"), "42c01f");
    }
}
