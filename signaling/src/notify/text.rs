// SPDX-License-Identifier: MPL-2.0
//! The words of notifications. Names are others' words: what would change a header or a line is taken out of them.

use jiff::tz::TimeZone;
use porthole_protocol::wire::CallEnd;

use super::channel::News;
use crate::calls::RingNotice;

/// Of a camera's or a person's name so much is shown: a line of a telephone.
const MAX_NAME_CHARS: usize = 100;

/// A name in one line.
pub(super) fn name(name: &str) -> String {
    let printable = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    let name: String = printable.take(MAX_NAME_CHARS).collect();
    name.trim().to_owned()
}

/// Of which door.
pub(super) fn title(ring: &RingNotice) -> String {
    match name(&ring.name) {
        empty if empty.is_empty() => ring.camera.clone(),
        name => name,
    }
}

/// What happens there.
pub(super) fn rings(ring: &RingNotice) -> String {
    let time = ring.rang.to_zoned(TimeZone::system());
    format!("Somebody rings ({})", time.strftime("%H:%M"))
}

/// Where it is answered: by the link of this person in this call, or with a log-in.
pub(super) fn open(ring: &RingNotice) -> Option<&str> {
    let url = ring.link.as_ref().or(ring.page.as_ref())?;
    Some(url.as_str())
}

/// What became of it.
pub(super) fn news(news: &News) -> String {
    match news {
        News::Answered { by: Some(by) } => format!("{} has answered", name(by)),
        News::Answered { by: None } => "Somebody has answered".to_owned(),
        News::Ended { by, reason } => match (by, reason) {
            (Some(by), Some(CallEnd::HungUp | CallEnd::HungUpAtDoor | CallEnd::Expired)) => {
                format!("{} has answered; it is over", name(by))
            }
            (_, Some(CallEnd::NoAnswer)) => "Nobody has answered".to_owned(),
            (_, Some(CallEnd::Declined | CallEnd::NobodyHome)) => "It was declined".to_owned(),
            (_, Some(CallEnd::HungUpAtDoor)) => "Whoever rang has gone".to_owned(),
            _ => "It is over".to_owned(),
        },
    }
}
