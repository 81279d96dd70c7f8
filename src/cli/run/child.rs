//! The command as a process: with this one's terminal and group, so that it is as if it had been started alone.

use std::ffi::OsString;
use std::io;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, getpgrp, getpid, kill_process, waitpid};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::super::serve::raise_file_limit;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Code(i32),
    Signal(i32),
}

/// Signals that are passed on. Those of the second kind a terminal sends to the whole group by itself.
const PASSED: &[Signal] = &[Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2];
const OF_TERMINALS: &[Signal] = &[Signal::INT, Signal::QUIT];

/// After which a process that was stopped by its terminal, with this one, goes on.
const SETTLES: Duration = Duration::from_millis(20);

/// Runs it to its end. What is ignored here stays ignored there, as `nohup` wants it.
pub(super) async fn run(command: &[OsString], set: &[(String, String)]) -> io::Result<Ended> {
    let ignored = ignored();
    let mut listening = Vec::new();
    for kind in PASSED.iter().chain(OF_TERMINALS).filter(|kind| ignored & bit(**kind) == 0) {
        listening.push((*kind, signal(SignalKind::from_raw(kind.as_raw()))?));
    }
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let child = Command::new(program).args(arguments).envs(set.iter().map(|(k, v)| (k, v))).spawn()?;
    // Now that the command has the limit that it would have had.
    raise_file_limit();
    let child = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    let mut passing = JoinSet::new();
    for (kind, mut signals) in listening {
        passing.spawn(async move {
            while signals.recv().await.is_some() {
                if !(OF_TERMINALS.contains(&kind) && is_in_foreground()) {
                    // One that has just ended has no more use for it.
                    let _ = kill_process(child, kind);
                }
            }
        });
    }
    let ended = tokio::task::spawn_blocking(move || wait(child)).await;
    ended.map_err(io::Error::other)?
}

/// Waits for its end. Where it stops, this stops too, so that the shell gets its terminal back.
fn wait(child: Pid) -> io::Result<Ended> {
    loop {
        let status = match waitpid(Some(child), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) => status,
            Ok(None) | Err(rustix::io::Errno::INTR) => continue,
            Err(why) => return Err(why.into()),
        };
        if let Some(code) = status.exit_status() {
            return Ok(Ended::Code(code));
        }
        if let Some(signal) = status.terminating_signal() {
            return Ok(Ended::Signal(signal));
        }
        if status.stopped() {
            // Where the terminal has stopped both, this comes to run again only when both do.
            std::thread::sleep(SETTLES);
            if is_stopped(child) {
                let _ = kill_process(getpid(), Signal::STOP);
                let _ = kill_process(child, Signal::CONT);
            }
        }
    }
}

/// Whether a terminal sends its signals to this process's group.
fn is_in_foreground() -> bool {
    let own = getpgrp();
    let streams = [tcgetpgrp(io::stdin()), tcgetpgrp(io::stdout()), tcgetpgrp(io::stderr())];
    streams.into_iter().flatten().any(|group| group == own)
}

/// Whether a process stands still; where the system does not tell, it does.
fn is_stopped(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    // Its state stands behind its name, which may hold anything but ends with the last bracket.
    stat.map_or(true, |stat| stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T')))
}

/// The signals that this process ignores, as bits; where the system does not tell, none.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}
