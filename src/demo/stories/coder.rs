//! A coding agent that mends a bug: tools, some of them side by side, a test that fails, an overloaded provider, a
//! sub-agent, one in the background, and a system prompt that changes in the middle, so that the cache is of no use.

use serde_json::json;

use super::super::script::{
    Does, End, OVERLOADED, SERVER_ERROR, Script, Turn, Work, fails, says, tool, turn,
};
use super::super::talk::Tool;
use super::super::wire::ANTHROPIC;

const SYSTEM: &str = "You are a coding agent that works in the user's repository through tools.\n\n\
    # How to work\n\
    - Look before you change: read the code that a change touches, and its tests.\n\
    - Make the smallest change that mends the cause, not the symptom. No drive-by refactoring.\n\
    - Run the tests after each change, and say what they said. Never claim a result that you did not see.\n\
    - Start an agent with Task for a question that needs many files to be read; tell it all that it has to know, for it \
      sees nothing of this conversation.\n\
    - Call tools side by side where none needs another's result.\n\n\
    # How to answer\n\
    - Briefly: what was wrong, what changed, how it was checked. Name places as path:line.\n\
    - Code in fences, with its language. No praise, no apologies.\n\n\
    # The repository\n\
    ledger: invoices and payments of a small bank. Python 3.13, FastAPI, SQLAlchemy, PostgreSQL; tests with pytest. \
    The HTTP handlers are in ledger/api, what they do in ledger/core, queries in ledger/store. Money is Decimal, never \
    float. Times are UTC. Every list in the API is paged by cursor.";

const SYSTEM_WITH_MEMORY: &str = "You are a coding agent that works in the user's repository through tools.\n\n\
    # What was learned in this repository\n\
    - Lists are ordered by (created_at, id). A cursor has to hold both.\n\
    - The tests need TZ=UTC.\n\n\
    # How to work\n\
    - Look before you change: read the code that a change touches, and its tests.\n\
    - Make the smallest change that mends the cause, not the symptom. No drive-by refactoring.\n\
    - Run the tests after each change, and say what they said. Never claim a result that you did not see.\n\n\
    # How to answer\n\
    - Briefly: what was wrong, what changed, how it was checked. Name places as path:line.";

const TOOLS: &[Tool] = &[
    Tool { name: "Read", about: "Reads a file.", parameters: &[("path", "Relative to the repository.")] },
    Tool {
        name: "Grep",
        about: "Searches the repository with a regular expression.",
        parameters: &[("pattern", "A regular expression."), ("glob", "Which files, as in *.py.")],
    },
    Tool {
        name: "Edit",
        about: "Replaces a text in a file. The text must be there exactly once.",
        parameters: &[("path", "The file."), ("old", "What is there."), ("new", "What is to be there.")],
    },
    Tool {
        name: "Bash",
        about: "Runs a command in the repository.",
        parameters: &[("command", "A line for the shell.")],
    },
    Tool {
        name: "Task",
        about: "Starts an agent of its own, which sees nothing of this conversation and answers once.",
        parameters: &[("description", "In five words."), ("prompt", "All that it has to know.")],
    },
];

const READING: &[Tool] = &[
    Tool { name: "Read", about: "Reads a file.", parameters: &[("path", "Relative to the repository.")] },
    Tool {
        name: "Grep",
        about: "Searches the repository with a regular expression.",
        parameters: &[("pattern", "A regular expression."), ("glob", "Which files, as in *.py.")],
    },
];

const PAGING: &str = "     1\t\"\"\"Pages of lists: a cursor says where the next one begins.\"\"\"\n\
     2\t\n     3\tfrom sqlalchemy import Select, tuple_\n     4\t\n     5\tfrom ledger.store.cursor import Cursor\n     6\t\n     \
     7\t\n     8\tdef page(query: Select, table, cursor: Cursor | None, limit: int) -> Select:\n     9\t    \
     \"\"\"The rows behind the cursor, oldest first.\"\"\"\n    10\t    if cursor is not None:\n    11\t        query = \
     query.where(table.created_at > cursor.created_at)\n    12\t    return query.order_by(table.created_at, \
     table.id).limit(limit)\n";

