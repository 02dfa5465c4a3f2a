//! Cuts a template into tokens: text between actions, and the words inside them.
//!
//! Trim markers are carried out here, so the parser sees text as it will be printed. Never decides what a word means.

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'t> {
    pub kind: Kind,
    /// Its text; of a text token, what is left after trimming.
    pub text: &'t str,
    /// Byte offset in the template.
    pub position: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    Dot,
    Field,
    Variable,
    Word,
    Number,
    Character,
    String,
    RawString,
    Pipe,
    Comma,
    Assign,
    Declare,
    LeftParenthesis,
    RightParenthesis,
    End,
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A refusal with the byte offset it is about.
pub(super) type LexError = (usize, String);

/// The tokens of a template, with an `End` as the last, and what stopped the lexer before the end of the text.
pub(super) fn tokens(text: &str) -> (Vec<Token<'_>>, Option<LexError>) {
    let mut lexer = Lexer { text, at: 0, depth: 0, out: Vec::new() };
    let stopped = lexer.run().err();
    lexer.push(Kind::End, lexer.text.len(), lexer.text.len());
    (lexer.out, stopped)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    out: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn push(&mut self, kind: Kind, from: usize, to: usize) {
        self.out.push(Token { kind, text: &self.text[from..to], position: from });
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Alternates between text and actions; a `-}}` or `{{-` eats the blanks on its outer side.
    fn run(&mut self) -> Result<(), LexError> {
        loop {
            let Some(offset) = self.rest().find(LEFT) else {
                if self.at < self.text.len() {
                    self.push(Kind::Text, self.at, self.text.len());
                }
                return Ok(());
            };
            let open = self.at + offset;
            let inside = open + LEFT.len();
            let trims = self.text.as_bytes().get(inside) == Some(&b'-')
                && self.text.as_bytes().get(inside + 1).copied().is_some_and(is_blank);
            let text = &self.text[self.at..open];
            let kept = if trims { text.trim_end_matches(BLANKS).len() } else { text.len() };
            if kept > 0 {
                self.push(Kind::Text, self.at, self.at + kept);
            }
            let body = if trims { inside + 1 } else { inside };
            let after_marker = if trims { body + 1 } else { body };
            if self.text[after_marker..].starts_with("/*") || self.text[body..].starts_with("/*") {
                let comment = if self.text[body..].starts_with("/*") { body } else { after_marker };
                self.comment(comment)?;
                continue;
            }
            self.push(Kind::LeftDelimiter, open, inside);
            self.at = body;
            self.depth = 0;
            self.action()?;
        }
    }

    /// `/* … */` and the delimiter right behind it.
    fn comment(&mut self, from: usize) -> Result<(), LexError> {
        let Some(length) = self.text[from..].find("*/") else {
            return Err((from, "unclosed comment".to_owned()));
        };
        let end = from + length + 2;
        match self.right_delimiter(end) {
            Some((_, next)) => {
                self.at = next;
                Ok(())
            }
            None => Err((end, "comment ends before closing delimiter".to_owned())),
        }
    }

    /// The closing delimiter at `at`, with or without a trim marker: where it starts, and where text goes on.
    fn right_delimiter(&self, at: usize) -> Option<(usize, usize)> {
        let rest = &self.text[at..];
        if rest.starts_with(RIGHT) {
            return Some((at, at + RIGHT.len()));
        }
        let bytes = rest.as_bytes();
        if bytes.first().copied().is_some_and(is_blank) && rest[1..].starts_with("-}}") {
            let start = at + 2;
            let after = start + RIGHT.len();
            let trimmed = self.text[after..].trim_start_matches(BLANKS);
            return Some((start, self.text.len() - trimmed.len()));
        }
        None
    }

    /// Everything up to and with the right delimiter.
    fn action(&mut self) -> Result<(), LexError> {
        loop {
            if let Some((start, next)) = self.right_delimiter(self.at) {
                if self.depth > 0 {
                    return Err((start, "unclosed left paren".to_owned()));
                }
                self.push(Kind::RightDelimiter, start, start + RIGHT.len());
                self.at = next;
                return Ok(());
            }
            let Some(first) = self.rest().chars().next() else {
                return Err((self.at, "unclosed action".to_owned()));
            };
            self.inside(first)?;
        }
    }

    /// One token inside an action.
    fn inside(&mut self, first: char) -> Result<(), LexError> {
        let start = self.at;
        let single = |kind| Some((kind, start + 1));
        let found = match first {
            ' ' | '\t' | '\r' | '\n' => {
                let mut end = start;
                while self.text.as_bytes().get(end).copied().is_some_and(is_blank)
                    && (end == start || !self.is_trimmed_end(end))
                {
                    end += 1;
                }
                Some((Kind::Space, end))
            }
            '=' => single(Kind::Assign),
            ',' => single(Kind::Comma),
            '|' => single(Kind::Pipe),
            ':' if self.rest().starts_with(":=") => Some((Kind::Declare, start + 2)),
            ':' => return Err((start, "expected :=".to_owned())),
            '(' => {
                self.depth += 1;
                single(Kind::LeftParenthesis)
            }
            ')' => {
                if self.depth == 0 {
                    return Err((start, "unexpected right paren".to_owned()));
                }
                self.depth -= 1;
                single(Kind::RightParenthesis)
            }
            '"' => Some((Kind::String, self.quoted('"', "unterminated quoted string")?)),
            '\'' => Some((Kind::Character, self.quoted('\'', "unterminated character constant")?)),
            '`' => match self.rest()[1..].find('`') {
                Some(length) => Some((Kind::RawString, start + length + 2)),
                None => return Err((start, "unterminated raw quoted string".to_owned())),
            },
            '$' => Some((Kind::Variable, self.word_end(start + 1))),
            '.' if !self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                let end = self.word_end(start + 1);
                Some((if end == start + 1 { Kind::Dot } else { Kind::Field }, end))
            }
            '.' | '+' | '-' | '0'..='9' => Some((Kind::Number, self.number_end(start)?)),
            letter if letter == '_' || letter.is_alphanumeric() => Some((Kind::Word, self.word_end(start))),
            other => {
                let code = u32::from(other);
                return Err((
                    start,
                    format!(
                        "unrecognized character in action: U+{code:04X} {}",
                        crate::printf::quote_char(other)
                    ),
                ));
            }
        };
        if let Some((kind, end)) = found {
            if matches!(kind, Kind::Field | Kind::Variable | Kind::Word) && !self.is_terminated(end) {
                let bad = self.text[end..].chars().next().unwrap_or(' ');
                return Err((
                    end,
                    format!("bad character U+{:04X} {}", u32::from(bad), crate::printf::quote_char(bad)),
                ));
            }
            self.push(kind, start, end);
            self.at = end;
        }
        Ok(())
    }

    /// Whether the blank at `at` belongs to a ` -}}`.
    fn is_trimmed_end(&self, at: usize) -> bool {
        self.text[at + 1..].starts_with("-}}")
    }

    fn word_end(&self, from: usize) -> usize {
        let word = self.text[from..].find(|letter: char| letter != '_' && !letter.is_alphanumeric());
        word.map_or(self.text.len(), |length| from + length)
    }

    /// A word must be followed by something that can follow a word.
    fn is_terminated(&self, end: usize) -> bool {
        match self.text[end..].chars().next() {
            None => true,
            Some(next) => {
                matches!(next, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | '=' | ')' | '(')
                    || self.text[end..].starts_with(RIGHT)
            }
        }
    }

    fn quoted(&self, quote: char, problem: &str) -> Result<usize, LexError> {
        let mut is_escaped = false;
        for (offset, letter) in self.rest().char_indices().skip(1) {
            match letter {
                '\n' => break,
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                _ if letter == quote => return Ok(self.at + offset + 1),
                _ => {}
            }
        }
        Err((self.at, problem.to_owned()))
    }

    fn number_end(&self, start: usize) -> Result<usize, LexError> {
        let bytes = self.text.as_bytes();
        let mut end = start;
        if matches!(bytes.get(end), Some(b'+' | b'-')) {
            end += 1;
        }
        let is_hexadecimal = matches!(bytes.get(end..end + 2), Some([b'0', b'x' | b'X']));
        while let Some(&byte) = bytes.get(end) {
            let is_sign_of_exponent = matches!(byte, b'+' | b'-')
                && end > start
                && matches!(bytes[end - 1], b'e' | b'E')
                && !is_hexadecimal;
            if !(byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_' || is_sign_of_exponent) {
                break;
            }
            end += 1;
        }
        let text = &self.text[start..end];
        if super::literal::number(text).is_some() {
            Ok(end)
        } else {
            Err((start, format!("bad number syntax: {}", crate::printf::quote(text))))
        }
    }
}
