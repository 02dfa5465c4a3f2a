//! How a text is written: plain, in quotes, or as a block; the choice and the escapes of libyaml as yaml.v2 uses it.

use super::resolve::needs_quotes;

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarStyle {
    Plain,
    Single,
    Double,
    Literal,
}

/// What libyaml says a text allows.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "libyaml's own facts about a text")]
struct Facts {
    has_breaks: bool,
    forbids_plain: bool,
    forbids_single: bool,
    forbids_block: bool,
}

pub(super) fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(letter: char) -> bool {
    matches!(letter, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && letter != '\u{feff}'
}

fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    let letters: Vec<char> = text.chars().collect();
    let mut is_block_indicator = text.starts_with("---") || text.starts_with("...");
    let (mut break_space, mut space_break, mut is_special) = (false, false, false);
    let is_blank_or_end = |index: usize| letters.get(index).is_none_or(|letter| matches!(letter, ' ' | '\t'));
    for (index, &letter) in letters.iter().enumerate() {
        let previous = index.checked_sub(1).map(|before| letters[before]);
        let is_followed_by_blank = is_blank_or_end(index + 1);
        is_block_indicator |= match letter {
            '#' if index > 0 => previous
                .is_some_and(|letter| matches!(letter, ' ' | '\t') || is_break(letter) || letter == '\0'),
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => index == 0,
            '?' | '-' => index == 0 && is_followed_by_blank,
            ':' => is_followed_by_blank,
            _ => false,
        };
        is_special |= !is_printable(letter);
        if letter == ' ' {
            break_space |= previous.is_some_and(is_break);
        } else if is_break(letter) {
            facts.has_breaks = true;
            space_break |= previous == Some(' ');
        }
    }
    let at_edge = |letter: Option<&char>| letter.is_some_and(|letter| *letter == ' ' || is_break(*letter));
    let has_edge = at_edge(letters.first()) || at_edge(letters.last());
    facts.forbids_block = letters.last() == Some(&' ') || space_break || is_special;
    facts.forbids_single = break_space || space_break || is_special;
    facts.forbids_plain = has_edge || facts.forbids_single || facts.has_breaks || is_block_indicator;
    facts
}

/// The style of a text, as a key or as a value.
pub(super) fn style(text: &str, is_key: bool) -> ScalarStyle {
    let facts = facts(text);
    let wanted = if text.contains('\n') {
        ScalarStyle::Literal
    } else if needs_quotes(text) {
        ScalarStyle::Double
    } else {
        ScalarStyle::Plain
    };
    if is_key && facts.has_breaks || wanted == ScalarStyle::Double {
        return ScalarStyle::Double;
    }
    match wanted {
        ScalarStyle::Literal if facts.forbids_block || is_key => ScalarStyle::Double,
        ScalarStyle::Plain if facts.forbids_plain && facts.forbids_single => ScalarStyle::Double,
        ScalarStyle::Plain if facts.forbids_plain => ScalarStyle::Single,
        other => other,
    }
}

/// A letter inside double quotes; `None` when it stands as it is.
pub(super) fn escape(letter: char) -> Option<String> {
    if is_printable(letter) && !is_break(letter) && letter != '"' && letter != '\\' {
        return None;
    }
    let short = match letter {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(letter);
            return Some(match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            });
        }
    };
    Some(format!("\\{short}"))
}

/// What stands behind the `|`: an indentation when the text starts with a blank, and how its end is kept.
pub(super) fn block_hints(text: &str) -> String {
    let mut hints = String::new();
    let starts_blank = text.chars().next().is_some_and(|letter| letter == ' ' || is_break(letter));
    if starts_blank {
        hints.push('2');
    }
    let mut from_end = text.chars().rev();
    match (from_end.next(), from_end.next()) {
        (Some(last), _) if !is_break(last) => hints.push('-'),
        (None, _) => hints.push('-'),
        (Some(_), before) if before.is_none_or(is_break) => hints.push('+'),
        _ => {}
    }
    hints
}