const CURSOR: &str = "     1\t\"\"\"Where a page ends.\"\"\"\n     2\t\n     3\timport base64\n     4\timport json\n     5\tfrom \
     dataclasses import dataclass\n     6\tfrom datetime import datetime\n     7\t\n     8\t\n     9\t@dataclass(frozen=True)\n    \
     10\tclass Cursor:\n    11\t    created_at: datetime\n    12\t    id: int\n    13\t\n    14\t    def text(self) -> str:\n    \
     15\t        data = json.dumps([self.created_at.isoformat(), self.id])\n    16\t        return \
     base64.urlsafe_b64encode(data.encode()).decode()\n";

const FAILED: &str = "=================================== FAILURES ===================================\n\
    _____________________ test_rows_of_one_moment_are_all_listed _____________________\n\n    \
    def test_rows_of_one_moment_are_all_listed(client, three_of_one_moment):\n        \
    seen = [row for page in pages(client, limit=2) for row in page]\n>       assert len(seen) == 3\nE       assert 4 == 3\n\n\
    tests/test_paging.py:41: AssertionError\n=========================== short test summary info ============================\n\
    FAILED tests/test_paging.py::test_rows_of_one_moment_are_all_listed - assert 4 == 3\n\
    ========================= 1 failed, 17 passed in 2.31s =========================";

pub fn scripts() -> Vec<Script> {
    vec![ledger(), terminal()]
}

fn base(turns: Vec<Turn>) -> Script {
    Script {
        wire: &ANTHROPIC,
        model: "claude-opus-5-5",
        snapshot: "claude-opus-5-5",
        system: SYSTEM,
        tools: TOOLS,
        streamed: true,
        reasons: true,
        schema: &[],
        client: "demo-coder/2.4.0",
        labels: "user=ada,tag=coding,project=ledger".to_owned(),
        traced: false,
        begins: 0,
        turns,
    }
}

/// An agent that only looks, on a smaller model.
fn scout(turns: Vec<Turn>) -> Script {
    Script {
        model: "claude-haiku-5-5",
        snapshot: "claude-haiku-5-5",
        system: "You look things up in a repository for another agent. Read what is needed, change nothing, and answer once, \
                 with places as path:line.",
        tools: READING,
        reasons: false,
        ..base(turns)
    }
}

fn ledger() -> Script {
    let mut first = mend();
    first.title = Some(("claude-haiku-5-5", "claude-haiku-5-5", "Invoices missing between pages"));
    let mut third = background();
    third.system = Some(SYSTEM_WITH_MEMORY);
    let mut news = turn(
        "",
        [],
        says(
            "The review found nothing against the change, and one thing beside it: \
        `ledger/api/exports.py:58` still pages by offset, so a row that is added meanwhile shows twice in an export. That is \
        another bug, in another place; I have left it alone. Shall I open an issue for it?",
        ),
    );
    news.awaits = true;
    base(vec![first, others(), third, news])
}

fn mend() -> Turn {
    let look = says("I'll look at how lists are paged, and at what the tests say about it.")
        .thinking("Rows go missing between pages. That smells of a cursor that is not unique: rows of the same moment. \
                   I'll look at the paging code and its tests first.")
        .calling([
            tool("Grep", json!({"pattern": "created_at >", "glob": "*.py"}),
                "ledger/store/paging.py:11:        query = query.where(table.created_at > cursor.created_at)", 90),
            tool("Read", json!({"path": "ledger/store/paging.py"}), PAGING, 40),
            tool("Read", json!({"path": "ledger/store/cursor.py"}), CURSOR, 45),
        ]);
    let reproduce = says("The cursor holds `(created_at, id)`, but line 11 compares `created_at` only: of several invoices \
        of one moment, those behind the page's end are skipped. First a test that shows it.")
        .calling([tool("Edit", json!({"path": "tests/test_paging.py", "old": "def pages(client, limit):",
            "new": "def test_rows_of_one_moment_are_all_listed(client, three_of_one_moment):\n    seen = [row for page in \
            pages(client, limit=2) for row in page]\n    assert len(seen) == 3\n\n\ndef pages(client, limit):"}),
            "Edited tests/test_paging.py.", 35)]);
    let wrong = says("").calling([tool(
        "Edit",
        json!({"path": "ledger/store/paging.py",
        "old": "table.created_at > cursor.created_at", "new": "table.created_at >= cursor.created_at"}),
        "Edited ledger/store/paging.py.",
        30,
    )]);
    let test = says("").after(&[OVERLOADED, OVERLOADED]).calling([fails(
        "Bash",
        json!({"command": "TZ=UTC pytest -q tests/test_paging.py"}),
        FAILED,
        1100,
    )]);
    let right = says("`>=` lists the last row twice. Both columns have to be compared together, as they are ordered.")
        .thinking("With >= the last row of a page comes again. The order is (created_at, id), so the comparison must be a row \
                   comparison: tuple_(created_at, id) > (cursor.created_at, cursor.id). tuple_ is imported already.")
        .calling([tool("Edit", json!({"path": "ledger/store/paging.py",
            "old": "query.where(table.created_at >= cursor.created_at)",
            "new": "query.where(tuple_(table.created_at, table.id) > (cursor.created_at, cursor.id))"}),
            "Edited ledger/store/paging.py.", 30)]);
    let again = says("").calling([tool("Bash", json!({"command": "TZ=UTC pytest -q"}),
        "........................................................................ [ 48%]\n\
         .............................................................................. [100%]\n150 passed in 9.84s", 1600)]);
    turn(
        "Some customers say that invoices are missing when they page through the list. It is always the last one or two \
         before a page break, and only for customers that import in bulk. Find out why and fix it, please.",
        [look, reproduce, wrong, test, right, again],
        says(
            "**What was wrong.** `ledger/store/paging.py:11` asked for rows with a later `created_at` than the cursor's. \
            A bulk import gives many invoices one `created_at`; those of them that did not fit on a page were skipped.\n\n\
            **What changed.** The comparison is now of both columns that the list is ordered by:\n\n\
            ```python\nquery = query.where(\n    tuple_(table.created_at, table.id) > (cursor.created_at, cursor.id)\n)\n```\n\n\
            **How it was checked.** A new test, `tests/test_paging.py:38`, lists three invoices of one moment two at a time. It \
            failed before the change, and all 150 tests pass now.",
        ),
    )
}

