// SPDX-License-Identifier: MPL-2.0
//! Takes from scripts and style sheets what is for their readers: comments, indentation and blanks, which are two fifths of them. Lines stay
//! lines, so that an error in a browser names the line of the source where the file is no bundle. Pure; tests/browser/shell.test.mjs compares.

/// Characters after which a slash begins an expression, and not the rest of a division.
const BEFORE_REGEX: &str = "(,=:[!&|?{};+-*%~^<>";
/// Beside these a blank says nothing. Not among them are those that would become another word with their neighbour: + - / .
const NO_BLANK: [char; 18] = [
    '{', '}', '(', ')', '[', ']', ';', ',', '<', '>', '=', '!', '&', '|', '?', ':', '*', '%',
];
/// Words after which it does.
const WORDS_BEFORE_REGEX: [&str; 12] = [
    "return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "await",
    "yield",
];

/// A script without comments.
pub(crate) fn script(text: &str) -> String {
    let mut strip = Strip::new(text);
    // For each `${` that is open, how many braces are open in it.
    let mut places: Vec<usize> = Vec::new();
    while let Some(next) = strip.rest.chars().next() {
        match next {
            _ if strip.rest.starts_with("//") => {
                strip.skip(strip.rest.find('\n').unwrap_or(strip.rest.len()));
            }
            _ if strip.rest.starts_with("/*") => strip.comment(),
            '"' | '\'' => strip.copy(quoted(strip.rest, next)),
            '`' => template(&mut strip, &mut places),
            '/' if begins_regex(&strip.out) => strip.copy(regex(strip.rest)),
            '{' => {
                if let Some(open) = places.last_mut() {
                    *open += 1;
                }
                strip.copy(1);
            }
            '}' if places.last() == Some(&0) => {
                places.pop();
                template(&mut strip, &mut places);
            }
            '}' => {
                if let Some(open) = places.last_mut() {
                    *open -= 1;
                }
                strip.copy(1);
            }
            '\n' => strip.line(),
            ' ' => strip.blank(),
            other => strip.copy(other.len_utf8()),
        }
    }
    strip.out
}

/// A style sheet without comments.
pub(crate) fn style(text: &str) -> String {
    let mut strip = Strip::new(text);
    while let Some(next) = strip.rest.chars().next() {
        match next {
            _ if strip.rest.starts_with("/*") => strip.comment(),
            '"' | '\'' => strip.copy(quoted(strip.rest, next)),
            '\n' => strip.line(),
            other => strip.copy(other.len_utf8()),
        }
    }
    strip.out
}

struct Strip<'a> {
    rest: &'a str,
    out: String,
}

impl<'a> Strip<'a> {
    fn new(rest: &'a str) -> Self {
        let out = String::with_capacity(rest.len());
        Self { rest, out }
    }

    fn copy(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.out += taken;
        self.rest = rest;
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// Leaves out a comment, but not the lines that it ends.
    fn comment(&mut self) {
        let end = self.rest.find("*/").map_or(self.rest.len(), |at| at + 2);
        let lines = self.rest[..end].matches('\n').count();
        self.skip(end);
        for _ in 0..lines {
            self.end_line();
        }
        // What it stood between stays apart.
        if lines == 0 && !self.out.ends_with([' ', '\n']) && !self.out.ends_with(NO_BLANK) {
            self.out.push(' ');
        }
    }

    /// Keeps words apart.
    fn blank(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
        let is_comment = self.rest.starts_with("//") || self.rest.starts_with("/*");
        if !is_comment && !self.out.ends_with(NO_BLANK) && !self.rest.starts_with(NO_BLANK) {
            self.out.push(' ');
        }
    }

    /// A line and the indentation of the next.
    fn line(&mut self) {
        self.skip(1);
        self.end_line();
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn end_line(&mut self) {
        let kept = self.out.trim_end_matches([' ', '\t']).len();
        self.out.truncate(kept);
        self.out.push('\n');
    }
}

/// How long a text in these quotes is, with them.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, each) in text.char_indices().skip(1) {
        match each {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if each == quote => return at + 1,
            _ => (),
        }
    }
    text.len()
}

/// Copies a template from its beginning, or from the end of a place in it, to its end or to the next place, as it is.
fn template(strip: &mut Strip<'_>, places: &mut Vec<usize>) {
    let mut escaped = false;
    let mut chars = strip.rest.char_indices().skip(1).peekable();
    let mut end = strip.rest.len();
    while let Some((at, each)) = chars.next() {
        match each {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '`' => {
                end = at + 1;
                break;
            }
            '$' if chars.peek().is_some_and(|(_, next)| *next == '{') => {
                places.push(0);
                end = at + 2;
                break;
            }
            _ => (),
        }
    }
    strip.copy(end);
}

/// How long a regular expression is, with its slashes.
fn regex(text: &str) -> usize {
    let (mut escaped, mut in_class) = (false, false);
    for (at, each) in text.char_indices().skip(1) {
        match each {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return at + 1,
            '\n' => return at,
            _ => (),
        }
    }
    text.len()
}

/// Whether a slash after this begins a regular expression.
fn begins_regex(before: &str) -> bool {
    let before = before.trim_end();
    let Some(last) = before.chars().next_back() else {
        return true;
    };
    if BEFORE_REGEX.contains(last) {
        return true;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let word = before.rsplit(|c| !is_word(c)).next().unwrap_or_default();
    WORDS_BEFORE_REGEX.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_go_and_lines_stay() {
        let text =
            "// @ts-check\n/**\n * What it is.\n */\nfunction a() {\n  return 1; // one\n}\n";
        let expected = "\n\n\n\nfunction a(){\nreturn 1;\n}\n";
        assert_eq!(script(text), expected);
        let text = "a = /** @type {any} */ (b);/* */c";
        assert_eq!(script(text), "a=(b);c");
        assert_eq!(
            script("const a = b + +c - -d, e = x in y;"),
            "const a=b + +c - -d,e=x in y;"
        );
    }

    #[test]
    fn what_looks_like_a_comment_in_a_text_a_template_or_an_expression_is_none() {
        for text in [
            "a=\"http://x/*y*/\";",
            "a='it\\'s // b';",
            "a=`http://${b(`//${{c:1}.c}`)} /* d */ //`;",
            "a=`\n  two  \n`;",
            "a=b.replace(/[/*]\"  =/g,'');",
            "if(/^https?:\\/\\//.test(a))b();",
            "return /\\/\\*/.exec(a);",
        ] {
            assert_eq!(script(text), text);
        }
        assert_eq!(script("a / b; // c\nd / e"), "a / b;\nd / e");
        assert_eq!(script("x = `${a /* b */}`;"), "x=`${a }`;");
    }

    #[test]
    fn a_style_sheet_keeps_its_texts() {
        let text = "/* SPDX */\n:root {\n  --a: 1px; /* a */\n  content: \"/* b */\";\n}\n";
        assert_eq!(
            style(text),
            "\n:root {\n--a: 1px;\ncontent: \"/* b */\";\n}\n"
        );
    }
}
