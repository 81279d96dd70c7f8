//! Exchanges into what the store takes of them: read, priced, and with what tells where they belong.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use super::{entry, observe};
use crate::model::{Exchange, PartKind, Reading};
use crate::price::Pricer;
use crate::store::{Observed, Reread};
use crate::trace::{self, OwnConvention};

/// Reads exchanges. Whoever reads one again gets the same.
pub struct Reader {
    pricer: Pricer,
    conventions: Vec<OwnConvention>,
    versions: Mutex<HashMap<u64, Versions>>,
}

/// Versions of a system prompt and of a set of tools. An agent's calls have them in common, and finding them takes longer
/// than knowing them again.
type Versions = (Option<String>, Option<String>);

/// So many are known again.
const MOST_VERSIONS: usize = 1000;

/// What came of reading an exchange.
pub struct Read {
    pub observed: Vec<Observed>,
    /// The reader panicked, and the bytes are all there is.
    pub panicked: bool,
}

impl Reader {
    pub fn new(pricer: Pricer, conventions: &trace::Config) -> Arc<Self> {
        Arc::new(Self { pricer, conventions: conventions.conventions.clone(), versions: Mutex::default() })
    }

    pub fn read(&self, exchange: &Exchange) -> Read {
        let observe::Observed { mut observations, panicked } =
            observe::observe(exchange, &self.pricer, &self.conventions);
        for (observation, _) in &mut observations {
            let Some(reading) = &observation.reading else { continue };
            let (prompt, tools) = self.versions(reading);
            let place = &mut observation.place;
            place.prompt_version = place.prompt_version.take().or(prompt);
            place.tools_version = tools;
        }
        let observed = observations.into_iter().map(|(observation, said)| {
            let scope = trace::scope(&exchange.headers, &said);
            let facts = trace::facts(&observation, &said, scope);
            entry::observed(observation, facts)
        });
        Read { observed: observed.collect(), panicked }
    }

    fn versions(&self, reading: &Reading) -> Versions {
        if reading.asked.system.is_empty() && reading.asked.tools.is_empty() && !begins_with_system(reading) {
            return (None, None);
        }
        let key = key(reading);
        let mut known = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(versions) = known.get(&key) {
            return versions.clone();
        }
        let versions = (trace::prompt::version(reading), trace::prompt::tools_version(reading));
        if known.len() >= MOST_VERSIONS {
            known.clear();
        }
        known.insert(key, versions.clone());
        versions
    }

    /// As stores ask for it.
    pub fn reread(self: &Arc<Self>) -> Reread {
        let reader = Arc::clone(self);
        Arc::new(move |exchange| reader.read(exchange).observed)
    }
}

const SYSTEM: [&str; 2] = ["system", "developer"];

fn begins_with_system(reading: &Reading) -> bool {
    reading.asked.input.first().is_some_and(|first| SYSTEM.contains(&first.role.as_str()))
}

/// What prompts and tools are known again by within this program's life.
fn key(reading: &Reading) -> u64 {
    let mut hasher = DefaultHasher::new();
    let asked = &reading.asked;
    let leading = asked.input.iter().take_while(|message| SYSTEM.contains(&message.role.as_str()));
    for part in asked.system.iter().chain(leading.flat_map(|message| &message.parts)) {
        match &part.kind {
            PartKind::Text(text) => text.hash(&mut hasher),
            other => other.name().hash(&mut hasher),
        }
    }
    asked.tools.hash(&mut hasher);
    hasher.finish()
}
