// SPDX-License-Identifier: MPL-2.0
//! Viewers and programs who do whatever may be done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::*;

/// A program as the glue has it: commands wait, events do not.
#[derive(Default)]
struct Program {
    commands: VecDeque<Ticket>,
    /// Who drives, as it has been told.
    driver: Option<String>,
}

/// Viewers who do as they like and programs that come and go, for thousands of seeds: no command reaches a program but
/// from whom the program knows to drive, and every command is answered once.
#[test]
fn thousands_of_runs_keep_the_promises() {
    let mut drove = 0;
    for seed in 0..3_000 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut room = Room::new();
        let mut programs: BTreeMap<ProgramId, Program> = BTreeMap::new();
        let mut permitted: BTreeMap<ViewerId, bool> = BTreeMap::new();
        let mut open: BTreeSet<(ViewerId, u16)> = BTreeSet::new();
        let (mut next, mut number) = (1, 0u16);
        let mut reported = None;
        for _ in 0..120 {
            let time = Duration::from_millis(rng.random_range(0..120));
            room.pass(time);
            let viewer = permitted.keys().copied().nth(rng.random_range(0..4));
            match (rng.random_range(0..10), viewer) {
                (0, _) if permitted.len() < 4 => {
                    let control = rng.random_bool(0.7);
                    permitted.insert(next, control);
                    let booked = rng.random_bool(0.3);
                    let rights = Rights {
                        control,
                        booked,
                        ..ALL
                    };
                    room.viewer(next, &format!("u{next}"), rights);
                    next += 1;
                }
                (1, Some(id)) if rng.random_bool(0.3) => {
                    permitted.remove(&id);
                    open.retain(|(viewer, _)| *viewer != id);
                    room.handle(Input::Left(id, Reason::Left));
                }
                (2, Some(id)) => {
                    let control = rng.random_bool(0.6);
                    permitted.insert(id, control);
                    let booked = rng.random_bool(0.3);
                    let rights = Rights {
                        control,
                        booked,
                        ..ALL
                    };
                    room.handle(Input::Rights(id, rights));
                }
                (3, _) => {
                    let name = rng.random_range(0..2);
                    let old: Vec<_> = programs.keys().copied().collect();
                    match old.into_iter().find(|id| id % 2 == name) {
                        Some(id) => {
                            for ticket in programs.remove(&id).unwrap().commands {
                                let gone = Refusal::ServiceGone;
                                room.handle(Input::Undelivered(ticket, gone));
                            }
                            room.handle(Input::ProgramLeft(id));
                        }
                        None => {
                            let id = 2 * seed as u32 * 1000 + 2 * next + name;
                            next += 1;
                            programs.insert(id, Program::default());
                            room.handle(Input::ProgramJoined(id, format!("p{name}")));
                        }
                    }
                }
                (4, Some(id)) => room.say(id, Kind::Ask, (0, 0), ""),
                (5, Some(id)) if rng.random_bool(0.2) => room.say(id, Kind::Release, (0, 0), ""),
                (6, Some(id)) => {
                    let to = format!(r#"{{"to":{}}}"#, rng.random_range(1..=next));
                    room.say(id, Kind::HandOver, (0, 0), &to);
                }
                (7 | 8, Some(id)) => {
                    number += 1;
                    open.insert((id, number));
                    let service = rng.random_range(1..=2);
                    room.say(id, Kind::Text, (service, number), "go");
                }
                _ => {
                    let ids: Vec<_> = permitted.keys().copied().collect();
                    for id in ids {
                        room.say(id, Kind::Alive, (0, 0), "");
                    }
                }
            }
            // The glue.
            while !room.outputs.is_empty() {
                for output in std::mem::take(&mut room.outputs) {
                    match output {
                        Output::Command(to, command) => match programs.get_mut(&to) {
                            Some(program) => program.commands.push_back(command.ticket),
                            None => room
                                .handle(Input::Undelivered(command.ticket, Refusal::ServiceGone)),
                        },
                        Output::Alive(..) | Output::Hold(..) | Output::Acknowledges(..) => (),
                        // Nobody rings here, and there is no door.
                        Output::Bell(_)
                        | Output::Open(..)
                        | Output::RecallDoor(_)
                        | Output::Door(_) => (),
                        Output::Driver(DriverChange { driver, before }) => {
                            assert_eq!(reported, before.map(|(driver, _)| driver), "seed {seed}");
                            reported = driver;
                        }
                        Output::Recall(to) => {
                            let program = programs.get_mut(&to);
                            for ticket in program
                                .map(|p| std::mem::take(&mut p.commands))
                                .unwrap_or_default()
                            {
                                room.handle(Input::Undelivered(ticket, Refusal::Released));
                            }
                        }
                        Output::Event(to, event) => {
                            let Some(program) = programs.get_mut(&to) else {
                                continue;
                            };
                            if let Some(driver) = event.strip_prefix("porthole driver ") {
                                assert_eq!(
                                    program.driver, None,
                                    "seed {seed}: nobody was released"
                                );
                                let driver: Value = serde_json::from_str(driver).unwrap();
                                program.driver = Some(driver["user"].as_str().unwrap().into());
                            } else if event.starts_with("porthole released ") {
                                program.driver = None;
                            }
                        }
                        Output::Viewer(viewer, message) => {
                            let number = u16::from_be_bytes([message.bytes[2], message.bytes[3]]);
                            let is_answer = [Kind::Accepted as u8, Kind::Refused as u8];
                            if is_answer.contains(&message.bytes[0])
                                && number > 0
                                && permitted.contains_key(&viewer)
                            {
                                assert!(
                                    open.remove(&(viewer, number)),
                                    "seed {seed}: answered twice"
                                );
                            }
                        }
                    }
                }
            }
            let viewer = |id: ViewerId| &room.hub.viewers[&id];
            let driver = room.hub.wheel.driver();
            let session = driver.map(|id| viewer(id).session.clone());
            let said = reported.as_ref().map(|driver| driver.session.clone());
            assert_eq!(said, session, "seed {seed}");
            if let Some(id) = driver {
                assert!(permitted[&id], "seed {seed}: {id} may not drive");
                let mut waiting = room.hub.wheel.waiting();
                assert!(
                    viewer(id).rights.booked || waiting.all(|id| !viewer(id).rights.booked),
                    "seed {seed}: who has booked waits for who has not"
                );
                drove += 1;
            }
            for program in programs.values_mut().filter(|_| rng.random_bool(0.5)) {
                if let Some(ticket) = program.commands.pop_front() {
                    let driver = Some(format!("u{}", ticket.viewer));
                    assert_eq!(program.driver, driver, "seed {seed}: a command of nobody");
                    room.outputs
                        .extend(room.hub.handle(Input::Delivered(ticket), room.now));
                }
            }
            let waiting = programs.values().flat_map(|p| p.commands.iter());
            let waiting: BTreeSet<_> = waiting.map(|t| (t.viewer, t.mark.number)).collect();
            for command in &open {
                let answered = room.outputs.iter().any(|output| {
                    matches!(output, Output::Viewer(viewer, message)
                    if *viewer == command.0 && message.bytes[2..4] == command.1.to_be_bytes())
                });
                assert!(
                    waiting.contains(command) || answered,
                    "seed {seed}: {command:?} has no answer"
                );
            }
        }
    }
    assert!(drove > 50_000, "{drove}");
}
