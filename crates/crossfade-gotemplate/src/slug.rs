//! Names for URLs, as Argo CD's `slugify` makes them.
//!
//! Letters with accents of the Latin-1 range lose them; other scripts become dashes, where Argo CD transliterates.

/// A slug of at most `size` bytes; the smart way cuts between words.
pub(crate) fn make(name: &str, size: usize, is_smart: bool) -> String {
    let mut slug = String::with_capacity(name.len());
    for letter in name.trim().to_lowercase().chars() {
        match letter {
            'a'..='z' | '0'..='9' | '_' => slug.push(letter),
            '&' => slug.push_str("and"),
            '@' => slug.push_str("at"),
            other => match plain(other) {
                Some(plain) => slug.push_str(plain),
                None if slug.ends_with('-') => {}
                None => slug.push('-'),
            },
        }
    }
    let slug = slug.trim_matches(['-', '_']);
    if size == 0 || slug.len() <= size {
        return slug.to_owned();
    }
    let cut = match slug[..=size].rfind('-') {
        Some(dash) if is_smart => dash,
        _ => size,
    };
    slug[..cut].trim_matches(['-', '_']).to_owned()
}

fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à'..='å' => "a",
        'æ' => "ae",
        'ç' => "c",
        'è'..='ë' => "e",
        'ì'..='ï' => "i",
        'ñ' => "n",
        'ò'..='ö' | 'ø' => "o",
        'ß' => "ss",
        'ù'..='ü' => "u",
        'ý' | 'ÿ' => "y",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::make;

    #[test]
    fn slugs_keep_whole_words_when_asked() {
        assert_eq!(make("Feature/Add Login & More!!", 50, true), "feature-add-login-and-more");
        assert_eq!(make("feature/add-login", 12, true), "feature-add");
        assert_eq!(make("feature/add-login", 12, false), "feature-add");
        assert_eq!(make("feature/add-login", 14, false), "feature-add-lo");
        assert_eq!(make("--Grüße__", 50, true), "grusse");
    }
}
