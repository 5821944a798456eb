// SPDX-License-Identifier: MPL-2.0
//! Where things are kept: one trait, and a database behind it.
//!
//! Each change is one transaction and brings its own entry of the audit log, so that neither is there without the
//! other. When a call returns `Ok`, the change is on disk.

mod changed;
mod file;
mod open;
mod rows;
mod sql;
#[cfg(feature = "postgres")]
mod watch;

use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;

pub use changed::{Changed, Heard, Row};
pub use open::open;

pub use crate::recur::MAX_WINDOWS;

use crate::digest::SecretDigest;
use crate::model::{
    AuditEntry, Booking, CallRecord, Camera, Feed, Holder, Login, Passkey, PushSubscription,
    SecondFactor, SelfBookingRule, Share, User, Window,
};
use crate::self_booking::{Own, SelfBookingRefused};

/// Most rows that one question is answered with.
pub const MAX_ROWS: u32 = 500;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is one with this name or id already.
    #[error("it is there already")]
    Exists,
    /// There is none.
    #[error("it is not there")]
    NotFound,
    /// What it refers to is not there: the camera or the user of a booking.
    #[error("there is no such {0}")]
    NoSuch(&'static str),
    /// Someone else has `control` of the camera in this window.
    #[error("control of this camera is booked from {} to {}", .0.start, .0.end)]
    ControlTaken(Window),
    /// The link was opened as often as it may be, or is not open now.
    #[error("the link is used up, over, or not open yet")]
    Spent,
    /// The last second factor of somebody of whom one is asked cannot go.
    #[error("there would be no second factor left")]
    LastSecondFactor,
    /// The last administrator cannot go.
    #[error("there would be no administrator left")]
    LastAdministrator,
    /// It did not answer in time: it may have done it, or may do it yet.
    #[error("the database does not answer in time")]
    Late,
    /// It was only tried.
    #[error("it would be done")]
    NotKept,
    /// No rule allows its user to book this.
    #[error("no rule allows it: {0:?}")]
    SelfBooking(SelfBookingRefused),
    /// A booking has none, or too many.
    #[error("a booking has 1 to {MAX_WINDOWS} windows of time")]
    Windows,
    /// The database.
    #[error("the database: {0}")]
    Database(sqlx::Error),
    /// What is in it cannot be read, or cannot be brought to this version's form.
    #[error("the database: {0}")]
    Unusable(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(database) if database.is_unique_violation() => Self::Exists,
            _ => Self::Database(error),
        }
    }
}

/// The answer of a store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Whether a row has to be new or has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// [`StoreError::Exists`] if it is there.
    New,
    /// [`StoreError::NotFound`] if it is not.
    Existing,
}

/// What the server keeps in memory: all that counts now or later.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// All users.
    pub users: Vec<User>,
    /// All cameras.
    pub cameras: Vec<Camera>,
    /// The bookings that are not over, each with the end of its last window.
    pub bookings: Vec<(Booking, Timestamp)>,
    /// The share links that are not over.
    pub shares: Vec<Share>,
    /// The log-ins that are not over.
    pub logins: Vec<Login>,
}

/// Whether a passkey is a user's first second factor, of any kind, or stands beside others.
#[derive(Clone, Copy, Debug)]
pub enum PasskeyKind<'a> {
    /// [`StoreError::Exists`] if there are others. With digests of the recovery codes.
    First(&'a [SecretDigest]),
    /// [`StoreError::NotFound`] if there are none.
    Further,
}

/// A challenge, which is answered once.
#[derive(Clone, Debug)]
pub struct Answered {
    /// By which it is known.
    pub challenge: SecretDigest,
    /// Until when an answer would count.
    pub until: Timestamp,
    /// When it was answered.
    pub at: Timestamp,
}

/// Which bookings, or windows of bookings.
#[derive(Clone, Debug, Default)]
pub struct BookingFilter {
    /// Of this camera.
    pub camera: Option<String>,
    /// Of this user.
    pub user: Option<String>,
    /// With a window that ends after this.
    pub from: Option<Timestamp>,
    /// With a window that starts before this.
    pub to: Option<Timestamp>,
    /// With this in its note, its user's name, its camera's id or name, in small letters or capitals.
    pub search: Option<String>,
    /// Those after the booking of this id, in the order of ids.
    pub after: Option<String>,
    /// So many at most; 0 or more than [`MAX_ROWS`] is [`MAX_ROWS`].
    pub limit: u32,
}

