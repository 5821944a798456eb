// SPDX-License-Identifier: MPL-2.0
//! What the servers of one service tell each other.

use std::net::IpAddr;
use std::sync::Arc;

use porthole_protocol::wire::{ClientMessage, ViewerCall};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Window;
use crate::rights::{Rights, RightsId};

/// What one server tells another. Clients are named by the number they have at the viewer's server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum NodeMessage {
    /// These cameras are connected to the sender, or were last, and it decides about them.
    Owned {
        /// Which.
        cameras: Vec<OwnedCamera>,
    },
    /// One of the sender's viewers, of whom the receiver hears next; or what has changed of it.
    Viewer {
        /// Its number.
        client: u64,
        /// Who that is.
        viewer: ViewerOfNode,
    },
    /// Such a viewer says something to a camera of the receiver's.
    Said {
        /// Its number.
        client: u64,
        /// What.
        message: Box<ClientMessage>,
    },
    /// Such a viewer has a session that the receiver may have now. It has shown the session's secret to the sender, or was
    /// connected there as the session's viewer.
    Back {
        /// Its number.
        client: u64,
        /// At this camera.
        camera: String,
        /// Its id.
        session: String,
    },
    /// Such a viewer has left.
    Gone {
        /// Its number.
        client: u64,
    },
    /// Such a viewer may not watch any more: its log-in was ended, or its rights withdrawn.
    LoggedOut {
        /// Its number.
        client: u64,
    },
    /// A session of one of the receiver's viewers is the sender's, or is no more.
    Session {
        /// The viewer's number.
        client: u64,
        /// At this camera.
        camera: String,
        /// Its id.
        session: String,
        /// Whether it runs.
        runs: bool,
    },
    /// The sender has taken the picture of the press that made a call, which is not its own.
    Picture {
        /// The call.
        call: String,
    },
    /// A call at one of the sender's cameras rings someone, or what has become of that.
    Call {
        /// By these names it may be connected: of its account, and of the call's link.
        users: Vec<Arc<str>>,
        /// While the call may give it a right.
        window: Window,
        /// As it is told.
        call: ViewerCall,
    },
}

/// A camera that the sender owns.
#[derive(Debug, Serialize, Deserialize)]
pub struct OwnedCamera {
    /// Its id.
    pub id: String,
    /// By which it does.
    pub fence: u64,
    /// What the camera says of itself while it is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

/// A viewer, as its own server knows it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewerOfNode {
    /// By whose rights it is here.
    pub whose: RightsId,
    /// What those are, of someone whom a backend knows: its server alone has seen the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<Arc<Rights>>,
    /// As in the client's own.
    pub network: IpAddr,
    /// By which the camera knows it.
    pub peer_id: String,
    /// Whether it understands Porthole's additions.
    pub announced: bool,
    /// Whether it makes the offer when it is asked to.
    #[serde(default)]
    pub offers: bool,
    /// What a guest wants to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<Arc<str>>,
}
