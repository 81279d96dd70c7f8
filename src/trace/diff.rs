//! What differs between two texts, line by line, and the comparison of lists that it rests on.

use std::collections::HashMap;
use std::hash::Hash;

/// One line of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffLine<'a> {
    Same(&'a str),
    Removed(&'a str),
    Added(&'a str),
}

/// How many lines may be removed and added in all for the shortest way to be looked for: the search keeps what it has tried,
/// about this squared words.
const MOST_EDITS: usize = 1_000;

/// What leads from `a` to `b`. Lines are what line breaks part; the lines that are not added make up `a`, those that are
/// not removed make up `b`. Texts that share little come out as one taken for the other.
pub fn diff<'a>(a: &'a str, b: &'a str) -> Vec<DiffLine<'a>> {
    let (a, b) = (lines(a), lines(b));
    let mut diff = Vec::with_capacity(a.len().max(b.len()));
    let (mut of_a, mut of_b) = (0, 0);
    for (next_a, next_b) in common(&a, &b).into_iter().chain([(a.len(), b.len())]) {
        diff.extend(a[of_a..next_a].iter().map(|line| DiffLine::Removed(line)));
        diff.extend(b[of_b..next_b].iter().map(|line| DiffLine::Added(line)));
        diff.extend(a.get(next_a).map(|line| DiffLine::Same(line)));
        (of_a, of_b) = (next_a + 1, next_b + 1);
    }
    diff
}

fn lines(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split('\n').collect() }
}

/// The longest list of elements that both have, in order, as pairs of indexes: the shortest way by Myers' algorithm, within
/// bounds; beyond them what they have in common at their beginnings and ends.
pub(super) fn common<T: Eq + Hash>(a: &[T], b: &[T]) -> Vec<(usize, usize)> {
    // Numbers compare faster than lines.
    let mut numbers = HashMap::new();
    let mut number = |each| {
        let next = numbers.len();
        *numbers.entry(each).or_insert(next)
    };
    let a: Vec<usize> = a.iter().map(&mut number).collect();
    let b: Vec<usize> = b.iter().map(&mut number).collect();

    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (inner_a, inner_b) = (&a[start..], &b[start..]);
    let end = inner_a.iter().rev().zip(inner_b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (inner_a, inner_b) = (&inner_a[..inner_a.len() - end], &inner_b[..inner_b.len() - end]);

    let mut pairs: Vec<(usize, usize)> = (0..start).map(|at| (at, at)).collect();
    pairs.extend(shortest(inner_a, inner_b).into_iter().map(|(a, b)| (a + start, b + start)));
    pairs.extend((0..end).rev().map(|at| (a.len() - 1 - at, b.len() - 1 - at)));
    pairs
}

/// Myers' greedy search. `reached[k]` is how far in `a` one gets on diagonal `k` with so many edits.
fn shortest(a: &[usize], b: &[usize]) -> Vec<(usize, usize)> {
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    let most = (a.len() + b.len()).min(MOST_EDITS);
    // Diagonals go from -most to most; one more on each side is looked at.
    let middle = most + 1;
    let mut reached = vec![0_usize; 2 * most + 3];
    let mut tried: Vec<Vec<usize>> = Vec::new();
    for edits in 0..=most {
        tried.push(reached[middle - edits..=middle + edits].to_vec());
        for diagonal in (middle - edits..=middle + edits).step_by(2) {
            let down = comes_down(&reached, diagonal, middle, edits);
            let mut x = if down { reached[diagonal + 1] } else { reached[diagonal - 1] + 1 };
            // Beyond the edges there is nothing to compare.
            let Some(mut y) = (x + middle).checked_sub(diagonal) else { continue };
            while x < a.len() && y < b.len() && a[x] == b[y] {
                (x, y) = (x + 1, y + 1);
            }
            reached[diagonal] = x;
            if x >= a.len() && y >= b.len() {
                return way_back(&tried, middle, (a.len(), b.len()));
            }
        }
    }
    Vec::new()
}

fn comes_down(reached: &[usize], diagonal: usize, middle: usize, edits: usize) -> bool {
    diagonal == middle - edits
        || (diagonal != middle + edits && reached[diagonal - 1] < reached[diagonal + 1])
}

/// The pairs on the way that was found, from its end back.
fn way_back(tried: &[Vec<usize>], middle: usize, end: (usize, usize)) -> Vec<(usize, usize)> {
    let (mut x, mut y) = end;
    let mut pairs = Vec::new();
    for (edits, reached) in tried.iter().enumerate().rev() {
        // `reached` holds the diagonals from `middle - edits` on, as they were before this edit.
        let at =
            |diagonal: usize| (diagonal + edits).checked_sub(middle).and_then(|at| reached.get(at)).copied();
        let diagonal = middle + x - y;
        let (mut from_x, mut from_y) = (0, 0);
        if edits > 0 {
            let (left, right) = (at(diagonal - 1), at(diagonal + 1));
            let down = diagonal == middle - edits || (diagonal != middle + edits && left < right);
            let from = if down { diagonal + 1 } else { diagonal - 1 };
            from_x = at(from).unwrap_or_default();
            from_y = (from_x + middle).saturating_sub(from);
        }
        while x > from_x && y > from_y {
            (x, y) = (x - 1, y - 1);
            pairs.push((x, y));
        }
        (x, y) = (from_x, from_y);
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DiffLine::{Added, Removed, Same};
    use super::*;

    fn sides(diff: &[DiffLine]) -> (String, String) {
        let side = |keep: fn(&DiffLine) -> bool| {
            let lines = diff.iter().filter(|line| keep(line)).map(|line| match line {
                Same(text) | Removed(text) | Added(text) => *text,
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        (side(|line| !matches!(line, Added(_))), side(|line| !matches!(line, Removed(_))))
    }

    #[test]
    fn a_changed_line_is_one_removed_and_one_added() {
        let (a, b) = ("Be kind.\nTake 3 steps.\nEnd.", "Be kind.\nTake 4 steps.\nEnd.\n");
        let expected =
            [Same("Be kind."), Removed("Take 3 steps."), Added("Take 4 steps."), Same("End."), Added("")];
        assert_eq!(diff(a, b), expected);
        assert_eq!(diff("", "x"), [Added("x")]);
        assert_eq!(diff("x", ""), [Removed("x")]);
        assert_eq!(diff("", ""), []);
    }

    #[test]
    fn a_moved_line_keeps_the_others() {
        let found = diff("a\nb\nc\na\nb\nb\na", "c\nb\na\nb\na\nc");
        assert_eq!(found.iter().filter(|line| matches!(line, Same(_))).count(), 4, "{found:?}");
    }

    #[test]
    fn huge_texts_that_share_little_are_replaced() {
        let text = |of: &str| (0..20_000).map(|at| format!("{of}{at}\n")).collect::<String>() + "end";
        let (a, b) = (text("a"), text("b"));
        let found = diff(&a, &b);
        assert_eq!(sides(&found), (a.clone(), b.clone()));
        assert_eq!(found.last(), Some(&Same("end")));
    }

    proptest! {
        #[test]
        fn both_sides_come_back(a in "[abc\n]{0,60}", b in "[abc\n]{0,60}") {
            prop_assert_eq!(sides(&diff(&a, &b)), (a, b));
        }

        #[test]
        fn no_way_is_shorter(a in proptest::collection::vec(0..4_u8, 0..12), b in proptest::collection::vec(0..4_u8, 0..12)) {
            let found = common(&a, &b);
            prop_assert!(found.iter().all(|(x, y)| a[*x] == b[*y]));
            prop_assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
            let mut best = vec![vec![0; b.len() + 1]; a.len() + 1];
            for x in 0..a.len() {
                for y in 0..b.len() {
                    best[x + 1][y + 1] = if a[x] == b[y] { best[x][y] + 1 } else { best[x][y + 1].max(best[x + 1][y]) };
                }
            }
            prop_assert_eq!(found.len(), best[a.len()][b.len()]);
        }
    }
}
