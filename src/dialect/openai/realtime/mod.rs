//! `openai.realtime`: live conversations on a WebSocket, of OpenAI, Azure with its Voice Live, and xAI.
//!
//! A reading for each response, and one for each transcription of what a user said: that is a model of its own, with a bill
//! of its own. Sound is not kept; what was said in it is.

mod conversation;
mod live;
mod session;

use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard, Socket};
use crate::model::{Answered, Asked, Operation};

pub struct Realtime;

impl Dialect for Realtime {
    fn name(&self) -> &'static str {
        "openai.realtime"
    }

    fn claims(&self, call: &Call) -> bool {
        call.is_get() && call.trimmed().ends_with("/realtime")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Other
    }

    fn asked(&self, call: &Call, _body: &[u8]) -> Asked {
        Asked { model: session::model_of(call), ..Asked::default() }
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Unheard)
    }

    fn socket(&self, call: &Call) -> Option<Box<dyn Socket>> {
        Some(live::open(call))
    }
}

/// An address for sockets that was answered otherwise says nothing.
struct Unheard;

impl Answer for Unheard {
    fn event(&mut self, _heard: Heard<'_>) {}

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        Answered::default().into()
    }
}