/// A sub-agent, which the model waits for.
fn others() -> Turn {
    const PROMPT: &str = "In the repository ledger, lists are paged by a cursor of (created_at, id). Find every query that \
        compares created_at alone, or pages by offset. Look in ledger/ and jobs/. Answer with places as path:line and one line \
        each on what it does.";
    let found = "Three places compare or page on their own:\n\n\
        - `ledger/store/payments.py:72` compares `created_at` alone: the same bug.\n\
        - `jobs/reminders.py:31` compares `created_at` alone, but keeps its own set of ids: rows are not lost.\n\
        - `ledger/api/exports.py:58` pages by offset.";
    let looking = turn(
        PROMPT,
        [
            says("").calling([
                tool("Grep", json!({"pattern": "created_at\\s*>", "glob": "*.py"}),
                    "ledger/store/payments.py:72:        query = query.where(Payment.created_at > after)\n\
                     jobs/reminders.py:31:    due = due.where(Invoice.created_at > last_seen)", 110),
                tool("Grep", json!({"pattern": "\\.offset\\(", "glob": "*.py"}),
                    "ledger/api/exports.py:58:    rows = session.execute(query.offset(done).limit(500))", 95),
            ]),
            says("").calling([
                tool("Read", json!({"path": "ledger/store/payments.py"}),
                    "    70\t    query = select(Payment).where(Payment.account == account)\n    71\t    if after:\n    \
                     72\t        query = query.where(Payment.created_at > after)\n    73\t    return query", 50),
                tool("Read", json!({"path": "jobs/reminders.py"}),
                    "    29\t    seen: set[int] = load_seen()\n    30\t    due = select(Invoice).where(Invoice.due < today)\n    \
                     31\t    due = due.where(Invoice.created_at > last_seen)\n    32\t    return [row for row in due if row.id not in \
                     seen]", 50),
            ]),
        ],
        says(found),
    );
    let ask = says("An agent can look through all queries meanwhile.").calling([Work {
        tool: "Task",
        arguments: json!({"description": "Find other paged queries", "prompt": PROMPT}),
        does: Does::Agent(Box::new(scout(vec![looking]))),
    }]);
    let mend = says("").calling([
        tool("Edit", json!({"path": "ledger/store/payments.py", "old": "query.where(Payment.created_at > after)",
            "new": "query.where(tuple_(Payment.created_at, Payment.id) > (after.created_at, after.id))"}),
            "Edited ledger/store/payments.py.", 30),
        tool("Bash", json!({"command": "TZ=UTC pytest -q tests/test_payments.py"}),
            "......................                                                   [100%]\n22 passed in 1.97s", 700),
    ]);
    turn(
        "Good. Is the same mistake anywhere else?",
        [ask, mend],
        says(
            "Yes, once: `ledger/store/payments.py:72` compared `created_at` alone too. It is mended in the same way, and its \
            22 tests pass. `jobs/reminders.py:31` looks the same but keeps the ids that it has seen, so it loses nothing.",
        ),
    )
}

