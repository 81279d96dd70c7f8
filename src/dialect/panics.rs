//! A dialect that panics in the middle of an answer, so that tests can see what that costs.

use super::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Asked, Operation};

/// Claims calls whose path ends with `/panics`.
pub struct Panics;

impl Dialect for Panics {
    fn name(&self) -> &'static str {
        "test.panics"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/panics")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Other
    }

    fn asked(&self, _call: &Call, _body: &[u8]) -> Asked {
        Asked::default()
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Self)
    }
}

impl Answer for Panics {
    fn event(&mut self, _heard: Heard<'_>) {
        panic!("a reader that panics, as this test wants it");
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        Finished::default()
    }
}
