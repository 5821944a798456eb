// SPDX-License-Identifier: MPL-2.0
//! Whom a doorbell rings: by a rule, or everybody who may look, listen and talk there by rights of their own. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use porthole_protocol::grant::Permission;

use super::NO_ANSWER;
use super::quiet::Quiet;
use crate::rights::{GUEST, Perms, Rights};

/// People whom one call rings: a large family, or the staff of a small house. Each is told on all pages and by all notifiers.
pub const MAX_RECIPIENTS: usize = 32;

/// The longest that someone is rung after the press: there is time left to answer.
pub const MAX_AFTER: Duration = Duration::from_secs(NO_ANSWER.as_secs() - 15);

/// Whom the doorbells ring, and when not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doorbells {
    /// By the camera's id.
    pub rules: BTreeMap<String, Doorbell>,
    /// Who is not to be disturbed when.
    pub quiet: Vec<Quiet>,
}

/// What one camera's doorbell does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doorbell {
    /// Whom it rings; nobody is a choice too. `None`: everybody who may look, listen and talk there.
    pub ring: Option<Vec<Target>>,
    /// Who may ring it by the server's API, besides those who may control the camera.
    pub press: BTreeSet<String>,
    /// Whom a call lets open the door, once that one has answered.
    pub door: MayOpen,
}

/// Whom a call lets open the door.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MayOpen {
    /// Nobody who may not anyway.
    #[default]
    Nobody,
    /// Whoever has answered.
    Anybody,
    /// Those of these who have.
    Only(BTreeSet<String>),
}

/// Someone whom a doorbell rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name.
    pub user: String,
    /// So long after the press.
    pub after: Duration,
}

impl Doorbells {
    /// Whether someone may ring this camera's bell, who may not control the camera.
    pub(super) fn may_press(&self, camera: &str, user: &str) -> bool {
        let rule = self.rules.get(camera);
        rule.is_some_and(|rule| rule.press.contains(user))
    }

    /// Whether whoever has answered a call of this camera may open the door for that.
    pub(super) fn gives_door(&self, camera: &str, person: &str) -> bool {
        let rule = self.rules.get(camera);
        rule.is_some_and(|rule| match &rule.door {
            MayOpen::Nobody => false,
            MayOpen::Anybody => true,
            MayOpen::Only(people) => people.contains(person),
        })
    }

