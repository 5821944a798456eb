// SPDX-License-Identifier: MPL-2.0
//! A session's media line for the viewer's voice, held to its terms.

use std::sync::Arc;

use porthole_protocol::grant::Permission;

use crate::{
    signaller::session::Permit,
    talk::{May, Talk, voice},
};

/// Puts a media line for the viewer's voice into a session's offer, if there is somebody to talk to.
pub(super) fn receive(webrtcbin: &gst::Element, talk: &Talk, session: &str, permit: &Permit) {
    if talk.is_open() {
        voice::receive(webrtcbin, talk, session, may_talk(permit));
    }
}

/// The same for a session in which the viewer's own offer has the media line, with this payload type.
pub(super) fn answer(
    webrtcbin: &gst::Element,
    talk: &Talk,
    (session, permit): (&str, &Permit),
    payload: u8,
) {
    if talk.is_open() {
        voice::answer(webrtcbin, talk, session, may_talk(permit), payload);
    }
}

fn may_talk(permit: &Permit) -> May {
    let permit = permit.clone();
    Arc::new(move || permit.allows(Permission::Talk))
}
