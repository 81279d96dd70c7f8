//! What two texts or lists differ in.

use maud::{Markup, html};
use serde_json::Value;

use super::get::{items, text};
use super::text::plain;

/// So many lines that are the same stay around each difference.
const AROUND: usize = 3;

/// Lines as `["=" or "-" or "+", text]`, or as `{"is": …, "text": …}`; what is the same in both is folded where it is long.
pub fn diff(lines: &[Value]) -> Markup {
    let mut lines: Vec<(char, &str)> = lines.iter().filter_map(line).collect();
    // What stands behind the last line break is no line.
    lines.pop_if(|last| *last == ('=', ""));
    let mut runs: Vec<(bool, &[(char, &str)])> = Vec::new();
    let mut rest = lines.as_slice();
    while let Some((first, _)) = rest.first() {
        let is_same = *first == '=';
        let length = rest.iter().take_while(|(kind, _)| (*kind == '=') == is_same).count();
        let (run, behind) = rest.split_at(length);
        runs.push((is_same, run));
        rest = behind;
    }
    let last = runs.len().saturating_sub(1);
    html! {
        pre.diff tabindex="0" {
            @for (at, (is_same, run)) in runs.iter().enumerate() {
                @if *is_same && run.len() > 2 * AROUND + 2 {
                    @let head = if at == 0 { 0 } else { AROUND };
                    @let tail = if at == last { 0 } else { AROUND };
                    (shown(&run[..head]))
                    details.fold { summary { (run.len() - head - tail) " lines the same" } (shown(&run[head..run.len() - tail])) }
                    (shown(&run[run.len() - tail..]))
                } @else { (shown(run)) }
            }
        }
    }
}

fn line(value: &Value) -> Option<(char, &str)> {
    let (kind, said) = match value {
        Value::Array(pair) => (pair.first()?.as_str()?, pair.get(1)?.as_str()?),
        other => (text(other, "is")?, other.get("text")?.as_str()?),
    };
    let kind = match kind {
        "-" | "removed" => '-',
        "+" | "added" => '+',
        _ => '=',
    };
    Some((kind, said))
}

fn shown(run: &[(char, &str)]) -> Markup {
    html! {
        @for (kind, said) in run {
            @match kind {
                '-' => del { "- " (plain(said)) "\n" },
                '+' => ins { "+ " (plain(said)) "\n" },
                _ => span { "  " (plain(said)) "\n" },
            }
        }
    }
}

/// Names that were added, removed or changed.
pub fn lists(changes: &Value) -> Markup {
    html! {
        ul.changes {
            @for (key, class) in [("added", "added"), ("removed", "removed"), ("changed", "changed")] {
                @for name in items(changes, key) {
                    li class=(class) { span.quiet { (key) " " } (plain(name.as_str().unwrap_or_default())) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_the_same_is_folded() {
        let mut lines = vec![json!(["-", "<old>"]), json!({"is": "added", "text": "new"})];
        lines.extend((0..20).map(|at| json!(["=", format!("line {at}")])));
        let made = diff(&lines).into_string();
        assert!(made.contains("<del>- &lt;old&gt;\n</del><ins>+ new\n</ins>"), "{made}");
        assert!(made.contains("17 lines the same"), "{made}");
        assert_eq!(diff(&[]).into_string(), "<pre class=\"diff\" tabindex=\"0\"></pre>");
    }
}
