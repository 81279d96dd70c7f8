//! The order in which calls come to be known does not matter, nor does who tells of them.

use proptest::prelude::*;

use crate::agent::Made;
use crate::memory::Memory;
use crate::sessions::{plays, results, wrong};

fn told(made: &[Made], order: &[usize]) -> Memory {
    let mut book = Memory::default();
    for at in order {
        book.add(made[*at].facts.clone());
    }
    book
}

/// A permutation of each play's calls, some of them told twice.
fn order(length: usize, seed: &[u16]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    for at in (1..length).rev() {
        let with = usize::from(seed[at % seed.len()]).wrapping_mul(at + 7) % (at + 1);
        order.swap(at, with);
    }
    order.extend(seed.iter().take(3).map(|number| usize::from(*number) % length));
    order
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_gives_the_same_places(seed in prop::collection::vec(any::<u16>(), 40)) {
        for (name, made) in plays() {
            let straight: Vec<usize> = (0..made.len()).collect();
            let expected = told(&made, &straight);
            let found = told(&made, &order(made.len(), &seed));
            let wrong = wrong(&found, &made);
            prop_assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
            prop_assert_eq!(results(&found), results(&expected), "{}", name);
            for (id, placed) in &expected.placed {
                prop_assert_eq!(&found.placed[id], placed, "{}", name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_gives_the_same_places_where_calls_were_never_seen(seed in prop::collection::vec(any::<u16>(), 40)) {
        for (name, mut made) in plays() {
            let mut at = 0;
            made.retain(|_| {
                at += 1;
                seed[(at * 3) % seed.len()] % 6 > 0
            });
            if made.is_empty() {
                continue;
            }
            let straight: Vec<usize> = (0..made.len()).collect();
            let expected = told(&made, &straight);
            let found = told(&made, &order(made.len(), &seed));
            prop_assert_eq!(results(&found), results(&expected), "{}", name);
            for (id, placed) in &expected.placed {
                prop_assert_eq!(&found.placed[id], placed, "{}", name);
            }
        }
    }
}

#[test]
fn the_other_way_round_gives_the_same_places() {
    for (name, made) in plays() {
        let order: Vec<usize> = (0..made.len()).rev().collect();
        let wrong = wrong(&told(&made, &order), &made);
        assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
    }
}