/// Which entries of the audit log, the latest first.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// About this camera.
    pub camera: Option<String>,
    /// About or by this user.
    pub user: Option<String>,
    /// In whose words this is, in small letters or capitals.
    pub search: Option<String>,
    /// Those before the entry of this number.
    pub before: Option<i64>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Only what failed: refusals, wrong credentials, and sessions that something broke off ([`FAILED_ENDS`]).
    ///
    /// [`FAILED_ENDS`]: crate::model::FAILED_ENDS
    pub failed: bool,
    /// So many at most; 0 or more than [`MAX_ROWS`] is [`MAX_ROWS`].
    pub limit: u32,
}

/// Which calls, the latest first.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    /// The one of this id.
    pub id: Option<String>,
    /// Of this camera.
    pub camera: Option<String>,
    /// That rang this user.
    pub user: Option<String>,
    /// That are not over, as far as is known.
    pub running: bool,
    /// Those before the one that was made then and has this id.
    pub before: Option<(Timestamp, String)>,
    /// So many at most; 0 or more than [`MAX_ROWS`] is [`MAX_ROWS`].
    pub limit: u32,
}

/// Things that are added together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Users, before the bookings that they may be of.
    pub users: Vec<User>,
    /// Cameras, before the bookings that they may be of.
    pub cameras: Vec<Camera>,
    /// Bookings, each with all its windows.
    pub bookings: Vec<(Booking, Vec<Window>)>,
}

/// One of them, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A user.
    User(usize),
    /// A camera.
    Camera(usize),
    /// A booking.
    Booking(usize),
}

