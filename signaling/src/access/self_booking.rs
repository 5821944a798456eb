// SPDX-License-Identifier: MPL-2.0
//! Viewers who book themselves, what they may book, and the feed by which their calendars follow.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use porthole_protocol::random_secret;
use serde_json::json;

use super::bookings::entry;
use super::{Access, AccessError, By, Result, validate};
use crate::lock::lock;
use crate::model::{AuditEntry, Booking, Feed, SelfBookingRule, Window};
use crate::registry::SecretDigest;
use crate::rights::BookedWindow;
use crate::self_booking::{Own, SelfBookingRefused};
use crate::store::{BookingFilter, Changed, Put, StoreError};

/// Rules there may be: each is looked at whenever somebody books.
const MAX_RULES: usize = 100;
/// Names and cameras that one rule may list.
const MAX_NAMES: usize = 1000;
/// The furthest that anyone may book ahead, and the most of a week.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);
const MAX_WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far ahead a calendar is told of bookings, and of how many.
const FEED_AHEAD: SignedDuration = SignedDuration::from_hours(366 * 24);
const MAX_FEED: usize = 1000;

/// What a rule is to be.
#[derive(Clone)]
pub(crate) struct RuleFields {
    pub(crate) users: Option<BTreeSet<String>>,
    pub(crate) cameras: Option<BTreeSet<String>>,
    pub(crate) perms: BTreeSet<Permission>,
    pub(crate) saving: bool,
    pub(crate) ahead: SignedDuration,
    pub(crate) week: SignedDuration,
    pub(crate) longest: SignedDuration,
    pub(crate) zone: String,
}

/// What a viewer books itself.
#[derive(Clone)]
pub(crate) struct OwnFields {
    pub(crate) id: Option<String>,
    pub(crate) camera: String,
    pub(crate) window: Window,
    pub(crate) perms: BTreeSet<Permission>,
    pub(crate) note: String,
}

fn of_rule(error: StoreError) -> AccessError {
    AccessError::of_store(error, "a rule of this id", "no rule of this id")
}

fn of_booking(error: StoreError) -> AccessError {
    AccessError::of_store(
        error,
        "a booking of this id",
        "no booking of this id that you have made",
    )
}

fn of_feed(error: StoreError) -> AccessError {
    AccessError::of_store(error, "a feed", "no feed of yours")
}

impl Access {
    /// What viewers may book themselves.
    pub(crate) async fn self_booking_rules(&self) -> Result<Vec<SelfBookingRule>> {
        let rules = self.store()?.self_booking_rules().await;
        rules.map_err(of_rule)
    }

    /// The rules that are for a user, and what it has booked itself.
    pub(crate) async fn own_rules(
        &self,
        user: &str,
        now: Timestamp,
    ) -> Result<(Vec<SelfBookingRule>, Vec<Own>)> {
        let store = self.store()?;
        let mut rules = store.self_booking_rules().await.map_err(of_rule)?;
        rules.retain(|rule| rule.users.as_ref().is_none_or(|all| all.contains(user)));
        let own = store.own_windows(user, now).await.map_err(of_booking)?;
        Ok((rules, own))
    }

    /// Adds a rule, or changes the one of this id.
    pub(crate) async fn put_self_booking_rule(
        &self,
        by: &By,
        id: Option<&str>,
        fields: RuleFields,
    ) -> Result<SelfBookingRule> {
        let store = self.store()?;
        self.check_rule(&fields)?;
        let _order = self.order().await?;
        let rules = store.self_booking_rules().await.map_err(of_rule)?;
        let known = id.map(|id| rules.iter().find(|rule| rule.id == id));
        let known = match known {
            Some(None) => return Err(AccessError::NotFound("no rule of this id")),
            Some(Some(known)) => Some(known),
            None if rules.len() >= MAX_RULES => {
                return Err(AccessError::BadValue(
                    "there are 100 rules already: change one, or name more users and cameras in it",
                ));
            }
            None => None,
        };
        let rule = SelfBookingRule {
            id: match known {
                Some(known) => known.id.clone(),
                None => validate::uuid(None)?,
            },
            users: fields.users,
            cameras: fields.cameras,
            perms: fields.perms,
            saving: fields.saving,
            ahead: fields.ahead,
            week: fields.week,
            longest: fields.longest,
            zone: fields.zone,
            created: known.map_or(by.at, |known| known.created),
        };
        let (put, action) = match known {
            Some(_) => (Put::Existing, "self-booking.changed"),
            None => (Put::New, "self-booking.added"),
        };
        let audit = rule_entry(by, action, &rule);
        let put = store.put_self_booking_rule(&rule, put, &audit);
        put.await.map_err(of_rule)?;
        Ok(rule)
    }

