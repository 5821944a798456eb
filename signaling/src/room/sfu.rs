// SPDX-License-Identifier: MPL-2.0
//! Viewers beyond those that a camera serves itself watch at an SFU, which the camera sends its picture to.
//!
//! Their sessions are like all others: the same rights, terms and ends. Only their other end is not the camera but the client in
//! this process that speaks to the SFU (`crate::sfu`), and the viewer makes the offer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use porthole_protocol::grant::Permission;
use porthole_protocol::wire::Code;

use super::table::Tell;
use super::{Action, Announced, Client, ClientId, Now, Refusal, Role, Room};

/// Sessions of one camera's picture at the SFU: what one server of two cores passes on.
pub const MAX_SFU_SESSIONS_PER_CAMERA: usize = 1000;

/// The way to the SFU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sfu {
    client: ClientId,
    /// So many watch the camera itself first.
    from_viewers: usize,
}

impl Room {
    /// The client that speaks to the SFU is there. Of each camera so many viewers watch that itself.
    pub fn sfu_connected(
        &mut self,
        client: ClientId,
        from_viewers: usize,
        now: Now,
    ) -> Vec<Action> {
        self.note(now);
        let here = Client {
            role: Role::Sfu,
            network: IpAddr::V4(Ipv4Addr::LOCALHOST),
            peer_id: "sfu".to_owned(),
            // It reads our additions, and needs no grant: it is this process.
            announced: Some(Announced {
                nonce: None,
                offers: false,
                door: false,
            }),
            registered: false,
            login_over: false,
            called: None,
            listed_to: None,
            sessions: BTreeSet::new(),
            awaited: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
        };
        self.clients.insert(client, here);
        self.sfu = Some(Sfu {
            client,
            from_viewers,
        });
        self.take_actions()
    }

    /// The client that speaks to the SFU is gone, and all that it had.
    pub(super) fn forget_sfu(&mut self, client: ClientId) {
        self.sfu = None;
        let sessions = self.sessions.iter();
        let lost = sessions.filter(|(_, session)| session.camera == Some(client));
        let lost: Vec<String> = lost.map(|(id, _)| id.clone()).collect();
        for id in lost {
            self.end(&id, Code::CameraGone, Tell::Viewer);
        }
    }

    /// Who serves one more session of such permissions: the SFU, if the camera sends its picture there and has as many viewers of
    /// its own as it should. Whoever may talk, drive or open the door needs the camera itself.
    pub(super) fn sfu_for(
        &self,
        camera_id: &str,
        viewer: &Client,
        has_offered: bool,
        perms: &[Permission],
    ) -> Result<Option<ClientId>, Refusal> {
        let Some(Sfu {
            client,
            from_viewers,
        }) = self.sfu
        else {
            return Ok(None);
        };
        let camera = self.cameras.get(camera_id);
        let listed = camera.and_then(|camera| camera.listed.as_ref());
        let publishes = listed.is_some_and(|listed| listed.meta["whip"] == true);
        let is_at_camera = |perm: &Permission| {
            matches!(
                perm,
                Permission::Talk | Permission::Control | Permission::Door
            )
        };
        let offers = has_offered || viewer.announced.as_ref().is_some_and(|a| a.offers);
        if !publishes || !offers || perms.iter().any(is_at_camera) {
            return Ok(None);
        }
        let at_sfu = self.sfu_sessions(camera_id);
        let own = camera.map_or(0, |camera| camera.sessions.len()) - at_sfu;
        if own < from_viewers {
            return Ok(None);
        }
        match at_sfu {
            ..MAX_SFU_SESSIONS_PER_CAMERA => Ok(Some(client)),
            _ => Err(Refusal::new(
                Code::TooMany,
                "the camera has too many viewers: try again later",
            )),
        }
    }

    /// How many sessions of this camera are at the SFU.
    pub(super) fn sfu_sessions(&self, camera_id: &str) -> usize {
        let camera = self.cameras.get(camera_id).filter(|_| self.sfu.is_some());
        let sessions = camera.into_iter().flat_map(|camera| &camera.sessions);
        sessions.filter(|id| self.is_at_sfu(id)).count()
    }

    pub(super) fn is_at_sfu(&self, session: &str) -> bool {
        let Some(Sfu { client, .. }) = self.sfu else {
            return false;
        };
        let session = self.sessions.get(session);
        session.is_some_and(|session| session.camera == Some(client))
    }
}
