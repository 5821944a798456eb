// SPDX-License-Identifier: MPL-2.0
//! Several servers are one service: what carries the words of one room to another's.
//!
//! - `link` is pure: who is there, and that what one server says arrives at the other in order, or ends the link between them.
//! - `question` is what the API asks all servers, and `asks` puts together what they answer;
//! - `nats` carries the frames of links, and may lose them.
//!
//! What is in them is [`crate::room::NodeMessage`]; what becomes of a room whose link broke is said there too.

#[cfg(feature = "cluster")]
mod asks;
mod link;
#[cfg(feature = "cluster")]
mod nats;
mod question;

#[cfg(feature = "cluster")]
pub(crate) use asks::{Asks, MOST_SESSIONS};
pub use link::{Body, Frame, HEARTBEAT, Heard, Links, Outbound, SILENCE, Tell};
#[cfg(feature = "cluster")]
pub use nats::{Cluster, ClusterOptions};
#[cfg(feature = "cluster")]
pub(crate) use nats::{Member, Nats, Reached, Turn, Wire};
pub use question::{Answer, NodeInfo, Question};

/// There are no other servers.
#[cfg(not(feature = "cluster"))]
pub(crate) enum Member {}

/// Nothing is heard of them.
#[cfg(not(feature = "cluster"))]
pub(crate) enum Turn {}
