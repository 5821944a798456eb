// SPDX-License-Identifier: MPL-2.0
//! What guests want to be called.

use super::*;

const LINK: &str = "share:1";

/// Two who came by one link watch the front camera in "id2" and "id4"; nothing is unread.
fn two_guests() -> World {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    for guest in [ALICE, BOB] {
        world.viewer(guest, rights(LINK).shared(true));
        world.announce(guest);
        world.start(guest, "front");
    }
    world.sent.clear();
    world.happened.clear();
    world
}

impl World {
    fn call_me(&mut self, client: ClientId, name: &str) {
        self.say(client, json!({"type":"callMe","name":name}));
    }

    /// As whom the camera hears of a session now.
    fn renewed(&mut self) -> (String, String) {
        let update = self.only_to(CAMERA);
        let grant = self.read(&update["grant"]);
        (grant.sid, grant.sub)
    }

    fn called(&self) -> Vec<Option<String>> {
        let infos = self.room.session_infos(None, 9, self.now);
        infos.into_iter().map(|info| info.called).collect()
    }
}

#[test]
fn two_guests_of_one_link_are_told_apart() {
    let mut world = two_guests();
    world.call_me(ALICE, " Anna ");
    assert_eq!(world.renewed(), ("id2".into(), "share:1/Anna".into()));
    assert_eq!(world.called(), [Some("Anna".to_owned()), None]);
    assert!(
        matches!(&world.happened[..], [Event::GuestNamed { user, called: Some(called), .. }] if user == LINK && called == "Anna"),
        "{:?}",
        world.happened
    );
    // The same again is nothing new.
    world.call_me(ALICE, "Anna");
    assert!(world.sent.is_empty() && world.happened.len() == 1);
    world.call_me(BOB, "Anna");
    assert_eq!(world.renewed().0, "id4", "names are nobody's own");
    world.call_me(ALICE, "");
    assert_eq!(world.renewed(), ("id2".into(), LINK.into()));
    assert_eq!(world.called(), [None, Some("Anna".to_owned())]);
}

#[test]
fn a_name_said_before_is_that_of_what_is_watched_next() {
    let mut world = two_guests();
    world.say(ALICE, json!({"type":"endSession","sessionId":"id2"}));
    world.call_me(ALICE, "Anna");
    world.sent.clear();
    world.start(ALICE, "front");
    let start = world.only_to(CAMERA);
    assert_eq!(world.read(&start["grant"]).sub, "share:1/Anna");
}

#[test]
fn who_has_an_account_is_called_by_it() {
    let mut world = World::in_session();
    world.call_me(ALICE, "the administrator");
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    assert_eq!(world.called(), [None]);
}

#[test]
fn a_name_is_a_short_line() {
    let mut world = two_guests();
    for bad in ["a\nb".to_owned(), "\u{7}".to_owned(), "x".repeat(41)] {
        world.call_me(ALICE, &bad);
        assert_eq!(world.only_to(ALICE)["code"], "bad-message", "{bad:?}");
    }
    assert_eq!(world.called(), [None, None]);
    let longest = "ß".repeat(40);
    world.call_me(ALICE, &longest);
    assert_eq!(world.renewed().1, format!("{LINK}/{longest}"));
    // What looks like another link is the name of this one's guest.
    world.call_me(ALICE, "share:2/admin");
    let subject = world.renewed().1;
    assert_eq!(
        porthole_protocol::grant::user_and_called(&subject),
        (LINK, Some("share:2/admin"))
    );
}

#[test]
fn a_restarted_server_knows_the_name_by_its_own_signature() {
    let mut world = two_guests();
    world.room = room(world.signer(), "new", &world.known, world.now);
    let guest = rights(LINK).shared(true);
    world.set_viewer(guest.clone());
    world.sent.clear();
    let grant = world.grant(|g| g.sub = "share:1/Anna".into());
    world.front_again(AGAIN, &[("id2", grant, 450)]);
    let update = world.only_to(AGAIN);
    assert_eq!(world.read(&update["grant"]).sub, "share:1/Anna");
    assert_eq!(world.called(), [Some("Anna".to_owned())]);
    // Its page is back, and has not said a name; another page of the link says its own.
    world.viewer(LATER, guest);
    world.announce(LATER);
    world.resume(LATER, "id2");
    assert_eq!(world.called(), [Some("Anna".to_owned())]);
    world.call_me(LATER, "Bert");
    assert_eq!(world.called(), [Some("Bert".to_owned())]);
}
