//! OTLP's bodies: protobuf or JSON, gzip around either.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use prost::Message as _;

use super::json;
use super::message::{PartialSuccess, Request, Response};

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coding {
    #[default]
    Protobuf,
    Json,
}

pub const PROTOBUF: &str = "application/x-protobuf";
pub const JSON: &str = "application/json";

impl Coding {
    /// What a Content-Type says.
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            PROTOBUF | "application/protobuf" => Some(Self::Protobuf),
            JSON => Some(Self::Json),
            _ => None,
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => PROTOBUF,
            Self::Json => JSON,
        }
    }

    pub fn encode(self, request: &Request) -> Vec<u8> {
        match self {
            Self::Protobuf => request.encode_to_vec(),
            Self::Json => json::to_json(request).to_string().into_bytes(),
        }
    }

    pub fn decode(self, bytes: &[u8]) -> Result<Request, String> {
        match self {
            Self::Protobuf => Request::decode(bytes).map_err(|why| why.to_string()),
            Self::Json => {
                let value = serde_json::from_slice(bytes).map_err(|why| why.to_string())?;
                json::from_json(&value)
            }
        }
    }

    /// An answer that says how many spans were not taken.
    pub fn answer(self, rejected: i64, message: &str) -> Vec<u8> {
        let partial = (rejected > 0 || !message.is_empty())
            .then(|| PartialSuccess { rejected_spans: rejected, error_message: message.to_owned() });
        match (self, partial) {
            (Self::Protobuf, partial_success) => Response { partial_success }.encode_to_vec(),
            (Self::Json, None) => b"{}".to_vec(),
            (Self::Json, Some(PartialSuccess { rejected_spans, error_message })) => {
                let rejected = rejected_spans.to_string();
                let partial = serde_json::json!({"rejectedSpans": rejected, "errorMessage": error_message});
                serde_json::json!({"partialSuccess": partial}).to_string().into_bytes()
            }
        }
    }

    /// What an answer says of spans that were not taken: how many, and why.
    pub fn rejected(self, bytes: &[u8]) -> Option<(u64, String)> {
        let (count, why) = match self {
            Self::Protobuf => {
                let partial = Response::decode(bytes).ok()?.partial_success?;
                (partial.rejected_spans, partial.error_message)
            }
            Self::Json => {
                let answer: serde_json::Value = serde_json::from_slice(bytes).ok()?;
                let partial = answer.get("partialSuccess")?;
                let count = partial.get("rejectedSpans")?;
                let count = count.as_i64().or_else(|| count.as_str()?.parse().ok())?;
                let why = partial.get("errorMessage").and_then(|why| why.as_str()).unwrap_or_default();
                (count, why.to_owned())
            }
        };
        let count = u64::try_from(count).unwrap_or(0);
        (count > 0 || !why.is_empty()).then_some((count, why))
    }
}

/// Compresses what is sent.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    // Writing to memory does not fail.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

/// Takes the compression off what came, up to so many bytes.
pub fn gunzip(bytes: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = GzDecoder::new(bytes).take(limit).read_to_end(&mut plain);
    read.map_err(|why| format!("not gzip: {why}"))?;
    if plain.len() > most { Err(format!("larger than {most} bytes")) } else { Ok(plain) }
}
