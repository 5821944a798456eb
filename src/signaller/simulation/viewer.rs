// SPDX-License-Identifier: MPL-2.0
//! A viewer's page as the server sees it: it asks, resumes, is loaded again, goes, and comes back.

use std::time::Instant;

use serde_json::{Value, json};

use super::CAMERA;

/// What a page holds of its session.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) id: String,
    pub(super) secret: String,
    /// A picture came.
    pub(super) live: bool,
}

pub(super) struct Viewer {
    pub(super) user: &'static str,
    /// Its connection, and whether it was welcomed there.
    pub(super) wire: Option<u64>,
    pub(super) welcomed: bool,
    /// Since when it has been without a welcomed connection.
    pub(super) away_since: Option<Instant>,
    pub(super) session: Option<Held>,
    /// Of the page before it was loaded again.
    pub(super) before: Option<Held>,
    pub(super) asking: bool,
    /// The person has the page open.
    pub(super) here: bool,
}

impl Viewer {
    pub(super) fn new(user: &'static str, now: Instant) -> Self {
        Self {
            user,
            wire: None,
            welcomed: false,
            away_since: Some(now),
            session: None,
            before: None,
            asking: false,
            here: true,
        }
    }

    pub(super) fn lost(&mut self, now: Instant) {
        // Without a picture it is begun anew, as what was said of it meanwhile is lost.
        if self.session.as_ref().is_some_and(|held| !held.live) {
            self.before = self.session.take();
        }
        self.wire = None;
        self.welcomed = false;
        self.asking = false;
        self.away_since.get_or_insert(now);
    }

    /// The page is loaded again: its peer connection is gone.
    pub(super) fn reload(&mut self, now: Instant) {
        self.before = self.session.take().or_else(|| self.before.take());
        self.lost(now);
    }

    /// Asks for a picture, where there is neither one nor a question.
    pub(super) fn ask(&mut self) -> Option<Value> {
        if !self.welcomed || self.asking || self.session.is_some() || !self.here {
            return None;
        }
        self.asking = true;
        let mut start = json!({"type":"startSession","peerId":CAMERA});
        if let Some(Held { id, secret, .. }) = &self.before {
            start["replaces"] = json!({"sessionId":id,"secret":secret});
        }
        Some(start)
    }

    /// Takes in a message and says what follows.
    pub(super) fn hear(&mut self, message: &Value) -> Vec<Value> {
        let own = |viewer: &Self| {
            let id = viewer.session.as_ref().map(|held| held.id.as_str());
            id.is_some() && message["sessionId"].as_str() == id
        };
        match message["type"].as_str() {
            Some("welcome") => {
                self.welcomed = true;
                self.away_since = None;
                let mut say = vec![
                    json!({"type":"setPeerStatus","roles":["listener"],"meta":null,
                    "porthole":{"version":1}}),
                ];
                match &self.session {
                    Some(Held { id, secret, .. }) => say.push(json!({"type":"resumeSession",
                        "peerId":CAMERA,"sessionId":id,"secret":secret})),
                    None => say.extend(self.ask()),
                }
                say
            }
            Some("sessionStarted") => {
                let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
                self.asking = false;
                self.before = None;
                self.session = Some(Held {
                    id: text("sessionId"),
                    secret: text("secret"),
                    live: false,
                });
                Vec::new()
            }
            Some("endSession") if own(self) => {
                self.session = None;
                Vec::new()
            }
            Some("peer") if own(self) && message["sdp"]["type"] == "offer" => {
                vec![
                    json!({"type":"peer","sessionId":message["sessionId"],
                    "sdp":{"type":"answer","sdp":super::ANSWER}}),
                    json!({"type":"viewerStats","sessionId":message["sessionId"],
                    "frames":0,"freezes":0,"freezeSeconds":0}),
                ]
            }
            Some("error") => {
                self.asking = false;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}
