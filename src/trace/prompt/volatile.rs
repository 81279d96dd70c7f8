//! What changes by itself within a line: times, ids, paths, ports, budgets.

use super::dates;

/// What was found, as a word to stand for it, and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub end: usize,
    pub word: &'static str,
}

pub const DATE: &str = "‹date›";
const TIME: &str = "‹time›";
const ID: &str = "‹id›";
const PATH: &str = "‹path›";
const PORT: &str = ":‹port›";
const NUMBER: &str = "‹n›";

/// First folders of paths that differ between machines and runs. System folders (`/etc`, `/usr`) are the same everywhere,
/// and what begins otherwise may as well be a route of an API (`/v1/messages`) or a command (`/help`): those are words.
const ROOTS: &[&str] = &[
    "tmp",
    "home",
    "Users",
    "root",
    "private",
    "workspace",
    "workspaces",
    "workdir",
    "work",
    "mnt",
    "media",
    "srv",
    "opt",
    "Volumes",
    "testbed",
    "sandbox",
    "app",
    "repo",
    "code",
    "projects",
    "github",
];
/// The same of folders within system folders.
const INNER_ROOTS: &[&str] = &["var/folders/", "var/tmp/", "var/lib/", "run/user/", "dev/shm/"];

/// A date in words that begins here.
pub fn date(line: &str, at: usize) -> Option<Found> {
    dates::in_words(line, at).map(|end| Found { end, word: DATE })
}

/// Something that begins here. `start` is where the word around it begins.
pub fn at(line: &str, start: usize, at: usize) -> Option<Found> {
    let bytes = line.as_bytes();
    match *bytes.get(at)? {
        b'/' | b'\\' => path(bytes, start, at),
        b':' => port(line, start, at),
        byte if byte.is_ascii_digit() => {
            uuid(bytes, at).or_else(|| number(line, at)).or_else(|| id(bytes, at))
        }
        byte if byte.is_ascii_alphabetic() => {
            uuid(bytes, at).or_else(|| drive(bytes, at)).or_else(|| date(line, at)).or_else(|| id(bytes, at))
        }
        _ => None,
    }
}

/// Where to look next when nothing begins here: behind a run of letters and digits, or behind one other byte.
pub fn next(bytes: &[u8], at: usize) -> usize {
    if bytes[at].is_ascii_alphanumeric() {
        run_end(bytes, at)
    } else {
        let behind = &bytes[at + 1..];
        let until = behind.iter().position(u8::is_ascii).unwrap_or(behind.len());
        at + 1 + until
    }
}

fn run_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count()
}

fn before(bytes: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).map(|at| bytes[at])
}

/// What begins with a digit and is a time or a count.
fn number(line: &str, at: usize) -> Option<Found> {
    let bytes = line.as_bytes();
    if let Some(end) = dates::in_digits(line, at) {
        return Some(Found { end, word: DATE });
    }
    if let Some(end) = dates::clock(line, at) {
        return Some(Found { end, word: TIME });
    }
    let end = run_end(bytes, at);
    let run = &line[at..end];
    if !run.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if is_timestamp(run) {
        // Seconds may have a fraction.
        let fraction = line[end..]
            .strip_prefix('.')
            .map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        return Some(Found { end: if fraction > 0 { end + 1 + fraction } else { end }, word: TIME });
    }
    if run.len() >= 17 && !run.ends_with("000000") {
        return Some(Found { end, word: ID });
    }
    // Bounded, so that a list of a hundred thousand numbers is not read as often.
    let groups = bytes[end..].iter().take(LONGEST_NUMBER);
    let grouped = end + groups.take_while(|byte| byte.is_ascii_digit() || **byte == b',').count();
    let rest = &line[grouped..];
    if rest.starts_with(" tokens left") || rest.starts_with(" tokens remaining") {
        return Some(Found { end: grouped, word: NUMBER });
    }
    let said = line[..at].trim_end_matches([' ', ':', '=', '#']);
    let (name, apart) = (said.as_bytes(), said.len() < at);
    let is_pid = apart
        && name.len() >= 3
        && name[name.len() - 3..].eq_ignore_ascii_case(b"pid")
        && !name.get(name.len().wrapping_sub(4)).is_some_and(u8::is_ascii_alphanumeric);
    is_pid.then_some(Found { end, word: NUMBER })
}

/// Seconds since 1970 from 2017 to 2039, or their thousandths, millionths and billionths: no one's round number.
fn is_timestamp(run: &str) -> bool {
    matches!(run.len(), 10 | 13 | 16 | 19)
        && ("1500000000"..="2200000000").contains(&&run[..10])
        && !run.ends_with("0000000")
}

