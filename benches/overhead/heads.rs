//! Heads compared: what the provider receives through wiretape, and what comes back, is what it is without.

/// Header lines that may differ: the address called is not the provider's.
const IGNORED: [&str; 1] = ["host"];

/// What differs between two heads: lines, their order, the values. The case of names carries no meaning in HTTP.
pub fn differences(which: &str, direct: &str, relayed: &str) -> Vec<String> {
    let (direct, relayed) = (lines(direct), lines(relayed));
    let mut found = Vec::new();
    for line in &direct {
        if !relayed.contains(line) {
            found.push(format!("{which} head: lost `{line}`"));
        }
    }
    for line in &relayed {
        if !direct.contains(line) {
            found.push(format!("{which} head: added `{line}`"));
        }
    }
    if found.is_empty() && direct != relayed {
        found.push(format!("{which} head: the order or number of lines differs: {relayed:?} for {direct:?}"));
    }
    found
}

fn lines(head: &str) -> Vec<String> {
    let mut lines = head.lines();
    let start = lines.next().unwrap_or_default().to_owned();
    let named = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim()));
    let kept = named.filter(|(name, _)| !IGNORED.contains(&name.as_str()));
    std::iter::once(start).chain(kept.map(|(name, value)| format!("{name}: {value}"))).collect()
}
