// SPDX-License-Identifier: MPL-2.0
//! What a client is told that came to the port of one camera: of the others, nothing. It may watch no more than elsewhere; a
//! program that takes the first camera it hears of finds this one. Pure.

use std::sync::Arc;

use serde_json::Value;

use crate::queue::Text;

/// The camera whose port it is.
#[derive(Clone, Debug)]
pub(crate) struct OneCamera(pub(crate) Arc<str>);

impl OneCamera {
    /// What of a message the client is told.
    pub(crate) fn told(&self, text: Text) -> Option<Text> {
        if !text.contains("\"list\"") && !text.contains("\"peerStatusChanged\"") {
            return Some(text);
        }
        let Ok(mut message) = serde_json::from_str::<Value>(&text) else {
            return Some(text);
        };
        match message["type"].as_str() {
            Some("list") => {
                if let Some(producers) = message["producers"].as_array_mut() {
                    producers.retain(|producer| producer["id"] == *self.0);
                }
                Some(message.to_string().into())
            }
            Some("peerStatusChanged") => {
                let roles = message["roles"].as_array();
                let is_camera =
                    roles.is_some_and(|roles| roles.iter().any(|role| role == "producer"));
                (!is_camera || message["peerId"] == *self.0).then_some(text)
            }
            _ => Some(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_other_cameras_nothing_is_told() {
        let only = OneCamera("camera1".into());
        let told = |text: &str| {
            only.told(Text::from(text.to_owned()))
                .map(|text| text.to_string())
        };
        let list = r#"{"type":"list","producers":[{"id":"camera1","meta":null},{"id":"camera2","meta":null}]}"#;
        let own = r#"{"producers":[{"id":"camera1","meta":null}],"type":"list"}"#;
        let sorted = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(sorted(&told(list).unwrap()), sorted(own));
        let status = |id: &str, role: &str| {
            format!(
                r#"{{"type":"peerStatusChanged","peerId":"{id}","roles":["{role}"],"meta":null}}"#
            )
        };
        assert_eq!(told(&status("camera2", "producer")), None);
        for text in [
            status("camera1", "producer"),
            status("me", "listener"),
            r#"{"type":"welcome","peerId":"me"}"#.to_owned(),
            r#"{"type":"peer","sessionId":"s","sdp":{"type":"offer","sdp":"\"list\""}}"#.to_owned(),
        ] {
            assert_eq!(told(&text).as_deref(), Some(text.as_str()));
        }
    }
}
