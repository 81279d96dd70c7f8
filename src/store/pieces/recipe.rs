//! A body's leaves as a list of ids, of which bodies that begin alike share the most.
//!
//! The list is cut behind ids that end a group, as their own bits say. Each finished group of ids that were there before
//! becomes a node; the nodes' ids are a list again, cut alike. What no group has ended yet stays in the root, and so does a
//! group with something new in it, which is as a rule where a body that goes on from another differs from it: so such a
//! body writes its new ids, and a node only when a group is full.

use super::varint::{Reader, put, put_signed};

/// The root: leaves and nodes in the order of what they make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    pub runs: Vec<Run>,
}

/// Ids of one level: 0 has leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub level: u8,
    pub ids: Vec<i64>,
}

/// What an encoded root of runs begins with. One of an earlier version begins with how many levels it has, of which each
/// stands once, the leaves first, and comes behind those above it.
const RUNS: u64 = 0;

/// A group, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// How many nodes it is away from leaves; 1 has leaves.
    pub level: u8,
    pub ids: Vec<i64>,
}

/// Lists up to this length are not worth a node.
const SHORT: usize = 16;
const LEAST: usize = 4;
const MOST: usize = 64;
/// As many as a body of any size needs.
const DEEPEST: usize = 12;

/// True once in 16 times, the same for an id wherever it stands.
fn ends_group(id: i64) -> bool {
    id.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60 == 0
}

/// Groups that are finished, and what is left.
fn shape(ids: &[i64]) -> (Vec<&[i64]>, &[i64]) {
    let (mut groups, mut start) = (Vec::new(), 0);
    for (at, &id) in ids.iter().enumerate() {
        let length = at + 1 - start;
        if (length >= LEAST && ends_group(id)) || length == MOST {
            groups.push(&ids[start..=at]);
            start = at + 1;
        }
    }
    (groups, &ids[start..])
}

impl Recipe {
    /// Makes it of the leaves; `node` stores a group and says its id. Only what is below the floor goes into nodes: ids that
    /// are there already, and stood next to each other before. What is new stands in the root, for it may be only here.
    pub fn build<E>(
        leaves: &[i64],
        floor: i64,
        mut node: impl FnMut(&Node) -> Result<i64, E>,
    ) -> Result<Self, E> {
        let mut recipe = Self::default();
        recipe.add(0, leaves);
        for level in 1..DEEPEST {
            let mut above = Self::default();
            let mut is_done = true;
            for Run { level: own, ids } in recipe.runs {
                if usize::from(own) + 1 != level || ids.len() <= SHORT {
                    above.add(own, &ids);
                    continue;
                }
                let (groups, rest) = shape(&ids);
                for group in groups {
                    // Behind what is new the same may follow with each turn: a prompt and tools, say.
                    let behind = group.iter().rposition(|id| *id >= floor).map_or(0, |at| at + 1);
                    let (new, group) = group.split_at(behind);
                    above.add(own, new);
                    if group.len() < LEAST {
                        above.add(own, group);
                        continue;
                    }
                    let id = node(&Node { level: own + 1, ids: group.to_vec() })?;
                    above.add(own + 1, &[id]);
                    is_done = false;
                }
                above.add(own, rest);
            }
            recipe = above;
            if is_done {
                break;
            }
        }
        Ok(recipe)
    }

    fn add(&mut self, level: u8, ids: &[i64]) {
        match self.runs.last_mut() {
            _ if ids.is_empty() => {}
            Some(last) if last.level == level => last.ids.extend_from_slice(ids),
            _ => self.runs.push(Run { level, ids: ids.to_vec() }),
        }
    }

    /// The leaves again; `load` reads a node. `None` where a node is not what it should be.
    pub fn leaves<E>(
        &self,
        mut load: impl FnMut(i64) -> Result<Option<Node>, E>,
    ) -> Result<Option<Vec<i64>>, E> {
        let mut leaves = Vec::new();
        for Run { level, ids } in &self.runs {
            for &id in ids {
                if !expand(id, usize::from(*level), &mut load, &mut leaves)? {
                    return Ok(None);
                }
            }
        }
        Ok(Some(leaves))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut to = Vec::new();
        let mut last = 0;
        let ids: &[i64] = match &self.runs[..] {
            [] => &[],
            [Run { level: 0, ids }] => ids,
            runs => {
                put(&mut to, RUNS);
                put(&mut to, runs.len() as u64);
                for Run { level, ids } in runs {
                    put(&mut to, u64::from(*level));
                    put(&mut to, ids.len() as u64);
                    put_ids(&mut to, ids, &mut last);
                }
                return to;
            }
        };
        put(&mut to, 1);
        put(&mut to, ids.len() as u64);
        put_ids(&mut to, ids, &mut last);
        to
    }

    pub fn decode(reader: &mut Reader) -> Option<Self> {
        let mut last = 0;
        let first = reader.number()?;
        let count = if first == RUNS { reader.number()? } else { first };
        let (mut recipe, mut levels) = (Self::default(), Vec::new());
        for at in 0..count {
            let level = if first == RUNS { reader.number()? } else { at };
            let level = u8::try_from(level).ok().filter(|level| usize::from(*level) < DEEPEST)?;
            let length = reader.number()?;
            let ids = (0..length).map(|_| next_id(reader, &mut last)).collect::<Option<Vec<i64>>>()?;
            levels.push((level, ids));
        }
        if first != RUNS {
            levels.reverse();
        }
        levels.iter().for_each(|(level, ids)| recipe.add(*level, ids));
        Some(recipe)
    }
}