/// An agent in the background: the model goes on, and hears of it later.
fn background() -> Turn {
    const PROMPT: &str = "Review the working tree of the repository ledger against main. It changes how lists are paged: \
        (created_at, id) are compared together. Look for callers that still pass a datetime, and for indexes that the new \
        comparison needs. Answer with findings only.";
    let review = turn(
        PROMPT,
        [
            says("").calling([tool("Grep", json!({"pattern": "page\\(", "glob": "*.py"}),
                "ledger/api/invoices.py:24:    query = page(query, Invoice, cursor, limit)\n\
                 ledger/api/payments.py:19:    query = page(query, Payment, cursor, limit)", 400)]),
            says("").calling([tool("Read", json!({"path": "migrations/0007_indexes.sql"}),
                "create index invoices_page on invoices (created_at, id);\ncreate index payments_page on payments (created_at, \
                 id);", 300)]),
        ],
        says("No findings against the change: both callers pass a Cursor, and both tables have an index on (created_at, id). \
            Beside it: ledger/api/exports.py:58 pages by offset."),
    );
    let ask = says("I start a review in the background and write the changelog meanwhile.").calling([
        Work {
            tool: "Task",
            arguments: json!({"description": "Review the change", "prompt": PROMPT}),
            does: Does::Background(Box::new(scout(vec![review]))),
        },
        tool(
            "Read",
            json!({"path": "CHANGELOG.md"}),
            "# Changelog\n\n## Unreleased\n\n- Payments can be exported as CAMT.053.\n",
            40,
        ),
    ]);
    let write = says("").calling([tool("Edit", json!({"path": "CHANGELOG.md",
        "old": "- Payments can be exported as CAMT.053.",
        "new": "- Payments can be exported as CAMT.053.\n- Lists no longer leave out rows of the same moment at the end of a \
        page."}), "Edited CHANGELOG.md.", 30)]);
    turn(
        "Have it reviewed, and add a line to the changelog.",
        [ask, write],
        says("The changelog has its line. The review is under way; I'll tell you what it finds."),
    )
}

/// Another project, another user: a stream that the user stops, and a provider that fails.
fn terminal() -> Script {
    let stopped = turn(
        "Write a README for the repository in the working folder.",
        [says("").calling([tool("Bash", json!({"command": "ls -la && head -40 Cargo.toml"}),
            "total 40\n-rw-r--r-- 1 linus linus  612 Cargo.toml\ndrwxr-xr-x 3 linus linus 4096 src\n\n[package]\nname = \
             \"tinymux\"\ndescription = \"A terminal multiplexer in a thousand lines\"", 60)])],
        says("# tinymux\n\nA terminal multiplexer in a thousand lines.\n\n## Why\n\nThere are many terminal multiplexers, and each \
            of them has grown over decades into something that no single person has read. tinymux is meant to be read: every \
            part of it fits on a screen, and the whole of it into an afternoon. It is the companion of an article about \
            pseudo-terminals, and takes the same path through the subject: first a window, then two, then a server that \
            keeps them while nobody looks.\n\n## What it does not do\n\nIt has no configuration language, no plug-ins, no \
            status line and no mouse.")
            .ending(End::Leaves(22))
            .slowly(300, 30),
    );
    let shorter = turn(
        "Much shorter please: what it is, how to build it, how to run it. Nothing else.",
        [says("").after(&[SERVER_ERROR]).calling([tool(
            "Bash",
            json!({"command": "cargo build --release 2>&1 | tail -3"}),
            "   Compiling tinymux v0.2.0\n    Finished `release` profile [optimized] target(s) in 4.18s",
            1300,
        )])],
        says(
            "# tinymux\n\nA terminal multiplexer in a thousand lines of Rust.\n\n```sh\ncargo build --release\n\
            ./target/release/tinymux\n```\n\n`Ctrl-A c` opens a window, `Ctrl-A n` goes to the next, `Ctrl-A d` leaves them running.",
        ),
    );
    Script {
        model: "claude-sonnet-5-5",
        snapshot: "claude-sonnet-5-5",
        system: "You are a coding agent that works in the user's repository through tools. Be brief.",
        reasons: false,
        labels: "session=tinymux-readme,user=linus,tag=coding,project=tinymux".to_owned(),
        begins: 900,
        ..base(vec![stopped, shorter])
    }
}