/// The database. `audit` is written in the same transaction as the change, and others on the same database hear of it when
/// that is through.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Everything that counts at `now` or later.
    async fn snapshot(&self, now: Timestamp) -> Result<Snapshot>;

    /// What it has of something now.
    async fn row(&self, changed: &Changed, now: Timestamp) -> Result<Row>;
    /// What others on the same database change from now on. `None` if there can be no others: an SQLite file is one server's.
    async fn watch(&self) -> Result<Option<mpsc::Receiver<Heard>>>;

    /// Adds or changes a user. Refuses to make the last administrator a viewer.
    async fn put_user(&self, user: &User, put: Put, audit: &AuditEntry) -> Result<()>;
    /// Changes a user, whose log-ins end, save that of one cookie: by a password or a link of before nobody stays in.
    async fn put_user_anew(
        &self,
        user: &User,
        save: Option<&SecretDigest>,
        audit: &AuditEntry,
    ) -> Result<()>;
    /// Removes a user with its bookings and log-ins. Refuses to remove the last administrator.
    async fn remove_user(&self, name: &str, audit: &AuditEntry) -> Result<()>;

    /// Adds or changes a camera. When it was last connected does not change: see [`Store::cameras_seen`].
    async fn put_camera(&self, camera: &Camera, put: Put, audit: &AuditEntry) -> Result<()>;
    /// Removes a camera with its bookings and share links, and the log-ins by those.
    async fn remove_camera(&self, id: &str, audit: &AuditEntry) -> Result<()>;
    /// The next connection of a camera to a server owns it by this fence, which is higher than all before.
    async fn next_fence(&self, camera: &str) -> Result<u64>;
    /// Notes when cameras were last connected, by id.
    async fn cameras_seen(&self, seen: &[(String, Timestamp)]) -> Result<()>;

    /// Adds or changes a booking with all its windows, at most [`MAX_WINDOWS`].
    async fn put_booking(
        &self,
        booking: &Booking,
        windows: &[Window],
        put: Put,
        audit: &AuditEntry,
    ) -> Result<()>;
    /// Removes a booking.
    async fn remove_booking(&self, id: &str, audit: &AuditEntry) -> Result<()>;
    /// One booking with all its windows.
    async fn booking(&self, id: &str) -> Result<(Booking, Vec<Window>)>;
    /// Bookings in the order of their ids, each with those of its windows that the filter's times leave.
    async fn bookings(&self, filter: &BookingFilter) -> Result<Vec<(Booking, Vec<Window>)>>;

    /// Windows that the filter's times leave, by their start, each with its booking. `after` says nothing here, and the limit
    /// is a limit of windows.
    async fn calendar(&self, filter: &BookingFilter, limit: u32) -> Result<Vec<(Booking, Window)>>;

    /// Adds a booking that its user makes, if a rule allows it beside what it has booked itself already: looked at and added in
    /// one. [`StoreError::SelfBooking`] if none does.
    async fn book_self(&self, booking: &Booking, now: Timestamp, audit: &AuditEntry) -> Result<()>;
    /// What a user has booked itself, as far as it counts at `now` or later.
    async fn own_windows(&self, user: &str, now: Timestamp) -> Result<Vec<Own>>;
    /// What viewers may book themselves, in the order in which it was allowed.
    async fn self_booking_rules(&self) -> Result<Vec<SelfBookingRule>>;
    /// Adds or changes a rule of what viewers may book.
    async fn put_self_booking_rule(
        &self,
        rule: &SelfBookingRule,
        put: Put,
        audit: &AuditEntry,
    ) -> Result<()>;
    /// Removes one.
    async fn remove_self_booking_rule(&self, id: &str, audit: &AuditEntry) -> Result<()>;
    /// Gives a user's calendar a secret, in the place of the one before.
    async fn put_feed(&self, feed: &Feed, audit: &AuditEntry) -> Result<()>;
    /// Takes it away. [`StoreError::NotFound`] if there is none.
    async fn remove_feed(&self, user: &str, audit: &AuditEntry) -> Result<()>;
    /// Since when a user's calendar has a secret.
    async fn feed(&self, user: &str) -> Result<Option<Timestamp>>;
    /// Whose calendar has this secret.
    async fn feed_by(&self, token: &SecretDigest) -> Result<Option<String>>;

    /// Adds or changes a share link. How often it was used changes only with its secret, and with it the log-ins by it
    /// end.
    async fn put_share(&self, share: &Share, put: Put, audit: &AuditEntry) -> Result<()>;
    /// Removes a share link with the log-ins by it.
    async fn remove_share(&self, id: &str, audit: &AuditEntry) -> Result<()>;
    /// All share links that end after `from`, the newest first.
    async fn shares(&self, from: Timestamp) -> Result<Vec<Share>>;
    /// Takes one use of the link with this secret, which is open at `now`, for this log-in.
    async fn use_share(
        &self,
        secret: &SecretDigest,
        login: &Login,
        now: Timestamp,
        audit: &AuditEntry,
    ) -> Result<Share>;

    /// Adds all of these, or none; none, if it is only tried. `Err` says at which it did not go on.
    async fn import(
        &self,
        batch: &Batch,
        keep: bool,
        audit: &[AuditEntry],
    ) -> std::result::Result<(), (Item, StoreError)>;

    /// Adds a log-in and forgets those that are over at `now`.
    async fn add_login(&self, login: &Login, now: Timestamp, audit: &AuditEntry) -> Result<()>;
    /// Puts a log-in's new cookie in the place of its old one.
    async fn rotate_login(&self, old: &SecretDigest, new: &Login) -> Result<()>;
    /// Ends some log-ins of someone.
    async fn remove_logins(
        &self,
        holder: &Holder,
        cookies: &[SecretDigest],
        audit: &AuditEntry,
    ) -> Result<()>;

    /// What a user's codes of an app are made of, if it has such an app.
    async fn second_factor(&self, user: &str) -> Result<Option<SecondFactor>>;
    /// Ends the log-ins of administrators who have no second factor of any kind.
    async fn end_logins_without_second_factor(&self) -> Result<()>;
    /// Gives a user codes of an app as its first second factor; log-ins from before end. [`StoreError::Exists`] if it has any
    /// second factor.
    async fn add_second_factor(&self, factor: &SecondFactor, audit: &AuditEntry) -> Result<()>;
    /// Takes the code of this step. [`StoreError::NotFound`] if that one was taken before, or a later one.
    async fn use_code(&self, user: &str, step: i64) -> Result<()>;
    /// Takes a recovery code. [`StoreError::NotFound`] if there is none such, or no more.
    async fn use_recovery_code(
        &self,
        user: &str,
        code: &SecretDigest,
        audit: &AuditEntry,
    ) -> Result<()>;
    /// A user's passkeys, the oldest first.
    async fn passkeys(&self, user: &str) -> Result<Vec<Passkey>>;
    /// Gives a user a passkey; log-ins from before end, save that of one cookie. [`StoreError::NotFound`] if the challenge was
    /// answered before.
    async fn add_passkey(
        &self,
        passkey: &Passkey,
        kind: PasskeyKind<'_>,
        answered: &Answered,
        save: Option<&SecretDigest>,
        audit: &AuditEntry,
    ) -> Result<()>;
    /// Notes that a passkey was used, with its counter and what it has become. [`StoreError::NotFound`] if it is there no
    /// more, if its counter did not go up, or if the challenge was answered before.
    async fn use_passkey(&self, passkey: &Passkey, answered: &Answered) -> Result<()>;
    /// Gives a passkey another name.
    async fn rename_passkey(
        &self,
        user: &str,
        id: &str,
        name: &str,
        audit: &AuditEntry,
    ) -> Result<()>;
    /// Takes a passkey away, and ends its user's log-ins, save that of one cookie. [`StoreError::LastSecondFactor`] if one has
    /// to be kept and it is the last.
    async fn remove_passkey(
        &self,
        user: &str,
        id: &str,
        keep_one: bool,
        save: Option<&SecretDigest>,
        audit: &AuditEntry,
    ) -> Result<()>;
    /// Takes all second factors of a user away, and ends its log-ins.
    async fn remove_second_factor(&self, user: &str, audit: &AuditEntry) -> Result<()>;

    /// Writes entries of the audit log that belong to no other change.
    async fn log(&self, entries: &[AuditEntry]) -> Result<()>;
    /// Reads the audit log: each entry with its number.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<(i64, AuditEntry)>>;
    /// Forgets entries of the audit log, bookings and share links that were over before, at most so many of each at a
    /// time. Returns how many went: none, when there are no more.
    async fn forget(&self, before: Timestamp, at_most: u32) -> Result<u64>;

    /// Forgets the oldest entries of the audit log beyond so many, at most so many at a time. Returns how many went.
    async fn forget_surplus(&self, keep: u64, at_most: u32) -> Result<u64>;

    /// Writes down what calls are now. Those whom one has rung stay.
    async fn put_calls(&self, calls: &[CallRecord]) -> Result<()>;
    /// Calls, the latest first.
    async fn calls(&self, filter: &CallFilter) -> Result<Vec<CallRecord>>;
    /// Calls that were not over when their server ended, the latest first: from now on they are this one's. Where several servers
    /// use the database, those of servers that are there are left to them; this one has to [`Self::watch`] before.
    async fn take_calls(&self) -> Result<Vec<CallRecord>>;
    /// Whether the link of this id is good for a call that runs at another server.
    async fn is_call_elsewhere(&self, link: &str) -> Result<bool>;
    /// Whether other servers may use the database as well.
    fn is_shared(&self) -> bool;
    /// Keeps the picture (JPEG) of a call that is there; a second one changes nothing.
    async fn put_call_snapshot(&self, call: &str, jpeg: &[u8], at: Timestamp) -> Result<()>;
    /// Notes that the door was opened in a call of this camera, unless it is noted already.
    async fn put_call_door(&self, call: &str, camera: &str, at: Timestamp) -> Result<()>;
    /// The picture of a call.
    async fn call_snapshot(&self, call: &str) -> Result<Option<Vec<u8>>>;
    /// Forgets calls from before, and the oldest pictures beyond so many, at most so many of each at a time. Returns how many
    /// went.
    async fn forget_calls(&self, before: Timestamp, snapshots: u64, at_most: u32) -> Result<u64>;

    /// A user's browsers that want to be told of calls, the oldest first.
    async fn push_subscriptions(&self, user: &str) -> Result<Vec<PushSubscription>>;
    /// Adds one, or puts it in the place of what is known of the same browser, whoever's it was. Of one user's the oldest go
    /// beyond so many.
    async fn put_push_subscription(
        &self,
        subscription: &PushSubscription,
        keep: u32,
        audit: &AuditEntry,
    ) -> Result<()>;
    /// Removes a user's one of this endpoint. [`StoreError::NotFound`] if there is none.
    async fn remove_push_subscription(
        &self,
        user: &str,
        endpoint: &SecretDigest,
        audit: &AuditEntry,
    ) -> Result<()>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<()>;
    /// Writes a copy of everything into a new file, while the server runs. PostgreSQL has tools of its own for that,
    /// and refuses.
    async fn backup(&self, to: &Path) -> Result<()>;
}
