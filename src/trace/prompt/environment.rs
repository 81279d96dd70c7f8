//! Lines that tell of where an agent runs: folders, systems, branches, budgets. They are left out whole.
//!
//! A line is one of these only where its key is known and its value is of the kind that the key has: `Platform: linux` is,
//! `Platform: we support Linux alone` is an instruction.

/// A list within the prompt that goes on from line to line.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Listing {
    #[default]
    None,
    /// Changed files, as `git status --short` lists them.
    Files,
    /// Commits, as `git log --oneline` lists them.
    Commits,
}

/// What a key's value looks like.
#[derive(Clone, Copy)]
enum Kind {
    Anything,
    /// Absolute, below the home folder, or below the one that is not said.
    Path,
    /// It holds a digit and is short.
    Digits,
    Word,
    Name,
    YesNo,
    System,
    Shell,
}

const KEYS: &[(&str, Kind)] = &[
    ("x-anthropic-billing-header", Kind::Anything),
    ("gitstatus", Kind::Anything),
    ("working directory", Kind::Path),
    ("current working directory", Kind::Path),
    ("primary working directory", Kind::Path),
    ("current directory", Kind::Path),
    ("additional working directories", Kind::Path),
    ("additional directories", Kind::Path),
    ("workspace", Kind::Path),
    ("workspace root", Kind::Path),
    ("workspace root folder", Kind::Path),
    ("workspace path", Kind::Path),
    ("project root", Kind::Path),
    ("home directory", Kind::Path),
    ("scratchpad directory", Kind::Path),
    ("cwd", Kind::Path),
    ("pwd", Kind::Path),
    ("is directory a git repo", Kind::YesNo),
    ("is a git repository", Kind::YesNo),
    ("is git repo", Kind::YesNo),
    ("git repository", Kind::YesNo),
    ("is a git worktree", Kind::YesNo),
    ("platform", Kind::System),
    ("operating system", Kind::System),
    ("os", Kind::System),
    ("os version", Kind::Digits),
    ("kernel", Kind::Digits),
    ("kernel version", Kind::Digits),
    ("shell", Kind::Shell),
    ("default shell", Kind::Shell),
    ("today's date", Kind::Digits),
    ("today’s date", Kind::Digits),
    ("current date", Kind::Digits),
    ("current time", Kind::Digits),
    ("current date and time", Kind::Digits),
    ("current datetime", Kind::Digits),
    ("timezone", Kind::Word),
    ("time zone", Kind::Word),
    ("hostname", Kind::Word),
    ("current branch", Kind::Word),
    ("main branch", Kind::Word),
    ("git branch", Kind::Word),
    ("branch", Kind::Word),
    ("git user", Kind::Name),
    ("process id", Kind::Digits),
    ("pid", Kind::Digits),
    ("token usage", Kind::Digits),
    ("token budget", Kind::Digits),
    ("tokens left", Kind::Digits),
    ("tokens remaining", Kind::Digits),
];

/// The same as elements: `<cwd>/work</cwd>`.
const TAGS: &[&str] = &[
    "cwd",
    "total_tokens",
    "budget:token_budget",
    "token_budget",
    "token_usage",
    "current_date",
    "current_time",
    "timezone",
    "platform",
    "os",
    "os_version",
    "operating_system",
    "shell",
    "home",
    "hostname",
    "git_branch",
    "branch",
    "working_directory",
    "workspace_root",
    "pid",
];

const SYSTEMS: &[&str] = &["linux", "darwin", "macos", "mac", "win32", "windows", "freebsd", "wsl"];
const SHELLS: &[&str] =
    &["bash", "zsh", "sh", "fish", "dash", "powershell", "pwsh", "cmd", "cmd.exe", "unknown", "nu"];

/// Values longer than this are no values.
const LONGEST: usize = 400;

/// Whether a line is left out. `rest` is what stands behind it.
pub fn is_volatile(line: &str, rest: &str, listing: &mut Listing) -> bool {
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return false;
    }
    if goes_on(*listing, line, trimmed) {
        return true;
    }
    *listing = begins(trimmed, rest);
    if *listing != Listing::None {
        return true;
    }
    let bare = trimmed.trim_start_matches(['-', '*', '•']).trim_start();
    match bare.as_bytes().first() {
        Some(b'<') => is_element(bare),
        Some(b'O') if bare.starts_with("On branch ") => bare.split_whitespace().count() == 3,
        Some(b'Y') if bare.starts_with("Your branch is ") => bare.len() <= LONGEST,
        _ => is_pair(bare),
    }
}

