// SPDX-License-Identifier: MPL-2.0
//! WHEP (draft-ietf-wish-whep): sessions that are asked for by HTTP, with the viewer's offer. It adds no rights and no rules
//! of its own: each is a viewer's client of the hub, as a WebSocket is.
//!
//! Pure:
//! - `sdp`: one transport for a bundle, candidates into an answer and out of a fragment.
//! - `heard`: what the hub says.
//!
//! Around them:
//! - `session`: one client, from its offer to its end.
//! - here: which sessions have an address, and whose they are.

mod heard;
mod sdp;
mod session;

pub(crate) use heard::Refused;
pub(crate) use session::{Asked, NotOpened, Opened};

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use porthole_protocol::random_secret;
use tokio::sync::{mpsc, oneshot};

use crate::hub::HubHandle;
use crate::limit::{MessagePace, VIEWER_PACE};
use crate::lock::lock;
use crate::places::AddressPlace;
use crate::rights::RightsId;
use sdp::{BadFragment, Outline, bundled, with_candidates};
use session::Command;

/// Requests that wait for one session. Each is taken in microseconds.
const MAX_COMMANDS: usize = 16;
/// Longest that a session takes to end, or to take candidates; beyond it the hub stands still.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(2);

/// How WHEP is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhepOptions {
    /// Origins (`https://player.example.org`) whose pages may ask; `*` is every one.
    pub allow_origins: HashSet<String>,
}

/// The sessions that have an address.
pub(crate) struct Whep {
    pub(crate) options: WhepOptions,
    sessions: Mutex<HashMap<String, Arc<Entry>>>,
}

/// A session that has an address.
struct Entry {
    camera: String,
    whose: RightsId,
    /// Of its ICE session, of which there is one.
    tag: String,
    outline: Outline,
    commands: mpsc::Sender<Command>,
    pace: Mutex<MessagePace>,
}

/// What a viewer is told who was let in.
#[derive(Debug)]
pub(crate) struct Answered {
    /// Nobody guesses it.
    pub(crate) id: String,
    pub(crate) tag: String,
    pub(crate) opened: Opened,
}

/// Which session a request is about.
pub(crate) struct Address<'a> {
    pub(crate) camera: &'a str,
    pub(crate) id: &'a str,
    /// Who asks, if it shows a credential. Who shows none has the address, which nobody guesses.
    pub(crate) who: Option<&'a RightsId>,
}

/// What `If-Match` says.
#[derive(Clone, Copy)]
pub(crate) enum Condition<'a> {
    None,
    Any,
    Tags(&'a str),
}

/// Why a request about a session is not followed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotFollowed {
    /// There is no such session, or it is another one's.
    NoSuchSession,
    /// It does not say which ICE session it is about.
    NoTag,
    /// It is about another ICE session.
    OtherTag,
    /// It wants another ICE session.
    Restart,
    NoSuchMedia,
    NoFragment,
    TooMany(Duration),
    Stuck,
}

impl Whep {
    pub(crate) fn new(options: WhepOptions) -> Self {
        Self {
            options,
            sessions: Mutex::default(),
        }
    }

    /// Asks for a session, and waits so long for the camera. The session goes on until it ends at the hub, or who asked ends
    /// it; until then it keeps `place`.
    pub(crate) async fn open(
        self: &Arc<Self>,
        hub: &Arc<HubHandle>,
        mut asked: Asked,
        patience: Duration,
        place: Option<AddressPlace>,
    ) -> Result<Answered, NotOpened> {
        let (commands, on_command) = mpsc::channel(MAX_COMMANDS);
        let (opened, on_opened) = oneshot::channel();
        let outline = Outline::of(&asked.offer);
        asked.offer = bundled(&asked.offer);
        let (id, tag) = (random_secret(), random_secret());
        let entry = Entry {
            camera: asked.camera.clone(),
            whose: asked.rights.id(),
            tag: tag.clone(),
            outline,
            commands,
            pace: Mutex::new(MessagePace::new(VIEWER_PACE, Instant::now())),
        };
        lock(&self.sessions).insert(id.clone(), Arc::new(entry));
        let (whep, hub, of) = (self.clone(), hub.clone(), id.clone());
        tokio::spawn(async move {
            session::run(&hub, asked, patience, opened, on_command).await;
            lock(&whep.sessions).remove(&of);
            drop(place);
        });
        let mut opened = on_opened.await.unwrap_or(Err(NotOpened::Stuck))?;
        opened.answer = with_candidates(&opened.answer, &opened.candidates);
        Ok(Answered { id, tag, opened })
    }

    /// Hands candidates on to the camera.
    pub(crate) async fn trickle(
        &self,
        address: Address<'_>,
        condition: Condition<'_>,
        fragment: &str,
    ) -> Result<(), NotFollowed> {
        let entry = self.find(&address)?;
        if let Condition::Tags(tags) = condition
            && !tags.split(',').any(|tag| is_tag(tag, &entry.tag))
        {
            return Err(NotFollowed::OtherTag);
        }
        let read = entry.outline.read(fragment).map_err(|bad| match bad {
            BadFragment::Restart => NotFollowed::Restart,
            BadFragment::NoSuchMedia => NotFollowed::NoSuchMedia,
            BadFragment::NoFragment => NotFollowed::NoFragment,
        })?;
        // The name of the ICE session says as much as its tag.
        if matches!(condition, Condition::None) && !read.names_session {
            return Err(NotFollowed::NoTag);
        }
        let messages = u32::try_from(read.candidates.len()).unwrap_or(u32::MAX);
        let now = Instant::now();
        let wait = lock(&entry.pace).message(messages.max(1), fragment.len(), now);
        if !wait.is_zero() {
            return Err(NotFollowed::TooMany(wait));
        }
        entry.say(Command::Candidates(read.candidates)).await
    }

    /// Ends a session.
    pub(crate) async fn end(&self, address: Address<'_>) -> Result<(), NotFollowed> {
        let entry = self.find(&address)?;
        let (done, is_done) = oneshot::channel();
        entry.say(Command::End(done)).await?;
        drop(entry);
        // One that ends by itself just now has ended, too.
        let _ = tokio::time::timeout(COMMAND_TIMEOUT, is_done).await;
        Ok(())
    }

    fn find(&self, address: &Address<'_>) -> Result<Arc<Entry>, NotFollowed> {
        let sessions = lock(&self.sessions);
        let entry = sessions.get(address.id);
        let own = |entry: &&Arc<Entry>| {
            entry.camera == address.camera && address.who.is_none_or(|who| *who == entry.whose)
        };
        entry.filter(own).cloned().ok_or(NotFollowed::NoSuchSession)
    }
}

impl Entry {
    async fn say(&self, command: Command) -> Result<(), NotFollowed> {
        let said = self.commands.send(command);
        match tokio::time::timeout(COMMAND_TIMEOUT, said).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(NotFollowed::NoSuchSession),
            Err(_) => Err(NotFollowed::Stuck),
        }
    }
}

/// Whether this is the entity tag `tag`. What is not in quotes is none, but players send it.
fn is_tag(text: &str, tag: &str) -> bool {
    text.trim().trim_matches('"') == tag
}
