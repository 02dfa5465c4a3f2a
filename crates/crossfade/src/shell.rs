//! Words for a shell: commands that are printed for somebody to run.

/// A text as a shell takes it for one word.
pub fn word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:@=".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_word_to_a_shell() {
        assert_eq!(word("/srv/gitops-1.0"), "/srv/gitops-1.0");
        assert_eq!(word("my files"), "'my files'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }
}
