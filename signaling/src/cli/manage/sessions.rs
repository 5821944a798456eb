// SPDX-License-Identifier: MPL-2.0
//! `sessions`, `session` and `audit`: who watches now, and who did.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::super::Failure;
use super::call::{encoded, query};
use super::{Call, Output, show::Column};

pub(crate) const SESSIONS: [Column; 7] = [
    ("id", "id"),
    ("user", "user"),
    ("camera", "camera"),
    ("permissions", "perms"),
    ("since", "started"),
    ("until", "until"),
    ("connected", "connected"),
];

const AUDIT: [Column; 7] = [
    ("at", "at"),
    ("who", "actor"),
    ("what", "action"),
    ("camera", "camera"),
    ("user", "user"),
    ("subject", "subject"),
    ("details", "details"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List the sessions that run
    List {
        /// Those in whose user's or camera's name this is
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// End a session: the picture stops at once
    #[command(visible_alias = "revoke")]
    End {
        /// Its id
        id: String,
    },
}

impl SessionCommand {
    pub(crate) fn call(&self) -> Call {
        match self {
            Self::List { search } => {
                Call::list(query("/api/sessions", &[("search", search)]), "after", None)
            }
            Self::End { id } => Call::delete(format!("/api/sessions/{}", encoded(id))),
        }
    }

    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match self {
            Self::List { .. } => output.rows(answer, &SESSIONS),
            Self::End { .. } => output.done("the session is ended"),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// About this camera
    #[arg(long)]
    camera: Option<String>,
    /// About or by this user
    #[arg(long)]
    user: Option<String>,
    /// Those in whose words this is
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// So many entries at most, the latest first
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

impl AuditArgs {
    pub(crate) fn call(&self) -> Call {
        let fields = [
            ("camera", &self.camera),
            ("user", &self.user),
            ("search", &self.search),
        ];
        let at_most = usize::try_from(self.limit).ok();
        Call::list(query("/api/audit", &fields), "before", at_most)
    }
}

pub(crate) fn audit(answer: &Value, output: Output) -> Result<(), Failure> {
    output.rows(answer, &AUDIT)
}
