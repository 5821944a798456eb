// SPDX-License-Identifier: MPL-2.0
//! `user`: accounts.

use clap::Subcommand;
use serde_json::{Value, json};

use super::super::{Failure, remark};
use super::{Call, Output, call::encoded, show::Column};

const COLUMNS: [Column; 5] = [
    ("name", "name"),
    ("role", "role"),
    ("password", "hasPassword"),
    ("link", "hasToken"),
    ("added", "created"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user and print the password, which is shown this once
    Add {
        /// The name to log in with
        name: String,
        /// Make it an administrator, who watches any camera at any time and decides who else may
        #[arg(long)]
        administrator: bool,
    },
    /// List the users
    List,
    /// Show a user
    Show {
        /// The name
        name: String,
    },
    /// Give a user a new password and print it; log-ins with the old one end
    Password {
        /// The name
        name: String,
    },
    /// Give a user a new personal link and print it; the one before is void
    #[command(visible_alias = "link")]
    Rotate {
        /// The name
        name: String,
    },
    /// Make a user an administrator, or a viewer again
    Role {
        /// The name
        name: String,
        /// What it is from now on
        #[arg(value_parser = ["administrator", "viewer"])]
        role: String,
    },
    /// The codes that someone types besides the password
    #[command(subcommand)]
    SecondFactor(SecondFactorCommand),
    /// Remove a user: sessions, bookings and log-ins end
    #[command(visible_alias = "remove")]
    Revoke {
        /// The name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecondFactorCommand {
    /// Take a user's second factor away, which was lost, and end its log-ins; the next log-in makes another
    Reset {
        /// The name
        name: String,
    },
}

impl UserCommand {
    pub(crate) fn call(&self) -> Call {
        let one = |name: &str| format!("/api/users/{}", encoded(name));
        match self {
            Self::Add {
                name,
                administrator,
            } => {
                let role = if *administrator {
                    "administrator"
                } else {
                    "viewer"
                };
                Call::post("/api/users", json!({ "name": name, "role": role }))
            }
            Self::List => Call::get("/api/users?limit=500"),
            Self::Show { name } => Call::get(one(name)),
            Self::Password { name } => Call::patch(one(name), json!({ "password": true })),
            Self::Rotate { name } => Call::post(format!("{}/token", one(name)), json!({})),
            Self::Role { name, role } => Call::patch(one(name), json!({ "role": role })),
            Self::SecondFactor(SecondFactorCommand::Reset { name }) => {
                Call::delete(format!("{}/second-factor", one(name)))
            }
            Self::Revoke { name } => Call::delete(one(name)),
        }
    }

    pub(crate) fn show(&self, answer: &Value, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add { name, .. } | Self::Password { name } => {
                if !output.json {
                    remark(format_args!("the password of {name}, shown this once:"));
                }
                output.once(answer, "password")
            }
            Self::Rotate { .. } => output.once(answer, "link"),
            Self::List => output.rows(answer, &COLUMNS),
            Self::Show { .. } => output.row(answer, &COLUMNS),
            Self::Role { name, role } => output.done(&format!("{name} is {role} now")),
            Self::SecondFactor(SecondFactorCommand::Reset { name }) => output.done(&format!(
                "{name} makes a new second factor at the next log-in"
            )),
            Self::Revoke { name } => output.done(&format!("{name} is removed")),
        }
    }
}
