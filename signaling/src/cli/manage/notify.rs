// SPDX-License-Identifier: MPL-2.0
//! `notify test`: tells somebody of a call that there is not, by all that this one is told by.

use clap::Subcommand;
use serde_json::{Value, json};

use super::super::{Failure, remark};
use super::{Call, Output, show::Column};

const TESTED: [Column; 3] = [("kind", "kind"), ("told", "told"), ("why not", "error")];

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Tell this user by each notifier, and show what each has answered
    Test {
        /// The user's name
        user: String,
    },
}

impl NotifyCommand {
    pub(crate) fn call(&self) -> Call {
        let Self::Test { user } = self;
        Call::post("/api/notify/test", json!({ "user": user }))
    }

    /// It fails if one could not tell.
    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        let Self::Test { user } = self;
        let items = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
        if items.is_empty() {
            remark(format_args!(
                "{user} is told by nothing: no [[notify]] is for this user, and no browser of this user's wants to be told"
            ));
        }
        output.rows(answer, &TESTED)?;
        match items.iter().filter(|item| item["told"] != true).count() {
            0 => Ok(()),
            failed => Err(Failure::system(format!("{failed} could not tell {user}"))),
        }
    }
}
