//! Sprig's functions on the words of a text: case styles, wrapping, abbreviations, and random texts.

use super::{Arguments, Entry, Returned, refuse, text};
use crate::bytes::{bytes_of, text_from};
use crate::execute::Call;
use crate::limits::TEXT_BYTES_MAX;
use crate::value::Value;

pub(super) const TABLE: &[Entry] = &[
    ("title", "s", |_, values| text(title(values.text(0)))),
    ("untitle", "s", |_, values| text(untitle(values.text(0)))),
    ("swapcase", "s", |_, values| text(swap_case(values.text(0)))),
    ("camelcase", "s", |_, values| text(pascal_case(values.text(0)))),
    ("snakecase", "s", |_, values| text(lower_case_words(values.text(0), '_'))),
    ("kebabcase", "s", |_, values| text(lower_case_words(values.text(0), '-'))),
    ("nospace", "s", |_, values| text(without_blanks(values.text(0)))),
    ("initials", "s", |_, values| text(initials(values.text(0)))),
    ("abbrev", "is", |_, values| abbreviate(values.text(1), 0, values.int(0))),
    ("abbrevboth", "iis", abbreviate_both),
    ("wrap", "is", |_, values| wrap(values.text(1), values.int(0), "\n", false)),
    ("wrapWith", "iss", |_, values| wrap(values.text(2), values.int(0), values.text(1), true)),
    ("shuffle", "s", shuffle),
    ("randAlphaNum", "i", |call, values| random(call, values, ALPHA_NUMERIC)),
    ("randAlpha", "i", |call, values| random(call, values, &ALPHA_NUMERIC[..52])),
    ("randNumeric", "i", |call, values| random(call, values, &ALPHA_NUMERIC[52..])),
    ("randAscii", "i", random_ascii),
    ("uuidv4", "", |call, _| text(uuid(call))),
];

const ALPHA_NUMERIC: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// `strings.Title`: a letter behind something that is neither letter nor digit.
fn title(source: &str) -> String {
    let mut previous = ' ';
    let mut out = String::with_capacity(source.len());
    for letter in source.chars() {
        let is_separator = !(previous.is_alphanumeric() || previous == '_')
            && (previous.is_ascii() || previous.is_whitespace());
        if is_separator {
            out.extend(letter.to_uppercase());
        } else {
            out.push(letter);
        }
        previous = letter;
    }
    out
}

fn untitle(source: &str) -> String {
    let mut is_start = true;
    let mut out = String::with_capacity(source.len());
    for letter in source.chars() {
        if is_start && !letter.is_whitespace() {
            out.extend(letter.to_lowercase());
        } else {
            out.push(letter);
        }
        is_start = letter.is_whitespace();
    }
    out
}

/// A small letter at the start of a word becomes a capital as any other; only blanks reset the start.
fn swap_case(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for letter in source.chars() {
        if letter.is_uppercase() {
            out.extend(letter.to_lowercase());
        } else if letter.is_lowercase() {
            out.extend(letter.to_uppercase());
        } else {
            out.push(letter);
        }
    }
    out
}

/// The library takes each byte for a letter.
fn letters_of_bytes(source: &str) -> impl Iterator<Item = char> {
    bytes_of(source).into_owned().into_iter().map(char::from)
}

fn initials(source: &str) -> String {
    let mut was_gap = true;
    let mut out = String::new();
    for letter in letters_of_bytes(source) {
        if was_gap && !letter.is_whitespace() {
            out.push(letter);
        }
        was_gap = letter.is_whitespace();
    }
    out
}

/// Without any blank the text stays as it is, also where it is no ASCII.
fn without_blanks(source: &str) -> String {
    let kept: Vec<char> = letters_of_bytes(source).filter(|letter| !letter.is_whitespace()).collect();
    if kept.len() == crate::bytes::length(source) { source.to_owned() } else { kept.into_iter().collect() }
}

fn is_connector(letter: char) -> bool {
    letter == '-' || letter == '_' || letter.is_whitespace()
}

fn upper(letter: char) -> char {
    letter.to_uppercase().next().unwrap_or(letter)
}

