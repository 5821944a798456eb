// SPDX-License-Identifier: MPL-2.0
//! Where a mistake in a configuration file is, and what may have been meant.

use std::ops::Range;
use std::path::Path;

use super::nearest::nearest;

/// An error as `file:line: key: what is wrong`.
pub(super) fn located(
    path: &Path,
    text: &str,
    span: Option<Range<usize>>,
    message: &str,
) -> String {
    let path = path.display();
    // Some messages have several lines; one is enough.
    let message = message.lines().collect::<Vec<_>>().join(", ");
    let message = with_nearest(message);
    let message = match bare_text(text, span.as_ref()) {
        Some(bare) => format!("put the text in quotes: \"{bare}\""),
        None => message,
    };
    let Some(before) = span.and_then(|span| text.get(..span.start)) else {
        return format!("{path}: {message}");
    };
    let line = before.matches('\n').count();
    let key = text
        .lines()
        .nth(line)
        .and_then(|line| line.split_once('='))
        .map(|(key, _)| key.trim());
    let key = key.map(|key| format!("{key}: ")).unwrap_or_default();
    format!("{path}:{}: {key}{message}", line + 1)
}

/// What stands behind `=` in the line of a mistake, if it is a text without its quotes.
fn bare_text<'a>(text: &'a str, span: Option<&Range<usize>>) -> Option<&'a str> {
    let start = text
        .get(..span?.start)?
        .rfind('\n')
        .map_or(0, |end| end + 1);
    let (_, value) = text.get(start..)?.lines().next()?.split_once('=')?;
    let value = value.split(" #").next()?.trim();
    let begins = value.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | ':'));
    let is_other = value.parse::<f64>().is_ok() || matches!(value, "true" | "false");
    (begins && !is_other && !value.contains(['"', '\''])).then_some(value)
}

/// Says of an unknown key which of the known ones is most like it, in the place of a list of all.
fn with_nearest(message: String) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names
        .next()
        .filter(|_| message.starts_with("unknown field"));
    let nearest = unknown.and_then(|unknown| Some((unknown, nearest(unknown, names)?)));
    match nearest {
        None => message,
        Some((unknown, nearest)) => format!("unknown key `{unknown}`: did you mean `{nearest}`?"),
    }
}