    pub(crate) async fn remove_self_booking_rule(&self, by: &By, id: &str) -> Result<()> {
        let store = self.store()?;
        let _order = self.order().await?;
        let mut rules = store
            .self_booking_rules()
            .await
            .map_err(of_rule)?
            .into_iter();
        let rule = rules.find(|rule| rule.id == id);
        let rule = rule.ok_or(AccessError::NotFound("no rule of this id"))?;
        let audit = rule_entry(by, "self-booking.removed", &rule);
        let removed = store.remove_self_booking_rule(id, &audit).await;
        removed.map_err(of_rule)
    }

    fn check_rule(&self, fields: &RuleFields) -> Result<()> {
        validate::perms(&fields.perms)?;
        let spans = [
            (
                fields.ahead,
                MAX_AHEAD,
                "ahead is more than nothing and at most 366 days",
            ),
            (
                fields.week,
                MAX_WEEK,
                "week is more than nothing and at most 168 h",
            ),
            (
                fields.longest,
                MAX_WEEK,
                "longest is at least 5 min and at most 168 h",
            ),
        ];
        for (span, most, words) in spans {
            if span <= SignedDuration::ZERO || span > most {
                return Err(AccessError::BadValue(words));
            }
        }
        if fields.longest < crate::self_booking::SHORTEST {
            return Err(AccessError::BadValue(
                "longest is at least 5 min and at most 168 h",
            ));
        }
        if TimeZone::get(&fields.zone).is_err() {
            return Err(AccessError::BadValue(
                "zone is the name of a time zone, such as Europe/Berlin",
            ));
        }
        let mut names = [&fields.users, &fields.cameras].into_iter().flatten();
        if names.any(|all| all.is_empty() || all.len() > MAX_NAMES) {
            return Err(AccessError::BadValue(
                "users and cameras name 1 to 1000 each, or are left out: all",
            ));
        }
        let ledger = lock(&self.ledger);
        let mut users = fields.users.iter().flatten();
        if users.any(|user| ledger.user(user).is_none()) {
            return Err(AccessError::NoSuch("user"));
        }
        let mut cameras = fields.cameras.iter().flatten();
        if cameras.any(|camera| !ledger.cameras.contains_key(camera)) {
            return Err(AccessError::NoSuch("camera"));
        }
        Ok(())
    }

    /// A viewer books. One that is there under the id that was asked for, and is the same, is what was asked for.
    pub(crate) async fn book_self(
        &self,
        by: &By,
        user: &str,
        fields: OwnFields,
    ) -> Result<Booking> {
        let store = self.store()?;
        let is_given = fields.id.is_some();
        validate::perms(&fields.perms)?;
        validate::note(&fields.note)?;
        let window = validate::window(fields.window.start, fields.window.end, by.at)?;
        let saving = self.may_save(user, &fields.camera).await?;
        let booking = Booking {
            id: validate::uuid(fields.id)?,
            camera: fields.camera,
            user: user.to_owned(),
            window,
            perms: fields.perms,
            saving,
            recurrence: None,
            note: fields.note,
            own: true,
            created: by.at,
        };
        let _order = self.order().await?;
        if is_given {
            match store.booking(&booking.id).await {
                Err(StoreError::NotFound) => (),
                found => {
                    let (found, _) = found.map_err(of_booking)?;
                    let created = found.created;
                    if found != (Booking { created, ..booking }) {
                        return Err(AccessError::IdTaken("a booking of this id"));
                    }
                    self.follow(Changed::Booking(found.id.clone())).await;
                    return Ok(found);
                }
            }
        }
        // One that is not there must look like one that is not for this user.
        if !lock(&self.ledger).cameras.contains_key(&booking.camera) {
            return Err(AccessError::SelfBooking(SelfBookingRefused::NotYours));
        }
        let audit = entry(by, "booking.added", &booking);
        let put = store.book_self(&booking, by.at, &audit);
        let put = self.change(Changed::Booking(booking.id.clone()), put);
        put.await.map_err(of_booking)?;
        Ok(booking)
    }

    /// Whether any rule that is for this user at this camera lets its page save.
    async fn may_save(&self, user: &str, camera: &str) -> Result<bool> {
        let rules = self.self_booking_rules().await?;
        let mut own = rules.iter().filter(|rule| rule.is_for(user, camera));
        Ok(own.any(|rule| rule.saving))
    }

