//! Exchanges into what the store takes of them: read, priced, and with what tells where they belong.

use std::sync::Arc;

use super::{entry, observe};
use crate::model::Exchange;
use crate::price::Pricer;
use crate::store::{Observed, Reread};
use crate::trace::{self, OwnConvention};

/// Reads exchanges. Whoever reads one again gets the same.
pub struct Reader {
    pricer: Pricer,
    conventions: Vec<OwnConvention>,
}

/// What came of reading an exchange.
pub struct Read {
    pub observed: Vec<Observed>,
    /// The reader panicked, and the bytes are all there is.
    pub panicked: bool,
}

impl Reader {
    pub fn new(pricer: Pricer, conventions: &trace::Config) -> Arc<Self> {
        Arc::new(Self { pricer, conventions: conventions.conventions.clone() })
    }

    pub fn read(&self, exchange: &Exchange) -> Read {
        let observe::Observed { observations, panicked } =
            observe::observe(exchange, &self.pricer, &self.conventions);
        let observed = observations.iter().map(|(observation, said)| {
            let scope = trace::scope(&exchange.headers, said);
            entry::observed(observation, Some(trace::facts(observation, said, scope)))
        });
        Read { observed: observed.collect(), panicked }
    }

    /// As stores ask for it.
    pub fn reread(self: &Arc<Self>) -> Reread {
        let reader = Arc::clone(self);
        Arc::new(move |exchange| reader.read(exchange).observed)
    }
}
