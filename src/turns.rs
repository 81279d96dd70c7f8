//! Whose turn it is. The threads that relay are woken for a moment at a time; those that record work for milliseconds on
//! end, and on a machine whose cores are all busy a call would wait for one of them to use up its turn.
//!
//! Two things are done about it, and each helps where the other does not. On Linux a thread may ask for longer turns than
//! others have: it gets no more of the time for it, and a thread of shorter turns that is woken and has had less than its
//! share goes first at once (since Linux 6.12; a thread is otherwise left alone for a turn). And between small pieces of
//! work, those that record give way by themselves.

use std::time::{Duration, Instant};

/// From now on this thread goes last, and gets less of what time there is: as much as `nice` says.
pub fn come_last(nice: i32) {
    #[cfg(target_os = "linux")]
    if let Err(why) = rustix::process::setpriority_process(None, nice) {
        tracing::debug!("a thread keeps its priority: {why}");
    }
    take_long_turns();
}

/// From now on threads that are woken go before this one. It gets as much time as they do.
pub fn take_long_turns() {
    #[cfg(target_os = "linux")]
    if let Err(why) = linux::take_long_turns() {
        tracing::debug!("a thread keeps its turns: {why}");
    }
}

/// Work of a while, done in small pieces. Whoever has worked for so long lets nobody go first any more: where others take all
/// the time there is, records would wait for ever.
#[derive(Clone, Copy, Debug)]
pub struct Way(Instant);

const LONGEST: Duration = Duration::from_millis(250);

impl Way {
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// To be called between pieces of tens of microseconds.
    pub fn give(&self) {
        if self.0.elapsed() < LONGEST {
            std::thread::yield_now();
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{Error, Result};

    /// In nanoseconds: longer than the 0.7 to 2.8 ms that Linux gives to others, and no longer than it takes to tell them
    /// apart, since whoever gives way does it for a turn.
    const LONG: u64 = 10_000_000;

    /// What the kernel calls `struct sched_attr`, in its first version.
    #[repr(C)]
    #[derive(Default)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime: u64,
        deadline: u64,
        period: u64,
    }

    const SIZE: u32 = size_of::<Attributes>() as u32;

    /// Before Linux 6.12 this is taken without an effect.
    pub fn take_long_turns() -> Result<()> {
        let mut attributes = get()?;
        // Where somebody has said how this program is to run, that holds.
        if attributes.policy == libc::SCHED_OTHER.cast_unsigned() {
            (attributes.size, attributes.runtime) = (SIZE, LONG);
            set(&attributes)?;
        }
        Ok(())
    }

    #[expect(unsafe_code, reason = "no library has this call")]
    fn get() -> Result<Attributes> {
        let mut attributes = Attributes::default();
        // SAFETY: the kernel writes no more than `SIZE` bytes, which `attributes` has, and any bytes are such a struct.
        let done = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) };
        if done == 0 { Ok(attributes) } else { Err(Error::last_os_error()) }
    }

    #[expect(unsafe_code, reason = "no library has this call")]
    fn set(attributes: &Attributes) -> Result<()> {
        // SAFETY: the kernel reads `attributes.size` bytes, which are there.
        let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const *attributes, 0) };
        if done == 0 { Ok(()) } else { Err(Error::last_os_error()) }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_thread_keeps_its_priority_when_it_takes_long_turns() {
            let thread = std::thread::spawn(|| {
                rustix::process::setpriority_process(None, 7).unwrap();
                take_long_turns().unwrap();
                get().unwrap()
            });
            let long = thread.join().unwrap();
            assert_eq!((long.nice, long.policy), (7, 0));
            // A kernel that has no turns of a length of one's own says 0.
            assert!([0, LONG].contains(&long.runtime), "{}", long.runtime);
            // Other threads have theirs as before.
            assert_ne!(get().unwrap().runtime, LONG);
        }
    }
}
