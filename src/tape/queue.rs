//! The bounded queue between relays and the tape's reader.
//!
//! One mutex around a vector: a push is a length check and a move, the reader takes the whole vector at once, and each
//! worker thread has a queue of its own, so the lock is practically never contended. A channel would wake its reader
//! for each chunk, and a wake-up costs more than relaying the chunk did; here a clock wakes it, or a high-water mark.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread::Thread;

use super::event::{Event, Record};

/// What an event costs beside the bytes it carries.
const EVENT_COST: usize = 100;

/// What was taken and what was not.
#[derive(Debug, Default)]
pub struct Counters {
    exchanges: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    lost_exchanges: AtomicU64,
    lost_bytes: AtomicU64,
    cut_bodies: AtomicU64,
}

/// The counters' values at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Exchanges begun.
    pub exchanges: u64,
    /// Events taken.
    pub events: u64,
    /// Body bytes taken.
    pub bytes: u64,
    /// Exchanges of which nothing was taken.
    pub lost_exchanges: u64,
    /// Body bytes that did not fit.
    pub lost_bytes: u64,
    /// Bodies that end early on the tape.
    pub cut_bodies: u64,
}

impl Counters {
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            exchanges: read(&self.exchanges),
            events: read(&self.events),
            bytes: read(&self.bytes),
            lost_exchanges: read(&self.lost_exchanges),
            lost_bytes: read(&self.lost_bytes),
            cut_bodies: read(&self.cut_bodies),
        }
    }
}

#[derive(Default)]
struct Pending {
    records: Vec<Record>,
    /// Bytes held by `records`.
    bytes: usize,
    /// The reader sleeps until something arrives.
    idle: bool,
    /// Relays that wait for room.
    wakers: Vec<Waker>,
}

/// How much may wait, for the queues of all workers together: a large body is one worker's, and may take it all.
#[derive(Debug)]
pub struct Room {
    max_bytes: usize,
    max_events: usize,
    bytes: AtomicUsize,
    /// Those that wait, and the ends that exchanges under way have been promised.
    events: AtomicUsize,
}

impl Room {
    pub fn new(max_bytes: usize, max_events: usize) -> Arc<Self> {
        Arc::new(Self { max_bytes, max_events, bytes: AtomicUsize::new(0), events: AtomicUsize::new(0) })
    }

    fn has_bytes(&self, bytes: usize) -> bool {
        self.bytes.load(Ordering::Relaxed).saturating_add(bytes) <= self.max_bytes
    }

    /// Whether so much more fits. Workers that ask at the same moment may pass the bound by what each of them has at hand.
    fn fits(&self, bytes: usize, events: usize) -> bool {
        self.has_bytes(bytes) && self.events.load(Ordering::Relaxed).saturating_add(events) <= self.max_events
    }
}

/// One worker's queue.
pub struct Queue {
    pending: Mutex<Pending>,
    room: Arc<Room>,
    /// Relays wait for room, and so everything fits.
    blocks: bool,
    high_water: usize,
    reader: Mutex<Option<Thread>>,
    closed: AtomicBool,
    counters: Arc<Counters>,
}

impl Queue {
    /// A queue within this room; that and `counters` may be shared with others.
    pub fn new(room: Arc<Room>, counters: Arc<Counters>) -> Self {
        Self {
            pending: Mutex::new(Pending { idle: true, ..Pending::default() }),
            high_water: room.max_bytes / 16,
            room,
            blocks: false,
            reader: Mutex::new(None),
            closed: AtomicBool::new(false),
            counters,
        }
    }

    /// The same, but relays wait for room rather than go on unrecorded.
    #[must_use]
    pub fn blocking(self) -> Self {
        Self { blocks: true, ..self }
    }

    /// Whether relays are to ask for room.
    pub fn blocks(&self) -> bool {
        self.blocks
    }

