//! An exchange into observations: the dialect reads it, the price table bills it, and what the caller said is put beside.

use crate::dialect;
use crate::model::{
    ApiError, Caller, Client, Closer, Direction, Exchange, ExchangeId, Headers, Kind, Observation,
    ObservationId, Operation, Place, Reading, Status, TraceId, Usage, UsageSource,
};
use crate::price::{Call, Pricer, provider_billed, with_beside};
use crate::tokens;
use crate::trace::{OwnConvention, Said, said};

/// Response headers that name the call at the provider, the most telling first.
const REQUEST_IDS: &[&str] = &[
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-oai-request-id",
    "x-generation-id",
    "mistral-correlation-id",
    "x-ds-trace-id",
    "cf-ray",
];

/// What came of reading an exchange.
pub struct Observed {
    /// Each with what its caller says of it.
    pub observations: Vec<(Observation, Said)>,
    /// The reader panicked, and the bytes are all there is.
    pub panicked: bool,
}

/// Reads an exchange. One that no dialect knows, or that a reader failed at, is one observation of its head.
pub fn observe(exchange: &Exchange, pricer: &Pricer, own: &[OwnConvention]) -> Observed {
    let (readings, panicked) = match dialect::read(exchange) {
        Ok(readings) => (readings, false),
        Err(dialect::Panicked) => (Vec::new(), true),
    };
    let socket = exchange.upgrade && !readings.is_empty();
    let mut readings: Vec<Option<Reading>> = readings.into_iter().map(Some).collect();
    if readings.is_empty() {
        readings.push(None);
    }
    let observations = (0..).zip(readings).map(|(index, reading)| {
        let said = said(exchange, reading.as_ref(), own);
        (one(exchange, index, reading, socket, pricer, &said), said)
    });
    let mut observations: Vec<(Observation, Said)> = observations.collect();
    if panicked {
        let loss = "the reader failed; the bytes are kept".to_owned();
        observations.iter_mut().for_each(|(observation, _)| observation.losses.push(loss.clone()));
    }
    Observed { observations, panicked }
}

/// Each observation of an exchange has an id that follows from its place, so that reading again gives the same ids.
pub fn id_of(exchange: ExchangeId, index: u32) -> ObservationId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&exchange.to_bytes()).update(&index.to_be_bytes());
    let hash = hasher.finalize();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(hash.as_bytes().get(..8).unwrap_or(&[0; 8]));
    ObservationId(u64::from_be_bytes(bytes))
}

fn one(
    exchange: &Exchange,
    index: u32,
    mut reading: Option<Reading>,
    socket: bool,
    pricer: &Pricer,
    said: &Said,
) -> Observation {
    let head = exchange.head.as_ref();
    let http_status = head.map(|head| head.status);
    let endpoint = format!("{} {}", exchange.method, exchange.path_and_query().0);
    let operation = reading.as_ref().map_or(Operation::Other, |reading| reading.operation);
    let (status, ended_by) = status(exchange, reading.as_ref(), socket);
    if let Some(usage) = reading.as_mut().and_then(|reading| reading.answered.usage.as_mut())
        && matches!(status, Status::Cancelled | Status::Interrupted)
        && usage.source == UsageSource::Reported
        && usage.output.is_none()
    {
        usage.source = UsageSource::Partial;
    }
    // Never mixed with what the provider said: where it said anything, nothing is estimated.
    if let Some(reading) = &mut reading
        && let Some(usage) = tokens::estimate(reading)
    {
        reading.answered.usage = Some(usage);
    }
    let start = reading.as_ref().and_then(|reading| reading.start).unwrap_or(exchange.began);
    let end = reading.as_ref().and_then(|reading| reading.end).or_else(|| {
        if socket { None } else { exchange.response.end.as_ref().map(|(at, _)| *at).or(exchange.ended()) }
    });
    let error =
        reading.as_ref().and_then(|reading| reading.answered.error.clone()).or_else(|| raw_error(exchange));
    let cost = reading.as_ref().and_then(|reading| cost(&exchange.provider, reading, start, pricer));
    let name = match reading.as_ref().and_then(model_of) {
        Some(model) => format!("{} {model}", operation.name()),
        None if reading.is_some() => operation.name().to_owned(),
        None => endpoint.clone(),
    };
    Observation {
        id: id_of(exchange.id, index),
        exchange: exchange.id,
        index,
        kind: reading.as_ref().map_or(Kind::Span, |reading| reading.operation.kind()),
        name,
        start,
        end,
        status,
        error,
        ended_by,
        provider: exchange.provider.clone(),
        upstream: exchange.upstream.clone(),
        http_status,
        upstream_request_id: head.and_then(|head| request_id(&head.headers)),
        place: place(exchange, said),
        caller: caller(exchange, said),
        reading,
        endpoint,
        cost,
        losses: losses(exchange),
        redactions: exchange.redactions.clone(),
    }
}

