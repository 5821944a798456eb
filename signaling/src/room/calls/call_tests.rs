// SPDX-License-Identifier: MPL-2.0

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn who(user: &str) -> Arc<str> {
    user.into()
}

/// Rings these, each so many seconds after the press; those of 0 are rung.
fn call(recipients: &[(&str, u64)], now: Instant) -> Call {
    let recipients = recipients.iter().map(|(user, after)| {
        let at = now + Duration::from_secs(*after);
        (who(user), Recipient::new(format!("link of {user}"), at))
    });
    let mut call = Call::new(recipients.collect(), now);
    call.tick(now);
    call
}

fn ended(call: &Call) -> Option<(Option<&str>, CallEnd)> {
    Some((call.by().map(|by| &**by), call.reason()?))
}

const STATE: [Change; 1] = [Change::State];

fn answered(user: &str) -> Changes {
    Ok(vec![Change::Answered(who(user)), Change::State])
}

#[test]
fn it_rings_until_somebody_answers_or_nobody_does() {
    let start = Instant::now();
    let mut rung = call(&[("alice", 0), ("bob", 0)], start);
    assert_eq!(rung.due(), Some(start + NO_ANSWER));
    assert_eq!(rung.part_of("alice"), Some(CallPart::Rung));
    assert_eq!(rung.part_of("carol"), None);
    assert!(rung.tick(start + NO_ANSWER - SECOND).is_empty());
    assert_eq!(rung.tick(start + NO_ANSWER), STATE);
    assert_eq!(ended(&rung), Some((None, CallEnd::NoAnswer)));
    assert_eq!(rung.due(), None);
    assert_eq!(rung.answer("alice", false, start), Err(Refused::NoSuchCall));
}

#[test]
fn of_two_who_answer_in_one_instant_the_first_has_it() {
    let now = Instant::now();
    let mut call = call(&[("alice", 0), ("bob", 0)], now);
    assert_eq!(call.answer("bob", false, now), answered("bob"));
    assert_eq!(call.answer("alice", false, now), Err(Refused::Taken));
    assert_eq!(call.answer("bob", false, now), Ok(vec![]), "once more");
    let parts = ["alice", "bob"].map(|user| call.part_of(user));
    assert_eq!(parts, [Some(CallPart::Watching), Some(CallPart::Answered)]);
    for refused in [call.hang_up("alice"), call.nobody_home("alice")] {
        assert_eq!(refused, Err(Refused::Taken));
    }
    assert_eq!(call.decline("alice"), Ok(vec![]), "it rings no more");
    assert_eq!(call.hang_up("bob"), Ok(STATE.to_vec()));
    assert_eq!(ended(&call), Some((Some("bob"), CallEnd::HungUp)));
    assert_eq!(call.hang_up("bob"), Err(Refused::NoSuchCall));
}

#[test]
fn an_answer_without_a_picture_does_not_last() {
    let start = Instant::now();
    let mut call = call(&[("alice", 0)], start);
    call.answer("alice", false, start + SECOND).unwrap();
    let late = start + SECOND + NO_MEDIA;
    assert_eq!(call.due(), Some(late));
    assert_eq!(call.tick(late), STATE);
    assert_eq!(ended(&call), Some((Some("alice"), CallEnd::NoMedia)));
}

#[test]
fn a_picture_that_is_lost_may_come_back_and_one_that_does_not_ends_it() {
    let start = Instant::now();
    let mut call = call(&[("alice", 0), ("bob", 0)], start);
    call.answer("alice", false, start).unwrap();
    assert!(call.has_media("bob").is_empty(), "who only watches");
    assert_eq!(call.has_media("alice"), STATE);
    assert_eq!(call.state(), CallState::Talking);
    assert_eq!(call.due(), Some(call.expires()));
    call.lost_media("bob", start);
    call.lost_media("alice", start);
    assert!(call.has_media("alice").is_empty());
    assert!(call.tick(start + MEDIA_RETURN).is_empty(), "it is back");
    call.lost_media("alice", start);
    call.lost_media("alice", start + SECOND);
    assert_eq!(call.tick(start + MEDIA_RETURN), STATE, "from the first");
    assert_eq!(ended(&call), Some((Some("alice"), CallEnd::NoMedia)));
}

#[test]
fn whoever_watches_already_talks_at_once() {
    let now = Instant::now();
    let mut call = call(&[("alice", 0)], now);
    call.answer("alice", true, now).unwrap();
    assert_eq!(call.state(), CallState::Talking);
}

#[test]
fn it_is_declined_by_all_or_not_at_all() {
    let now = Instant::now();
    let mut call = call(&[("alice", 0), ("bob", 0)], now);
    let declined = |user| Change::Declined(who(user));
    assert_eq!(call.decline("alice"), Ok(vec![declined("alice")]));
    assert_eq!(call.decline("alice"), Ok(vec![]), "twice is once");
    assert_eq!(call.part_of("alice"), Some(CallPart::Watching));
    let mut changed_mind = call.clone();
    let answer = changed_mind.answer("alice", false, now);
    assert_eq!(answer, answered("alice"));
    let all = vec![declined("bob"), Change::State];
    assert_eq!(call.decline("bob"), Ok(all));
    assert_eq!(ended(&call), Some((None, CallEnd::Declined)));
}

