// SPDX-License-Identifier: MPL-2.0
//! The other servers, where several are one: what is for them goes there, and what they say comes to the room.

#[cfg(feature = "cluster")]
use std::collections::BTreeSet;
use std::future::pending;

use tokio::sync::oneshot;

use super::Hub;
#[cfg(feature = "cluster")]
use crate::cluster::MOST_SESSIONS;
use crate::cluster::{Answer, Member, Question, Turn};
#[cfg(feature = "cluster")]
use crate::cluster::{Body, Heard, Outbound, Wire};
#[cfg(feature = "cluster")]
use crate::queue::Dropped;
use crate::room::{Action, Now};
#[cfg(feature = "cluster")]
use crate::room::{ClientId, NodeId, RingRefused};

#[cfg(feature = "cluster")]
impl Hub {
    /// By which the others know this server.
    pub(super) fn own_id(&self) -> Option<&String> {
        self.cluster.as_ref().map(|member| member.links.own())
    }

    /// Something comes of the other servers, or it is time to say to them that this one is there.
    pub(super) fn of_others(&mut self, turn: Turn) {
        let now = std::time::Instant::now();
        let Some(member) = &mut self.cluster else {
            return;
        };
        let heard = match turn {
            Turn::Beat => {
                let late = member.asks.late(now);
                tell(late);
                member.links.tick(now)
            }
            Turn::Wire(Wire::Frame(frame)) => member.links.heard(*frame, now),
            Turn::Wire(Wire::Presence(id)) => member.links.presence(&id, now),
            Turn::Wire(Wire::Broke) => member.links.broke_all(now),
        };
        self.heard(heard);
    }

    fn heard(&mut self, all: Vec<Heard>) {
        for heard in all {
            let now = Now::read();
            let actions = match heard {
                Heard::Send(frame) => {
                    self.send_frame(frame);
                    continue;
                }
                Heard::Found(node) => self.room.node_found(node, now),
                Heard::Lost(node) => {
                    if let Some(member) = &mut self.cluster {
                        tell(member.asks.lost(node));
                    }
                    self.room.node_lost(node, now)
                }
                Heard::Ask(node, number, question) => {
                    let (answer, actions) = self.answer(&bounded(question), now);
                    self.say(node, Body::Answer(number, answer));
                    actions
                }
                Heard::Answer(node, number, answer) => {
                    if let Some(member) = &mut self.cluster {
                        tell(member.asks.answered(node, number, answer));
                    }
                    continue;
                }
                Heard::Room(node, message) => self.room.node_message(node, message, now),
                Heard::Tell(node, tell) => {
                    let session = tell.session.as_deref();
                    let clients = tell.clients.into_iter();
                    let may = clients.filter(|client| self.room.may_hear(*client, session, node));
                    let to: Vec<_> = may.map(ClientId::here).collect();
                    let mut slow = Vec::new();
                    self.push(&to, &tell.text.into(), tell.expendable, &mut slow);
                    self.drop_slow(slow);
                    continue;
                }
            };
            self.act(actions);
        }
    }

    /// Asks this server's room, and those of the others that may know.
    pub(super) fn ask(&mut self, question: Question, done: oneshot::Sender<Answer>, now: Now) {
        let standing = self.cluster.as_ref().map(|member| member.links.standing());
        let all: BTreeSet<_> = standing
            .into_iter()
            .flatten()
            .map(|(_, node)| node)
            .collect();
        if let Question::Ring(camera, ..) = &question
            && let Some(owner) = self.room.owner_elsewhere(camera)
            && all.contains(&owner)
        {
            let unknown = Answer::Rang(Err(RingRefused::Offline));
            return self.ask_others(question, unknown, BTreeSet::from([owner]), done, now);
        }
        let (answer, actions) = self.answer(&question, now);
        self.act(actions);
        // A camera of nobody's, or of this server's, rings here.
        match answer.is_whole() || matches!(answer, Answer::Rang(_)) {
            true => tell(vec![(done, answer)]),
            false => self.ask_others(question, answer, all, done, now),
        }
    }