fn expand<E>(
    id: i64,
    level: usize,
    load: &mut impl FnMut(i64) -> Result<Option<Node>, E>,
    leaves: &mut Vec<i64>,
) -> Result<bool, E> {
    if level == 0 {
        leaves.push(id);
        return Ok(true);
    }
    // A node of the level it should have, or a damaged store could send this round in circles.
    let Some(node) = load(id)?.filter(|node| usize::from(node.level) == level) else { return Ok(false) };
    for id in node.ids {
        if !expand(id, level - 1, load, leaves)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn put_ids(to: &mut Vec<u8>, ids: &[i64], last: &mut i64) {
    for &id in ids {
        put_signed(to, id.wrapping_sub(*last));
        *last = id;
    }
}

fn next_id(reader: &mut Reader, last: &mut i64) -> Option<i64> {
    *last = last.wrapping_add(reader.signed()?);
    Some(*last)
}

impl Node {
    pub fn encode(&self) -> Vec<u8> {
        let mut to = vec![self.level];
        put_ids(&mut to, &self.ids, &mut 0);
        to
    }
}

/// Reads a node back.
pub fn children(bytes: &[u8]) -> Option<Node> {
    let mut reader = Reader(bytes);
    let level = reader.byte().filter(|level| *level > 0)?;
    let (mut ids, mut last) = (Vec::new(), 0);
    while !reader.is_at_end() {
        ids.push(next_id(&mut reader, &mut last)?);
    }
    Some(Node { level, ids })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Nodes by their bytes, as a store has them.
    #[derive(Default)]
    struct Nodes(HashMap<Vec<u8>, i64>);

    impl Nodes {
        fn recipe(&mut self, leaves: &[i64], floor: i64) -> Recipe {
            let put = |node: &Node| {
                assert!(node.ids.iter().all(|id| *id < floor));
                let next = 1_000_000 + i64::try_from(self.0.len()).unwrap();
                Ok::<_, ()>(*self.0.entry(node.encode()).or_insert(next))
            };
            Recipe::build(leaves, floor, put).unwrap()
        }

        fn leaves(&self, recipe: &Recipe) -> Option<Vec<i64>> {
            let by_id: HashMap<i64, &Vec<u8>> = self.0.iter().map(|(bytes, id)| (*id, bytes)).collect();
            recipe.leaves(|id| Ok::<_, ()>(by_id.get(&id).and_then(|bytes| children(bytes)))).unwrap()
        }
    }

    #[test]
    fn a_body_that_goes_on_writes_what_is_new() {
        let mut nodes = Nodes::default();
        let mut roots = 0;
        for length in 1..=2000_i64 {
            let recipe = nodes.recipe(&(1..=length).collect::<Vec<_>>(), i64::MAX);
            roots += recipe.encode().len();
        }
        assert!(nodes.0.len() < 300, "{} nodes", nodes.0.len());
        assert!(roots / 2000 < 60, "{} bytes a root", roots / 2000);
    }

    #[test]
    fn a_body_with_an_end_of_its_own_writes_no_node_for_it() {
        let mut nodes = Nodes::default();
        let (mut leaves, mut next, mut roots) = ((1..=30_i64).collect::<Vec<_>>(), 31, 0);
        for _ in 0..300 {
            let floor = next;
            // Three that stay and one that is gone with the next turn, all before the same end.
            let at = leaves.len() - 20;
            leaves[at - 1] = next;
            leaves.splice(at..at, next + 1..next + 4);
            next += 4;
            let recipe = nodes.recipe(&leaves, floor);
            roots += recipe.encode().len();
            assert_eq!(nodes.leaves(&recipe).unwrap(), leaves);
        }
        assert!(nodes.0.len() < 130, "{} nodes", nodes.0.len());
        assert!(roots / 300 < 120, "{} bytes a root", roots / 300);
    }

    #[test]
    fn roots_of_earlier_versions_are_read() {
        // Two levels: leaves 7 and 9 behind nodes 100 and 101.
        let bytes = [2, 2, 14, 4, 2, 182, 1, 2];
        let recipe = Recipe::decode(&mut Reader(&bytes)).unwrap();
        let run = |level, ids: &[i64]| Run { level, ids: ids.to_vec() };
        assert_eq!(recipe.runs, [run(1, &[100, 101]), run(0, &[7, 9])]);
    }

    proptest! {
        #[test]
        fn leaves_come_back(leaves in prop::collection::vec(0..5000_i64, 0..600), floor in 0..6000_i64) {
            let mut nodes = Nodes::default();
            let recipe = nodes.recipe(&leaves, floor);
            let bytes = recipe.encode();
            let decoded = Recipe::decode(&mut Reader(&bytes));
            prop_assert_eq!(decoded.as_ref(), Some(&recipe));
            prop_assert_eq!(nodes.leaves(&recipe), Some(leaves));
        }

        #[test]
        fn damaged_bytes_are_no_panic(bytes: Vec<u8>) {
            let _ = Recipe::decode(&mut Reader(&bytes));
            let _ = children(&bytes);
        }
    }
}