    /// A viewer cancels what it has booked itself. Of what has begun, what was used stays booked: it counts.
    pub(crate) async fn cancel_own(&self, by: &By, user: &str, id: &str) -> Result<()> {
        let store = self.store()?;
        let _order = self.order().await?;
        let changed = || Changed::Booking(id.to_owned());
        let stored = self.change(changed(), store.booking(id)).await;
        let (mut booking, _) = stored.map_err(of_booking)?;
        if booking.user != user || !booking.own {
            return Err(of_booking(StoreError::NotFound));
        }
        if booking.window.end <= by.at {
            return Err(AccessError::BadWindow("this booking is over already"));
        }
        if booking.window.start < by.at {
            booking.window.end = by.at;
            let audit = entry(by, "booking.changed", &booking);
            let windows = [booking.window];
            let put = store.put_booking(&booking, &windows, Put::Existing, &audit);
            return self.change(changed(), put).await.map_err(of_booking);
        }
        let audit = entry(by, "booking.removed", &booking);
        let removed = self.change(changed(), store.remove_booking(id, &audit));
        removed.await.map_err(of_booking)
    }

    /// When a camera is booked, for someone who may book it: whose it is is nobody else's business.
    pub(crate) async fn busy(
        &self,
        user: &str,
        camera: &str,
        range: Window,
    ) -> Result<Vec<(Booking, Window)>> {
        let store = self.store()?;
        let rules = self.self_booking_rules().await?;
        let is_for = |rule: &SelfBookingRule| rule.is_for(user, camera);
        let is_there = lock(&self.ledger).cameras.contains_key(camera);
        if !is_there || !rules.iter().any(is_for) {
            return Err(AccessError::NotFound(
                "no camera of this id that you may book",
            ));
        }
        let span = range.end.duration_since(range.start);
        if span <= SignedDuration::ZERO || span > SignedDuration::from_hours(31 * 24) {
            return Err(AccessError::BadWindow(
                "from is before to, and at most 31 days before it",
            ));
        }
        let filter = BookingFilter {
            camera: Some(camera.to_owned()),
            from: Some(range.start),
            to: Some(range.end),
            ..BookingFilter::default()
        };
        let windows = store.calendar(&filter, super::bookings::MAX_CALENDAR).await;
        windows.map_err(of_booking)
    }

    /// Gives a user's feed a secret, in the place of the one before.
    pub(crate) async fn new_feed(&self, by: &By, user: &str) -> Result<String> {
        self.user(user)?;
        let secret = random_secret();
        let feed = Feed {
            user: user.to_owned(),
            token: SecretDigest::of(&secret),
            created: by.at,
        };
        let audit = feed_entry(by, "feed.made", user);
        let put = self.store()?.put_feed(&feed, &audit).await;
        put.map_err(of_feed)?;
        Ok(secret)
    }

    /// Nobody reads it any more. One that is not there is what was asked for.
    pub(crate) async fn remove_feed(&self, by: &By, user: &str) -> Result<()> {
        let audit = feed_entry(by, "feed.removed", user);
        match self.store()?.remove_feed(user, &audit).await {
            Ok(()) | Err(StoreError::NotFound) => Ok(()),
            Err(error) => Err(of_feed(error)),
        }
    }

    /// Since when a user has a feed.
    pub(crate) async fn feed(&self, user: &str) -> Result<Option<Timestamp>> {
        self.store()?.feed(user).await.map_err(of_feed)
    }

    /// What the feed with this secret tells: its user's windows that are not over.
    pub(crate) async fn read_feed(
        &self,
        token: &SecretDigest,
        now: Timestamp,
    ) -> Result<Vec<BookedWindow>> {
        let user = self.store()?.feed_by(token).await.map_err(of_feed)?;
        let user = user.ok_or(AccessError::WrongSecret)?;
        let rights = lock(&self.ledger).rights(&user);
        let rights = rights.ok_or(AccessError::WrongSecret)?;
        Ok(rights.booked_windows(now, now + FEED_AHEAD, MAX_FEED))
    }
}

fn feed_entry(by: &By, action: &str, user: &str) -> AuditEntry {
    AuditEntry {
        user: Some(user.to_owned()),
        ..by.entry(action)
    }
}

fn rule_entry(by: &By, action: &str, rule: &SelfBookingRule) -> AuditEntry {
    AuditEntry {
        subject: Some(rule.id.clone()),
        details: json!({
            "users": rule.users,
            "cameras": rule.cameras,
            "perms": rule.perms,
            "saving": (!rule.saving).then_some(false),
            "ahead": rule.ahead.as_secs(),
            "week": rule.week.as_secs(),
            "longest": rule.longest.as_secs(),
        }),
        ..by.entry(action)
    }
}
