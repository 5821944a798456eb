// SPDX-License-Identifier: MPL-2.0
//! Sizes, counts and waits that server and camera must agree on, each with its reason.

use std::time::Duration;

/// Largest WebSocket message either side accepts, in bytes. A description of [`MAX_DESCRIPTION_BYTES`] in which JSON
/// escapes every second byte still fits, with its ids and its grant; so does a camera's report of
/// [`MAX_SESSIONS_PER_CAMERA`] running sessions.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Largest session description (SDP) of a viewer, in bytes. Browsers' are under 8 KiB.
pub const MAX_DESCRIPTION_BYTES: usize = 24 * 1024;
/// Largest ICE candidate line, in bytes; real ones are under 200.
pub const MAX_CANDIDATE_BYTES: usize = 1024;
/// Largest `meta` of any peer, in bytes of JSON: a name, a place and some tags.
pub const MAX_META_BYTES: usize = 1024;
/// Largest nonce of a camera, in bytes; ours have 43.
pub const MAX_NONCE_BYTES: usize = 64;
/// Sessions of one camera. Its uplink gives out long before; and a report of so many fits into one message.
pub const MAX_SESSIONS_PER_CAMERA: usize = 64;
/// How long a camera that has registered again keeps a session that the server has not confirmed.
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);
/// Renditions of one camera that statistics may speak of. Each is an encoder that runs: a machine has a handful.
pub const MAX_RUNGS: u32 = 16;
/// Longest side of a picture that statistics may speak of, in pixels: that of the largest H.265 and AV1 levels, rounded up.
pub const MAX_PICTURE_SIDE: u32 = 16_384;
/// Longest time that statistics may speak of, in seconds: a year, which no session lasts.
pub const MAX_STATS_SECONDS: f64 = 366.0 * 86_400.0;
/// How often each end of a session tells its statistics: often enough for a picture of the last minute, and a few bytes a second.
pub const STATS_PERIOD: Duration = Duration::from_secs(2);
