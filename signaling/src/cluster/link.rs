// SPDX-License-Identifier: MPL-2.0
//! Links between servers: pure state, with the time as an argument.
//!
//! NATS delivers at most once, and in order from one connection to one subject. So each frame has a number, and a number that
//! is left out ends the link: both ends forget what they knew of each other, and begin anew. Nothing is sent twice, and nothing
//! is waited for.
//!
//! Each end has an *epoch*, a number that it has never used before, and says in each frame which epoch of the other's it
//! answers. A link stands from the first frame on that answers the present one; a frame of any other is of a link that is over.
//! It is how TCP opens a connection (RFC 9293, 3.5), with epochs for initial sequence numbers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Answer, Question};
use crate::room::{Action, ClientId, NodeId, NodeMessage, Outgoing};

/// How often each end says that it is there.
pub const HEARTBEAT: Duration = Duration::from_millis(400);
/// An end that has said nothing for so long is gone: three heartbeats, and time for a process that was busy. Within this time,
/// and one more of a heartbeat, the viewers of a server that was killed can watch what has moved elsewhere.
pub const SILENCE: Duration = Duration::from_millis(1600);
/// After this time it is not called any more.
const FORGET: Duration = Duration::from_secs(30);
/// Other servers at most. What is told to all is sent to each.
const MAX_NODES: usize = 64;
/// The version of what frames say. A server understands the one before, so that servers can be upgraded one by one.
const VERSION: u32 = 1;

/// What one server sends another.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Of these words.
    pub version: u32,
    /// Who sends it: an id that the process has chosen when it began.
    pub from: String,
    /// The sender's.
    pub epoch: u64,
    /// The receiver's, as the sender knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yours: Option<u64>,
    /// Of a frame that is sent while the link stands: its place among them, from 1.
    #[serde(default)]
    pub number: u64,
    /// What it says.
    pub body: Body,
}

/// What a frame says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Body {
    /// A link is to be opened.
    Open,
    /// The sender is there.
    Alive,
    /// One room to another.
    Room(Box<NodeMessage>),
    /// For clients of the receiver's.
    Tell(Tell),
    /// The API asks: by which number, and what.
    Ask(u64, Question),
    /// What was asked by that number is answered.
    Answer(u64, Answer),
    /// The sender is about to end.
    Bye,
}

/// What clients of the receiver's are told by the sender's room.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tell {
    /// Their numbers there.
    pub clients: Vec<u64>,
    /// The session that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The message, as JSON.
    pub text: String,
    /// Whether a client that is behind rather loses it than that it waits.
    #[serde(default)]
    pub expendable: bool,
}

/// A frame to be sent.
#[derive(Debug)]
pub struct Outbound {
    /// To whom.
    pub to: String,
    /// What.
    pub frame: Frame,
}

/// What comes of a frame, or of the time.
#[derive(Debug)]
pub enum Heard {
    /// A link stands.
    Found(NodeId),
    /// It does no more.
    Lost(NodeId),
    /// Another room says something.
    Room(NodeId, NodeMessage),
    /// Clients of this server are told something.
    Tell(NodeId, Tell),
    /// Another server's API asks.
    Ask(NodeId, u64, Question),
    /// Another server answers.
    Answer(NodeId, u64, Answer),
    /// Something is to be sent.
    Send(Outbound),
}

struct Link {
    mine: u64,
    theirs: Option<u64>,
    /// While it stands.
    node: Option<NodeId>,
    /// The number of the last frame that was sent, and of the one that is heard next.
    sent: u64,
    next: u64,
    heard: Instant,
    said: Instant,
}

/// The links to all other servers.
pub struct Links {
    own: String,
    links: BTreeMap<String, Link>,
    names: BTreeMap<NodeId, String>,
    next_epoch: u64,
    next_node: u32,
}

impl Links {
    /// Those of the server that calls itself `own`, an id that nobody ever had.
    pub fn new(own: String) -> Self {
        Self {
            own,
            links: BTreeMap::new(),
            names: BTreeMap::new(),
            next_epoch: 1,
            next_node: 1,
        }
    }

    /// The name that this server has chosen.
    pub fn own(&self) -> &String {
        &self.own
    }

    /// The servers to which a link stands.
    pub fn standing(&self) -> impl Iterator<Item = (&str, NodeId)> {
        let links = self.links.iter();
        links.filter_map(|(name, link)| Some((name.as_str(), link.node?)))
    }

