// SPDX-License-Identifier: MPL-2.0
//! The gate: grant in, verdict out. Pure: time is an argument, and nothing here does input or output.
//!
//! A session is admitted only with a grant that the server's key signed for this camera, this session
//! and this connection. Its lease is counted on a stopwatch from the moment it arrived. The gate holds the one table of
//! sessions; a session outlives the connection it was started on, and goes on only if the server confirms it on the next.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use porthole_protocol::{
    grant::{Grant, GrantError, GrantKey, KeyRing, Permission},
    limits::CONFIRM_TIMEOUT,
    wire::{Code, IceServer, RunningSession},
};

use super::session::{Ending, Session};

/// Ids of admitted sessions remembered on one connection, so that none comes twice. A server that sends more is
/// made to reconnect, which brings a new nonce and with it an empty memory; running sessions go on.
pub(crate) const MAX_ADMITTED: usize = 65_536;
/// Ids of refused sessions remembered, the oldest forgotten first: they are told to wait and ask anew, and
/// however often they do so must concern nobody else.
const MAX_REFUSED: usize = 4096;

/// How long a session may take from its admission to its first connection.
pub(crate) const SETUP_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the gate stayed shut. The text is for the operator; the viewer gets only the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the server sent no grant")]
    NoGrant,
    #[error("the grant is not signed by the server this camera is enrolled at")]
    Forged,
    #[error(
        "the grant is signed by a key that nothing leads to from the one this camera was enrolled with: enrol it again"
    )]
    UnknownKey,
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
    #[error("the application has not yet taken in the news of earlier viewers; its handlers block")]
    Busy,
    #[error("no session runs under that id")]
    Unknown,
}

impl Refusal {
    /// What the viewer is told.
    pub(crate) fn code(self) -> Code {
        match self {
            Self::Full | Self::Busy => Code::CameraFull,
            Self::NotPermitted => Code::NotPermitted,
            Self::Expired => Code::LeaseEnded,
            _ => Code::GrantRefused,
        }
    }
}

