// SPDX-License-Identifier: MPL-2.0
//! What viewers hear of themselves from the robot's loudspeaker, with the elements of pipelines/50-talk and 51-doorbell in a room that
//! is made of samples, and what they hear meanwhile of somebody who speaks there.

use crate::common::room::{cancelled, half_duplex};

fn assert_cancels(milliseconds: u64) {
    let measured = cancelled(milliseconds);
    assert!(measured.echo > 6.0, "{measured:?}");
    assert!(measured.near > -20.0, "{measured:?}");
}

#[test]
fn an_echo_canceller_leaves_little_of_the_viewers_words_and_most_of_who_is_near() {
    // What a sound card holds where nothing else is said.
    assert_cancels(200);
}

#[test]
fn so_it_does_where_the_loudspeaker_is_quick() {
    assert_cancels(20);
}

#[test]
fn half_duplex_takes_20_db_of_the_echo_from_the_first_word_and_as_much_of_who_is_near() {
    let measured = half_duplex();
    // On a machine that stands still for a moment nobody speaks for that long, and the microphone is turned up.
    assert!((12.0..21.0).contains(&measured.echo), "{measured:?}");
    assert!((-22.0..-12.0).contains(&measured.near), "{measured:?}");
}
