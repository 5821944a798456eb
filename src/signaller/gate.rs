// SPDX-License-Identifier: MPL-2.0
//! The gate: grant in, verdict out. Pure: time is an argument, and nothing here does input or output.
//!
//! A session is admitted only with a grant that the server's key signed for this camera, this session
//! and this connection. Its lease is counted on the monotonic clock from the moment it arrived.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use porthole_protocol::{
    grant::{Grant, GrantKey, MAX_LEASE_SECONDS, Permission},
    wire::Code,
};

/// Session ids remembered on one connection, so that none comes twice. A server that sends more is
/// made to reconnect, which brings a new nonce and with it an empty memory.
pub(crate) const MAX_REMEMBERED: usize = 65_536;

/// How long a session may take from its admission to its first connection.
pub(crate) const SETUP_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the gate stayed shut. The text is for the operator; the viewer gets only the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the server sent no grant")]
    NoGrant,
    #[error("the grant is not signed by the server this camera is enrolled at")]
    Forged,
    #[error("the grant is for another camera")]
    WrongCamera,
    #[error("the grant is for another session")]
    WrongSession,
    #[error("the grant was made for another connection")]
    WrongNonce,
    #[error("the grant has been used before")]
    Replayed,
    #[error("the grant's time is up")]
    Expired,
    #[error("the grant does not permit to view")]
    NotPermitted,
    #[error("max-viewers is reached")]
    Full,
    #[error("no session runs under that id")]
    Unknown,
}

impl Refusal {
    /// What the viewer is told.
    pub(crate) fn code(self) -> Code {
        match self {
            Self::Full => Code::CameraFull,
            Self::NotPermitted => Code::NotPermitted,
            Self::Expired => Code::LeaseEnded,
            _ => Code::GrantRefused,
        }
    }
}

/// A session that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) user: String,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) since: Instant,
    pub(crate) until: Instant,
    seq: u32,
    connected: bool,
}

pub(crate) struct Gate {
    camera: String,
    key: GrantKey,
    max_viewers: usize,
    orphan_timeout: Duration,
    nonce: Option<String>,
    seen: HashSet<String>,
    offline_since: Option<Instant>,
    sessions: HashMap<String, Admitted>,
}

impl Gate {
    pub(crate) fn new(camera: &str, key: GrantKey, max_viewers: usize, orphan: Duration) -> Self {
        Self {
            camera: camera.to_owned(),
            key,
            max_viewers,
            orphan_timeout: orphan,
            nonce: None,
            seen: HashSet::new(),
            offline_since: None,
            sessions: HashMap::new(),
        }
    }

    /// A connection stands, on which grants must carry `nonce`.
    pub(crate) fn online(&mut self, nonce: String) {
        self.nonce = Some(nonce);
        self.seen.clear();
        self.offline_since = None;
    }

    /// The connection broke: no grant made for it is good any more.
    pub(crate) fn offline(&mut self, now: Instant) {
        self.nonce = None;
        self.offline_since.get_or_insert(now);
    }

    /// Whether the memory of used sessions is full; reconnecting empties it.
    pub(crate) fn is_worn(&self) -> bool {
        self.seen.len() >= MAX_REMEMBERED
    }

    pub(crate) fn set_max_viewers(&mut self, max: usize) {
        self.max_viewers = max;
    }

    pub(crate) fn viewers(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn session_ids(&self) -> Vec<String> {
        self.sessions.keys().cloned().collect()
    }

    pub(crate) fn contains(&self, session: &str) -> bool {
        self.sessions.contains_key(session)
    }

    /// Decides whether `session` may start with `token`.
    pub(crate) fn admit(
        &mut self,
        session: &str,
        token: Option<&str>,
        now: Instant,
    ) -> Result<&Admitted, Refusal> {
        let grant = self.read(session, token)?;
        if self.sessions.contains_key(session) || !self.seen.insert(session.to_owned()) {
            return Err(Refusal::Replayed);
        }
        if self.sessions.len() >= self.max_viewers {
            return Err(Refusal::Full);
        }
        let admitted = Admitted {
            user: grant.sub,
            permissions: grant.perms,
            since: now,
            until: now + lease(grant.lease),
            seq: grant.seq,
            connected: false,
        };
        Ok(self.sessions.entry(session.to_owned()).or_insert(admitted))
    }

    /// Applies a renewed or shortened grant to a running session.
    pub(crate) fn update(
        &mut self,
        session: &str,
        token: &str,
        now: Instant,
    ) -> Result<&Admitted, Refusal> {
        let grant = self.read(session, Some(token))?;
        let admitted = self.sessions.get_mut(session).ok_or(Refusal::Unknown)?;
        if grant.seq <= admitted.seq {
            return Err(Refusal::Replayed);
        }
        admitted.seq = grant.seq;
        admitted.until = now + lease(grant.lease);
        admitted.permissions = grant.perms;
        Ok(admitted)
    }

    /// Media of `session` flows: it need no longer hurry.
    pub(crate) fn connected(&mut self, session: &str) {
        if let Some(admitted) = self.sessions.get_mut(session) {
            admitted.connected = true;
        }
    }

    pub(crate) fn remove(&mut self, session: &str) -> Option<Admitted> {
        self.sessions.remove(session)
    }

    /// The sessions that must end now, and why.
    pub(crate) fn due(&self, now: Instant) -> Vec<(String, Code)> {
        let orphaned = self.orphan_deadline().is_some_and(|at| at <= now);
        let verdict = |session: &Admitted| match session {
            s if s.until <= now => Some(Code::LeaseEnded),
            _ if orphaned => Some(Code::ServerUnreachable),
            s if !s.connected && s.since + SETUP_TIMEOUT <= now => Some(Code::MediaFailed),
            _ => None,
        };
        self.sessions
            .iter()
            .filter_map(|(id, s)| Some((id.clone(), verdict(s)?)))
            .collect()
    }

    /// When [`Self::due`] will next have something to say.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let of = |s: &Admitted| {
            if s.connected {
                s.until
            } else {
                s.until.min(s.since + SETUP_TIMEOUT)
            }
        };
        let first = self.sessions.values().map(of).min()?;
        Some(
            self.orphan_deadline()
                .map_or(first, |orphan| orphan.min(first)),
        )
    }

    fn orphan_deadline(&self) -> Option<Instant> {
        self.offline_since.map(|since| since + self.orphan_timeout)
    }

    fn read(&self, session: &str, token: Option<&str>) -> Result<Grant, Refusal> {
        let grant = self
            .key
            .read(token.ok_or(Refusal::NoGrant)?)
            .map_err(|_| Refusal::Forged)?;
        if grant.aud != self.camera {
            return Err(Refusal::WrongCamera);
        }
        if grant.sid != session {
            return Err(Refusal::WrongSession);
        }
        if self.nonce.as_ref() != Some(&grant.nonce) {
            return Err(Refusal::WrongNonce);
        }
        if grant.lease == 0 {
            return Err(Refusal::Expired);
        }
        if !grant.perms.contains(&Permission::View) {
            return Err(Refusal::NotPermitted);
        }
        Ok(grant)
    }
}

fn lease(seconds: u32) -> Duration {
    Duration::from_secs(seconds.min(MAX_LEASE_SECONDS).into())
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
