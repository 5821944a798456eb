// SPDX-License-Identifier: MPL-2.0
//! When a rule holds.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Recurrence, Window};
use crate::recur::expand;

/// When a rule holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// At any time.
    Always,
    /// In one window.
    Within(Window),
    /// In windows that recur.
    Recurring(Arc<Recurring>),
}

/// Windows that recur, as the rule by which they do. They are worked out when somebody first asks: of a hundred thousand
/// people, few are here.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recurring {
    first: Window,
    recurrence: Recurrence,
    /// The end of the last one.
    over: Timestamp,
    #[serde(skip)]
    windows: OnceLock<Box<[Window]>>,
}

impl PartialEq for Recurring {
    fn eq(&self, other: &Self) -> bool {
        (self.first, &self.recurrence, self.over) == (other.first, &other.recurrence, other.over)
    }
}

impl Eq for Recurring {}

impl Recurring {
    /// Those that begin with `first` and recur like this. The last one ends at `over`.
    pub fn new(first: Window, recurrence: Recurrence, over: Timestamp) -> Self {
        Self {
            first,
            recurrence,
            over,
            windows: OnceLock::new(),
        }
    }

    /// In their order; they do not overlap.
    pub(super) fn windows(&self) -> &[Window] {
        self.windows.get_or_init(|| {
            let windows = expand(self.first, &self.recurrence);
            let windows = windows.unwrap_or_else(|error| {
                // It was checked when it was booked, so that this machine's time zones are others.
                let Recurrence { rule, zone } = &self.recurrence;
                tracing::error!(rule, zone, %error, "a booking that recurs cannot be read, and gives nothing");
                Vec::new()
            });
            windows.into()
        })
    }
}

impl When {
    fn all(&self) -> &[Window] {
        match self {
            Self::Always => &[],
            Self::Within(window) => std::slice::from_ref(window),
            Self::Recurring(recurring) => recurring.windows(),
        }
    }

    /// Those that end after `at`.
    fn after(&self, at: Timestamp) -> &[Window] {
        let all = self.all();
        &all[all.partition_point(|window| window.end <= at)..]
    }

    /// Whether it holds at `at`.
    pub fn holds(&self, at: Timestamp) -> bool {
        match self {
            Self::Always => true,
            _ => self.after(at).first().is_some_and(|w| w.contains(at)),
        }
    }

    /// The first moment after `at` at which it begins or ends to hold.
    pub fn next_edge(&self, at: Timestamp) -> Option<Timestamp> {
        let next = self.after(at).first()?;
        Some(if next.start > at {
            next.start
        } else {
            next.end
        })
    }

    /// The first start of a window after `at`.
    pub fn next_start(&self, at: Timestamp) -> Option<Timestamp> {
        let starts = self.after(at).iter().map(|window| window.start);
        starts.take(2).find(|start| *start > at)
    }

    /// The first moment from which on it never holds; `None` if there is none.
    pub fn end(&self) -> Option<Timestamp> {
        match self {
            Self::Always => None,
            Self::Within(window) => Some(window.end),
            Self::Recurring(recurring) => Some(recurring.over),
        }
    }

    /// Its windows that end after `from` and start before `to`.
    pub(super) fn windows(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = Window> + Clone {
        let rest = self.after(from).iter();
        rest.take_while(move |window| window.start < to).copied()
    }
}
