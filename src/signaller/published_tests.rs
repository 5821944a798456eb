// SPDX-License-Identifier: MPL-2.0
//! The operator's own session, which goes to an SFU: beside those of viewers, and out of the server's reach.

use serde_json::json;

use super::tests::Scene;
use super::*;
use crate::signaller::message::PublicationState;

const OWN: &str = "whip-1";

fn begin() -> Input {
    Input::Publish(Publish::Begin {
        session: OWN.into(),
        user: "whip:sfu.example.org".into(),
    })
}

fn offer() -> PeerMessage {
    PeerMessage {
        session_id: OWN.into(),
        peer_message: PeerMessageInner::Sdp(SdpMessage::Offer {
            sdp: "an offer".into(),
        }),
    }
}

fn publishing() -> Scene {
    let mut scene = Scene::online();
    scene.at(0, begin());
    scene.at(0, Input::Peer(offer()));
    scene.forget();
    scene
}

#[test]
fn it_begins_like_a_viewers_and_its_offer_goes_to_the_publisher_alone() {
    let mut scene = Scene::online();
    scene.at(0, begin());
    let start = Media::Start {
        session: OWN.into(),
        offer: None,
    };
    assert_eq!(scene.media, [Media::Viewers(1), start]);
    assert!(
        matches!(&scene.events[..], [Event::Joined { user, .. }] if user == "whip:sfu.example.org")
    );
    scene.at(0, Input::Peer(offer()));
    scene.at(1, Input::MediaFlows(OWN.into()));
    let offered = Publication::Offer {
        session: OWN.into(),
        sdp: "an offer".into(),
    };
    let flows = Publication::Flows {
        session: OWN.into(),
    };
    assert_eq!(scene.publications, [offered, flows]);
    assert!(scene.sent.is_empty(), "{:?}", scene.sent);
}

#[test]
fn the_server_neither_hears_of_it_nor_ends_it_nor_answers_in_its_place() {
    let mut scene = publishing();
    scene.at(1, Input::MediaFlows(OWN.into()));
    scene.say(
        2,
        json!({"type":"endSession","sessionId":OWN,"reason":"revoked"}),
    );
    scene.say(
        2,
        json!({"type":"peer","sessionId":OWN,"sdp":{"type":"answer","sdp":"a thief's"}}),
    );
    let grant = scene.grant(|grant| {
        grant.sid = OWN.into();
        grant.lease = 0;
        grant.seq = 9;
    });
    scene.say(
        2,
        json!({"type":"grantUpdate","sessionId":OWN,"grant":grant}),
    );
    assert!(scene.media.is_empty(), "{:?}", scene.media);
    assert!(scene.reasons().is_empty());
    // A server that is gone for good, and comes back.
    scene.at(3, Input::Lost("gone".into()));
    scene.tick(100_000);
    assert!(scene.reasons().is_empty());
    scene.forget();
    scene.at(100_001, Input::Connected);
    scene.say(100_001, json!({"type":"welcome","peerId":"front"}));
    let announced = &scene.sent[0]["porthole"];
    assert!(
        announced["sessions"].as_array().is_none_or(Vec::is_empty),
        "{announced}"
    );
    scene.tick(200_000);
    assert!(scene.reasons().is_empty());
}

#[test]
fn it_takes_no_viewers_place_and_a_viewers_id_is_none_of_its() {
    let mut scene = publishing();
    for name in ["a", "b", "c", "d"] {
        let grant = scene.grant(|grant| grant.sid = name.into());
        scene.start(0, name, Some(grant));
    }
    let joined = |event: &&Event| matches!(event, Event::Joined { .. });
    assert_eq!(
        scene.events.iter().filter(joined).count(),
        4,
        "all that fit"
    );
    let grant = scene.grant(|grant| grant.sid = OWN.into());
    scene.start(0, OWN, Some(grant));
    assert!(matches!(scene.events.last(), Some(Event::Refused { .. })));
    assert!(scene.reasons().is_empty());
}

#[test]
fn an_answer_that_fits_no_offer_ends_it_and_the_publisher_hears_why() {
    let mut scene = publishing();
    scene.at(
        1,
        Input::Publish(Publish::Answer {
            session: OWN.into(),
            sdp: "no description".into(),
        }),
    );
    assert_eq!(scene.reasons(), [Code::BadDescription]);
    assert_eq!(scene.media, [Media::End(OWN.into()), Media::Viewers(0)]);
    assert!(
        matches!(&scene.publications[..], [Publication::Ended { detail, .. }] if !detail.is_empty())
    );
    assert!(scene.sent.is_empty(), "no server knows of it");
}

#[test]
fn what_does_not_connect_ends_after_half_a_minute_and_the_application_hears_how_it_stands() {
    let mut scene = publishing();
    scene.tick(29);
    assert!(scene.publications.is_empty());
    scene.tick(30);
    assert_eq!(scene.reasons(), [Code::MediaFailed]);
    let ended = Publication::Ended {
        session: OWN.into(),
        detail: "media-failed".into(),
    };
    assert_eq!(scene.publications, [ended]);
    let state = PublicationState {
        state: "lost",
        url: "https://sfu.example.org/front/whip".into(),
        detail: "media-failed".into(),
    };
    scene.at(31, Input::Publish(Publish::State(state.clone())));
    assert_eq!(scene.events.last(), Some(&Event::Publication(state)));
}