    /// Another server has said, to all, that it is there.
    pub fn presence(&mut self, from: &str, now: Instant) -> Vec<Heard> {
        let mut heard = Vec::new();
        if from != self.own && !self.links.contains_key(from) {
            self.meet(from, now);
            self.open(from, now, &mut heard);
        }
        heard
    }

    /// A frame has come.
    pub fn heard(&mut self, frame: Frame, now: Instant) -> Vec<Heard> {
        let mut heard = Vec::new();
        let Frame {
            from,
            epoch,
            yours,
            number,
            body,
            ..
        } = frame;
        if from == self.own || !self.meet(&from, now) {
            return heard;
        }
        let Some(link) = self.links.get_mut(&from) else {
            return heard;
        };
        let answers = yours == Some(link.mine);
        match body {
            Body::Open => {
                link.heard = now;
                if link.theirs != Some(epoch) {
                    if link.node.is_some() {
                        self.end(&from, &mut heard);
                    }
                    if let Some(link) = self.links.get_mut(&from) {
                        (link.theirs, link.next) = (Some(epoch), 1);
                    }
                }
                let answers = answers && !heard.iter().any(|heard| matches!(heard, Heard::Lost(_)));
                match answers {
                    true => self.stands(&from, now, &mut heard),
                    false => self.open(&from, now, &mut heard),
                }
            }
            Body::Bye if link.theirs == Some(epoch) => {
                self.end(&from, &mut heard);
                self.links.remove(&from);
            }
            _ if link.theirs != Some(epoch) || !answers => {
                // Of a link that is over, which its sender does not know.
                if link.node.is_none() && now.saturating_duration_since(link.said) >= HEARTBEAT / 2
                {
                    self.open(&from, now, &mut heard);
                }
            }
            _ if number != link.next => {
                tracing::warn!(%from, "a message of another server was lost: the link begins anew");
                self.end(&from, &mut heard);
                self.open(&from, now, &mut heard);
            }
            body => {
                link.heard = now;
                link.next += 1;
                self.stands(&from, now, &mut heard);
                let node = self.links.get(&from).and_then(|link| link.node);
                match (body, node) {
                    (Body::Room(message), Some(node)) => heard.push(Heard::Room(node, *message)),
                    (Body::Tell(tell), Some(node)) => heard.push(Heard::Tell(node, tell)),
                    (Body::Ask(ask, question), Some(node)) => {
                        heard.push(Heard::Ask(node, ask, question));
                    }
                    (Body::Answer(ask, answer), Some(node)) => {
                        heard.push(Heard::Answer(node, ask, answer));
                    }
                    _ => (),
                }
            }
        }
        heard
    }

    /// Time has passed: says that this server is there, and finds out who is not. To be called each [`HEARTBEAT`].
    pub fn tick(&mut self, now: Instant) -> Vec<Heard> {
        let mut heard = Vec::new();
        let names: Vec<_> = self.links.keys().cloned().collect();
        for name in names {
            let Some(link) = self.links.get(&name) else {
                continue;
            };
            let silent = now.saturating_duration_since(link.heard);
            match link.node {
                Some(node) if silent < SILENCE => {
                    heard.extend(self.say(node, Body::Alive, now).map(Heard::Send));
                }
                Some(_) => {
                    tracing::warn!(node = %name, "another server is not heard any more");
                    self.end(&name, &mut heard);
                    self.open(&name, now, &mut heard);
                }
                None if silent < FORGET => self.open(&name, now, &mut heard),
                None => {
                    self.links.remove(&name);
                }
            }
        }
        heard
    }

    /// What was to be sent to this server may be lost: the link begins anew.
    pub fn broke(&mut self, to: &str, now: Instant) -> Vec<Heard> {
        let mut heard = Vec::new();
        if self.links.get(to).is_some_and(|link| link.node.is_some()) {
            self.end(to, &mut heard);
            self.open(to, now, &mut heard);
        }
        heard
    }

    /// Nobody can be reached.
    pub fn broke_all(&mut self, now: Instant) -> Vec<Heard> {
        let names: Vec<_> = self.links.keys().cloned().collect();
        names
            .iter()
            .flat_map(|name| self.broke(name, now))
            .collect()
    }

    /// This server is about to end.
    pub fn bye(&mut self) -> Vec<Outbound> {
        let all = self.links.iter();
        let byes = all.map(|(to, link)| Outbound {
            to: to.clone(),
            frame: frame(&self.own, link, 0, Body::Bye),
        });
        byes.collect()
    }

