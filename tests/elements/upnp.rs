// SPDX-License-Identifier: MPL-2.0
//! What a session asks of the router: nothing, unless it is told to. What then leaves is looked at in tests/network.

use std::sync::mpsc::channel;

use crate::common::{PATIENCE, enrolled::Enrolled};
use gst::{glib, prelude::*};

/// Whether the agent of a session asks routers for ports when it gathers candidates.
fn asks(properties: &str) -> bool {
    let mut camera = Enrolled::playing(&format!(
        "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1 ! portholesink name=sink {properties}"
    ));
    let sink = camera.scene.element("sink").downcast::<gst::Bin>().unwrap();
    let webrtcsink = sink
        .iterate_sinks()
        .into_iter()
        .flatten()
        .find(|child| child.type_().name().contains("WebRTCSink"))
        .unwrap();
    let (sender, webrtcbins) = channel();
    webrtcsink.connect("consumer-added", false, move |args| {
        let _ = sender.send(args[2].get::<gst::Element>().unwrap());
        None
    });
    camera.offer("s");
    let webrtcbin = webrtcbins.recv_timeout(PATIENCE).unwrap();
    let ice = webrtcbin.property::<glib::Object>("ice-agent");
    ice.property::<glib::Object>("agent").property("upnp")
}

#[test]
fn routers_are_asked_for_ports_only_with_upnp() {
    assert!(!asks(""));
    assert!(asks("upnp=true"));
}
