//! Patterns for paths: the shell's (`filepath.Match`) and those of `.Files.Glob` (`**`, `{a,b}`).

/// `filepath.Match`: `*` and `?` do not match a slash, `[a-z]` and `[^a]` are classes.
pub(crate) fn shell_match(pattern: &str, path: &str) -> bool {
    let pattern = parse(pattern, false);
    let path: Vec<char> = path.chars().collect();
    let mut budget = STEPS_MAX;
    matches(&pattern, &path, &mut budget)
}

/// A pattern of `.Files.Glob`: `*` stops at slashes, `**` does not, `{a,b}` are alternatives.
pub(crate) struct Glob(Vec<Piece>);

/// Backtracking a pattern of many stars over a long path is cut off here; such a path counts as not matched.
const STEPS_MAX: usize = 20_000;

enum Piece {
    Letter(char),
    One,
    Star,
    DoubleStar,
    Class(Vec<(char, char)>, bool),
    Alternatives(Vec<Vec<Piece>>),
}

impl Glob {
    /// Reads a pattern.
    pub fn new(pattern: &str) -> Self {
        Self(parse(pattern, true))
    }

    /// Whether a path matches as a whole.
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        let mut budget = STEPS_MAX;
        matches(&self.0, &path, &mut budget)
    }
}

fn parse(pattern: &str, is_extended: bool) -> Vec<Piece> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    sequence(&letters, &mut at, is_extended, false)
}

fn sequence(letters: &[char], at: &mut usize, is_extended: bool, in_braces: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    while let Some(&letter) = letters.get(*at) {
        if in_braces && matches!(letter, ',' | '}') {
            break;
        }
        *at += 1;
        pieces.push(match letter {
            '\\' => {
                let escaped = letters.get(*at).copied().unwrap_or('\\');
                *at += 1;
                Piece::Letter(escaped)
            }
            '?' => Piece::One,
            '*' if is_extended && letters.get(*at) == Some(&'*') => {
                *at += 1;
                Piece::DoubleStar
            }
            '*' => Piece::Star,
            '[' => class(letters, at),
            '{' if is_extended && !in_braces => {
                let mut alternatives = Vec::new();
                loop {
                    alternatives.push(sequence(letters, at, is_extended, true));
                    let end = letters.get(*at).copied();
                    *at += 1;
                    if end != Some(',') {
                        break Piece::Alternatives(alternatives);
                    }
                }
            }
            other => Piece::Letter(other),
        });
    }
    pieces
}

fn class(letters: &[char], at: &mut usize) -> Piece {
    let is_negated = matches!(letters.get(*at), Some('^' | '!'));
    if is_negated {
        *at += 1;
    }
    let mut ranges = Vec::new();
    while let Some(&low) = letters.get(*at) {
        *at += 1;
        if low == ']' && !ranges.is_empty() {
            break;
        }
        match (letters.get(*at), letters.get(*at + 1)) {
            (Some('-'), Some(&high)) if high != ']' => {
                *at += 2;
                ranges.push((low, high));
            }
            _ => ranges.push((low, low)),
        }
    }
    Piece::Class(ranges, is_negated)
}

fn matches(pieces: &[Piece], path: &[char], budget: &mut usize) -> bool {
    let Some(left) = budget.checked_sub(1) else { return false };
    *budget = left;
    let Some((piece, rest)) = pieces.split_first() else { return path.is_empty() };
    let one = |holds: bool, budget: &mut usize| holds && matches(rest, &path[1..], budget);
    match piece {
        Piece::Letter(letter) => one(path.first() == Some(letter), budget),
        Piece::One => one(path.first().is_some_and(|letter| *letter != '/'), budget),
        Piece::Class(ranges, is_negated) => {
            let is_in = |letter: &char| ranges.iter().any(|(low, high)| (low..=high).contains(&letter));
            one(path.first().is_some_and(|letter| *letter != '/' && is_in(letter) != *is_negated), budget)
        }
        Piece::Star | Piece::DoubleStar => {
            let stops = matches!(piece, Piece::Star);
            let most = path.iter().position(|letter| stops && *letter == '/').unwrap_or(path.len());
            (0..=most).any(|count| matches(rest, &path[count..], budget))
        }
        Piece::Alternatives(alternatives) => alternatives.iter().any(|alternative| {
            (0..=path.len()).any(|count| {
                matches(alternative, &path[..count], budget) && matches(rest, &path[count..], budget)
            })
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_stop_at_slashes_unless_doubled() {
        for (pattern, path, expected) in [
            ("config/*.yaml", "config/a.yaml", true),
            ("config/*.yaml", "config/x/a.yaml", false),
            ("**.yaml", "config/x/a.yaml", true),
            ("config/**", "config/x/a.yaml", true),
            ("{a,b*}/c?.[xy]", "bz/c1.y", true),
            ("{a,b*}/c?.[!xy]", "bz/c1.y", false),
            ("*", "a", true),
            ("*", "a/b", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(path), expected, "{pattern} {path}");
        }
        assert!(shell_match("*.t?t", "a.txt"));
        assert!(!shell_match("*a*a*a*a*a*a*a*a*a*a*b", &"a".repeat(400)));
    }
}
