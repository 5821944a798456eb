// SPDX-License-Identifier: MPL-2.0
//! What is kept: users, cameras, bookings, share links, log-ins, calls and the audit log. Points in time are UTC, with a
//! precision of milliseconds. Secrets are here as digests or password hashes only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use porthole_protocol::wire::{CallEnd, Code};
use serde::{Deserialize, Serialize};

use crate::digest::SecretDigest;

/// What someone may do with the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Watches any camera at any time, and decides who else may.
    Administrator,
    /// Watches what was booked.
    Viewer,
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Unique; stands in grants, messages and logs. See [`is_user_name`].
    pub name: String,
    /// What it may do with the server.
    pub role: Role,
    /// The password as a PHC string (argon2id).
    pub password: Option<String>,
    /// Digest of the token in the user's own link, for programs and for people without a password.
    pub token: Option<SecretDigest>,
    /// When it was added.
    pub created: Timestamp,
}

/// An enrolled camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Camera {
    /// Its id; see [`porthole_protocol::key::is_camera_id`].
    pub id: String,
    /// Name shown where the camera itself gives none.
    pub name: String,
    /// Digest of its secret.
    pub secret: SecretDigest,
    /// When it was enrolled.
    pub created: Timestamp,
    /// When it was last connected.
    pub last_seen: Option<Timestamp>,
}

/// From `start`, to before `end`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Window {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

/// That a user may look through a camera in a window of time, or in several that recur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// A UUID (version 7).
    pub id: String,
    /// The camera's id.
    pub camera: String,
    /// The user's name.
    pub user: String,
    /// The window, or the first of those that recur.
    pub window: Window,
    /// What the user may do.
    pub perms: BTreeSet<Permission>,
    /// Whether the viewer's page offers to save pictures and clips: a courtesy of the page, no boundary.
    pub saving: bool,
    /// How it recurs, if it does.
    pub recurrence: Option<Recurrence>,
    /// What people want to remember of it.
    pub note: String,
    /// Whether its user made it, and may cancel it.
    pub own: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// How a booking recurs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recurrence {
    /// An `RRULE` (RFC 5545, 3.3.10), with `COUNT` or `UNTIL`, without the name before it.
    pub rule: String,
    /// The time zone in which it recurs at the same time of day (IANA name).
    pub zone: String,
}

/// That viewers may book some cameras themselves, and how much of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfBookingRule {
    /// A UUID (version 7).
    pub id: String,
    /// For whom; everyone who has an account if none is named.
    pub users: Option<BTreeSet<String>>,
    /// Which cameras; all if none is named.
    pub cameras: Option<BTreeSet<String>>,
    /// The most that a booking may permit.
    pub perms: BTreeSet<Permission>,
    /// As of a [`Booking`].
    pub saving: bool,
    /// How far ahead a booking may end.
    pub ahead: SignedDuration,
    /// How much one may book in a week, from Monday to Monday.
    pub week: SignedDuration,
    /// How long one booking may be.
    pub longest: SignedDuration,
    /// The time zone in which weeks begin at midnight (IANA name).
    pub zone: String,
    /// When it was made.
    pub created: Timestamp,
}

/// By what a user's calendar reads its bookings, and nothing else.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Whose.
    pub user: String,
    /// Digest of the secret in its address.
    pub token: SecretDigest,
    /// When it was made.
    pub created: Timestamp,
}

/// A link that lets whoever has it look through one camera in one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// A UUID (version 7).
    pub id: String,
    /// The camera's id.
    pub camera: String,
    /// Digest of the secret in the link.
    pub secret: SecretDigest,
    /// When it may be used.
    pub window: Window,
    /// What its holder may do.
    pub perms: BTreeSet<Permission>,
    /// As of a [`Booking`].
    pub saving: bool,
    /// How many browsers may open it.
    pub max_uses: u32,
    /// How many have.
    pub uses: u32,
    /// What people want to remember of it.
    pub note: String,
    /// When it was made.
    pub created: Timestamp,
}

/// A page that is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Digest of its cookie.
    pub cookie: SecretDigest,
    /// Whose.
    pub holder: Holder,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends at the latest.
    pub until: Timestamp,
}

