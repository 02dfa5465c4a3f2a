//! JSON texts to values, with the complaints of Go's `encoding/json`.

use std::rc::Rc;

use crate::error::Error;
use crate::limits::VALUE_DEPTH_MAX;
use crate::printf::quote;
use crate::value::{Map, Value};

/// What a document says. A number that no `float64` holds is left out, and complained of, when all else is well.
pub(crate) struct Read {
    pub value: Value,
    pub complaint: Option<String>,
}

/// Reads a document; a complaint of any kind is an error.
pub(crate) fn read(text: &str) -> Result<Value, Error> {
    let read = read_leniently(text)?;
    match read.complaint {
        Some(complaint) => Err(Error::Json(complaint)),
        None => Ok(read.value),
    }
}

/// Reads a document as far as its values fit their types.
pub(crate) fn read_leniently(text: &str) -> Result<Read, Error> {
    let mut reader = Reader { text, at: 0, complaint: None };
    let value = reader.document().map_err(Error::Json)?;
    Ok(Read { value, complaint: reader.complaint })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    complaint: Option<String>,
}

type Parsed<T> = Result<T, String>;

impl Reader<'_> {
    fn document(&mut self) -> Parsed<Value> {
        let value = self.value(0)?;
        match self.next_token() {
            None => Ok(value),
            Some(_) => self.unexpected("after top-level value"),
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space; it stays where it is.
    fn next_token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    fn unexpected<T>(&self, context: &str) -> Parsed<T> {
        let Some(byte) = self.byte() else { return Err("unexpected end of JSON input".to_owned()) };
        let shown = match byte {
            b'\'' => "'\\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => {
                let quoted = quote(&char::from(byte).to_string());
                format!("'{}'", &quoted[1..quoted.len() - 1])
            }
        };
        Err(format!("invalid character {shown} {context}"))
    }

    fn value(&mut self, depth: usize) -> Parsed<Value> {
        if depth > VALUE_DEPTH_MAX {
            return Err("exceeded max depth".to_owned());
        }
        match self.next_token() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Nil),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.unexpected("looking for beginning of value"),
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Parsed<Value> {
        for (index, letter) in word.bytes().enumerate() {
            if self.byte() != Some(letter) {
                let expected = &word[index..=index];
                return self.unexpected(&format!("in literal {word} (expecting '{expected}')"));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Parsed<Value> {
        let map = Map::new();
        self.at += 1;
        let mut is_first = true;
        loop {
            match self.next_token() {
                Some(b'}') if is_first => break,
                Some(b'"') => {}
                _ => return self.unexpected("looking for beginning of object key string"),
            }
            is_first = false;
            let key = self.string()?;
            if self.next_token() != Some(b':') {
                return self.unexpected("after object key");
            }
            self.at += 1;
            map.set(key, self.value(depth + 1)?);
            match self.next_token() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.unexpected("after object key:value pair"),
            }
        }
        self.at += 1;
        Ok(map.into())
    }

    fn array(&mut self, depth: usize) -> Parsed<Value> {
        let mut items = Vec::new();
        self.at += 1;
        if self.next_token() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            match self.next_token() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.unexpected("after array element"),
            }
        }
        self.at += 1;
        Ok(Value::list(items))
    }

    fn digits(&mut self, context: &str) -> Parsed<()> {
        if !self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.unexpected(context);
        }
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Parsed<Value> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let source = &self.text[start..self.at];
        match source.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => {
                let complaint =
                    format!("json: cannot unmarshal number {source} into Go value of type float64");
                self.complaint.get_or_insert(complaint);
                Ok(Value::Nil)
            }
        }
    }

    fn string(&mut self) -> Parsed<Rc<str>> {
        let mut out = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|letter: char| letter < ' ' || matches!(letter, '"' | '\\'));
            let Some(plain) = plain else {
                self.at = self.text.len();
                return self.unexpected("");
            };
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return self.unexpected("in string literal"),
            }
        }
        self.at += 1;
        Ok(out.into())
    }

    fn escape(&mut self) -> Parsed<char> {
        let letter = match self.byte() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code();
            }
            _ => return self.unexpected("in string escape code"),
        };
        self.at += 1;
        Ok(letter)
    }

    /// Four hexadecimal digits; half of a pair by itself becomes the replacement character.
    fn code(&mut self) -> Parsed<char> {
        let first = self.hexadecimal()?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.hexadecimal()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hexadecimal(&mut self) -> Parsed<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return self.unexpected("in \\u hexadecimal character escape");
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complains_in_gos_words() {
        for (text, expected) in [
            ("", "unexpected end of JSON input"),
            ("[1", "unexpected end of JSON input"),
            ("nope", "invalid character 'o' in literal null (expecting 'u')"),
            ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("[01]", "invalid character '1' after array element"),
            ("1 2", "invalid character '2' after top-level value"),
            (r#""\q""#, "invalid character 'q' in string escape code"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("[1e400]", "json: cannot unmarshal number 1e400 into Go value of type float64"),
        ] {
            let error = read(text).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn escapes_are_read_in_pairs() {
        let text = read(r#""a\u00e9\ud83d\ude00\ud800\n""#);
        assert_eq!(
            text.ok().and_then(|text| text.as_str().map(str::to_owned)).as_deref(),
            Some("aé😀\u{fffd}\n")
        );
    }
}
