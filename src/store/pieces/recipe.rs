//! A body's leaves as a list of ids, of which bodies that begin alike share the most.
//!
//! The list is cut behind ids that end a group, as their own bits say. Each finished group becomes a node; the nodes' ids
//! are a list again, cut alike. What no group has ended yet stays in the root, on each level: so a body that goes on from
//! another writes its new ids, and a node only when a group is full.

use super::varint::{Reader, put, put_signed};

/// The root: on each level, from the leaves up, the ids behind the last finished group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    pub levels: Vec<Vec<i64>>,
}

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
    /// Makes it of the leaves; `node` stores a group and says its id.
    pub fn build<E>(leaves: Vec<i64>, mut node: impl FnMut(&Node) -> Result<i64, E>) -> Result<Self, E> {
        let mut levels = Vec::new();
        let mut ids = leaves;
        while ids.len() > SHORT && levels.len() + 1 < DEEPEST {
            let (groups, rest) = shape(&ids);
            if groups.is_empty() {
                break;
            }
            let level = u8::try_from(levels.len() + 1).unwrap_or(u8::MAX);
            let above = groups
                .into_iter()
                .map(|group| node(&Node { level, ids: group.to_vec() }))
                .collect::<Result<Vec<i64>, E>>()?;
            levels.push(rest.to_vec());
            ids = above;
        }
        levels.push(ids);
        Ok(Self { levels })
    }

    /// The leaves again; `load` reads a node. `None` where a node is not what it should be.
    pub fn leaves<E>(
        &self,
        mut load: impl FnMut(i64) -> Result<Option<Node>, E>,
    ) -> Result<Option<Vec<i64>>, E> {
        let mut leaves = Vec::new();
        for (level, ids) in self.levels.iter().enumerate().rev() {
            for &id in ids {
                if !expand(id, level, &mut load, &mut leaves)? {
                    return Ok(None);
                }
            }
        }
        Ok(Some(leaves))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut to = Vec::new();
        let mut last = 0;
        put(&mut to, self.levels.len() as u64);
        for ids in &self.levels {
            put(&mut to, ids.len() as u64);
            put_ids(&mut to, ids, &mut last);
        }
        to
    }

    pub fn decode(reader: &mut Reader) -> Option<Self> {
        let mut last = 0;
        let levels = usize::try_from(reader.number()?).ok().filter(|levels| *levels <= DEEPEST)?;
        let level = |_| {
            let length = reader.number()?;
            (0..length).map(|_| next_id(reader, &mut last)).collect::<Option<Vec<i64>>>()
        };
        Some(Self { levels: (0..levels).map(level).collect::<Option<_>>()? })
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
        fn recipe(&mut self, leaves: &[i64]) -> Recipe {
            let put = |node: &Node| {
                let next = 1_000_000 + i64::try_from(self.0.len()).unwrap();
                Ok::<_, ()>(*self.0.entry(node.encode()).or_insert(next))
            };
            Recipe::build(leaves.to_vec(), put).unwrap()
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
            let recipe = nodes.recipe(&(1..=length).collect::<Vec<_>>());
            roots += recipe.encode().len();
        }
        assert!(nodes.0.len() < 300, "{} nodes", nodes.0.len());
        assert!(roots / 2000 < 60, "{} bytes a root", roots / 2000);
    }

    proptest! {
        #[test]
        fn leaves_come_back(leaves in prop::collection::vec(0..5000_i64, 0..600)) {
            let mut nodes = Nodes::default();
            let recipe = nodes.recipe(&leaves);
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
