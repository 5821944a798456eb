// SPDX-License-Identifier: MPL-2.0
//! Delivery with addresses that fail as they are told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use porthole_protocol::wire::{CallEnd, CallState};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::channel::{Channel, Failure, News, Picture, Receipt, What};
use super::deliver::{MAX_TRIES, Outcome, Pace, follow, send};
use super::notifiers::Running;
use super::target::Target;
use crate::calls::{CallProgress, RingNotice};
use crate::lock::lock;
use crate::metrics::Metrics;
use crate::room::Counts;

/// More than any busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an address does when it is told, one after the other; then it takes all.
#[derive(Clone, Debug)]
enum Does {
    Fails(What),
    Hangs,
}

struct Address {
    does: Mutex<VecDeque<Does>>,
    /// What it was told, and with a picture of how many bytes.
    told: watch::Sender<Vec<String>>,
    tries: AtomicUsize,
    forgotten: AtomicUsize,
    repeatable: bool,
}

impl Address {
    fn new(does: impl IntoIterator<Item = Does>) -> Arc<Self> {
        Self::with(does, true)
    }

    fn with(does: impl IntoIterator<Item = Does>, repeatable: bool) -> Arc<Self> {
        Arc::new(Self {
            does: Mutex::new(does.into_iter().collect()),
            told: watch::channel(Vec::new()).0,
            tries: AtomicUsize::new(0),
            forgotten: AtomicUsize::new(0),
            repeatable,
        })
    }

    async fn take(&self, words: String) -> Result<(), Failure> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        let does = lock(&self.does).pop_front();
        match does {
            Some(Does::Fails(what)) => Err(Failure::new(what, "as it was told to")),
            Some(Does::Hangs) => std::future::pending().await,
            None => {
                self.told.send_modify(|told| told.push(words));
                Ok(())
            }
        }
    }

    fn told(&self) -> Vec<String> {
        self.told.borrow().clone()
    }

    fn tries(&self) -> usize {
        self.tries.load(Ordering::SeqCst)
    }

    /// Waits until it was told so many things.
    async fn wait_for(&self, count: usize) {
        let mut told = self.told.subscribe();
        let wait = told.wait_for(|told| told.len() >= count);
        drop(timeout(PATIENCE, wait).await.expect("it is not told"));
    }
}

#[async_trait]
impl Channel for Address {
    fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    async fn send(&self, ring: &RingNotice, picture: Picture) -> Result<Receipt, Failure> {
        let bytes = picture.map_or(0, |picture| picture.len());
        self.take(format!("{} {bytes}", ring.call)).await?;
        Ok(Some("receipt".to_owned()))
    }

    fn follows(&self) -> bool {
        true
    }

    async fn follow(&self, _: &RingNotice, receipt: &Receipt, news: &News) -> Result<(), Failure> {
        assert_eq!(receipt.as_deref(), Some("receipt"));
        self.take(super::text::news(news)).await
    }

