//! Rows as a tree: each step under the one that it belongs to.

use std::collections::HashMap;

use serde_json::Value;

use crate::store::Row;
use crate::trace::{DOUBLE, is_told};

/// A row in its place, in the order in which a tree is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Which of the rows.
    pub row: usize,
    pub depth: usize,
    /// The lines that lead to it.
    pub lead: String,
    /// It says that it belongs under a step that is not there.
    pub orphan: bool,
}

/// Deeper than this a tree grows down only: the lines would take more room than what they lead to.
const DEEPEST: usize = 24;

/// What is to be visited: a row, how deep it is, what stands before its line, whether it is the last of its siblings.
struct Next {
    row: usize,
    depth: usize,
    before: String,
    is_last: bool,
    orphan: bool,
}

/// Puts rows, which come in the order they began, in the order of their tree. Nothing is left out, whatever parents say, but
/// what an SDK saw of a call that is there itself: what hangs on that hangs on the call.
pub fn arrange(rows: &[Row]) -> Vec<Branch> {
    let text = |row: &'_ Row, key: &str| row.head.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut ids: HashMap<String, usize> =
        rows.iter().enumerate().filter_map(|(at, row)| Some((text(row, "id")?, at))).collect();
    let mut is_reached = vec![false; rows.len()];
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| is_told_double(row)) {
        let call = text(row, "parent_id").and_then(|parent| ids.get(&parent).copied());
        if let (Some(call), Some(own)) = (call.filter(|call| *call != at), text(row, "id")) {
            ids.insert(own, call);
            is_reached[at] = true;
        }
    }
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut roots = Vec::new();
    for (at, row) in rows.iter().enumerate().filter(|(at, _)| !is_reached[*at]) {
        match text(row, "parent_id").map(|parent| ids.get(&parent).copied()) {
            None => roots.push((at, false)),
            Some(Some(parent)) if parent != at => children[parent].push(at),
            Some(_) => roots.push((at, true)),
        }
    }
    roots.iter().for_each(|(root, _)| reach(*root, &children, &mut is_reached));
    // Imported steps may say that each belongs under the other.
    for at in 0..rows.len() {
        if !is_reached[at] {
            roots.push((at, true));
            reach(at, &children, &mut is_reached);
        }
    }
    grown(&roots, &children)
}

/// The same call as an SDK saw it.
fn is_told_double(row: &Row) -> bool {
    is_told(&row.head) && row.head.get("side").is_some_and(|side| side == DOUBLE)
}

fn reach(root: usize, children: &[Vec<usize>], is_reached: &mut [bool]) {
    let mut stack = vec![root];
    while let Some(at) = stack.pop() {
        if !std::mem::replace(&mut is_reached[at], true) {
            stack.extend(&children[at]);
        }
    }
}

fn grown(roots: &[(usize, bool)], children: &[Vec<usize>]) -> Vec<Branch> {
    let mut branches = Vec::with_capacity(children.len());
    let mut is_there = vec![false; children.len()];
    let last = roots.len().saturating_sub(1);
    let next = |(at, (row, orphan)): (usize, &(usize, bool))| Next {
        row: *row,
        depth: 0,
        before: String::new(),
        is_last: at == last,
        orphan: *orphan,
    };
    let mut stack: Vec<Next> = roots.iter().enumerate().map(next).rev().collect();
    while let Some(Next { row, depth, before, is_last, orphan }) = stack.pop() {
        if std::mem::replace(&mut is_there[row], true) {
            continue;
        }
        let corner = if is_last { "└─ " } else { "├─ " };
        let line = if is_last { "   " } else { "│  " };
        let beneath = if depth < DEEPEST { format!("{before}{line}") } else { before.clone() };
        branches.push(Branch { row, depth, lead: format!("{before}{corner}"), orphan });
        let own = &children[row];
        stack.extend(own.iter().enumerate().rev().map(|(at, child)| Next {
            row: *child,
            depth: depth + 1,
            before: beneath.clone(),
            is_last: at + 1 == own.len(),
            orphan: false,
        }));
    }
    branches
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Cursor;

    fn rows(pairs: &[(&str, Option<&str>)]) -> Vec<Row> {
        let row = |(id, parent): &(&str, Option<&str>)| Row {
            head: json!({"id": id, "parent_id": parent}).as_object().cloned().unwrap_or_default(),
            input_preview: String::new(),
            output_preview: String::new(),
            snippet: None,
            cursor: Cursor::default(),
        };
        pairs.iter().map(row).collect()
    }

    fn drawn(pairs: &[(&str, Option<&str>)]) -> Vec<String> {
        let mark = |branch: &Branch| if branch.orphan { "?" } else { "" };
        let branches = arrange(&rows(pairs));
        branches.iter().map(|one| format!("{}{}{}", one.lead, pairs[one.row].0, mark(one))).collect()
    }

    #[test]
    fn children_stand_under_their_parents() {
        let pairs = [
            ("a", None),
            ("b", Some("a")),
            ("c", Some("b")),
            ("d", Some("a")),
            ("e", None),
            ("f", Some("c")),
            ("g", Some("gone")),
        ];
        let expected = ["├─ a", "│  ├─ b", "│  │  └─ c", "│  │     └─ f", "│  └─ d", "├─ e", "└─ g?"];
        assert_eq!(drawn(&pairs), expected);
    }

    #[test]
    fn a_ring_is_shown_once() {
        let pairs = [("a", Some("b")), ("b", Some("a")), ("c", Some("c"))];
        assert_eq!(drawn(&pairs), ["├─ c?", "└─ a?", "   └─ b"]);
        assert_eq!(drawn(&[]), [""; 0]);
    }

    #[test]
    fn a_call_that_an_sdk_saw_too_is_shown_once() {
        let pairs = [("app", None), ("sdk", Some("call")), ("http", Some("sdk")), ("call", Some("app"))];
        let mut told = rows(&pairs);
        told[1].head.insert("side".to_owned(), "double".into());
        told[1].head.insert("instrumentation".to_owned(), json!({"name": "own"}));
        let shown: Vec<String> =
            arrange(&told).iter().map(|one| format!("{}{}", one.lead, pairs[one.row].0)).collect();
        assert_eq!(shown, ["└─ app", "   └─ call", "      └─ http"]);
        // Where the call is not among them, it is shown all the same.
        assert_eq!(arrange(&told[..3]).len(), 3);
    }

    #[test]
    fn what_is_deep_stays_near() {
        let names: Vec<String> = (0..3_000).map(|at| at.to_string()).collect();
        let pairs: Vec<(&str, Option<&str>)> = names
            .iter()
            .enumerate()
            .map(|(at, name)| (name.as_str(), at.checked_sub(1).map(|before| names[before].as_str())))
            .collect();
        let branches = arrange(&rows(&pairs));
        assert_eq!(branches.len(), 3_000);
        assert_eq!(branches[2_999].lead.chars().count(), (DEEPEST + 1) * 3);
    }
}
