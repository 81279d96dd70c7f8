//! The beginning of a text, as lists show it.

/// As many characters of a text are shown, unless it is said otherwise.
pub const PREVIEW: usize = 96;

/// White space as single spaces, and no more than so many characters; a longer text says that it goes on.
pub fn shortened(text: &str, most: usize) -> String {
    let (mut short, mut length) = (String::new(), 0);
    for word in text.split_whitespace() {
        if !short.is_empty() {
            short.push(' ');
            length += 1;
        }
        short.push_str(word);
        length += word.chars().count();
        if length > most {
            break;
        }
    }
    if length <= most {
        return short;
    }
    match short.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", short.get(..at).unwrap_or_default()),
        None => short,
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn previews_are_short_and_in_one_line() {
        assert_eq!(shortened(" a \n\n b\t", 9), "a b");
        let short = shortened(&"é".repeat(500), 200);
        assert_eq!(short.chars().count(), 201);
        assert!(short.ends_with('…'));
    }
}
