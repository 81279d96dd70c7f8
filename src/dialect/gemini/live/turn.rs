//! One turn on a socket: what the client said, and what the model answered.

use serde_json::{Map, Value, json};

use super::NAME;
use crate::dialect::assemble::{First, Parts};
use crate::dialect::finish::reason;
use crate::dialect::gemini::content::part;
use crate::dialect::gemini::names::{Either, rest, snake, word_or_number};
use crate::dialect::gemini::usage::{add_searches, tier, usage};
use crate::model::{
    Answered, ApiError, Asked, Message, Micros, Operation, Part, PartKind, Reading, UsageSource,
};

/// A turn under way.
#[derive(Default)]
pub struct Turn {
    /// When the client last said something of it, or the model first.
    pub start: Option<Micros>,
    input: Vec<Message>,
    /// What the client streamed in, by its kind.
    streamed_in: Vec<Flow>,
    /// What of the client's sound was understood.
    heard: String,
    parts: Parts,
    /// What the model's sound says, as far as it was transcribed.
    spoken: String,
    sound: Vec<Flow>,
    first: First,
    answered: Answered,
    speaking: bool,
    interrupted: bool,
}

/// Sound or pictures that went by and were not kept.
struct Flow {
    mime_type: String,
    pieces: u64,
    bytes: u64,
}

/// What of a server's content is said elsewhere.
const KNOWN: &[&str] = &[
    "modelTurn",
    "outputTranscription",
    "inputTranscription",
    "interimInputTranscription",
    "generationComplete",
    "turnComplete",
    "turnCompleteReason",
    "interrupted",
    "waitingForInput",
];

impl Turn {
    /// The model has begun.
    pub fn speaking(&self) -> bool {
        self.speaking
    }

    pub fn is_empty(&self) -> bool {
        !self.speaking && self.input.is_empty() && self.streamed_in.is_empty() && self.heard.is_empty()
    }

    /// The client says something.
    pub fn say(&mut self, messages: Vec<Message>, at: Micros) {
        self.start = Some(at);
        self.input.extend(messages);
    }

    /// The client streams something in: text is kept, all else is counted.
    pub fn stream_in(&mut self, input: &Value, at: Micros) {
        self.start = Some(at);
        if let Some(text) = input.either_word("text") {
            self.input.push(Message::new("user", vec![Part::text(text)]));
        }
        let single = ["audio", "video", "media"].iter().filter_map(|key| input.either(key));
        for blob in single.chain(input.either_list("mediaChunks")) {
            flow(&mut self.streamed_in, blob);
        }
    }

    /// The model says something, or is said to have understood something.
    pub fn hear(&mut self, content: &Value, at: Micros) {
        if let Some(text) = transcribed(content, "inputTranscription") {
            self.heard.push_str(text);
        }
        self.interrupted |= content.either_truth("interrupted").unwrap_or_default();
        for (key, value) in rest(content, KNOWN) {
            if !value.as_object().is_some_and(Map::is_empty) {
                self.note(key, value);
            }
        }
        if let Some(text) = transcribed(content, "outputTranscription").filter(|text| !text.is_empty()) {
            self.begins(at);
            self.spoken.push_str(text);
        }
        let pieces = content.either("modelTurn").map(|turn| turn.either_list("parts")).unwrap_or_default();
        for piece in pieces {
            self.begins(at);
            match part(piece) {
                Some(Part { kind: PartKind::Blob { modality: "audio", .. }, .. }) => {
                    flow(&mut self.sound, piece.either("inlineData").unwrap_or(piece));
                }
                Some(Part { kind: PartKind::Text(text), extra }) if extra.is_empty() => {
                    self.parts.text(&text);
                }
                Some(Part { kind: PartKind::Reasoning(text), extra }) if extra.is_empty() => {
                    self.parts.reasoning(&text);
                }
                Some(part) => self.parts.whole(part),
                None => {}
            }
        }
    }

    /// The model asks for tools.
    pub fn call(&mut self, calls: impl Iterator<Item = PartKind>, at: Micros) {
        self.begins(at);
        calls.for_each(|call| self.parts.whole(call));
    }

    fn begins(&mut self, at: Micros) {
        self.speaking = true;
        self.start.get_or_insert(at);
        self.first.saw(at);
    }

