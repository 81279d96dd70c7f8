//! Processes: started so that they end with us, and their CPU and memory read from `/proc`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::Result;

/// `/proc/PID/stat` counts in hundredths of a second on every Linux we know.
const TICK_NANOS: u64 = 10_000_000;
const GRACE: Duration = Duration::from_secs(3);

/// Every process started after this may open as many files as the hard limit allows.
pub fn raise_file_limit(needed: u64) -> Result<()> {
    let hard = rustix::process::getrlimit(Resource::Nofile).maximum;
    if hard.is_some_and(|hard| hard < needed) {
        return Err(format!(
            "needs {needed} open files, the hard limit is {hard:?}: raise it with `ulimit -Hn`"
        )
        .into());
    }
    let wanted = hard.unwrap_or(needed).max(needed);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: hard })?;
    Ok(())
}

/// The kernel ends this process when the one that started it is gone, however that went.
pub fn end_with_parent() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
    Ok(())
}

/// Turns into the given program, which so ends with our parent as our own roles do.
pub fn become_program(arguments: &[String]) -> Result<()> {
    let (program, arguments) = arguments.split_first().ok_or("role:exec PROGRAM ARGUMENTS…")?;
    end_with_parent()?;
    Err(Command::new(program).args(arguments).exec().into())
}

/// A process that is ended when dropped, its children included.
pub struct Guard {
    child: Child,
    log: PathBuf,
}

impl Guard {
    /// This executable in a role of its own; what it says goes to a log in `folder`.
    pub fn start<I>(folder: &Path, name: &str, arguments: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let log = folder.join(format!("{name}.log"));
        let output = fs::File::create(&log)?;
        let child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .env("WIRETAPE_HOME", folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        Ok(Guard { child, log })
    }

    /// The process and its children, theirs included.
    pub fn pids(&self) -> Vec<u32> {
        family(self.child.id())
    }

    /// What the process said last, for the message when it fails.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let family = self.pids();
        signal(self.child.id(), Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        for pid in family {
            signal(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may be gone already, which is what we want.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

fn family(root: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        if let Some((pid, parent)) = pid.and_then(|pid| Some((pid, u32::try_from(*stat(pid)?.get(1)?).ok()?)))
        {
            parents.push((pid, parent));
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        found.extend(parents.iter().filter(|(_, parent)| *parent == pid).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}

/// The numbers of `/proc/PID/stat` after the name and with the state as 0: parent at 1, user time at 11, system at 12.
fn stat(pid: u32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(|field| field.parse().unwrap_or(0)).collect())
}

/// CPU spent by some processes so far.
#[derive(Default)]
pub struct Cpu {
    /// Exact, but a thread that ends takes its share with it.
    threads: BTreeMap<String, u64>,
    /// Complete, but in steps of 10 ms.
    ticks: u64,
}

impl Cpu {
    pub fn read(pids: &[u32]) -> Self {
        let mut cpu = Cpu::default();
        for &pid in pids {
            let times = stat(pid).unwrap_or_default();
            cpu.ticks += times.iter().skip(11).take(2).sum::<u64>() * TICK_NANOS;
            for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
                let path = thread.path().join("schedstat");
                let nanos =
                    fs::read_to_string(&path).ok().and_then(|text| text.split(' ').next()?.parse().ok());
                if let (Some(nanos), Some(path)) = (nanos, path.to_str()) {
                    cpu.threads.insert(path.to_owned(), nanos);
                }
            }
        }
        cpu
    }

    /// Microseconds spent since `earlier`: the exact count, unless threads have ended or the complete one shows that
    /// some came and went unseen.
    pub fn micros_since(&self, earlier: &Cpu) -> f64 {
        let before = |thread| earlier.threads.get(thread).copied().unwrap_or(0);
        let exact: u64 = self.threads.iter().map(|(thread, now)| now.saturating_sub(before(thread))).sum();
        let complete = self.ticks.saturating_sub(earlier.ticks);
        let ended = earlier.threads.keys().any(|thread| !self.threads.contains_key(thread));
        let nanos = if ended || complete > exact + 2 * TICK_NANOS { complete } else { exact };
        nanos as f64 / 1_000.0
    }
}

/// Waits until the processes have stopped working, so that what they put off is counted too: bounded.
pub fn settle(pids: &[u32]) {
    let mut before = Cpu::read(pids);
    for _ in 0..40 {
        std::thread::sleep(Duration::from_millis(50));
        let now = Cpu::read(pids);
        // Under 2% of one core: timers, not work.
        if now.micros_since(&before) < 1_000.0 {
            return;
        }
        before = now;
    }
}

/// Resident memory of the processes together.
pub fn resident_bytes(pids: &[u32]) -> f64 {
    let resident = |pid: &u32| -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    };
    pids.iter().filter_map(resident).sum::<f64>() * 1024.0
}