    /// Ready when there is room, which is at once unless relays are to wait for it. What each of them then pushes fits:
    /// the bound is passed by one chunk of each at most.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.blocks {
            return Poll::Ready(());
        }
        let mut pending = self.lock();
        if self.room.fits(1, 1) {
            return Poll::Ready(());
        }
        if !pending.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            pending.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Takes an exchange's first event and promises room for its last. `false`: it does not fit, none of it is taken.
    pub(super) fn begin(&self, record: Record, size: usize) -> bool {
        let pending = self.lock();
        // The ends of both directions are promised here, so that what begins ends.
        if !self.fits(size, 1 + PROMISED) {
            drop(pending);
            self.counters.lost_exchanges.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        self.room.events.fetch_add(1 + PROMISED, Ordering::Relaxed);
        self.counters.exchanges.fetch_add(1, Ordering::Relaxed);
        self.take(pending, record, size);
        true
    }

    /// Takes an event that is not an end. `false`: it did not fit.
    pub(super) fn push(&self, record: Record, size: usize) -> bool {
        let pending = self.lock();
        if !self.fits(size, 1) {
            return false;
        }
        self.room.events.fetch_add(1, Ordering::Relaxed);
        self.take(pending, record, size);
        true
    }

    /// Takes an event that had room promised to it.
    pub(super) fn push_promised(&self, record: Record) {
        self.take(self.lock(), record, 0);
    }

    /// Takes data that is an end as well, in the place promised to that. `false`: the data did not fit.
    pub(super) fn push_last(&self, record: Record, size: usize) -> bool {
        let pending = self.lock();
        // Its place is promised.
        if !self.blocks && !self.room.has_bytes(size) {
            return false;
        }
        self.take(pending, record, size);
        true
    }

    pub(super) fn count_cut(&self) {
        self.counters.cut_bodies.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_lost(&self, bytes: usize) {
        self.counters.lost_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Everything that waits, in order. Called by the reader alone.
    pub(super) fn drain(&self, into: &mut Vec<Record>) {
        let mut pending = self.lock();
        self.room.bytes.fetch_sub(std::mem::take(&mut pending.bytes), Ordering::Relaxed);
        self.room.events.fetch_sub(pending.records.len(), Ordering::Relaxed);
        pending.idle = pending.records.is_empty();
        if into.is_empty() {
            std::mem::swap(&mut pending.records, into);
        } else {
            into.append(&mut pending.records);
        }
    }

    /// Wakes relays that wait for room. Called when all queues have been drained: what a relay waits for may have been in
    /// another than its own.
    pub(super) fn wake_waiting(&self) {
        let waiting = std::mem::take(&mut self.lock().wakers);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Who is woken when the queue fills up, or when something arrives after it was found empty.
    pub(super) fn set_reader(&self, thread: Thread) {
        *lock(&self.reader) = Some(thread);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lock().idle
    }

    /// Bytes and events that wait.
    pub fn depth(&self) -> (usize, usize) {
        let pending = self.lock();
        (pending.bytes, pending.records.len())
    }

    fn fits(&self, size: usize, events: usize) -> bool {
        self.blocks || self.room.fits(size, events)
    }

    fn take(&self, mut pending: MutexGuard<'_, Pending>, record: Record, size: usize) {
        if let Event::Data(_, bytes) | Event::Last(_, bytes) = &record.event {
            self.counters.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        self.counters.events.fetch_add(1, Ordering::Relaxed);
        let before = pending.bytes;
        pending.bytes += size + EVENT_COST;
        self.room.bytes.fetch_add(size + EVENT_COST, Ordering::Relaxed);
        pending.records.push(record);
        let crossed = before < self.high_water && pending.bytes >= self.high_water;
        let wake = std::mem::take(&mut pending.idle) || crossed;
        drop(pending);
        if wake && let Some(reader) = &*lock(&self.reader) {
            reader.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        lock(&self.pending)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some(reader) = &*lock(&self.reader) {
            reader.unpark();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

/// Events an exchange is promised when it begins: the end of each direction.
const PROMISED: usize = 2;

/// A poisoned lock still guards plain data that a push leaves whole at each step: recording goes on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
