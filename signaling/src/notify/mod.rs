// SPDX-License-Identifier: MPL-2.0
//! Notifiers: people hear of a call by what they have, while no page of theirs is open.
//!
//! - `options`: what is configured; `target`: one of these, with what it needs.
//! - `notifiers`: takes notices of calls to all targets, each with a bounded queue of its own; it can be given others.
//! - `deliver`: one notification to one address, until it is there or its call does not ring any more, and what becomes of the
//!   call. It knows no kind, only the [`Channel`](channel::Channel).
//! - `http` is the client that most kinds go by; `text` has the words.
//! - `ntfy`, `telegram`, `mail`, `webhook` and `push` are the kinds.
//!
//! Nothing of the room, and nobody who rings, waits for anything here.

mod channel;
mod deliver;
mod http;
mod mail;
mod notifiers;
mod ntfy;
mod options;
mod push;
mod target;
mod telegram;
#[cfg(test)]
mod tests;
mod text;
mod webhook;

pub(crate) use notifiers::{MAX_NOTICES, Notifiers};
pub use options::{
    Address, Filter, KindOptions, MailOptions, MailTls, NotifyOptions, NtfyOptions, PushOptions,
    TargetOptions, TelegramOptions, WebhookOptions, WebhookPicture,
};
pub use push::PushKey;
