//! Rows for people: columns as wide as they need, the last one as wide as the terminal has room.

/// Columns of text, the first line their names.
pub(super) struct Table {
    names: Vec<&'static str>,
    /// Whether numbers stand in it.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Names of columns; one that begins with `>` stands to the right.
    pub(super) fn new(names: &[&'static str]) -> Self {
        let right = names.iter().map(|name| name.starts_with('>')).collect();
        Self {
            names: names.iter().map(|name| name.trim_start_matches('>')).collect(),
            right,
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Leaves columns out, the first of these first, until the others fit.
    pub(super) fn drop_until_fits(&mut self, width: Option<usize>, expendable: &[&str]) {
        let Some(width) = width else { return };
        for name in expendable {
            let needed: usize = self.widths().iter().map(|column| column + 2).sum();
            if needed <= width + 2 {
                return;
            }
            if let Some(at) = self.names.iter().position(|own| own == name) {
                self.names.remove(at);
                self.right.remove(at);
                self.rows.iter_mut().filter(|row| at < row.len()).for_each(|row| drop(row.remove(at)));
            }
        }
    }

    fn widths(&self) -> Vec<usize> {
        let cells = |at: usize| self.rows.iter().filter_map(move |row| row.get(at)).map(|cell| wide(cell));
        let names = self.names.iter().enumerate();
        names.map(|(at, name)| cells(at).chain([wide(name)]).max().unwrap_or(0)).collect()
    }

    /// All lines. `width`: the terminal's, where there is one.
    pub(super) fn show(&self, width: Option<usize>) -> String {
        let names: Vec<String> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let lines: Vec<&Vec<String>> = std::iter::once(&names).chain(&self.rows).collect();
        let widths = self.widths();
        let mut text = String::new();
        for line in lines {
            let mut shown = String::new();
            for (at, cell) in line.iter().enumerate() {
                let width = widths.get(at).copied().unwrap_or(0);
                let room = " ".repeat(width.saturating_sub(wide(cell)));
                let right = self.right.get(at).copied().unwrap_or(false);
                shown.push_str(&if right { format!("{room}{cell}  ") } else { format!("{cell}{room}  ") });
            }
            text.push_str(&cut(shown.trim_end(), width));
            text.push('\n');
        }
        text
    }
}

/// How many columns of a terminal a text takes, near enough: characters of East Asian scripts and emoji take two.
pub(super) fn wide(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe4f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// A line cut to the width, marked where it was.
pub(super) fn cut(line: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| wide(line) > *width) else { return line.to_owned() };
    let mut cut = String::new();
    let mut used = 0;
    for c in line.chars() {
        used += columns(c);
        if used >= width {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// What was recorded may hold anything: nothing of it may speak to the terminal.
pub(super) fn plain(text: &str) -> String {
    let hostile = |c: char| {
        c.is_control() || matches!(u32::from(c), 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069)
    };
    text.chars().map(|c| if hostile(c) { ' ' } else { c }).collect()
}

/// The same for a text of many lines.
pub(super) fn plain_lines(text: &str) -> String {
    text.lines().map(|line| plain(&line.replace('\t', "    "))).collect::<Vec<_>>().join("\n")
}

/// The width that `COLUMNS` says, else that of the terminal that stdout is, if it is one.
pub(super) fn terminal_width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|said| said.trim().parse().ok());
    if let Some(width) = said.filter(|width| *width > 0) {
        return Some(width);
    }
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_are_cut() {
        let mut table = Table::new(&["name", ">n", "text"]);
        table.row(vec!["日本".to_owned(), "1".to_owned(), "a long text".to_owned()]);
        table.row(vec!["x".to_owned(), "100".to_owned(), "b".to_owned()]);
        assert_eq!(table.show(None), "name    n  text\n日本    1  a long text\nx     100  b\n");
        assert_eq!(table.show(Some(15)), "name    n  text\n日本    1  a l…\nx     100  b\n");
    }

    #[test]
    fn nothing_speaks_to_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\u{202e}c"), "a [31mb c");
        assert_eq!(plain_lines("a\u{7}\n\tb"), "a \n    b");
    }
}
