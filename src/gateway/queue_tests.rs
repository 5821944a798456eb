// SPDX-License-Identifier: MPL-2.0
//! What is written to a program, when, and in which order.

use super::*;
use crate::gateway::envelope::Mark;

const TIMEOUT: Duration = Duration::from_millis(500);

fn ticket(number: u16) -> Ticket {
    Ticket {
        viewer: 1,
        mark: Mark { service: 1, number },
        kind: TicketKind::Command,
    }
}

fn command(number: u16, steers: bool, now: Instant) -> Command {
    Command {
        payload: Payload::Text(number.to_string()),
        ticket: ticket(number),
        due: now + TIMEOUT,
        steers,
    }
}

fn written(number: u16, serial: Serial) -> Option<Item> {
    Some(Item::Command(Payload::Text(number.to_string()), serial))
}

fn refused(number: u16, why: Refusal) -> Option<Item> {
    Some(Item::Refused(ticket(number), why))
}

fn numbers(tickets: &[Ticket]) -> Vec<u16> {
    tickets.iter().map(|ticket| ticket.mark.number).collect()
}

#[test]
fn what_is_held_waits_until_the_driver_is_heard_again_and_events_do_not() {
    let (queue, now) = (Queue::default(), Instant::now());
    let hold = now + TIMEOUT / 2;
    queue.hold(hold);
    for number in 1..=3 {
        queue.command(command(number, false, now)).unwrap();
    }
    assert_eq!(queue.take(now), written(1, 1));
    queue.event("released".into());
    assert_eq!(queue.take(hold), Some(Item::Event("released".into())));
    assert_eq!(queue.take(hold), None, "it is held");
    queue.hold(hold + TIMEOUT / 5);
    assert_eq!(queue.take(hold), written(2, 2));
    // What waits too long is stale, held or not.
    queue.hold(now);
    let due = now + TIMEOUT;
    assert_eq!(queue.take(due), refused(3, Refusal::Stale));
    // A new driver is held by nothing that was said of the one before.
    assert!(queue.recall().is_empty());
    queue.command(command(4, false, due)).unwrap();
    queue.pong(2);
    assert_eq!(queue.take(due), written(4, 3));
}

#[test]
fn two_commands_are_under_way_and_the_next_waits_for_the_program() {
    let (queue, now) = (Queue::default(), Instant::now());
    for number in 1..=4 {
        queue.command(command(number, false, now)).unwrap();
    }
    assert_eq!(queue.take(now), written(1, 1));
    assert_eq!(queue.take(now), written(2, 2));
    assert_eq!(queue.take(now), None);
    assert_eq!(numbers(&queue.pong(9)), [0; 0], "nobody asked that");
    assert_eq!(numbers(&queue.pong(1)), [1]);
    assert_eq!(queue.take(now), written(3, 3));
    assert_eq!(queue.take(now), None);
    assert_eq!(numbers(&queue.recall()), [4]);
    assert_eq!(numbers(&queue.unanswered()), [2, 3]);
}

#[test]
fn who_acknowledges_itself_is_not_believed_by_its_pongs() {
    let (queue, now) = (Queue::default(), Instant::now());
    queue.acknowledges(true);
    queue.command(command(1, false, now)).unwrap();
    assert_eq!(queue.take(now), written(1, 1));
    assert_eq!(queue.pong(1), []);
    assert_eq!(queue.taken().map(|ticket| ticket.mark.number), Some(1));
    assert_eq!(queue.taken(), None);
}

#[test]
fn what_waited_too_long_is_refused_and_of_steering_the_newest_waits() {
    let (queue, now) = (Queue::default(), Instant::now());
    for number in 1..=3 {
        queue.command(command(number, number > 1, now)).unwrap();
    }
    assert_eq!(queue.take(now), refused(2, Refusal::Superseded));
    assert_eq!(queue.take(now), written(1, 1));
    assert_eq!(queue.take(now + TIMEOUT), refused(3, Refusal::Stale));
    let late = now + TIMEOUT;
    queue.command(command(4, true, late)).unwrap();
    assert_eq!(queue.take(late), written(4, 2));
}

