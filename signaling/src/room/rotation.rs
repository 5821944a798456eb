// SPDX-License-Identifier: MPL-2.0
//! The server takes a new key to sign grants with, and what runs follows.

use porthole_protocol::grant::GrantSigner;
use porthole_protocol::wire::Extension;

use super::now::Now;
use super::table::Tell;
use super::{Action, ClientId, Room};

impl Room {
    /// From now on grants are signed by this one, which follows from the one before it. Cameras learn its key, and their
    /// sessions get grants by it, so that they can be reported also when the older keys are forgotten.
    pub fn set_signer(&mut self, signer: GrantSigner, now: Now) -> Vec<Action> {
        self.note(now);
        self.signer = signer;
        let cameras = self.cameras.values().filter_map(|camera| camera.client);
        for camera in cameras.collect::<Vec<_>>() {
            self.send_keys(camera);
        }
        for id in self.sessions.keys().cloned().collect::<Vec<_>>() {
            if let Err(reason) = self.renew(&id, Vec::new(), now) {
                self.end(&id, reason, Tell::Both);
            }
        }
        self.take_actions()
    }

    /// Tells a camera what leads to the present key. One that checks no grants needs none.
    pub(super) fn send_keys(&mut self, camera: ClientId) {
        let announced = self.clients.get(&camera).and_then(|c| c.announced.as_ref());
        if announced.is_some_and(|announced| announced.nonce.is_some())
            && !self.signer.chain().is_empty()
        {
            let chain = self.signer.chain().to_vec();
            self.extend(camera, Extension::GrantKeys { chain });
        }
    }
}