fn lower(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

/// Connectors go, and the letter behind one becomes a capital; a run of capitals is one word.
fn pascal_case(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let Some(start) = letters.iter().position(|letter| !is_connector(*letter)) else {
        // The library writes the last one twice.
        return source.chars().chain(source.chars().next_back()).collect();
    };
    let mut out: String = letters[..start].iter().collect();
    let mut current = upper(letters[start]);
    let mut in_capitals = letters[start].is_uppercase();
    for &next in &letters[start + 1..] {
        let previous = current;
        current = next;
        if is_connector(current) && is_connector(previous) {
            out.push(previous);
        } else if is_connector(previous) {
            in_capitals = current.is_uppercase();
            current = upper(current);
        } else {
            if in_capitals && current.is_uppercase() {
                current = lower(current);
            } else if in_capitals {
                in_capitals = false;
            }
            out.push(previous);
        }
    }
    out.push(current);
    out
}

/// Kinds of words in `snake_case` and `kebab-case`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Number,
    Capitals,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

fn is_punctuation(letter: char) -> bool {
    letter.is_ascii_punctuation() && !matches!(letter, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
}

/// Cuts a text into words: `HTTPStatus` is `HTTP` and `Status`.
fn words(source: &str) -> Vec<(Word, String)> {
    let letters: Vec<char> = source.chars().collect();
    let mut out = Vec::new();
    let mut start = 0;
    let run = |from: usize, holds: &dyn Fn(char) -> bool| {
        from + letters[from..].iter().take_while(|letter| holds(**letter)).count()
    };
    while start < letters.len() {
        let first = letters[start];
        let (word, end) = if is_connector(first) {
            (Word::Connector, run(start, &is_connector))
        } else if is_punctuation(first) {
            (Word::Punctuation, run(start, &is_punctuation))
        } else if first.is_uppercase() {
            let capitals = run(start, &char::is_uppercase);
            let end = if capitals > start + 1 {
                let is_followed = letters.get(capitals).is_some_and(|letter| letter.is_alphabetic());
                capitals - usize::from(is_followed)
            } else {
                run(capitals, &|letter| letter.is_alphabetic() && !letter.is_uppercase())
            };
            (Word::Capitals, end)
        } else if first.is_alphabetic() {
            (Word::Alphabet, run(start, &|letter| letter.is_alphabetic() && !letter.is_uppercase()))
        } else if first.is_numeric() {
            (Word::Number, run(start, &char::is_numeric))
        } else {
            let is_other = |letter: char| {
                !is_connector(letter)
                    && !letter.is_alphabetic()
                    && !letter.is_numeric()
                    && !is_punctuation(letter)
            };
            (Word::Other, run(start, &is_other))
        };
        out.push((word, letters[start..end].iter().collect()));
        start = end;
    }
    out
}

/// The rules about numbers are those of the library Sprig uses: `http2xx` is `http_2xx`, `Bld4Floor` is `bld4_floor`.
fn lower_case_words(source: &str, connector: char) -> String {
    let words = words(source);
    let mut out = String::with_capacity(source.len() + 8);
    let push = |out: &mut String, (word, part): &(Word, String)| match word {
        Word::Connector => out.extend(std::iter::repeat_n(connector, part.chars().count())),
        Word::Capitals => out.push_str(&part.to_lowercase()),
        _ => out.push_str(part),
    };
    let kind = |index: usize| words.get(index).map(|(word, _)| *word);
    let joins = |kind: Option<Word>| !matches!(kind, None | Some(Word::Connector | Word::Punctuation));
    let mut index = 0;
    while index + 1 < words.len() {
        let current = words[index].0;
        push(&mut out, &words[index]);
        index += 1;
        match current {
            Word::Number => {
                while matches!(kind(index), Some(Word::Alphabet | Word::Number)) {
                    push(&mut out, &words[index]);
                    index += 1;
                }
                if joins(kind(index)) {
                    out.push(connector);
                }
            }
            Word::Connector | Word::Punctuation => {}
            _ if kind(index) != Some(Word::Number) => {
                if joins(kind(index)) {
                    out.push(connector);
                }
            }
            _ if index + 1 == words.len() => {}
            _ => {
                let number = index;
                index += 1;
                if kind(index) != Some(Word::Alphabet) {
                    push(&mut out, &words[number]);
                    if joins(kind(index)) {
                        out.push(connector);
                    }
                    continue;
                }
                out.push(connector);
                push(&mut out, &words[number]);
                while matches!(kind(index), Some(Word::Alphabet | Word::Number)) {
                    push(&mut out, &words[index]);
                    index += 1;
                }
                if joins(kind(index)) {
                    out.push(connector);
                }
            }
        }
    }
    if let Some(last) = words.get(index) {
        push(&mut out, last);
    }
    out
}

/// Cuts to a width, with dots where something is missing: at the end, or on both sides of what is from `offset` on.
fn abbreviate(source: &str, offset: i64, width: i64) -> Returned {
    let bytes = bytes_of(source);
    let Ok(width) = usize::try_from(width) else { return text(source) };
    if width < 4 || bytes.len() <= width {
        return text(source);
    }
    text(abbreviated(&bytes, usize::try_from(offset).unwrap_or(0), width))
}

fn abbreviated(bytes: &[u8], offset: usize, width: usize) -> String {
    let keep = width - 3;
    let offset = offset.min(bytes.len());
    let offset = if bytes.len() - offset < keep { bytes.len() - keep } else { offset };
    if offset <= 4 {
        return format!("{}...", text_from(&bytes[..keep]));
    }
    if width < 7 {
        return String::new();
    }
    if offset + keep < bytes.len() {
        let rest = &bytes[offset..];
        let tail = if rest.len() <= keep { text_from(rest) } else { abbreviated(rest, 0, keep) };
        return format!("...{tail}");
    }
    format!("...{}", text_from(&bytes[bytes.len() - keep..]))
}

fn abbreviate_both(_: &Call<'_>, values: &[Value]) -> Returned {
    let (left, right, source) = (values.int(0), values.int(1), values.text(2));
    if right < 4 || left > 0 && right < 7 { text(source) } else { abbreviate(source, left, right) }
}

fn wrap(source: &str, width: i64, line_end: &str, cuts_words: bool) -> Returned {
    let bytes = bytes_of(source);
    let line_end = if line_end.is_empty() { "\n" } else { line_end };
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = Vec::with_capacity(bytes.len());
    let mut offset = 0;
    while bytes.len() - offset > width {
        if out.len() > TEXT_BYTES_MAX {
            return refuse(format!("text of more than {TEXT_BYTES_MAX} bytes"));
        }
        if bytes[offset] == b' ' {
            offset += 1;
            continue;
        }
        let blank = bytes[offset..=offset + width].iter().rposition(|byte| *byte == b' ');
        let (end, next) = match blank {
            Some(blank) => (offset + blank, offset + blank + 1),
            None if cuts_words => (offset + width, offset + width),
            None => match bytes[offset + width..].iter().position(|byte| *byte == b' ') {
                Some(blank) => (offset + width + blank, offset + width + blank + 1),
                None => break,
            },
        };
        out.extend_from_slice(&bytes[offset..end]);
        out.extend_from_slice(line_end.as_bytes());
        offset = next;
    }
    out.extend_from_slice(&bytes[offset..]);
    text(text_from(&out))
}

fn shuffle(call: &Call<'_>, values: &[Value]) -> Returned {
    let mut letters: Vec<char> = values.text(0).chars().collect();
    let mut random = call.run.random.borrow_mut();
    for index in (1..letters.len()).rev() {
        let other = random.below(index as u64 + 1);
        letters.swap(index, usize::try_from(other).unwrap_or(0));
    }
    text(letters.into_iter().collect::<String>())
}

/// How many letters, if that many may be made.
fn count(values: &[Value]) -> Result<usize, crate::error::CallError> {
    let count = usize::try_from(values.int(0)).unwrap_or(0);
    if count > TEXT_BYTES_MAX {
        return refuse(format!("text of more than {TEXT_BYTES_MAX} bytes"));
    }
    Ok(count)
}

fn random(call: &Call<'_>, values: &[Value], alphabet: &str) -> Returned {
    let letters = alphabet.as_bytes();
    let mut random = call.run.random.borrow_mut();
    let mut draw = || char::from(letters[usize::try_from(random.below(letters.len() as u64)).unwrap_or(0)]);
    text((0..count(values)?).map(|_| draw()).collect::<String>())
}

fn random_ascii(call: &Call<'_>, values: &[Value]) -> Returned {
    let mut random = call.run.random.borrow_mut();
    let mut draw = || char::from(u8::try_from(32 + random.below(95)).unwrap_or(b' '));
    text((0..count(values)?).map(|_| draw()).collect::<String>())
}

fn uuid(call: &Call<'_>) -> String {
    let mut random = call.run.random.borrow_mut();
    let (high, low) = (random.next(), random.next());
    let high = high & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_styles_are_those_of_the_library() {
        for (source, snake) in [
            ("FirstName", "first_name"),
            ("HTTPServer", "http_server"),
            ("NoHTTPS", "no_https"),
            ("GO_PATH", "go_path"),
            ("GO-PATH", "go_path"),
            ("http2xx", "http_2xx"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Duration2m3s", "duration_2m3s"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
        ] {
            assert_eq!(lower_case_words(source, '_'), snake, "{source}");
        }
        for (source, pascal) in [
            ("some_words", "SomeWords"),
            ("_complex__case_", "_Complex_Case_"),
            ("GOLANG_IS_GREAT", "GolangIsGreat"),
            ("some words", "SomeWords"),
            ("__", "___"),
        ] {
            assert_eq!(pascal_case(source), pascal, "{source}");
        }
    }
}