fn is_pair(line: &str) -> bool {
    // No key is longer than this, what is said of it in brackets included.
    let Some(at) = line.bytes().take(64).position(|byte| byte == b':') else { return false };
    let (key, value) = (&line[..at], line[at + 1..].trim());
    // `**Platform**: linux`, `Main branch (you will use this for requests): main`
    let key = key.split_once(" (").map_or(key, |(key, _)| key).trim_matches(['*', '`', '"', ' ']);
    let Some((_, kind)) = KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)) else {
        return false;
    };
    if matches!(kind, Kind::Anything) && key.starts_with('x') {
        return true;
    }
    is_a(*kind, value.trim_start_matches("** ").trim_matches(['`', '"', '\'']))
}

fn is_a(kind: Kind, value: &str) -> bool {
    if value.len() > LONGEST {
        return false;
    }
    let words = value.split_whitespace().count();
    let one_of = |list: &[&str], word: &str| list.iter().any(|known| known.eq_ignore_ascii_case(word));
    match kind {
        Kind::Anything => true,
        Kind::Path => is_path(value),
        Kind::Digits => value.len() <= 100 && words <= 12 && value.bytes().any(|byte| byte.is_ascii_digit()),
        Kind::Word => words == 1,
        Kind::Name => (1..=4).contains(&words),
        Kind::YesNo => one_of(&["yes", "no", "true", "false"], value),
        Kind::System => {
            let first = value.split([' ', '(', ',', '/']).next().unwrap_or_default();
            words <= 6 && one_of(SYSTEMS, first)
        }
        Kind::Shell => {
            let path = value.split([' ', ',']).next().unwrap_or_default();
            let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
            words <= 6 && one_of(SHELLS, name)
        }
    }
}

fn is_path(value: &str) -> bool {
    let bytes = value.as_bytes();
    let drive = bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    // A sentence about a folder may begin with its path, but not every path is followed by words.
    let relative = value.starts_with('.') && !value.contains(' ');
    (drive || relative || value.starts_with(['/', '~', '[']) || value.starts_with("\\\\"))
        && !(value.ends_with('.') && value.contains(' '))
}

fn is_element(line: &str) -> bool {
    let Some((tag, inside)) = line[1..].split_once('>') else { return false };
    if !TAGS.contains(&tag) {
        return false;
    }
    let value = inside.split_once("</").map_or(inside, |(value, _)| value);
    let closed = inside.split_once("</").is_none_or(|(_, end)| end.strip_suffix('>') == Some(tag));
    // What is not closed on its line is a budget, or no element at all.
    let whole = inside.contains("</") || value.contains("tokens left") || value.contains("tokens remaining");
    closed && whole && value.len() <= 200 && value.split_whitespace().count() <= 8
}

/// Whether a header is followed by such a list: only then is it one.
fn begins(trimmed: &str, rest: &str) -> Listing {
    let listing = match trimmed {
        "Status:" | "Git status:" | "Changed files:" => Listing::Files,
        "Recent commits:" => Listing::Commits,
        _ => return Listing::None,
    };
    let first = rest.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if goes_on(listing, first, first.trim()) { listing } else { Listing::None }
}

fn goes_on(listing: Listing, line: &str, trimmed: &str) -> bool {
    match listing {
        Listing::None => false,
        Listing::Files => {
            matches!(trimmed, "(clean)" | "(no changes)" | "clean") || is_changed_file(line, trimmed)
        }
        Listing::Commits => trimmed.split_whitespace().next().is_some_and(|hash| {
            (7..=40).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        }),
    }
}

/// `M  src/main.rs`, `?? notes.txt`, `## main...origin/main`. Paths with spaces stand in quotes.
fn is_changed_file(line: &str, trimmed: &str) -> bool {
    let Some((mark, path)) = trimmed.split_once(' ') else { return false };
    let path = path.trim();
    let known = mark == "##"
        || (mark.len() <= 2
            && mark.bytes().all(|byte| b"MADRCTU?!".contains(&byte))
            && line.len() <= LONGEST);
    known && (!path.contains(' ') || path.starts_with('"') || path.contains(" -> ") || mark == "##")
}
