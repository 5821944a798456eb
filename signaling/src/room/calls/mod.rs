// SPDX-License-Identifier: MPL-2.0
//! Calls: somebody rings at a camera, people are rung, one of them answers, and it ends.
//!
//! - `call` is one call, pure; `bell` keeps them, one a camera, with those that are over.
//! - `doorbells` says whom a camera's bell rings, `quiet` who is not to be disturbed.
//! - `restore` takes up calls of before a restart.
//! - `messages` is what cameras, viewers and the API say, `follow` what comes of it; `tell` who is told, and `give` what anybody may do.
//!
//! A call gives those whom it rings `view`, `listen` and `talk` at that camera, from when it rings them to its end: as one more
//! rule of their rights, so that all else (grants, leases, the list, reviews) is as with any other right; and whoever has answered
//! `door` besides, where the camera's rule says so. Each has a link of its
//! own besides; whoever opens it has a part in the call as that person.

mod bell;
mod call;
mod doorbells;
mod event;
mod follow;
mod give;
mod messages;
mod quiet;
mod restore;
mod tell;

pub(super) use bell::Calls;
pub use bell::CandidateSource;
pub use call::{CAMERA_RETURN, LONGEST_CALL, MEDIA_RETURN, NO_ANSWER, NO_MEDIA};
pub(crate) use doorbells::call_perms;
pub use doorbells::{Doorbell, Doorbells, MAX_AFTER, MAX_RECIPIENTS, MayOpen, Target};
pub use event::{CallChange, CallEvent};
pub(super) use messages::Word;
pub use messages::{Rang, RingRefused};
pub use quiet::{Hours, Quiet};
