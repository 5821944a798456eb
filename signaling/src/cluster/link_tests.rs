// SPDX-License-Identifier: MPL-2.0
//! Links one by one; `room::tests::cluster` has them among everything that goes wrong.

use std::collections::VecDeque;

use super::*;

/// Two servers, and what is on the way between them.
struct Two {
    a: Links,
    b: Links,
    now: Instant,
    wire: VecDeque<Outbound>,
    /// Whether everything that `a` sends is lost, or `b`.
    deaf: [bool; 2],
    found: [Vec<NodeId>; 2],
    lost: [usize; 2],
    heard: [Vec<String>; 2],
}

impl Two {
    fn new() -> Self {
        Self {
            a: Links::new("a".to_owned()),
            b: Links::new("b".to_owned()),
            now: Instant::now(),
            wire: VecDeque::new(),
            deaf: [false; 2],
            found: [Vec::new(), Vec::new()],
            lost: [0; 2],
            heard: [Vec::new(), Vec::new()],
        }
    }

    fn linked() -> Self {
        let mut two = Self::new();
        let heard = two.a.presence("b", two.now);
        two.take(0, heard);
        two.carry();
        assert!(two.stands());
        two
    }

    fn stands(&self) -> bool {
        self.a.standing().count() == 1 && self.b.standing().count() == 1
    }

    fn take(&mut self, at: usize, all: Vec<Heard>) {
        for heard in all {
            match heard {
                Heard::Send(out) => self.wire.push_back(out),
                Heard::Found(node) => self.found[at].push(node),
                Heard::Lost(_) => self.lost[at] += 1,
                Heard::Tell(_, tell) => self.heard[at].push(tell.text),
                Heard::Room(..) | Heard::Ask(..) | Heard::Answer(..) => (),
            }
        }
    }

    /// Carries what is on the way, but for what is lost.
    fn carry(&mut self) {
        while let Some(Outbound { to, frame }) = self.wire.pop_front() {
            let from = usize::from(frame.from == "b");
            if self.deaf[from] {
                continue;
            }
            let text = serde_json::to_string(&frame).unwrap();
            let frame = serde_json::from_str(&text).unwrap();
            let at = usize::from(to == "b");
            let heard = match at {
                0 => self.a.heard(frame, self.now),
                _ => self.b.heard(frame, self.now),
            };
            self.take(at, heard);
        }
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += HEARTBEAT;
            let heard = self.a.tick(self.now);
            self.take(0, heard);
            let heard = self.b.tick(self.now);
            self.take(1, heard);
            self.carry();
        }
    }

    fn tell(&mut self, text: &str) {
        let node = *self.found[0].last().unwrap();
        let tell = Tell {
            clients: vec![1],
            session: None,
            text: text.to_owned(),
            expendable: false,
        };
        let out = self.a.say(node, Body::Tell(tell), self.now);
        self.wire.extend(out);
    }
}

#[test]
fn both_ends_stand_after_one_has_heard_of_the_other_and_what_is_said_arrives_once_in_order() {
    let mut two = Two::linked();
    for text in ["one", "two", "three"] {
        two.tell(text);
    }
    two.carry();
    assert_eq!(two.heard[1], ["one", "two", "three"]);
    two.wait(SILENCE * 4);
    assert_eq!((two.lost, two.found[0].len()), ([0, 0], 1));
    // Both at once.
    let mut both = Two::new();
    let heard = both.a.presence("b", both.now);
    both.take(0, heard);
    let heard = both.b.presence("a", both.now);
    both.take(1, heard);
    both.carry();
    assert!(both.stands());
    assert_eq!((both.lost, both.found[1].len()), ([0, 0], 1));
}

#[test]
fn what_is_lost_ends_the_link_at_both_ends_before_anything_after_it_is_heard() {
    let mut two = Two::linked();
    two.tell("heard");
    two.carry();
    two.tell("lost");
    two.wire.clear();
    two.tell("after it");
    two.carry();
    assert_eq!(two.heard[1], ["heard"]);
    assert_eq!(two.lost, [1, 1]);
    assert!(two.stands(), "and the next stands at once");
    // By another number: what was of the first is of nobody.
    assert_ne!(two.found[0][0], two.found[0][1]);
    let gone = two.found[0][0];
    assert!(two.a.say(gone, Body::Alive, two.now).is_none());
    two.tell("of the next");
    two.carry();
    assert_eq!(two.heard[1], ["heard", "of the next"]);
}

#[test]
fn the_last_word_that_is_lost_is_missed_at_the_next_sign_of_life() {
    let mut two = Two::linked();
    two.tell("lost");
    two.wire.clear();
    two.wait(HEARTBEAT);
    assert_eq!(two.lost, [1, 1]);
    assert!(two.stands());
}

#[test]
fn who_says_nothing_is_gone_after_a_while_and_found_again_also_if_one_way_alone_was_cut() {
    for cut in [[true, true], [true, false], [false, true]] {
        let mut two = Two::linked();
        two.deaf = cut;
        two.wait(SILENCE + HEARTBEAT);
        let deaf = usize::from(!cut[0]);
        assert_eq!(two.lost[1 - deaf], 1, "{cut:?}");
        two.wait(SILENCE * 2);
        assert_eq!(two.lost, [1, 1], "{cut:?}");
        two.deaf = [false; 2];
        two.wait(HEARTBEAT * 2);
        assert!(two.stands(), "{cut:?}");
        two.tell("again");
        two.carry();
        assert_eq!(two.heard[1], ["again"]);
    }
}

#[test]
fn one_that_ends_says_so_and_one_that_is_gone_for_long_is_not_called_any_more() {
    let mut two = Two::linked();
    two.wire.extend(two.b.bye());
    two.carry();
    assert_eq!(two.lost, [1, 0]);
    assert!(two.a.links.is_empty());
    let mut two = Two::linked();
    two.deaf = [false, true];
    two.wait(FORGET + SILENCE * 2);
    assert!(two.a.links.is_empty());
}

#[test]
fn frames_of_a_link_that_is_over_are_nobodys_and_of_strangers_there_are_only_so_many() {
    let mut two = Two::linked();
    two.tell("late");
    let late = two.wire.pop_front().unwrap();
    two.tell("lost");
    two.wire.clear();
    two.tell("next");
    two.carry();
    let heard = two.b.heard(late.frame, two.now);
    two.take(1, heard);
    two.carry();
    assert!(two.heard[1].is_empty(), "{:?}", two.heard[1]);
    assert!(two.stands());
    for n in 0..2 * MAX_NODES {
        two.a.presence(&format!("stranger {n}"), two.now);
    }
    assert_eq!(two.a.links.len(), MAX_NODES);
    assert!(two.a.presence("a", two.now).is_empty(), "it is itself");
}