    async fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

fn ringing() -> CallProgress {
    CallProgress {
        state: CallState::Ringing,
        by: None,
        reason: None,
        snapshot: None,
    }
}

fn notice(call: &str, user: &str) -> (RingNotice, watch::Sender<CallProgress>) {
    let (sender, progress) = watch::channel(ringing());
    let now = Timestamp::now();
    let notice = RingNotice {
        call: call.to_owned(),
        camera: "front".to_owned(),
        name: "Front door".to_owned(),
        user: user.to_owned(),
        rang: now,
        until: now,
        link: None,
        page: None,
        progress,
    };
    (notice, sender)
}

fn answer(sender: &watch::Sender<CallProgress>, by: &str) {
    sender.send_modify(|now| {
        now.state = CallState::Answered;
        now.by = Some(by.to_owned());
    });
}

fn end(sender: &watch::Sender<CallProgress>, reason: CallEnd) {
    sender.send_modify(|now| {
        now.state = CallState::Ended;
        now.reason = Some(reason);
    });
}

/// So fast that a test need not wait.
fn fast() -> Pace {
    Pace {
        picture: Duration::from_millis(20),
        attempt: Duration::from_millis(100),
        first_pause: Duration::from_millis(1),
    }
}

async fn sent(address: &Address, ring: &RingNotice, pace: Pace) -> Outcome {
    let places = Semaphore::new(1);
    let sent = send(address, ring, &places, pace);
    timeout(PATIENCE, sent).await.expect("it is still sent")
}

const LATER: Does = Does::Fails(What::Later(None));

#[tokio::test]
async fn a_picture_that_is_there_is_sent_at_once_and_one_that_does_not_come_is_not_waited_for_long()
{
    let address = Address::new([]);
    let (ring, sender) = notice("c", "alice");
    let begin = Instant::now();
    sent(&address, &ring, Pace::default()).await;
    assert!(
        begin.elapsed() >= Duration::from_millis(200),
        "it did not wait"
    );
    sender.send_modify(|now| now.snapshot = Some(vec![1; 7].into()));
    // Longer than any test: were it waited for, this would be seen.
    let pace = Pace {
        picture: 10 * PATIENCE,
        ..Pace::default()
    };
    sent(&address, &ring, pace).await;
    assert_eq!(address.told(), ["c 0", "c 7"]);
}

#[tokio::test]
async fn what_is_refused_for_a_while_is_tried_again_and_sent_once() {
    let address = Address::new(vec![LATER; 3]);
    let (ring, _sender) = notice("c", "alice");
    let outcome = sent(&address, &ring, fast()).await;
    assert_eq!(outcome, Outcome::Sent(Some("receipt".to_owned())));
    assert_eq!((address.tries(), address.told().len()), (4, 1));
}

#[tokio::test]
async fn tries_have_an_end() {
    let address = Address::new(vec![LATER; 100]);
    let (ring, _sender) = notice("c", "alice");
    let outcome = sent(&address, &ring, fast()).await;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
    assert_eq!(address.tries(), MAX_TRIES as usize);
}

#[tokio::test]
async fn what_will_never_be_taken_is_not_tried_again() {
    for what in [What::Never, What::Gone] {
        let address = Address::new([Does::Fails(what)]);
        let (ring, _sender) = notice("c", "alice");
        let outcome = sent(&address, &ring, fast()).await;
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
        let forgotten = address.forgotten.load(Ordering::SeqCst);
        assert_eq!(
            (address.tries(), forgotten),
            (1, usize::from(what == What::Gone))
        );
    }
}

#[tokio::test]
async fn what_may_have_been_taken_is_sent_again_only_where_it_can_be_known_again() {
    for (does, repeatable, tries) in [
        (Does::Hangs, true, 2),
        (Does::Hangs, false, 1),
        (Does::Fails(What::Unclear), true, 2),
        (Does::Fails(What::Unclear), false, 1),
    ] {
        let address = Address::with([does.clone()], repeatable);
        let (ring, _sender) = notice("c", "alice");
        sent(&address, &ring, fast()).await;
        assert_eq!(address.tries(), tries, "{does:?} {repeatable}");
    }
}

#[tokio::test]
async fn a_call_that_rings_no_more_is_not_told() {
    let address = Address::new([]);
    let (ring, sender) = notice("c", "alice");
    answer(&sender, "bob");
    assert_eq!(
        sent(&address, &ring, Pace::default()).await,
        Outcome::TooLate
    );
    // One that ends while it waits for the next try, for as long as the other side wants.
    let hour = Some(Duration::from_secs(3600));
    let address = Address::new([Does::Fails(What::Later(hour))]);
    let (ring, sender) = notice("c", "alice");
    let ending = async {
        while address.tries() == 0 {
            tokio::task::yield_now().await;
        }
        end(&sender, CallEnd::NoAnswer);
    };
    let (outcome, ()) = tokio::join!(sent(&address, &ring, fast()), ending);
    assert_eq!((outcome, address.tries()), (Outcome::TooLate, 1));
    // And one of which nothing is known any more.
    let (ring, sender) = notice("c", "alice");
    drop(sender);
    let outcome = sent(&address, &ring, fast()).await;
    assert_eq!(outcome, Outcome::TooLate);
}

#[tokio::test]
async fn what_becomes_of_the_call_is_told_to_its_end() {
    let address = Address::new([]);
    let (ring, sender) = notice("c", "alice");
    let receipt = Some("receipt".to_owned());
    let places = Semaphore::new(1);
    let happen = async {
        answer(&sender, "bob");
        address.wait_for(1).await;
        // The same in other words: nothing new.
        sender.send_modify(|now| now.state = CallState::Talking);
        end(&sender, CallEnd::HungUp);
    };
    let following = follow(&*address, &ring, &receipt, &places, fast());
    let both = async { tokio::join!(following, happen) };
    timeout(PATIENCE, both).await.unwrap();
    let told = address.told();
    assert_eq!(told, ["bob has answered", "bob has answered; it is over"]);
}

#[tokio::test]
async fn the_newest_takes_the_place_of_what_could_not_be_told() {
    let address = Address::new(vec![Does::Fails(What::Later(Some(10 * PATIENCE)))]);
    let (ring, sender) = notice("c", "alice");
    let receipt = Some("receipt".to_owned());
    let places = Semaphore::new(1);
    let happen = async {
        answer(&sender, "bob");
        while address.tries() == 0 {
            tokio::task::yield_now().await;
        }
        end(&sender, CallEnd::HungUp);
    };
    let following = follow(&*address, &ring, &receipt, &places, fast());
    let both = async { tokio::join!(following, happen) };
    timeout(PATIENCE, both).await.unwrap();
    assert_eq!(address.told(), ["bob has answered; it is over"]);
}

fn running(address: &Arc<Address>, metrics: &Arc<Metrics>) -> Running {
    let target = Target::test(address.clone());
    let pace = Pace {
        picture: Duration::ZERO,
        ..Pace::default()
    };
    Running::new(Arc::new(target), metrics.clone(), pace)
}

#[tokio::test]
async fn one_person_s_notifications_that_hang_hold_up_nobody_else_s() {
    let metrics = Arc::<Metrics>::default();
    let address = Address::new(vec![Does::Hangs; 8]);
    let mut running = running(&address, &metrics);
    let (rings, _senders): (Vec<_>, Vec<_>) =
        (0..12).map(|n| notice(&format!("c{n}"), "alice")).unzip();
    for ring in &rings {
        running.take(ring);
    }
    while address.tries() < 8 {
        tokio::task::yield_now().await;
    }
    let (ring, _sender) = notice("b", "bob");
    running.take(&ring);
    address.wait_for(1).await;
    assert_eq!(address.told(), ["b 0"]);
}

#[tokio::test]
async fn a_hundred_doorbells_in_a_moment_are_all_told_and_a_thousand_are_bounded() {
    let metrics = Arc::<Metrics>::default();
    let address = Address::new([]);
    let mut running = running(&address, &metrics);
    let (rings, senders): (Vec<_>, Vec<_>) =
        (0..100).map(|n| notice(&format!("c{n}"), "alice")).unzip();
    let begin = Instant::now();
    rings.iter().for_each(|ring| running.take(ring));
    address.wait_for(100).await;
    assert!(
        begin.elapsed() < Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    drop(senders);
    // To one that takes nothing so many wait, and no more.
    let address = Address::new(vec![Does::Hangs; 2000]);
    let mut running = self::running(&address, &metrics);
    let (rings, _senders): (Vec<_>, Vec<_>) =
        (0..200).map(|n| notice(&format!("c{n}"), "alice")).unzip();
    rings.iter().for_each(|ring| running.take(ring));
    let text = metrics.text(Counts {
        cameras: 0,
        sessions: 0,
    });
    let dropped = text
        .lines()
        .find(|line| line.contains("result=\"dropped\""));
    let dropped = dropped.unwrap();
    assert!(
        dropped.starts_with("porthole_notifications_total{kind=\"test\""),
        "{dropped}"
    );
    assert!(dropped.ends_with(" 72"), "{dropped}");
}

#[tokio::test]
async fn what_is_under_way_ends_with_its_target() {
    let metrics = Arc::<Metrics>::default();
    let address = Address::new([Does::Hangs]);
    let mut running = running(&address, &metrics);
    let (ring, _sender) = notice("c", "alice");
    running.take(&ring);
    while address.tries() == 0 {
        tokio::task::yield_now().await;
    }
    drop(running);
    let gone = async {
        while Arc::strong_count(&address) > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("something holds it");
}
