//! `gemini.generate`: `:generateContent` and `:streamGenerateContent`, on the Gemini API, on Vertex AI and as Gemini CLI's own
//! API wraps them.

use super::gather::Gathered;
use super::path::posts_to;
use super::request::{fill, parsed};
use crate::dialect::assemble::First;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{ApiError, Asked, Operation};

pub struct Generate;

const STREAM: &str = "streamGenerateContent";

impl Dialect for Generate {
    fn name(&self) -> &'static str {
        "gemini.generate"
    }

    fn claims(&self, call: &Call) -> bool {
        posts_to(call, &["generateContent", STREAM])
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::GenerateContent
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let (mut asked, json) = parsed(call, body);
        asked.streamed = posts_to(call, &[STREAM]);
        if let Some(json) = json {
            fill(&mut asked, &json);
        }
        asked
    }

    fn answer(&self, call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        let tier = head.headers.text("x-gemini-service-tier").map(str::to_owned);
        Box::new(Listening { streamed: posts_to(call, &[STREAM]), tier, ..Listening::default() })
    }
}

#[derive(Default)]
struct Listening {
    /// A stream was asked for, which without SSE is one array.
    streamed: bool,
    /// What the response's head says of the tier.
    tier: Option<String>,
    gathered: Gathered,
    error: Option<ApiError>,
    heard: bool,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        self.streamed |= heard.streamed;
        self.heard |= heard.json.is_object();
        if heard.error {
            self.error = Some(ApiError::default());
        }
        if self.gathered.hear(&heard.json, self.streamed) {
            self.first.saw(heard.at);
        }
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { streamed, tier, gathered, error, heard, first } = *self;
        let mut answered = gathered.finish(heard && !streamed);
        answered.error = answered.error.or(error);
        answered.service_tier = answered.service_tier.or(tier);
        answered.first_token = first.0;
        answered.into()
    }
}
