//! What holds for a whole session until it is changed: the model, its instructions and tools.

use serde_json::{Map, Value};

use crate::dialect::Call;
use crate::dialect::json::{Look, rest};
use crate::dialect::openai::content::tool;
use crate::dialect::openai::responses::{instructions, overlay};
use crate::model::Asked;

/// What of a session is said elsewhere in the record, or is no setting.
const KNOWN: &[&str] =
    &["id", "object", "type", "model", "instructions", "tools", "expires_at", "client_secret", "event_id"];

/// The model in the address; Azure has the deployment there.
pub fn model_of(call: &Call) -> Option<String> {
    call.parameter("model").or_else(|| call.parameter("deployment"))
}

/// A session as the server last described it, or the client, where the server has not answered yet.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Of the address.
    model: Option<String>,
    own: Value,
}

impl Session {
    pub fn of(call: &Call) -> Self {
        Self { model: model_of(call), own: Value::Object(Map::new()) }
    }

    /// What is newly said of it. Servers send all of it, clients what they change.
    pub fn update(&mut self, session: Value) {
        if session.is_object() {
            overlay(&mut self.own, session);
        }
    }

    /// The model that the server says it runs.
    pub fn model(&self) -> Option<String> {
        self.own.word("model").map(str::to_owned)
    }

    /// The model that writes down what users say, and the settings it has.
    pub fn transcription(&self) -> Option<&Value> {
        let audio = self.own.get("audio").and_then(|audio| audio.get("input")?.some("transcription"));
        audio.or_else(|| self.own.some("input_audio_transcription"))
    }

    /// What a response is asked for: the session's settings, and over them its own.
    pub fn asked(&self, own: &Value) -> Asked {
        let mut all = self.own.clone();
        if own.is_object() {
            overlay(&mut all, own.clone());
        }
        Asked {
            model: self.model.clone().or_else(|| self.model()),
            streamed: true,
            system: instructions(&all),
            tools: all.list("tools").iter().map(tool).collect(),
            parameters: rest(&all, KNOWN).into_iter().filter(|(key, _)| key != "input").collect(),
            ..Asked::default()
        }
    }
}
