//! Which lines of the table may find something in a call. A call says little of all that callers could say, and looking
//! for each of it takes longer than all that comes of it.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::look::Look;
use super::place::Source;
use super::table::CONVENTIONS;

/// The lines of the table by what has to be there.
struct Index {
    /// By a name: of a body, one of its members.
    named: HashMap<(Source, &'static str), Vec<usize>>,
    /// By how a name begins.
    begun: Vec<(Source, &'static str, usize)>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { named: HashMap::new(), begun: Vec::new() };
    for (at, line) in CONVENTIONS.iter().enumerate() {
        let (source, name) = (line.place.source, line.place.name);
        if let (true, Some((begin, _))) = (line.place.is_pattern(), name.split_once('*')) {
            index.begun.push((source, begin, at));
            continue;
        }
        index.named.entry((source, name)).or_default().push(at);
        if let (Source::Body, Some((member, _))) = (source, name.split_once('.')) {
            index.named.entry((source, member)).or_default().push(at);
        }
    }
    index
});

/// The places in the table of the lines that may find something, in its order; no other does.
pub fn lines(look: &Look) -> Vec<usize> {
    let index: &Index = &INDEX;
    let mut lines = Vec::new();
    look.names(&mut |source, name| {
        lines.extend(index.named.get(&(source, name)).into_iter().flatten());
        let begun = index.begun.iter().filter(|(own, begin, _)| *own == source && name.starts_with(begin));
        lines.extend(begun.map(|(_, _, at)| *at));
    });
    lines.sort_unstable();
    lines.dedup();
    lines
}
