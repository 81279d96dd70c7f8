//! A book in memory: what a store does with marks, as plainly as it can be done.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use wiretape::model::{Link, Micros, ObservationId};
use wiretape::trace::{
    Answer, Book, Facts, Known, Mark, MarkKind, Nearest, Placed, Tool, Wanted, asked, marks, settle,
};

#[derive(Default)]
pub struct Memory {
    facts: BTreeMap<ObservationId, Arc<Facts>>,
    pub placed: BTreeMap<ObservationId, Placed>,
    pub tools: BTreeMap<ObservationId, Tool>,
    marks: BTreeSet<(MarkKind, Mark, Micros, ObservationId)>,
    kept: BTreeMap<ObservationId, Vec<(MarkKind, Mark, Micros, ObservationId)>>,
    pub looked_up: usize,
    pub read_again: usize,
}

impl Memory {
    pub fn add(&mut self, facts: Facts) {
        let facts = Arc::new(facts);
        self.facts.insert(facts.id, Arc::clone(&facts));
        settle(self, facts).unwrap();
    }

    fn shown(&self, id: ObservationId) -> Option<Known> {
        if let Some(tool) = self.tools.get(&id) {
            let placed = self.placed.get(&tool.asker)?;
            return Some(Known {
                id,
                start: tool.start,
                end: None,
                failed: false,
                is_refused: false,
                is_double: false,
                is_beside: false,
                trace: placed.trace,
                session: placed.session.clone(),
                parent: Some(tool.asker),
                prior: None,
                attempt: 1,
                process: None,
                client: self.facts.get(&tool.asker)?.client.clone(),
                place: tool.place,
            });
        }
        let (facts, placed) = (self.facts.get(&id)?, self.placed.get(&id)?);
        Some(Known {
            id,
            start: facts.start,
            end: facts.end,
            failed: facts.failed,
            is_refused: facts.is_refused,
            is_double: placed.double_of.is_some(),
            is_beside: placed.side.is_some(),
            trace: placed.trace,
            session: placed.session.clone(),
            parent: placed.parent,
            prior: placed.prior,
            attempt: placed.attempt,
            process: Some(facts.process),
            client: facts.client.clone(),
            place: 0,
        })
    }
}

impl Book for Memory {
    type Error = Infallible;

    fn find(&mut self, wanted: Wanted) -> Result<Vec<Known>, Infallible> {
        self.looked_up += 1;
        let Wanted { kind, mark, from, to, order, limit } = wanted;
        let range = (kind, mark, from, ObservationId(0))..=(kind, mark, to, ObservationId(u64::MAX));
        let ids: Vec<ObservationId> = match order {
            Nearest::Oldest => self.marks.range(range).map(|row| row.3).take(limit).collect(),
            Nearest::Newest => self.marks.range(range).rev().map(|row| row.3).take(limit).collect(),
        };
        Ok(ids.into_iter().filter_map(|id| self.shown(id)).collect())
    }

    fn known(&mut self, id: ObservationId) -> Result<Option<Known>, Infallible> {
        Ok(self.shown(id))
    }

    fn facts(&mut self, id: ObservationId) -> Result<Option<Arc<Facts>>, Infallible> {
        self.read_again += 1;
        Ok(self.facts.get(&id).map(Arc::clone))
    }

    fn has_links(&mut self, id: ObservationId, links: &[Link]) -> Result<bool, Infallible> {
        Ok(self.placed.get(&id).is_some_and(|placed| placed.links == links))
    }

    fn put(&mut self, facts: &Facts, placed: &Placed) -> Result<(), Infallible> {
        for old in self.kept.remove(&facts.id).unwrap_or_default() {
            self.marks.remove(&old);
        }
        self.tools.retain(|_, tool| tool.asker != facts.id);
        if placed.double_of.is_none() {
            for tool in asked(facts) {
                self.tools.insert(tool.id, tool);
            }
        }
        let rows: Vec<_> = marks(facts, placed)
            .into_iter()
            .map(|(id, kind, mark)| {
                let at = if id == facts.id { facts.start } else { facts.end.unwrap_or(facts.start) };
                (kind, mark, at, id)
            })
            .collect();
        self.marks.extend(rows.iter().copied());
        self.kept.insert(facts.id, rows);
        self.placed.insert(facts.id, placed.clone());
        Ok(())
    }

    fn tools(&mut self, asker: ObservationId) -> Result<Vec<Tool>, Infallible> {
        let mut tools: Vec<Tool> = self.tools.values().filter(|tool| tool.asker == asker).cloned().collect();
        tools.sort_by_key(|tool| tool.place);
        Ok(tools)
    }

    fn answer(&mut self, tool: &Tool, answer: &Answer) -> Result<(), Infallible> {
        self.tools.get_mut(&tool.id).unwrap().answer = Some(answer.clone());
        Ok(())
    }
}