/// What someone shows besides a password: codes of an app, and some for when that is lost.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    /// The user's name.
    pub user: String,
    /// What the codes are made of, sealed with a key that is not in the database.
    pub secret: String,
    /// The time step of the last code that was taken. None before it counts any more.
    pub last_step: i64,
    /// Digests of the recovery codes that are left.
    pub recovery: Vec<SecretDigest>,
    /// When it was made.
    pub created: Timestamp,
}

/// A device by which someone shows who it is, besides a password (WebAuthn).
#[derive(Clone, Debug)]
pub struct Passkey {
    /// A UUID (version 7).
    pub id: String,
    /// The user's name.
    pub user: String,
    /// What its owner calls it.
    pub name: String,
    /// What the device calls it, in base64.
    pub credential_id: String,
    /// By what its signatures are checked, as JSON. Nothing in it is secret.
    pub credential: String,
    /// Of its last signature; 0 where the device counts none.
    pub counter: u32,
    /// When it was added.
    pub created: Timestamp,
    /// When it was last used.
    pub used: Option<Timestamp>,
}

/// A call of a doorbell, for whoever looks back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// A UUID.
    pub id: String,
    /// The press that made it, a UUID.
    pub ring: String,
    /// The camera's id.
    pub camera: String,
    /// What the camera was called.
    pub name: String,
    /// When somebody rang.
    pub rang: Timestamp,
    /// Who rang by the server's API; nobody where the camera said it.
    pub rang_by: Option<String>,
    /// Whom it rang, each with the id of the link that was good for that one alone.
    pub recipients: BTreeMap<String, String>,
    /// When it was answered.
    pub answered: Option<Timestamp>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When there was a picture at whoever answered.
    pub talking: Option<Timestamp>,
    /// When the door was opened first.
    pub door_opened: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Why.
    pub reason: Option<CallEnd>,
    /// Whether there is a picture of the press.
    pub has_snapshot: bool,
}

/// A browser that wants to be told of calls, by the push service that its vendor runs. Whoever knows the endpoint may have
/// messages brought there, so that it is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct PushSubscription {
    /// Whose it is.
    pub user: String,
    /// Where the push service takes what is for it.
    pub endpoint: String,
    /// Its public key: a point of P-256, uncompressed, in base64url.
    pub p256dh: String,
    /// What it shares with whoever may write to it: 16 bytes in base64url.
    pub auth: String,
    /// When it was added.
    pub created: Timestamp,
}

impl PushSubscription {
    /// By which it is known.
    pub fn id(&self) -> SecretDigest {
        SecretDigest::of(&self.endpoint)
    }
}

impl std::fmt::Debug for PushSubscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushSubscription")
            .field("user", &self.user)
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

/// On whose behalf a page is logged in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// The user of this name.
    User(String),
    /// Whoever opened the share link of this id.
    Share(String),
}

/// Why sessions end that something broke off: their time was not over, and nobody wanted it.
pub const FAILED_ENDS: [Code; 10] = [
    Code::CameraFull,
    Code::GrantRefused,
    Code::CameraGone,
    Code::ServerUnreachable,
    Code::MediaFailed,
    Code::BadMessage,
    Code::BadDescription,
    Code::OfferRefused,
    Code::Unconfirmed,
    Code::Other,
];

/// Something that happened, for whoever has to know later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who did it: a user's name, `share:ID`, `camera:ID`, `cli`, `file` or `server`.
    pub actor: String,
    /// What, as `session.started`, `booking.added`, ...
    pub action: String,
    /// The camera concerned.
    pub camera: Option<String>,
    /// The user concerned.
    pub user: Option<String>,
    /// The session, booking or share link concerned.
    pub subject: Option<String>,
    /// What else there is to say: a JSON object without secrets.
    pub details: serde_json::Value,
}

/// Longest name of a user, in bytes.
pub const MAX_USER_NAME_BYTES: usize = 64;

/// Whether this may name a user: 1 to 64 printable characters without space at the ends, not the name of something
/// else that may act, such as `guest` or `share:...`.
pub fn is_user_name(name: &str) -> bool {
    (1..=MAX_USER_NAME_BYTES).contains(&name.len())
        && name.trim() == name
        && !name.chars().any(|c| c.is_control() || c == ':' || c == '/')
        && !matches!(name, "guest" | "cli" | "file" | "server" | "." | "..")
}

impl Window {
    /// Whether `at` is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}
