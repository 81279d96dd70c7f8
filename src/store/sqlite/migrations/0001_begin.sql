-- What wiretape records. The views at the end are for everyone and stay as they are; the tables may change.

CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('key', randomblob(32));

CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES ('pieces', 0), ('unique_bytes', 0), ('raw_bytes', 0), ('exchanges', 0), ('observations', 0);

-- A part of bodies, once. `first`: the exchange whose text it is to be found under. `base`: the piece it is packed against.
CREATE TABLE piece (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    packed INTEGER NOT NULL,
    length INTEGER NOT NULL,
    first INTEGER,
    base INTEGER,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX piece_first ON piece (first) WHERE first IS NOT NULL;
-- Pieces that others are packed against, and how many these are.
CREATE TABLE base (piece INTEGER PRIMARY KEY, uses INTEGER NOT NULL) STRICT;
CREATE TABLE hash (hash BLOB PRIMARY KEY, piece INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Sequence numbers are never given twice: whoever collects garbage goes by them.
CREATE TABLE exchange (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    open INTEGER NOT NULL,
    request_shape INTEGER NOT NULL,
    response_shape INTEGER,
    own BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX exchange_open ON exchange (seq) WHERE open = 1;
-- What came for an open exchange after it was first written.
CREATE TABLE part (
    exchange INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (exchange, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE observation (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id INTEGER NOT NULL UNIQUE,
    exchange INTEGER,
    place INTEGER NOT NULL,
    trace INTEGER,
    session INTEGER,
    parent INTEGER,
    kind INTEGER NOT NULL,
    start INTEGER NOT NULL,
    ttft INTEGER,
    took INTEGER,
    status INTEGER NOT NULL,
    http_status INTEGER,
    streamed INTEGER,
    usage_source INTEGER,
    cost INTEGER,
    attempt INTEGER,
    response_id TEXT,
    lossy INTEGER NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0,
    input INTEGER,
    output INTEGER,
    cache_read INTEGER,
    cache_write INTEGER,
    reasoning INTEGER,
    name INTEGER,
    provider INTEGER,
    upstream INTEGER,
    request_model INTEGER,
    response_model INTEGER,
    dialect INTEGER,
    operation INTEGER,
    error INTEGER,
    finish INTEGER,
    user INTEGER,
    client INTEGER,
    prompt_version INTEGER
) STRICT;
CREATE INDEX observation_start ON observation (start);
CREATE INDEX observation_exchange ON observation (exchange, place) WHERE exchange IS NOT NULL;
CREATE INDEX observation_session ON observation (session, start) WHERE session IS NOT NULL;
CREATE INDEX observation_trace ON observation (trace, start) WHERE trace IS NOT NULL;
CREATE INDEX observation_request_model ON observation (request_model, start) WHERE request_model IS NOT NULL;
CREATE INDEX observation_response_model ON observation (response_model, start)
    WHERE response_model IS NOT NULL AND response_model IS NOT request_model;
CREATE INDEX observation_provider ON observation (provider, start) WHERE provider IS NOT NULL;
CREATE INDEX observation_status ON observation (status, start) WHERE status > 0;
CREATE INDEX observation_kind ON observation (kind, start) WHERE kind > 0;
CREATE INDEX observation_user ON observation (user, start) WHERE user IS NOT NULL;
CREATE INDEX observation_response_id ON observation (substr(response_id, -8)) WHERE response_id IS NOT NULL;
CREATE INDEX observation_pinned ON observation (exchange) WHERE pinned = 1;

-- What lists show of an observation and do not look for. `data`: what of its head no column has.
CREATE TABLE detail (
    observation INTEGER PRIMARY KEY,
    packed INTEGER NOT NULL,
    data BLOB NOT NULL,
    text BLOB NOT NULL,
    content BLOB,
    input_preview INTEGER NOT NULL,
    output_preview TEXT NOT NULL
) STRICT;

-- Where inputs begin: an agent's calls have theirs in common. `uses`: of how many observations it is.
CREATE TABLE preview (id INTEGER PRIMARY KEY, uses INTEGER NOT NULL, text TEXT NOT NULL) STRICT;

CREATE TABLE tag (
    tag INTEGER NOT NULL,
    start INTEGER NOT NULL,
    observation INTEGER NOT NULL,
    PRIMARY KEY (tag, start, observation)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_observation ON tag (observation);

CREATE TABLE session (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    first_observation INTEGER NOT NULL,
    last_observation INTEGER NOT NULL,
    traces INTEGER NOT NULL,
    sums BLOB NOT NULL,
    words BLOB NOT NULL,
    observations INTEGER NOT NULL,
    generations INTEGER NOT NULL,
    tools INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    cost INTEGER NOT NULL
) STRICT;
CREATE INDEX session_last ON session (last);

CREATE TABLE trace (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    session INTEGER,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    first_observation INTEGER NOT NULL,
    last_observation INTEGER NOT NULL,
    traces INTEGER NOT NULL,
    sums BLOB NOT NULL,
    words BLOB NOT NULL,
    observations INTEGER NOT NULL,
    generations INTEGER NOT NULL,
    tools INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    cost INTEGER NOT NULL
) STRICT;
CREATE INDEX trace_first ON trace (first);

CREATE TABLE rollup (
    hour INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    provider INTEGER NOT NULL,
    model INTEGER NOT NULL,
    client INTEGER NOT NULL,
    user INTEGER NOT NULL,
    lossy INTEGER NOT NULL,
    sums BLOB NOT NULL,
    duration BLOB NOT NULL,
    first_token BLOB NOT NULL,
    PRIMARY KEY (hour, kind, provider, model, client, user)
) STRICT, WITHOUT ROWID;

-- The sums of all hours.
CREATE TABLE total (one INTEGER PRIMARY KEY CHECK (one = 1), lossy INTEGER NOT NULL, sums BLOB NOT NULL) STRICT;

-- By exchange: what was said there first. By observation: what was answered.
CREATE VIRTUAL TABLE said USING fts5 (
    body, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE answer USING fts5 (
    body, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 2'
);

CREATE VIEW observations AS
SELECT
    printf('%016x', o.id) AS id,
    lower(hex(t.id)) AS trace_id,
    s.id AS session_id,
    CASE WHEN o.parent IS NOT NULL THEN printf('%016x', o.parent) END AS parent_id,
    lower(hex(e.id)) AS exchange_id,
    o.place AS exchange_index,
    CASE o.kind WHEN 0 THEN 'generation' WHEN 1 THEN 'tool' WHEN 2 THEN 'retriever' WHEN 3 THEN 'embedding'
        WHEN 4 THEN 'span' ELSE 'event' END AS type,
    (SELECT text FROM word WHERE id = o.name) AS name,
    strftime('%Y-%m-%dT%H:%M:%S', o.start / 1000000, 'unixepoch') || printf('.%06dZ', o.start % 1000000) AS start_time,
    strftime('%Y-%m-%dT%H:%M:%S', (o.start + o.took) / 1000000, 'unixepoch')
        || printf('.%06dZ', (o.start + o.took) % 1000000) AS end_time,
    o.took / 1000.0 AS duration_ms,
    o.ttft / 1000.0 AS ttft_ms,
    CASE o.status WHEN 0 THEN 'ok' WHEN 1 THEN 'error' WHEN 2 THEN 'cancelled' ELSE 'interrupted' END AS status,
    (SELECT text FROM word WHERE id = o.error) AS error_type,
    o.http_status AS http_status,
    (SELECT text FROM word WHERE id = o.provider) AS provider,
    (SELECT text FROM word WHERE id = o.upstream) AS upstream,
    (SELECT text FROM word WHERE id = o.dialect) AS dialect,
    (SELECT text FROM word WHERE id = o.operation) AS operation,
    (SELECT text FROM word WHERE id = o.request_model) AS request_model,
    (SELECT text FROM word WHERE id = o.response_model) AS response_model,
    o.response_id AS response_id,
    o.streamed AS streamed,
    (SELECT text FROM word WHERE id = o.finish) AS finish_reason,
    o.input AS input_tokens,
    o.output AS output_tokens,
    o.cache_read AS cache_read_tokens,
    o.cache_write AS cache_write_tokens,
    o.reasoning AS reasoning_tokens,
    CASE o.usage_source WHEN 0 THEN 'reported' WHEN 1 THEN 'estimated' WHEN 2 THEN 'partial' END AS usage_source,
    o.cost / 1e12 AS cost,
    (SELECT text FROM word WHERE id = o.user) AS user,
    (SELECT text FROM word WHERE id = o.client) AS client,
    (SELECT text FROM word WHERE id = o.prompt_version) AS prompt_version,
    o.attempt AS attempt,
    o.pinned AS pinned,
    (SELECT group_concat(w.text, ',') FROM tag g JOIN word w ON w.id = g.tag WHERE g.observation = o.seq) AS tags,
    (SELECT p.text FROM detail d JOIN preview p ON p.id = d.input_preview WHERE d.observation = o.seq) AS input_preview,
    (SELECT d.output_preview FROM detail d WHERE d.observation = o.seq) AS output_preview
FROM observation o
LEFT JOIN trace t ON t.seq = o.trace
LEFT JOIN session s ON s.seq = o.session
LEFT JOIN exchange e ON e.seq = o.exchange;

CREATE VIEW traces AS
SELECT
    lower(hex(t.id)) AS id,
    s.id AS session_id,
    strftime('%Y-%m-%dT%H:%M:%S', t.first / 1000000, 'unixepoch') || printf('.%06dZ', t.first % 1000000) AS start_time,
    strftime('%Y-%m-%dT%H:%M:%S', t.last / 1000000, 'unixepoch') || printf('.%06dZ', t.last % 1000000) AS end_time,
    (t.last - t.first) / 1000.0 AS duration_ms,
    t.observations AS observations,
    t.generations AS generations,
    t.tools AS tools,
    t.errors AS errors,
    t.input AS input_tokens,
    t.output AS output_tokens,
    t.cost / 1e12 AS cost,
    (SELECT p.text FROM detail d JOIN preview p ON p.id = d.input_preview WHERE d.observation = t.first_observation) AS input_preview,
    (SELECT d.output_preview FROM detail d WHERE d.observation = t.last_observation) AS output_preview
FROM trace t
LEFT JOIN session s ON s.seq = t.session;

CREATE VIEW sessions AS
SELECT
    s.id AS id,
    strftime('%Y-%m-%dT%H:%M:%S', s.first / 1000000, 'unixepoch') || printf('.%06dZ', s.first % 1000000) AS start_time,
    strftime('%Y-%m-%dT%H:%M:%S', s.last / 1000000, 'unixepoch') || printf('.%06dZ', s.last % 1000000) AS end_time,
    (s.last - s.first) / 1000.0 AS duration_ms,
    s.traces AS traces,
    s.observations AS observations,
    s.generations AS generations,
    s.tools AS tools,
    s.errors AS errors,
    s.input AS input_tokens,
    s.output AS output_tokens,
    s.cost / 1e12 AS cost,
    (SELECT p.text FROM detail d JOIN preview p ON p.id = d.input_preview WHERE d.observation = s.first_observation) AS input_preview,
    (SELECT d.output_preview FROM detail d WHERE d.observation = s.last_observation) AS output_preview
FROM session s;