/// Ids that were refused, the latest of them.
#[derive(Default)]
struct Refused {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Refused {
    fn add(&mut self, id: &str) {
        if self.ids.insert(id.to_owned()) {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > MAX_REFUSED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    fn clear(&mut self) {
        self.ids.clear();
        self.order.clear();
    }
}

/// See the [module](self). `M` is what the sink hangs on each session.
pub(crate) struct Gate<M> {
    camera: String,
    keys: KeyRing,
    max_viewers: usize,
    orphan_timeout: Duration,
    nonce: Option<String>,
    admitted: HashSet<String>,
    refused: Refused,
    sessions: BTreeMap<String, Session<M>>,
    turned_away: u32,
    /// Whether the server's last grant said what is booked, as those do that want to hear who drives.
    says_booked: bool,
    /// Whether the server has ever let somebody open the door, and so knows what is said of that.
    knows_doors: bool,
}

impl<M: Default> Gate<M> {
    pub(crate) fn new(camera: &str, key: GrantKey, max_viewers: usize, orphan: Duration) -> Self {
        Self {
            camera: camera.to_owned(),
            keys: KeyRing::new(key),
            max_viewers,
            orphan_timeout: orphan,
            nonce: None,
            admitted: HashSet::new(),
            refused: Refused::default(),
            sessions: BTreeMap::new(),
            turned_away: 0,
            says_booked: false,
            knows_doors: false,
        }
    }

    /// A connection stands, on which grants must carry `nonce`. Returns what the server is to confirm.
    pub(crate) fn online(&mut self, nonce: String, now: Instant) -> Vec<RunningSession> {
        self.nonce = Some(nonce);
        self.admitted.clear();
        self.refused.clear();
        for session in self.sessions.values_mut() {
            session.registered(now + CONFIRM_TIMEOUT);
        }
        self.sessions
            .iter()
            .filter(|(_, session)| !session.is_own())
            .map(|(id, session)| RunningSession {
                session_id: id.clone(),
                grant: session.token().to_owned(),
                lease: whole_seconds(session.until.saturating_duration_since(now)),
                connected: Some(session.is_connected()),
            })
            .collect()
    }

    /// The connection broke: no grant made for it is good any more.
    pub(crate) fn offline(&mut self) {
        self.nonce = None;
        for session in self.sessions.values_mut() {
            session.offline();
        }
    }

    /// The server says which keys it has had since the one this camera knows. Running sessions keep the grants they have.
    pub(crate) fn learn_keys(&mut self, chain: &[String]) -> Result<usize, GrantError> {
        self.keys.learn(chain)
    }

    #[cfg(test)]
    pub(crate) fn newest_key(&self) -> GrantKey {
        self.keys.newest()
    }

    /// Something came from the server.
    pub(crate) fn alive(&mut self, now: Instant) {
        if self.nonce.is_some() {
            for session in self.sessions.values_mut() {
                session.alive(now);
            }
        }
    }

    /// Whether there is a server that wants to hear who drives.
    pub(crate) fn hears_of_drives(&self) -> bool {
        self.nonce.is_some() && self.says_booked
    }

    /// Whether there is a server that wants to hear who opens the door.
    pub(crate) fn hears_of_doors(&self) -> bool {
        self.nonce.is_some() && self.knows_doors
    }

    /// Whether the memory of used sessions is full; reconnecting empties it.
    pub(crate) fn is_full_of_memories(&self) -> bool {
        self.admitted.len() >= MAX_ADMITTED
    }

    pub(crate) fn set_max_viewers(&mut self, max: usize) {
        self.max_viewers = max;
    }

    pub(crate) fn viewers(&self) -> usize {
        self.sessions.len()
    }

    /// How many were refused since the start.
    pub(crate) fn turned_away(&self) -> u32 {
        self.turned_away
    }

    pub(crate) fn sessions(&self) -> &BTreeMap<String, Session<M>> {
        &self.sessions
    }

    pub(crate) fn session(&mut self, id: &str) -> Option<&mut Session<M>> {
        self.sessions.get_mut(id)
    }

    /// Whether it runs, and is the operator's own.
    pub(crate) fn is_own(&self, id: &str) -> bool {
        self.sessions.get(id).is_some_and(Session::is_own)
    }

    /// Decides whether session `id` may start with `token`. `busy` turns everybody away.
    pub(crate) fn admit(
        &mut self,
        id: &str,
        token: Option<&str>,
        ice_servers: Vec<IceServer>,
        busy: bool,
        now: Instant,
    ) -> Result<&Session<M>, Refusal> {
        match self.judge(id, token, busy) {
            Ok((grant, token)) => {
                self.admitted.insert(id.to_owned());
                self.note_server(&grant);
                let session = Session::new(&grant, token, ice_servers, now);
                Ok(self.sessions.entry(id.to_owned()).or_insert(session))
            }
            Err(refusal) => {
                self.turned_away = self.turned_away.saturating_add(1);
                if matches!(refusal, Refusal::Full | Refusal::Busy) {
                    self.refused.add(id);
                }
                Err(refusal)
            }
        }
    }

    /// Lets in what the operator asked for by a property. It takes no viewer's place.
    pub(crate) fn admit_own(&mut self, id: &str, user: &str, now: Instant) -> &Session<M> {
        let session = self.sessions.entry(id.to_owned());
        session.or_insert_with(|| Session::own(user, now))
    }

    fn guests(&self) -> usize {
        let guests = self.sessions.values().filter(|session| !session.is_own());
        guests.count()
    }

    fn judge<'a>(
        &self,
        id: &str,
        token: Option<&'a str>,
        busy: bool,
    ) -> Result<(Grant, &'a str), Refusal> {
        let token = token.ok_or(Refusal::NoGrant)?;
        let grant = self.read(id, token)?;
        let known = self.admitted.contains(id) || self.refused.ids.contains(id);
        if known || self.sessions.contains_key(id) {
            return Err(Refusal::Replayed);
        }
        if grant.lease == 0 {
            return Err(Refusal::Expired);
        }
        if !grant.perms.contains(&Permission::View) {
            return Err(Refusal::NotPermitted);
        }
        match self.guests() {
            _ if busy => Err(Refusal::Busy),
            viewers if viewers >= self.max_viewers => Err(Refusal::Full),
            _ => Ok((grant, token)),
        }
    }

    /// Applies a renewed, changed or withdrawn grant to a running session, at once. `Some` if the session ends by it, and
    /// is to be removed; its media has stopped already.
    pub(crate) fn update(
        &mut self,
        id: &str,
        token: &str,
        now: Instant,
    ) -> Result<Option<Code>, Refusal> {
        let grant = self.read(id, token)?;
        let session = self.sessions.get_mut(id).ok_or(Refusal::Unknown)?;
        if session.is_own() {
            return Err(Refusal::Unknown);
        }
        if !session.is_newer(grant.seq) {
            return Err(Refusal::Replayed);
        }
        let applied = session.apply(&grant, token, now);
        self.note_server(&grant);
        Ok(applied.map(|ending| match ending {
            Ending::Lease => Code::LeaseEnded,
            Ending::NotPermitted => Code::NotPermitted,
        }))
    }

    /// What a grant shows of the server that has signed it.
    fn note_server(&mut self, grant: &Grant) {
        self.says_booked = grant.booked.is_some();
        self.knows_doors |= grant.perms.contains(&Permission::Door);
    }

    /// Renewed ones take the place of all before them; none leave those as they are.
    pub(crate) fn set_ice_servers(&mut self, id: &str, ice_servers: Vec<IceServer>) {
        if let Some(session) = self.sessions.get_mut(id)
            && !ice_servers.is_empty()
        {
            session.ice_servers = ice_servers;
        }
    }

    /// Media of the session flows: it need no longer hurry.
    pub(crate) fn connected(&mut self, id: &str) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.connected();
        }
    }

