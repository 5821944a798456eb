// SPDX-License-Identifier: MPL-2.0
//! Questions that wait for the answers of other servers, which are put together. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Answer;
use crate::room::NodeId;

/// How long other servers have to answer. Whoever asked waits for that, and then has what there is.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Questions that wait for others. Beyond that whoever asks hears what is known here.
const MAX_ASKED: usize = 256;
/// Sessions that one server names at a time: some 400 bytes each, in a frame of less than 1 MiB.
pub(crate) const MOST_SESSIONS: usize = 1000;

impl Answer {
    /// Whether nobody else need be asked.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::Ended(whose) => whose.is_some(),
            Self::Declined(is_there) | Self::Drains(is_there) => *is_there,
            Self::Sessions(_) | Self::Cameras(_) | Self::Rang(_) | Self::Nodes(_) => false,
        }
    }

    /// Takes in what another server says.
    fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Sessions(own), Self::Sessions(others)) => {
                own.extend(others);
                own.sort_by(|a, b| a.id.cmp(&b.id));
                // While one moves, two may name it.
                own.dedup_by(|a, b| a.id == b.id);
            }
            (Self::Cameras(own), Self::Cameras(others)) => {
                let mut others: BTreeMap<_, _> = others
                    .into_iter()
                    .map(|one| (one.id.clone(), one))
                    .collect();
                for own in own {
                    if let Some(other) = others.remove(&own.id) {
                        own.online |= other.online;
                        own.viewers += other.viewers;
                    }
                }
            }
            (Self::Ended(own), Self::Ended(other)) => *own = own.take().or(other),
            (Self::Declined(own), Self::Declined(other)) => *own |= other,
            (Self::Drains(own), Self::Drains(other)) => *own |= other,
            (Self::Rang(own), Self::Rang(other)) => *own = other,
            (Self::Nodes(own), Self::Nodes(others)) => {
                own.extend(others);
                own.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            }
            // Another version's, or of another question.
            _ => (),
        }
    }
}

struct Asked<D> {
    answer: Answer,
    left: BTreeSet<NodeId>,
    until: Instant,
    done: D,
}

/// Questions that wait for the answers of other servers, each with whom it is done for.
pub(crate) struct Asks<D> {
    next: u64,
    all: BTreeMap<u64, Asked<D>>,
}

impl<D> Asks<D> {
    pub(crate) fn new() -> Self {
        Self {
            next: 1,
            all: BTreeMap::new(),
        }
    }

    /// Waits for the answers of these. The number by which they are asked; what is answered already, if there are too many.
    pub(crate) fn wait(
        &mut self,
        answer: Answer,
        left: BTreeSet<NodeId>,
        done: D,
        now: Instant,
    ) -> Result<u64, (D, Answer)> {
        if self.all.len() >= MAX_ASKED || left.is_empty() {
            return Err((done, answer));
        }
        let number = self.next;
        self.next += 1;
        let asked = Asked {
            answer,
            left,
            until: now + ANSWER_WITHIN,
            done,
        };
        self.all.insert(number, asked);
        Ok(number)
    }

    /// Another server answers. With the last of them it is done.
    pub(crate) fn answered(
        &mut self,
        node: NodeId,
        number: u64,
        answer: Answer,
    ) -> Vec<(D, Answer)> {
        if let Some(asked) = self.all.get_mut(&number)
            && asked.left.remove(&node)
        {
            asked.answer.add(answer);
        }
        self.take(|asked| asked.left.is_empty() || asked.answer.is_whole())
    }

    /// Nobody waits for a server that is gone.
    pub(crate) fn lost(&mut self, node: NodeId) -> Vec<(D, Answer)> {
        for asked in self.all.values_mut() {
            asked.left.remove(&node);
        }
        self.take(|asked| asked.left.is_empty())
    }

    /// Nor for one that is too slow.
    pub(crate) fn late(&mut self, now: Instant) -> Vec<(D, Answer)> {
        self.take(|asked| asked.until <= now)
    }

    fn take(&mut self, is_done: impl Fn(&Asked<D>) -> bool) -> Vec<(D, Answer)> {
        let done = self.all.extract_if(.., |_, asked| is_done(asked));
        done.map(|(_, asked)| (asked.done, asked.answer)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::CameraInfo;

    const A: NodeId = NodeId(1);
    const B: NodeId = NodeId(2);

    fn cameras(viewers: usize, online: bool) -> Answer {
        Answer::Cameras(vec![CameraInfo {
            id: "front".to_owned(),
            online,
            viewers,
        }])
    }

    fn viewers(answer: &Answer) -> usize {
        let Answer::Cameras(all) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(all.len(), 1);
        all[0].viewers
    }

    #[test]
    fn what_all_say_is_put_together_and_nobody_waits_for_who_is_gone_or_slow() {
        let now = Instant::now();
        let both = || BTreeSet::from([A, B]);
        let mut asks = Asks::new();
        let first = asks.wait(cameras(1, false), both(), "first", now).unwrap();
        assert!(asks.answered(A, first, cameras(2, true)).is_empty());
        // Who answers twice counts once, and whoever was not asked does not.
        assert!(asks.answered(A, first, cameras(2, true)).is_empty());
        assert!(asks.answered(NodeId(9), first, cameras(2, true)).is_empty());
        let done = asks.answered(B, first, cameras(4, false));
        assert_eq!((done[0].0, viewers(&done[0].1)), ("first", 7));

        asks.wait(cameras(1, true), both(), "second", now).unwrap();
        assert!(asks.lost(A).is_empty());
        assert_eq!(viewers(&asks.lost(B)[0].1), 1);
        asks.wait(cameras(3, true), both(), "third", now).unwrap();
        assert!(asks.late(now).is_empty());
        let late = asks.late(now + ANSWER_WITHIN);
        assert_eq!((late[0].0, viewers(&late[0].1)), ("third", 3));

        let ended = asks
            .wait(Answer::Ended(None), both(), "fourth", now)
            .unwrap();
        let whose = Some(("alice".to_owned(), "front".to_owned()));
        let done = asks.answered(B, ended, Answer::Ended(whose.clone()));
        assert!(matches!(&done[0].1, Answer::Ended(ended) if *ended == whose));
        let alone = asks.wait(Answer::Declined(false), BTreeSet::new(), "alone", now);
        assert!(matches!(alone, Err(("alone", Answer::Declined(false)))));
        for _ in 0..MAX_ASKED {
            asks.wait(Answer::Declined(false), both(), "many", now)
                .unwrap();
        }
        assert!(
            asks.wait(Answer::Declined(false), both(), "more", now)
                .is_err()
        );
    }
}
