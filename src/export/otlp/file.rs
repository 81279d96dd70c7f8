//! Files of spans: the same that destinations are sent, for whoever takes files.

use std::collections::HashSet;

use serde_json::Value;

use super::projection::{Projection, projection};
use super::root::{Gather, is_main, root_id};
use super::{Coding, Form, Servers, Step};
use crate::export::encode::{self, EncodeError, Encoder, InTrace};
use crate::export::format::{Format, Takes};
use crate::export::wanted::{Origin, Wanted};
use crate::model::TraceId;

pub const OTLP: Format = Format {
    name: "otlp",
    extension: "otlp.jsonl",
    media_type: "application/x-ndjson",
    help: "OpenTelemetry's spans as lines of JSON, as collectors' file receivers take them.",
    is_binary: false,
    takes: Takes::Traces(|wanted| file(wanted, "genai", Coding::Json)),
};

pub const OTLP_PROTOBUF: Format = Format {
    name: "otlp-protobuf",
    extension: "otlp.pb",
    media_type: "application/x-protobuf",
    help: "The same as one message of protobuf.",
    is_binary: true,
    takes: Takes::Traces(|wanted| file(wanted, "genai", Coding::Protobuf)),
};

pub const OPENINFERENCE: Format = Format {
    name: "openinference",
    extension: "openinference.jsonl",
    media_type: "application/x-ndjson",
    help: "OpenInference's spans as lines of JSON, for Phoenix and Arize.",
    is_binary: false,
    takes: Takes::Traces(|wanted| file(wanted, "openinference", Coding::Json)),
};

fn file(wanted: &Wanted, name: &str, coding: Coding) -> Box<dyn Encoder<InTrace>> {
    let form = projection(name).map(|projection: &'static Projection| Form::of(projection));
    Box::new(File { form, coding, servers: servers(&wanted.origins), trace: None })
}

struct File {
    form: Option<Form>,
    coding: Coding,
    servers: Servers,
    trace: Option<Under>,
}

/// The trace that goes by.
struct Under {
    id: TraceId,
    known: HashSet<String>,
    gather: Gather,
}

/// Where each upstream's calls went.
fn servers(origins: &[Origin]) -> Servers {
    let server = |origin: &Origin| {
        let (scheme, rest) = origin.url.split_once("://")?;
        let authority = rest.split('/').next()?;
        let usual = if scheme == "https" { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, usual),
        };
        Some((origin.upstream.clone(), (host.trim_matches(['[', ']']).to_owned(), port)))
    };
    origins.iter().filter_map(server).collect()
}

impl Encoder<InTrace> for File {
    fn put(&mut self, item: &InTrace, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        match item {
            InTrace::Begin(trace) => {
                let id = TraceId::parse(&trace.summary.id);
                let id = id.ok_or_else(|| EncodeError("a trace without an id".to_owned()))?;
                let ids = trace.rows.iter().filter_map(|row| row.head.get("id")?.as_str());
                let mut gather = Gather::default();
                gather.any(trace.summary.first, trace.summary.last);
                self.trace = Some(Under { id, known: ids.map(str::to_owned).collect(), gather });
                Ok(0)
            }
            InTrace::Step(step) => {
                self.step(step, out);
                Ok(0)
            }
            InTrace::End => {
                let Some(Under { id, gather, .. }) = self.trace.take() else { return Ok(0) };
                let Some(root) = gather.root(id) else { return Ok(0) };
                self.write(&root, out);
                // What is counted is traces.
                Ok(1)
            }
        }
    }
}

impl File {
    fn step(&mut self, step: &encode::Step, out: &mut Vec<u8>) {
        let record = &step.record;
        let Some(mut step) = Step::of(record, &self.servers) else { return };
        if let Some(under) = &mut self.trace {
            let parent = record.get("parent_id").and_then(Value::as_str);
            if !parent.is_some_and(|parent| under.known.contains(parent)) {
                step.parent = Some(root_id(under.id));
            }
            if is_main(record) {
                under.gather.main(&step);
            }
        }
        self.write(&step, out);
    }

    fn write(&self, step: &Step, out: &mut Vec<u8>) {
        let Some(form) = &self.form else { return };
        out.extend(self.coding.encode(&form.request(vec![form.span(step)])));
        // Messages of protobuf that stand one behind the other are one message with all their spans.
        if self.coding == Coding::Json {
            out.push(b'\n');
        }
    }
}
