-- What people add to what was recorded. It names what it is said of, and stays when that is read again.

-- `target`: an observation's or a trace's id, or a session's.
CREATE TABLE annotation (
    seq INTEGER PRIMARY KEY,
    id INTEGER NOT NULL UNIQUE,
    of TEXT NOT NULL,
    target ANY NOT NULL,
    kind TEXT NOT NULL,
    name TEXT,
    value TEXT,
    comment TEXT,
    author TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX annotation_target ON annotation (of, target, at);
CREATE INDEX annotation_tag ON annotation (name) WHERE kind = 'tag';

CREATE VIEW annotations AS
SELECT
    printf('%016x', id) AS id,
    of AS of,
    CASE of WHEN 'observation' THEN printf('%016x', target) WHEN 'trace' THEN lower(hex(target)) ELSE target END AS target_id,
    kind AS kind,
    name AS name,
    value AS value,
    comment AS comment,
    author AS author,
    strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch') || printf('.%06dZ', at % 1000000) AS time
FROM annotation;