    pub fn used(&mut self, raw: &Value) {
        used(&mut self.answered, raw);
    }

    pub fn note(&mut self, key: String, value: Value) {
        self.answered.extra.insert(key, value);
    }

    pub fn fail(&mut self, error: ApiError, at: Micros) {
        self.speaking = true;
        self.start.get_or_insert(at);
        self.answered.error = Some(error);
    }

    /// Why it ended: the provider's word for it, which is the name of the message where there is none.
    pub fn reason(&self, content: Option<&Value>) -> String {
        let said = content.and_then(|content| word_or_number(content.either("turnCompleteReason")?));
        said.unwrap_or_else(|| if self.interrupted { "interrupted" } else { "turnComplete" }.to_owned())
    }

    /// The turn as a call of its own. `word`: why it ended; `None` where the socket was closed before.
    pub fn finish(self, setup: &Asked, word: Option<&str>, at: Option<Micros>) -> Reading {
        let Self { start, mut input, streamed_in, heard, parts, spoken, sound, first, mut answered, .. } =
            self;
        let mut sounds: Vec<Part> = streamed_in.into_iter().map(Flow::part).collect();
        if !heard.is_empty() {
            sounds.push(Part::text(heard).with("transcript", true.into()));
        }
        if !sounds.is_empty() {
            input.push(Message::new("user", sounds));
        }
        let asked = Asked { input, ..setup.clone() };
        let mut said = parts.finish();
        if !spoken.is_empty() {
            said.push(Part::text(spoken).with("transcript", true.into()));
        }
        said.extend(sound.into_iter().map(Flow::part));
        let finish_reason = word.map(word_of);
        if !said.is_empty() || word.is_some() {
            answered.output.push(Message { finish_reason, ..Message::new("assistant", said) });
        }
        answered.finish_reasons.extend(word.map(str::to_owned));
        answered.complete = word.is_some();
        answered.first_token = first.0;
        if let Some(usage) = answered.usage.as_mut().filter(|_| word.is_none()) {
            usage.source = UsageSource::Partial;
        }
        let grounding = answered.extra.get("groundingMetadata");
        let queries = grounding.map_or(0, |grounding| grounding.either_list("webSearchQueries").len() as u64);
        add_searches(&mut answered.usage, asked.model.as_deref(), queries);
        Reading { dialect: NAME, operation: Operation::GenerateContent, asked, answered, start, end: at }
    }
}

/// What a turn used.
pub fn used(answered: &mut Answered, raw: &Value) {
    answered.usage = usage(raw).or(answered.usage.take());
    answered.service_tier = tier(raw).or(answered.service_tier.take());
}

/// A message of a kind that nobody knows, under its own name.
pub fn other(key: &str, value: &Value) -> Part {
    PartKind::Other { kind: snake(key), value: value.clone() }.into()
}

fn transcribed<'a>(content: &'a Value, key: &str) -> Option<&'a str> {
    content.either(key)?.either_text("text")
}

/// Counts a piece of sound or a picture.
fn flow(flows: &mut Vec<Flow>, blob: &Value) {
    let mime_type = blob.either_word("mimeType").unwrap_or("audio").to_owned();
    let length = blob.either_text("data").map_or(0, |data| data.trim_end_matches('=').len() as u64);
    let bytes = length * 3 / 4;
    match flows.iter_mut().find(|flow| flow.mime_type == mime_type) {
        Some(flow) => {
            flow.pieces += 1;
            flow.bytes += bytes;
        }
        None => flows.push(Flow { mime_type, pieces: 1, bytes }),
    }
}

impl Flow {
    fn part(self) -> Part {
        let Self { mime_type, pieces, bytes } = self;
        let kind = mime_type.split('/').next().unwrap_or_default().to_owned();
        let value = json!({"mime_type": mime_type, "pieces": pieces, "bytes": bytes});
        PartKind::Other { kind, value }.into()
    }
}

/// Why a turn ended, in OpenTelemetry's words.
fn word_of(word: &str) -> String {
    match word {
        "turnComplete" => "stop".to_owned(),
        "toolCall" => "tool_call".to_owned(),
        word => reason(word),
    }
}
