// SPDX-License-Identifier: MPL-2.0
//! `user`: accounts.

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{Failure, remark};
use super::call::{encoded, query};
use super::confirm::confirm;
use super::{Call, Output, show::Column};

const COLUMNS: [Column; 5] = [
    ("name", "name"),
    ("role", "role"),
    ("password", "hasPassword"),
    ("link", "hasToken"),
    ("added", "created"),
];

/// The bookings of a user, or of a camera, that are not over.
pub(super) fn bookings_of(what: &str, name: &str) -> Call {
    let (name, now) = (Some(name.to_owned()), Some(Timestamp::now().to_string()));
    let fields = [(what, &name), ("from", &now)];
    Call::list(query("/api/bookings", &fields), "after", None)
}

/// How many there are, as people say it.
pub(super) fn counted(found: &Value, what: &str) -> String {
    match found["items"].as_array().map_or(0, Vec::len) {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user and print the password, which is shown this once
    Add {
        /// The name to log in with
        name: String,
        /// Make it an administrator, who watches any camera at any time and decides who else may
        #[arg(long)]
        administrator: bool,
        /// A UUID that you have made: say it again, and the same user has the same password
        #[arg(long, value_name = "UUID")]
        request: Option<String>,
    },
    /// List the users
    List {
        /// Those in whose name this is
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
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
    /// Sign a user out everywhere: log-ins and what is watched end. Password, personal link and bookings stay
    SignOut {
        /// The name
        name: String,
    },
    /// Delete a user with its bookings; sessions and log-ins end
    #[command(visible_alias = "remove")]
    Revoke {
        /// The name
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecondFactorCommand {
    /// Take a user's second factors away, app and passkeys, since they were lost, and end its log-ins
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
                request,
            } => {
                let role = if *administrator {
                    "administrator"
                } else {
                    "viewer"
                };
                let mut body = json!({ "name": name, "role": role });
                if let Some(request) = request {
                    body["request"] = json!(request);
                }
                Call::post("/api/users", body)
            }
            Self::List { search } => {
                Call::list(query("/api/users", &[("search", search)]), "after", None)
            }
            Self::Show { name } => Call::get(one(name)),
            Self::Password { name } => Call::patch(one(name), json!({ "password": true })),
            Self::Rotate { name } => Call::post(format!("{}/token", one(name)), json!({})),
            Self::Role { name, role } => Call::patch(one(name), json!({ "role": role })),
            Self::SecondFactor(SecondFactorCommand::Reset { name }) => {
                Call::delete(format!("{}/second-factor", one(name)))
            }
            Self::SignOut { name } => Call::delete(format!("{}/logins", one(name))),
            Self::Revoke { name, .. } => Call::delete(one(name)),
        }
    }

    /// What to look up before it is done, since it cannot be undone.
    pub(crate) fn before(&self) -> Option<Call> {
        match self {
            Self::Revoke { name, yes: false } => Some(bookings_of("user", name)),
            _ => None,
        }
    }

    /// Asks whether that is meant, with what was looked up.
    pub(crate) fn confirm(&self, found: &Value) -> Result<(), Failure> {
        let Self::Revoke { name, yes } = self else {
            return Ok(());
        };
        let with = counted(found, "booking");
        let what = format!(
            "this deletes the account {name} with {with}; its log-ins and what it watches end (to sign it out and no more: \
             user sign-out)"
        );
        confirm(&what, *yes)
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
            Self::List { .. } => output.rows(answer, &COLUMNS),
            Self::Show { .. } => output.row(answer, &COLUMNS),
            Self::Role { name, role } => output.done(&format!("{name} is {role} now")),
            Self::SecondFactor(SecondFactorCommand::Reset { name }) => output.done(&format!(
                "{name} makes a new second factor at the next log-in"
            )),
            Self::SignOut { name } => output.done(&format!("{name} is signed out everywhere")),
            Self::Revoke { name, .. } => output.done(&format!("{name} is removed")),
        }
    }
}
