// SPDX-License-Identifier: MPL-2.0
//! All targets: each notice goes to those it is for, and each target has tasks of its own, so that one that hangs holds up nobody
//! else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::wire::CallState;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use url::Url;

use super::channel::Channel;
use super::deliver::{Outcome, Pace, follow, send};
use super::http::Http;
use super::options::{NotifyOptions, PushOptions};
use super::push::{PushKey, WebPush};
use super::target::{MadeOf, Target};
use crate::access::Access;
use crate::calls::{CallProgress, RingNotice};
use crate::http_client::Reach;
use crate::lock::lock;
use crate::metrics::Metrics;
use crate::shutdown::stopped;
use crate::state::Push;

/// Notices that wait to be taken up, which takes microseconds: a hundred doorbells that ring a household each, in one moment.
pub(crate) const MAX_NOTICES: usize = 1024;
/// Notifications of one target that are under way, wait to be tried again, or follow their call: some hundred calls with all whom
/// they ring.
const MAX_UNDER_WAY: usize = 1024;
/// Those of one person at one target.
const MAX_OF_PERSON: usize = 128;
/// Of one person at one target so many are tried at a time. One whose own push service hangs holds up nobody else by it.
const MAX_TRIED: usize = 8;

/// The targets of now, which can be others.
pub(crate) struct Notifiers {
    current: watch::Sender<Arc<[Arc<Target>]>>,
    access: Arc<Access>,
    metrics: Arc<Metrics>,
    url: Option<Url>,
    /// `None`: no Web Push.
    key: Option<PushKey>,
    /// What is told of Web Push.
    push: Arc<Mutex<Option<Push>>>,
}

/// What came of trying a target.
pub(crate) struct Tested {
    pub(crate) kind: &'static str,
    pub(crate) error: Option<String>,
}

impl Notifiers {
    /// `Err` says what of the options cannot be used.
    pub(crate) fn new(
        options: &NotifyOptions,
        access: Arc<Access>,
        metrics: Arc<Metrics>,
        (url, key): (Option<Url>, Option<PushKey>),
        push: Arc<Mutex<Option<Push>>>,
    ) -> Result<Self, String> {
        let notifiers = Self {
            current: watch::channel([].into()).0,
            access,
            metrics,
            key: key.filter(|_| url.is_some()),
            url,
            push,
        };
        notifiers.set(options)?;
        Ok(notifiers)
    }

    /// Has others told from now on. What is under way to those that stay goes on; what is to those that go ends. `Err` says what
    /// cannot be used; then all stay.
    pub(crate) fn set(&self, options: &NotifyOptions) -> Result<(), String> {
        let old = self.current.borrow().clone();
        let same = |made_of: &MadeOf| {
            old.iter()
                .find(|target| target.made_of == *made_of)
                .cloned()
        };
        let mut targets = Vec::new();
        let mut http = None;
        for table in &options.targets {
            if let Some(target) = same(&MadeOf::Table(table.clone())) {
                targets.push(target);
                continue;
            }
            let http = match &http {
                Some(http) => http,
                None => http.insert(client(Reach::Configured)?),
            };
            targets.push(Arc::new(Target::new(table, http)?));
        }
        let mut told = None;
        if let Some(key) = self.key.as_ref().filter(|_| options.push.enabled) {
            let found = same(&MadeOf::Push(options.push.clone()));
            let target = match found {
                Some(target) => Ok(target),
                None => self.web_push(key, &options.push).map(Arc::new),
            };
            match target {
                Ok(target) => {
                    targets.push(target);
                    told = Some(Push {
                        public_key: key.public().to_owned(),
                        to_private: options.push.to_private,
                    });
                }
                // Nobody has asked for it.
                Err(error) if options.push == PushOptions::default() => {
                    tracing::warn!("there is no Web Push: {error}");
                }
                Err(error) => return Err(error),
            }
        }
        *lock(&self.push) = told;
        self.current.send_replace(targets.into());
        Ok(())
    }

    fn web_push(&self, key: &PushKey, options: &PushOptions) -> Result<Target, String> {
        let reach = match options.to_private {
            true => Reach::Configured,
            false => Reach::Internet,
        };
        let own = self.url.as_ref().filter(|url| url.scheme() == "https");
        let contact = options.contact.clone();
        let contact = contact.or_else(|| own.map(|url| url.as_str().to_owned()));
        let push = WebPush::new(self.access.clone(), key, contact, client(reach)?);
        Ok(Target::push(options, push))
    }

