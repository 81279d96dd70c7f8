-- What goes out to other systems, and the spans that callers made themselves.

-- Somewhere that observations are sent to as they come. `first`: the observation behind which it began; `cursor`: the last
-- that was looked at.
CREATE TABLE destination (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    first INTEGER NOT NULL,
    cursor INTEGER NOT NULL
) STRICT;

-- Steps (kind 0) and the roots of traces (1) that wait (state 0), have been sent (1, roots alone: a step that is not here
-- and not behind the cursor has been) or were refused (2).
CREATE TABLE outgoing (
    destination INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL,
    state INTEGER NOT NULL,
    at INTEGER NOT NULL,
    why TEXT,
    PRIMARY KEY (destination, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outgoing_state ON outgoing (destination, state, at) WHERE state <> 1;

-- Its parent is a span that the caller made.
ALTER TABLE observation ADD COLUMN callers INTEGER;
-- Spans that callers sent, among others that came without an exchange.
CREATE INDEX observation_told ON observation (start) WHERE exchange IS NULL;
