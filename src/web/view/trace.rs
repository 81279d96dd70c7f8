//! A trace or a session: its steps in the order of their tree, and its conversation, both in parts.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::put;
use crate::export::Records;
use crate::export::story::{by_trace, steps};
use crate::export::summary::{line, summary};
use crate::export::talk::{Beat, Shown, Steps, Talk, beats};
use crate::export::tree::arrange;
use crate::model::TraceId;
use crate::store::{Filter, Order, Page, Row, Store, Summary};
use crate::web::annotate;
use crate::web::fault::Fault;
use crate::web::kept::Kept;
use crate::web::query::Query;

/// What a page is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whole {
    Trace(TraceId),
    Session(String),
}

/// Of a larger one the first so many steps are shown.
const MOST_STEPS: usize = 20_000;
/// Steps and messages in a part, where nothing else is said, and at most.
const STEPS: usize = 300;
const MOST_IN_PART: usize = 2_000;
const BEATS: usize = 60;

/// The steps of a trace or session, in order.
pub struct Told {
    summary: Value,
    /// Each with its depth, in the order of the tree.
    steps: Vec<Value>,
    traces: Vec<(Steps, Vec<Row>)>,
    /// Where each trace begins and ends, among the steps and in time.
    turns: Vec<Turn>,
    /// What is said, with the trace that it is said in.
    beats: Vec<(usize, Beat)>,
    is_cut: bool,
}

/// One trace of a session: from its first step on, so many.
struct Turn {
    trace: String,
    from: usize,
    steps: usize,
    first: String,
    last: String,
}

impl Turn {
    fn of(rows: &[Row], from: usize) -> Self {
        let text = |row: &'_ Row, key: &str| row.head.get(key).and_then(Value::as_str).map(str::to_owned);
        let times = |key: &'static str| rows.iter().filter_map(move |row| text(row, key));
        let first = times("start_time").min().unwrap_or_default();
        Self {
            trace: rows.first().and_then(|row| text(row, "trace_id")).unwrap_or_default(),
            from,
            steps: rows.len(),
            // Times of one form are in the order of their letters. What has not ended has begun.
            last: times("end_time").chain(times("start_time")).max().unwrap_or_else(|| first.clone()),
            first,
        }
    }

    fn to_json(&self) -> Value {
        let Self { trace, from, steps, first, last } = self;
        json!({"trace_id": trace, "from": from, "steps": steps, "first_time": first, "last_time": last})
    }
}

impl Whole {
    /// Reads the id of a trace.
    pub fn trace(id: &str) -> Result<Self, Fault> {
        TraceId::parse(id).map(Self::Trace).ok_or_else(|| Fault::missing(format!("there is no trace {id:?}")))
    }

    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Trace(_) => "trace",
            Self::Session(_) => "session",
        }
    }

    fn filter(&self) -> Filter {
        match self {
            Self::Trace(id) => Filter { trace: Some(*id), ..Filter::default() },
            Self::Session(id) => Filter { session: Some(id.clone()), ..Filter::default() },
        }
    }

    async fn told(&self, store: &dyn Store) -> Result<Told, Fault> {
        let filter = self.filter();
        let (rows, is_cut) = steps(store, &filter, MOST_STEPS).await?;
        let page = |limit| Page { order: Order::OldestFirst, limit, after: None };
        let own: Vec<Summary> = match self {
            Self::Trace(_) => store.traces(filter, page(1)).await?,
            Self::Session(_) => store.sessions(filter, page(1)).await?,
        };
        let Some(own) = own.first().filter(|_| !rows.is_empty()) else {
            let kind = self.kind();
            return Err(Fault::missing(format!("there is no such {kind}, or no longer")));
        };
        let mut told = Told {
            summary: summary(own),
            steps: Vec::new(),
            traces: Vec::new(),
            turns: Vec::new(),
            beats: Vec::new(),
            is_cut,
        };
        let mut shown = Shown::new();
        for (at, (_, rows)) in by_trace(rows, Vec::new()).into_iter().enumerate() {
            told.turns.push(Turn::of(&rows, told.steps.len()));
            told.beats.extend(beats(&rows, &mut shown).into_iter().map(|beat| (at, beat)));
            told.steps.extend(arrange(&rows).iter().filter_map(|branch| {
                let mut step = line(rows.get(branch.row)?);
                step["depth"] = branch.depth.into();
                if branch.orphan {
                    step["orphan"] = true.into();
                }
                Some(step)
            }));
            told.traces.push((Steps::of(&rows), rows));
        }
        Ok(told)
    }
}

/// Steps of traces and sessions that were shown a moment ago: a long one is looked at part by part.
pub type Shelf = Kept<Whole, Told>;

async fn told(store: &dyn Store, shelf: &Shelf, whole: &Whole, from: usize) -> Result<Arc<Told>, Fault> {
    if from > 0
        && let Some(told) = shelf.get(whole)
    {
        return Ok(told);
    }
    let told = Arc::new(whole.told(store).await?);
    shelf.put(whole.clone(), Arc::clone(&told));
    Ok(told)
}

/// A part of the steps.
pub async fn tree(store: &dyn Store, shelf: &Shelf, whole: &Whole, query: &Query) -> Result<Value, Fault> {
    let from = query.number("from")?.unwrap_or(0);
    let limit = query.number("limit")?.unwrap_or(STEPS).clamp(1, MOST_IN_PART);
    let told = told(store, shelf, whole, from).await?;
    let steps: Vec<Value> = told.steps.iter().skip(from).take(limit).cloned().collect();
    let shown = from + steps.len();
    let mut data = head(whole, &told, from);
    data.insert("steps".to_owned(), annotate::beside_calls(store, steps).await?.into());
    data.insert("total".to_owned(), told.steps.len().into());
    let turns = told.turns.iter().filter(|turn| turn.from < shown && turn.from + turn.steps > from);
    data.insert("turns".to_owned(), turns.map(Turn::to_json).collect());
    if shown < told.steps.len() {
        data.insert("next_from".to_owned(), shown.into());
    } else if told.is_cut {
        data.insert("more_not_shown".to_owned(), true.into());
    }
    data.insert("annotations".to_owned(), annotate::of_whole(store, whole).await?);
    Ok(Value::Object(data))
}

/// A part of the conversation.
pub async fn conversation(
    store: &Arc<dyn Store>,
    shelf: &Shelf,
    whole: &Whole,
    query: &Query,
) -> Result<Value, Fault> {
    let from = query.number("from")?.unwrap_or(0);
    let limit = query.number("limit")?.unwrap_or(BEATS).clamp(1, MOST_IN_PART);
    let told = told(store.as_ref(), shelf, whole, from).await?;
    let mut talk = Talk::new(Records::new(Arc::clone(store)));
    let mut messages = Vec::new();
    let part: Vec<(usize, Beat)> = told.beats.iter().skip(from).take(limit).copied().collect();
    for (at, beat) in &part {
        let Some((steps, rows)) = told.traces.get(*at) else { continue };
        let Some(row) = rows.get(beat.row) else { continue };
        messages.extend(talk.said(row, *beat, steps).await?.iter().map(|said| said.to_json(row)));
    }
    let mut data = head(whole, &told, from);
    data.insert("messages".to_owned(), messages.into());
    let shown = from + part.len();
    put(&mut data, "next_from", (shown < told.beats.len()).then_some(shown));
    Ok(Value::Object(data))
}

fn head(whole: &Whole, told: &Told, from: usize) -> Map<String, Value> {
    let head = json!({"kind": whole.kind(), "summary": told.summary, "from": from});
    head.as_object().cloned().unwrap_or_default()
}
