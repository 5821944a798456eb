// SPDX-License-Identifier: MPL-2.0
//! What the two ends of a session tell each other of it, in numbers alone. Each end knows what the other cannot: the viewer
//! what was shown, the camera what was sent.
//!
//! Both are expendable: whoever is behind loses them before anything else.

use serde::{Deserialize, Serialize};

use crate::limits::{MAX_PICTURE_SIDE, MAX_RUNGS, MAX_STATS_SECONDS};

/// What a viewer has seen of a session since it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewerStats {
    /// The session.
    pub session_id: String,
    /// Frames decoded.
    pub frames: u32,
    /// How often the picture stood still for much longer than a frame (`freezeCount` of W3C webrtc-stats).
    pub freezes: u32,
    /// For how long in all, in seconds (`totalFreezesDuration`).
    pub freeze_seconds: f64,
    /// In which size its page shows the picture, in pixels of its screen: 0 where nobody sees it. Not there where the viewer does
    /// not say, who is then sent the largest picture that its network carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// See `width`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

impl ViewerStats {
    /// Whether the numbers are ones that a session can have.
    pub fn is_sound(&self) -> bool {
        let is_a_side = |side: Option<u32>| side.is_none_or(|side| side <= MAX_PICTURE_SIDE);
        are_seconds(self.freeze_seconds)
            && is_a_side(self.width)
            && is_a_side(self.height)
            && self.width.is_some() == self.height.is_some()
    }
}

/// What a camera sends in a session now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStats {
    /// The session.
    pub session_id: String,
    /// Which rung of the camera's ladder is sent, counted from 0, the largest.
    pub rung: u32,
    /// How many rungs there are; 0 where the camera has no ladder.
    pub rungs: u32,
    /// Size of the picture that is sent, in pixels; 0 where it is not known.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// What the way to the viewer is estimated to carry, in bit/s; 0 where it is not known.
    pub estimate: u32,
    /// What is sent, in bit/s; 0 where it is not known.
    pub sent: u32,
    /// The fraction of packets that were lost of late, 0 to 1.
    pub loss: f32,
    /// Round-trip time in seconds, as the camera measures it; not there before the first report of the viewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt: Option<f64>,
}

impl SessionStats {
    /// Whether the numbers are ones that a session can have.
    pub fn is_sound(&self) -> bool {
        let is_a_rung = self.rung < self.rungs || (self.rung, self.rungs) == (0, 0);
        is_a_rung
            && self.rungs <= MAX_RUNGS
            && self.width.max(self.height) <= MAX_PICTURE_SIDE
            && (0.0..=1.0).contains(&self.loss)
            && self.rtt.is_none_or(are_seconds)
    }
}

/// Neither NaN nor infinite, which JSON cannot say but a number too large for its type becomes.
fn are_seconds(seconds: f64) -> bool {
    (0.0..=MAX_STATS_SECONDS).contains(&seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ClientExtension, ClientMessage, Extension};

    fn viewer(freeze_seconds: f64) -> ViewerStats {
        ViewerStats {
            session_id: "s".into(),
            frames: 1,
            freezes: 1,
            freeze_seconds,
            width: None,
            height: None,
        }
    }

    fn session() -> SessionStats {
        SessionStats {
            session_id: "s".into(),
            rung: 1,
            rungs: 3,
            width: 640,
            height: 360,
            estimate: 1_200_000,
            sent: 800_000,
            loss: 0.25,
            rtt: Some(0.03),
        }
    }

    #[test]
    fn both_are_spelt_the_same_from_a_client_and_to_a_peer() {
        let stats = [
            r#"{"type":"viewerStats","sessionId":"s","frames":9,"freezes":1,"freezeSeconds":0.5}"#,
            r#"{"type":"viewerStats","sessionId":"s","frames":9,"freezes":1,"freezeSeconds":0.5,"width":320,"height":0}"#,
            r#"{"type":"sessionStats","sessionId":"s","rung":1,"rungs":3,"width":640,"height":360,"estimate":1200000,"sent":800000,"loss":0.25,"rtt":0.03}"#,
        ];
        for json in stats {
            let message: ClientMessage = serde_json::from_str(json).unwrap();
            assert!(matches!(message, ClientMessage::Extension(_)));
            assert_eq!(serde_json::to_string(&message).unwrap(), json);
            let message: Extension = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&message).unwrap(), json);
        }
    }

    #[test]
    fn what_is_no_number_of_its_kind_is_no_message() {
        let good = r#"{"type":"viewerStats","sessionId":"s","frames":9,"freezes":1,"freezeSeconds":0.5,"width":90,"height":0}"#;
        assert!(serde_json::from_str::<ClientMessage>(good).is_ok());
        for bad in [
            "\"9\"",
            "-1",
            "9.5",
            "1e300",
            "4294967296",
            "NaN",
            "null",
            "[9]",
        ] {
            for number in [":9,", ":90"] {
                let end = if number == ":9," { "," } else { "" };
                let json = good.replace(number, &format!(":{bad}{end}"));
                let read = serde_json::from_str::<ClientMessage>(&json);
                // A size that is null is one that is not said.
                assert_eq!(read.is_err(), (number, bad) != (":90", "null"), "{json}");
            }
        }
        let endless = good.replace("0.5", "1e999");
        assert!(serde_json::from_str::<ClientMessage>(&endless).is_err());
    }

    #[test]
    fn nothing_but_the_numbers_is_passed_on() {
        let json = r#"{"type":"viewerStats","sessionId":"s","frames":9,"freezes":1,"freezeSeconds":0.5,"note":"hello"}"#;
        let message: ClientExtension = serde_json::from_str(json).unwrap();
        assert!(!serde_json::to_string(&message).unwrap().contains("hello"));
    }

    #[test]
    fn numbers_that_no_session_has_are_not_sound() {
        assert!(viewer(0.0).is_sound() && viewer(3600.5).is_sound());
        for seconds in [-0.1, 1e9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!viewer(seconds).is_sound(), "{seconds}");
        }
        for (width, height, is_sound) in [
            (Some(0), Some(0), true),
            (Some(MAX_PICTURE_SIDE), Some(1), true),
            (Some(1), Some(MAX_PICTURE_SIDE + 1), false),
            (Some(1), None, false),
            (None, Some(1), false),
        ] {
            let shown = ViewerStats {
                width,
                height,
                ..viewer(0.0)
            };
            assert_eq!(shown.is_sound(), is_sound, "{width:?} {height:?}");
        }
        assert!(session().is_sound());
        let without_a_ladder = SessionStats {
            rung: 0,
            rungs: 0,
            rtt: None,
            ..session()
        };
        assert!(without_a_ladder.is_sound());
        let changes: [fn(&mut SessionStats); 8] = [
            |stats| stats.rung = 3,
            |stats| stats.rungs = 0,
            |stats| stats.rungs = MAX_RUNGS + 1,
            |stats| stats.height = MAX_PICTURE_SIDE + 1,
            |stats| stats.loss = 1.01,
            |stats| stats.loss = f32::NAN,
            |stats| stats.rtt = Some(f64::INFINITY),
            |stats| stats.rtt = Some(-1.0),
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut stats = session();
            change(&mut stats);
            assert!(!stats.is_sound(), "{n}: {stats:?}");
        }
    }
}
