// SPDX-License-Identifier: MPL-2.0
//! What the API asks the room, and where several servers are one the rooms of all.

use serde::{Deserialize, Serialize};

use crate::room::{CameraInfo, Rang, RingRefused, SessionInfo};

/// What is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Question {
    /// Who watches what: so many sessions, by id, those after one.
    Sessions(Option<String>, usize),
    /// What these cameras are up to.
    Cameras(Vec<String>),
    /// An administrator ends the session of this id.
    EndSession(String),
    /// Someone rings a camera's bell, and may control the camera or not.
    Ring(String, String, bool),
    /// Someone declines a call.
    Decline(String, String),
    /// What the server is up to.
    Node,
    /// The server of this id is to have its clients go to the others.
    Drain(String),
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// These.
    Sessions(Vec<SessionInfo>),
    /// These.
    Cameras(Vec<CameraInfo>),
    /// Whose it was, at which camera, if there was one.
    Ended(Option<(String, String)>),
    /// What came of it.
    Rang(Result<Rang, RingRefused>),
    /// Whether it rings that one.
    Declined(bool),
    /// These.
    Nodes(Vec<NodeInfo>),
    /// Whether it is the one.
    Drains(bool),
}

/// One of the servers that are one, or the only one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// By which it is known to the others, until it ends.
    pub id: String,
    /// Its machine's name.
    pub name: String,
    /// Of its program.
    pub version: String,
    /// Cameras that can be watched there.
    pub cameras: usize,
    /// Sessions of those.
    pub sessions: usize,
    /// Clients that are connected to it.
    pub connections: usize,
    /// Whether its clients are on their way to the others.
    pub drains: bool,
}