    /// Whom it rings at `now`, and how long after the press. Without a rule these are `candidates`, the rights that are about
    /// the camera; if they are too many, those who are here go first.
    pub(super) fn recipients(
        &self,
        camera: &str,
        candidates: impl FnOnce() -> Vec<Arc<Rights>>,
        is_here: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Vec<(Arc<str>, Duration)> {
        let rule = self.rules.get(camera).and_then(|rule| rule.ring.as_ref());
        let all: Vec<(Arc<str>, Duration)> = match rule {
            Some(targets) => {
                let targets = targets.iter();
                targets
                    .map(|target| (target.user.as_str().into(), target.after))
                    .collect()
            }
            None => {
                let candidates = candidates();
                let own = candidates
                    .iter()
                    .filter(|rights| has_a_right_of_its_own(rights, camera, now));
                let names: BTreeSet<_> = own.map(|rights| rights.user.clone()).collect();
                let (here, away): (Vec<_>, Vec<_>) =
                    names.into_iter().partition(|user| is_here(user));
                let all = here.into_iter().chain(away);
                all.map(|user| (user, Duration::ZERO)).collect()
            }
        };
        let is_awake = |(user, _): &(Arc<str>, Duration)| {
            !self
                .quiet
                .iter()
                .any(|quiet| quiet.covers(user, camera, now))
        };
        let mut recipients: Vec<_> = all.into_iter().filter(is_awake).collect();
        recipients.truncate(MAX_RECIPIENTS);
        recipients
    }
}

/// What a call gives all whom it rings.
pub(crate) fn call_perms() -> Perms {
    [Permission::View, Permission::Listen, Permission::Talk].into()
}

/// Guests and those who were given a link are visitors: nobody comes to see them.
fn has_a_right_of_its_own(rights: &Rights, camera: &str, now: Timestamp) -> bool {
    let is_visitor = *rights.user == *GUEST || rights.user.contains(':');
    let open = rights.open(camera, now).filter(|_| !is_visitor);
    open.is_some_and(|open| call_perms().is_subset(open.perms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::{Cameras, share_user};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn always(user: &str, perms: &[Permission]) -> Arc<Rights> {
        Rights::always(user, Cameras::All, perms, 60).into()
    }

    fn names(bells: &Doorbells, candidates: &[Arc<Rights>], here: &[&str]) -> Vec<String> {
        let is_here = |user: &str| here.contains(&user);
        let all = bells.recipients("front", || candidates.to_vec(), is_here, at(0));
        all.into_iter()
            .map(|(user, after)| format!("{user} {}", after.as_secs()))
            .collect()
    }

    #[test]
    fn without_a_rule_it_rings_those_who_may_talk_there_by_a_right_of_their_own() {
        use Permission::{Listen, Talk, View};
        let all = [View, Listen, Talk];
        let candidates = [
            always("bob", &all),
            always("alice", &all),
            always("looks only", &[View, Listen]),
            always(&share_user("x"), &all),
            Arc::new(Rights::guest()),
        ];
        let bells = Doorbells::default();
        assert_eq!(names(&bells, &candidates, &[]), ["alice 0", "bob 0"]);
        assert_eq!(names(&bells, &candidates, &["bob"]), ["bob 0", "alice 0"]);
        let many: Vec<_> = (0..100).map(|n| always(&format!("u{n}"), &all)).collect();
        let rung = names(&bells, &many, &["u99"]);
        assert_eq!((rung.len(), &*rung[0]), (MAX_RECIPIENTS, "u99 0"));
    }

    #[test]
    fn a_rule_rings_those_whom_it_names_and_nobody_else() {
        let target = |user: &str, after| Target {
            user: user.to_owned(),
            after: Duration::from_secs(after),
        };
        let rule = |ring| Doorbells {
            rules: [(
                "front".to_owned(),
                Doorbell {
                    ring,
                    press: ["button".to_owned()].into(),
                    door: MayOpen::Only(["alice".to_owned()].into()),
                },
            )]
            .into(),
            quiet: Vec::new(),
        };
        let all = [Permission::View, Permission::Listen, Permission::Talk];
        let candidates = [always("carol", &all)];
        let named = rule(Some(vec![target("alice", 0), target("bob", 15)]));
        assert_eq!(names(&named, &candidates, &[]), ["alice 0", "bob 15"]);
        assert!(named.may_press("front", "button"));
        assert!(!named.may_press("back", "button") && !named.may_press("front", "alice"));
        assert!(named.gives_door("front", "alice") && !named.gives_door("front", "bob"));
        assert!(!named.gives_door("back", "alice"));
        assert!(names(&rule(Some(vec![])), &candidates, &[]).is_empty());
        assert_eq!(names(&rule(None), &candidates, &[]), ["carol 0"]);
    }

    #[test]
    fn who_is_not_to_be_disturbed_is_not() {
        let quiet = |user: &str| Quiet {
            user: user.to_owned(),
            cameras: None,
            hours: None,
        };
        let all = [Permission::View, Permission::Listen, Permission::Talk];
        let candidates = [always("alice", &all), always("bob", &all)];
        let mut bells = Doorbells::default();
        bells.quiet.push(quiet("alice"));
        assert_eq!(names(&bells, &candidates, &[]), ["bob 0"]);
        bells.quiet.push(quiet("bob"));
        assert!(names(&bells, &candidates, &[]).is_empty());
    }
}
