//! The last bodies and how they were cut, so that what the next one repeats is known by comparing bytes: an agent's call
//! is nearly all the one before.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::store::pieces::{Leaf, resume};

/// Bodies within a bound of bytes.
pub struct Recent {
    bodies: VecDeque<Body>,
    bytes: usize,
    most: usize,
}

struct Body {
    scope: String,
    bytes: Bytes,
    leaves: Vec<Leaf>,
    ids: Vec<i64>,
}

/// A body as far as it is one that came before.
pub struct Repeated {
    /// All leaves of the new body.
    pub leaves: Vec<Leaf>,
    /// The ids of the first of them.
    pub ids: Vec<i64>,
}

/// A body shorter than this is cut as fast as it is compared.
const SHORT: usize = 8 << 10;
/// As many bodies of a scope as are compared.
const COMPARED: usize = 12;
/// A memory's worth of a leaf, beside the bytes.
const LEAF: usize = 32;

impl Recent {
    pub fn new(most: usize) -> Self {
        Self { bodies: VecDeque::new(), bytes: 0, most }
    }

    pub fn clear(&mut self) {
        self.bodies.clear();
        self.bytes = 0;
    }

    /// What of a body is known from the one that begins most like it.
    pub fn find(&self, scope: &str, body: &[u8]) -> Option<Repeated> {
        if body.len() < SHORT {
            return None;
        }
        let of_scope = self.bodies.iter().rev().filter(|known| known.scope == scope).take(COMPARED);
        let (shared, known) =
            of_scope.map(|known| (shared(&known.bytes, body), known)).max_by_key(|(n, _)| *n)?;
        if shared < SHORT {
            return None;
        }
        let (kept, leaves) = resume(body, &known.leaves, shared);
        Some(Repeated { leaves, ids: known.ids[..kept].to_vec() })
    }

    /// Keeps a body, in the place of one that it goes on from.
    pub fn put(&mut self, scope: &str, bytes: Bytes, leaves: Vec<Leaf>, ids: Vec<i64>) {
        if bytes.len() < SHORT || bytes.len() > self.most / 2 {
            return;
        }
        let of_scope =
            |known: &Body| known.scope == scope && shared(&known.bytes, &bytes) > known.bytes.len() * 3 / 4;
        if let Some(old) = self.bodies.iter().rposition(of_scope).and_then(|at| self.bodies.remove(at)) {
            self.bytes -= old.size();
        }
        let body = Body { scope: scope.to_owned(), bytes, leaves, ids };
        self.bytes += body.size();
        self.bodies.push_back(body);
        while self.bytes > self.most
            && let Some(old) = self.bodies.pop_front()
        {
            self.bytes -= old.size();
        }
    }
}

impl Body {
    fn size(&self) -> usize {
        self.bytes.len() + self.leaves.len() * LEAF
    }
}

/// How many bytes they begin with alike. In blocks first: those are compared many bytes at a time.
fn shared(one: &[u8], other: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = one.chunks(BLOCK).zip(other.chunks(BLOCK)).take_while(|(a, b)| a == b && a.len() == BLOCK);
    let start = blocks.count() * BLOCK;
    start + one[start..].iter().zip(&other[start..]).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::pieces::cut;

    #[test]
    fn a_body_that_goes_on_is_known_as_far_as_it_does() {
        let body = |texts: usize| {
            let texts: Vec<String> =
                (0..texts).map(|text| format!("\"{}\"", format!("text {text} ").repeat(60))).collect();
            Bytes::from(format!("[{}]", texts.join(",")))
        };
        let (one, two) = (body(30), body(31));
        let mut recent = Recent::new(1 << 20);
        assert!(recent.find("a", &two).is_none());
        let leaves = cut(&one);
        let ids = (0..leaves.len()).map(|id| id as i64).collect();
        recent.put("a", one.clone(), leaves, ids);
        assert!(recent.find("b", &two).is_none());
        let found = recent.find("a", &two).unwrap();
        assert_eq!(found.leaves, cut(&two));
        assert!(found.ids.len() > 55, "{}", found.ids.len());
        recent.put("a", two.clone(), found.leaves, vec![0; 62]);
        assert_eq!(recent.bodies.len(), 1);
        for _ in 0..200 {
            recent.put("c", body(40), Vec::new(), Vec::new());
            recent.put("d", body(50), Vec::new(), Vec::new());
        }
        assert!(recent.bytes <= recent.most);
        recent.clear();
        assert!(recent.find("a", &one).is_none());
        assert_eq!(shared(&[1; 5000], &[1; 9000]), 5000);
        assert_eq!(shared(b"abc", b"abd"), 2);
    }
}