/// A UUID, which may well begin like a date.
fn uuid(bytes: &[u8], at: usize) -> Option<Found> {
    let uuid = bytes.get(at..at + 36)?;
    let fits = uuid.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let ends = !bytes.get(at + 36).is_some_and(u8::is_ascii_alphanumeric);
    (fits && ends).then_some(Found { end: at + 36, word: ID })
}

/// Long hexadecimal numbers, and ids in letters and digits.
fn id(bytes: &[u8], at: usize) -> Option<Found> {
    let end = run_end(bytes, at);
    let run = &bytes[at..end];
    if run.len() < 8 {
        return None;
    }
    let digits = run.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_hex = digits > 0 && digits < run.len() && run.iter().all(u8::is_ascii_hexdigit);
    (is_hex || is_random(run, digits)).then_some(Found { end, word: ID })
}

/// Whether letters and digits are mixed as no one writes them: they alternate, and no long word is among them.
fn is_random(run: &[u8], digits: usize) -> bool {
    if run.len() < 16 || digits < 3 || digits == run.len() {
        return false;
    }
    let turns = run.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let longest = run.split(|byte| !byte.is_ascii_lowercase()).map(<[u8]>::len).max().unwrap_or_default();
    turns >= 4 && longest < 8
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"._-/\\~+@%#$".contains(&byte)
}

/// A path that begins at a slash.
fn path(bytes: &[u8], start: usize, at: usize) -> Option<Found> {
    let opens = at == start
        || before(bytes, at).is_some_and(|byte| b"\"'`([{<>=:,|".contains(&byte))
        || bytes[start..at].ends_with(b"file://");
    if !opens {
        return None;
    }
    if bytes[at] == b'\\' {
        return share(bytes, at);
    }
    let behind = &bytes[at + 1..];
    let first = behind.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(behind.len());
    let is_root = ROOTS.iter().any(|root| root.as_bytes() == &behind[..first])
        // `/tmp` alone is a word like `/help`.
        && behind.get(first) == Some(&b'/');
    let inner = INNER_ROOTS.iter().any(|root| behind.starts_with(root.as_bytes()));
    (is_root || inner).then(|| Found { end: path_end(bytes, at), word: PATH })
}

/// A shared folder: `\\host\share`. Line breaks that were written out, `\\n`, are none.
fn share(bytes: &[u8], at: usize) -> Option<Found> {
    let host = bytes[at..].strip_prefix(b"\\\\")?;
    let length =
        host.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b".-_$".contains(byte)).count();
    let named = length > 0 && host.get(length) == Some(&b'\\');
    let inside = host.get(length + 1).is_some_and(u8::is_ascii_alphanumeric);
    (named && inside).then(|| Found { end: path_end(bytes, at), word: PATH })
}

/// A path that begins with a drive: `C:\Users\me`, `c:/Users/me`.
fn drive(bytes: &[u8], at: usize) -> Option<Found> {
    let rest = bytes.get(at + 1..)?;
    let is_drive = rest.starts_with(b":\\") && rest.get(2).is_some_and(u8::is_ascii_alphanumeric)
        || rest.starts_with(b":/Users/");
    (is_drive).then(|| Found { end: path_end(bytes, at + 2), word: PATH })
}

/// Dots at its end are the sentence's.
fn path_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + bytes[at..].iter().take_while(|byte| is_path_byte(**byte)).count();
    while end > at + 1 && bytes[end - 1] == b'.' {
        end -= 1;
    }
    end
}

/// How many digits and commas a number goes on for at most.
const LONGEST_NUMBER: usize = 32;

/// How long a host is at most, with what stands before it.
const LONGEST_HOST: usize = 300;

/// A port behind a host: local servers listen where there is room. Hosts are someone's words and stay.
fn port(line: &str, start: usize, at: usize) -> Option<Found> {
    let bytes = line.as_bytes();
    let end = run_end(bytes, at + 1);
    let run = &bytes[at + 1..end];
    if !(2..=5).contains(&run.len()) || !run.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // No host is longer than this; a word may be as long as a prompt.
    let from = start.max(at.saturating_sub(LONGEST_HOST));
    let host = line.get(from..at)?;
    let in_url = host.rsplit_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains('/'));
    let local = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"].iter().any(|local| host.ends_with(local));
    (in_url || local).then_some(Found { end, word: PORT })
}
