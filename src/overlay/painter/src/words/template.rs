// SPDX-License-Identifier: MPL-2.0
//! The text the user wrote, turned into the text of one frame: `strftime` plus tokens in braces.

use std::fmt::Write;

use jiff::Zoned;
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};

/// A longer text is cut: it would not be readable on any picture, and shaping costs time for every character.
const MAX_CHARS: usize = 1024;

/// What the tokens stand for at the moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// People who watch.
    pub viewers: u32,
    /// Frames a second; not shown if zero or less.
    pub fps: f64,
    /// Width and height of the turned picture in pixels.
    pub size: (u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Camera,
    Viewers,
    Fps,
    Res,
}

const TOKENS: [(&str, Token); 4] = [
    ("{camera}", Token::Camera),
    ("{viewers}", Token::Viewers),
    ("{fps}", Token::Fps),
    ("{res}", Token::Res),
];

#[derive(Debug, PartialEq)]
enum Part {
    Plain(String),
    Time(String),
    Token(Token),
}

/// A text split at its tokens, ready to be filled in frame by frame.
#[derive(Debug, Default)]
pub struct Template {
    parts: Vec<Part>,
    problem: Option<String>,
}

impl Template {
    /// Splits `text`. A backslash followed by `n` counts as a new line, for shells in which one is hard to type.
    ///
    /// `now` is any time; it serves to find conversion specifiers that do not exist.
    pub fn new(text: &str, now: &Zoned) -> Self {
        let mut template = Self::default();
        let mut literal = String::new();
        let text = text.replace("\\n", "\n");
        let mut rest = text.as_str();
        while let Some(next) = rest.chars().next() {
            let token = TOKENS.iter().find(|(name, _)| rest.starts_with(name));
            if let Some((name, token)) = token {
                template.push_literal(std::mem::take(&mut literal), now);
                template.parts.push(Part::Token(*token));
                rest = &rest[name.len()..];
            } else {
                literal.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        template.push_literal(literal, now);
        template
    }

    fn push_literal(&mut self, literal: String, now: &Zoned) {
        if literal.is_empty() {
            return;
        }
        if let Some(unknown) = unknown_token(&literal) {
            let known = TOKENS.map(|(name, _)| name).join(", ");
            self.problem
                .get_or_insert_with(|| format!("there is no {unknown}; there are {known}"));
        }
        if !literal.contains('%') {
            self.parts.push(Part::Plain(literal));
            return;
        }
        let strict = Config::new().custom(PosixCustom::new());
        let time = BrokenDownTime::from(now);
        if let Err(err) = time.to_string_with_config(&strict, &literal) {
            self.problem.get_or_insert_with(|| err.to_string());
        }
        self.parts.push(Part::Time(literal));
    }

    /// Whether the text changes with the time at all.
    pub(crate) fn shows_time(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Time(_)))
    }

    /// What is wrong with the text, if anything; the wrong specifier or token is shown as it was written.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Replaces the contents of `out` by the text for a frame shown at `now`.
    pub fn expand(&self, now: &Zoned, values: &Values<'_>, out: &mut String) {
        out.clear();
        for part in &self.parts {
            match part {
                Part::Plain(text) => out.push_str(text),
                Part::Time(format) => {
                    let lenient = Config::new().custom(PosixCustom::new()).lenient(true);
                    let start = out.len();
                    let time = BrokenDownTime::from(now);
                    if time
                        .format_with_config(&lenient, format, &mut *out)
                        .is_err()
                    {
                        out.truncate(start);
                        out.push_str(format);
                    }
                }
                Part::Token(token) => push_token(*token, values, out),
            }
        }
        if let Some((end, _)) = out.char_indices().nth(MAX_CHARS) {
            out.truncate(end);
        }
    }
}

/// What looks like a token, a lower-case word in braces, in a text without real ones.
fn unknown_token(text: &str) -> Option<&str> {
    text.match_indices('{').find_map(|(start, _)| {
        let length = text[start..].find('}')? + 1;
        let word = &text[start..start + length];
        let is_word = length > 2 && word[1..length - 1].bytes().all(|b| b.is_ascii_lowercase());
        is_word.then_some(word)
    })
}