/// The id that the most telling of its headers has, where that is text; each header is looked at once.
fn request_id(headers: &Headers) -> Option<String> {
    let mut found = [None; REQUEST_IDS.len()];
    for (name, value) in headers.iter() {
        let place = REQUEST_IDS.iter().position(|known| *known == name);
        if let Some(place) = place.and_then(|place| found.get_mut(place)) {
            place.get_or_insert(value);
        }
    }
    let id = found.into_iter().flatten().find_map(|value| std::str::from_utf8(value).ok());
    id.map(str::to_owned)
}

fn model_of(reading: &Reading) -> Option<&str> {
    reading.asked.model.as_deref().or(reading.answered.model.as_deref())
}

/// How it ended, and who ended it.
fn status(exchange: &Exchange, reading: Option<&Reading>, socket: bool) -> (Status, Option<Closer>) {
    let answered = reading.map(|reading| &reading.answered);
    let failed = exchange.head.as_ref().is_some_and(|head| head.status >= 400);
    let whole = answered.is_some_and(|answered| answered.complete);
    // A call on a socket is over when its answer is, whatever becomes of the socket.
    let broken = if whole { None } else { exchange.broken_by().map(|(by, _)| by) };
    if failed || answered.is_some_and(|answered| answered.error.is_some()) {
        return (Status::Error, broken.or(Some(Closer::Upstream)));
    }
    if socket && !whole {
        return (Status::Interrupted, broken.or(Some(Closer::Client)));
    }
    match broken {
        Some(Closer::Client) => (Status::Cancelled, broken),
        Some(Closer::Upstream | Closer::Us) => (Status::Interrupted, broken),
        None => (Status::Ok, Some(Closer::Upstream)),
    }
}

/// The error of a call that no dialect read.
fn raw_error(exchange: &Exchange) -> Option<ApiError> {
    let head = exchange.head.as_ref()?;
    if head.status >= 400 {
        return Some(dialect::error_of(head.status, &head.headers, &exchange.response.bytes));
    }
    let (by, why) = exchange.broken_by()?;
    (by != Closer::Client).then(|| ApiError {
        kind: Some("connection".to_owned()),
        message: Some(why.to_owned()),
        ..ApiError::default()
    })
}

fn cost(
    provider: &str,
    reading: &Reading,
    at: crate::model::Micros,
    pricer: &Pricer,
) -> Option<crate::model::Cost> {
    let answered = &reading.answered;
    // What was fetched again was billed when it was made; counting tokens is free.
    if matches!(reading.operation, Operation::FetchResponse | Operation::CountTokens | Operation::Other) {
        return None;
    }
    let nothing = Usage::default();
    if answered.usage.is_none() && answered.billed.is_none() {
        return None;
    }
    let usage = answered.usage.as_ref().unwrap_or(&nothing);
    let priced = |models: &[Option<&str>], usage: &Usage, service_tier: Option<&str>| {
        let mut known = models.iter().copied().flatten().filter(|model| !model.is_empty());
        known.find_map(|model| {
            let region = answered.region.as_deref();
            let call = Call { provider, model, usage, service_tier, region, at };
            pricer.cost(&call, answered.billed)
        })
    };
    let mut models = [answered.model.as_deref(), reading.asked.model.as_deref()];
    // A name that has the other in it says more of the same: Bedrock's profiles say where.
    if let [Some(of_answer), Some(asked)] = models
        && asked.contains(of_answer)
    {
        models.reverse();
    }
    let cost = priced(&models, usage, answered.service_tier.as_deref());
    if let Some(billed) = answered.billed {
        return cost.or_else(|| Some(provider_billed(billed)));
    }
    Some(answered.beside.iter().fold(cost?, |cost, beside| {
        let other = [beside.model.as_deref()];
        let models: &[Option<&str>] = if beside.model.is_some() { &other } else { &models };
        let more = priced(models, &beside.usage, beside.service_tier.as_deref());
        with_beside(cost, &beside.what, more)
    }))
}

