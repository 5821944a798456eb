// SPDX-License-Identifier: MPL-2.0
//! Why something was not done.

use std::time::Duration;

use jiff::Timestamp;

use super::asked::{Asked, Enrolment};
use crate::model::Window;
use crate::self_booking::SelfBookingRefused;
use crate::store::StoreError;
use crate::token::WeakPassword;

/// Why something was not done. Its text is for whoever asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error(
        "this server was started without a data directory: start it with --data-dir, or portholesink data-dir=..."
    )]
    NoDatabase,
    #[error("there is {0} already: choose another one, or change that")]
    Exists(&'static str),
    #[error("there is {0} already, and it is another one than this: choose another id")]
    IdTaken(&'static str),
    #[error("there is {0}")]
    NotFound(&'static str),
    #[error("there is no such {0}: add it first")]
    NoSuch(&'static str),
    #[error("it is in the configuration file, or belongs to the application: change it there")]
    InTheFile,
    #[error("{0}")]
    BadName(&'static str),
    #[error("{0}")]
    BadWindow(&'static str),
    #[error("{0}")]
    BadRule(String),
    #[error("{0}")]
    BadValue(&'static str),
    #[error("{0}")]
    WeakPassword(#[from] WeakPassword),
    #[error("control of this camera is booked from {} to {}: choose another time", .0.start, .0.end)]
    ControlTaken(Window),
    #[error("{}", refused_words(.0))]
    SelfBooking(SelfBookingRefused),
    #[error("there would be no administrator left: make someone else one first")]
    LastAdministrator,
    #[error("there are {0} cameras already, which is max-cameras of the server")]
    TooManyCameras(usize),
    #[error("the name or the password is wrong")]
    WrongPassword,
    #[error("{}", .0.words())]
    CodeNeeded(Box<Asked>),
    #[error("the code is wrong, or was used already: type the next one")]
    WrongCode,
    #[error("this passkey was not taken: try again, or use another way")]
    WrongPasskey,
    #[error("that took too long, or was answered already: try again")]
    ChallengeOver,
    #[error("{0}")]
    NoPasskeys(&'static str),
    #[error("you have {0} passkeys already: remove one first")]
    TooManyPasskeys(usize),
    #[error("sign in again: what one signs in with is changed in the first minutes after that")]
    LogInAgain,
    #[error(
        "administrators need a second factor here, and this is your last one: add another first"
    )]
    LastSecondFactor,
    #[error(
        "administrators sign in with a second factor here: scan the picture with an app for codes, and type the one it shows"
    )]
    EnrolmentNeeded(Box<Enrolment>),
    #[error("that took too long, or was done already: begin again")]
    EnrolmentOver,
    #[error(
        "your second factor cannot be checked here: whoever runs this server has to reset it (user second-factor reset)"
    )]
    SecondFactorLost,
    #[error("you sign in with a second factor here: this link is for programs, as a bearer token")]
    LinkWithoutCode,
    #[error("this key or link is not valid (any more): ask for a new one")]
    WrongSecret,
    #[error("this link was opened as often as it may be, or its time is over: ask for a new one")]
    LinkSpent,
    #[error(
        "it rings at another of the servers here than this one, where its camera is: answer at the page that rings, or open the link once more in a moment"
    )]
    CallElsewhere,
    #[error("this link opens at {0}")]
    LinkNotYet(Timestamp),
    #[error("too many wrong attempts: check what you typed, and wait")]
    TooMany(Duration),
    #[error("too many people log in at this moment: try again")]
    Busy,
    /// What happened is in the log.
    #[error(
        "the database does not answer as it should: look whether it was done, and try again later"
    )]
    Database,
}

impl AccessError {
    /// As what the store says is told of a `thing`, such as "a user of this name".
    pub(super) fn of_store(error: StoreError, exists: &'static str, missing: &'static str) -> Self {
        match error {
            StoreError::Exists => Self::Exists(exists),
            StoreError::NotFound => Self::NotFound(missing),
            StoreError::NoSuch(what) => Self::NoSuch(what),
            StoreError::ControlTaken(window) => Self::ControlTaken(window),
            StoreError::SelfBooking(why) => Self::SelfBooking(why),
            StoreError::Spent => Self::LinkSpent,
            StoreError::LastAdministrator => Self::LastAdministrator,
            StoreError::LastSecondFactor => Self::LastSecondFactor,
            StoreError::NotKept | StoreError::Windows => Self::BadRule(error.to_string()),
            StoreError::Database(_) | StoreError::Late | StoreError::Unusable(_) => {
                Self::broken(&error)
            }
        }
    }

    pub(super) fn broken(error: &StoreError) -> Self {
        tracing::error!(%error, "the database failed");
        Self::Database
    }
}

fn refused_words(why: &SelfBookingRefused) -> String {
    let hours = |span: &jiff::SignedDuration| format!("{span:#}");
    match why {
        SelfBookingRefused::NotYours => {
            "you may not book this camera yourself: ask an administrator".to_owned()
        }
        SelfBookingRefused::Permissions => {
            "you may not book so much at this camera: leave out what you may not do".to_owned()
        }
        SelfBookingRefused::Past => "the start is in the past: book from now on".to_owned(),
        SelfBookingRefused::TooShort => "a booking lasts 5 min at least".to_owned(),
        SelfBookingRefused::TooFar(latest) => {
            format!("you may book until {latest}: choose an earlier time")
        }
        SelfBookingRefused::TooLong(longest) => {
            format!("you may book for {} at a time", hours(longest))
        }
        SelfBookingRefused::WeekFull(left) => {
            format!("of this week {} are left to you", hours(left))
        }
        SelfBookingRefused::TooMany => {
            "you have booked as often as one may: cancel something first".to_owned()
        }
    }
}