    fn ask_others(
        &mut self,
        question: Question,
        answer: Answer,
        others: BTreeSet<NodeId>,
        done: oneshot::Sender<Answer>,
        now: Now,
    ) {
        let Some(member) = &mut self.cluster else {
            return tell(vec![(done, answer)]);
        };
        match member.asks.wait(answer, others.clone(), done, now.mono) {
            Ok(number) => {
                for node in others {
                    self.say(node, Body::Ask(number, question.clone()));
                }
            }
            Err(alone) => tell(vec![alone]),
        }
    }

    /// Lets go of some clients, which connect to other servers then. What runs waits for them there, as after any broken
    /// connection.
    pub(super) fn move_on(&mut self, most: usize, now: Now) -> Option<usize> {
        self.cluster.as_ref()?.links.standing().next()?;
        let all = self.outboxes.keys().copied();
        let mut all: Vec<_> = all.filter(|client| self.room.may_move(*client)).collect();
        let left = all.split_off(most.min(all.len()));
        for client in all {
            self.let_go(client, Dropped::Moves);
            let actions = self.room.gone(client, now);
            self.act(actions);
        }
        Some(left.len())
    }

    fn say(&mut self, node: NodeId, body: Body) {
        let said = self.cluster.as_mut();
        let said = said.and_then(|member| member.links.say(node, body, std::time::Instant::now()));
        if let Some(frame) = said {
            self.send_frame(frame);
        }
    }

    /// What is for other servers goes there.
    pub(super) fn pass(&mut self, action: Action) -> Option<Action> {
        let Some(member) = &mut self.cluster else {
            return Some(action);
        };
        let mut frames = Vec::new();
        let own = member
            .links
            .pass(action, std::time::Instant::now(), &mut frames);
        for frame in frames {
            self.send_frame(frame);
        }
        own
    }

    /// Nobody waits for another server: what finds no room ends the link, and what is said on the next finds some.
    fn send_frame(&mut self, frame: Outbound) {
        let Some(member) = &mut self.cluster else {
            return;
        };
        let to = frame.to.clone();
        if !member.send(frame) {
            tracing::warn!("NATS does not take what other servers are told");
            let heard = member.links.broke(&to, std::time::Instant::now());
            self.heard(heard);
        }
    }
}

/// Whoever asked may have left meanwhile.
#[cfg(feature = "cluster")]
fn tell(done: Vec<(oneshot::Sender<Answer>, Answer)>) {
    for (done, answer) in done {
        let _ = done.send(answer);
    }
}

/// As much of it as goes into a frame.
#[cfg(feature = "cluster")]
fn bounded(question: Question) -> Question {
    match question {
        Question::Sessions(after, most) => Question::Sessions(after, most.min(MOST_SESSIONS)),
        question => question,
    }
}

#[cfg(not(feature = "cluster"))]
impl Hub {
    pub(super) fn own_id(&self) -> Option<&String> {
        None
    }

    pub(super) fn move_on(&mut self, _: usize, _: Now) -> Option<usize> {
        None
    }

    pub(super) fn of_others(&mut self, turn: Turn) {
        match turn {}
    }

    pub(super) fn ask(&mut self, question: Question, done: oneshot::Sender<Answer>, now: Now) {
        let (answer, actions) = self.answer(&question, now);
        self.act(actions);
        let _ = done.send(answer);
    }

    pub(super) fn pass(&mut self, action: Action) -> Option<Action> {
        Some(action)
    }
}

#[cfg(not(feature = "cluster"))]
pub(super) async fn next_of(_: &mut Option<Member>) -> Turn {
    pending().await
}

#[cfg(feature = "cluster")]
pub(super) async fn next_of(cluster: &mut Option<Member>) -> Turn {
    match cluster {
        Some(member) => member.next().await,
        None => pending().await,
    }
}