    /// Takes notices to all whom they are for, until the server stops: what is under way then ends.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut notices: mpsc::Receiver<RingNotice>,
        mut stop: watch::Receiver<()>,
    ) {
        let mut targets = self.current.subscribe();
        let mut running: Vec<Running> = Vec::new();
        loop {
            let now = targets.borrow_and_update().clone();
            running.retain(|one| now.iter().any(|target| Arc::ptr_eq(target, &one.target)));
            for target in now.iter() {
                if !running.iter().any(|one| Arc::ptr_eq(target, &one.target)) {
                    running.push(Running::new(
                        target.clone(),
                        self.metrics.clone(),
                        Pace::default(),
                    ));
                }
            }
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                changed = targets.changed() => match changed {
                    Ok(()) => (),
                    Err(_) => return,
                },
                notice = notices.recv() => match notice {
                    Some(notice) => running.iter_mut().for_each(|one| one.take(&notice)),
                    None => return,
                },
            }
        }
    }

    /// Tells a person by all that this one is told by, of a call that there is not.
    pub(crate) async fn test(&self, user: &str) -> Vec<Tested> {
        let now = Timestamp::now();
        let (progress, on_progress) = watch::channel(CallProgress {
            state: CallState::Ringing,
            by: None,
            reason: None,
            snapshot: None,
        });
        let notice = RingNotice {
            call: uuid::Uuid::new_v4().to_string(),
            camera: "test".to_owned(),
            name: "A test".to_owned(),
            user: user.to_owned(),
            rang: now,
            until: now + SignedDuration::from_secs(60),
            link: None,
            page: self.url.clone(),
            progress: on_progress,
        };
        let targets = self.current.borrow().clone();
        let tried = targets.iter().filter(|target| target.is_for(user, None));
        let tried = tried.map(|target| try_once(target, &notice));
        let tested = join_all(tried).await.into_iter().flatten().collect();
        drop(progress);
        tested
    }
}

fn client(reach: Reach) -> Result<Http, String> {
    Http::new(reach).map_err(|error| format!("cannot read the system's certificates: {error}"))
}

async fn try_once(target: &Target, notice: &RingNotice) -> Vec<Tested> {
    let kind = target.kind();
    let failed = |error: String| Tested {
        kind,
        error: Some(error),
    };
    let channels = match target.channels(&notice.user).await {
        Ok(channels) => channels,
        Err(error) => return vec![failed(error)],
    };
    let each = channels.iter().map(async |channel| {
        let sent = tokio::time::timeout(super::deliver::TRY_TIMEOUT, channel.send(notice, None));
        match sent.await {
            Ok(Ok(_)) => Tested { kind, error: None },
            Ok(Err(failure)) => failed(failure.words),
            Err(_) => failed("no answer in time".to_owned()),
        }
    });
    join_all(each).await
}

/// A target at work.
pub(super) struct Running {
    target: Arc<Target>,
    metrics: Arc<Metrics>,
    pace: Pace,
    under_way: JoinSet<()>,
    /// Places of those who are told.
    people: HashMap<String, Arc<Semaphore>>,
}

impl Running {
    pub(super) fn new(target: Arc<Target>, metrics: Arc<Metrics>, pace: Pace) -> Self {
        Self {
            target,
            metrics,
            pace,
            under_way: JoinSet::new(),
            people: HashMap::new(),
        }
    }

    pub(super) fn take(&mut self, notice: &RingNotice) {
        if !self.target.is_for(&notice.user, Some(&notice.camera)) {
            return;
        }
        while self.under_way.try_join_next().is_some() {}
        if self.people.len() >= MAX_UNDER_WAY {
            self.people
                .retain(|_, places| Arc::strong_count(places) > 1);
        }
        let places = self.people.entry(notice.user.clone());
        let places = places.or_insert_with(|| Arc::new(Semaphore::new(MAX_TRIED)));
        let is_full =
            self.under_way.len() >= MAX_UNDER_WAY || Arc::strong_count(places) > MAX_OF_PERSON;
        if is_full {
            let kind = self.target.kind();
            self.metrics.note_notification(kind, "dropped");
            tracing::warn!(
                user = notice.user,
                kind,
                "somebody is not told that it rings: too much is under way there"
            );
            return;
        }
        let metrics = self.metrics.clone();
        let with = (metrics, places.clone(), self.pace);
        let tell = tell(self.target.clone(), notice.clone(), with);
        self.under_way.spawn(tell);
    }
}

/// Tells a person by a target, at all addresses of this one.
async fn tell(
    target: Arc<Target>,
    notice: RingNotice,
    (metrics, places, pace): (Arc<Metrics>, Arc<Semaphore>, Pace),
) {
    let kind = target.kind();
    match target.channels(&notice.user).await {
        Ok(channels) => {
            let each = channels
                .iter()
                .map(|channel| tell_one(&**channel, &notice, (kind, &metrics), (&places, pace)));
            join_all(each).await;
        }
        Err(error) => {
            metrics.note_notification(kind, "failed");
            tracing::warn!(
                user = notice.user,
                kind,
                "somebody is not told that it rings: {error}"
            );
        }
    }
}

async fn tell_one(
    channel: &dyn Channel,
    notice: &RingNotice,
    (kind, metrics): (&'static str, &Metrics),
    (places, pace): (&Semaphore, Pace),
) {
    let (user, call) = (&notice.user, &notice.call);
    match send(channel, notice, places, pace).await {
        Outcome::Sent(receipt) => {
            metrics.note_notification(kind, "sent");
            let after = Timestamp::now().duration_since(notice.rang).as_millis();
            tracing::info!(user, call, kind, after, "somebody is told that it rings");
            follow(channel, notice, &receipt, places, pace).await;
        }
        Outcome::TooLate => {
            metrics.note_notification(kind, "late");
            tracing::info!(
                user,
                call,
                kind,
                "the call did not ring any more when somebody was to be told"
            );
        }
        Outcome::Failed(failure) => {
            metrics.note_notification(kind, "failed");
            tracing::warn!(
                user,
                call,
                kind,
                "somebody is not told that it rings: {}",
                failure.words
            );
        }
    }
}