    /// Takes the session out; its media stops with this call.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Session<M>> {
        let session = self.sessions.remove(id)?;
        session.permit.close();
        Some(session)
    }

    /// The sessions that must end now, and why.
    pub(crate) fn due(&self, now: Instant) -> Vec<(String, Code)> {
        const REASONS: [Code; 4] = [
            Code::LeaseEnded,
            Code::Unconfirmed,
            Code::ServerUnreachable,
            Code::MediaFailed,
        ];
        let verdict = |session: &Session<M>| {
            let deadlines = session.deadlines(self.orphan_timeout, SETUP_TIMEOUT);
            let mut reasons = deadlines.into_iter().zip(REASONS);
            reasons.find_map(|(at, reason)| at.is_some_and(|at| at <= now).then_some(reason))
        };
        let sessions = self.sessions.iter();
        sessions
            .filter_map(|(id, session)| Some((id.clone(), verdict(session)?)))
            .collect()
    }

    /// When [`Self::due`] will next have something to say.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let of = |session: &Session<M>| {
            let deadlines = session.deadlines(self.orphan_timeout, SETUP_TIMEOUT);
            deadlines.into_iter().flatten().min()
        };
        self.sessions.values().filter_map(of).min()
    }

    fn read(&self, id: &str, token: &str) -> Result<Grant, Refusal> {
        let grant = self.keys.read(token).map_err(|error| match error {
            GrantError::OtherKey => Refusal::UnknownKey,
            _ => Refusal::Forged,
        })?;
        if grant.aud != self.camera {
            return Err(Refusal::WrongCamera);
        }
        if grant.sid != id {
            return Err(Refusal::WrongSession);
        }
        if self.nonce.as_ref() != Some(&grant.nonce) {
            return Err(Refusal::WrongNonce);
        }
        Ok(grant)
    }
}

fn whole_seconds(left: Duration) -> u32 {
    u32::try_from(left.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