    /// Sees to what a room wants of other servers. What is for this one's clients, or for itself, comes back.
    pub fn pass(
        &mut self,
        action: Action,
        now: Instant,
        out: &mut Vec<Outbound>,
    ) -> Option<Action> {
        match action {
            Action::ToNode(node, message) => {
                out.extend(self.say(node, Body::Room(Box::new(message)), now));
                None
            }
            Action::Send(to, message) if to.node != NodeId::HERE => {
                self.tell(to.node, vec![to.number], &message, now, out);
                None
            }
            Action::SendAll(to, message) if to.iter().any(|to| to.node != NodeId::HERE) => {
                let mut nodes: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
                let mut here = Vec::new();
                for ClientId { node, number } in to {
                    match node {
                        NodeId::HERE => here.push(ClientId::here(number)),
                        node => nodes.entry(node).or_default().push(number),
                    }
                }
                for (node, clients) in nodes {
                    self.tell(node, clients, &message, now, out);
                }
                Some(Action::SendAll(here, message))
            }
            // Its own server closes it.
            Action::Drop(client, _) if client.node != NodeId::HERE => None,
            action => Some(action),
        }
    }

    fn tell(
        &mut self,
        node: NodeId,
        clients: Vec<u64>,
        message: &Outgoing,
        now: Instant,
        out: &mut Vec<Outbound>,
    ) {
        let text = match serde_json::to_string(message) {
            Ok(text) => text,
            Err(error) => {
                return tracing::error!(%error, "a message could not be written as JSON");
            }
        };
        let tell = Tell {
            clients,
            session: message.session().map(str::to_owned),
            text,
            expendable: message.is_expendable(),
        };
        out.extend(self.say(node, Body::Tell(tell), now));
    }

    /// Says something to a server, if a link to it stands.
    pub fn say(&mut self, node: NodeId, body: Body, now: Instant) -> Option<Outbound> {
        // To one whose link broke a moment ago nothing is said: it begins anew.
        let to = self.names.get(&node)?;
        let link = self.links.get_mut(to)?;
        link.sent += 1;
        link.said = now;
        Some(Outbound {
            to: to.clone(),
            frame: frame(&self.own, link, link.sent, body),
        })
    }

    /// Whether there is a link to be, which there is not beyond what is the most.
    fn meet(&mut self, name: &str, now: Instant) -> bool {
        if self.links.contains_key(name) {
            return true;
        }
        if self.links.len() >= MAX_NODES {
            tracing::error!("there are more servers than {MAX_NODES}: one is left out");
            return false;
        }
        let link = Link {
            mine: self.next_epoch,
            theirs: None,
            node: None,
            sent: 0,
            next: 1,
            heard: now,
            said: now,
        };
        self.next_epoch += 1;
        self.links.insert(name.to_owned(), link);
        true
    }

    fn open(&mut self, to: &str, now: Instant, heard: &mut Vec<Heard>) {
        if let Some(link) = self.links.get_mut(to) {
            link.said = now;
            let frame = frame(&self.own, link, 0, Body::Open);
            let to = to.to_owned();
            heard.push(Heard::Send(Outbound { to, frame }));
        }
    }

    fn stands(&mut self, name: &str, now: Instant, heard: &mut Vec<Heard>) {
        let Some(link) = self.links.get_mut(name) else {
            return;
        };
        if link.node.is_some() {
            return;
        }
        let node = NodeId(self.next_node);
        self.next_node = self.next_node.wrapping_add(1).max(1);
        link.node = Some(node);
        self.names.insert(node, name.to_owned());
        tracing::info!(node = %name, "linked with another server");
        // The other end learns from the first frame that it stands there too.
        heard.extend(self.say(node, Body::Alive, now).map(Heard::Send));
        heard.push(Heard::Found(node));
    }

    /// Ends the link, and makes ready for the next.
    fn end(&mut self, name: &str, heard: &mut Vec<Heard>) {
        let Some(link) = self.links.get_mut(name) else {
            return;
        };
        if let Some(node) = link.node.take() {
            self.names.remove(&node);
            heard.push(Heard::Lost(node));
        }
        (link.mine, link.theirs) = (self.next_epoch, None);
        (link.sent, link.next) = (0, 1);
        self.next_epoch += 1;
    }
}

fn frame(own: &str, link: &Link, number: u64, body: Body) -> Frame {
    Frame {
        version: VERSION,
        from: own.to_owned(),
        epoch: link.mine,
        yours: link.theirs,
        number,
        body,
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
