//! What was shown a moment ago, for whoever asks for its next part.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Long enough to read on, short enough not to be wrong for long.
const WHILE: Duration = Duration::from_secs(60);
/// Few people look at the same time; a long trace takes tens of megabytes.
const MOST: usize = 4;

/// A few values by their keys, the ones used last.
pub struct Kept<K, V> {
    values: Mutex<VecDeque<(K, Instant, Arc<V>)>>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { values: Mutex::default() }
    }
}

impl<K: PartialEq, V> Kept<K, V> {
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.retain(|(_, since, _)| since.elapsed() < WHILE);
        values.iter().find(|(own, _, _)| own == key).map(|(_, _, value)| Arc::clone(value))
    }

    pub fn put(&self, key: K, value: Arc<V>) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.retain(|(own, since, _)| *own != key && since.elapsed() < WHILE);
        values.push_front((key, Instant::now(), value));
        values.truncate(MOST);
    }
}
