// SPDX-License-Identifier: MPL-2.0
//! `nodes` and `node`: the servers that are one.

use clap::Subcommand;
use serde_json::{Value, json};

use super::super::Failure;
use super::call::encoded;
use super::{Call, Output, show::Column};

const COLUMNS: [Column; 7] = [
    ("id", "id"),
    ("machine", "name"),
    ("version", "version"),
    ("cameras", "cameras"),
    ("sessions", "sessions"),
    ("connections", "connections"),
    ("drains", "drains"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List the servers that are one
    List,
    /// Have a server's clients go to the others; it stays so until it is started again
    Drain {
        /// Its id, as `nodes` shows it
        id: String,
    },
}

impl NodeCommand {
    pub(crate) fn call(&self) -> Call {
        match self {
            Self::List => Call::get("/api/nodes"),
            Self::Drain { id } => {
                Call::post(format!("/api/nodes/{}/drain", encoded(id)), json!({}))
            }
        }
    }

    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match self {
            Self::List => output.rows(answer, &COLUMNS),
            Self::Drain { .. } => output.done("its clients go to the other servers"),
        }
    }
}
