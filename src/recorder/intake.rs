//! Takes in exchanges that another recorder saw: what must not be kept is taken out and they are read, as if they had just
//! gone by.

use std::sync::Arc;

use super::Reader;
use crate::dialect::{self, Call};
use crate::model::{Exchange, ExchangeId, Micros};
use crate::redact::Redactor;
use crate::store::Entry;
use crate::tape::Keeper;

pub struct Intake {
    keeper: Arc<Keeper>,
    redactor: Redactor,
    reader: Arc<Reader>,
}

impl Intake {
    pub fn new(keeper: Arc<Keeper>, redactor: Redactor, reader: Arc<Reader>) -> Self {
        Self { keeper, redactor, reader }
    }

    /// Whether a dialect knows what was asked for.
    pub fn knows(exchange: &Exchange) -> bool {
        dialect::find(&Call::of(exchange)).is_some()
    }

    /// The id of an exchange that has none of ours: the same for the same bytes.
    pub fn id(began: Micros, bytes: &[u8]) -> ExchangeId {
        let hash = blake3::hash(bytes);
        let mut id = [0; 16];
        for (place, byte) in id.iter_mut().zip(hash.as_bytes()) {
            *place = *byte;
        }
        let millis = (began.0 / 1000).to_be_bytes();
        for (place, byte) in id.iter_mut().zip(millis.iter().skip(2)) {
            *place = *byte;
        }
        ExchangeId::from_bytes(id)
    }

    /// As the store takes it. `is_ours`: its credentials are fingerprints already.
    pub fn entry(&self, mut exchange: Exchange, is_ours: bool) -> Entry {
        if !is_ours {
            self.keeper.redact_exchange(&mut exchange);
        }
        self.redactor.redact(&mut exchange);
        let observations = self.reader.read(&exchange).observed;
        Entry { exchange: Some(exchange), more: false, observations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_are_the_same_for_the_same_bytes() {
        let id = |at: u64, bytes: &[u8]| Intake::id(Micros(at), bytes);
        assert_eq!(id(5_000_000, b"a"), id(5_000_000, b"a"));
        assert_ne!(id(5_000_000, b"a"), id(5_000_000, b"b"));
        assert!(id(5_000_000, b"a") < id(6_000_000, b"a"));
        assert_eq!(
            id(1_792_000_000_000_000, b"a").to_string().get(..12),
            Some(&*format!("{:012x}", 1_792_000_000_000_u64))
        );
    }
}
