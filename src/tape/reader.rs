//! The thread that empties the queues, and what it hands the records to.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::event::{Event, Record};
use super::queue::Queue;
use crate::model::Direction;

/// How often the queues are emptied while traffic flows. Longer saves wake-ups, shorter loses less in a crash; it is
/// far below the second that a crash may cost.
const TICK: Duration = Duration::from_millis(20);

/// How long nothing arrives before the sink is told so.
const IDLE: Duration = Duration::from_secs(1);

/// Takes records off the reader's hands. Called on the reader's own thread.
pub trait Sink: Send {
    /// What arrived since the last call, in order for each exchange. May be emptied or left: it is cleared after.
    fn take(&mut self, records: &mut Vec<Record>);

    /// Nothing can be taken just now: what waits is left where it is, and its relays with it.
    fn is_stuck(&mut self) -> bool {
        false
    }

    /// Nothing has arrived for a while. `true`: it is worth asking again.
    fn idle(&mut self) -> bool {
        false
    }
}

/// The reader's thread. Dropping it without `stop` leaves the thread to end with its queues' last word.
pub struct Reader {
    queues: Arc<[Arc<Queue>]>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Starts reading `queues` into `sink`.
    pub fn start(queues: Arc<[Arc<Queue>]>, mut sink: Box<dyn Sink>) -> std::io::Result<Self> {
        let reading = Arc::clone(&queues);
        let thread = std::thread::Builder::new().name("tape".to_owned()).spawn(move || {
            crate::turns::take_long_turns();
            for queue in &*reading {
                queue.set_reader(std::thread::current());
            }
            read(&reading, &mut *sink);
        })?;
        Ok(Self { queues, thread: Some(thread) })
    }

    /// Reads what is left and ends the thread. Call it when no relay is left that could push.
    pub fn stop(mut self) {
        for queue in &*self.queues {
            queue.close();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the tape's reader had panicked");
        }
    }
}

fn read(queues: &[Arc<Queue>], sink: &mut dyn Sink) {
    let mut records = Vec::new();
    let mut more = false;
    loop {
        // Asked before draining: whatever was pushed before the close is then drained for certain.
        let closed = queues.iter().all(|queue| queue.is_closed());
        if !closed && sink.is_stuck() {
            std::thread::park_timeout(TICK);
            continue;
        }
        for queue in queues {
            queue.drain(&mut records);
        }
        queues.iter().for_each(|queue| queue.wake_waiting());
        if !records.is_empty() {
            sink.take(&mut records);
            records.clear();
            more = true;
        }
        if closed {
            return;
        }
        if queues.iter().all(|queue| queue.is_idle()) {
            if more {
                std::thread::park_timeout(IDLE);
                more = !queues.iter().all(|queue| queue.is_idle()) || sink.idle();
            } else {
                std::thread::park();
            }
        } else {
            std::thread::park_timeout(TICK);
        }
    }
}

/// A sink that only counts what goes by, so that the relay's own books can be checked against the tape's.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: Arc<Mutex<TallyCounts>>,
}

/// What a `Tally` saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TallyCounts {
    pub begun: u64,
    pub ended: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// Directions over, of which two make an exchange.
    closed: u64,
}

impl Tally {
    pub fn counts(&self) -> TallyCounts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Tally {
    fn take(&mut self, records: &mut Vec<Record>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records.iter() {
            match &record.event {
                Event::Begin(_) => counts.begun += 1,
                Event::Data(direction, bytes) | Event::Last(direction, bytes) => match direction {
                    Direction::Request => counts.request_bytes += bytes.len() as u64,
                    Direction::Response => counts.response_bytes += bytes.len() as u64,
                },
                Event::Informational(_) | Event::Head(_) | Event::Trailers(..) | Event::Closed { .. } => {}
            }
            if matches!(record.event, Event::Last(..) | Event::Closed { .. }) {
                counts.closed += 1;
                counts.ended = counts.closed / 2;
            }
        }
    }
}