#[test]
fn the_newest_state_passes_what_waits_and_holds_up_no_command() {
    let (queue, now) = (Queue::default(), Instant::now());
    let state = |number| {
        let mut state = command(number, true, now);
        state.ticket.kind = TicketKind::State;
        state
    };
    for number in 1..=3 {
        queue.command(command(number, false, now)).unwrap();
    }
    queue.command(state(11)).unwrap();
    queue.command(state(12)).unwrap();
    let superseded = Some(Item::Refused(state(11).ticket, Refusal::Superseded));
    assert_eq!(queue.take(now), superseded);
    assert_eq!(queue.take(now), written(12, 1));
    queue.command(state(13)).unwrap();
    assert_eq!(queue.take(now), written(1, 2));
    queue.pong(2);
    assert_eq!(queue.take(now), written(13, 3));
    assert_eq!(queue.take(now), written(2, 4));
    queue.command(state(14)).unwrap();
    assert_eq!(numbers(&queue.recall()), [14, 3]);
    queue.command(state(15)).unwrap();
    let stale = Some(Item::Refused(state(15).ticket, Refusal::Stale));
    assert_eq!(queue.take(now + TIMEOUT), stale);
}

#[test]
fn a_release_overtakes_commands_and_ends_the_lease() {
    let (queue, now) = (Queue::default(), Instant::now());
    queue.command(command(1, false, now)).unwrap();
    queue.alive("alive".into());
    queue.alive("alive again".into());
    assert_eq!(queue.take(now), Some(Item::Event("alive again".into())));
    queue.alive("alive".into());
    assert_eq!(numbers(&queue.recall()), [1]);
    queue.event("released".into());
    assert_eq!(queue.take(now), Some(Item::Event("released".into())));
    assert_eq!(queue.take(now), None);
}

#[test]
fn who_answers_no_ping_is_gone_in_two_seconds() {
    let (queue, mut now) = (Queue::default(), Instant::now());
    assert_eq!(queue.take(now), None);
    for serial in 1..=3 {
        now += PING_PERIOD;
        assert_eq!(queue.take(now), Some(Item::Ping(serial)));
        assert_eq!(queue.pong(serial), []);
        assert_eq!(queue.take(now), None);
    }
    now += PING_PERIOD;
    assert_eq!(queue.take(now), Some(Item::Ping(4)));
    now += PING_PATIENCE;
    assert_eq!(queue.take(now - Duration::from_millis(1)), None);
    let close = Some(Item::Close(Close::NotAnswering));
    assert_eq!(queue.take(now), close);
}

#[test]
fn the_door_waits_for_no_driver_and_opens_for_nobody_late() {
    let (queue, now) = (Queue::default(), Instant::now());
    let door = || Command {
        payload: Payload::Text("open".into()),
        ticket: Ticket {
            kind: TicketKind::Door,
            ..ticket(9)
        },
        ..command(9, false, now)
    };
    queue.hold(now);
    queue.command(command(1, false, now)).unwrap();
    queue.open(door()).unwrap();
    queue.event("released".into());
    assert_eq!(numbers(&queue.recall()), [1], "the driver's alone");
    assert_eq!(queue.take(now), Some(Item::Event("released".into())));
    assert_eq!(queue.take(now), Some(Item::Event("open".into())));
    queue.open(door()).unwrap();
    let stale = Item::Refused(door().ticket, Refusal::Stale);
    assert_eq!(queue.take(now + TIMEOUT), Some(stale));
    queue.open(door()).unwrap();
    assert_eq!(queue.recall_door(), Some(door().ticket));
    assert_eq!(queue.recall_door(), None);
    queue.open(door()).unwrap();
    assert_eq!(queue.unanswered(), [door().ticket]);
    queue.close(Close::Stopping);
    assert_eq!(queue.open(door()), Err(Refusal::ServiceGone));
}