/// Where it is until it is put in its place.
fn place(exchange: &Exchange, said: &Said) -> Place {
    Place {
        trace: TraceId(u128::from_be_bytes(exchange.id.to_bytes())),
        session: said.session.as_ref().map(|session| session.value.clone()),
        parent: None,
        attempt: 1,
        prompt_version: said.prompt_version.as_ref().map(|version| version.value.clone()),
        tools_version: None,
        links: Vec::new(),
    }
}

fn caller(exchange: &Exchange, said: &Said) -> Caller {
    let mut labels: Vec<(String, String)> =
        said.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let names =
        [("agent", &said.agent), ("trace_name", &said.trace_name), ("session_name", &said.session_name)];
    for (key, id) in names {
        if let Some(id) = id {
            labels.push((key.to_owned(), id.value.clone()));
        }
    }
    Caller {
        user: said.user.as_ref().map(|user| user.value.clone()),
        tags: said.tags.clone(),
        labels,
        client: client(exchange),
    }
}

/// The first product of the user agent: `claude-cli/2.0 (external)`.
fn client(exchange: &Exchange) -> Option<Client> {
    let agent = exchange.headers.text("user-agent")?;
    let first = agent.split([' ', '(']).next().filter(|first| !first.is_empty())?;
    let (name, version) =
        first.split_once('/').map_or((first, None), |(name, version)| (name, Some(version)));
    Some(Client { name: name.to_owned(), version: version.map(str::to_owned) })
}

fn losses(exchange: &Exchange) -> Vec<String> {
    let sides = [("request", Direction::Request), ("response", Direction::Response)];
    let lost = sides.into_iter().filter_map(|(name, direction)| {
        let lost = exchange.body(direction).lost;
        (lost > 0).then(|| format!("{lost} bytes at the end of the {name}'s body were not kept"))
    });
    lost.collect()
}

#[cfg(test)]
mod tests {
    use crate::model::{Answered, Asked, Beside};

    use super::*;

    fn total(provider: &str, asked: &str, answered: Answered) -> Option<String> {
        let usage = Usage { input: Some(1_000_000), output: Some(0), ..Usage::default() };
        let reading = Reading {
            dialect: "any",
            operation: Operation::Chat,
            asked: Asked { model: Some(asked.to_owned()), ..Asked::default() },
            answered: Answered { usage: Some(usage), ..answered },
            start: None,
            end: None,
        };
        let at = crate::model::Micros(1_795_219_200_000_000);
        cost(provider, &reading, at, &Pricer::default())?.total.map(|total| total.to_string())
    }

    #[test]
    fn work_beside_an_answer_costs_what_its_model_does() {
        let usage = || Usage { input: Some(100_000), output: Some(0), ..Usage::default() };
        let work = |what: &str, model: Option<&str>| Beside {
            what: what.to_owned(),
            model: model.map(str::to_owned),
            usage: usage(),
            service_tier: None,
        };
        let of = |beside: Vec<Beside>| {
            total("anthropic", "claude-haiku-4-5", Answered { beside, ..Answered::default() })
        };
        assert_eq!(of(Vec::new()).as_deref(), Some("1"));
        let both = vec![work("compaction", None), work("advisor_message", Some("claude-opus-4-5"))];
        assert_eq!(of(both).as_deref(), Some("1.6"));
        assert_eq!(of(vec![work("advisor_message", Some("never-heard-of"))]), None);
    }

    #[test]
    fn a_profile_says_more_than_the_model_in_it() {
        let model = || Some("claude-haiku-4-5-20251001".to_owned());
        let of = |asked| total("bedrock", asked, Answered { model: model(), ..Answered::default() });
        assert_eq!(of("global.anthropic.claude-haiku-4-5-20251001-v1:0").as_deref(), Some("1"));
        assert_eq!(of("us.anthropic.claude-haiku-4-5-20251001-v1:0").as_deref(), Some("1.1"));
        assert_eq!(of("arn:aws:bedrock:us-east-1:1:application-inference-profile/x").as_deref(), Some("1.1"));
    }
}
