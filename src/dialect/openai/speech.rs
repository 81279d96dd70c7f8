//! `openai.speech`: a text read out. The sound is not kept, its size is.

use serde_json::{Value, json};

use super::head;
use super::usage::{billed, usage};
use crate::dialect::assemble::First;
use crate::dialect::error::in_event;
use crate::dialect::json::{Look, rest};
use crate::dialect::vectors::decoded_length;
use crate::dialect::whole::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Message, Micros, Operation, Part, PartKind, Usage, UsageSource};

pub struct Speech;

impl Dialect for Speech {
    fn name(&self) -> &'static str {
        "openai.speech"
    }

    fn claims(&self, call: &Call) -> bool {
        // xAI's has a name of its own.
        call.posts_to("/audio/speech") || call.posts_to("/v1/tts")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Speech
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked { model: call.behind("deployments"), ..Asked::default() };
        let json = request(body, &mut asked);
        if let Some(model) = json.word("model") {
            asked.model = Some(model.to_owned());
        }
        asked.streamed = json.text("stream_format") == Some("sse") || json.truth("stream") == Some(true);
        let text = json.word("input").or_else(|| json.word("text"));
        asked.input.extend(text.map(|text| Message::new("user", vec![Part::text(text)])));
        asked.parameters = rest(&json, &["model", "input", "text", "stream"]);
        asked
    }

    fn answer(&self, call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        let mime_type = head.headers.text("content-type").filter(|kind| kind.starts_with("audio/"));
        // An encoding would make the announced length another.
        let plain = head.headers.get("content-encoding").is_none();
        let announced = head.headers.text("content-length").filter(|_| plain);
        Box::new(Listening {
            provider: call.provider.clone(),
            mime_type: mime_type.map(str::to_owned),
            announced: announced.and_then(|length| length.trim().parse().ok()),
            head: head::Said::of(head),
            ..Listening::default()
        })
    }
}

#[derive(Default)]
struct Listening {
    provider: String,
    head: head::Said,
    mime_type: Option<String>,
    /// How long the head says the body is.
    announced: Option<u64>,
    answered: Answered,
    size: u64,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        let json = &heard.json;
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        let sound = json.word("audio").or_else(|| json.word("audio_data"));
        if let Some(sound) = sound {
            self.size += decoded_length(sound);
            self.first.saw(heard.at);
        }
        if let Some(raw) = json.some("usage") {
            self.answered.usage = usage(raw, &self.provider);
            self.answered.billed = billed(raw);
        }
        let done = json.text("type").unwrap_or(heard.name).ends_with("audio.done");
        self.answered.complete |= done || heard.is_done() || !heard.streamed && !json.is_null();
    }

    fn opaque(&mut self, _beginning: &[u8], length: u64, _at: Micros) {
        self.size = length;
        self.answered.complete = length > 0 && self.announced.is_none_or(|announced| length >= announced);
    }

    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished {
        let Self { head, mime_type, mut answered, size, first, .. } = *self;
        answered.first_token = first.0;
        if size > 0 {
            let value: Value = json!({"size": size});
            let part = Part::from(PartKind::Other { kind: "audio".to_owned(), value });
            let part = part.with("mime_type", json!(mime_type));
            answered.output = vec![Message::new("assistant", vec![part])];
            // Nobody says what was used; whoever bills by the character bills these.
            answered.usage = answered.usage.or_else(|| estimated(asked));
        }
        head.put(&mut answered, asked.streamed);
        answered.into()
    }
}

fn estimated(asked: &Asked) -> Option<Usage> {
    let characters = asked.input.first()?.text().chars().count() as u64;
    Some(Usage { characters: Some(characters), source: UsageSource::Estimated, ..Usage::default() })
}
