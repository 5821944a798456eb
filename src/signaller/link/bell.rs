// SPDX-License-Identifier: MPL-2.0
//! Presses of the bell and the server's words on calls, on their way to those whom they concern.

use std::time::Instant;

use porthole_protocol::wire::{CallId, CameraCall, ClientExtension, ClientMessage, Ring};

use super::Link;
use crate::{
    calling::{BellEvent, Call},
    signaller::message::{Media, Output},
};

impl<M: Default> Link<M> {
    pub(super) fn pressed(&mut self, ring_id: String) {
        self.bell(BellEvent::Rung { ring_id });
        self.tell_calls();
    }

    /// Somebody has pressed a button that the server knows of.
    pub(super) fn rung(&mut self, ring: Ring, now: Instant) {
        let is_new = self.calls().rung(&ring, now);
        match is_new {
            Ok(true) => self.bell(BellEvent::Rung {
                ring_id: ring.ring_id,
            }),
            Ok(false) => (),
            Err(error) => self.warn(format!("the server's ring is not taken: {error}")),
        }
    }

    pub(super) fn hear_call(&mut self, call: CameraCall, now: Instant) {
        let heard = self.calls().hear(call, now);
        match heard {
            Ok(news) => self.calls_changed(news),
            Err(error) => self.warn(format!("the server's call is not taken: {error}")),
        }
        self.tell_calls();
    }

    pub(super) fn hang_up(&mut self) {
        let ended = self.calls().hang_up();
        self.calls_changed(ended);
        self.tell_calls();
    }

    pub(super) fn calls_changed(&mut self, calls: impl IntoIterator<Item = Call>) {
        for call in calls {
            self.bell(BellEvent::Call(call));
        }
    }

    /// The camera opens for a call, and closes after it.
    fn bell(&mut self, event: BellEvent) {
        let viewers = self.gate().viewers();
        self.media(Media::Viewers(viewers));
        self.outputs.push(Output::Bell(event));
    }

    /// What of presses and calls the server has not heard on this connection.
    pub(super) fn tell_calls(&mut self) {
        let (ring, hung_up) = {
            let mut calls = self.calls();
            (calls.unsent(), calls.unsaid())
        };
        if let Some(ring) = ring {
            self.send(ClientMessage::Extension(ClientExtension::Ring(ring)));
        }
        if let Some(call_id) = hung_up {
            let end = ClientExtension::EndCall(CallId { call_id });
            self.send(ClientMessage::Extension(end));
        }
    }
}
