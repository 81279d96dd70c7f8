//! The name that someone may have meant who wrote one that is not known.

/// The known name nearest to this one, if any is near enough to be what was meant: a third of its letters may be wrong.
pub fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let limit = (name.chars().count() / 3).max(1);
    known
        .map(|known| (distance(name, known), known))
        .filter(|(far, _)| *far <= limit)
        .min()
        .map(|(_, known)| known)
}

/// Damerau and Levenshtein's distance: how many letters to add, take off, change or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.chars().collect());
    // Names are short. What is not one must not cost its length squared.
    if a.len().abs_diff(b.len()) > b.len() {
        return usize::MAX;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, far) in [
            ("listen", "listen", 0),
            ("lisen", "listen", 1),
            ("litsen", "listen", 1),
            ("max-idle", "max_idle", 1),
            ("LISTEN", "listen", 0),
            ("", "abc", 3),
            ("abcdef", "abc", 3),
        ] {
            assert_eq!(distance(a, b), far, "{a} {b}");
        }
    }

    #[test]
    fn only_what_is_near_is_meant() {
        let known = || ["listen", "workers", "token"].into_iter();
        assert_eq!(nearest("lisetn", known()), Some("listen"));
        assert_eq!(nearest("worker", known()), Some("workers"));
        assert_eq!(nearest("colour", known()), None);
        assert_eq!(nearest(&"x".repeat(100_000), known()), None);
    }
}