#[test]
fn nobody_home_is_one_persons_word_for_all() {
    let now = Instant::now();
    let mut rung = call(&[("alice", 0), ("bob", 0)], now);
    assert_eq!(rung.hang_up("alice"), Err(Refused::NotAnswered));
    assert_eq!(rung.nobody_home("alice"), Ok(STATE.to_vec()));
    assert_eq!(ended(&rung), Some((None, CallEnd::NobodyHome)));
}

#[test]
fn who_comes_later_is_rung_on_time_or_when_the_others_declined() {
    let start = Instant::now();
    let people = [("alice", 0), ("bob", 15), ("carol", 15), ("dave", 30)];
    let mut slow = call(&people, start);
    let second = start + 15 * SECOND;
    assert_eq!(slow.due(), Some(second));
    assert_eq!(slow.answer("bob", false, start), Err(Refused::NoSuchCall));
    assert_eq!(slow.part_of("bob"), None);
    assert!(slow.tick(second - SECOND).is_empty());
    let both = Change::Rings(vec![who("bob"), who("carol")]);
    assert_eq!(slow.tick(second), std::slice::from_ref(&both));
    assert!(slow.tick(second).is_empty());

    let mut quick = call(&people, start);
    let declined = Change::Declined(who("alice"));
    assert_eq!(quick.decline("alice"), Ok(vec![declined, both]));
    assert_eq!(quick.due(), Some(start + 30 * SECOND));
    quick.answer("bob", false, start + SECOND).unwrap();
    quick.tick(start + 20 * SECOND);
    assert_eq!(quick.part_of("dave"), None, "it was answered before");
    assert_eq!(quick.rung().count(), 3);
}

#[test]
fn a_camera_that_is_gone_is_waited_for() {
    let start = Instant::now();
    let mut call = call(&[("alice", 0)], start);
    call.answer("alice", true, start).unwrap();
    call.camera_gone(start);
    call.camera_gone(start + SECOND);
    assert_eq!(call.due(), Some(start + CAMERA_RETURN));
    let mut back = call.clone();
    back.camera_back();
    assert!(back.tick(start + CAMERA_RETURN).is_empty());
    assert_eq!(call.tick(start + CAMERA_RETURN), STATE);
    assert_eq!(ended(&call), Some((Some("alice"), CallEnd::CameraGone)));
}

#[test]
fn without_a_camera_there_is_no_picture_to_blame() {
    let start = Instant::now();
    let mut call = call(&[("alice", 0)], start);
    call.camera_gone(start);
    call.answer("alice", false, start).unwrap();
    call.tick(start + NO_MEDIA);
    assert_eq!(ended(&call), Some((Some("alice"), CallEnd::CameraGone)));
}

#[test]
fn it_is_over_at_the_latest_whatever_goes_on_and_only_once() {
    let start = Instant::now();
    let mut call = call(&[("alice", 0)], start);
    call.answer("alice", true, start).unwrap();
    assert_eq!(call.tick(start + LONGEST_CALL), STATE);
    assert_eq!(ended(&call), Some((Some("alice"), CallEnd::Expired)));
    assert!(call.end(CallEnd::HungUpAtDoor).is_empty());
    assert!(call.leave("alice").is_empty());
    assert!(call.tick(start + 2 * LONGEST_CALL).is_empty());
    assert_eq!(ended(&call), Some((Some("alice"), CallEnd::Expired)));
}

#[test]
fn who_may_no_longer_is_out_and_takes_the_call_along_only_if_it_is_its_own() {
    let now = Instant::now();
    let mut rung = call(&[("alice", 0), ("bob", 0)], now);
    let left = rung.leave("bob");
    assert!(
        matches!(&left[..], [Change::Left(who, to)] if **who == *"bob" && to.link == "link of bob")
    );
    assert_eq!(rung.answer("bob", false, now), Err(Refused::NoSuchCall));
    let mut answered = rung.clone();
    assert_eq!(rung.leave("alice").len(), 2);
    assert_eq!(ended(&rung), Some((None, CallEnd::Nobody)));
    answered.answer("alice", false, now).unwrap();
    assert_eq!(answered.leave("alice"), STATE);
    assert_eq!(ended(&answered), Some((Some("alice"), CallEnd::Revoked)));
    // The last one who has not declined.
    let mut declined = call(&[("alice", 0), ("bob", 0)], now);
    declined.decline("alice").unwrap();
    declined.leave("bob");
    assert_eq!(ended(&declined), Some((None, CallEnd::Declined)));
}
