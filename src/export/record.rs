//! Whole records: the head from the store, what was said from the exchange.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::leave::Leave;
use super::raw;
use crate::dialect;
use crate::model::{Exchange, ExchangeId, Message, ObservationId, Reading};
use crate::store::{Store, StoreError, Stored};
use crate::trace;

/// How many answers back a history is put together that the provider keeps.
const LONGEST_CHAIN: usize = 2_000;

/// So many exchanges are kept with their readings: the one at hand, the one it goes on from, and those of its tools.
const KEPT: usize = 3;

type Read = (Arc<Exchange>, Arc<Vec<Reading>>);

/// Puts records together. Of the exchanges read last it keeps the readings: a socket has hundreds of them.
pub struct Records {
    pub(super) store: Arc<dyn Store>,
    /// What may leave of an exchange.
    leave: Arc<Leave>,
    /// The one read last comes first.
    last: VecDeque<(ExchangeId, Read)>,
}

impl Records {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self::leaving(store, Arc::default())
    }

    /// Records on their way out of the house.
    pub(super) fn leaving(store: Arc<dyn Store>, leave: Arc<Leave>) -> Self {
        Self { store, leave, last: VecDeque::new() }
    }

    /// The whole record; with `raw`, what was on the wire too.
    pub async fn record(
        &mut self,
        stored: &Stored,
        with_raw: bool,
    ) -> Result<Map<String, Value>, StoreError> {
        let mut record = stored.head.clone();
        if record.contains_key("tool") {
            self.fill_tool(stored, &mut record).await?;
            return Ok(record);
        }
        match (&stored.content, stored.exchange) {
            (Some(content), _) => record.extend(content.clone()),
            (None, Some(id)) => {
                if let Some((_, readings)) = self.read(id).await?
                    && let Some(reading) = usize::try_from(stored.index).ok().and_then(|at| readings.get(at))
                {
                    record.extend(self.content(reading).await?);
                }
            }
            (None, None) => {}
        }
        if with_raw
            && let Some(id) = stored.exchange
            && let Some((exchange, _)) = self.read(id).await?
        {
            record.insert("raw".to_owned(), raw::to_json(&exchange));
        }
        Ok(record)
    }

    /// What a tool was given and what came of it, from where both were said.
    async fn fill_tool(
        &mut self,
        stored: &Stored,
        record: &mut Map<String, Value>,
    ) -> Result<(), StoreError> {
        let Some(exchange) = stored.exchange else { return Ok(()) };
        record.shift_remove("exchange_index");
        let text = |record: &Map<String, Value>, key: &str| {
            record.get("tool").and_then(|tool| tool.get(key)).and_then(Value::as_str).map(str::to_owned)
        };
        let (call_id, name) = (text(record, "call_id"), text(record, "name").unwrap_or_default());
        let (place, index) = trace::tool_place(stored.index);
        let mut arguments = None;
        let mut result = None;
        if let Some((_, readings)) = self.read(exchange).await?
            && let Some(asker) = readings.get(index)
        {
            arguments = trace::arguments(asker, place);
            result = call_id.as_deref().and_then(|id| trace::result_at_provider(asker, id));
        }
        if let Some(bringer) = text(record, "answered_by").as_deref().and_then(ObservationId::parse)
            && let Some(Stored { exchange: Some(exchange), index, .. }) =
                self.store.observation(bringer).await?
            && let Some((_, readings)) = self.read(exchange).await?
            && let Some(bringer) = usize::try_from(index).ok().and_then(|index| readings.get(index))
        {
            result = trace::result(bringer, call_id.as_deref(), &name, place);
        }
        if let Some(Value::Object(tool)) = record.get_mut("tool") {
            let said = [("arguments", arguments), ("result", result)];
            tool.extend(said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        }
        Ok(())
    }

    /// The record of this id, if there is one.
    pub async fn by_id(
        &mut self,
        id: ObservationId,
        raw: bool,
    ) -> Result<Option<Map<String, Value>>, StoreError> {
        match self.store.observation(id).await? {
            Some(stored) => Ok(Some(self.record(&stored, raw).await?)),
            None => Ok(None),
        }
    }

    pub(super) async fn read(&mut self, id: ExchangeId) -> Result<Option<Read>, StoreError> {
        let known = self.last.iter().position(|(last, _)| *last == id);
        let (id, read) = match known.and_then(|at| self.last.remove(at)) {
            Some(known) => known,
            None => {
                let Some(mut exchange) = self.store.exchange(id).await? else { return Ok(None) };
                self.leave.exchange(&mut exchange);
                // A reader that panics leaves the head, and the bytes.
                let readings = dialect::read(&exchange).unwrap_or_default();
                (id, (Arc::new(exchange), Arc::new(readings)))
            }
        };
        self.last.push_front((id, read.clone()));
        self.last.truncate(KEPT);
        Ok(Some(read))
    }

    /// What was said. Where the provider keeps the history and the call says only what is new, the history is put before
    /// it, as far as it is in the store.
    async fn content(&self, reading: &Reading) -> Result<Map<String, Value>, StoreError> {
        let mut content = reading.content();
        let Some(first) = reading.asked.continues.clone().filter(|_| !reading.asked.whole) else {
            return Ok(content);
        };
        let mut history: Vec<Vec<Value>> = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some(first);
        while let Some(id) = next.take()
            && seen.len() < LONGEST_CHAIN
            && seen.insert(id.clone())
        {
            let Some(before) = self.answered(&id).await? else { break };
            let (input, output) = (&before.asked.input, &before.answered.output);
            history.push(input.iter().chain(output).map(Message::to_json).collect());
            next = before.asked.continues.clone().filter(|_| !before.asked.whole);
        }
        if history.is_empty() {
            return Ok(content);
        }
        let own = content.remove("input").and_then(|own| own.as_array().cloned()).unwrap_or_default();
        let mut input: Vec<Value> = history.into_iter().rev().flatten().collect();
        content.insert("input_from_history".to_owned(), input.len().into());
        input.extend(own);
        content.insert("input".to_owned(), input.into());
        Ok(content)
    }

    /// The reading whose answer has this id.
    async fn answered(&self, response: &str) -> Result<Option<Reading>, StoreError> {
        let Some(stored) = self.store.answered(response.to_owned()).await? else { return Ok(None) };
        let Some(id) = stored.exchange else { return Ok(None) };
        let Some(mut exchange) = self.store.exchange(id).await? else { return Ok(None) };
        self.leave.exchange(&mut exchange);
        let mut readings = dialect::read(&exchange).unwrap_or_default();
        let at = usize::try_from(stored.index).unwrap_or(usize::MAX);
        Ok((at < readings.len()).then(|| readings.swap_remove(at)))
    }
}

/// A record as one line of JSON.
pub fn line(record: &Map<String, Value>) -> String {
    let mut line = serde_json::to_string(record).unwrap_or_default();
    line.push('\n');
    line
}
