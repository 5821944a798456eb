// SPDX-License-Identifier: MPL-2.0
//! A camera at a server, and viewers of it.

use gst::prelude::*;
use porthole_protocol::grant::Permission;

use super::{
    Scene,
    server::{Connection, FakeServer},
    viewer::Viewer,
};

/// A camera that plays a description in which the sink is called `sink`.
pub struct Enrolled {
    pub scene: Scene,
    pub server: FakeServer,
    pub connection: Connection,
}

impl Enrolled {
    pub fn playing(description: &str) -> Self {
        Self::playing_after(description, |_| ())
    }

    /// Does something to the pipeline before it plays.
    pub fn playing_after(description: &str, prepare: impl FnOnce(&Scene)) -> Self {
        let server = FakeServer::start();
        let scene = Scene::new(description);
        let key = server.key().to_string();
        scene.element("sink").set_property("camera-key", key);
        prepare(&scene);
        scene.set(gst::State::Playing);
        let connection = server.camera();
        Self {
            scene,
            server,
            connection,
        }
    }

    /// Asks for a session in which one may see and hear; with an offer, if the viewer makes it.
    pub fn request(&mut self, session: &str, offer: Option<String>) {
        let grant = self.server.grant(&self.connection, session, |grant| {
            grant.perms = vec![Permission::View, Permission::Listen];
        });
        self.connection
            .start_session_with(session, Some(grant), offer);
    }

    pub fn offer(&mut self, session: &str) -> String {
        self.request(session, None);
        self.connection.offer_of(session)
    }

    /// Somebody who watches and listens from now on; the server is to live as long.
    pub fn watched(mut self, session: &str) -> (Scene, FakeServer, Viewer) {
        self.request(session, None);
        (
            self.scene,
            self.server,
            Viewer::of(session, self.connection),
        )
    }
}