fn push_token(token: Token, values: &Values<'_>, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = match token {
        Token::Camera => out.write_str(values.camera),
        Token::Viewers => write!(out, "{}", values.viewers),
        Token::Fps if values.fps <= 0.0 => out.write_str("?"),
        Token::Fps if (values.fps - values.fps.round()).abs() < 0.005 => {
            write!(out, "{:.0}", values.fps)
        }
        Token::Fps => write!(out, "{:.2}", values.fps),
        Token::Res => write!(out, "{}x{}", values.size.0, values.size.1),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn now() -> Zoned {
        jiff::civil::date(2026, 3, 7)
            .at(8, 9, 10, 0)
            .to_zoned(TimeZone::UTC)
            .unwrap()
    }

    fn expand_with(text: &str, values: &Values<'_>) -> String {
        let mut out = "left over".to_owned();
        Template::new(text, &now()).expand(&now(), values, &mut out);
        out
    }

    fn expand(text: &str) -> String {
        let values = Values {
            camera: "Front door",
            viewers: 3,
            fps: 30.0,
            size: (1280, 720),
        };
        expand_with(text, &values)
    }

    #[test]
    fn plain_text_stays() {
        assert_eq!(expand("Grüße, 你好"), "Grüße, 你好");
        assert_eq!(expand(""), "");
    }

    #[test]
    fn the_time_is_filled_in() {
        assert_eq!(expand("%Y-%m-%d %H:%M:%S"), "2026-03-07 08:09:10");
        assert_eq!(expand("100 %%"), "100 %");
    }

    #[test]
    fn tokens_are_filled_in() {
        assert_eq!(
            expand("{camera}|{viewers}|{fps}|{res}"),
            "Front door|3|30|1280x720"
        );
    }

    #[test]
    fn unknown_tokens_stay() {
        assert_eq!(
            expand("{nobody} {Camera} {camera {"),
            "{nobody} {Camera} {camera {"
        );
    }

    #[test]
    fn a_percent_sign_in_a_camera_name_is_no_format() {
        let values = Values {
            camera: "%H {viewers}",
            ..Values::default()
        };
        assert_eq!(expand_with("{camera}", &values), "%H {viewers}");
    }

    #[test]
    fn a_fractional_rate_has_two_decimals_and_an_unknown_one_a_question_mark() {
        let rate = |fps| {
            let values = Values {
                fps,
                ..Values::default()
            };
            expand_with("{fps}", &values)
        };
        assert_eq!(rate(30000.0 / 1001.0), "29.97");
        assert_eq!(rate(25.0), "25");
        assert_eq!(rate(0.0), "?");
    }

    #[test]
    fn both_ways_to_write_a_new_line_give_one() {
        assert_eq!(expand("a\nb\\nc%nd"), "a\nb\nc\nd");
    }

    #[test]
    fn a_bad_specifier_is_shown_as_written_and_reported() {
        for bad in ["%!", "%", "at %H%", "%999d", "%{camera}", "%E"] {
            let template = Template::new(bad, &now());
            assert!(template.problem().is_some(), "{bad}");
        }
        assert_eq!(expand("%! %H"), "%! 08");
        assert_eq!(expand("50%"), "50%");
    }

    #[test]
    fn a_misspelt_token_is_shown_as_written_and_reported() {
        let template = Template::new("%H {viewer}", &now());
        let problem = template.problem().unwrap();
        assert!(
            problem.contains("{viewer};") && problem.contains("{viewers}"),
            "{problem}"
        );
        for plain in ["{}", "{ no token }", "{2}", "{", "a}b{c"] {
            assert_eq!(Template::new(plain, &now()).problem(), None, "{plain}");
        }
    }

    #[test]
    fn a_good_text_has_no_problem() {
        assert_eq!(Template::new("%c %Z {camera}", &now()).problem(), None);
    }

    #[test]
    fn an_endless_text_is_cut() {
        assert_eq!(expand(&"é".repeat(5000)).chars().count(), MAX_CHARS);
    }

    #[test]
    fn no_pair_of_ascii_characters_after_a_percent_sign_panics() {
        for a in 0_u8..128 {
            for b in 0_u8..128 {
                expand(&format!("%{}{}", char::from(a), char::from(b)));
            }
        }
    }
}
