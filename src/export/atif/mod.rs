//! Agent trajectories (ATIF 1.7, the interchange format of Harbor): a trace is a trajectory, and an agent that it started is
//! one within it.

mod step;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::encode::{EncodeError, Encoder, InTalk, Trace};
use super::format::{Format, Takes};
use super::talk::Said;
use crate::store::Row;

pub const FORMAT: Format = Format {
    name: "atif",
    extension: "json",
    media_type: "application/json",
    help: "Agent trajectories as Harbor reads them; of several traces one a line.",
    is_binary: false,
    takes: Takes::Talks(|_| Box::new(Atif::default())),
};

const VERSION: &str = "ATIF-v1.7";

#[derive(Default)]
struct Atif {
    trace: Option<Box<Trace>>,
    /// The trace's own trajectory, and within it those of the agents at hand.
    open: Vec<Trajectory>,
}

/// A trajectory that grows.
#[derive(Default)]
struct Trajectory {
    id: String,
    steps: Vec<Value>,
    /// Where the step of an observation is.
    places: HashMap<String, usize>,
    /// Trajectories of agents that were started, and the tool's call that each was started by.
    within: Vec<Value>,
    started: HashMap<String, Vec<Value>>,
    /// The call of a tool that came last.
    call: String,
    cost: Option<f64>,
}

impl Encoder<InTalk> for Atif {
    fn put(&mut self, item: &InTalk, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        match item {
            InTalk::Begin(trace) => {
                self.open = vec![Trajectory::new(&trace.summary.id)];
                self.trace = Some(trace.clone());
                Ok(0)
            }
            InTalk::Said { row, said, is_answer } => {
                let Some(trace) = self.trace.take() else { return Ok(0) };
                if let Some(row) = trace.rows.get(*row) {
                    self.said(row, said, *is_answer, &trace);
                }
                self.trace = Some(trace);
                Ok(0)
            }
            InTalk::End => {
                let Some(trace) = self.trace.take() else { return Ok(0) };
                self.leave(0, &trace);
                let Some(root) = self.open.pop() else { return Ok(0) };
                // Of calls beside the main line alone there is nothing to tell.
                let Some(root) = root.written(&trace, true) else { return Ok(0) };
                out.extend_from_slice(root.to_string().as_bytes());
                out.push(b'\n');
                Ok(1)
            }
        }
    }
}

impl Atif {
    fn said(&mut self, row: &Row, said: &Said, is_answer: bool, trace: &Trace) {
        self.leave(said.level, trace);
        while self.open.len() <= said.level {
            let id = self.open.last().map(|last| last.call.clone()).unwrap_or_default();
            self.open.push(Trajectory::new(&id));
        }
        if let Some(open) = self.open.last_mut() {
            open.add(row, said, is_answer);
        }
    }

    /// Ends trajectories that are further in than this.
    fn leave(&mut self, level: usize, trace: &Trace) {
        while self.open.len() > level + 1 {
            let Some(inner) = self.open.pop() else { return };
            let Some(outer) = self.open.last_mut() else { return };
            let (id, cost) = (inner.id.clone(), inner.cost);
            let Some(written) = inner.written(trace, false) else { continue };
            outer.started.entry(id.clone()).or_default().push(json!({"trajectory_id": id}));
            outer.within.push(written);
            outer.cost = outer.cost.zip(cost).map(|(own, more)| own + more);
        }
    }
}

impl Trajectory {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), cost: Some(0.0), ..Self::default() }
    }

    fn add(&mut self, row: &Row, said: &Said, is_answer: bool) {
        let id = step::text(&row.head, "id");
        match said.role.as_str() {
            "call" => {
                self.call = id.to_owned();
                let asker = step::text(&row.head, "parent_id");
                let at = self.places.get(asker).copied().unwrap_or_else(|| {
                    // Whoever asked for it was not seen.
                    self.steps.push(step::unseen(row));
                    self.steps.len() - 1
                });
                self.places.insert(id.to_owned(), at);
                if let Some(own) = self.steps.get_mut(at) {
                    step::push(own, &["tool_calls"], step::call(row, said));
                }
            }
            "result" => {
                let started = self.started.remove(id);
                self.result(row, Some(said), started);
            }
            "assistant" if is_answer => {
                self.places.insert(id.to_owned(), self.steps.len());
                self.steps.push(step::answer(row, said));
                let cost = row.head.get("cost").and_then(|cost| cost.get("total")).and_then(Value::as_f64);
                self.cost = self.cost.zip(cost).map(|(sum, cost)| sum + cost);
            }
            _ => self.steps.push(step::other(row, said)),
        }
    }

    fn result(&mut self, row: &Row, said: Option<&Said>, started: Option<Vec<Value>>) {
        let Some(own) = self.places.get(step::text(&row.head, "id")).and_then(|at| self.steps.get_mut(*at))
        else {
            return;
        };
        let mut result = step::result(row, said);
        if let Some(started) = started {
            result["subagent_trajectory_ref"] = started.into();
        }
        step::push(own, &["observation", "results"], result);
    }

    /// As the format has it; nothing where nothing was said.
    fn written(mut self, trace: &Trace, is_root: bool) -> Option<Value> {
        // Agents whose tool has no result yet.
        for (call, started) in std::mem::take(&mut self.started) {
            let row = trace.rows.iter().find(|row| step::text(&row.head, "id") == call);
            if let Some(row) = row {
                self.result(row, None, Some(started));
            }
        }
        if self.steps.is_empty() {
            return None;
        }
        for (own, number) in self.steps.iter_mut().zip(1_u64..) {
            own["step_id"] = number.into();
        }
        let mut written = Map::new();
        written.insert("schema_version".to_owned(), VERSION.into());
        let session = trace.summary.session.as_ref().unwrap_or(&trace.summary.id);
        written.insert("session_id".to_owned(), session.as_str().into());
        written.insert("trajectory_id".to_owned(), self.id.as_str().into());
        written.insert("agent".to_owned(), step::agent(trace, &self.steps));
        written.insert("final_metrics".to_owned(), self.metrics());
        written.insert("steps".to_owned(), self.steps.into());
        if !self.within.is_empty() {
            written.insert("subagent_trajectories".to_owned(), self.within.into());
        }
        if is_root {
            let Trace { summary, rows } = trace;
            let notes = rows.iter().find_map(|row| row.head.get("annotations"));
            let mut extra = json!({"status": summary.status, "users": summary.users, "tags": summary.tags});
            if let Some(notes) = notes {
                extra["annotations"] = notes.clone();
            }
            written.insert("extra".to_owned(), extra);
        }
        Some(written.into())
    }

    /// Sums over its steps; what is unknown of one is unknown of all.
    fn metrics(&self) -> Value {
        let sum = |key: &str| {
            let agents =
                self.steps.iter().filter(|own| own.get("llm_call_count").is_some_and(|count| count == 1));
            agents.map(|own| own.get("metrics")?.get(key)?.as_u64()).sum::<Option<u64>>()
        };
        let mut metrics = Map::new();
        for key in ["prompt_tokens", "completion_tokens", "cached_tokens"] {
            if let Some(sum) = sum(key) {
                metrics.insert(format!("total_{key}"), sum.into());
            }
        }
        if let Some(cost) = self.cost {
            metrics.insert("total_cost_usd".to_owned(), cost.into());
        }
        metrics.insert("total_steps".to_owned(), self.steps.len().into());
        metrics.into()
    }
}
